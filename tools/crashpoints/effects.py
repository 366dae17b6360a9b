"""What a traced program did, one effect at a time, and what a crash can make of each.

- An effect names inodes, never paths, so a directory renamed later does not change its meaning.
- Effects are values: losing one is leaving it out, damaging one is another value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

SECTOR_BYTES = 512

Fate = Literal["keep", "lost", "half", "zero"]
"""What a crash does to a change: half is a torn write, zero a size that grew without its data."""


class Entry(NamedTuple):
    """A name in a directory, set to an inode or (None) removed."""

    directory: int
    name: str
    inode: int | None


@dataclass(frozen=True)
class Write:
    """Bytes put at an offset of a file; `synchronous` when they were durable on return."""

    inode: int
    offset: int
    data: bytes
    synchronous: bool = False


@dataclass(frozen=True)
class Resize:
    """A file cut to, or grown with zeros to, a size in bytes."""

    inode: int
    size: int


@dataclass(frozen=True)
class Names:
    """Directory entries that change together, all or none."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Mode:
    """Permission bits of an inode; never lost."""

    inode: int
    mode: int


@dataclass(frozen=True)
class Sync:
    """Earlier changes of one inode made durable, or of everything (None)."""

    inode: int | None


@dataclass(frozen=True)
class Output:
    """Bytes printed to standard output."""

    data: bytes


Effect = Write | Resize | Names | Mode | Sync | Output


@dataclass(frozen=True)
class Op:
    """One recorded effect, in words too; `start` and `end` are the lines of its call in the trace."""

    index: int
    text: str
    start: int
    end: int
    effect: Effect

    @property
    def losable(self) -> bool:
        """Whether a power loss can undo it."""
        return isinstance(self.effect, Write | Resize | Names)

    @property
    def tearable(self) -> bool:
        """Whether a crash can leave a part of it."""
        return isinstance(self.effect, Write) and len(self.effect.data) > 1


def damaged(data: bytes, fate: Fate) -> bytes:
    """What a crash leaves of written bytes: a torn write stops on a sector boundary if it spans one."""
    if fate == "zero":
        return bytes(len(data))
    if fate == "half":
        middle = len(data) // 2
        return data[: middle // SECTOR_BYTES * SECTOR_BYTES if middle > SECTOR_BYTES else middle]
    return data
