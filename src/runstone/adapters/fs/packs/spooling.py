"""The spool that this process writes in a store: the events of its open packed runs, in the order of recording.

- One line an event: `{"event":…,"run_id":…}`, an LF before and one behind it. It is written before the call returns, so
  it survives the process.
- The lock on a spool is the lease of all runs in it. A run that is left unsealed retires its spool: new runs go to
  another one, and the lock goes with the last run that is being recorded in it, so that recovery can come.
- A spool goes when all runs in it are sealed. Syncs are shared by all who wait for one.
"""

from __future__ import annotations

import _thread
import atexit
import errno
import os
import sys

from runstone.adapters.fs import durable
from runstone.adapters.fs.durable import other_threads
from runstone.adapters.fs.packs.group import Group, Ticket
from runstone.adapters.fs.packs.segments import new_name
from runstone.adapters.fs.places import Places, translated
from runstone.core import layout
from runstone.core.digests import sha256_hex
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Final

MAX_SPOOL_BYTES: Final = 4 << 20
"""A spool with so much in it takes no more runs."""
_TRIES: Final = 2
"""So often a line is written of which the disk takes a part: the second call tells what is wrong."""


class Sync(Ticket):
    """The wish that what was written to a spool survive power loss."""

    __slots__ = ("spool",)

    def __init__(self, group: Group, spool: Spool) -> None:
        super().__init__(group)
        self.spool = spool


