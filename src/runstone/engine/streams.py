"""Bytes of a stream on their way into the journal: what may be the middle of a secret or a character waits."""

from __future__ import annotations

import _thread
from itertools import chain

from runstone.core.journal import split_lines
from runstone.core.redaction.cutting import Cutter
from runstone.engine.characters import whole_characters
from runstone.engine.writer import LOG_LINE
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.writer import JournalWriter

    Piece = tuple[str, bytes]
    """The name of a stream, and bytes of it."""

_STREAM: Final = b'"stream":"'
"""What a line holds that tells a piece of a stream, and no text within it: there its quotes are escaped."""


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
    has not written, or counted as lost, waits for the next call, or for the end.
    """

    def __init__(self, writer: JournalWriter) -> None:
        super().__init__(writer.redactor)
        self._writer = writer
        self._lock: Any = _thread.RLock()  # its type is not told to have `_is_owned`
        self._came: dict[int, list[Piece]] = {}  # by thread: who gave a piece is told what is wrong with it
        self._ready: Piece | None = None

    def record(self, stream: str, chunk: bytes) -> None:
        """Take in what a stream gave; what may be recorded by now is in the journal when this returns, but for a signal
        handler, which does not wait for what it has come into."""
        (came := self._came.setdefault(_thread.get_ident(), [])).append((stream, chunk))
        if self._lock._is_owned():  # noqa: SLF001  # as a `Condition` asks
            return
        while came and self._alone(lambda: self._record_what_came(came)):
            continue

    def end(self) -> None:
        """Record what waits for the end of a line that never comes."""
        while self._alone(self._record_all) and any(data for _, data in self._left()):
            continue

    def left(self) -> tuple[int, int]:
        """How many pieces, and bytes, were given and are not recorded."""
        sizes = [len(data) for _, data in self._left()]
        return len(sizes), sum(sizes)

    def _left(self) -> list[Piece]:
        ready = [] if self._ready is None else [self._ready]
        return [piece for piece in (*ready, *self._held.items(), *chain(*self._came.values())) if piece[1]]

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

    def _record_what_came(self, came: list[Piece]) -> None:
        """Record what waits, and these pieces behind it."""
        self._hand_over()
        while next_one := came[:1]:
            stream, chunk = next_one[0]
            data = self._held.get(stream, b"") + chunk
            end = self._end_of(data)
            ready = (stream, data[:end]) if end else None
            if came and came[0] is next_one[0]:  # else a handler has ended the run meanwhile
                # all at once: no handler finds half of it
                self._held[stream], came[:1], self._ready = data[end:], (), ready
                self._hand_over()

    def _record_all(self) -> None:
        for came in list(self._came.values()):
            self._record_what_came(came)
        for stream in tuple(self._held):
            self._ready, self._held[stream] = (stream, self._held[stream]), b""
            self._hand_over()

    def _hand_over(self) -> None:
        """Have what is ready written, if anything is."""
        ready, start, unwritten = self._ready, self._writer.size, self._writer.unwritten
        if ready is None:
            return
        try:
            self._ready = None
            if ready[1]:
                self._writer.stream(*ready)
        except RunstoneError:
            raise
        except BaseException:  # raised by a signal handler
            if self._writer.unwritten == unwritten and not self._has_piece_behind(start):
                self._ready = ready
            raise

    def _has_piece_behind(self, start: int) -> bool:
        """Whether a piece of a stream was written behind this offset: no other thread writes one meanwhile."""
        journal = self._writer.journal
        lines = () if journal is None else split_lines(journal.read(start, self._writer.size))
        return any(_STREAM in line and line.endswith(LOG_LINE) for line in lines)
