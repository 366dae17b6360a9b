"""`runstone verify --secrets`: the secrets of a bundle that came from elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from core.planted import secrets

import runstone
from cli.conftest import Invoke
from runstone.core.redaction.redactor import Redactor
from runstone.core.values import with_encoded_bytes
from runstone.engine.store import Store

TOKEN = secrets(31)["github-token"][0].secret
PASSWORD = "hunter2" + "horse9"


@pytest.fixture
def leaky(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that a recorder without redaction left, whole and proved: a secret in its log, one in a kept file."""
    Path("a.txt").write_text(f"one\npassword={PASSWORD}\n")
    with monkeypatch.context() as patch:
        patch.setattr(Redactor, "tree", lambda _, value, marks: value)
        patch.setattr(Redactor, "places", lambda *_: [])
        with store.run("x", run_id="leaky") as run:
            run.log(f"using {TOKEN}")
            run.output("file", "a.txt", keep=True)
    return run.run_id


def test_secrets_are_findings(leaky: str, invoke: Invoke) -> None:
    """Each with file, line and rule, a fault of step 11; the proof itself holds. No value is shown."""
    assert invoke("verify", leaky).status == 0
    answer = invoke("verify", leaky, "--secrets")
    assert answer.status == 1
    assert "11  no secret in any file" in answer.out
    assert "artifacts/a.txt, line 2: named-secret (Value of a name that says secret)" in " ".join(answer.out.split())
    assert not any(value in answer.out + answer.err for value in (TOKEN, PASSWORD))
    report = invoke("verify", leaky, "--secrets", "--json").value
    found = [(one["step"], one["code"], one["file"], one["line"], one["found"]) for one in report["findings"]]
    assert (11, "secret_found", "artifacts/a.txt", 2, "named-secret") in found
    assert (11, "secret_found", "events.jsonl", 2, "github-token") in found
    assert report["checked"][-1] == "11 no secret in any file"
    assert not report["ok"]


def test_a_run_of_runstone_has_none(store: Store, invoke: Invoke) -> None:
    """What redaction left behind is no finding: marks, and all kinds of what was planted."""
    with store.run("x", run_id="run-1", config={"password": PASSWORD, "url": f"https://u:{PASSWORD}@h/"}) as run:
        for planted in (one for found in secrets(32).values() for one in found):
            run.log(planted.text)
            run.note(planted.text)
        run.log("enter password: ")
    answer = invoke("verify", "run-1", "--secrets")
    assert answer.out.splitlines()[0] == "run-1  verified"
    assert answer.status == 0


def test_the_journal_is_read_as_values(invoke: Invoke, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name beside a value tells in JSON what no text of the line does."""
    with monkeypatch.context() as patch:
        patch.setattr(Redactor, "tree", lambda _, value, marks: value)
        with store.run("x", run_id="run-1") as run:
            run.config({"env": [{"name": "SERVICE_TOKEN", "value": PASSWORD}]})
    found = invoke("verify", "run-1", "--secrets", "--json").value["findings"]
    assert ("events.jsonl", 2, "named-secret") in {(one["file"], one["line"], one["found"]) for one in found}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32-le"])
def test_wide_text_and_bytes_of_the_journal_are_read(
    invoke: Invoke, store: Store, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Output in UTF-16 or UTF-32, in a short event and a long one, and a value of bytes in base64."""
    with monkeypatch.context() as patch:
        patch.setattr(Redactor, "tree", lambda _, value, marks: with_encoded_bytes(value))
        with store.run("x", run_id="run-1") as run:
            run.stream("stdout", f"using {TOKEN} now\n".encode(encoding))
            run.event("x.raw", {"blob": f"using {TOKEN} now".encode(encoding)})
            run.event("x.raw", {"text": (f"using {TOKEN} now" + " word" * 50_000).encode(encoding).decode("latin-1")})
    found = invoke("verify", "run-1", "--secrets", "--json").value["findings"]
    assert {one["line"] for one in found if one["found"] == "github-token"} == {2, 3, 4}


def test_without_the_option_it_is_told(store: Store, invoke: Invoke) -> None:
    """The answer says that nobody looked; with it, it does not."""
    store.run("x", run_id="run-1").finish()
    assert "secrets in the files: nobody looked for them (--secrets)" in invoke("verify", "run-1").out
    assert "nobody looked" not in invoke("verify", "run-1", "--secrets").out


def test_a_bundle_anywhere(leaky: str, store: Store, invoke: Invoke) -> None:
    """A folder and an archive, by the command and by the library."""
    assert invoke("export", leaky, "-o", "leaky.tar").status == 0
    shutil.copytree(Path(store.url, leaky), "copy")
    for path in ("./leaky.tar", "./copy"):
        assert invoke("verify", path, "--secrets").status == 1
        report = runstone.verify(path, secrets=True)
        assert [one.code for one in report.findings] == ["secret_found"] * len(report.findings)
        assert runstone.verify(path).ok


def test_all_runs(leaky: str, store: Store, invoke: Invoke) -> None:
    """Every run of the store is searched; the bad one is named."""
    store.run("x", run_id="run-1").finish()
    answer = invoke("verify", "--all", "--secrets")
    assert answer.status == 1
    assert f"FAULT  {leaky}" in answer.out
    assert "nobody looked" not in answer.out
    assert TOKEN not in answer.out


def test_a_damaged_bundle_is_searched_too(leaky: str, store: Store, invoke: Invoke) -> None:
    """Without a manifest nothing is proved; its secrets are still found."""
    Path(store.url, leaky).chmod(0o755)
    shutil.copytree(Path(store.url, leaky), "copy")
    Path("copy/manifest.json").unlink()
    codes = {one["code"] for one in invoke("verify", "./copy", "--secrets", "--json").value["findings"]}
    assert codes == {"missing_file", "secret_found"}


def test_values_of_this_environment_are_found(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of the one who verifies, in a run that did not know it."""
    with store.run("x", run_id="run-1") as run:
        run.log("zebra horse 77")
    monkeypatch.setenv("MY_SECRET", "zebra horse 77")
    found = invoke("verify", "run-1", "--secrets", "--json").value["findings"]
    assert {one["found"] for one in found} == {"environment"}


def test_many_findings_are_cut_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of nothing but secrets does not fill the memory; the report says that there are more."""
    Path("a.txt").write_text(f"password={PASSWORD}\n" * 1100)
    with monkeypatch.context() as patch:
        patch.setattr(Redactor, "places", lambda *_: [])
        with store.run("x", run_id="run-1") as run:
            run.output("file", "a.txt", keep=True)
    report = store.verify("run-1", secrets=True)
    assert len(report.findings) == 1000
    assert any("more secrets" in text for text in report.not_checked)


def test_the_message_of_the_verb_is_readable(store: Store, invoke: Invoke) -> None:
    """Nothing in it looks like a secret, or it would be taken out."""
    store.run("x", run_id="run-1").finish()
    assert invoke("verify", "run-1", "--secrets", "--quick").err == "runstone: --quick reads few files, --secrets all\n"


def test_quick_reads_too_little(store: Store, invoke: Invoke) -> None:
    """The two options contradict each other."""
    store.run("x", run_id="run-1").finish()
    assert invoke("verify", "run-1", "--secrets", "--quick").status == 2
    with pytest.raises(runstone.InvalidInput):
        store.verify("run-1", secrets=True, quick=True)
