"""One run's journal as its process writes it: one canonical, redacted line a fact, before the call returns.

- Recording never breaks the work: no call raises for a value or for I/O, except with `strict`. What could not be
  written is counted, said once on standard error, and told by a `dropped` event as soon as the journal takes
  lines again.
- `seq` and `ts` are taken under the writer's lock, so file order and numbers agree; time never goes back in it.
- Nothing of the caller's runs under the lock. What comes in between all the same, a signal handler or a finaliser
  that records, waits for the line under way; an exception that one raises leaves a line that is cut off again.
- A forked child holds an inert copy: it writes nothing, seals nothing and keeps no lock.
"""

from __future__ import annotations

import _thread

from runstone.core import canonical
from runstone.core.digests import sha256_hex
from runstone.core.events import OPENED, data_problem
from runstone.core.faults import FaultError, attempt
from runstone.core.journal import JournalIndex, split_lines
from runstone.core.limits import MAX_FILES, MAX_KEY_BYTES, MAX_LINE_BYTES, MAX_MANIFEST_BYTES
from runstone.core.runlog import MESSAGE, line_ends_in
from runstone.core.times import SECOND_NS, SECOND_US, second_text
from runstone.engine import facts as told
from runstone.engine.admitted import Admitted, admit, closing_event, dropped_event
from runstone.engine.saying import say_some
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.manifest import FileFact
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.ports.clock import Clock
    from runstone.ports.journals import OpenRun

FREE: Final = None
BUSY: Final = "a line is being written"
UNSURE: Final = "the journal may hold more than was counted"
SHUT: Final = "nothing is recorded any more"

_UNTOLD: Final = (RunstoneError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)

ENTRY_BYTES: Final = 256
"""More than what the manifest says of a file beside its path."""
MAX_KEPT_FILES: Final = MAX_FILES - 1000
MAX_KEPT_BYTES: Final = MAX_MANIFEST_BYTES - (1 << 20)
"""So much of the manifest may tell of kept files: there is always room for the documents and the rest."""

_EPOCH: Final = second_text(0).encode()
_LINE: Final = b'{"data":%b,"seq":%d,"ts":"%b.%06dZ","type":"%b"}\n'
LOG_LINE: Final = b'"type":"log"}\n'
"""How a `log` event ends."""
_OWN_STREAMS: Final = frozenset({"stdout", "stderr"})
"""Of another stream the name has to be looked through as well."""


def _nowhere(_: bytes) -> None:
    """Where a run without a journal appends."""


