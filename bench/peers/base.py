"""The five calls that every recorder is driven with.

Where a peer has no such call, the adapter's `mapping` says what stands for it. A mapping that loses the
payload says so: its speed is then not comparable.
"""

import hashlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from bench.workload import Event


class Run(Protocol):
    """A run that is open for recording."""

    def event(self, data: Event, /) -> None:
        """Record one event."""

    def metric(self, name: str, value: float, step: int) -> None:
        """Record one point of a metric."""

    def check(self, name: str, passed: bool) -> None:
        """Record the outcome of a check."""

    def attach(self, path: Path) -> None:
        """Keep a file's bytes with the run."""


Body = Callable[[Run], None]


class Recorder(ABC):
    """A store of runs in a folder."""

    mapping: ClassVar[str] = ""
    """What stands for events, checks, inputs and files, in words."""

    def __init__(self, store: Path, variant: str) -> None:
        store.mkdir(parents=True, exist_ok=True)
        self.store = store
        self.variant = variant
        self.open()

    def open(self) -> None:  # noqa: B027  most peers need no opening
        """Import the peer and open its store; not timed."""

    @abstractmethod
    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        """Start a run, let `body` record into it, finish it as a success."""

    def close(self) -> None:  # noqa: B027  most peers leave nothing behind
        """Flush and stop what outlives a run."""

    def count_events(self) -> int:
        """Events that can be read back from the store, by a process that did not write them."""
        raise NotImplementedError

    def status_after_kill(self) -> str | None:
        """What the killed run says of itself, for a recorder that says anything."""
        return None

    def notes(self, events: int) -> dict[str, Any]:
        """After `close`, what is known of losses among so many recorded events: `dropped_events`."""
        return {}


def copy_by_hand(path: Path, folder: Path) -> tuple[Path, str]:
    """For peers that cannot keep a file: copy it and hash the copy. Returns the copy and its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.name
    shutil.copyfile(path, copy)
    return copy, hashlib.sha256(copy.read_bytes()).hexdigest()
