"""Port `objects`: sealed bundles, written once and never again; and the tombstones of those that were purged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, Protocol

from runstone.core.manifest import FileFact
from runstone.core.tombstone import Tombstone
from runstone.errors import RunstoneError
from runstone.ports.pending import Pending

Committed = Literal["created", "identical"]
Removed = Literal["removed", "gone", "kept"]


class Properties(NamedTuple):
    """What an adapter promises; declared, never guessed from its behaviour."""

    survives: Literal["nothing", "kill", "power"]
    """What a committed bundle survives."""
    local: bool
    """Whether bundles have a path on this machine."""
    grouped: bool = False
    """Whether who records waits for a disk only where `begin_sync` and `begin_commit` answer something to wait for."""


class Entry(NamedTuple):
    """One name found in a bundle."""

    path: str
    kind: Literal["file", "link", "other"]
    size: int

    def no_file(self) -> str:
        """What is said of one that is no file."""
        return f"{self.path} is {'a link, ' if self.kind == 'link' else ''}not a file"


class Stage(Protocol):
    """A bundle that is being put together. Nobody else sees it before `commit`."""

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Write one file. Raises `file_exists`, `invalid_path`, `store_unavailable`."""
        ...

    def keep_only(self, paths: set[str]) -> None:
        """Throw away every file but these: what a failed step has left is no part of the bundle."""
        ...

    def commit(self) -> Committed:
        """Publish everything at once, create-once: all files or none, for ever.

        At return the bundle has the durability that `properties.survives` names. `identical`: a bundle of that
        id with the same manifest was there. Raises `run_exists` if one with another manifest was, or an open run
        of that id is, alive or not, or another run of that id was purged; and `unsealed` if durability could not be
        had; then nothing is promised and nothing was overwritten. A run that was purged can come back, which takes its
        tombstone away.
        """
        ...

    def begin_commit(self) -> Pending | None:
        """Begin what `commit` waits for, with others; a `commit` behind it ends it, and raises what went wrong.

        `None` where there is nothing that others wait for, too: `commit` does it all.
        """
        ...

    def discard(self) -> None:
        """Throw the stage away. Safe to call after `commit`, where it does nothing."""
        ...


class Bundle(Protocol):
    """A sealed bundle, open for reading. Links are never followed."""

    @property
    def location(self) -> str:
        """Where it is, for people: a path or a URL."""
        ...

    def entries(self) -> list[Entry]:
        """Every name in the bundle at any depth but folders, sorted by UTF-8 path."""
        ...

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """The file's bytes in chunks, opened once. Raises `file_not_found`, `store_unavailable`."""
        ...

    def rest(self) -> None:
        """Give back what reading holds for now; the next read takes it again, of the bundle at `location`."""
        ...

    def close(self) -> None:
        """Give back what reading holds."""
        ...


class Objects(Protocol):
    """Sealed bundles by run id. Ids are compared without regard to case; no method changes one, and one removes one.

    Visibility: what one process has committed, every process sees at its next call. Any number of processes
    may commit at once; of two that commit one id with different manifests, exactly one wins.
    """

    @property
    def properties(self) -> Properties:
        """What this adapter promises."""
        ...

    def stage(self, run_id: str) -> Stage:
        """A new, empty stage. Raises `invalid_run_id`, `store_unavailable`."""
        ...

    def open(self, run_id: str) -> Bundle:
        """The bundle of the run that has exactly this id. Raises `run_not_found`, `run_purged`.

        As long as it is open, reading goes on: `remove` is refused, or takes nothing away from it.
        """
        ...

    def exists(self, run_id: str) -> bool:
        """Whether a bundle of that id (in any case) is there."""
        ...

    def run_ids(self) -> Iterator[str]:
        """The ids of all sealed bundles, in no particular order."""
        ...

    def marks(self) -> dict[str, str]:
        """By run id, of every sealed bundle: a text that is another where another bundle stands under that id."""
        ...

    def stamp(self) -> str | None:
        """A text that is another after a bundle has come or gone; `None` where that cannot be told just now.

        Asked before `marks`, it says later whether those are still all.
        """
        ...

    def mark(self, tombstone: Tombstone) -> bool:
        """Put a tombstone beside the run that it names, durable at return; the run is read as before.

        `False` if that very bundle is marked already: the first mark stands. Raises `run_not_found`, `run_purged`,
        and `run_in_use` while somebody records, recovers, imports or marks the run.
        """
        ...

    def unmark(self, run_id: str) -> bool:
        """Take the mark of a run back, durable at return; `False` where none is, or the run is gone. Raises
        `run_in_use`."""
        ...

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Remove the bundle of a marked run, whole; its tombstone says `purged`, when (UTC) and by whom.

        At every moment there is the whole bundle under its name, or none and the tombstone; and so after a crash. What
        port `debug` keeps of the run goes with it.
        `gone` if it was removed before; `kept`, and nothing is done, where no mark is, or one whose time (`not_before`)
        has not come. Raises `run_in_use` while somebody records, recovers, imports, reads or marks it, or an open run
        has that id, and `digest_mismatch` if it is not the bundle that was marked; then it stays.
        """
        ...

    def remove_many(self, run_ids: Iterable[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:
        """As `remove` for each, by run id; what that raises is the answer. It may cost less than one by one."""
        ...

    def tombstone(self, run_id: str) -> Tombstone | None:
        """The tombstone that takes an id, in any case. One whose run stands there again says nothing."""
        ...

    def tombstones(self) -> list[Tombstone]:
        """Every tombstone, by run id; one that cannot be read is left out."""
        ...

    def foreign(self) -> list[str]:
        """Names in the store that are neither bundles nor the store's own."""
        ...


def one_by_one(
    remove: Callable[[str, str, str], Removed], run_ids: Iterable[str], at: str, by: str
) -> dict[str, Removed | RunstoneError]:
    """`Objects.remove_many` of an adapter for which many cost as much as each."""
    answers: dict[str, Removed | RunstoneError] = {}
    for run_id in run_ids:
        try:
            answers[run_id] = remove(run_id, at, by)
        except RunstoneError as exc:
            answers[run_id] = exc
    return answers
