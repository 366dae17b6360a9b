"""The stores of rentl, as plain functions: what is kept where, and what is an error.

One body for both colours: `async_stores.py` is generated from these classes and adds an executor. They fill the
protocols of `protocols.py`, over port `records`: files exactly as rentl knows them, or SQLite.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import BaseModel

from runstone.contracts.rentl import layout
from runstone.contracts.rentl.errors import storage_error
from runstone.contracts.rentl.keeping import Kept, checked_limit
from runstone.contracts.rentl.models import (
    ArtifactFormat,
    ArtifactMetadata,
    LogEntry,
    LogFileReference,
    RunIndexRecord,
    RunStateRecord,
)
from runstone.contracts.rentl.printing import parse, place_in, utf8, value_of
from runstone.core.digests import digest_of, sha256_hex
from runstone.errors import RunstoneError, excerpt
from runstone.ports.records import ANY

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from runstone.contracts.rentl.models import ArtifactId, RunId, RunStatus
    from runstone.contracts.rentl.protocols import ModelT, Payload
    from runstone.core.redaction.redactor import Redactor
    from runstone.ports.records import Records

NONE_EXPECTED: Final = ""
"""As `expected_updated_at`: there must be no state of the run yet."""
_LISTED: Final = re.compile(rb'"artifact_id"\s*:\s*"[^"]*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})')
_ESCAPED: Final = re.compile(rb"\\u00([0-9a-f]{2})")


class RunStates(Kept):
    """The state of runs, and a list of them: `RunStateStore`, plain."""

    _listed: dict[str, tuple[str, tuple[str, str], str, bytes]]

    def save_run_state(self, record: RunStateRecord, *, expected_updated_at: str | None = None) -> None:
        """Store the state of a run, in the place of what was there: old or new, never torn, durable at return.

        `expected_updated_at` is the `stored_at` of the record that the caller has read; empty: there was none. Raises
        `conflict` where another one stands there by now. Without it the last one wins.
        """
        name = layout.state(str(record.run_id))
        with self._doing("save_run_state", name, run_id=record.run_id) as about:
            expected: str | None = ANY
            if expected_updated_at is not None:
                standing = self.records.read(self.prefix + name)
                found = NONE_EXPECTED if standing is None else _state(standing, record.run_id, about).stored_at
                if found != expected_updated_at:
                    reason = f"stored at {found or 'no time'}, expected {expected_updated_at or 'no time'}"
                    message = f"the state of run {record.run_id} is another one than was read: {reason}"
                    raise storage_error("conflict", message, **{**about, "reason": reason})
                expected = None if standing is None else digest_of(standing)
            body = self._printed(value_of(record))
            self.records.replace(self.prefix + name, body, expected=expected)

    def load_run_state(self, run_id: RunId) -> RunStateRecord | None:
        """The state of a run; `None` where none is stored. Raises `serialization_error`; `validation_error` for what is
        no such record, or is another run's."""
        name = layout.state(str(run_id))
        with self._doing("load_run_state", name, run_id=run_id) as about:
            body = self.records.read(self.prefix + name)
            return None if body is None else _state(body, run_id, about)

    def save_run_index(self, record: RunIndexRecord) -> None:
        """Store what lists show of a run, durable at return."""
        name = layout.index(str(record.metadata.run_id))
        with self._doing("save_run_index", name, run_id=record.metadata.run_id):
            self.records.replace(self.prefix + name, self._printed(value_of(record)))

    def load_run_index(self, run_id: RunId) -> RunIndexRecord | None:
        """What lists show of a run; `None` where none is stored. Errors as `load_run_state`."""
        name = layout.index(str(run_id))
        with self._doing("load_run_index", name, run_id=run_id) as about:
            body = self.records.read(self.prefix + name)
            return None if body is None else _index(body, run_id, about)

    def list_run_index(self, *, status: RunStatus | None = None, limit: int | None = None) -> list[RunIndexRecord]:
        """Runs by the time they were created at, newest first. Errors as `load_run_state`, for a negative limit too."""
        checked_limit(limit, "list_run_index")
        with self._doing("list_run_index", layout.INDEX.rstrip("/")) as about:
            listed = self._read_index(about)
            fits = [row for row in listed.values() if status is None or row[2] == status]
            fits.sort(key=lambda row: row[1], reverse=True)
            return [parse(RunIndexRecord, row[3], **about) for row in fits[:limit]]

    def _read_index(self, about: dict[str, Any]) -> dict[str, tuple[str, tuple[str, str], str, bytes]]:
        """Mark, order, status and body of every run; of those that have not changed what was read before."""
        known = getattr(self, "_listed", {})
        found = {}
        for key, mark in self.records.marks(self.prefix + layout.INDEX).items():
            if not key.endswith(".json"):
                continue
            if mark and key in known and known[key][0] == mark:
                found[key] = known[key]
                continue
            body = self.records.read(key)
            if body is not None:
                run_id = key.removeprefix(self.prefix + layout.INDEX).removesuffix(".json")
                record = _index(body, run_id, {**about, "path": self.records.place(key)})
                order = (_moment(record.metadata.created_at), str(record.metadata.run_id))
                found[key] = (mark, order, record.metadata.status, body)
        self._listed = found
        return found


