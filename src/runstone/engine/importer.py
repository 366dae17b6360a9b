"""Import: bring a bundle, or a run that another system recorded, into a store. Bytes are never changed.

- A bundle is verified where it lies, before a byte is written, and what is written is compared with its manifest.
- A foreign run is recorded anew from the original's facts: no time, id or machine of the import enters, so the
  same original gives the same digest everywhere. The originals are kept unchanged beside it. What the format
  cannot hold is refused with its place in the original; nothing is left out but what the run says may be. Of many
  every one is proved before one is imported.
"""

from __future__ import annotations

import os
from contextlib import closing

from runstone.core import layout
from runstone.core.digests import digest_of, sha256_hex
from runstone.core.events import CLOSED, DROPPED, OPENED
from runstone.core.ids import fold_id
from runstone.core.journal import JournalIndex
from runstone.core.limits import MAX_LINE_BYTES, MAX_MANIFEST_BYTES
from runstone.core.manifest import FileFact, parse_manifest
from runstone.core.media import media_type
from runstone.core.parsing import parse_json
from runstone.core.printing import print_json
from runstone.core.times import is_time
from runstone.core.values import Foreign
from runstone.engine.admitted import admit, dropped_event
from runstone.engine.reader import read_limited
from runstone.engine.sealer import complete, open_journal
from runstone.engine.so_far import BLANK
from runstone.engine.verifier import FAULT, verify_bundle
from runstone.errors import NotFound, RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Final

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.reader import ContractOf
    from runstone.ports.claims import Claims
    from runstone.ports.journals import Journals
    from runstone.ports.objects import Bundle, Committed, Objects, Stage

_MAX_SEARCHED: Final = 1 << 16
"""So much of a value that is wrong is searched for secrets before its first characters are shown."""


def imported_claim(run_id: str) -> str:
    """The name of the claim by which a store remembers that a run came from elsewhere."""
    return f"imported.{sha256_hex(run_id.encode())}"


def import_bundle(
    bundle: Bundle, objects: Objects, contract_of: ContractOf, claims: Claims
) -> tuple[str, Digest, Committed]:
    """Copy a verified bundle into a store; answers run id, run digest, and whether it was there already. The store
    remembers first that it came from elsewhere, unless it has the run.

    Raises `bundle_damaged` with the report in `details`, `run_exists`, or `changed_while_read`; `invalid_option` for
    what is no bundle.
    """
    if not callable(getattr(bundle, "entries", None)):
        message = (
            f"a bundle is imported, found {type(bundle).__name__}: runstone.locate.open_bundle(path) opens one that is "
            "a folder or an archive, and a Sealed has its own as .bundle"
        )
        raise error("invalid_option", message, option="bundle")
    report = verify_bundle(bundle, contract_of)
    if not report.ok or report.run_id is None or report.digest is None:
        first = next((finding.message for finding in report.findings if finding.level == FAULT), "it does not verify")
        raise error("bundle_damaged", f"{bundle.location} is not imported: {first}", report=report.as_dict())
    data = read_limited(bundle, layout.MANIFEST, MAX_MANIFEST_BYTES)
    if digest_of(data) != report.digest:
        raise _changed(bundle, layout.MANIFEST)
    if not objects.exists(report.run_id):
        claims.put_new(imported_claim(report.run_id), report.digest.encode())
    stage = objects.stage(report.run_id)
    try:
        for entry in parse_manifest(data)["files"]:
            fact = stage.put(entry["path"], bundle.read(entry["path"]))
            if fact != FileFact(entry["path"], entry["size"], entry["sha256"]):
                raise _changed(bundle, entry["path"])
        stage.put(layout.MANIFEST, [data])
        return report.run_id, report.digest, stage.commit()
    finally:
        stage.discard()


def _changed(bundle: Bundle, path: str) -> RunstoneError:
    return error("changed_while_read", f"{path} in {bundle.location} changed while it was imported", path=path)


