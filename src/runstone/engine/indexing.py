"""Index a journal beside its recording: one thread hashes each line while the next is on its way.

For a run with much output this takes the digests off the end of the run; hashing releases the interpreter's lock.
"""

from __future__ import annotations

import _thread

from runstone.core.journal import JournalIndex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.engine.writer import JournalWriter

_WAITING: Final = 4
"""Lines on their way to the thread; the recorder waits when there are more, so memory stays flat."""


class BackgroundIndex:
    """Feeds `writer.index` with every line that is written, from the first, whoever writes it. `finish` before the run
    does. Raises `RuntimeError` where no thread can be had; then nothing is fed.
    """

    def __init__(self, writer: JournalWriter) -> None:
        from _queue import SimpleQueue

        self._writer = writer
        self._lines: SimpleQueue[tuple[bytes, int]] = SimpleQueue()
        self._room = [_thread.allocate_lock() for _ in range(_WAITING)]
        self._next = 0
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self._ending = False
        self._before = writer.tell_from_here(self._take)
        try:
            _thread.start_new_thread(self._work, ())
        except RuntimeError:
            writer.tell_from_here(None)
            raise

    def _take(self, line: bytes, start: int) -> None:
        if self._ending:  # the tap stays: another thread may have looked at it, and is about to call it
            return
        try:
            room, self._next = self._room[self._next % _WAITING], self._next + 1
            room.acquire()  # a signal handler that records here has a room of its own
            self._lines.put((line, start))
        except BaseException:  # a signal handler's: room may be taken that nothing frees
            self._ending = True
            raise

    def _work(self) -> None:
        index, lines = self._writer.index, self._taken()
        try:
            if before := self._written():
                index.feed(before)
            for line, start in lines:
                if start == index.size:  # else one has not come, for what a signal handler raised: the sealer reads on
                    index.feed_line(line)
        except Exception:  # what is half fed is of no use; the sealer reads the journal itself
            self._writer.index = JournalIndex()
            for _ in lines:
                pass
        self._done.release()

    def _written(self) -> bytes:
        """What the journal had before the first line that comes this way."""
        journal = self._writer.journal
        return b"" if journal is None else b"".join(journal.read(0, self._before))

    def _taken(self) -> Iterator[tuple[bytes, int]]:
        """The lines that come, and where they stand. Each makes room for another when the next is asked for."""
        number = 0
        while (taken := self._lines.get())[0]:
            yield taken
            self._room[number % _WAITING].release()
            number += 1

    def finish(self) -> None:
        """Wait until every line so far is in the index; later lines are the sealer's."""
        self._ending = True
        self._lines.put((b"", 0))
        self._done.acquire()
