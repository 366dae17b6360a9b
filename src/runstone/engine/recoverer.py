"""Recover: seal what a writer that died had recorded.

- Recovery seals a copy, so a writer that was only stopped cannot change sealed bytes when it comes back.
- What it writes is a pure function of what it finds: two recoveries of one run write the same bytes.
- The open run is removed only afterwards, and only with its lease: where it is in a sealed bundle, or where not one
  line was written whole. Whatever else cannot be sealed stays as it is, and is told.
- Recovery may die at any point and run again, and any number of recoveries may run at once.
"""

from __future__ import annotations

from contextlib import closing

from runstone.core import layout
from runstone.core.canonical import canonical_bytes, is_unicode
from runstone.core.events import CLOSED, DROPPED, event_line
from runstone.core.journal import Journal, JournalIndex, proved_prefix, redactions, split_lines, with_last_line
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.manifest import FileFact, fact_of
from runstone.core.values import COERCED, undecoded
from runstone.core.words import INTERRUPTED
from runstone.engine.publishing import Publisher
from runstone.engine.sealer import complete
from runstone.engine.so_far import BLANK
from runstone.errors import NotFound, RunstoneError, StoreUnavailable, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.events import Event
    from runstone.core.values import Mark
    from runstone.engine.reader import ContractOf
    from runstone.engine.store import Store
    from runstone.ports.journals import Journals, LeftRun
    from runstone.ports.objects import Objects, Stage

SEALED: Final = "sealed"
ALREADY_SEALED: Final = "already_sealed"
NEVER_OPENED: Final = "never_opened"
ALIVE: Final = "alive"
SKIPPED: Final = "skipped"
PUBLISHED: Final = "published"


class Recovery:
    """What recovery did with one run."""

    __slots__ = ("digest", "events", "lost", "outcome", "reason", "run_id", "status", "torn_bytes")

    def __init__(self, run_id: str, outcome: str) -> None:
        self.run_id = run_id
        self.outcome = outcome
        """`sealed`, `already_sealed`, `never_opened` (nothing was recorded; the id is free), `alive` or `skipped`; or
        `published`: it was sealed before, and its published copy is made now, or is gone that was withdrawn."""
        self.reason: dict[str, Any] | None = None
        """Why a run was `skipped`: `code`, `message` and `details` of the error. It is open as it was. Else why the
        copy that it publishes could not be made."""
        self.status: str | None = None
        self.digest: Digest | None = None
        self.events = 0
        self.torn_bytes = 0
        self.lost: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        return f"<Recovery {self.run_id} {self.outcome}>"


def recover(
    run_id: str, objects: Objects, journals: Journals, contract_of: ContractOf, *, force: bool = False
) -> Recovery:
    """Seal one open run from its journal. With `force` also while its writer holds the lease.

    A run that cannot be sealed for what it holds, as one of a contract that is not known here, is `skipped`. Raises
    `store_unavailable` and `unsealed` where the store is at fault.
    """
    left = journals.take(run_id, force=force)
    if left is None:
        return Recovery(run_id, _why_not(run_id, objects, journals))
    try:
        recovery = _recover(left, objects, journals, contract_of)
        if recovery.outcome in (SEALED, ALREADY_SEALED):
            recovery.reason = _published(run_id, objects, journals, contract_of)
        return recovery
    except StoreUnavailable:
        raise
    except RunstoneError as exc:
        recovery = Recovery(run_id, SKIPPED)
        recovery.reason = exc.as_dict()
        return recovery
    finally:
        left.release()


