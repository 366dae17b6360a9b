"""Group commit: many callers wait for one disk, and each sync serves all who came while the one before went on.

- One thread does the work of a group. It never lingers: while it waits for the disk, the next group gathers.
- A ticket is handed in once somebody waits for it. So what the tasks of an event loop ask for in one turn of it is one
  group, if they wait behind that turn.
- No lock is held while a ticket is handed in: a signal handler may hand in one of its own meanwhile.
- What goes wrong is told to everybody whose work was in that group.
"""

from __future__ import annotations

import _thread
from _queue import Empty, SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Ticket:
    """What one caller waits for. Settled once, by the thread of its group."""

    __slots__ = ("_begun", "_calls", "_done", "_failure", "_group", "settled")

    def __init__(self, group: Group) -> None:
        self._group = group
        self._begun = False
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self._calls: list[Callable[[], None]] = []
        self._failure: Callable[[], BaseException] | None = None
        self.settled = False

    def block(self) -> None:
        """Port."""
        self._begin()
        if not self.settled:
            self._done.acquire()
            self._done.release()

    def wait(self) -> None:
        """Block until it is settled; raises what went wrong, made anew for each who waits."""
        self.block()
        if self._failure is not None:
            raise self._failure()

    def then(self, call: Callable[[], None]) -> None:
        """Call it once it is settled, in the thread of the group; here and now if it is."""
        self._begin()
        self._calls.append(call)
        if self.settled:
            self._call()

    def settle(self, failure: Callable[[], BaseException] | None) -> None:
        """Let everybody go on who waits."""
        self._failure = failure
        self.settled = True
        self._done.release()
        self._call()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._group.take(self)

    def _call(self) -> None:
        while self._calls:
            try:
                call = self._calls.pop()
            except IndexError:  # the other thread was quicker
                return
            call()


class Group:
    """The callers that wait for one disk. `work` does what is asked of a batch and settles each of it; it does not
    raise. `idle` is called where nothing was asked for some seconds, and says after how many it wants to be called;
    `None` is never."""

    def __init__(self, work: Callable[[list[Any]], None], idle: Callable[[], float | None]) -> None:
        self._work = work
        self._idle = idle
        self._asked: SimpleQueue[Ticket] = SimpleQueue()
        self._working = _thread.RLock()
        self._served = False

    def take(self, ticket: Ticket) -> None:
        """Have it done; does not wait."""
        self._asked.put(ticket)
        if not self._served:
            try:
                _thread.start_new_thread(self._run, ())
            except RuntimeError:  # no thread can be had: for now, or as the process is at its end
                with self._working:
                    if not self._served:
                        self._work(self._gathered())

    def _run(self) -> None:
        with self._working:
            if self._served:  # somebody began one at the same moment
                return
            self._served = True
        while True:
            self._turn()

    def _turn(self) -> None:
        """One group; what was in it is held no longer."""
        try:
            first = self._asked.get(timeout=self._idle())
        except Empty:
            return
        self._work([first, *self._gathered()])

    def _gathered(self) -> list[Ticket]:
        return [self._asked.get() for _ in range(self._asked.qsize())]
