"""Debug mode: prompts and answers apart, encrypted to a key of the user's, and nothing without one."""

from __future__ import annotations

import builtins
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pyrage
import pytest
from core.planted import LETTERS, drawn
from pyrage import x25519

import runstone
from runstone.adapters.fs import durable
from runstone.adapters.fs.debug import FsDebug
from runstone.core import layout
from runstone.engine.debug_vault import WARNING
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import InvalidInput, RunstoneError

from .scenes import abandon, events, of_type, open_store, python, tree

Identity = Any


@pytest.fixture
def identity() -> Identity:
    """A fresh private key."""
    return x25519.Identity.generate()


@pytest.fixture
def debugged(tmp_path: Path, identity: Identity) -> Store:
    """A store whose environment asks for debug mode."""
    return open_store(tmp_path / "runs", settings={"RUNSTONE_DEBUG_KEY": str(identity.to_public())})


@pytest.fixture
def phrase() -> str:
    """A text that no rule knows for a secret."""
    return "the pelican sings " + drawn(Random(), LETTERS, 8)


def kept(store: Store, identity: Identity, run_id: str = "r") -> list[bytes]:
    """What is kept of a run, decrypted, in the order of the names."""
    debug = store.journals.debug
    return [pyrage.decrypt(b"".join(debug.read(run_id, name) or ()), [identity]) for name in debug.names(run_id)]


def told(store: Store, run_id: str = "r") -> list[str]:
    """The names that a run's events give."""
    found = of_type(store, run_id, "model.called") + of_type(store, run_id, "model.returned")
    return sorted(data[name]["name"] for data in found for name in ("debug", "debug_error") if name in data)


def ask(run: Run, prompt: Any = "p", answer: Any = "a") -> None:
    """One call of a model."""
    with run.model_call("m", prompt) as call:
        call.answered(answer)


def fail(run: Run, prompt: Any, pieces: list[str], message: str) -> None:
    """One call of a model that ends in an exception, in the middle of a stream."""
    with run.model_call("m", prompt) as call:
        for piece in pieces:
            call.chunk(piece)
        raise ValueError(message)


def all_bytes(folder: Path) -> bytes:
    """Every byte below a folder, and every name."""
    return b"\0".join(str(item).encode() for item in tree(folder).items())


# what is kept


def test_texts_are_kept_apart(debugged: Store, identity: Identity) -> None:
    """The prompt and the answer, each in a file that its event names, by the digest of the ciphertext."""
    with debugged.run("agent", run_id="r") as run:
        ask(run, [{"content": "hi"}], "forty-two")
    assert sorted(kept(debugged, identity)) == [b'[{"content":"hi"}]', b"forty-two"]
    assert told(debugged) == debugged.journals.debug.names("r")
    for data in of_type(debugged, "r", "model.called") + of_type(debugged, "r", "model.returned"):
        path = Path(debugged.url, layout.debug_file("r", data["debug"]["name"]))
        assert runstone.engine.debug_vault.sha256_hex(path.read_bytes()) == data["debug"]["sha256"]
    assert debugged.verify("r").ok


def test_chunks_and_exceptions_are_kept(debugged: Store, identity: Identity, phrase: str) -> None:
    """What was streamed until then, as one text; and what the exception says."""
    with debugged.run("agent", run_id="r") as run, pytest.raises(ValueError, match="pelican"):
        fail(run, "p", ["for", "ty"], phrase)
    texts = kept(debugged, identity)
    assert {b"p", b"forty"} < set(texts)
    (shown,) = [text for text in texts if phrase.encode() in text]
    assert b"Traceback" in shown
    assert len(told(debugged)) == 3


def test_only_the_identity_opens_it(debugged: Store) -> None:
    """Another key does not."""
    with debugged.run("agent", run_id="r") as run:
        ask(run)
    with pytest.raises(pyrage.DecryptError):
        kept(debugged, x25519.Identity.generate())


