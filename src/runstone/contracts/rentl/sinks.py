"""Where an orchestrator puts its log lines and its progress: asynchronous, bounded, and never in the way of the work.

- A line waits in memory for a writer of its own, which writes many with one call. What passes this boundary is
  redacted; digests are no secrets and stay.
- No value stops who logs it: what no line can hold is coerced, or left out, and the line says so.
- The queue is bounded. `emit` waits where it is full, so nothing is lost and a fast writer is held back; `offer` never
  waits: what does not fit is counted, and the log says so with its next line.
- `offer` and `report` may be called from any thread: the loop in which the sink or the reader lives is woken.
- A store that fails stops nobody: the loss is counted and said on standard error once.
- Progress is not logged line by line: readers see the newest, and at most one line a second goes to the log. No call
  seals or syncs anything.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from contextlib import suppress
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError

from runstone.contracts.rentl.models import LogEntry, LogLevel
from runstone.contracts.rentl.printing import bytes_of, value_of, without_secrets
from runstone.core.times import time_text
from runstone.core.values import coerce, with_encoded_bytes
from runstone.engine.facts import text_of
from runstone.engine.saying import say
from runstone.errors import RunstoneError
from runstone.locate import hidden, open_redactor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType
    from typing import Self

    from runstone.contracts.rentl.models import PhaseName, RunId
    from runstone.contracts.rentl.protocols import LogStore
    from runstone.core.redaction.redactor import Redactor

CAPACITY: Final = 1000
BATCH: Final = 200
PROGRESS_LINE_S: Final = 1.0
DROPPED: Final = "dropped"


class Progress(NamedTuple):
    """How far a phase has come."""

    run_id: RunId
    phase: PhaseName
    language: str | None
    completed: int
    total: int | None


class LogSink:
    """Takes log lines for a `LogStore`; `async with` ends it. For one event loop, and all threads (`offer`).

    `capacity` is how many lines may wait, `batch` how many are written with one call. `written`, `dropped` and `failed`
    count lines. `clock` is in nanoseconds (UTC).
    """

    def __init__(
        self,
        logs: LogStore,
        *,
        capacity: int = CAPACITY,
        batch: int = BATCH,
        redact: bool | Redactor = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.written = self.dropped = self.failed = 0
        self._logs = logs
        self._capacity = capacity
        self._batch = batch
        self._clock = clock
        self._redactor = open_redactor() if redact is True else redact or None
        self._waiting: deque[LogEntry] = deque()
        self._lost: dict[RunId, int] = {}
        self._lock = Lock()
        """Of `_waiting` and `_lost`, which other threads put into."""
        self._changed = asyncio.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writing = 0
        self._task: asyncio.Task[None] | None = None
        self._said = False

    async def emit(self, entry: LogEntry) -> None:
        """Put a line into the queue; waits while that is full. Raises nothing of the store."""
        clean = self._clean(entry)
        async with self._changed:
            self._begin()
            await self._changed.wait_for(lambda: self._put(clean))
            self._changed.notify_all()

    def offer(self, entry: LogEntry) -> bool:
        """Put a line into the queue without waiting; `False` where that is full: the line is dropped and counted. From
        any thread; before the sink was used in an event loop the line waits for the first use in one."""
        if len(self._waiting) >= self._capacity or not self._put(self._clean(entry)):
            with self._lock:
                self.dropped += 1
                self._lost[entry.run_id] = self._lost.get(entry.run_id, 0) + 1
            return False
        here = _running()
        if here is not None and (self._loop is None or self._loop.is_closed()):
            self._loop = here
        _call(self._loop, self._look)
        return True

    async def flush(self) -> None:
        """Wait until all that was put in is written, or lost and counted."""
        async with self._changed:
            if self._waiting or self._lost:
                self._begin()
                self._changed.notify_all()
            await self._changed.wait_for(lambda: not (self._waiting or self._writing or self._lost))

    async def aclose(self) -> None:
        """Write what waits, and end the writer. A sink that is used again begins anew."""
        await self.flush()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _put(self, line: LogEntry) -> bool:
        """Whether there was room for a line in the queue; then it stands there."""
        with self._lock:
            fits = len(self._waiting) < self._capacity
            if fits:
                self._waiting.append(line)
            return fits

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._write_all())

    def _look(self) -> None:
        """Have the writer look, from the loop's own thread."""

        async def wake() -> None:
            async with self._changed:
                self._changed.notify_all()

        if self._waiting:
            self._begin()
            task = asyncio.get_running_loop().create_task(wake())
            _waking.add(task)
            task.add_done_callback(_waking.discard)

    async def _write_all(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting or self._lost))
                lines = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
                lines += self._dropped_lines()
                self._writing = len(lines)
                self._changed.notify_all()
            try:
                for _, some in groupby(lines, key=lambda line: line.run_id):
                    await self._write(list(some))
            finally:
                self._writing = 0
            async with self._changed:
                self._changed.notify_all()

    def _dropped_lines(self) -> list[LogEntry]:
        """A line for each run of which lines were dropped."""
        with self._lock:
            lost, self._lost = self._lost, {}
        now = time_text(self._clock())
        return [
            LogEntry(
                timestamp=now,
                level=LogLevel.WARN,
                event="log_dropped",
                run_id=run_id,
                message=f"{number} log lines were dropped: the queue was full",
                data={DROPPED: number},
            )
            for run_id, number in lost.items()
        ]

    async def _write(self, lines: list[LogEntry]) -> None:
        try:
            await self._logs.append_logs(lines)
        except Exception as exc:  # a store of somebody else's may raise anything
            self.failed += len(lines)
            if not self._said:
                self._said = True
                said = exc.message if isinstance(exc, RunstoneError) else f"{type(exc).__name__}: {exc}"
                say(f"log lines are lost: {said}", self._redactor or open_redactor())
        else:
            self.written += len(lines)

    def _clean(self, entry: LogEntry) -> LogEntry:
        """A line without secrets that a store can write: other data is coerced, and what is too deep left out."""
        value = value_of(entry, nulls=True)
        try:
            bytes_of(value)
            clean = value if self._redactor is None else without_secrets(value, self._redactor)
        except RunstoneError as exc:
            known = {name: value[name] for name in LogEntry.model_fields}
            data = {DROPPED: exc.code} if exc.code == "too_deep" else _coerced(known["data"])
            return self._clean(LogEntry.model_validate({**known, "data": data}))
        return entry if clean is value else entry_of(clean)


