"""Turns what the handlers of the system calls say into ops, and keeps the live tree beside them.

- `live` is the directory as the program saw it at this point of the trace.
- `base` is where every crash state starts: the tree before the run, together with what is not a change
  that can be lost (the inodes of new directories and links, the modes that files were made with).
"""

from __future__ import annotations

import itertools
import os
import re

from crashpoints.arguments import descriptor
from crashpoints.effects import Effect, Entry, Names, Op, Output, Resize, Sync, Write
from crashpoints.paths import Base, Locator, Slot
from crashpoints.processes import OpenFile, Process, ProcessTable, Surroundings
from crashpoints.trace import Call
from crashpoints.tree import ROOT, Tree

_SYNCHRONOUS = re.compile(r"\b(O|RWF)_D?SYNC\b")


class Recorder:
    """The state of the replay: trees, processes, ops, and notes on what could not be seen."""

    def __init__(self, root: str, base: Tree, stdout_path: str, start: Surroundings) -> None:
        self.base = base
        self.live = base.copy()
        self.locator = Locator(root, self.live)
        self.processes = ProcessTable(start)
        self.ops: list[Op] = []
        self.warnings: list[str] = []
        self._stdout_path = stdout_path
        self._inodes = itertools.count(1 + max([ROOT, *base.names, *base.contents, *base.targets]))

    # What the arguments of a call mean

    def start_of(self, process: Process, directory_argument: str | None) -> Base:
        """Where a relative path of an *at() call starts."""
        if directory_argument is None or descriptor(directory_argument).number is None:
            return process.surroundings.cwd
        opened = self.open_file(process, directory_argument)
        if opened is None:
            return process.surroundings.cwd
        return opened.inode if opened.inode is not None else opened.path or "/"

    def find(self, process: Process, path: bytes, directory_argument: str | None = None) -> Slot | None:
        """Where a path leads, through symbolic links; None when outside."""
        return self.locator.locate(self.start_of(process, directory_argument), os.fsdecode(path))

    def find_entry(self, process: Process, path: bytes, directory_argument: str | None = None) -> Slot | None:
        """The entry a path names, a symbolic link at its end not followed; None when outside."""
        return self.locator.locate_entry(self.start_of(process, directory_argument), os.fsdecode(path))

    def open_file(self, process: Process, argument: str) -> OpenFile | None:
        """The open file behind a descriptor argument."""
        number, noted, deleted = descriptor(argument)
        if number is None:
            return None
        known = process.files.get(number)
        if noted is None or (known and self._fits(known, noted)):
            return known
        # Inherited, received, or reused after a call that is not traced: strace's note is right.
        slot = None if deleted else self.locator.locate("/", noted)
        process.files[number] = OpenFile(noted, slot.inode if slot else None)
        return process.files[number]

    def file_under_test(self, process: Process, argument: str) -> tuple[OpenFile, int] | None:
        """The open file and inode behind a descriptor argument; None when it is outside."""
        opened = self.open_file(process, argument)
        return None if opened is None or opened.inode is None else (opened, opened.inode)

    def _fits(self, known: OpenFile, noted: str) -> bool:
        # A file renamed since it was opened is noted by its new path, so only its whereabouts count.
        return known.path == noted if known.inode is None else self.locator.is_below(noted)

    # What a call did

    def emit(self, call: Call, text: str, effect: Effect) -> None:
        """Record an effect and carry it out on the live tree."""
        self.ops.append(Op(len(self.ops), text, call.start, call.end, effect))
        self.live.apply(effect)

    def new_file(self, mode: int) -> int:
        """A new file's inode, still without a name."""
        inode = next(self._inodes)
        for tree in (self.live, self.base):
            tree.add_file(inode)
            tree.modes[inode] = mode
        return inode

    def new_directory(self, mode: int) -> int:
        """A new directory's inode, still without a name."""
        inode = next(self._inodes)
        for tree in (self.live, self.base):
            tree.add_directory(inode)
            tree.modes[inode] = mode
        return inode

    def new_symlink(self, target: str) -> int:
        """A new symbolic link's inode, still without a name."""
        inode = next(self._inodes)
        for tree in (self.live, self.base):
            tree.add_symlink(inode, target)
        return inode

    def set_entries(self, call: Call, text: str, *entries: Entry) -> None:
        """Record names that were set or removed together."""
        for directory, name, inode in entries:
            if inode is not None:
                self.locator.named(directory, name, inode)
        self.emit(call, text, Names(entries))

    def write(self, call: Call, target: OpenFile, data: bytes, offset: int | None, flags: str = "") -> None:
        """Record bytes written to an open file, at its own offset when `offset` is None."""
        if target.path == self._stdout_path:
            self.emit(call, f"output {data[:60]!r}", Output(data))
            return
        if target.inode is None:
            return
        start = target.offset if offset is None else offset
        if "O_APPEND" in target.flags:
            start = self.live.size(target.inode)
        end = start + len(data)
        synchronous = bool(_SYNCHRONOUS.search(f"{target.flags} {flags}"))
        text = f"write {self.locator.label(target.inode)} [{start}..{end})"
        self.emit(call, text, Write(target.inode, start, data, synchronous))
        if offset is None:
            target.offset = end

    def takes_data(self, target: OpenFile | None) -> bool:
        """Whether bytes written to an open file matter here."""
        return target is not None and (target.inode is not None or target.path == self._stdout_path)

    def resize(self, call: Call, inode: int, size: int) -> None:
        """Record a file's new size in bytes."""
        if self.live.size(inode) != size:
            self.emit(call, f"truncate {self.locator.label(inode)} to {size}", Resize(inode, size))

    def sync(self, call: Call, inode: int | None) -> None:
        """Record that earlier changes of an inode, or (None) all earlier changes, were made durable."""
        name = "" if inode is None else " " + self.locator.label(inode)
        self.emit(call, call.name + name, Sync(inode))

    def warn(self, text: str) -> None:
        """Note, once, something that the recording cannot show."""
        if text not in self.warnings:
            self.warnings.append(text)