def recover_all(store: Store, *, force: bool = False) -> tuple[list[Recovery], list[RunstoneError]]:
    """Recover every open run, and make published copies that are missing; answers what was done, and how the store
    failed for others: none keeps another open. Sealed runs that the catalog has by now are opened only where a copy is
    not as it should be; of all others the manifest is read."""
    objects, journals, contract_of = store.objects, store.journals, store.contract_of
    done, failures = [], []
    for run_id in journals.open_ids():
        try:
            done.append(recover(run_id, objects, journals, contract_of, force=force))
        except RunstoneError as exc:
            failures.append(exc)
    told = {recovery.run_id for recovery in done}
    rows = store._finder.known_rows  # noqa: SLF001  # a part of the store, which it gives nobody else
    for run_id, _, problem in Publisher(objects, journals, contract_of).mend(rows):
        if run_id not in told:
            recovery = Recovery(run_id, PUBLISHED if problem is None else SKIPPED)
            recovery.reason = None if problem is None else problem.as_dict()
            done.append(recovery)
    return done, failures


def _published(run_id: str, objects: Objects, journals: Journals, contract_of: ContractOf) -> dict[str, Any] | None:
    """Make the copies that a run publishes; answers why they could not be made."""
    try:
        Publisher(objects, journals, contract_of).publish(run_id)
    except StoreUnavailable:
        raise
    except NotFound:  # purged since
        return None
    except RunstoneError as exc:
        return exc.as_dict()
    return None


def _why_not(run_id: str, objects: Objects, journals: Journals) -> str:
    """Why a run cannot be taken: somebody has its lease, or another recovery has just done with it."""
    gone = journals.read(run_id) is None
    if objects.exists(run_id) or objects.tombstone(run_id) is not None:  # sealed, and perhaps purged since
        return ALREADY_SEALED
    return NEVER_OPENED if gone else ALIVE


def _recover(left: LeftRun, objects: Objects, journals: Journals, contract_of: ContractOf) -> Recovery:
    if objects.exists(left.run_id):
        return _sealed_before(left, objects)
    found = Prefix(left)
    if found.any_line and found.opened is None:  # a writer that lives may have written it between two looks
        found = Prefix(left)
    if not found.any_line:
        left.remove(free_id=True)
        return Recovery(left.run_id, NEVER_OPENED)
    if found.opened is None:
        message = f"the first line of open run {left.run_id} is damaged; nothing of it is touched"
        raise error("bundle_damaged", message, run_id=left.run_id, path=layout.JOURNAL, line=1)
    if found.opened["data"]["run_id"] != left.run_id:
        raise error("bundle_damaged", f"the journal in open run {left.run_id} is of another run", run_id=left.run_id)
    recovery = found.recovery()
    contract = found.opened["data"]["contract"]
    rules = contract_of(contract["name"], contract["version"])
    Publisher(objects, journals, contract_of).begin(rules)
    stage = left.stage()
    try:
        recovery.digest = _seal(left, found, rules, stage)
    except RunstoneError as exc:
        if exc.code != "run_exists":
            raise
        return _sealed_before(left, objects)  # its writer, or another recovery, was quicker
    finally:
        stage.discard()
    left.remove(free_id=False)
    return recovery


def _seal(left: LeftRun, found: Prefix, rules: Contract, stage: Stage) -> Digest:
    """Copy what was proved and commit it; raises `changed_while_read` where the copy is not what was proved."""
    _same(stage.put(layout.JOURNAL, found.read(0, found.index.size)).sha256, found.index.sha256(), layout.JOURNAL)
    for path, fact in sorted(found.kept.items()):
        _same(stage.put(path, left.read_kept(path)), fact, path)
    digest, _ = complete(stage, rules, Journal(found.index, found.read))
    stage.commit()
    return digest


def _same(copied: object, proved: object, path: str) -> None:
    if copied != proved:
        raise error("changed_while_read", f"{path} changed while its run was recovered", path=path)


def _sealed_before(left: LeftRun, objects: Objects) -> Recovery:
    """Remove an open run that a bundle of its id already holds; raises `run_exists` if the bundle is another run's."""
    line = _first_line(left.read())
    if line:
        try:
            with closing(objects.open(left.run_id)) as bundle:
                same = _first_line(bundle.read(layout.JOURNAL)) == line
        except NotFound:
            same = False
        if not same:
            message = f"the sealed bundle of id {left.run_id} is of another run; nothing of the open one is touched"
            raise error("run_exists", message, run_id=left.run_id)
    left.remove(free_id=False)
    return Recovery(left.run_id, ALREADY_SEALED)