def entry_of(told: dict[str, Any]) -> LogEntry:
    """The line of a log, whatever a program has told as `level`, `event`, `message` and `data`: what such a member
    cannot be is coerced as where a run is recorded. Data that is too deep is left out; `dropped` in it says so."""
    try:
        return LogEntry.model_validate(told)
    except ValidationError:
        event = _name_of(told["event"])
        message = str(coerce(text_of(told["message"]))[0]) or event
        level = told["level"] if told["level"] in list(LogLevel) else LogLevel.INFO
        coerced = {"level": level, "event": event, "message": message, "data": _coerced(told["data"])}
        return LogEntry.model_validate({**told, **coerced})


def _name_of(event: Any) -> str:
    """The name of an event: words of lower-case letters and digits joined by `_`. In lower case no secret is found."""
    name = "_".join(re.findall("[a-z0-9]+", hidden(text_of(event)).lower()))
    return name if name[:1].isalpha() else f"event_{name}".rstrip("_")


def _coerced(data: Any) -> Any:
    try:
        return with_encoded_bytes(coerce(data)[0])
    except RunstoneError as exc:
        return {DROPPED: exc.code}


_waking: Final[set[asyncio.Task[None]]] = set()
"""Tasks of a moment: the loop alone does not keep them."""


def _running() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _call(loop: asyncio.AbstractEventLoop | None, call: Callable[[], None]) -> None:
    """Make a call in the thread of an event loop, without waiting; one that has ended makes none."""
    if loop is not None and loop is _running():
        call()
    elif loop is not None:
        with suppress(RuntimeError):  # it was closed
            loop.call_soon_threadsafe(call)


class ProgressStream:
    """The newest progress of each phase, for any number of readers; a slow one misses what is no longer new.

    With a `sink` at most one line in `every` seconds goes to the log of the run, and the last one of a phase.
    """

    def __init__(
        self,
        sink: LogSink | None = None,
        *,
        every: float = PROGRESS_LINE_S,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.newest: dict[tuple[RunId, PhaseName, str | None], Progress] = {}
        self._sink = sink
        self._every_ns = int(every * 1e9)
        self._clock = clock
        self._logged: dict[tuple[RunId, PhaseName, str | None], int] = {}
        self._lock = Lock()
        """Of `_logged`: of the threads that report at once one logs."""
        self._readers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def report(self, progress: Progress) -> None:
        """Say how far a phase has come. Never waits; from any thread."""
        key = progress[:3]
        self.newest[key] = progress
        for loop, changed in self._readers.copy():
            _call(loop, changed.set)
        if self._sink is None:
            return
        now, done = self._clock(), progress.completed == progress.total
        with self._lock:
            due = done or now - self._logged.get(key, 0) >= self._every_ns
            if due:
                self._logged[key] = now
        if due:
            self._sink.offer(_line(progress, time_text(now)))

    async def watch(self) -> AsyncIterator[Progress]:
        """Each change, as the newest of it; what is known already comes first. Ends with its task."""
        changed = asyncio.Event()
        reader = (asyncio.get_running_loop(), changed)
        self._readers.add(reader)
        seen: dict[tuple[RunId, PhaseName, str | None], Progress] = {}
        try:
            while True:
                for key, progress in self.newest.copy().items():
                    if seen.get(key) != progress:
                        seen[key] = progress
                        yield progress
                await changed.wait()
                changed.clear()
        finally:
            self._readers.discard(reader)


def _line(progress: Progress, at: str) -> LogEntry:
    of = "" if progress.total is None else f" of {progress.total}"
    return entry_of(
        {
            "timestamp": at,
            "level": LogLevel.DEBUG,
            "event": "progress",
            "run_id": progress.run_id,
            "phase": progress.phase,
            "message": f"{progress.completed}{of}",
            "data": {"completed": progress.completed, "total": progress.total, "target_language": progress.language},
        }
    )
