"""Bytes of a stream on their way into the journal: what may be the middle of a secret or a character waits."""

from __future__ import annotations

import _thread

from runstone.core.redaction.cutting import Cutter
from runstone.engine.characters import whole_characters
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.writer import JournalWriter

    Piece = tuple[str, bytes]
    """The name of a stream, and bytes of it."""


class Streams:
    """Streams by name. At most 64 KiB of each wait, or as long as a declared value is."""

    def __init__(self, redactor: Redactor) -> None:
        self._cutter = Cutter(redactor)
        self._held: dict[str, bytes] = {}

    def feed(self, stream: str, chunk: bytes) -> bytes:
        """Take in what a stream gave; answers what of it, and of what waited, may be recorded now."""
        data = self._held.get(stream, b"") + chunk
        end = self._end_of(data)
        self._held[stream] = data[end:]
        return data[:end]

    def _end_of(self, data: bytes) -> int:
        """Behind what of it may be recorded now."""
        return whole_characters(data, self._cutter.safe_end(data))

    def rest(self) -> Iterator[Piece]:
        """The end of each stream: what still waits."""
        held, self._held = self._held, {}
        return ((stream, data) for stream, data in held.items() if data)


class RunStreams(Streams):
    """The streams of one run, recorded by its writer, each byte once and in order. Safe to share between threads.

    What a signal handler gives in the middle of a call is recorded behind that. Where it raises, all that the writer
    has not counted, written or lost, waits for the next call, or for the end.
    """

    def __init__(self, writer: JournalWriter) -> None:
        super().__init__(writer.redactor)
        self._writer = writer
        self._lock: Any = _thread.RLock()  # its type is not told to have `_is_owned`
        self._came: list[Piece] = []
        self._ready: Piece | None = None

    def record(self, stream: str, chunk: bytes) -> None:
        """Take in what a stream gave; what may be recorded by now is in the journal when this returns, but for a signal
        handler, which does not wait for what it has come into."""
        self._came.append((stream, chunk))
        if self._lock._is_owned():  # noqa: SLF001  # as a `Condition` asks
            return
        while self._alone(self._record_what_came) and self._came:
            continue

    def end(self) -> None:
        """Record what waits for the end of a line that never comes."""
        self._alone(self._record_all)

    def _alone(self, work: Callable[[], None]) -> bool:
        """Do it while no other thread does; false where one does that may be waiting for a line which this thread is in
        the middle of."""
        if not self._writer.is_held_here:
            with self._lock:
                work()
            return True
        if not self._lock.acquire(blocking=False):
            return False
        try:
            work()
        finally:
            self._lock.release()
        return True

    def _record_what_came(self) -> None:
        self._hand_over()
        while came := self._came[:1]:
            stream, chunk = came[0]
            data = self._held.get(stream, b"") + chunk
            end = self._end_of(data)
            ready = (stream, data[:end]) if end else None
            if self._came and self._came[0] is came[0]:  # else a handler has ended the run meanwhile
                # all at once: no handler finds half of it
                self._held[stream], self._came[:1], self._ready = data[end:], (), ready
                self._hand_over()

    def _record_all(self) -> None:
        self._record_what_came()
        for stream in tuple(self._held):
            self._ready, self._held[stream] = (stream, self._held[stream]), b""
            self._hand_over()

    def _hand_over(self) -> None:
        """Have what is ready written, if anything is."""
        ready, counted = self._ready, self._writer.counted
        if ready is None:
            return
        try:
            self._ready = None
            if ready[1]:
                self._writer.stream(*ready)
        except RunstoneError:
            raise
        except BaseException:  # raised by a signal handler
            if self._writer.counted == counted:
                self._ready = ready
            raise
