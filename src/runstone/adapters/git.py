"""Commit and ref that a directory is at, by the files of git; they are read again once one of them has changed.

A service asks for every run: to look whether five files are as they were takes a few microseconds, to read them forty.
"""

from __future__ import annotations

import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Final

    Stamp = tuple[int, ...] | None
    """What tells one state of a file from the next; `None` where there is none."""
    Head = tuple[str | None, str | None] | None
    """Commit and ref; the commit is `None` before the first one. `None` outside of a repository."""

SETTLED_NS: Final = 50_000_000
"""A file that was changed a moment before it was read may be changed again without another time of change."""
MAX_KNOWN: Final = 64
MAX_HOPS: Final = 5
"""A ref may name another one, so often in a row as git itself follows."""
_ELSEWHERE: Final = "refs/heads/.invalid"
"""What stands in `HEAD` where refs are kept in tables that these files do not show."""
_BLANKS: Final = " \t\r\n\v\f"
"""Any other blank is part of a name."""
_known: dict[str, Look] = {}


def head_of(cwd: str) -> Head:
    """What the repository around a directory is at."""
    look = _known.get(cwd)
    if look is None or not look.holds():
        look = Look(cwd)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[cwd] = look
    return look.head


class Look:
    """One look at the files of a repository, with what they were like."""

    __slots__ = ("_settled", "_stamps", "head")

    def __init__(self, cwd: str) -> None:
        self._settled = True
        self._stamps: dict[str, Stamp] = {}
        folder = self._folder(cwd)
        self.head = None if folder is None else self._head(folder)

    def holds(self) -> bool:
        """Whether every file that was looked at is as it was."""
        return self._settled and all(_stamp(path) == stamp for path, stamp in self._stamps.items())

    def _folder(self, cwd: str) -> str | None:
        """The `.git` folder that serves a directory, through a `gitdir:` file where there is one."""
        while True:
            candidate = os.path.join(cwd, ".git")
            pointed = self._first_line(candidate)
            if pointed is None and self._first_line(os.path.join(candidate, "HEAD")) is not None:
                return candidate
            if pointed is not None and pointed.startswith("gitdir:"):
                return os.path.normpath(os.path.join(cwd, pointed[7:].strip(_BLANKS)))
            parent = os.path.dirname(cwd)
            if parent == cwd:
                return None
            cwd = parent

    def _head(self, folder: str) -> Head:
        head = self._first_line(os.path.join(folder, "HEAD"))
        if head is None:
            return None
        ref = _named(head)
        if ref is None:
            return (head, None) if _is_sha(head) else None
        if ref == _ELSEWHERE:
            return None, None
        common = self._first_line(os.path.join(folder, "commondir"))
        places = [folder] if common is None else [folder, os.path.normpath(os.path.join(folder, common))]
        return self._commit(places, ref), ref

    def _commit(self, places: list[str], ref: str, hops: int = 0) -> str | None:
        for place in places:
            found = self._first_line(os.path.join(place, *ref.split("/"))) or self._packed(place, ref)
            if found and (other := _named(found)) is not None:
                return None if hops == MAX_HOPS else self._commit(places, other, hops + 1)
            if found and _is_sha(found):
                return found
        return None

    def _packed(self, folder: str, ref: str) -> str | None:
        path = os.path.join(folder, "packed-refs")
        try:
            with self._read(path) as lines:
                for line in lines:
                    if line.rstrip(b"\n").endswith(b" " + os.fsencode(ref)):
                        return os.fsdecode(line.partition(b" ")[0])
        except (OSError, ValueError):  # as in `_first_line`
            pass
        return None

    def _first_line(self, path: str) -> str | None:
        try:
            fd = self._opened(path)
        except (OSError, ValueError):  # the file that names it is damaged: no path holds a zero byte
            return None
        try:
            return os.fsdecode(os.read(fd, 4096).partition(b"\n")[0]).strip(_BLANKS)
        except OSError:  # a folder, say
            return None
        finally:
            os.close(fd)

    def _read(self, path: str) -> BinaryIO:
        fd = self._opened(path)
        try:
            return open(fd, "rb")
        except OSError:  # a folder, say
            os.close(fd)
            raise

    def _opened(self, path: str) -> int:
        """A descriptor; a pipe that stands there is not waited for."""
        self._remember(path)
        return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))

    def _remember(self, path: str) -> None:
        """Before it is read: what changes meanwhile is seen by the next look."""
        stamp = self._stamps[path] = _stamp(path)
        if stamp is not None and len(stamp) > 2 and abs(time.time_ns() - max(stamp[-2:])) < SETTLED_NS:
            self._settled = False


def _named(text: str) -> str | None:
    """The ref that a line names."""
    return text[4:].strip(_BLANKS) if text.startswith("ref:") else None


def _is_sha(text: str) -> bool:
    return len(text) in (40, 64) and not set(text) - set("0123456789abcdef")


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return found.st_dev, found.st_ino
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
