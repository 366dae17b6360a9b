"""A packed bundle, open for reading: its slice, in a segment that this reader holds open.

A segment that is written anew meanwhile takes nothing away: the old one goes when its last reader has closed it.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.objects import no_file
from runstone.adapters.fs.packs.shelf import Packed, reader_of
from runstone.adapters.fs.places import HoldsDescriptor, read_chunks, translated
from runstone.core.slices import Member, members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    from runstone.ports.objects import Bundle, Entry

_FILE: Final = os.O_RDONLY | durable.NO_FOLLOW


class PackedBundle(HoldsDescriptor):
    """Port `Bundle`, but for `rest`. Raises `FileNotFoundError` where the segment is gone."""

    def __init__(self, packed: Packed) -> None:
        self.location = packed.location
        self._slice = packed.slice
        self._known: dict[str, Member] | None = None
        self._fd = os.open(packed.segment.path, _FILE)

    def entries(self) -> list[Entry]:
        from runstone.ports.objects import Entry

        found = sorted(self._members().values(), key=lambda member: member.path.encode())
        return [Entry(member.path, "file", member.size) for member in found]

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        member = self._members().get(path)
        if member is None:
            raise no_file(self.location, path)
        end = member.size if end_exclusive is None else min(end_exclusive, member.size)
        with translated(self.location):
            yield from read_chunks(self._fd, member.start + start, member.start + end)

    def _members(self) -> dict[str, Member]:
        if self._known is None:
            with translated(self.location):
                found = list(members(reader_of(self._fd), self._slice))
            self._known = {member.path: member for member in found}
        return self._known


class Following:
    """Port `Bundle`, of a store in which runs move between folders and packs: after a rest the run is found anew."""

    def __init__(self, bundle: Bundle, find: Callable[[], Bundle]) -> None:
        self.location = bundle.location
        self._bundle: Bundle | None = bundle
        self._find = find

    def _found(self) -> Bundle:
        if self._bundle is None:
            self._bundle = self._find()
            self.location = self._bundle.location
        return self._bundle

    def entries(self) -> list[Entry]:
        return self._found().entries()

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        return self._found().read(path, start, end_exclusive)

    def rest(self) -> None:
        bundle, self._bundle = self._bundle, None
        if bundle is not None:
            bundle.close()

    close = rest