class Artifacts(Kept):
    """What phases make: `ArtifactStore`, plain; and text as well.

    An artifact is known once the index has its line, which is written behind its body. Of one id both are written
    alone; so a body without a line is of a writer that died, and is nobody's.
    What the index names is remembered: to learn that an id is new, no more of it is read than was added since.
    A size and a SHA-256 that are given have to be right. With `checksums` all metadata has them.
    """

    def __init__(
        self,
        records: str | os.PathLike[str] | Records,
        *,
        prefix: str = "",
        redact: bool | Redactor = True,
        checksums: bool = False,
    ) -> None:
        super().__init__(records, prefix=prefix, redact=redact)
        self.checksums = checksums
        self._named: tuple[str, set[bytes]] = ("", set())
        """How far the index was read, and the ids of all artifacts that it names till there."""

    def write_artifact_json(self, artifact: ArtifactMetadata, payload: Payload) -> ArtifactMetadata:
        """Store an artifact of format `json`; answers its metadata with the place where it is. Durable at return.

        The same artifact can be written again, with the same content. Raises `conflict` for another content, format or
        run under a known id, `unsupported_format` for metadata of another format, `serialization_error`, and
        `validation_error` for a size or checksum that is not the content's as it is printed here. Of content with a
        secret the metadata has those of what is stored.
        """
        return self._write("write_artifact_json", artifact, lambda: self._payload(payload))

    def write_artifact_jsonl(self, artifact: ArtifactMetadata, payload: Sequence[Payload]) -> ArtifactMetadata:
        """Store an artifact of format `jsonl`, an item a line. As `write_artifact_json`."""

        def body() -> tuple[bytes, bytes]:
            lines = [self._payload(item) for item in payload]
            clean = b"".join(line + b"\n" for _, line in lines)
            if all(given is line for given, line in lines):
                return clean, clean
            return b"".join(given + b"\n" for given, _ in lines), clean

        return self._write("write_artifact_jsonl", artifact, body)

    def write_artifact_text(self, artifact: ArtifactMetadata, text: str) -> ArtifactMetadata:
        """Store an artifact of format `csv` or `txt`, in UTF-8. As `write_artifact_json`."""
        return self._write("write_artifact_text", artifact, lambda: (utf8(text), self._text_bytes(text)))

    def list_artifacts(self, run_id: RunId) -> list[ArtifactMetadata]:
        """The artifacts of a run, in the order in which they were stored; none is an empty list."""
        with self._doing("list_artifacts", layout.ARTIFACT_INDEX, run_id=run_id) as about:
            found = self._indexed(str(run_id), about)
            return list({one.artifact_id: one for one in found if str(one.run_id) == str(run_id)}.values())

    def load_artifact_json(self, artifact_id: ArtifactId, model: type[ModelT]) -> ModelT:
        """The content of an artifact. Raises `not_found`, `unsupported_format` for one of another format,
        `serialization_error` for what is no JSON, `validation_error` for what is no such model."""
        body, about = self._load("load_artifact_json", artifact_id, "json")
        return parse(model, body, **about)

    def load_artifact_jsonl(self, artifact_id: ArtifactId, model: type[ModelT]) -> list[ModelT]:
        """The items of an artifact, in their order. As `load_artifact_json`."""
        body, about = self._load("load_artifact_jsonl", artifact_id, "jsonl")
        lines = body.split(b"\n")
        return [parse(model, line, **about) for line in (lines if lines[-1] else lines[:-1])]

    def load_artifact_text(self, artifact_id: ArtifactId) -> str:
        """The text of an artifact of format `csv` or `txt`. As `load_artifact_json`."""
        body, about = self._load("load_artifact_text", artifact_id, "csv", "txt")
        try:
            return body.decode()
        except UnicodeDecodeError as exc:
            reason = f"byte {exc.start} is no UTF-8"
            raise storage_error("serialization_error", f"artifact {artifact_id}: {reason}", **about) from exc

    def get_artifact(self, artifact_id: ArtifactId) -> ArtifactMetadata:
        """The metadata of an artifact. Raises `not_found`."""
        with self._doing("get_artifact", layout.ARTIFACT_INDEX, artifact_id=artifact_id) as about:
            return self._found(artifact_id, about)

    def read_artifact(self, artifact_id: ArtifactId) -> bytes:
        """The bytes of an artifact of any format. Raises `not_found`, and `serialization_error` where they are not
        those of the metadata's checksum."""
        return self._load("read_artifact", artifact_id)[0]

    def _payload(self, payload: Payload) -> tuple[bytes, bytes]:
        return self._spelled(value_of(payload) if isinstance(payload, BaseModel) else payload)

    def _write(
        self, operation: str, artifact: ArtifactMetadata, make: Callable[[], tuple[bytes, bytes]]
    ) -> ArtifactMetadata:
        """`make` answers the content as it was given, and as it is stored."""
        form, run_id, artifact_id = artifact.format.value, str(artifact.run_id), str(artifact.artifact_id)
        name = layout.artifact(run_id, artifact_id, form)
        with self._doing(operation, name, run_id=run_id, artifact_id=artifact_id) as about:
            _check_format(operation, artifact.format, about)
            given, body = make()
            known = {"location": self._reference(name), **self._stated(artifact, given, body, about)}
            stored = artifact.model_copy(update=known)
            line = self._printed(value_of(stored))

            def keep() -> None:
                listed, standing = self._is_listed(stored, line, about), self.records.read(self.prefix + name)
                if listed and standing == body:
                    return
                if listed and standing is not None:
                    raise storage_error("conflict", f"artifact {artifact_id} is there, and is another one", **about)
                self.records.replace(self.prefix + name, body)  # what is not listed is of a writer that died
                if not listed:
                    self._append(layout.ARTIFACT_INDEX, [line])

            if not self._named[0]:
                self._is_named(artifact_id)  # reads the whole index, while nobody waits for it
            self.records.alone(self.prefix + artifact_id, keep)
            return stored

    def _stated(self, artifact: ArtifactMetadata, given: bytes, body: bytes, about: dict[str, Any]) -> dict[str, Any]:
        """Size and checksum of what is stored, where the metadata has one or all have them; raises `validation_error`
        for one that is neither its own nor that of what was given."""
        known: dict[str, Any] = {}
        for name, measure in (("size_bytes", len), ("checksum_sha256", sha256_hex)):
            said = getattr(artifact, name)
            if said is None and not self.checksums:
                continue
            known[name] = measure(body)
            if said not in (None, known[name]) and said != measure(given):
                reason = f"{name} is not that of the content as it is printed here"
                message = f"artifact {artifact.artifact_id}: {reason}"
                raise storage_error("validation_error", message, **{**about, "reason": reason})
        return known

    def _is_listed(self, stored: ArtifactMetadata, line: bytes, about: dict[str, Any]) -> bool:
        """Whether the artifact is listed; raises `conflict` where it is listed as another one."""
        if not self._is_named(str(stored.artifact_id)):
            return False
        listed = [one for one in self._indexed(str(stored.artifact_id), about) if one.artifact_id == stored.artifact_id]
        here = [one.model_copy(update={"location": stored.location}) for one in listed]  # the place may have moved
        if here and self._printed(value_of(here[-1])) != line:
            message = f"artifact {stored.artifact_id} is listed with other metadata"
            raise storage_error("conflict", message, **about)
        return bool(listed)

    def _is_named(self, artifact_id: str) -> bool:
        """Whether the index names an artifact; one that it only seems to name is told by its lines."""
        mark, ids = self._named
        found = self.records.added(self.prefix + layout.ARTIFACT_INDEX, mark)
        if found.anew:
            ids = set()
        ids.update(_ids(found.lines))
        self._named = found.mark, ids  # both at once: other threads may be a line behind, never without one
        return artifact_id.encode() in ids

    def _indexed(self, part: str, about: dict[str, Any]) -> list[ArtifactMetadata]:
        """Lines of the index that hold a text."""
        wanted = part.encode()
        index = {**about, **self._about(layout.ARTIFACT_INDEX)}
        lines = self._lines(layout.ARTIFACT_INDEX).whole
        return [parse(ArtifactMetadata, line, **index) for line in lines if wanted in line.lower() or b"\\u" in line]

    def _found(self, artifact_id: ArtifactId, about: dict[str, Any]) -> ArtifactMetadata:
        listed = [one for one in self._indexed(str(artifact_id), about) if str(one.artifact_id) == str(artifact_id)]
        if not listed:
            raise storage_error("not_found", f"there is no artifact {artifact_id}", **about)
        return listed[-1]

    def _load(self, operation: str, artifact_id: ArtifactId, *forms: str) -> tuple[bytes, dict[str, Any]]:
        with self._doing(operation, layout.ARTIFACT_INDEX, artifact_id=artifact_id) as about:
            artifact = self._found(artifact_id, about)
            about |= {"run_id": artifact.run_id, **artifact.location.model_dump(mode="json", exclude_none=True)}
            if forms and artifact.format not in forms:
                reason = f"it is {artifact.format.value}, not {' or '.join(forms)}"
                message = f"artifact {artifact_id} cannot be read so: {reason}"
                raise storage_error("unsupported_format", message, **{**about, "reason": reason})
            name = layout.artifact(str(artifact.run_id), str(artifact.artifact_id), artifact.format.value)
            body = self.records.read(self.prefix + name)
            if body is None:
                message = f"artifact {artifact_id} is listed, and is not where it was"
                raise storage_error("not_found", message, **{**about, **self._about(name)})
            if artifact.checksum_sha256 not in (None, sha256_hex(body)):
                reason = "its bytes are not those that were written"
                raise storage_error("serialization_error", f"artifact {artifact_id}: {reason}", **about)
            return body, about


