"""`runstone contract`, `export` and `import`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import runstone
from cli.conftest import Invoke, command_line, seal, spoil
from runstone.engine.store import Store


@pytest.fixture
def run(store: Store) -> str:
    """A small run."""
    return seal(store, run_id="run-1")


def test_all_documents_of_a_contract(run: str, invoke: Invoke) -> None:
    """Each with its path, where it stands, and its text."""
    out = invoke("contract", "runstone", run).out
    for path in ("checks.json  sealed", "run.json  sealed", "run.log  derived, 9 B"):
        assert path in out
    assert "one line" in out


def test_one_document_byte_by_byte(run: str, store: Store, invoke: Invoke) -> None:
    """PATH alone is what the bundle holds."""
    assert invoke("contract", "runstone", run, "run.json").out.encode() == store.get(run).file("run.json")


def test_documents_of_another_contract(run: str, invoke: Invoke) -> None:
    """A run can be seen through a contract that it was not recorded by."""
    assert json.loads(invoke("contract", "ovc", run, "run.json").out)["pipeline_id"] == "probe"
    assert invoke("contract", "ovc/0.1", run, "run.json").status == 0


def test_documents_as_json(run: str, invoke: Invoke) -> None:
    """Every document with its digest and its value."""
    value = invoke("contract", "runstone", run, "--json").value
    assert value["contract"] == "runstone/1"
    documents = {document["path"]: document for document in value["documents"]}
    assert documents["run.json"]["value"]["run_id"] == run
    assert documents["run.log"]["value"] == "one line\n"
    assert documents["run.log"]["standing"] == "derived"


def test_sealed_is_said_of_what_the_bundle_has(run: str, store: Store, invoke: Invoke) -> None:
    """Documents that another contract would have are in no bundle, also where the bundle has one of that name."""
    documents = invoke("contract", "ovc", run, "--json").value["documents"]
    kept = {entry["path"]: entry["sha256"] for entry in store.get(run).manifest["files"]}
    assert {document["path"] for document in documents} & kept.keys()
    for document in documents:
        sealed = kept.get(document["path"]) == document["sha256"]
        assert document["standing"] == ("sealed" if sealed else "derived")
    assert "run.json  derived" in invoke("contract", "ovc", run).out


def test_unknown_contract_and_document(run: str, invoke: Invoke) -> None:
    """A contract that nobody knows is wrong use; a document that was not folded is not found."""
    assert invoke("contract", "nope", run).status == 2
    assert invoke("contract", "runstone/9", run).status == 2
    assert invoke("contract", "runstone", run, "decision.json").status == 3


def test_export_is_the_same_everywhere(run: str, invoke: Invoke) -> None:
    """Into a pipe and into a file, today and tomorrow."""
    first = subprocess.run(
        command_line("export", run, "--as", "tar"), capture_output=True, check=True, timeout=60
    ).stdout
    answer = invoke("export", run, "--as", "tar", "-o", "run.tar", "--json")
    assert Path("run.tar").read_bytes() == first
    assert answer.value["size"] == len(first)
    assert answer.value["digest"].startswith("sha256:")


@pytest.mark.parametrize("width", [80, 100, 140, None])
def test_long_ids_are_whole_in_every_width(
    store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, width: int | None
) -> None:
    """What export and import say fits the screen; id, file and digest are never cut; into a pipe it is one line."""
    run_id = "20260101T000000Z__B2-DerivedValidation__abcdef0"
    digest = store.get(seal(store, run_id=run_id)).digest
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    exported = invoke("export", run_id, "--as", "tar", "-o", f"{run_id}.tar").out
    imported = invoke("import", f"{run_id}.tar", "--store", "other").out
    lines = [*exported.splitlines(), *imported.splitlines()]
    assert width is None or max(map(len, lines)) <= width
    assert len(lines) == (2 if width is None or width >= 140 else 4)
    assert exported.split()[0] == f"{run_id}.tar"
    assert imported.split() == ["created", run_id, digest]


def test_export_overwrites_nothing(run: str, invoke: Invoke) -> None:
    """A file that stands there stays."""
    Path("run.tar").write_text("mine")
    assert invoke("export", run, "--as", "tar", "-o", "run.tar").status == 4
    assert Path("run.tar").read_text() == "mine"


def test_export_to_json_needs_a_file(run: str, invoke: Invoke) -> None:
    """An archive and a JSON answer do not share a stream."""
    answer = invoke("export", run, "--json")
    assert answer.status == 2
    assert answer.err == "runstone: --json says what was written: give -o FILE for the archive\n"


def test_export_is_a_tar_unless_said(run: str, invoke: Invoke) -> None:
    """There is one form, so nobody need name it."""
    assert invoke("export", run, "-o", "a.tar").status == 0
    assert invoke("export", run, "--as", "tar", "-o", "b.tar").status == 0
    assert Path("a.tar").read_bytes() == Path("b.tar").read_bytes()


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_import_of_a_bundle(run: str, store: Store, invoke: Invoke, form: str) -> None:
    """A folder and an archive become the same run, once."""
    invoke("get", run, "-o", "folder")
    invoke("export", run, "--as", "tar", "-o", "tar")
    first = invoke("import", form, "--store", "other", "--json").value
    again = invoke("import", form, "--store", "other", "--json").value
    digest = store.get(run).digest
    assert first == [{"run_id": run, "digest": digest, "result": "created"}]
    assert again == [{"run_id": run, "digest": digest, "result": "identical"}]
    assert runstone.open("other").get(run).digest == digest


def test_import_refuses_a_damaged_bundle(run: str, invoke: Invoke) -> None:
    """Status 1, and the other store has nothing of it."""
    invoke("get", run, "-o", "folder")
    spoil(Path("folder/run.json"))
    assert invoke("import", "folder", "--store", "other").status == 1
    assert invoke("ls", "--store", "other", "--json").value == []


def test_import_of_an_id_that_is_taken(run: str, store: Store, invoke: Invoke) -> None:
    """Another run under the same id is a conflict."""
    seal(runstone.open("other"), "other", run_id=run)
    assert invoke("import", str(Path(store.url, run)), "--store", "other").status == 4


def test_import_of_nothing_is_status_3(invoke: Invoke) -> None:
    """The path is named."""
    answer = invoke("import", "nothing")
    assert answer.status == 3
    assert "nothing" in answer.err


def test_import_of_no_archive_is_status_1(invoke: Invoke) -> None:
    """A file that is neither is bad, and nothing is made."""
    Path("-x.tar").write_text("no archive")
    assert invoke("import", "--", "-x.tar").status == 1
    assert not Path("runs").exists()


def test_import_of_a_folder_without_runs_is_status_1(invoke: Invoke) -> None:
    """The folder is named, and no store is made."""
    Path("folder/inner").mkdir(parents=True)
    answer = invoke("import", "folder")
    assert answer.status == 1
    assert "folder" in answer.err
    assert not Path("runs").exists()


def test_import_of_foreign_runs(invoke: Invoke, shared: Path) -> None:
    """Runs that a pipeline recorded by itself are recorded anew; twice changes nothing."""
    samples = shared / "samples/ovc/writer_samples/ok"
    (first,) = invoke("import", str(samples), "--json").value
    (again,) = invoke("import", str(samples), "--json").value
    assert (first["result"], again["result"]) == ("created", "identical")
    assert first["digest"] == again["digest"]
    page = invoke("show", first["run_id"]).out
    assert "imported from" in page
    assert "not recorded here" in page


def test_archives_are_not_for_terminals(run: str) -> None:
    """A terminal would show the bytes of an archive; the command refuses before it writes one."""
    script = f"import pty, sys; sys.exit(pty.spawn({command_line('export', run, '--as', 'tar')!r}) >> 8)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    assert done.returncode == 2
    assert b"not for a terminal" in done.stdout
    assert b"ustar" not in done.stdout
