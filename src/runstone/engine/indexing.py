"""Index a journal beside its recording: one thread hashes each line while the next is on its way.

For a run with much output this takes the digests off the end of the run; hashing releases the interpreter's lock.
"""

from __future__ import annotations

import _thread

from runstone.core.journal import JournalIndex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.engine.writer import JournalWriter

_WAITING: Final = 4
"""Lines on their way to the thread; the recorder waits when there are more, so memory stays flat."""


class BackgroundIndex:
    """Feeds `writer.index` with every line that is written, from the first. `finish` before the run does.

    Raises what reading the journal so far does, and `RuntimeError` where no thread can be had; then nothing is fed.
    """

    def __init__(self, writer: JournalWriter) -> None:
        from _queue import SimpleQueue

        self._writer = writer
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._room = [_thread.allocate_lock() for _ in range(_WAITING)]
        self._next = 0
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self._ending = False
        before = writer.written()
        _thread.start_new_thread(self._work, ())  # before the tap: nobody else makes room for lines
        writer.index.feed(before)
        writer.tap = self._take

    def _take(self, line: bytes) -> None:
        if self._ending:  # the tap stays: another thread may have looked at it, and is about to call it
            return
        self._room[self._next % _WAITING].acquire()
        self._next += 1
        self._lines.put(line)

    def _work(self) -> None:
        number = 0
        index: JournalIndex | None = self._writer.index
        while line := self._lines.get():
            try:
                if index is not None:
                    index.feed_line(line)
            except Exception:  # what is half fed is of no use; the sealer reads the journal itself
                self._writer.index = JournalIndex()
                index = None
            self._room[number % _WAITING].release()
            number += 1
        self._done.release()

    def finish(self) -> None:
        """Wait until every line so far is in the index; later lines are the sealer's."""
        self._ending = True
        self._lines.put(b"")
        self._done.acquire()
