"""The directory under test in memory.

- Files, directories and symbolic links are inodes: a rename moves one with all that is below it, an
  unlinked file lives on while it is open, and hard links share one content.
- Inode numbers are the model's own. The directory under test itself is inode ROOT.
- Applying an effect never fails, whatever was lost before it: that is what makes crash states.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from crashpoints.effects import Effect, Entry, Fate, Mode, Names, Output, Resize, Sync, Write, damaged

ROOT = 0


class Kind(StrEnum):
    """What an inode is."""

    FILE = "file"
    DIRECTORY = "dir"
    SYMLINK = "symlink"


class Listed(NamedTuple):
    """What stands at a path: its kind, content or link target, first path of the same inode, mode."""

    kind: Kind
    body: bytes
    first: str
    mode: int | None


class Tree:
    """A directory tree as inode tables, cheap to copy."""

    def __init__(self) -> None:
        self.names: dict[int, dict[str, int]] = {ROOT: {}}
        self.contents: dict[int, bytes | bytearray] = {}
        self.targets: dict[int, str] = {}
        self.modes: dict[int, int] = {}

    def copy(self) -> Tree:
        """A tree that changes independently of this one."""
        new = Tree()
        new.names = {inode: dict(names) for inode, names in self.names.items()}
        new.contents = {i: bytes(d) if isinstance(d, bytearray) else d for i, d in self.contents.items()}
        new.targets = dict(self.targets)
        new.modes = dict(self.modes)
        return new

    def add_file(self, inode: int, content: bytes = b"") -> None:
        """Make an inode a file, as yet without a name."""
        self.contents[inode] = content

    def add_directory(self, inode: int) -> None:
        """Make an inode an empty directory, as yet without a name."""
        self.names[inode] = {}

    def add_symlink(self, inode: int, target: str) -> None:
        """Make an inode a symbolic link, as yet without a name."""
        self.targets[inode] = target

    def kind(self, inode: int) -> Kind:
        """What an inode is; one that was never seen being made is an empty file."""
        if inode in self.targets:
            return Kind.SYMLINK
        return Kind.DIRECTORY if inode in self.names else Kind.FILE

    def size(self, inode: int) -> int:
        """Size of a file in bytes."""
        return len(self.contents.get(inode, b""))

    def apply(self, effect: Effect, fate: Fate = "keep") -> None:
        """Carry out one effect as far as its fate lets it."""
        if fate == "lost":
            return
        match effect:
            case Names(entries):
                self._set_entries(entries)
            case Write(inode, offset, data):
                self._write(inode, offset, damaged(data, fate))
            case Resize(inode, size):
                buffer = self._buffer(inode)
                del buffer[size:]
                buffer.extend(bytes(size - len(buffer)))
            case Mode(inode, mode):
                self.modes[inode] = mode
            case Sync() | Output():
                pass

    def _set_entries(self, entries: tuple[Entry, ...]) -> None:
        if len(entries) > 1:
            # A directory has one name: when an earlier rename of it was lost, this one takes it from
            # where it still is, or it would stand in two places.
            moved = {e.inode for e in entries if e.inode in self.names}
            for names in self.names.values() if moved else ():
                for name in [n for n, inode in names.items() if inode in moved]:
                    del names[name]
        for directory, name, inode in entries:
            names = self.names.setdefault(directory, {})
            if inode is None:
                names.pop(name, None)
            else:
                names[name] = inode

    def _write(self, inode: int, offset: int, data: bytes) -> None:
        buffer = self._buffer(inode)
        buffer.extend(bytes(max(0, offset - len(buffer))))
        buffer[offset : offset + len(data)] = data

    def _buffer(self, inode: int) -> bytearray:
        data = self.contents.get(inode, b"")
        if not isinstance(data, bytearray):
            data = self.contents[inode] = bytearray(data)
        return data

    def walk(self, ignore: Sequence[str] = ()) -> Iterator[tuple[str, int, Kind]]:
        """(relative path, inode, kind) of all that is reachable and not ignored, parents first.

        An ignored directory is left out with everything below it.
        """
        stack = [("", ROOT)]
        while stack:
            prefix, directory = stack.pop()
            for name, inode in sorted(self.names[directory].items()):
                path = f"{prefix}/{name}" if prefix else name
                if matches(path, ignore):
                    continue
                kind = self.kind(inode)
                yield path, inode, kind
                if kind is Kind.DIRECTORY:
                    stack.append((path, inode))

    def listing(self, ignore: Sequence[str] = ()) -> dict[str, Listed]:
        """All that is reachable and not ignored, by path and in the order of paths."""
        first: dict[int, str] = {}
        found: dict[str, Listed] = {}
        for path, inode, kind in sorted(self.walk(ignore)):
            body = os.fsencode(self.targets.get(inode, "")) or bytes(self.contents.get(inode, b""))
            found[path] = Listed(kind, body, first.setdefault(inode, path), self.modes.get(inode))
        return found

    def digest(self, ignore: Sequence[str] = ()) -> str:
        """Equal for two trees exactly when a program could not tell them apart."""
        sha256 = hashlib.sha256(repr(self.modes.get(ROOT)).encode())
        for path, (kind, body, first, mode) in self.listing(ignore).items():
            for part in (path, kind, first, repr(mode), body):
                raw = part if isinstance(part, bytes) else os.fsencode(part)
                sha256.update(b"%d:" % len(raw) + raw)
        return sha256.hexdigest()


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path, or the last name of it, fits one of the patterns."""
    return any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(os.path.basename(path), p) for p in patterns)
