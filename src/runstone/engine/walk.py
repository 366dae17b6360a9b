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


def files_below(folder: str, skip: Callable[[str, str], None]) -> Iterator[str]:
    """The paths of regular files below a folder, in order of their names.

    `skip` is told the path of what is not read, and why: `LINK`, `SPECIAL`, or what the system says.
    """
    left = _inside(folder, skip)
    while left:
        entry = left.pop()
        if entry.is_symlink():
            skip(entry.path, LINK)
        elif entry.is_dir(follow_symlinks=False):
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


def chunks_of(path: str) -> Iterator[bytes]:
    """The bytes of a file that `files_below` named. Raises `OSError`, also where it has become something else."""
    fd = os.open(path, os.O_RDONLY | _CAREFUL)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, SPECIAL, path)
        yield from chunks_from(fd)
    finally:
        os.close(fd)


def chunks_from(fd: int) -> Iterator[bytes]:
    """What a descriptor gives, as soon as it gives it, to its end. Raises `OSError`."""
    while chunk := os.read(fd, CHUNK_BYTES):
        yield chunk
