"""The manifest: a fold of the journal and of the files' digests, and its shape when it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from runstone.core import manifest as manifest_module
from runstone.core.canonical import canonical_bytes
from runstone.core.manifest import FileFact, kept_files, manifest_bytes, parse_manifest
from runstone.core.outcome import outcome_digest
from runstone.errors import RunstoneError

from . import journals
from .journals import ARTIFACT, journal, log

SHA = "0" * 64
KEPT = ("output", {**ARTIFACT, "path": "artifacts/p.csv", "sha256": SHA, "size": 3, "media_type": "text/x-mine"})
FILES = [
    FileFact("run.json", 2, SHA),
    FileFact("artifacts/p.csv", 3, SHA),
    FileFact("é.bin", 0, SHA),
    FileFact("z/a.json", 1, SHA),
]


def test_the_manifest_is_as_the_format_says() -> None:
    """Key by key, files by UTF-8 path with role and media type, in canonical form."""
    links = [{"digest": None, "rel": "child-of", "run_id": "r0"}]
    folded = journal(log("x"), KEPT, opened={"links": links}, status="partial")
    data = b"".join(journals.lines(log("x"), KEPT, opened={"links": links}, status="partial"))
    entries = [
        ("artifacts/p.csv", 3, SHA, "text/x-mine", "artifact"),
        ("events.jsonl", len(data), sha256(data).hexdigest(), "application/x-ndjson", "journal"),
        ("run.json", 2, SHA, "application/json", "document"),
        ("z/a.json", 1, SHA, "application/json", "document"),
        ("é.bin", 0, SHA, "application/octet-stream", "document"),
    ]
    expected = {
        "format": "runstone-bundle/1",
        "run_id": "r1",
        "kind": "backfill",
        "contract": {"name": "runstone", "version": "1"},
        "status": "partial",
        "opened_at": "2026-01-02T03:04:05.000000Z",
        "closed_at": "2026-01-02T03:04:08.000000Z",
        "links": links,
        "files": [dict(zip(("path", "size", "sha256", "media_type", "role"), entry, strict=True)) for entry in entries],
        "events": {"count": 4, "root": folded.index.root()},
        "outcome_digest": outcome_digest(folded),
        "ext": {},
    }
    found = manifest_bytes(folded, FILES)
    assert json.loads(found) == expected
    assert found == canonical_bytes(expected)
    assert parse_manifest(found) == expected


def test_the_order_of_files_does_not_count() -> None:
    """Any order of directory entries gives the same bytes."""
    folded = journal(KEPT)
    assert manifest_bytes(folded, FILES) == manifest_bytes(folded, reversed(FILES))


def test_kept_files_are_those_of_the_journal() -> None:
    """By path; once each; without those that recovery found lost."""
    again = ("input", {**KEPT[1], "name": "again"})
    lost = ("output", {**KEPT[1], "path": "artifacts/lost.csv"})
    by_reference = ("output", {**ARTIFACT, "sha256": SHA, "size": 9})
    found = kept_files(journal(KEPT, again, lost, by_reference, lost=["artifacts/lost.csv"]))
    assert found == {"artifacts/p.csv": FileFact("artifacts/p.csv", 3, SHA)}


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 3), ("MAX_MANIFEST_BYTES", 500)])
def test_a_manifest_over_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """Too many files or bytes: `too_large`."""
    monkeypatch.setattr(manifest_module, limit, value)
    with pytest.raises(RunstoneError) as caught:
        manifest_bytes(journal(), FILES)
    assert caught.value.code == "too_large"


def refused(data: bytes) -> str:
    with pytest.raises(RunstoneError) as caught:
        parse_manifest(data)
    return caught.value.code


GOOD = json.loads(manifest_bytes(journal(KEPT), FILES))
ENTRY = GOOD["files"][0]
DEFECTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    **{
        f"no {key}": lambda value, key=key: {name: item for name, item in value.items() if name != key}
        for key in GOOD
        if key != "format"
    },
    "unknown key": lambda value: {**value, "host": "h"},
    "run id": lambda value: {**value, "run_id": "a/b"},
    "status": lambda value: {**value, "status": "running"},
    "ext": lambda value: {**value, "ext": {"a": 1}},
    "kind": lambda value: {**value, "kind": None},
    "opened_at": lambda value: {**value, "opened_at": 5},
    "opened at no time": lambda value: {**value, "opened_at": "2026-13-02T03:04:05.000000Z"},
    "closed at no time": lambda value: {**value, "closed_at": "2026-01-02"},
    "outcome digest": lambda value: {**value, "outcome_digest": None},
    "contract": lambda value: {**value, "contract": {"name": "x"}},
    "contract text": lambda value: {**value, "contract": "x"},
    "events": lambda value: {**value, "events": {"count": True, "root": "x"}},
    "events list": lambda value: {**value, "events": []},
    "links": lambda value: {**value, "links": {}},
    "link": lambda value: {**value, "links": [{"digest": None, "rem": "amends", "run_id": "r"}]},
    "files": lambda value: {**value, "files": {}},
    "entry": lambda value: {**value, "files": ["run.json"]},
    "entry key": lambda value: {**value, "files": [{**ENTRY, "mode": 420}]},
    "entry path": lambda value: {**value, "files": [{**ENTRY, "path": 5}]},
    "entry size": lambda value: {**value, "files": [{**ENTRY, "size": -1}]},
    "entry size true": lambda value: {**value, "files": [{**ENTRY, "size": True}]},
    "entry sha256": lambda value: {**value, "files": [{**ENTRY, "sha256": "short"}]},
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_another_shape_is_damage(defect: str) -> None:
    """Each missing or wrong part is refused before anybody uses it."""
    assert refused(canonical_bytes(DEFECTS[defect](GOOD))) == "bundle_damaged"


@pytest.mark.parametrize("value", [[], None, "x", 1])
def test_a_manifest_is_an_object(value: Any) -> None:
    """Other JSON is damage."""
    assert refused(canonical_bytes(value)) == "bundle_damaged"


@pytest.mark.parametrize("name", ["runstone-bundle/2", "runstone-bundle/1.0", "RUNSTONE-BUNDLE/1", "", None, 1])
def test_another_format_is_not_supported(name: Any) -> None:
    """The format is exact: whatever else it says, nothing more is looked at."""
    assert refused(canonical_bytes({"format": name})) == "unsupported_format"


def test_a_manifest_must_be_canonical() -> None:
    """Verification step 1."""
    assert refused(json.dumps(GOOD).encode()) == "not_canonical"
    assert refused(canonical_bytes(GOOD) + b"\n") == "not_canonical"
    assert refused(canonical_bytes(GOOD)[:-1]) == "invalid_json"


def test_a_fact_compares_by_what_it_says() -> None:
    """Path, size and digest; it is no key."""
    assert FileFact("a", 1, SHA) == FileFact("a", 1, SHA)
    assert FileFact("a", 1, SHA) != FileFact("a", 2, SHA)
    assert FileFact("a", 1, SHA) != ("a", 1, SHA)
    assert repr(FileFact("a", 1, SHA)) == f"FileFact('a', 1, {SHA[:12]})"
    with pytest.raises(TypeError):
        hash(FileFact("a", 1, SHA))
