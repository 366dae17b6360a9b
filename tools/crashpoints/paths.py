"""Where a path of the program leads inside the directory under test.

- Paths are resolved in the tree as it was at that call, never on the disk as it is after the run.
- A relative path starts at an inode, so it stays right when a directory above it is renamed.
- What lies outside the directory under test is not followed, apart from other spellings of its path.
"""

from __future__ import annotations

import functools
import os
from typing import NamedTuple

from crashpoints.tree import ROOT, Kind, Tree

_MAX_HOPS = 40  # the kernel's own limit on symbolic links in one path

Base = int | str
"""Where a relative path starts: a directory's inode, or the absolute path of one outside."""


class Slot(NamedTuple):
    """A name in a directory under test and the inode it leads to, if there is one."""

    directory: int
    name: str
    inode: int | None


class Locator:
    """Finds paths in a tree that changes, and remembers by which name each inode was last known."""

    def __init__(self, root: str, tree: Tree) -> None:
        self._root = root
        self._tree = tree
        self._parents: dict[int, tuple[int, str]] = {
            inode: (directory, name) for directory, names in tree.names.items() for name, inode in names.items()
        }

    def named(self, directory: int, name: str, inode: int) -> None:
        """Remember the newest name of an inode."""
        self._parents[inode] = (directory, name)

    def label(self, inode: int) -> str:
        """A path for people: the newest one of an inode, "." for the directory under test."""
        parts: list[str] = []
        while inode != ROOT:
            inode, name = self._parents.get(inode, (ROOT, f"<unnamed {inode}>"))
            parts.append(name)
        return "/".join(reversed(parts)) or "."

    def slot_label(self, slot: Slot) -> str:
        """A path for people, of a name that need not exist."""
        return slot.name if slot.directory == ROOT else f"{self.label(slot.directory)}/{slot.name}"

    def is_below(self, path: str) -> bool:
        """Whether an absolute path is the directory under test or spelled as one below it."""
        return (path + "/").startswith(self._root + "/")

    def locate(self, base: Base, path: str) -> Slot | None:
        """The place a path leads to, through every symbolic link; None when that is outside."""
        return self._resolve(base, path, follow_last=True, hops=0)

    def locate_entry(self, base: Base, path: str) -> Slot | None:
        """The place a path itself names, a symbolic link at its end not followed; None when outside."""
        return self._resolve(base, path, follow_last=False, hops=0)

    def directory(self, base: Base, path: str) -> Base:
        """Where relative paths start in a process that changed into a directory."""
        slot = self.locate(base, path)
        if slot is not None and slot.inode is not None:
            return slot.inode
        start = os.path.join(self._root, self.label(base)) if isinstance(base, int) else base
        return os.path.realpath(os.path.join(start, path))

    def _resolve(self, base: Base, path: str, *, follow_last: bool, hops: int) -> Slot | None:
        if hops > _MAX_HOPS:
            return None
        if path.startswith("/") or isinstance(base, str):
            inside = self._inside(os.path.join(str(base), path))
            if inside is None:
                return None
            base, path = ROOT, inside
        parts = [part for part in path.split("/") if part not in ("", ".")]
        return self._descend(base, parts, follow_last=follow_last, hops=hops)

    def _descend(self, directory: int, parts: list[str], *, follow_last: bool, hops: int) -> Slot | None:
        for i, name in enumerate(parts):
            rest = parts[i + 1 :]
            if name == "..":
                if directory == ROOT:
                    above = os.path.join(os.path.dirname(self._root), *rest)
                    return self._resolve("/", above, follow_last=follow_last, hops=hops + 1)
                directory = self._parents[directory][0]
                continue
            inode = self._tree.names[directory].get(name)
            if inode in self._tree.targets and (rest or follow_last):
                aim = os.path.join(self._tree.targets[inode], *rest)
                return self._resolve(directory, aim, follow_last=follow_last, hops=hops + 1)
            if not rest:
                return Slot(directory, name, inode)
            if inode is None or self._tree.kind(inode) is not Kind.DIRECTORY:
                return None
            directory = inode
        return Slot(*self._parents.get(directory, (ROOT, "")), directory)

    def _inside(self, path: str) -> str | None:
        """An absolute path made relative to the directory under test; None when it is elsewhere."""
        if not self.is_below(path):
            # Another spelling of the same place, through a symbolic link above it?
            path = os.path.join(_real(os.path.dirname(path)), os.path.basename(path))
        return path[len(self._root) + 1 :] if self.is_below(path) else None


@functools.cache
def _real(path: str) -> str:
    return os.path.realpath(path)