class JournalWriter:
    """Appends the events of one run. Safe to share between threads. `journal` is `None` where none could be had."""

    __slots__ = (
        "_append",
        "_aside",
        "_dropped",
        "_encode",
        "_endings",
        "_gate",
        "_keeping",
        "_kept",
        "_kept_bytes",
        "_last_us",
        "_lock",
        "_log_lines",
        "_lost_bytes",
        "_lost_events",
        "_lost_reason",
        "_numbered_to",
        "_redactions",
        "_said",
        "_second",
        "_second_ns",
        "_seq",
        "_state",
        "_time_ns",
        "_unnumbered",
        "_unsure",
        "_waiting",
        "ended_by",
        "heard",
        "index",
        "inherited",
        "journal",
        "monotonic_ns",
        "opened_at",
        "redactor",
        "run_id",
        "size",
        "strict",
        "tap",
    )

    def __init__(self, run_id: str, journal: OpenRun | None, redactor: Redactor, clock: Clock, *, strict: bool) -> None:
        self.run_id = run_id
        self.journal = journal
        self.redactor = redactor
        self.strict = strict
        self.index = JournalIndex()
        # called with each line that is written and counted, and its offset: under the lock, in order, and not for one
        # behind which a signal handler has raised
        self.tap: Callable[[bytes, int], None] | None = None
        self.ended_by: tuple[int, ...] = ()  # see `end`
        self.heard: list[Redactor] = []  # of children that an exception has left: it may leave this run next
        self.inherited = False
        self.opened_at: str | None = None
        self.size = 0
        self._append = journal.append if journal is not None else _nowhere
        self._aside: list[Callable[[], None]] = []
        self._encode = canonical.encoder()
        self._gate = redactor.gate
        self._state: str | None = FREE if journal is not None else SHUT
        self._waiting: list[Admitted] = []
        self._time_ns = clock.time_ns
        self._lock: Any = _thread.RLock()  # its type is not told to have `_is_owned`
        self._keeping = _thread.RLock()
        self._seq = 0
        self._second_ns = 0
        self._second = _EPOCH
        self._last_us = 0
        self._redactions = 0
        self._dropped = 0
        self._lost_events = 0
        self._lost_bytes = 0
        self._lost_reason = "interrupted"
        self._log_lines = 0
        self._numbered_to: int | None = None
        self._unnumbered = False
        self._unsure = False
        self._kept = 0
        self._kept_bytes = 0
        self._said: set[str] = set()
        self._endings: list[Callable[[], None]] = []
        self.monotonic_ns = clock.monotonic_ns

    @property
    def recording(self) -> bool:
        """Whether facts are being recorded: false once ended, in a fork, and where no journal could be opened."""
        return self._state is not SHUT

    @property
    def ended(self) -> bool:
        """Whether the run is being sealed, or was, or is left to recovery."""
        return bool(self.ended_by)

    @property
    def is_held_here(self) -> bool:
        """Whether this thread is in the middle of a line."""
        return bool(self._lock._is_owned())  # noqa: SLF001  # as a `Condition` asks

    @property
    def has_unnumbered(self) -> bool:
        """Whether a message may have got no number: it was lost, or waited for the line under way."""
        return self._unnumbered or bool(self._dropped + self._lost_events)

    @property
    def unwritten(self) -> int:
        """Grows with each event that is counted as lost, or waits for the line under way."""
        return self._dropped + self._lost_events + len(self._waiting)

    def open(self, opened: Mapping[str, Any], failure: RunstoneError | None) -> None:
        """Write the first line, `run.opened`; or say why nothing will be recorded. Raises `too_large`."""
        journal = self.journal
        if failure is None and journal is not None:
            try:
                event = self._admitted(OPENED, opened, [])
                if not event.fits:
                    raise error("too_large", f"what opens a run is over {MAX_LINE_BYTES} bytes", limit=MAX_LINE_BYTES)
                with self._lock:
                    self._append_event(event)
                    self.opened_at = f"{self._second.decode()}.{self._last_us:06d}Z"
                return
            except RunstoneError as exc:
                self.journal, self._state = None, SHUT
                journal.close()  # nothing was recorded: recovery gives the id back, where the caller goes on
                failure = exc
        assert failure is not None
        if self.strict or failure.code != "store_unavailable":
            raise failure
        self.say("open", f"run {self.run_id} is not recorded: {failure.message}; the work goes on")

    def record(  # noqa: C901  # the hot path, written out: a call more is a tenth of its time
        self, kind: str, data: Any, marks: list[Mark] | None = None, raw: bytes | None = None
    ) -> int:
        """Append one event. The common case is one encode, one gate, one write; it is written out for speed.

        `raw` are bytes that say all that `data` says: the gate reads them quicker than their JSON, whose escapes look
        like much that it looks for.
        Answers how many lines `run.log` has with it, if it is a `log` event and was written; else 0.
        """
        failure, number = None, 0
        try:
            body = self._encode(data, 1)
            length = len(body)
            plain = not marks and (length <= MAX_KEY_BYTES or not told.is_too_much(data, body))
        except _UNTOLD:  # no JSON, or another thread changes it meanwhile; what a signal handler raises goes through
            plain = False
        if plain:
            with self._lock:
                if self._state is FREE:
                    try:
                        self._state = BUSY
                        if plain := not (self._gate.hit(body) if raw is None else self._gate.hit(raw) or b"\0" in raw):
                            us = (self._time_ns() - self._second_ns) // 1000
                            if us >= SECOND_US or us < self._last_us:
                                us = self._turn_second(us)
                            self._last_us = us
                            seq, size, logged = self._seq, self.size, self._log_lines
                            line = _LINE % (body, seq, self._second, us, kind.encode())
                            end = size + len(line)
                            if kind == "log":
                                number = self._numbered("stream" not in data, size)
                            self._append(line)
                            if self._state is not BUSY:  # a handler has finished the run, without this line
                                raise self._is_finished()
                            # all at once: no handler finds half of it
                            self._seq, self.size, self._log_lines, self._state = seq + 1, end, number or logged, FREE
                        elif self._state is BUSY:
                            self._state = FREE
                    except RunstoneError as exc:
                        if self._state is BUSY:
                            self._state, self._lost_events = UNSURE, self._lost_events + 1
                            self._lose(length, exc.code)
                        self._drop_aside()
                        failure, number = self._is_finished() if self._state is SHUT else exc, 0
                    except BaseException:  # raised by a signal handler: the line may be there, whole or in part
                        if self._state is BUSY:
                            self._state, self._lost_events = UNSURE, self._lost_events + 1
                            self._lose(length, self._lost_reason)
                        self._drop_aside()
                        raise
                    else:
                        if plain:  # else the careful way writes what waits
                            tap = self.tap
                            if tap is not None:
                                tap(line, size)
                            if not self._waiting or (failure := self._write_waiting()) is None:
                                return number
            if failure is not None:
                return self._told(failure) or number
        return self._record_with_care(kind, data, list(marks or ()))

    def _admitted(self, kind: str, data: Mapping[str, Any], marks: list[Mark]) -> Admitted:
        """As `admit`, of what is rare or must be told: where all is canonical, fits and is clean, nothing is to do."""
        try:
            body = self._encode(data, 1)
        except _UNTOLD:  # no JSON
            return admit(kind, data, marks, self.redactor)
        small = len(body) <= MAX_KEY_BYTES or not told.is_too_much(data, body)
        if small and not marks and data_problem(kind, data) is None:
            with self._lock:
                if not self._gate.hit(body):
                    return Admitted(kind, body, marks)
        return admit(kind, data, marks, self.redactor)

    def surely(self, kind: str, data: Any, marks: list[Mark]) -> None:
        """Append one event, or raise what keeps it out of the journal, whether the run is strict or not: for what must
        not be done where no record tells of it."""
        event = self._admitted(kind, data, marks)
        with self._lock:
            if self._state is SHUT or self._state is BUSY or not event.fits:
                raise error("store_unavailable", f"run {self.run_id} cannot record an event of type {kind} now")
            self._append_event(event)
            failure = self._write_waiting()
        if failure is not None:
            self._told(failure)

    def repeat(self, event: Event) -> None:
        """Record once more what another run has recorded: it has passed the recorder's door, so no key is escaped anew.

        It is redacted again, by the rules and values of today.
        """
        marks = [list(mark) for mark in event.get("marks", ())]
        data = self.redactor.tree(event["data"], marks)
        if self._state is SHUT:
            return
        again = Admitted(event["type"], canonical.canonical_bytes(data), marks)
        self._put(again if again.fits else self._in_its_place(len(again.body), "too_large", sha256_hex(again.body)))

    def stream(self, stream: str, chunk: bytes) -> None:
        """Record bytes of a stream that end where no secret and no character is divided."""
        try:
            piece = {"stream": stream, "text": chunk.decode()}
        except UnicodeDecodeError:
            piece = {"stream": stream, "latin1": chunk.decode("latin-1")}
        self.record("log", piece, None, chunk if stream in _OWN_STREAMS else None)

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

    def _lose(self, lost_bytes: int, reason: str) -> None:
        """What is told of a line that could not be written for sure, and is counted: the next one cuts it off."""
        self._lost_bytes += lost_bytes
        self._lost_reason = reason

    def _told(self, failure: RunstoneError) -> int:
        if failure.code == "already_finished":  # by a handler, meanwhile
            return self._not_recorded()
        if self.strict:
            raise failure
        self.say("write", f"run {self.run_id} loses events: {failure.message}; the work goes on")
        return 0

    def _record_with_care(self, kind: str, data: Any, marks: list[Mark]) -> int:
        """The slow path: coerce, redact, check the limits, and mend the journal if that is needed."""
        if self._state is SHUT:
            return self._not_recorded()
        try:
            event = admit(kind, data, marks, self.redactor)
        except RunstoneError as exc:
            if self.strict:
                raise
            event = self._in_its_place(0, exc.code, None)
        if not event.fits:
            size = len(event.body)
            if self.strict:
                raise error("too_large", f"an event of {size} bytes; keep larger data as a file", limit=MAX_LINE_BYTES)
            event = self._in_its_place(size, "too_large", sha256_hex(event.body))
        return self._put(event)

    def _in_its_place(self, size: int, reason: str, sha256: str | None) -> Admitted:
        """What is recorded of one event instead of it, said as well."""
        self.say("drop", f"run {self.run_id} leaves out an event: {reason}")
        return dropped_event(1, size, reason, sha256)

    def _put(self, event: Admitted) -> int:
        """Append an event now, or after the line that this thread is in the middle of."""
        failure, number = None, 0
        with self._lock:
            if self._state is BUSY:
                self._waiting.append(event)
                self._unnumbered = True
                return 0
            shut = self._state is SHUT
            if not shut:
                try:
                    number = self._append_event(event)
                    failure = self._write_waiting()
                except RunstoneError as exc:
                    failure = exc
        if failure is not None:
            self._told(failure)
        return self._not_recorded() if shut else number

    def _write_waiting(self) -> RunstoneError | None:
        """Write what came in between; answers what went wrong, which is no matter of the line before."""
        try:
            while self._waiting:
                self._append_event(None)
        except RunstoneError as exc:
            return exc
        return None

    def _append_event(self, event: Admitted | None) -> int:
        """Append an event under the lock, or with `None` what waits first; answers as `record`.

        What is doubtful in the journal is cut off before. An exception undoes all but the loss, which it counts.
        """
        size, reason = 0, "interrupted"
        try:
            state, self._state = self._state, BUSY
            if state is SHUT or (event is None and not self._waiting):  # a handler was quicker
                self._state = state
                if event is None:
                    return 0
                raise self._is_finished()
            event = event or self._waiting.pop(0)
            size = len(event.body)
            if state is UNSURE:
                self._mend()
            line = event.line(self._seq, self._timestamp())
            start = self.size
            number = self._numbered(line.startswith(MESSAGE), start) if line.endswith(LOG_LINE) else 0
            redactions, dropped = self._redactions + event.redactions, self._dropped + event.dropped
            counts = self._seq + 1, start + len(line), number or self._log_lines, redactions, dropped, FREE
            self._append(line)
            if self._state is not BUSY:  # a handler has finished the run, without this line
                raise self._is_finished()
            # all at once: no handler finds half of it
            self._seq, self.size, self._log_lines, self._redactions, self._dropped, self._state = counts
        except RunstoneError as exc:
            if self._state is SHUT:
                raise self._is_finished() from exc
            reason = exc.code
            raise
        finally:
            if self._state is BUSY:
                self._state, self._lost_events = UNSURE, self._lost_events + 1
                self._lose(size, reason)
            elif self._state is SHUT:
                self._drop_aside()
        if (tap := self.tap) is not None:
            tap(line, start)
        return number

    def _numbered(self, is_message: bool, start: int) -> int:
        """The number in `run.log` of a message that is to stand at an offset; 0 for a piece of a stream. The lines of
        streams, which may be millions that nobody refers to, are counted when a message asks for its number."""
        if not is_message:
            if self._numbered_to is None:
                self._numbered_to = start
            return 0
        if self._numbered_to is not None:
            try:
                ends = attempt(self._line_ends, self._numbered_to, start)
            except FaultError:  # the journal cannot be read: the message is in it
                return 0
            self._log_lines, self._numbered_to = self._log_lines + ends, None
        return self._log_lines + 1

    def _line_ends(self, start: int, end: int) -> int:
        """How many lines of `run.log` end in a part of the journal; as recorded: redaction can take line ends out."""
        journal = self.journal
        assert journal is not None
        return sum(line_ends_in(line) for line in split_lines(journal.read(start, end)) if line.endswith(LOG_LINE))

    def _mend(self) -> None:
        """Cut the journal to what was counted, and tell what did not get in."""
        journal = self.journal
        assert journal is not None
        size = journal.repair(self.size)
        self._append = journal.append
        if size != self.size:
            raise error("store_unavailable", f"the journal has {size} bytes of the {self.size} that were written")
        events = self._lost_events
        if not events:
            return
        event = dropped_event(events, self._lost_bytes, self._lost_reason, None)
        line = event.line(self._seq, self._timestamp())
        end, dropped = size + len(line), self._dropped + events
        self._append(line)
        self._seq, self.size, self._dropped, self._lost_events, self._lost_bytes = self._seq + 1, end, dropped, 0, 0
        if (tap := self.tap) is not None:
            tap(line, size)

    def keep(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Copy a file into the run. One at a time, and none once the run has ended: the seal waits for the last."""
        with self._keeping:
            if self.journal is None or self._state is SHUT:
                raise self._is_finished()
            entry_bytes = len(canonical.canonical_bytes(path)) + ENTRY_BYTES
            if self._kept >= MAX_KEPT_FILES or self._kept_bytes + entry_bytes > MAX_KEPT_BYTES:
                raise error("too_large", f"run {self.run_id} keeps too many files for one bundle", limit=MAX_KEPT_FILES)
            fact = self.journal.keep(path, pieces)
            self._kept += 1
            self._kept_bytes += entry_bytes
            return fact

    def at_end(self, ending: Callable[[], None]) -> None:
        """Call it when the run is about to end: what records on its own stops then. It does not raise."""
        self._endings.append(ending)

    def not_at_end(self, ending: Callable[[], None]) -> None:
        """It need not be called any more."""
        if ending in self._endings:
            self._endings.remove(ending)

    def wind_up(self) -> None:
        """Stop what records on its own, the last first."""
        while self._endings:
            self._endings.pop()()

    def end(self, by: tuple[int]) -> bool:
        """Record nothing more but the last line; false where that was said before, or is not this process's.

        `by` is the call that goes on to seal the run, a tuple of its own with its thread; with `(0,)` nobody does.
        """
        if self.ended or self.inherited:
            return False
        with self._lock:
            if self._state is not BUSY:
                self._write_waiting()
            self.ended_by = self.ended_by or by  # a handler may have ended it since
            if self.ended_by is not by:
                return False
            if self._state is BUSY:  # this thread is in the middle of a line, and finishes the run in between
                self._state, self._lost_events = UNSURE, self._lost_events + 1
                self._lose(0, "interrupted")
                self._set_aside()
            self._lost_events += len(self._waiting)
            self._unsure = self._state is UNSURE or bool(self._lost_events)
            self._state = SHUT
        with self._keeping:
            return True

    def lose(self, events: int, lost_bytes: int) -> None:
        """Count what was given before the end, and cannot be recorded any more. After `end`."""
        if events:
            self._lost_events, self._unsure = self._lost_events + events, True
            self._lose(lost_bytes, "interrupted")

    def _set_aside(self) -> None:
        """What is left of the line under way goes nowhere: by then its descriptor could be that of another file."""
        if self.journal is not None:
            self._aside.append(self.journal.set_aside())

    def _drop_aside(self) -> None:
        """The line that was under way has come back."""
        while self._aside:
            self._aside.pop()()

    def close(self, closed: Mapping[str, Any], marks: list[Mark]) -> None:
        """Write the last line, `run.closed`, with the counts of what was redacted and dropped, after `end`: nobody else
        writes. `marks` tell what was taken out of it before."""
        if self._unsure:
            self._mend()
        event = closing_event({**closed, "redactions": 0, "dropped": self._dropped}, marks, self._admitted)
        line = event.with_redactions(self._redactions).line(self._seq, self._timestamp())
        end = self.size + len(line)
        self._append(line)
        self._seq, self.size, self.tap = self._seq + 1, end, None

    def tell_from_here(self, tap: Callable[[bytes, int], None] | None) -> int:
        """Tell of each line from now on, but not of the last; answers the size of the journal before."""
        with self._lock:
            self.tap = tap
            return self.size

    def left_out(self, reason: str, message: str, events: int, size: int, sha256: str | None = None) -> None:
        """Say, and record, that the caller itself left something out."""
        if self.recording:
            self.say(reason, message)
            self._put(dropped_event(events, size, reason, sha256))

    def refuse(self, code: str, message: str) -> None:
        """Leave out an event that cannot be one."""
        if self.strict:
            raise error(code, message)
        if self.recording:
            self.say("refuse", message)
            self._put(self._in_its_place(0, code, None))

    def _not_recorded(self) -> int:
        if self.inherited:
            self.say("fork", f"run {self.run_id} belongs to the parent process; open a run of its own in the child")
            if self.strict:
                raise error("not_the_writer", f"run {self.run_id} belongs to the parent process", run_id=self.run_id)
        elif self.ended:
            self.say("finished", f"run {self.run_id} is finished; what comes after is not recorded")
            if self.strict:
                raise self._is_finished()
        return 0

    def _is_finished(self) -> RunstoneError:
        return error("already_finished", f"run {self.run_id} is finished", run_id=self.run_id)

    def say(self, topic: str, message: str) -> None:
        """Say a thing, once a topic; all runs share a bound for the first word of one.

        Never under the lock: standard error may be anything, also something that records.
        """
        if topic in self._said:
            return
        self._said.add(topic)
        say_some(topic.partition(" ")[0], message, self.redactor)

    def become_inert(self) -> None:
        """In a forked child: this copy records nothing from now on."""
        if self._state is BUSY and self.is_held_here:
            self._set_aside()
        self.inherited, self._state, self._endings = True, SHUT, []
        self._lock, self._keeping = _thread.RLock(), _thread.RLock()
        if self.journal is not None:
            self.journal.inherit()