def test_names_tell_nothing(debugged: Store) -> None:
    """They are random: the same work has others each time, and no order."""
    for run_id in ("r", "s"):
        with debugged.run("agent", run_id=run_id) as run:
            ask(run)
    names = debugged.journals.debug.names("r") + debugged.journals.debug.names("s")
    assert len(set(names)) == 4
    assert all(len(name) == 36 and name.endswith(".age") for name in names)


def test_no_text_is_on_disk(debugged: Store, identity: Identity, phrase: str, tmp_path: Path) -> None:
    """Of prompt, answer, chunk and exception: nowhere below the store or beside it, but for the identity's owner."""

    def work() -> None:
        with debugged.run("agent", run_id="r") as run:
            ask(run, {"messages": [{"content": phrase}]}, {"content": phrase})
            fail(run, phrase, [phrase], phrase)

    with pytest.raises(ValueError, match="pelican"):
        work()
    assert b"pelican" not in all_bytes(tmp_path)
    assert sum(phrase.encode() in text for text in kept(debugged, identity)) == 5


def test_no_plain_text_is_written_on_the_way(
    debugged: Store, phrase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for a moment: every byte that is handed to the system is looked at, and every file that is opened."""
    written: list[bytes] = []
    opened: list[Any] = []
    write, system_open = os.write, os.open

    def seen(fd: int, data: Any) -> int:
        written.append(bytes(data))
        return write(fd, data)

    def opening(path: Any, *rest: Any, **named: Any) -> int:
        opened.append(path)
        return system_open(path, *rest, **named)

    monkeypatch.setattr(os, "write", seen)
    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(durable, "write_keeping_lock", seen)
    monkeypatch.setattr(builtins, "open", None)  # nobody writes by way of it
    with debugged.run("agent", run_id="r") as run:
        ask(run, phrase, phrase)
    assert any(b"age-encryption.org" in data for data in written)
    assert b"pelican" not in b"\0".join(written)
    elsewhere = [path for path in map(str, opened) if not path.startswith(str(tmp_path)) and "/" in path]
    assert [path for path in elsewhere if not path.startswith((sys.prefix, "/proc", "/sys"))] == []


def test_a_warning_is_recorded_once(debugged: Store) -> None:
    """By the first call; a run that calls no model has none."""
    with debugged.run("agent", run_id="r") as run:
        ask(run)
        ask(run)
    with debugged.run("agent", run_id="s") as run:
        run.note("no model")
    assert of_type(debugged, "r", "log") == [{"level": "warning", "text": WARNING}]
    assert of_type(debugged, "s", "log") == []


def test_parallel_calls_are_all_kept(debugged: Store, identity: Identity) -> None:
    """A hundred calls in threads: each text once, and one warning."""
    with debugged.run("agent", run_id="r") as run, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: ask(run, f"p{number}", f"a{number}"), range(100)))
    expected = {f"{part}{number}".encode() for part in "pa" for number in range(100)}
    assert set(kept(debugged, identity)) == expected
    assert told(debugged) == debugged.journals.debug.names("r")
    assert len(of_type(debugged, "r", "log")) == 1


# without a key


def test_without_a_key_nothing_is_kept(store: Store) -> None:
    """No folder, no member of an event, no warning."""
    with store.run("agent", run_id="r") as run:
        ask(run)
    assert not Path(store.url, layout.DEBUG).exists()
    assert (told(store), of_type(store, "r", "log")) == ([], [])


def test_the_key_can_be_given_by_the_program(store: Store, identity: Identity) -> None:
    """From then on, also to the children that are begun then; not to what came before."""
    with store.run("agent", run_id="r") as run:
        ask(run, "before")
        with run.child("sub", run_id="early") as early:
            run.govern(debug_key=f" {identity.to_public()}\n")
            ask(early, "early")
        ask(run, "after")
        with run.child("sub", run_id="late") as late:
            ask(late, "late")
    assert sorted(kept(store, identity)) == [b"a", b"after"]
    assert sorted(kept(store, identity, "late")) == [b"a", b"late"]
    assert store.journals.debug.names("early") == []


def test_a_key_can_change(debugged: Store, identity: Identity) -> None:
    """What comes after is the new one's; the warning stands once."""
    other = x25519.Identity.generate()
    with debugged.run("agent", run_id="r") as run:
        ask(run, "one", "one")
        run.govern(debug_key=str(other.to_public()))
        ask(run, "two", "two")
    texts = []
    for name in debugged.journals.debug.names("r"):
        data = b"".join(debugged.journals.debug.read("r", name) or ())
        texts.append(pyrage.decrypt(data, [identity, other]))
    assert sorted(texts) == [b"one", b"one", b"two", b"two"]
    assert len(of_type(debugged, "r", "log")) == 1


def test_the_environment_is_read_when_a_run_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is open stays as it is."""
    store = runstone.open(tmp_path / "runs")
    key = str(x25519.Identity.generate().to_public())
    with store.run("agent", run_id="r") as run:
        monkeypatch.setenv("RUNSTONE_DEBUG_KEY", key)
        ask(run)
    with store.run("agent", run_id="s") as run:
        monkeypatch.delenv("RUNSTONE_DEBUG_KEY")
        ask(run)
    debug = store.journals.debug
    assert (len(debug.names("r")), len(debug.names("s"))) == (0, 2)


# keys that are none

BAD = ["", "age1", "age1qqqqqqqq", "ssh-ed25519 AAAA", "x" * 62, 5, None]


@pytest.mark.parametrize("key", [bad for bad in BAD if bad is not None])
def test_a_key_that_is_none_is_refused(store: Store, key: Any) -> None:
    """At once, where the program gives it; nothing is changed."""
    with store.run("agent", run_id="r") as run:
        with pytest.raises(InvalidInput) as caught:
            run.govern(debug_key=key)
        assert caught.value.code == "invalid_debug_key"
        ask(run)
    assert store.journals.debug.names("r") == []


def test_a_private_key_is_refused_and_not_repeated(store: Store, identity: Identity, tmp_path: Path) -> None:
    """Whoever mixes them up reads which one is asked for, and not the key."""
    with store.run("agent", run_id="r") as run, pytest.raises(InvalidInput, match="private") as caught:
        run.govern(debug_key=str(identity))
    assert str(identity)[:30] not in repr(caught.value.as_dict())
    assert str(identity).encode()[:30] not in all_bytes(tmp_path)


def test_a_wrong_key_of_the_environment_stops_the_first_call(tmp_path: Path) -> None:
    """Before the model is asked, and before anything is told of the call; a run that calls no model does not care."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_DEBUG_KEY": "age1nobody"})
    asked = False
    with store.run("agent", run_id="r") as run, pytest.raises(InvalidInput) as caught, run.model_call("m", "p"):
        asked = True
    assert (caught.value.code, asked) == ("invalid_debug_key", False)
    assert of_type(store, "r", "model.called") == []
    assert not Path(store.url, layout.DEBUG).exists()