class Spool:
    """One file of events. Safe to share between threads, and with a signal handler that records meanwhile."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.retired = False
        self.named = False
        self._fd = fd
        self._lock = _thread.RLock()
        self._size = 0
        self._runs: set[object] = set()  # ids, and lines that are under way
        self._left = False

    @property
    def is_full(self) -> bool:
        """Whether it takes no more runs."""
        return self.retired or self._size >= MAX_SPOOL_BYTES

    @property
    def is_held(self) -> bool:
        """Whether this process has its lock: as long as a run is recorded in it, or may be."""
        return self._fd >= 0

    def join(self, run_id: str) -> bool:
        """A run is to be recorded in it; false where it takes no more."""
        with self._lock:
            if self.is_full:
                return False
            self._runs.add(run_id)
            return True

    def leave(self, run: object, *, sealed: bool) -> None:
        """A run is recorded no more. One that is not `sealed` waits for recovery."""
        with self._lock:
            self._runs.discard(run)
            if not sealed:
                self._left = self.retired = True
            if not self._runs and self.is_full:
                self._let_go()

    def stay(self) -> Callable[[], None]:
        """Keep the descriptor, whoever leaves, until the answer is called."""
        line = object()
        self._runs.add(line)  # without the lock, which a forked child may find taken
        return lambda: self.leave(line, sealed=True)

    def append(self, line: bytes) -> None:
        """Write a line, which begins and ends with LF, by one write: the first LF ends what another one has left half
        done, so nobody waits for anybody. Raises `store_unavailable`; then part of the line may be there."""
        try:
            for _ in range(_TRIES):
                taken = durable.write_keeping_lock(self._fd, line) if other_threads() else os.write(self._fd, line)
                self._size += taken
                if taken == len(line):
                    return
        except OSError as exc:
            if exc.errno is None:  # no disk's: a timeout, say, that a signal handler raises
                raise
            raise _unwritten(exc) from exc
        raise _unwritten(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def sync(self) -> None:
        """Make what was written, and the spool's name, survive power loss; in the thread of the group."""
        try:
            durable.sync_data(self._fd)
            if not self.named:
                durable.sync_folder(os.path.dirname(self.path))
                self.named = True
        except OSError:
            self.retired = True
            raise

    def end(self) -> None:
        """The process ends: whatever is in it is sealed, or left to recovery."""
        with self._lock:
            self.retired = True
            if not self._runs:
                self._let_go()

    def _let_go(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0 and not self._left:
            try:
                os.unlink(self.path)
            except OSError:  # recovery finds that all of it is sealed
                pass
        durable.let_go(fd)

    def abandon(self) -> None:
        """In a forked child: it is the parent's."""
        fd, self._fd, self._lock = self._fd, -1, _thread.RLock()
        if self._is_written_here():
            durable.divert(fd)
        else:
            durable.let_go(fd)

    def _is_written_here(self) -> bool:
        """Whether a signal handler of this thread forks in the middle of a line."""
        frame: FrameType | None = sys._getframe()  # noqa: SLF001  # the one way to know that costs no line anything
        while frame is not None:
            if frame.f_code is Spool.append.__code__ and frame.f_locals.get("self") is self:
                return True
            frame = frame.f_back
        return False


class Spooler:
    """The spools of one store and folder in this process."""

    def __init__(self, places: Places, folder: str | None) -> None:
        self._places = places
        self._moved = folder
        self._spools: list[Spool] = []
        self._lock = _thread.RLock()
        self._group = Group(self._sync, lambda: None)

    def spool(self, run_id: str) -> Spool:
        """The spool for a new run, which has joined it. Raises `store_unavailable`."""
        with self._lock:
            last = self._spools[-1] if self._spools else None
            if last is None or not last.join(run_id):
                last = self._new()
                last.join(run_id)
                self._spools.append(last)
                self._spools[:] = [spool for spool in self._spools if spool.is_held]
            return last

    def _new(self) -> Spool:
        folder = self._places.spooled
        self._places.prepare()
        with translated(folder):
            durable.make_folders(folder)
            if self._moved is not None:
                folder = moved_folder(self._places, self._moved)
            name = os.path.join(folder, new_name())
            path = name + layout.SPOOL_END
            return Spool(path, durable.claim(path, name + layout.NEW_END, b""))

    def synced(self, spool: Spool) -> Sync:
        """Have a spool synced, once somebody waits for the ticket, which tells when it is."""
        return Sync(self._group, spool)

    def _sync(self, batch: list[Sync]) -> None:
        for spool in {id(sync.spool): sync.spool for sync in batch}.values():
            failure: Callable[[], RunstoneError] | None = None
            try:
                spool.sync()
            except Exception as exc:  # whatever it is, nobody may wait for ever
                failure = _failed(spool.path, exc)
            for sync in batch:
                if sync.spool is spool:
                    sync.settle(failure)

    def end(self) -> None:
        """At the end of the process."""
        for spool in self._spools:
            spool.end()

    def abandon(self) -> None:
        """In a forked child."""
        for spool in self._spools:
            spool.abandon()


def _unwritten(exc: OSError) -> RunstoneError:
    reason = exc.strerror or str(exc)
    return error("store_unavailable", f"cannot write the spool: {reason}", reason=reason, errno=exc.errno)


def _failed(path: str, exc: Exception) -> Callable[[], RunstoneError]:
    reason = getattr(exc, "strerror", None) or str(exc)
    return lambda: error("store_unavailable", f"{path}: {reason}", path=path, reason=reason)


def moved_folder(places: Places, folder: str) -> str:
    """The place of a store in another folder, made where it is missing; the store tells its readers of it, for good."""
    own = sha256_hex(os.fsencode(places.root))[:16]
    path = os.path.join(os.path.abspath(folder), own)
    durable.make_folders(path)
    told = places.at(layout.moved_spool(sha256_hex(os.fsencode(path))[:16]))
    if not os.path.lexists(told):
        try:
            durable.create_once(told, os.fsencode(path), places.new_temporary())
        except FileExistsError:
            pass
    return path


_SPOOLERS: Final[dict[tuple[str, str | None], Spooler]] = {}


def spooler_of(places: Places, folder: str | None) -> Spooler:
    """The spools of a store in this process."""
    key = (places.root, folder)
    found = _SPOOLERS.get(key)
    return found if found is not None else _SPOOLERS.setdefault(key, Spooler(places, folder))


def _end_all() -> None:
    for spooler in list(_SPOOLERS.values()):
        spooler.end()


def _renew() -> None:
    for spooler in _SPOOLERS.values():
        spooler.abandon()
    _SPOOLERS.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
