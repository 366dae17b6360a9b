"""Pipes in the place of descriptors 1 and 2: what C code and child processes write is handed on, and told.

- A thread hands on what comes out of a pipe, byte for byte, then tells of it. Where that cannot be handed on, the
  pipe is closed: who writes learns it, as without a pipe.
- When a capture ends the descriptors are what they were. A child that still writes into the pipe is served until
  it ends, or this process does, which hands on what is in the pipe then; nothing of that is told.
- There is one pair of pipes, however many captures are nested: the innermost is told.
- Nobody tells while it holds what hands on, opens or puts back: who is told may wait for a line in the middle of
  which a signal handler begins or ends a capture.
"""

from __future__ import annotations

import _thread
import atexit
import os
import select
import sys
import threading

from runstone.engine.sealer import is_amid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    Tell = Callable[[str, bytes], None]
    """Takes the name of a stream and what was written to it. It does not raise."""

NAMES: Final = {"stdout": 1, "stderr": 2}
CHUNK_BYTES: Final = 64 * 1024
PIPE_CHUNKS: Final = 16
"""So much is in a pipe at most: 16 pages, of 64 KiB on some machines."""
SUPPORTED: Final = hasattr(select, "poll") and hasattr(os, "set_blocking")


class Pipe:
    """A pipe in the place of one descriptor. `saved` is what stood there."""

    def __init__(self, name: str, tells: list[Tell]) -> None:
        self._name = name
        self._tells = tells
        self._lock = _thread.RLock()
        self._telling = _thread.RLock()
        self._untold: list[tuple[Tell, bytes]] = []
        self._fd = NAMES[name]
        self.saved = os.dup(self._fd)
        try:
            self._end, write = os.pipe()
        except OSError:
            os.close(self.saved)
            raise
        self._mark = _identity(write)
        self._users = 2  # of `saved`: who serves the pipe, and who puts back what stood there
        os.set_blocking(self._end, False)
        try:
            threading.Thread(target=self._serve, name=f"runstone-{name}", daemon=True).start()
            _serving.append(self)
            os.dup2(write, self._fd)
        finally:
            os.close(write)

    def hand_on(self, data: bytes) -> None:
        """Write to what stood there, all of it."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.saved, view) :]
            except BlockingIOError:
                select.select([], [self.saved], [])

    def take(self) -> bool | None:
        """Hand on a chunk, to be told; `None` where nothing is in the pipe, false where nothing more will come."""
        with self._lock:
            try:
                chunk = os.read(self._end, CHUNK_BYTES) if self._end >= 0 else b""
                self.hand_on(chunk)
            except BlockingIOError:
                return None
            except OSError:
                return False
            if chunk:
                self._untold += [(tell, chunk) for tell in self._tells[-1:]]
            return bool(chunk)

    def take_all(self) -> None:
        """Hand on what is in the pipe now, however fast others go on writing."""
        for _ in range(PIPE_CHUNKS):
            if not self.take():
                return

    def tell(self) -> None:
        """Tell what was handed on to who was to be told of it then; one thread at a time, for which nobody waits in
        the middle of a line."""
        if not self._telling.acquire(blocking=not is_amid()):
            return
        try:
            while self._untold:
                tell, chunk = self._untold.pop(0)
                tell(self._name, chunk)
        finally:
            self._telling.release()

    def empty(self) -> bool:
        """Hand on and tell what is in the pipe; false where nothing more will come out of it."""
        while found := self.take():
            self.tell()
        return found is None

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        poll.poll()
        while self.empty():
            poll.poll()
        self.tell()  # what another thread has taken
        with self._lock:
            os.close(self._end)
            self._end = -1
            if self in _serving:
                _serving.remove(self)
            self._let_go()

    def restore(self) -> None:
        """Put back what stood there, if nobody else has put something there; all that was written is handed on."""
        self.take_all()
        if _identity(self._fd) == self._mark:
            os.dup2(self.saved, self._fd)
            self.take_all()
        with self._lock:
            self._tells = []
            self._let_go()

    def _let_go(self) -> None:
        self._users -= 1
        if not self._users:
            os.close(self.saved)

    def leave_to_parent(self) -> None:
        """In a forked child: what it writes goes into the pipe, and its parent serves that."""
        for fd in (self._end, self.saved):
            if fd >= 0:
                os.close(fd)


_serving: Final[list[Pipe]] = []


def _tell_all() -> None:
    for pipe in _serving[:]:
        pipe.tell()


def _empty_all() -> None:
    for pipe in _serving[:]:
        pipe.empty()


atexit.register(_empty_all)


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        facts = os.fstat(fd)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


class Descriptors:
    """The pipes of this process, as long as a capture wants them."""

    def __init__(self) -> None:
        self._lock = _thread.RLock()
        self._tells: list[Tell] = []
        self._pipes: dict[str, Pipe] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_to_parent)

    def pipe(self, name: str) -> Pipe | None:
        """The pipe in the place of `stdout` or `stderr`, if there is one."""
        return self._pipes.get(name)

    def attach(self, tell: Tell) -> bool:
        """Tell of what is written from now on; false where that cannot be had. `detach` it once."""
        flush()
        with self._lock:
            self._take_all()
            if not self._tells:
                self._tells = []  # pipes of before that still serve a child tell nobody
                if not self._open():
                    return False
            self._tells.append(tell)
        _tell_all()
        return True

    def _open(self) -> bool:
        for name in NAMES if SUPPORTED else ():
            try:
                self._pipes[name] = Pipe(name, self._tells)
            except (OSError, RuntimeError):
                pass  # the descriptor is closed, or there are no more, or no more threads
        return bool(self._pipes)

    def detach(self, tell: Tell) -> None:
        """Tell no more of what is written; the last one puts back what stood there."""
        if tell in self._tells:
            flush()
        with self._lock:
            self._take_all()
            if self._tells == [tell]:
                pipes, self._pipes = self._pipes, {}
                for pipe in pipes.values():
                    pipe.restore()
            if tell in self._tells:  # else another call was quicker
                self._tells.remove(tell)
        _tell_all()

    def _take_all(self) -> None:
        for pipe in self._pipes.values():
            pipe.take_all()

    def _leave_to_parent(self) -> None:
        """In a forked child: it writes into the parent's pipes, as any child does."""
        self._pipes = {}
        self._lock = _thread.RLock()
        self._tells = []
        for pipe in _serving[:]:
            pipe.leave_to_parent()
        _serving.clear()


DESCRIPTORS: Final = Descriptors()


def flush() -> None:
    """Have what Python and C hold back written, but in the middle of a line, for which who empties a pipe may wait."""
    if is_amid():
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: S112  # a stream that is closed, or none
            continue
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except Exception:  # no such library here
        return
