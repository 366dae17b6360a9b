"""`runstone get --debug`: what debug mode has kept, for the owner of the key; and what the other verbs say of it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from cli.conftest import Invoke
from runstone.core import layout
from runstone.engine.store import Store


@pytest.fixture
def identity() -> Any:
    """A fresh private key."""
    return x25519.Identity.generate()


@pytest.fixture
def key(identity: Any) -> str:
    """The file of the private key, as `age-keygen` writes it."""
    Path("key.txt").write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    return "key.txt"


@pytest.fixture
def run(store: Store, identity: Any) -> str:
    """A run with two calls of models, of which the second failed."""
    with pytest.raises(ValueError, match="refused"), store.run("agent", run_id="r") as recorded:
        _work(recorded, str(identity.to_public()))
    return "r"


def _work(run: Any, key: str) -> None:
    run.govern(debug_key=key)
    with run.model_call("m", [{"content": "what is 6 by 7?"}]) as call:
        call.answered("forty-two\n")
    with run.model_call("m", "and 7 by 7?"):
        raise ValueError("refused")


def test_all_texts_are_decrypted(run: str, key: str, invoke: Invoke) -> None:
    """A file each, for its owner alone; the encrypted ones stay."""
    answer = invoke("get", run, "--debug", "--identity", key, "-o", "out", "--json")
    assert answer.status == 0
    found = {path.name: path.read_text() for path in Path("out").iterdir()}
    assert found.pop("call-2.error").splitlines()[-1] == "ValueError: refused"
    assert found == {
        "call-1.prompt": '[{"content":"what is 6 by 7?"}]',
        "call-1.output": "forty-two\n",
        "call-2.prompt": "and 7 by 7?",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path("out").iterdir()} == {0o600}
    assert [copied["path"] for copied in answer.value] == [
        "call-1.prompt", "call-1.output", "call-2.prompt", "call-2.error",
    ]  # fmt: skip
    assert len(list(Path("runs", layout.debug(run)).iterdir())) == 4


def test_one_text(run: str, key: str, invoke: Invoke) -> None:
    """By its name, to a folder or to standard output."""
    assert invoke("get", run, "call-1.output", "--debug", "--identity", key, "-o", "out").status == 0
    assert [path.name for path in Path("out").iterdir()] == ["call-1.output"]
    assert invoke("get", run, "call-1.output", "--debug", "--identity", key, "-o", "-").out == "forty-two\n"
    answer = invoke("get", run, "call-9.output", "--debug", "--identity", key, "-o", "out")
    assert (answer.status, "call-9.output" in answer.err) == (3, True)


def test_nothing_is_kept(store: Store, key: str, invoke: Invoke) -> None:
    """Status 3, and no folder."""
    with store.run("agent", run_id="r") as recorded, recorded.model_call("m", "p"):
        pass
    answer = invoke("get", "r", "--debug", "--identity", key, "-o", "out")
    assert (answer.status, "not recorded in debug mode" in answer.err) == (3, True)
    assert not Path("out").exists()


def test_another_identity_opens_nothing(run: str, invoke: Invoke) -> None:
    """An error, and nothing is copied."""
    Path("other.txt").write_text(str(x25519.Identity.generate()))
    answer = invoke("get", run, "--debug", "--identity", "other.txt", "-o", "out")
    assert (answer.status, "does not open" in answer.err) == (2, True)
    assert list(Path().glob("out/*")) == []


@pytest.mark.parametrize("content", ["", "# only a comment\n", "AGE-SECRET-KEY-1NONE", "hunter2 hunter2", "age1x"])
def test_a_file_that_holds_no_identity(run: str, invoke: Invoke, content: str) -> None:
    """An error that does not repeat it."""
    Path("bad.txt").write_text(content)
    answer = invoke("get", run, "--debug", "--identity", "bad.txt", "-o", "out")
    assert (answer.status, "no identity file" in answer.err) == (2, True)
    assert "hunter2" not in answer.err
    assert "1NONE" not in answer.err


def test_an_identity_that_is_not_there(run: str, invoke: Invoke) -> None:
    """Status 3."""
    assert invoke("get", run, "--debug", "--identity", "nowhere", "-o", "out").status == 3


@pytest.mark.parametrize("words", [("--debug",), ("--identity", "key.txt")])
def test_both_options_or_none(run: str, key: str, invoke: Invoke, words: tuple[str, ...]) -> None:
    """One without the other is a mistake."""
    answer = invoke("get", run, *words, "-o", "out")
    assert (answer.status, "--identity" in answer.err) == (2, True)


def test_what_is_missing_is_named(run: str, key: str, store: Store, invoke: Invoke) -> None:
    """The rest is copied; without any it is as if nothing was kept."""
    debug = Path("runs", layout.debug(run))
    (event,) = [event for event in store.get(run).events("model.returned") if event["data"]["output"]]
    (debug / event["data"]["debug"]["name"]).unlink()
    answer = invoke("get", run, "--debug", "--identity", key, "-o", "out")
    assert (answer.status, len(list(Path("out").iterdir()))) == (0, 3)
    assert "1 text of debug mode not in this store: call-1.output" in answer.err
    for path in debug.iterdir():
        path.unlink()
    answer = invoke("get", run, "--debug", "--identity", key, "-o", "again")
    assert (answer.status, "not in this store" in answer.err) == (3, True)


def test_another_file_in_its_place_is_found(run: str, key: str, invoke: Invoke) -> None:
    """By the digest in the event: whoever can write the store can encrypt to the key."""
    one, other, *_ = sorted(Path("runs", layout.debug(run)).iterdir())
    one.unlink()
    one.write_bytes(other.read_bytes())
    answer = invoke("get", run, "--debug", "--identity", key, "-o", "out")
    assert (answer.status, "is not what the run tells of" in answer.err) == (1, True)
    assert list(Path().glob("out/*")) == []


def test_nothing_is_written_over(run: str, key: str, invoke: Invoke) -> None:
    """A file that exists stays, and nothing else is copied."""
    Path("out").mkdir()
    Path("out/call-2.prompt").write_text("mine")
    assert invoke("get", run, "--debug", "--identity", key, "-o", "out").status == 4
    assert {path.name: path.read_text() for path in Path("out").iterdir()} == {"call-2.prompt": "mine"}


def test_names_in_a_hostile_journal_lead_nowhere(store: Store, identity: Any, key: str, invoke: Invoke) -> None:
    """Neither the id of a call nor the name of a file is a path of the store or of DIR."""
    Path("secret.age").write_bytes(b"somebody's")
    with store.run("agent", run_id="r") as recorded:
        recorded.govern(debug_key=str(identity.to_public()))
        with recorded.model_call("m", "p"):
            pass
        (name,) = store.journals.debug.names("r")
        facts = {"parent": None, "model": "m", "provider": None, "prompt": {}, "parameters": None}
        kept = {"sha256": "0" * 64}
        for call, file in (("a", "../../../secret.age"), ("../../evil", name)):
            data = {"call": call, **facts, "debug": {**kept, "name": file}}
            recorded.writer.record("model.called", data)
    answer = invoke("get", "r", "a.prompt", "--debug", "--identity", key, "-o", "out")
    assert answer.status == 3
    answer = invoke("get", "r", "--debug", "--identity", key, "-o", "out")
    assert (answer.status, "cannot stand in a bundle" in answer.err) == (2, True)
    assert not Path("out").exists()


def test_other_verbs_say_that_it_stays(run: str, invoke: Invoke) -> None:
    """`verify` lists what it did not check, `export` that the archive is without."""
    assert "debug mode keeps" in " ".join(invoke("verify", run).out.split())
    exported = invoke("export", run, "-o", "r.tar")
    assert "stay in the store" in exported.err
    assert b".age" not in Path("r.tar").read_bytes().replace(b'.age"', b"")
    assert "debug" in invoke("verify", "--all").out


def test_the_warning_is_in_the_log(run: str, invoke: Invoke) -> None:
    """Whoever reads the run sees it."""
    assert "debug mode" in invoke("logs", run).out