def _first_line(chunks: Iterator[bytes]) -> bytes:
    """The first line with its LF; empty if no line is whole. One that passes the limit is cut."""
    found = b""
    for chunk in chunks:
        found += chunk
        if b"\n" in chunk:
            return found[: found.index(b"\n") + 1]
        if len(found) > MAX_LINE_BYTES:
            return found[:MAX_LINE_BYTES]
    return b""


def _spelled(paths: set[str]) -> tuple[list[str], list[Mark]]:
    """Paths as the last line has them, and the marks of those that stand there in another spelling: a name on disk may
    be no Unicode."""
    coerced = {undecoded(path) for path in paths if not is_unicode(path)}
    lost = sorted({path for path in paths if is_unicode(path)} | coerced)
    return lost, [[f"/lost/{at}", COERCED] for at, path in enumerate(lost) if path in coerced]


class Prefix:
    """The longest good beginning of a journal, with the line that closes it and the kept files that hold."""

    def __init__(self, left: LeftRun) -> None:
        self._left = left
        self.index = JournalIndex()
        self.opened: Event | None = None
        self.any_line = False
        """Whether one line, good or bad, was written to its LF."""
        self.kept: dict[str, FileFact] = {}
        self._total = 0
        self._scan()

    def _scan(self) -> None:
        promised: dict[str, FileFact] = {}
        status: str | None = None
        ts, redacted, dropped = "", 0, 0
        for line, event in proved_prefix(split_lines(self._chunks())):
            if event["type"] == CLOSED:
                if not self._holds(promised):
                    break  # a close whose files are not all there is torn
                status = event["data"]["status"]
            self.opened = self.opened or event
            data = event["data"]
            if event["type"] in ("input", "output") and data["path"] is not None:
                promised[data["path"]] = FileFact(data["path"], data["size"], data["sha256"])
            if event["type"] == DROPPED:
                dropped += data["events"]
            redacted += redactions(event)
            self.index.feed_line(line)
            ts = event["ts"]
        self.kept = {path: fact for path, fact in promised.items() if self._fact(path) == fact}
        for _ in self._chunks():  # bytes behind the first fault count as torn
            pass
        self.status = status or INTERRUPTED
        self.lost, marks = _spelled((set(promised) | set(self._left.kept())) - set(self.kept))
        size, end = self.index.size, b""
        self.torn_bytes = self._total - size
        if status is None and self.opened is not None:
            known = {"redactions": redacted, "dropped": dropped, "torn_bytes": self.torn_bytes, "lost": self.lost}
            data = {**BLANK, "status": INTERRUPTED, **known}
            end = event_line(CLOSED, canonical_bytes(data), self.index.count, ts, marks)
            self.index.feed_line(end)
        self.read = with_last_line(self._left.read, size, end)
        """Bytes of the journal as it is sealed."""

    def _chunks(self) -> Iterator[bytes]:
        for chunk in self._left.read(self._total):
            self._total += len(chunk)
            self.any_line = self.any_line or b"\n" in chunk
            yield chunk

    def _holds(self, promised: dict[str, FileFact]) -> bool:
        return all(self._fact(path) == fact for path, fact in promised.items())

    def _fact(self, path: str) -> FileFact | None:
        try:
            return fact_of(path, self._left.read_kept(path))
        except RunstoneError:
            return None

    def recovery(self) -> Recovery:
        """What is to be told of this run."""
        recovery = Recovery(self._left.run_id, SEALED)
        recovery.status = self.status
        recovery.events = self.index.count
        recovery.torn_bytes = self.torn_bytes
        recovery.lost = self.lost
        return recovery