class Logs(Kept):
    """The logs of runs: `LogStore`, plain; reading them, and how long they stay."""

    def append_log(self, entry: LogEntry) -> None:
        """Add a line to the log of its run, durable at return."""
        self.append_logs([entry])

    def append_logs(self, entries: Sequence[LogEntry]) -> None:
        """Add lines, all of one run, in their order; none is nothing. Raises `validation_error`."""
        runs = {str(entry.run_id) for entry in entries}
        if not runs:
            return
        name = layout.log(str(entries[0].run_id))
        with self._doing("append_logs", name, run_id=entries[0].run_id) as about:
            if len(runs) > 1:
                reason = f"entries are of {len(runs)} runs"
                message = f"lines of a log are of one run; {reason}: append those of each run apart"
                raise storage_error("validation_error", message, **{**about, "reason": reason})
            self._append(name, [self._printed(value_of(entry, nulls=True)) for entry in entries])

    def get_log_reference(self, run_id: RunId) -> LogFileReference | None:
        """Where the log of a run is, and how many lines it has; `None` where there is none.

        It was created and updated when its first and last lines say.
        """
        name = layout.log(str(run_id))
        with self._doing("get_log_reference", name, run_id=run_id) as about:
            lines = self._lines(name).whole
            if not lines:
                return None
            return LogFileReference(
                run_id=run_id,
                location=self._reference(name),
                created_at=_entry(lines[0], run_id, about).timestamp,
                updated_at=_entry(lines[-1], run_id, about).timestamp,
                entry_count=len(lines),
            )

    def load_logs(self, run_id: RunId) -> list[LogEntry]:
        """The lines of a run's log, in their order; none where there is none."""
        name = layout.log(str(run_id))
        with self._doing("load_logs", name, run_id=run_id) as about:
            return [_entry(line, run_id, about) for line in self._lines(name).whole]

    def list_logs(self) -> list[LogFileReference]:
        """All logs, the one that was written to last first."""
        with self._doing("list_logs", layout.LOGS):
            names = [key.removeprefix(self.prefix) for key in self.records.keys(self.prefix)]
        runs = [UUID(name.removesuffix(".jsonl")) for name in names if _is_log(name)]
        found = [reference for run in runs if (reference := self.get_log_reference(run)) is not None]
        return sorted(found, key=_updated, reverse=True)

    def remove_log(self, run_id: RunId) -> bool:
        """Take a log away, for good; `False` where there is none."""
        name = layout.log(str(run_id))
        with self._doing("remove_log", name, run_id=run_id):
            return self.records.remove(self.prefix + name)

    def prune_logs(self, *, older_than: str | None = None, keep: int | None = None) -> list[LogFileReference]:
        """Take logs away that nobody has written to since a time (a timestamp), and all but the newest `keep`; answers
        what is gone. Without either nothing goes. A log that is written to meanwhile stays. Raises `validation_error`
        for what is no timestamp, or no number from 0 on."""
        checked_limit(keep, "prune_logs")
        since = None if older_than is None else _since(older_than)
        gone = []
        for number, reference in enumerate(self.list_logs()):
            old = since is not None and _updated(reference)[0] < since
            if old or (keep is not None and number >= keep):
                name = layout.log(str(reference.run_id))
                with self._doing("prune_logs", name, run_id=reference.run_id):
                    body = self.records.read(self.prefix + name)
                    again = self.get_log_reference(reference.run_id)
                    if body is None or again != reference:
                        continue
                    try:
                        self.records.remove(self.prefix + name, expected=digest_of(body))
                    except RunstoneError as exc:
                        if exc.code != "record_conflict":
                            raise
                    else:
                        gone.append(reference)
        return gone


