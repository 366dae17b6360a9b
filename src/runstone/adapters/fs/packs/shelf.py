"""The segments of a store as readers see them: which run stands where.

- A segment that is closed has an index, which is believed where its size is the segment's; one that was cut since is
  scanned, and what the index names and no scan finds is damaged. Each other one is scanned, and of it only whole slices
  are seen. What was scanned once is not scanned again, as segments only grow.
- No name of a segment is ever used again: one that is written anew gets a later name.
- Two segments may hold one bundle for a moment, while slices are moved. The later name counts.
"""

from __future__ import annotations

import _thread
import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, read_chunks, translated
from runstone.core import layout
from runstone.core.ids import fold_id
from runstone.core.slices import MAX_INDEX_BYTES, Slice, found_again, parse_index, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.core.slices import Read

WINDOW_BYTES: Final = 256 << 10


def reader_of(fd: int) -> Read:
    """Reads an open segment, many small pieces by one call of the system."""
    base, held = 0, b""

    def read(at: int, size: int) -> bytes:
        nonlocal base, held
        if not base <= at <= at + size <= base + len(held):
            wanted = max(size, WINDOW_BYTES)
            base, held = at, os.pread(fd, wanted, at)
            while len(held) < size and (more := os.pread(fd, wanted - len(held), at + len(held))):
                held += more
        return held[at - base : at - base + size]

    return read


class Segment:
    """One segment, as far as it was read."""

    def __init__(self, places: Places, name: str) -> None:
        self.name = name
        self.path = places.at(layout.segment(name))
        self._index = places.at(layout.segment_index(name))
        self.closed = False
        self.size = -1
        self.slices: dict[str, Slice] = {}
        """By the folded run id."""
        self._scanned = 0

    def look(self) -> None:
        """Take in what was written since the last look. Raises `FileNotFoundError` where the segment is gone."""
        if self.closed:
            return
        fd = os.open(self.path, durable.READ)
        try:
            size = os.fstat(fd).st_size
            indexed = self._indexed(size)
            if indexed is not None:
                slices, before = indexed
                known = slices if before == size else found_again(slices, reader_of(fd), size)
                self.slices = {fold_id(found.run_id): found for found in known}
                self.closed = True
            elif size != self.size:
                for found in scan(reader_of(fd), self._scanned, size):
                    self.slices.setdefault(fold_id(found.run_id), found)
                    self._scanned = found.end
            self.size = size
        finally:
            os.close(fd)

    def _indexed(self, size: int) -> tuple[list[Slice], int] | None:
        try:
            fd = os.open(self._index, durable.READ)
        except OSError:
            return None
        try:
            if os.fstat(fd).st_size > MAX_INDEX_BYTES:
                return None
            return parse_index(b"".join(read_chunks(fd)), size)
        finally:
            os.close(fd)


class Packed:
    """Where a packed run stands."""

    __slots__ = ("segment", "slice")

    def __init__(self, segment: Segment, found: Slice) -> None:
        self.segment = segment
        self.slice = found

    @property
    def run_id(self) -> str:
        """The id, as it is spelled."""
        return self.slice.run_id

    @property
    def location(self) -> str:
        """For people: the segment, and the folder in it."""
        return f"{self.segment.path}#{self.slice.run_id}"


class Shelf:
    """All segments of one store. Safe to share between threads, and with a signal handler that looks meanwhile."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._segments: dict[str, Segment] = {}
        self._lock = _thread.RLock()
        self._pid = os.getpid()

    def segments(self) -> list[Segment]:
        """Every segment as it is now, the latest first."""
        if self._pid != os.getpid():  # a forked child: whoever had the lock is not here
            self._lock, self._pid = _thread.RLock(), os.getpid()
        with self._lock, translated(self._places.packs):
            self._refresh()
            found = self._segments
            return [found[name] for name in sorted(found, reverse=True)]

    def _refresh(self) -> None:
        end = layout.SEGMENT_END
        try:
            names = {name[: -len(end)] for name in os.listdir(self._places.packs) if name.endswith(end)}
        except FileNotFoundError:
            names = set()
        found = {}
        for name in names:
            segment = self._segments.get(name) or Segment(self._places, name)
            try:
                segment.look()
            except FileNotFoundError:  # written anew meanwhile, under a name that the next list has
                self._segments.pop(name, None)
                self._refresh()
                return
            found[name] = segment
        self._segments = found

    def find(self, run_id: str) -> Packed | None:
        """Where a run stands, its id in any case."""
        return next(iter(self.holders(run_id)), None)

    def holders(self, run_id: str) -> list[Packed]:
        """Every place where a run stands."""
        folded = fold_id(run_id)
        return [Packed(found, found.slices[folded]) for found in self.segments() if folded in found.slices]

    def all(self) -> Iterator[Packed]:
        """Every packed run, once."""
        seen: set[str] = set()
        for segment in self.segments():
            for folded, found in list(segment.slices.items()):
                if folded not in seen:
                    seen.add(folded)
                    yield Packed(segment, found)

    def stamp(self) -> str:
        """A text that is another after a slice has come or gone."""
        return ",".join(f"{segment.name}:{segment.size}" for segment in self.segments())