class ForeignRun:
    """A run of another system: facts in the original's order, and the files that tell of them.

    `opened` and `closed` are the `data` of the first and last event; what nothing is known of may be left out.
    `events` are what stands between, as (type, data).
    `started` and `ended` are the original's own times in the form of the format, `times` those of `events`, where it
    tells them: one for each. `places` are for errors: where the first event and each of `events` stand in the original,
    as `details` (`path`, `json_path`). `may_drop` are types of events that, where no line can hold them, are left out:
    a `dropped` event says so.
    """

    def __init__(
        self,
        opened: dict[str, Any],
        events: Iterable[tuple[str, dict[str, Any]]],
        closed: dict[str, Any],
        *,
        started: str,
        ended: str,
        originals: dict[str, bytes],
        places: Sequence[dict[str, str]] = (),
        times: Sequence[str] = (),
        may_drop: Sequence[str] = (),
    ) -> None:
        unknown = dict.fromkeys(("version", "idempotency", "argv", "cwd", "git", "platform", "entry"))
        self.opened = {**unknown, "labels": {}, "links": [], **opened}
        self.events = events
        self.closed = {**BLANK, **closed}
        self.started = started
        self.ended = max(started, ended)
        self.originals = originals
        self.places = places
        self.times = times
        self.may_drop = may_drop


def refuse_own(place: str, url: str) -> None:
    """Raise `inside_own_store` for what stands in the store itself: it may have the very name that its bundle would."""
    inside, root = os.path.realpath(place), os.path.realpath(url)
    if os.path.isdir(root) and (inside == root or inside.startswith(os.path.join(root, ""))):
        message = f"{place} stands inside the store {url}: use another store"
        raise error("inside_own_store", message, path=place, store=url)


def unfit(path: str, place: str, expected: str, found: Any) -> RunstoneError:
    """What is raised for an original that has something else at a place than every one has."""
    shown = excerpt(repr(found)[:_MAX_SEARCHED])
    message = f"{path}: {place}: expected {expected}, found {shown}"
    return error("invalid_archive", message, path=path, json_path=place, expected=expected, found=shown)