def _state(body: bytes, run_id: object, about: dict[str, Any]) -> RunStateRecord:
    record = parse(RunStateRecord, body, **about)
    _check_run(record.run_id, run_id, about)
    return record


def _index(body: bytes, run_id: object, about: dict[str, Any]) -> RunIndexRecord:
    record = parse(RunIndexRecord, body, **about)
    _check_run(record.metadata.run_id, run_id, about)
    return record


def _entry(line: bytes, run_id: object, about: dict[str, Any]) -> LogEntry:
    entry = parse(LogEntry, line, **about)
    _check_run(entry.run_id, run_id, about)
    return entry


def _check_run(found: RunId, run_id: object, about: dict[str, Any]) -> None:
    """Raise `validation_error` for the record of another run than the one that it stands under."""
    if str(found) != str(run_id):
        reason = f"it is of run {found}"
        message = f"{place_in(about)} is no record of run {run_id}: {reason}"
        raise storage_error("validation_error", message, **{**about, "reason": reason})


def _ids(lines: list[bytes]) -> list[bytes]:
    """The artifacts that lines of JSON name, in whatever way their letters are written."""
    text = b"\n".join(lines).lower()
    if b"\\u00" in text:
        text = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text)
    return _LISTED.findall(text)


def _check_format(operation: str, form: ArtifactFormat, about: dict[str, Any]) -> None:
    fits = {"json": ("json",), "jsonl": ("jsonl",), "text": ("csv", "txt")}[operation.rpartition("_")[2]]
    if form not in fits:
        reason = f"the metadata says {form.value}, and {operation} writes {' or '.join(fits)}"
        raise storage_error("unsupported_format", reason, **{**about, "reason": reason})


def _is_log(name: str) -> bool:
    try:
        return name == layout.log(str(UUID(name.removesuffix(".jsonl"))))
    except ValueError:
        return False


def _moment(timestamp: str) -> str:
    """A timestamp as text that sorts by time: in UTC. What names no moment stays as it is."""
    from datetime import UTC

    try:
        return datetime.fromisoformat(timestamp).astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return timestamp


def _since(timestamp: str) -> str:
    """As `_moment`, but what names no moment would be later than all logs: raises `validation_error`."""
    try:
        known = datetime.fromisoformat(timestamp).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        reason = "older_than is a timestamp with its zone, as 2026-02-03T04:05:06Z"
        message = f"prune_logs: {reason}; found {excerpt(timestamp)!r}"
        raise storage_error("validation_error", message, operation="prune_logs", reason=reason)
    return _moment(timestamp)


def _updated(reference: LogFileReference) -> tuple[str, str]:
    return _moment(reference.updated_at or reference.created_at), str(reference.run_id)
