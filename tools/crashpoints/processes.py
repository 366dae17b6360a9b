"""What a process has that its system calls depend on: descriptors, working directory, umask.

- An open file is shared by every descriptor made from it with dup or fork, and so is its offset.
- Threads share what their clone flags say; a child process starts with copies.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from crashpoints.paths import Base


@dataclass
class OpenFile:
    """An open file description: of an inode under test, or (None) of something outside."""

    path: str | None
    inode: int | None
    flags: str = ""
    offset: int = 0


@dataclass
class Surroundings:
    """What CLONE_FS shares."""

    cwd: Base
    umask: int


@dataclass
class Process:
    """A process or thread."""

    surroundings: Surroundings
    files: dict[int, OpenFile] = field(default_factory=dict)


class ProcessTable:
    """Every process of the run, made when first asked for."""

    def __init__(self, first: Surroundings) -> None:
        self._first = first
        self._births: dict[int, tuple[int, str]] = {}
        self._processes: dict[int, Process] = {}

    def born(self, pid: int, parent: int, flags: str) -> None:
        """Note who made a process; to be told before any call of that process is looked at."""
        self._births[pid] = (parent, flags)

    def get(self, pid: int) -> Process:
        """The process, with what it took over from its parent at its birth or its first call."""
        if pid not in self._processes:
            parent, flags = self._births.get(pid, (pid, ""))
            self._processes[pid] = Process(replace(self._first)) if parent == pid else _child(self.get(parent), flags)
        return self._processes[pid]


def _child(parent: Process, flags: str) -> Process:
    return Process(
        parent.surroundings if "CLONE_FS" in flags else replace(parent.surroundings),
        parent.files if "CLONE_FILES" in flags else dict(parent.files),
    )
