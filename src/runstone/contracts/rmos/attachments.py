"""Attachments: files that are kept with a run, known by their SHA-256.

- Each is an annotation of the run that keeps the file: the run itself is not touched.
- An attachment of another writer may be known by the SHA-256 of its compact JSON: a check tries the bytes first.
"""

from __future__ import annotations

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.hashing import sha256_json
from runstone.core import layout as bundle_layout
from runstone.core.digests import sha256_hex
from runstone.core.events import ANNOTATION
from runstone.core.media import media_type
from runstone.core.parsing import parse_json
from runstone.core.words import AMENDS
from runstone.engine.facts import text_of
from runstone.engine.reader import Sealed
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.contracts.rmos.store import RunStore

BYTES: Final = "bytes"
JSON: Final = "json"
MAX_BYTES: Final = 64 << 20
MAX_NAME_CHARACTERS: Final = 200
_FIELDS: Final = ("sha256", "kind", "mime", "filename", "size_bytes", "created_at_utc")


class Attachment:
    """One attachment. `holder` is the run that keeps its bytes, at `path`; `None` where they are not here."""

    __slots__ = (*_FIELDS, "holder", "path")

    def __init__(self, facts: dict[str, Any], holder: Sealed, path: str | None) -> None:
        self.sha256: str = facts["sha256"]
        self.kind: Any = facts.get("kind")
        self.mime: Any = facts.get("mime")
        self.filename: Any = facts.get("filename")
        self.size_bytes: Any = facts.get("size_bytes")
        self.created_at_utc: Any = facts.get("created_at_utc")
        self.holder = holder
        self.path = path

    def as_dict(self) -> dict[str, Any]:
        """`sha256`, `kind`, `mime`, `filename`, `size_bytes`, `created_at_utc`."""
        return {name: getattr(self, name) for name in _FIELDS}

    def read(self) -> bytes:
        """Its bytes. Raises `file_not_found` where they are not here."""
        if self.path is None:
            raise error("file_not_found", "the attachment's bytes are not here")
        return self.holder.file(self.path)


class Checked:
    """What a check of an attachment found: its digest is that of the `bytes`, of their compact `json`, or of neither
    (`matched` is `None`; `problem` says why)."""

    __slots__ = ("attachment", "matched", "problem")

    def __init__(self, attachment: Attachment, matched: str | None, problem: str | None) -> None:
        self.attachment = attachment
        self.matched = matched
        self.problem = problem

    def as_dict(self) -> dict[str, Any]:
        """The fields of the attachment, with `ok`, `matched` and `problem`."""
        found = {"ok": self.matched is not None, "matched": self.matched, "problem": self.problem}
        return {**self.attachment.as_dict(), **found}


def attach(
    store: RunStore, run_id: str, filename: str, data: bytes, kind: str, mime: str | None, by: str | None
) -> Attachment:
    """Keep a file with a run. Raises `run_not_found`, `invalid_option`, `too_large`, and `not_written` where a secret
    is found in it; then nothing is kept."""
    if not isinstance(filename, str) or not 0 < len(filename) <= MAX_NAME_CHARACTERS:
        rule = f"filename is text of 1 to {MAX_NAME_CHARACTERS} characters"
        raise error("invalid_option", rule, option="filename")
    if len(data) > MAX_BYTES:
        raise error("too_large", f"an attachment has at most {MAX_BYTES} bytes", limit=MAX_BYTES, found=len(data))
    target, kernel = store.sealed(run_id), store.store
    sha256 = sha256_hex(data)
    known = next((found for found in attachments(store, run_id) if found.sha256 == sha256), None)
    if known is not None and known.path is not None:
        return known
    if kernel.redactor().text(data.decode("latin-1"))[1]:
        raise error("not_written", "a secret is found in the attachment, so it is not kept", option="data")
    link = {"rel": AMENDS, "run_id": target.run_id, "digest": target.digest}
    with kernel.run(ANNOTATION, links=[link], strict=True) as run:
        who = kernel.host.user() if by is None else text_of(by)
        run.writer.record(ANNOTATION, {"labels": {}, "aliases": {}, "by": who}, [])
        told = mime or media_type(filename)
        run.output(_kept_name(sha256), data, media_type=told)
        facts = {"sha256": sha256, "kind": kind, "mime": told, "filename": filename, "size_bytes": len(data)}
        run.event(layout.ATTACHED, facts)
    return next(found for found in attachments(store, run_id) if found.sha256 == sha256)


def attachments(store: RunStore, run_id: str) -> list[Attachment]:
    """The attachments of a run: those that its original had, then those that were added, the oldest first; of several
    of one digest the first one whose bytes are here, or else the first."""
    sealed, kernel = store.sealed(run_id), store.store
    told = list(_of_original(sealed))
    for annotation in kernel.annotations(sealed):
        told += _kept(kernel.get(annotation["run_id"]))
    found: dict[str, Attachment] = {}
    for one in told:
        if found.setdefault(one.sha256, one).path is None and one.path is not None:
            found[one.sha256] = one
    return list(found.values())


def _of_original(sealed: Sealed) -> Iterator[Attachment]:
    """What an imported document names, with the file where the import has brought it."""
    told = parse_json(sealed.file(layout.RUN)).get("attachments")
    kept = [entry["path"] for entry in sealed.manifest["files"]]
    for facts in told if isinstance(told, list) else ():
        if isinstance(facts, dict) and isinstance(facts.get("sha256"), str):
            begins = bundle_layout.original(f"{layout.ATTACHMENTS}/{facts['sha256']}")
            path = next((path for path in kept if path.partition(".")[0] == begins), None)
            yield Attachment(facts, sealed, path)


def _kept(holder: Sealed) -> Iterator[Attachment]:
    with holder.reading():
        for event in holder.events(layout.ATTACHED):
            path = bundle_layout.artifact(_kept_name(event["data"]["sha256"]))
            there = any(entry["path"] == path for entry in holder.manifest["files"])
            facts = {**event["data"], "created_at_utc": holder.opened_at}
            yield Attachment(facts, holder, path if there else None)


def _kept_name(sha256: str) -> str:
    """The file's name in its bundle; what it is called is told beside."""
    return f"{layout.ATTACHMENTS}/{sha256}.bin"


def check_attachments(store: RunStore, run_id: str) -> list[Checked]:
    """Each attachment of a run, read again."""
    return [_checked(attachment) for attachment in attachments(store, run_id)]


def _checked(attachment: Attachment) -> Checked:
    if attachment.path is None:
        return Checked(attachment, None, "its bytes are not here")
    try:
        data = attachment.read()
    except RunstoneError as exc:
        return Checked(attachment, None, exc.message)
    if sha256_hex(data) == attachment.sha256:
        return Checked(attachment, BYTES, None)
    try:
        if sha256_json(parse_json(data)) == attachment.sha256:
            return Checked(attachment, JSON, None)
    except RunstoneError:
        pass  # no JSON: then it is the bytes or nothing
    return Checked(attachment, None, "its bytes have another SHA-256, and so has their compact JSON")