def time_of(text: Any) -> str | None:
    """A time in the form of the format; without a zone it is taken for UTC. `None` where it is none."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None:
            return None
        utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    except (OverflowError, ValueError):
        return None
    found = f"{utc.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    return found if is_time(found) else None


def original_fact(name: str, body: bytes) -> dict[str, Any]:
    """The `input` that a kept original is."""
    facts = {"sha256": sha256_hex(body), "size": len(body), "path": layout.original(name)}
    return {"name": name, "type": "original", "ref": None, "media_type": media_type(name), **facts}


def prove_foreign(
    runs: Iterable[ForeignRun], objects: Objects, journals: Journals, contract: Contract, redactor: Redactor
) -> None:
    """Raise what keeps one of many runs from being imported, before any is: what `foreign_lines` raises,
    `invalid_archive` where two have one id, in any case, and `run_exists` where another run of the store has it.

    `details` has the place in the original, so each run has its `places`.
    """
    open_ids = set(map(fold_id, journals.open_ids()))
    seen: dict[str, dict[str, str]] = {}
    for run in runs:
        lines = foreign_lines(run, redactor)
        run_id, place = run.opened["run_id"], dict(run.places[0])
        folded = fold_id(run_id)
        first = seen.setdefault(folded, place)
        if first is not place:
            message = f"run id {run_id} is there twice: {': '.join(first.values())} and {': '.join(place.values())}"
            raise error("invalid_archive", message, **place)
        try:
            _refuse_taken(run, lines, objects, contract, is_open=folded in open_ids)
        except RunstoneError as exc:
            raise _placed(exc, place) from exc


def _refuse_taken(run: ForeignRun, lines: list[bytes], objects: Objects, contract: Contract, *, is_open: bool) -> None:
    """Raise `run_exists` where the id is that of another run: one that stands, is open or was purged."""
    run_id: str = run.opened["run_id"]
    if objects.exists(run_id):
        if _standing(run_id, objects) != _staged(run, lines, objects, contract):
            raise error("run_exists", f"run id {run_id} is that of another run in the store", run_id=run_id)
    elif is_open:
        raise error("run_exists", f"run id {run_id} is that of an open run", run_id=run_id)
    elif (stone := objects.tombstone(run_id)) is not None and stone.digest != _staged(run, lines, objects, contract):
        raise stone.taken(run_id)


def _standing(run_id: str, objects: Objects) -> Digest | None:
    """The digest of the run that stands; none where its id is written in another case."""
    try:
        bundle = objects.open(run_id)
    except NotFound:
        return None
    with closing(bundle):
        return digest_of(read_limited(bundle, layout.MANIFEST, MAX_MANIFEST_BYTES))


def foreign_digest(run: ForeignRun, objects: Objects, contract: Contract, redactor: Redactor) -> Digest:
    """The run digest that a foreign run will have; none is left in the store. Raises what `foreign_lines` raises."""
    return _staged(run, foreign_lines(run, redactor), objects, contract)


def _staged(run: ForeignRun, lines: list[bytes], objects: Objects, contract: Contract) -> Digest:
    stage = objects.stage(run.opened["run_id"])
    try:
        return _put(stage, run, lines, contract)
    finally:
        stage.discard()


def import_foreign(
    run: ForeignRun, objects: Objects, contract: Contract, redactor: Redactor
) -> tuple[str, Digest, Committed]:
    """Record and seal a foreign run; answers run id, run digest, and whether it was there already.

    Raises `run_exists`, and what `foreign_lines` raises; then nothing is written.
    """
    run_id: str = run.opened["run_id"]
    stage = objects.stage(run_id)
    try:
        return run_id, _put(stage, run, foreign_lines(run, redactor), contract), stage.commit()
    finally:
        stage.discard()


def _put(stage: Stage, run: ForeignRun, lines: list[bytes], contract: Contract) -> Digest:
    """Put all files of the bundle; answers the run digest."""
    stage.put(layout.JOURNAL, lines)
    for name, body in run.originals.items():
        stage.put(layout.original(name), [body])
    whole = b"".join(lines)
    journal = open_journal(lambda start, end: (whole[start:end],), JournalIndex(), len(whole))
    digest, _ = complete(stage, contract, journal)
    return digest


def foreign_lines(run: ForeignRun, redactor: Redactor) -> list[bytes]:
    """Journal lines of a foreign run: every time is the original's own where it tells it, else its start, and the last
    one its end; none is before the one above, whatever the original says.

    Raises `too_deep`, `too_large` (a key, a line, a number) and `invalid_event`; `details` has the place in the
    original.
    """
    lines: list[bytes] = []
    redacted = dropped = 0
    ts = run.started
    for kind, data in [(OPENED, run.opened), *run.events]:
        if 0 < len(lines) <= len(run.times):
            ts = max(ts, run.times[len(lines) - 1])
        try:
            event = admit(kind, data, [], redactor)
            line = event.line(len(lines), ts)
            if problem := _problem(line, data):
                if kind not in run.may_drop:
                    raise problem
                event = dropped_event(1, len(line), problem.code, None)
                line = event.line(len(lines), ts)
        except RunstoneError as exc:
            place = dict(run.places[len(lines)]) if len(lines) < len(run.places) else {}
            raise _placed(exc, place, type=kind) from exc
        redacted += event.redactions
        dropped += data["events"] if kind == DROPPED else event.dropped
        lines.append(line)
    closed = admit(CLOSED, {**run.closed, "redactions": 0, "dropped": dropped}, [], redactor)
    lines.append(closed.with_redactions(redacted).line(len(lines), max(ts, run.ended)))
    if problem := _problem(lines[-1], {}):
        raise problem
    return lines


def _problem(line: bytes, data: dict[str, Any]) -> RunstoneError | None:
    """Why a line cannot stand in a journal, or what it tells cannot be read again."""
    if len(line) > MAX_LINE_BYTES:
        message = f"as an event it has {len(line)} bytes; the limit is {MAX_LINE_BYTES}"
        return error("too_large", message, limit=MAX_LINE_BYTES, found=len(line))
    try:
        for told in data.values():
            if isinstance(told, Foreign):
                parse_json(print_json(told.value, told.profile))
    except RunstoneError as exc:
        return exc
    return None


def _placed(exc: RunstoneError, place: dict[str, str], **details: str) -> RunstoneError:
    """What is wrong with a run, named by its place in the original."""
    where = "".join(f"{part}: " for part in place.values())
    return error(exc.code, f"{where}{exc.message}", **{**exc.details, **details, **place})
