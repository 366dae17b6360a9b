"""Group commit: many callers wait for one disk, and each sync serves all who came while the one before went on.

- One thread does the work of a group. It never lingers: while it waits for the disk, the next group gathers.
- What goes wrong is told to everybody whose work was in that group.
"""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Ticket:
    """What one caller waits for. Settled once, by the thread of the group."""

    __slots__ = ("_calls", "_done", "_failure", "settled")

    def __init__(self) -> None:
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self._calls: list[Callable[[], None]] = []
        self._failure: Callable[[], BaseException] | None = None
        self.settled = False

    def block(self) -> None:
        """Port."""
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
        self._calls.append(call)
        if self.settled:
            self._call()

    def settle(self, failure: Callable[[], BaseException] | None) -> None:
        """Let everybody go on who waits."""
        self._failure = failure
        self.settled = True
        self._done.release()
        self._call()

    def _call(self) -> None:
        while self._calls:
            try:
                call = self._calls.pop()
            except IndexError:  # the other thread was quicker
                return
            call()


class Group:
    """The callers that wait for one disk. `work` does what is asked of a batch and settles each of it; it does not
    raise. `idle` is called where nothing was asked for some seconds, and says after how many it wants to be called."""

    def __init__(self, work: Callable[[list[Any]], None], idle: Callable[[], float]) -> None:
        self._work = work
        self._idle = idle
        self._waiting: list[Ticket] = []
        self._lock = _thread.allocate_lock()
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        self._asleep = False
        self._started = False

    def submit(self, work: Ticket) -> None:
        """Have it done; does not wait."""
        with self._lock:
            self._waiting.append(work)
            wake, self._asleep = self._asleep, False
            if not self._started:
                self._started = self._start()
            batch = [] if self._started else self._waiting
            self._waiting = self._waiting if self._started else []
        if wake:
            self._wake.release()
        if batch:  # the process is at its end, and no thread begins any more
            self._work(batch)

    def _start(self) -> bool:
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:
            return False
        return True

    def _run(self) -> None:
        while True:
            with self._lock:
                batch, self._waiting = self._waiting, []
                self._asleep = not batch
            if batch:
                self._work(batch)
            elif not self._wake.acquire(timeout=self._idle()):
                with self._lock:
                    still, self._asleep = self._asleep, False
                if not still:
                    self._wake.acquire()  # somebody was about to wake this thread
