"""The segment that this process writes in a store: slices appended by group commit.

- One write of all slices of a group, one sync, and only then an answer to each caller.
- A write or sync that failed is never asked again: all that wait are told `unsealed`, the segment is let go as it is,
  and the next group opens another one. What is whole in it is for recovery to find.
- A segment is locked from the first moment that anybody can see it until it is closed: with the end of an archive and
  an index. A forked child closes what it has inherited and opens its own.
"""

from __future__ import annotations

import atexit
import os
import time
from zlib import crc32

from runstone.adapters.fs import durable
from runstone.adapters.fs.packs.group import Group, Ticket
from runstone.adapters.fs.places import Places
from runstone.core import layout
from runstone.core.slices import Slice, index_bytes
from runstone.core.tar import END
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

MAX_SEGMENT_BYTES: Final = 64 << 20
MAX_SEGMENT_S: Final = 60.0


def new_name(after: str = "") -> str:
    """A name for a segment that nobody has used, later than `after`."""
    unix_ms = max(time.time_ns() // 1_000_000, int(after[:12] or "0", 16) + 1)
    return f"{unix_ms:012x}{os.urandom(10).hex()}"


def unsealed(path: str, exc: OSError) -> Callable[[], RunstoneError]:
    """What those are told whose bytes may not be on the disk."""
    reason = exc.strerror or str(exc)
    return lambda: error("unsealed", f"{path}: {reason}", path=path, errno=exc.errno, reason=reason)


class Commit(Ticket):
    """A slice that is to be made durable; without bytes the wish that the segment be closed."""

    __slots__ = ("data", "digest", "run_id")

    def __init__(self, group: Group, run_id: str = "", digest: str = "", data: bytes = b"") -> None:
        super().__init__(group)
        self.run_id = run_id
        self.digest = digest
        self.data = data


class SegmentWriter:
    """Appends slices to the one open segment of this process. Safe to share between threads."""

    def __init__(self, places: Places, open_for_s: float = MAX_SEGMENT_S) -> None:
        self._places = places
        self._open_for_s = open_for_s
        self._group = Group(self._commit, self._idle)
        self._fd = -1
        self._name = ""
        self._size = 0
        self._since = 0.0
        self._slices: list[Slice] = []

    def put(self, run_id: str, digest: str, data: bytes) -> Commit:
        """Append a slice, once somebody waits for the ticket; it is settled when the slice survives power loss."""
        return Commit(self._group, run_id, digest, data)

    def close(self) -> None:
        """Close the segment, as far as one is open; what was put before is in it."""
        if self._fd >= 0:
            Commit(self._group).wait()

    def abandon(self) -> None:
        """In a forked child: the segment is the parent's."""
        durable.let_go(self._fd)
        self._fd = -1

    # in the thread of the group

    def _commit(self, batch: list[Commit]) -> None:
        failure = self._append([commit for commit in batch if commit.data])
        closing = self._is_due() or any(not commit.data for commit in batch)
        if self._open_for_s == 0 and failure is None:
            self._close()
        for commit in batch:
            if commit.data:
                commit.settle(failure)
        if closing:
            self._close()
        for commit in batch:
            if not commit.data:
                commit.settle(None)

    def _append(self, batch: list[Commit]) -> Callable[[], RunstoneError] | None:
        """Make slices durable; answers what their callers are told where that failed."""
        if not batch:
            return None
        try:
            if self._fd < 0:
                self._open()
            data = batch[0].data if len(batch) == 1 else b"".join([commit.data for commit in batch])
            durable.write_all(self._fd, data)
            durable.sync_data(self._fd)
        except OSError as exc:
            self._let_go()
            return unsealed(self._places.packs, exc)
        except Exception as exc:  # of a store that cannot be made, or of no memory: nobody may wait for ever
            self._let_go()
            told = str(exc) or type(exc).__name__
            return lambda: error("unsealed", f"{self._places.packs}: {told}", path=self._places.packs, reason=told)
        for commit in batch:
            length = len(commit.data)
            self._slices.append(Slice(commit.run_id, commit.digest, self._size, length, crc32(commit.data)))
            self._size += length
        return None

    def _open(self) -> None:
        places, name = self._places, new_name()
        places.prepare()
        durable.make_folders(places.packs)
        self._fd = durable.claim(places.at(layout.segment(name)), places.new_temporary(), b"")
        self._name, self._size, self._slices = name, 0, []
        durable.sync_folder(places.packs)
        self._since = time.monotonic()

    def _is_due(self) -> bool:
        return self._fd >= 0 and (self._size >= MAX_SEGMENT_BYTES or time.monotonic() - self._since >= self._open_for_s)

    def _idle(self) -> float | None:
        if self._is_due():
            self._close()
        return None if self._fd < 0 else max(0.0, self._since + self._open_for_s - time.monotonic())

    def _close(self) -> None:
        """End the segment; where that fails it is as good as one whose writer was killed."""
        if self._fd < 0:
            return
        places, name = self._places, self._name
        try:
            durable.write_all(self._fd, END)
            durable.sync_data(self._fd)
            index = index_bytes(self._size + len(END), self._slices)
            durable.replace_file(places.at(layout.segment_index(name)), index, places.new_temporary())
        except (OSError, RunstoneError):
            pass  # all that was answered is durable; recovery ends the segment
        self._let_go()

    def _let_go(self) -> None:
        if not self._slices and self._name:
            try:
                os.unlink(self._places.at(layout.segment(self._name)))  # nothing that anybody was told of is in it
            except OSError:
                pass
        fd, self._fd, self._name, self._slices = self._fd, -1, "", []
        durable.let_go(fd)


_WRITERS: Final[dict[tuple[str, float], SegmentWriter]] = {}


def segment_writer(places: Places, open_for_s: float = MAX_SEGMENT_S) -> SegmentWriter:
    """The writer of a store in this process."""
    key = (places.root, open_for_s)
    found = _WRITERS.get(key)
    return found if found is not None else _WRITERS.setdefault(key, SegmentWriter(places, open_for_s))


def close_own(root: str) -> None:
    """Close what this process writes in a store, so that it can be written anew."""
    for (other, _), writer in list(_WRITERS.items()):
        if other == root:
            writer.close()


def _close_all() -> None:
    for writer in list(_WRITERS.values()):
        writer.close()


def _renew() -> None:
    for writer in _WRITERS.values():
        writer.abandon()
    _WRITERS.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
