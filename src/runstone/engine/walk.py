"""The files below a folder, for who reads them all: in order of their names, links not followed."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20
_CAREFUL = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
LINK = "a link, not followed"
SPECIAL = "neither a file nor a folder"


def files_below(
    folder: str, skip: Callable[[str, str], None], enter: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """The paths of regular files below a folder, in order of their names.

    `skip` is told the path of what is not read, and why: `LINK`, `SPECIAL`, or what the system says; `enter` that of
    each folder.
    """
    enter(folder)
    left = _inside(folder, skip)
    while left:
        entry = left.pop()
        if entry.is_symlink():
            skip(entry.path, LINK)
        elif entry.is_dir(follow_symlinks=False):
            enter(entry.path)
            left += _inside(entry.path, skip)
        elif entry.is_file(follow_symlinks=False):
            yield entry.path
        else:
            skip(entry.path, SPECIAL)


def _inside(folder: str, skip: Callable[[str, str], None]) -> list[os.DirEntry[str]]:
    """What a folder holds, the first name last."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name), reverse=True)
    except OSError as exc:
        skip(folder, exc.strerror or str(exc))
        return []


_COMPRESSED = (
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf",
    b"\x04\x22\x4d\x18",
)
"""How files of gzip, zip, bzip2, xz, zstd, 7-Zip and lz4 begin."""


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is compressed: what stands in it cannot be read."""
    return head.startswith(_COMPRESSED)


def chunks_of(path: str) -> Iterator[bytes]:
    """The bytes of a file that `files_below` named. Raises `OSError`, also where it has become something else."""
    fd = os.open(path, os.O_RDONLY | _CAREFUL)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, SPECIAL, path)
        while chunk := _read(fd, path):
            yield chunk
    finally:
        os.close(fd)


def _read(fd: int, path: str) -> bytes:
    try:
        return os.read(fd, CHUNK_BYTES)
    except OSError as exc:  # of a descriptor it has no name, as if it was of standard output
        raise OSError(exc.errno, exc.strerror, path) from exc


def chunks_from(fd: int) -> Iterator[bytes]:
    """What a descriptor gives, as soon as it gives it, to its end. Raises `OSError`."""
    while chunk := os.read(fd, CHUNK_BYTES):
        yield chunk
