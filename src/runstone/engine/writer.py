"""One run's journal as its process writes it: one canonical, redacted line a fact, before the call returns.

- Recording never breaks the work: no call raises for a value or for I/O, except with `strict`. What could not be
  written is counted, said once on standard error, and told by a `dropped` event as soon as the journal takes
  lines again.
- `seq` and `ts` are taken under the writer's lock, so file order and numbers agree; time never goes back in it.
- A forked child holds an inert copy: it writes nothing, seals nothing and keeps no lock.
"""

from __future__ import annotations

import _thread

from runstone.core import canonical
from runstone.core.digests import sha256_hex
from runstone.core.events import CLOSED, DROPPED, OPENED, data_problem, event_line
from runstone.core.journal import JournalIndex
from runstone.core.limits import MAX_KEY_BYTES, MAX_LINE_BYTES
from runstone.core.parsing import load
from runstone.core.runlog import line_ends
from runstone.core.times import SECOND_NS, SECOND_US, second_text
from runstone.core.values import coerce
from runstone.engine import facts as told
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.ports.clock import Clock
    from runstone.ports.journals import OpenRun

_LOG_LINE: Final = b'"type":"log"}\n'


class JournalWriter:
    """Appends the events of one run. Safe to share between threads. `journal` is `None` where none could be had."""

    def __init__(self, run_id: str, journal: OpenRun | None, redactor: Redactor, clock: Clock, *, strict: bool) -> None:
        self.run_id = run_id
        self.journal = journal
        self.redactor = redactor
        self.strict = strict
        self.index = JournalIndex()
        self.tap: Callable[[bytes], None] | None = None  # called with each written line, under the lock, in order
        self.ended = False
        self.inherited = False
        self.size = 0
        self._append = journal.append if journal is not None else told.nowhere
        self._encode = canonical.encoder()
        self._gate = redactor.gate
        self._off_path = journal is None
        self._time_ns = clock.time_ns
        self._lock = _thread.allocate_lock()
        self._seq = 0
        self._second_ns = 0
        self._second = second_text(0).encode()
        self._last_us = 0
        self._redactions = 0
        self._dropped = 0
        self._lost_events = 0
        self._lost_bytes = 0
        self._log_lines = 0
        self._said: set[str] = set()

    @property
    def recording(self) -> bool:
        """Whether facts are being recorded: false once ended, in a fork, and where no journal could be opened."""
        return self.journal is not None and not self.ended and not self.inherited

    @property
    def has_losses(self) -> bool:
        """Whether something that should have been recorded was not."""
        return bool(self._dropped + self._lost_events)

    def open(self, opened: Mapping[str, Any], failure: RunstoneError | None) -> None:
        """Write the first line, `run.opened`; or say why nothing will be recorded."""
        if failure is not None:
            self.say("open", f"run {self.run_id} is not recorded: {failure.message}; the work goes on")
            return
        journal = self.journal
        assert journal is not None
        try:
            with self._lock:
                body, marks = self._admit(OPENED, opened, [])
                line = event_line(OPENED, body, 0, self._timestamp(), marks)
                journal.append(line)
                self._redactions = sum(mark[1].startswith("redacted:") for mark in marks)
                self._seq, self.size = 1, len(line)
        except RunstoneError as exc:
            self.journal, self._off_path = None, True
            journal.close()  # nothing was recorded: the id is given back by recovery, which finds no first line
            if self.strict or exc.code != "store_unavailable":
                raise
            self.say("open", f"run {self.run_id} is not recorded: {exc.message}; the work goes on")

    def record(self, kind: str, data: Any, marks: list[Mark] | None = None) -> int:
        """Append one event. The common case is one encode, one gate, one write; it is written out for speed.

        Answers how many lines `run.log` has with it, if it is a `log` event and was written; else 0.
        """
        try:
            body = self._encode(data)
        except RunstoneError:
            body = b""
        with self._lock:
            if (
                self._off_path
                or marks
                or not body
                or self._gate.hit(body)
                or (len(body) > MAX_KEY_BYTES and told.is_too_much(data, body))
            ):
                before = self._log_lines
                self._off_the_path(kind, data, list(marks or ()))
                return self._log_lines if self._log_lines != before else 0
            us = (self._time_ns() - self._second_ns) // 1000
            if us >= SECOND_US or us < self._last_us:
                us = self._turn_second(us)
            self._last_us = us
            line = b'{"data":%b,"seq":%d,"ts":"%b.%06dZ","type":"%b"}\n' % (
                body,
                self._seq,
                self._second,
                us,
                kind.encode(),
            )
            try:
                self._append(line)
            except RunstoneError as exc:
                self._lose(line, exc)
                return 0
            self._seq += 1
            self.size += len(line)
            if self.tap is not None:
                self.tap(line)
            if kind != "log":
                return 0
            self._log_lines += line_ends(data)
            return self._log_lines

    def _off_the_path(self, kind: str, data: Any, marks: list[Mark]) -> None:
        """Nothing is recorded any more, the journal must be repaired first, or the data need care."""
        if self.ended or self.inherited or self.journal is None:
            self._not_recorded()
        else:
            self._record_with_care(kind, data, marks)

    def _turn_second(self, us: int) -> int:
        """Another second has begun, or the clock went back: then the last time is repeated."""
        if us < self._last_us:
            return self._last_us
        seconds = us // SECOND_US
        second = second_text(self._second_ns // SECOND_NS + seconds).encode()
        if second == self._second:  # past the last second that can be written
            return self._last_us
        self._second_ns += seconds * SECOND_NS
        self._second = second
        self._last_us = 0
        self._encode = canonical.encoder()
        return us - seconds * SECOND_US

    def _timestamp(self) -> str:
        us = (self._time_ns() - self._second_ns) // 1000
        if us >= SECOND_US or us < self._last_us:
            us = self._turn_second(us)
        self._last_us = us
        return f"{self._second.decode()}.{us:06d}Z"

    def _write(self, line: bytes) -> None:
        """Append a line under the lock; after a failed write repair the journal first and tell of the loss."""
        journal = self.journal
        assert journal is not None
        try:
            if self._lost_events:
                self._resume(journal, line.rpartition(b'"ts":"')[2][:27].decode())
                line = told.renumbered(line, self._seq)
            journal.append(line)
        except RunstoneError as exc:
            self._lose(line, exc)
            return
        self._written(line)

    def _written(self, line: bytes) -> None:
        self._seq += 1
        self.size += len(line)
        if line.endswith(_LOG_LINE):  # as recorded: redaction can take line ends out
            self._log_lines += line_ends(load(line)["data"])
        if self.tap is not None:
            self.tap(line)

    def _lose(self, line: bytes, exc: RunstoneError) -> None:
        """A line could not be written: it is counted, and the next one repairs the journal."""
        self._off_path = True
        self._lost_events += 1
        self._lost_bytes += len(line)
        self.say("write", f"run {self.run_id} loses events: {exc.message}; the work goes on")
        if self.strict:
            raise exc

    def _resume(self, journal: OpenRun, ts: str) -> None:
        """The journal opened anew and cut to its last LF, with a `dropped` event for what did not get in.

        `ts` is the time of the line that comes next, which is made already.
        """
        self.size = journal.repair()
        data = {"events": self._lost_events, "bytes": self._lost_bytes, "reason": "store_unavailable", "sha256": None}
        line = event_line(DROPPED, canonical.canonical_bytes(data), self._seq, ts, [])
        journal.append(line)
        self._written(line)
        self._dropped += self._lost_events
        self._lost_events = self._lost_bytes = 0
        self._off_path = False

    def _record_with_care(self, kind: str, data: Any, marks: list[Mark]) -> None:
        """The slow path: coerce, redact, check the limits. Called under the lock."""
        try:
            body, marks = self._admit(kind, data, marks)
        except RunstoneError as exc:
            if self.strict:
                raise
            self._drop(1, 0, exc.code, None)
            return
        if len(body) + told.ENVELOPE_BYTES + sum(len(mark[0]) + 64 for mark in marks) > MAX_LINE_BYTES:
            if self.strict:
                raise error(
                    "too_large", f"an event of {len(body)} bytes; keep larger data as a file", limit=MAX_LINE_BYTES
                )
            self._drop(1, len(body), "too_large", sha256_hex(body))
            return
        self._redactions += sum(mark[1].startswith("redacted:") for mark in marks)
        self._write(event_line(kind, body, self._seq, self._timestamp(), marks))

    def _admit(self, kind: str, data: Any, marks: list[Mark]) -> tuple[bytes, list[Mark]]:
        tree, found = coerce(data)
        marks = marks + found
        if self._gate.may_hit(tree):
            tree = self.redactor.tree(tree, marks)
        problem = data_problem(kind, tree)
        if problem:
            raise error("invalid_event", f"event {kind}: {problem}", type=kind)
        told.check_keys(tree)
        return canonical.canonical_bytes(tree), marks

    def _drop(self, events: int, size: int, reason: str, sha256: str | None) -> None:
        """Record under the lock that something was left out."""
        self.say("drop", f"run {self.run_id} leaves out an event: {reason}")
        self._dropped += events
        data = {"events": events, "bytes": size, "reason": reason, "sha256": sha256}
        self._write(event_line(DROPPED, canonical.canonical_bytes(data), self._seq, self._timestamp(), []))

    def end(self) -> bool:
        """Record nothing more but the last line; false where that was said before, or is not this process's."""
        with self._lock:
            if self.ended or self.inherited:
                return False
            self.ended = self._off_path = True
        return True

    def close(self, closed: Mapping[str, Any]) -> None:
        """Write the last line, `run.closed`, with the counts of what was redacted and dropped. After `end`."""
        journal = self.journal
        assert journal is not None
        with self._lock:
            if self._lost_events:
                self._resume(journal, self._timestamp())
            body, marks = self._closing({**closed, "redactions": 0, "dropped": self._dropped})
            line = event_line(CLOSED, body, self._seq, self._timestamp(), marks)
            journal.append(line)
            self._seq += 1
            self.size += len(line)
        self.tap = None

    def _closing(self, data: dict[str, Any]) -> tuple[bytes, list[Mark]]:
        """`run.closed`, with the count of redactions that includes its own."""
        try:
            tree, marks = self._closing_tree(data)
        except RunstoneError:  # a value that cannot be told must not keep the run open
            tree, marks = self._closing_tree({**data, "error": None, "result": None, "resources": None, "exit": None})
        tree["redactions"] = self._redactions + sum(mark[1].startswith("redacted:") for mark in marks)
        return canonical.canonical_bytes(tree), marks

    def _closing_tree(self, data: dict[str, Any]) -> tuple[dict[str, Any], list[Mark]]:
        tree, marks = coerce(data)
        if self._gate.may_hit(tree):
            tree = self.redactor.tree(tree, marks)
        if problem := data_problem(CLOSED, tree):
            raise error("invalid_event", problem, type=CLOSED)
        told.check_keys(tree)
        return tree, marks

    def written(self) -> bytes:
        """The journal as it stands; for an index that joins late. Called under no lock, before threads write."""
        journal = self.journal
        return b"" if journal is None else b"".join(journal.read(0, self.size))

    def left_out(self, events: int, size: int, reason: str, sha256: str | None) -> None:
        """Record that the caller itself left something out (output over a limit)."""
        with self._lock:
            if self.recording:
                self._drop(events, size, reason, sha256)

    def refuse(self, code: str, message: str) -> None:
        """Leave out an event that cannot be one."""
        if self.strict:
            raise error(code, message)
        with self._lock:
            if self.recording:
                self.say("refuse", message)
                self._drop(1, 0, code, None)

    def _not_recorded(self) -> None:
        if self.inherited:
            self.say("fork", f"run {self.run_id} belongs to the parent process; open a run of its own in the child")
            if self.strict:
                raise error("not_the_writer", f"run {self.run_id} belongs to the parent process", run_id=self.run_id)
        elif self.ended:
            self.say("finished", f"run {self.run_id} is finished; what comes after is not recorded")
            if self.strict:
                raise error("already_finished", f"run {self.run_id} is finished", run_id=self.run_id)
        else:
            self._lost_events += 1

    def say(self, topic: str, message: str) -> None:
        """Say a thing on standard error, once a topic, without what control characters could do to a terminal."""
        if topic in self._said:
            return
        self._said.add(topic)
        told.say(message, self.redactor)

    def become_inert(self) -> None:
        """In a forked child: this copy records nothing from now on."""
        self.inherited = self._off_path = True
        self._lock = _thread.allocate_lock()
        if self.journal is not None:
            self.journal.inherit()