def test_without_the_library_nothing_is_kept(
    debugged: Store, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with debugged.run("agent", run_id="r") as run:
        for begin in (lambda: run.govern(debug_key=str(identity.to_public())), lambda: ask(run)):
            with pytest.raises(InvalidInput, match=r"runstone\[agent\]") as caught:
                begin()
            assert (caught.value.code, caught.value.details["extra"]) == ("missing_extra", "agent")
    assert not Path(debugged.url, layout.DEBUG).exists()


def test_the_library_is_loaded_for_debug_mode_alone(tmp_path: Path) -> None:
    """A run that calls models without a key does without it."""
    program = """if True:
        import runstone, sys
        with runstone.open(sys.argv[1]).run("agent") as run, run.model_call("m", "p") as call:
            call.answered("a")
        print("pyrage" in sys.modules)
    """
    assert python(program, tmp_path / "runs").stdout == "False\n"


# what goes wrong


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("failing", ["disk", "library"])
def test_what_cannot_be_kept_breaks_nothing(
    debugged: Store,
    failing: str,
    strict: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    phrase: str,
) -> None:
    """The work goes on, also in a strict run; the events are there, and how much is missing is counted and said."""

    def broken(*_: Any) -> Any:
        raise OSError(28, "No space left on device") if failing == "disk" else RuntimeError(phrase)

    with debugged.run("agent", run_id="r", strict=strict) as run:
        with monkeypatch.context() as patched:
            target = (durable, "create_once") if failing == "disk" else (pyrage, "encrypt")
            patched.setattr(*target, broken)
            ask(run, phrase, "forty-two")
        ask(run)
    assert [data["output"]["bytes"] for data in of_type(debugged, "r", "model.returned")] == [9, 1]
    assert len(told(debugged)) == 2
    dropped = of_type(debugged, "r", "dropped")
    assert [(data["events"], data["bytes"], data["reason"]) for data in dropped] == [
        (1, len(phrase), "debug_not_kept"), (1, 9, "debug_not_kept"),
    ]  # fmt: skip
    assert events(debugged, "r")[-1]["data"]["dropped"] == 2
    err = capsys.readouterr().err
    assert err.count("runstone: ") == 1
    assert phrase not in err
    assert debugged.verify("r").ok


def test_a_crash_between_file_and_event_leaves_nothing_wrong(debugged: Store, identity: Identity) -> None:
    """A file that no event names: recovery seals the run, it verifies, and what is kept can be read."""
    run = debugged.run("agent", run_id="r")
    ask(run)
    record = run.writer.record

    class Killed(BaseException):
        pass

    def killed(kind: str, *rest: Any) -> int:
        if kind == "model.called":
            raise Killed
        return record(kind, *rest)

    run.writer.__class__ = type("Dying", (run.writer.__class__,), {"__slots__": (), "record": staticmethod(killed)})
    with pytest.raises(Killed):
        ask(run)
    abandon(run)
    (recovery,) = debugged.recover("r")
    assert recovery.status == "interrupted"
    assert debugged.verify("r").ok
    assert (len(told(debugged)), len(kept(debugged, identity))) == (2, 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_a_fork_keeps_nothing(debugged: Store) -> None:
    """The run is the parent's."""
    with debugged.run("agent", run_id="r") as run:
        ask(run)
        child = os.fork()
        if child == 0:
            ask(run, "child", "child")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert len(debugged.journals.debug.names("r")) == 2


def test_a_finished_run_keeps_nothing(debugged: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not recorded is not kept."""
    with debugged.run("agent", run_id="r") as run:
        ask(run)
    ask(run, "late", "late")
    assert len(debugged.journals.debug.names("r")) == 2
    assert "finished" in capsys.readouterr().err


# what becomes of it


def test_verification_says_that_it_is_left_out(debugged: Store) -> None:
    """It is no part of the bundle, and the digest knows nothing of it but what the events tell."""
    for run_id, asked in (("r", True), ("s", False)):
        with debugged.run("agent", run_id=run_id) as run:
            if asked:
                ask(run)
    for quick in (False, True):
        left_out = [
            [text for text in debugged.verify(run_id, quick=quick).not_checked if "debug" in text] for run_id in "rs"
        ]
        assert [len(texts) for texts in left_out] == [1, 0]
    entries = debugged.get("r").bundle.entries()
    assert not [entry for entry in entries if "debug" in entry.path or entry.path.endswith(".age")]


@pytest.mark.parametrize("packed", [False, True])
def test_a_purge_takes_it_away(
    tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """With its run, and what other runs keep stays; in packs as well."""
    monkeypatch.setenv("RUNSTONE_DEBUG_KEY", str(identity.to_public()))
    store = runstone.open(tmp_path / "runs", packed=packed)
    for kind in ("job", "other"):
        with store.run(kind, run_id=None if packed else kind) as run:
            ask(run)
    runs = {sealed.kind: sealed.run_id for sealed in store.runs()}
    store.purge({"rules": [{"query": "kind:job"}], "grace": "0"}, apply=True)
    debug = store.journals.debug
    assert [len(debug.names(runs[kind])) for kind in ("job", "other")] == [0, 2]
    assert not Path(store.url, layout.debug(runs["job"])).exists()


def test_a_purge_in_memory_takes_it_away(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on disk."""
    monkeypatch.setenv("RUNSTONE_DEBUG_KEY", str(identity.to_public()))
    store = runstone.open("memory:")
    with store.run("job", run_id="r") as run:
        ask(run)
    assert len(store.journals.debug.names("r")) == 2
    store.purge({"rules": [{"query": "kind:job"}], "grace": "0"}, apply=True)
    assert store.journals.debug.names("r") == []


def test_a_purge_that_dies_before_is_taken_up_again(debugged: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle is gone, what was kept is not: the next purge takes it, before the tombstone says that all is gone."""
    with debugged.run("job", run_id="r") as run:
        ask(run)

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    policy = {"rules": [{"query": "kind:job"}], "grace": "0"}
    with monkeypatch.context() as patched:
        patched.setattr(FsDebug, "remove", killed)
        with pytest.raises(Killed):
            debugged.purge(policy, apply=True)
    assert len(debugged.journals.debug.names("r")) == 2
    assert [stone.state for stone in debugged.objects.tombstones()] == ["pending"]
    debugged.purge(policy, apply=True)
    assert debugged.journals.debug.names("r") == []
    assert [stone.state for stone in debugged.objects.tombstones()] == ["purged"]


@pytest.mark.parametrize("state", ["open", "sealed", "packed", "spooled"])
def test_a_sweep_lets_it_be_while_the_run_is_there(
    tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Open or sealed, loose or in a pack."""
    monkeypatch.setenv("RUNSTONE_DEBUG_KEY", str(identity.to_public()))
    store = runstone.open(tmp_path / "runs", packed=state in ("packed", "spooled"))
    run = store.run("agent")
    ask(run)
    if state in ("sealed", "packed"):
        run.finish()
    assert store.leftovers() == []
    assert store.sweep() == []
    assert len(store.journals.debug.names(run.run_id)) == 2
    run.finish()


def test_an_import_does_not_bring_it(debugged: Store, tmp_path: Path) -> None:
    """It stays where it was recorded."""
    with debugged.run("agent", run_id="r") as run:
        ask(run)
    other = open_store(tmp_path / "other")
    bundle = debugged.get("r").bundle
    other.import_bundle(bundle)
    bundle.close()
    assert other.verify("r").ok
    assert other.journals.debug.names("r") == []


def test_other_doors_are_as_before(debugged: Store, identity: Identity, tmp_path: Path) -> None:
    """A secret in a log line or a parameter goes, in debug mode too; in a prompt it is kept for the key's owner."""
    secret = drawn(Random(), LETTERS, 24)
    with debugged.run("agent", run_id="r", secrets=[secret]) as run:
        run.log(f"password {secret}")
        with run.model_call("m", secret, parameters={"x": secret}) as call:
            call.answered(secret)
    assert secret.encode() not in all_bytes(tmp_path)
    assert [text.decode() for text in kept(debugged, identity)] == [secret, secret]


def test_runs_side_by_side_keep_theirs(debugged: Store, identity: Identity) -> None:
    """Two runs in two threads."""

    def work(name: str) -> None:
        with debugged.run("agent", run_id=name) as run:
            for number in range(5):
                ask(run, f"{name}{number}", "")

    threads = [threading.Thread(target=work, args=(name,)) for name in ("r", "s")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("r", "s"):
        assert {text for text in kept(debugged, identity, name) if text} == {f"{name}{n}".encode() for n in range(5)}


def test_two_debugged_runs_do_not_part_by_their_files(debugged: Store) -> None:
    """Names and ciphertexts are others each time; the work is the same."""
    for run_id in ("a", "b"):
        with debugged.run("agent", run_id=run_id) as run:
            ask(run)
    assert debugged.compare("a", "b").differences == []


def test_errors_of_the_library_stay_typed(store: Store) -> None:
    """No error of pyrage reaches the caller."""
    with store.run("agent", run_id="r") as run:
        for key in BAD:
            try:
                run.govern(debug_key=key)  # type: ignore[arg-type]  # what a caller may hand in
            except RunstoneError:
                continue
            assert key is None
