"""Directory trees on disk: read, written, copied and removed.

- Hard links stay hard links in every direction.
- Sockets, pipes and devices are left out.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from collections.abc import Iterator, Sequence

from crashpoints.tree import ROOT, Kind, Tree


def read_tree(root: str) -> Tree:
    """The tree on disk below `root`."""
    tree = Tree()
    tree.modes[ROOT] = stat.S_IMODE(os.stat(root).st_mode)
    known: dict[tuple[int, int], int] = {}
    numbers = itertools.count(ROOT + 1)
    pending = [(root, ROOT)]
    while pending:
        folder, directory = pending.pop()
        for entry in sorted(_regular_entries(folder), key=lambda e: e.name):
            status = entry.stat(follow_symlinks=False)
            key = (status.st_dev, status.st_ino)
            inode = known.get(key)
            if inode is None:
                inode = known[key] = next(numbers)
                _read_inode(tree, inode, entry, status.st_mode)
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, inode))
            tree.names[directory][entry.name] = inode
    return tree


def _regular_entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
                yield entry


def _read_inode(tree: Tree, inode: int, entry: os.DirEntry[str], mode: int) -> None:
    if stat.S_ISLNK(mode):
        tree.add_symlink(inode, os.readlink(entry.path))
        return
    tree.modes[inode] = stat.S_IMODE(mode)
    if stat.S_ISDIR(mode):
        tree.add_directory(inode)
        return
    with open(entry.path, "rb") as file:
        tree.add_file(inode, file.read())


def write_tree(tree: Tree, root: str, ignore: Sequence[str] = ()) -> None:
    """Make `root`, which must not exist, hold the tree without what is ignored."""
    os.makedirs(root)
    placed: dict[int, str] = {ROOT: root}
    for path, inode, kind in tree.walk(ignore):
        full = os.path.join(root, path)
        if inode in placed:
            os.link(placed[inode], full, follow_symlinks=False)
            continue
        placed[inode] = full
        if kind is Kind.DIRECTORY:
            os.mkdir(full)
        elif kind is Kind.SYMLINK:
            os.symlink(tree.targets[inode], full)
        else:
            with open(full, "xb") as file:
                file.write(tree.contents.get(inode, b""))
    # Last and from the leaves up: a directory may end up closed to its own owner.
    for inode, full in reversed(placed.items()):
        if inode in tree.modes:
            os.chmod(full, tree.modes[inode])


def copy_directory(source: str, target: str) -> None:
    """Copy a directory with its modes, times, symbolic links and hard links to the new path `target`."""
    copied: dict[tuple[int, int], str] = {}

    def copy(old: str, new: str) -> str:
        status = os.stat(old)
        first = copied.setdefault((status.st_dev, status.st_ino), new)
        if first == new:
            return str(shutil.copy2(old, new))
        os.link(first, new)
        return new

    shutil.copytree(source, target, symlinks=True, copy_function=copy)


def remove_directory(path: str) -> None:
    """Remove a directory, also one in which a program closed directories to their owner."""
    for folder, names, _ in os.walk(path):
        for name in names:
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    shutil.rmtree(path, ignore_errors=True)
