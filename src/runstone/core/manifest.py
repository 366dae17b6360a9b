"""The manifest: a fold of the journal and of (path, size, SHA-256) of the other files. The seal of a bundle.

The sealer's own version, clock and machine never enter. The run digest is the SHA-256 of its bytes.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import is_sha256, new_hash
from runstone.core.events import links_fit
from runstone.core.ids import is_run_id
from runstone.core.limits import MAX_FILES, MAX_MANIFEST_BYTES
from runstone.core.media import media_type
from runstone.core.outcome import outcome_digest
from runstone.core.parsing import parse_canonical
from runstone.core.times import is_time
from runstone.core.words import FINAL_STATUSES
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runstone.core.journal import Journal

    Manifest = dict[str, Any]


class FileFact:
    """What the manifest says of one file: path, size in bytes, SHA-256 in hexadecimal."""

    __slots__ = ("path", "sha256", "size")

    def __init__(self, path: str, size: int, sha256: str) -> None:
        self.path = path
        self.size = size
        self.sha256 = sha256

    def __repr__(self) -> str:
        return f"FileFact({self.path!r}, {self.size}, {self.sha256[:12]})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FileFact):
            return NotImplemented
        return (self.path, self.size, self.sha256) == (other.path, other.size, other.sha256)

    __hash__ = None  # type: ignore[assignment]  # mutable, and never a key


def fact_of(path: str, pieces: Iterable[bytes]) -> FileFact:
    """Size and digest of bytes that come in pieces."""
    digest, size = new_hash(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return FileFact(path, size, digest.hexdigest())


def manifest_bytes(journal: Journal, files: Iterable[FileFact]) -> bytes:
    """The bytes of `manifest.json`. `files` are all files of the bundle but the manifest and the journal.

    Raises `too_large` over 100,000 files or 32 MiB.
    """
    opened, closed = journal.opened["data"], journal.closed["data"]
    kept = artifact_types(journal)
    entries = [_entry(fact, kept) for fact in files]
    entries.append(_journal_entry(journal))
    entries.sort(key=lambda entry: entry["path"].encode())
    if len(entries) > MAX_FILES:
        raise error("too_large", f"{len(entries)} files in a bundle; the limit is {MAX_FILES}", limit=MAX_FILES)
    data = canonical_bytes(
        {
            "format": layout.FORMAT,
            "run_id": opened["run_id"],
            "kind": opened["kind"],
            "contract": {"name": opened["contract"]["name"], "version": opened["contract"]["version"]},
            "status": closed["status"],
            "opened_at": journal.opened["ts"],
            "closed_at": journal.closed["ts"],
            "links": opened["links"],
            "files": entries,
            "events": {"count": journal.index.count, "root": journal.index.root()},
            "outcome_digest": outcome_digest(journal),
            "ext": {},
        }
    )
    if len(data) > MAX_MANIFEST_BYTES:
        message = f"a manifest of {len(data)} bytes; the limit is {MAX_MANIFEST_BYTES}"
        raise error("too_large", message, limit=MAX_MANIFEST_BYTES, found=len(data))
    return data


def artifact_types(journal: Journal) -> dict[str, str | None]:
    """Path → media type of the files that `input` and `output` events keep in the bundle."""
    return {data["path"]: data["media_type"] for data in journal.data("input", "output") if data["path"] is not None}


def kept_files(journal: Journal) -> dict[str, FileFact]:
    """Files that the journal says the bundle keeps, lost ones left out. A file kept twice counts once."""
    lost = set(journal.closed["data"]["lost"])
    return {
        data["path"]: FileFact(data["path"], data["size"], data["sha256"])
        for data in journal.data("input", "output")
        if data["path"] is not None and data["path"] not in lost
    }


def _journal_entry(journal: Journal) -> dict[str, Any]:
    return {
        "path": layout.JOURNAL,
        "size": journal.index.size,
        "sha256": journal.index.sha256(),
        "media_type": media_type(layout.JOURNAL),
        "role": "journal",
    }


def _entry(fact: FileFact, kept: dict[str, str | None]) -> dict[str, Any]:
    role = "artifact" if fact.path in kept else "document"
    return {
        "path": fact.path,
        "size": fact.size,
        "sha256": fact.sha256,
        "media_type": kept.get(fact.path) or media_type(fact.path),
        "role": role,
    }


_KEYS = frozenset(
    {
        "format",
        "run_id",
        "kind",
        "contract",
        "status",
        "opened_at",
        "closed_at",
        "links",
        "files",
        "events",
        "outcome_digest",
        "ext",
    }
)
_FILE_KEYS = frozenset({"path", "size", "sha256", "media_type", "role"})


def parse_manifest(data: bytes) -> Manifest:
    """The manifest of its bytes, shape proved. Raises `unsupported_format`, `bundle_damaged`, or as parsing does."""
    value = parse_canonical(data, limit=MAX_MANIFEST_BYTES)
    if isinstance(value, dict) and value.get("format") != layout.FORMAT:
        found = str(value.get("format"))[:80]
        raise error("unsupported_format", f"expected format {layout.FORMAT}, found {found!r}", found=found)
    problem = _shape_problem(value)
    if problem:
        raise error("bundle_damaged", f"manifest.json: {problem}")
    return value  # type: ignore[no-any-return]  # _shape_problem has proved it


def _shape_problem(value: Any) -> str | None:
    if not isinstance(value, dict) or value.keys() != _KEYS:
        return "its keys are not exactly those of the format"
    if not is_run_id(value["run_id"]) or value["status"] not in FINAL_STATUSES or value["ext"] != {}:
        return "run_id, status or ext has a value that it cannot have"
    if not all(isinstance(value[key], str) for key in ("kind", "opened_at", "closed_at", "outcome_digest")):
        return "kind, opened_at, closed_at or outcome_digest is not text"
    if not (is_time(value["opened_at"]) and is_time(value["closed_at"])):
        return "opened_at or closed_at is not a UTC time with six decimals and Z"
    contract, events = value["contract"], value["events"]
    if not isinstance(contract, dict) or not all(isinstance(contract.get(key), str) for key in ("name", "version")):
        return "contract has no name and version"
    if not isinstance(events, dict) or type(events.get("count")) is not int or not isinstance(events.get("root"), str):
        return "events has no count and root"
    if not links_fit(value["links"]) or not isinstance(value["files"], list):
        return "links are not sorted links, each once, or files is not a list"
    for entry in value["files"]:
        if not isinstance(entry, dict) or entry.keys() != _FILE_KEYS or not isinstance(entry["path"], str):
            return "an entry of files does not have exactly path, size, sha256, media_type, role"
        if type(entry["size"]) is not int or entry["size"] < 0 or not is_sha256(entry["sha256"]):
            return f"the entry of {entry['path']!r} has no size or no sha256"
    return None
