"""Where an orchestrator puts its log lines and its progress: asynchronous, bounded, and never in the way of the work.

- A line waits in memory for a writer of its own, which writes many with one call. What passes this boundary is
  redacted; digests are no secrets and stay.
- The queue is bounded. `emit` waits where it is full, so nothing is lost and a fast writer is held back; `offer` never
  waits: what does not fit is counted, and the log says so with its next line.
- A store that fails stops nobody: the loss is counted and said on standard error once.
- Progress is not logged line by line: readers see the newest, and at most one line a second goes to the log. No call
  seals or syncs anything.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from runstone.contracts.rentl.models import LogEntry, LogLevel
from runstone.contracts.rentl.printing import value_of
from runstone.core.times import time_text
from runstone.core.values import coerce
from runstone.engine.saying import say
from runstone.errors import RunstoneError
from runstone.locate import open_redactor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType
    from typing import Self

    from runstone.contracts.rentl.models import PhaseName, RunId
    from runstone.contracts.rentl.protocols import LogStore
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark

CAPACITY: Final = 1000
BATCH: Final = 200
PROGRESS_LINE_S: Final = 1.0


class Progress(NamedTuple):
    """How far a phase has come."""

    run_id: RunId
    phase: PhaseName
    language: str | None
    completed: int
    total: int | None


class LogSink:
    """Takes log lines for a `LogStore`; `async with` ends it. For one event loop.

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
        self._changed = asyncio.Condition()
        self._writing = 0
        self._task: asyncio.Task[None] | None = None
        self._said = False

    async def emit(self, entry: LogEntry) -> None:
        """Put a line into the queue; waits while that is full. Raises nothing of the store."""
        clean = self._clean(entry)
        async with self._changed:
            self._begin()
            await self._changed.wait_for(lambda: len(self._waiting) < self._capacity)
            self._waiting.append(clean)
            self._changed.notify_all()

    def offer(self, entry: LogEntry) -> bool:
        """Put a line into the queue without waiting; `False` where that is full: the line is dropped and counted."""
        if len(self._waiting) >= self._capacity:
            self.dropped += 1
            self._lost[entry.run_id] = self._lost.get(entry.run_id, 0) + 1
            return False
        self._waiting.append(self._clean(entry))
        self._begin()
        self._wake()
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

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    def _wake(self) -> None:
        async def wake() -> None:
            async with self._changed:
                self._changed.notify_all()

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
        lost, self._lost = self._lost, {}
        now = time_text(self._clock())
        return [
            LogEntry(
                timestamp=now,
                level=LogLevel.WARN,
                event="log_dropped",
                run_id=run_id,
                message=f"{number} log lines were dropped: the queue was full",
                data={"dropped": number},
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
        if self._redactor is None:
            return entry
        marks: list[Mark] = []
        clean = self._redactor.tree(coerce(value_of(entry, nulls=True))[0], marks)
        return LogEntry.model_validate(clean) if marks else entry


_waking: Final[set[asyncio.Task[None]]] = set()
"""Tasks of a moment: the loop alone does not keep them."""


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
        self._readers: set[asyncio.Event] = set()

    def report(self, progress: Progress) -> None:
        """Say how far a phase has come. Never waits."""
        key = progress[:3]
        self.newest[key] = progress
        for reader in self._readers:
            reader.set()
        now, done = self._clock(), progress.completed == progress.total
        if self._sink is not None and (done or now - self._logged.get(key, 0) >= self._every_ns):
            self._logged[key] = now
            self._sink.offer(_line(progress, time_text(now)))

    async def watch(self) -> AsyncIterator[Progress]:
        """Each change, as the newest of it; what is known already comes first. Ends with its task."""
        changed = asyncio.Event()
        self._readers.add(changed)
        seen: dict[tuple[RunId, PhaseName, str | None], Progress] = {}
        try:
            while True:
                for key, progress in list(self.newest.items()):
                    if seen.get(key) != progress:
                        seen[key] = progress
                        yield progress
                await changed.wait()
                changed.clear()
        finally:
            self._readers.discard(changed)


def _line(progress: Progress, at: str) -> LogEntry:
    of = "" if progress.total is None else f" of {progress.total}"
    return LogEntry(
        timestamp=at,
        level=LogLevel.DEBUG,
        event="progress",
        run_id=progress.run_id,
        phase=progress.phase,
        message=f"{progress.completed}{of}",
        data={"completed": progress.completed, "total": progress.total, "target_language": progress.language},
    )
