"""The bytes of an archive, and what one member of it is.

Everything is read by position through one descriptor: members can be read in any order and more than once.
"""

from __future__ import annotations

import os
import stat

from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Final, Literal

    from runstone.errors import RunstoneError

    Kind = Literal["file", "folder", "link", "other"]

CHUNK_BYTES: Final = 1 << 20


def refused(why: str, member: str | None = None) -> RunstoneError:
    """`invalid_archive`, with the member's name where the fault is one member's."""
    if member is None:
        return error("invalid_archive", why)
    return error("invalid_archive", f"{member[:200]!r}: {why}", member=member[:1024])


def decoded(name: bytes) -> str:
    """A name as text. Raises `invalid_archive`."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise refused("a name that is not UTF-8", name.decode("latin-1")) from None


def named(exc: RunstoneError, path: str) -> RunstoneError:
    """The same error, which says of which archive it is."""
    return error(exc.code, f"{path}: {exc.message}", **{**exc.details, "path": path})


class Member:
    """One member as the archive describes it: `name` as it is spelled there, `size` unpacked.

    Its bytes are at `offset`; `packed` is how many of them there are if they are compressed, else `None`; by Zstandard
    if `zstandard`, else by deflate.
    """

    __slots__ = ("kind", "name", "offset", "packed", "size", "zstandard")

    def __init__(
        self, name: str, kind: Kind, size: int, offset: int, packed: int | None = None, *, zstandard: bool = False
    ) -> None:
        self.name = name
        self.kind = kind
        self.size = size
        self.offset = offset
        self.packed = packed
        self.zstandard = zstandard


class Source:
    """An archive's bytes by position."""

    def __init__(self, fd: int, owner: IO[bytes] | None = None) -> None:
        self._fd = fd
        self._owner = owner
        self.size = os.fstat(fd).st_size

    @classmethod
    def at(cls, path: str) -> Source:
        """The file at `path`. Raises `file_not_found`; `invalid_archive` for what is no regular file."""
        try:
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        except OSError as exc:
            raise error("file_not_found", f"{path}: {exc.strerror}", path=path) from exc
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise refused(f"{path} is neither a folder nor a regular file")
        return cls(fd)

    def exactly(self, start: int, count: int) -> bytes:
        """Exactly `count` bytes from `start`; raises `invalid_archive` where the archive ends before."""
        data = self._read(start, count) if count else b""
        if len(data) != count:
            raise refused(f"it is cut off: {start + count} bytes are needed, it has {self.size}")
        return data

    def _read(self, start: int, count: int) -> bytes:
        try:
            return os.pread(self._fd, count, start)
        except OSError as exc:
            raise error("store_unavailable", f"cannot read the archive: {exc.strerror}", errno=exc.errno) from exc

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes between two positions, in chunks."""
        while start < end:
            piece = self._read(start, min(CHUNK_BYTES, end - start))
            if not piece:
                raise refused(f"it is cut off: {end} bytes are needed, it ends at {start}")
            start += len(piece)
            yield piece

    def close(self) -> None:
        """Close the descriptor."""
        if self._owner is not None:
            self._owner.close()
        elif self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
