"""Reading a damaged bundle: a typed error that names the file and the line, whatever is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.format.golden_files import bundle_of, names, read_files

from runstone.adapters.memory.adapter import MemoryBundle
from runstone.core import parsing
from runstone.core.layout import JOURNAL, MANIFEST
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import contract_of

from .forging import Files, files_of, with_journal
from .scenes import full_run, open_store

ASKED: dict[str, Callable[[Sealed], Any]] = {
    "opened": lambda sealed: sealed.opened,
    "labels": lambda sealed: sealed.labels,
    "journal": lambda sealed: sealed.journal(),
    "events": lambda sealed: list(sealed.events()),
    "events of a type": lambda sealed: list(sealed.events("log", "check")),
    "documents": lambda sealed: [list(document.pieces()) for document in sealed.documents()],
    "run.json": lambda sealed: sealed.document("run.json"),
    "run.log": lambda sealed: sealed.document("run.log"),
    "counts": lambda sealed: sealed.counts(),
    "pieces": lambda sealed: list(sealed.pieces("checks.json")),
}
"""Everything that reads more than the manifest."""


def refusals(bundle: MemoryBundle) -> dict[str, RunstoneError]:
    """What each question is refused with; an error that is not typed comes through."""
    found: dict[str, RunstoneError] = {}
    for name, ask in ASKED.items():
        try:
            ask(Sealed(bundle, contract_of))
        except RunstoneError as exc:
            found[name] = exc
    return found


@pytest.fixture
def files(sealed: Sealed) -> Files:
    """The files of a whole bundle."""
    return files_of(sealed)


def read(files: Files) -> dict[str, RunstoneError]:
    """The refusals of a bundle of these files."""
    return refusals(MemoryBundle("memory:forged", files))


@pytest.mark.parametrize("name", names("damaged"))
def test_every_golden_damage_is_told_or_read(name: str) -> None:
    """Whatever is wrong with a bundle, each question is answered, or refused as damaged."""
    answers = refusals(bundle_of(read_files("damaged", name)))
    allowed = {"bundle_damaged", "unsupported_format", "file_not_found"}
    assert {exc.code for exc in answers.values()} <= allowed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a whole bundle, made once."""
    folder = tmp_path_factory.mktemp("whole")
    return files_of(full_run(open_store(folder / "runs"), folder))


@given(path=st.sampled_from([JOURNAL, MANIFEST, "run.json"]), at=st.integers(0, 100_000), mask=st.integers(1, 255))
def test_flipped_byte_gives_a_typed_error_or_an_answer(whole: Files, path: str, at: int, mask: int) -> None:
    """No byte can be changed so that reading ends in an error without a code."""
    body = bytearray(whole[path])
    body[at % len(body)] ^= mask
    codes = {exc.code for exc in read({**whole, path: bytes(body)}).values()}
    assert codes <= {"bundle_damaged", "unsupported_format", "unknown_contract", "file_not_found"}


def test_line_that_is_no_json_is_named(files: Files) -> None:
    """The error has the path and the line of the journal, what is wrong there, and the run."""
    lines = files[JOURNAL].splitlines(keepends=True)
    lines[3] = b'{"half\n'
    error = read({**files, JOURNAL: b"".join(lines)})["events"]
    assert (error.code, error.details["path"], error.details["line"]) == ("bundle_damaged", JOURNAL, 4)
    assert (error.details["run_id"], error.details["cause"]) == ("full", "invalid_json")
    assert "events.jsonl, line 4" in error.message


def test_event_that_lacks_a_field_is_named(files: Files) -> None:
    """A fold that misses a field does not end in a KeyError."""
    at = [json.loads(line)["type"] for line in files[JOURNAL].splitlines()].index("check")
    damaged = with_journal(files, lambda events: events[at].update(data={}))
    error = read(damaged)["documents"]
    assert (error.code, error.details["path"], error.details["line"]) == ("bundle_damaged", JOURNAL, at + 1)


@pytest.mark.parametrize("labels", [None, 7, [], "text", {"env": 7}])
def test_labels_of_another_shape_are_damage(files: Files, labels: object) -> None:
    """What stands where labels stood is never handed out as labels."""
    damaged = with_journal(files, lambda events: events[0]["data"].update(labels=labels))
    refused = read(damaged)
    assert {refused[name].details["line"] for name in ("labels", "opened")} == {1}


@pytest.mark.parametrize("parser", ["the interpreter's", "orjson"])
@pytest.mark.parametrize("journal", [b"", b"\n", b"[]\n", b"null\n", b"{}\n{}\n", b"\xff\n", b"NaN\n"])
def test_journal_of_another_shape_is_damage(
    files: Files, monkeypatch: pytest.MonkeyPatch, journal: bytes, parser: str
) -> None:
    """A journal that is none is told as that by everything that reads it, whichever parser met it."""
    monkeypatch.setattr(parsing, "_loads", orjson.loads if parser == "orjson" else None)
    if parser != "orjson":
        monkeypatch.delitem(sys.modules, "orjson")
    refused = read({**files, JOURNAL: journal})
    asked = set(ASKED) - {"run.json", "pieces"}
    assert {name: refused[name].code for name in asked} == dict.fromkeys(asked, "bundle_damaged")
    assert {refused[name].details["path"] for name in asked} == {JOURNAL}


def test_missing_journal_is_damage_and_a_missing_file_is_not_found(files: Files) -> None:
    """What the manifest promises and the bundle lacks is damage; what nobody promised is not there."""
    del files[JOURNAL]
    assert read(files)["labels"].details["cause"] == "missing_file"
    sealed = Sealed(MemoryBundle("memory:forged", files), contract_of)
    del files["checks.json"]
    assert read(files)["pieces"].details == {
        "path": "checks.json",
        "run_id": "full",
        "reason": "checks.json is in the manifest and not in the bundle",
        "cause": "missing_file",
    }
    with pytest.raises(RunstoneError) as caught:
        sealed.file("events.json")
    assert caught.value.code == "bundle_damaged"  # to know that there is no such document the journal is needed


def test_document_that_is_no_json_is_damage(files: Files) -> None:
    """A document that was spoilt names itself; the journal is well and read all the same."""
    refused = read({**files, "run.json": files["run.json"][:-3]})
    assert list(refused) == ["run.json"]
    assert (refused["run.json"].code, refused["run.json"].details["path"]) == ("bundle_damaged", "run.json")


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b"null", b'{"format":"runstone-bundle/1"}'])
def test_manifest_that_cannot_be_read_is_damage(files: Files, manifest: bytes) -> None:
    """A bundle does not open without its manifest; the error says so, and of which file."""
    with pytest.raises(RunstoneError) as caught:
        Sealed(MemoryBundle("memory:forged", {**files, MANIFEST: manifest}), contract_of)
    assert (caught.value.code, caught.value.details["path"]) == ("bundle_damaged", MANIFEST)


def test_error_about_a_whole_bundle_stays_what_it_is(store: Store, tmp_path: Path) -> None:
    """A kept file that is no JSON is no damage, and neither is a fault of who folds."""
    (tmp_path / "notes.json").write_text("{oops")
    with store.run("job", run_id="whole") as run:
        run.output("file", tmp_path / "notes.json", keep=True)
    sealed = store.get("whole")
    with pytest.raises(RunstoneError) as caught:
        sealed.document("artifacts/notes.json")
    assert caught.value.code == "invalid_json"
    with pytest.raises(KeyError), sealed.reading():
        sealed.journal().opened["data"]["absent"]
