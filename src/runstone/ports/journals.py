"""Port `journals`: runs that are being recorded, and what a writer that died left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from runstone.core.manifest import FileFact
from runstone.ports.claims import Claims
from runstone.ports.debug import Debug
from runstone.ports.objects import Stage
from runstone.ports.pending import Pending
from runstone.ports.published import Published


class Leftover(NamedTuple):
    """What a process that died left beside the runs, half made: no run needs it."""

    name: str
    size_bytes: int


class OpenRun(Protocol):
    """The writer's side of an open run. It holds the run's lease until `close`.

    Not safe for two threads at once: the recorder has a lock.
    """

    def append(self, line: bytes) -> None:
        """Append one line. At return it survives `kill -9` of this process. Raises `store_unavailable`.

        After an error the journal may end in part of the line, or in all of it; call `repair` before the next
        `append`.
        """
        ...

    def sync(self) -> None:
        """Make what was appended, and the open run's name, survive power loss. Raises `store_unavailable`.

        After an error nothing more is known of what is on the disk: leave the run to recovery, which copies it.
        """
        ...

    def begin_sync(self) -> Pending | None:
        """Begin what `sync` waits for, with others; a `sync` behind it ends it. `None` as of `Stage.begin_commit`."""
        ...

    def repair(self, size: int) -> int:
        """Open the journal anew and cut it to `size` bytes, which are good; answers the new size.

        A journal that is shorter is cut after its last LF. Raises `store_unavailable`.
        """
        ...

    def set_aside(self) -> Callable[[], None]:
        """An `append` is under way in this thread, and what interrupts it ends the run: the rest of it goes nowhere.

        Answers what is to be called when it has come back. Call `repair` before the next `append`.
        """
        ...

    def keep(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Write a file of the bundle; it appears under its name only when it is whole. Raises `file_exists`."""
        ...

    def read(self, start: int, end_exclusive: int) -> Iterator[bytes]:
        """Bytes of the journal, in chunks."""
        ...

    def stage(self) -> Stage:
        """A stage that holds the journal and the kept files already, to be completed and committed in place."""
        ...

    def sealed_elsewhere(self) -> bool:
        """Whether a bundle of this id is there that is not this run's own: recovery was told to seal it (`force`).

        False after this run's commit has given it its name, even if that could not be made durable.
        """
        ...

    def close(self) -> None:
        """Give the lease back. The run stays open if it was not committed."""
        ...

    def inherit(self) -> None:
        """In a forked child: close the descriptors, so that the parent's lease and journal are the parent's alone."""
        ...


class LeftRun(Protocol):
    """An open run as recovery finds it. Its files are only read; a live writer is not disturbed."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        ...

    def read(self, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """The journal's bytes as they are now, in chunks; nothing if there is no journal."""
        ...

    def kept(self) -> list[str]:
        """Paths of the files that stand beside the journal in `artifacts/`."""
        ...

    def read_kept(self, path: str) -> Iterator[bytes]:
        """A kept file's bytes. Raises `file_not_found`."""
        ...

    def stage(self) -> Stage:
        """A new, empty stage for the bundle that this run becomes: its commit is not refused for the open run."""
        ...

    def remove(self, *, free_id: bool) -> None:
        """Remove the open run; only with its lease. With `free_id` the id can be taken again."""
        ...

    def release(self) -> None:
        """Give the lease back, if it was taken."""
        ...


class Journals(Protocol):
    """Open runs by id. Liveness is an exclusive lock that the kernel drops when the writer dies."""

    @property
    def claims(self) -> Claims:
        """What was claimed in the same store."""
        ...

    @property
    def published(self) -> Published:
        """What the same store has published."""
        ...

    @property
    def debug(self) -> Debug:
        """What debug mode has kept in the same store."""
        ...

    def create(self, run_id: str, *, fresh: bool = False) -> OpenRun:
        """Claim the id and open its journal, create-once. Raises `run_exists`, `store_unavailable`.

        A `fresh` id was made at random a moment ago: nobody else has it, and it needs no claim.
        """
        ...

    def open_ids(self) -> list[str]:
        """Ids of runs that are open, alive or not."""
        ...

    def alive(self, run_id: str) -> bool:
        """Whether somebody holds the run's lease: its writer, or a recovery. Asking is in nobody's way."""
        ...

    def take(self, run_id: str, *, force: bool = False) -> LeftRun | None:
        """The open run for recovery, with its lease; `None` if its writer is alive or the run is gone.

        With `force` also without the lease; `LeftRun.remove` then does nothing.
        """
        ...

    def read(self, run_id: str) -> LeftRun | None:
        """The open run for reading, without a lease; `None` if there is none."""
        ...

    def adopt(self, parent: str, child: str) -> None:
        """Leave word with an open run that another one says to be its child.

        Where no such run is open here, or that cannot be done, nothing happens: the child's own link tells, too.
        """
        ...

    def adopted(self, parent: str) -> list[str]:
        """The ids that were left for a run, and forget them."""
        ...

    def leftovers(self) -> list[Leftover]:
        """What no living process holds of all that is being made in this store: no part of any run.

        An id counts that was claimed for a bundle which never came.
        """
        ...

    def sweep(self) -> list[Leftover]:
        """Remove the leftovers; answers what was removed. Any number may sweep at once, and beside writers."""
        ...

    def pseudonym_key(self, fresh: bytes) -> bytes:
        """The store's own key for pseudonyms: `fresh` where there was none, for every process and for good.

        Raises `store_unavailable`.
        """
        ...

    def unkept(self) -> list[Leftover]:
        """By run id, what programs that died had made for their runs to keep. It may be wanted: no sweep takes it."""
        ...
