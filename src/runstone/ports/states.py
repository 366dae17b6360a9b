"""Port `states`: resumable state as records, each whole or resting on another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias


class BaseGone(Exception):  # noqa: N818  # said to the engine, which stores the state whole; no user meets it
    """What a put rests on is not there, or no longer: somebody has deleted it. Nothing was stored."""


class Place(NamedTuple):
    """Where steps stand: a namespace of a thread. Both are text; the namespace may be empty."""

    thread: str
    namespace: str


class Step(NamedTuple):
    """One step of a thread: its name, which orders it, the step that it came from, the runs that made it."""

    place: Place
    step: str
    parent: str | None
    runs: tuple[str, ...]
    metadata: bytes


class NewRecord(NamedTuple):
    """A record to be stored: of which channel and version, and the number of the record that it rests on, if any."""

    channel: str
    version: str
    base: int | None
    data: bytes


class Record(NamedTuple):
    """A record as it stands. No two records of a store ever have the same number, also when one is long gone."""

    number: int
    channel: str
    version: str
    base: int | None
    data: bytes


class Use(NamedTuple):
    """A record that a step is made of: of which channel and version, and its number."""

    channel: str
    version: str
    number: int


class Found(NamedTuple):
    """A step as it stands, with what it is made of, in the order in which it was put."""

    step: Step
    uses: tuple[Use, ...]


class Write(NamedTuple):
    """What a task has written behind a step; `at` is its place among those of its task."""

    task: str
    at: int
    path: str
    channel: str
    data: bytes


MAX_LOOSE: Final = 32
"""So many records of replaced steps stay in a place before a put takes them away."""

Rewrite: TypeAlias = Callable[[Place, Sequence[Record], int | None], tuple[int | None, bytes]]
"""Make the last record of a chain anew: of a place, its whole chain, and the number of the nearest record of it that
stays, if any. The answer is that number, or `None` where the new record is whole, and its bytes."""

Carry: TypeAlias = Callable[[Place, str, Record | Write | Step], bytes]
"""The bytes that an item of a place and, of writes and steps, a step has in the thread that it is copied to."""


class States(Protocol):
    """Steps by place, in the order of the UTF-8 bytes of their names. Any number of threads and processes.

    Each call is one transaction: who reads sees all of it or nothing, and when it returns, what it did survives power
    loss where the adapter keeps files. A call that raises has changed nothing, but for one that raises
    `store_unavailable`, of which either holds. Records and metadata are bytes that mean nothing here. Every method
    raises `store_unavailable`, `unsupported_format` where something else stands there, and `state_damaged` where the
    adapter finds damage itself. Where another store comes into the place of the one that was asked before, no number of
    the one is one of the other, and every method but `mark` raises `invalid_state_key` unless its mark is the one that
    was told; a change marks it, if it has none.
    """

    def mark(self, text: str | None) -> str | None:
        """Mark the store, create-once: the mark that stands, which is `text` if there was none. `None` only asks."""
        ...

    def put(
        self, step: Step, records: Sequence[NewRecord], kept: Sequence[int], rewrite: Rewrite | None = None
    ) -> list[int]:
        """Store a step that is made of new records and, behind them, of records that are there; the new numbers.

        A step of that name is replaced, with what it was made of; its writes stay. Raises `BaseGone` if a record that
        is kept, or rested on, is not one of this place. With `rewrite` records that only replaced steps were made of
        go now and then, as by a removal.
        """
        ...

    def get(self, place: Place, step: str | None) -> Found | None:
        """A step, or the last one of the place; `None` where it is not there."""
        ...

    def steps(self, place: Place, before: str | None, limit: int) -> list[Found]:
        """At most so many steps before one, which need not be there, the last ones first; without one the last."""
        ...

    def places(self, thread: str | None, after: Place | None, limit: int) -> list[Place]:
        """At most so many places that hold steps, behind one, in order: of a thread, or all."""
        ...

    def chain(self, place: Place, number: int) -> list[Record]:
        """A record and those that it rests on, the whole one first; empty if it is not there."""
        ...

    def add_writes(self, place: Place, step: str, writes: Sequence[Write]) -> None:
        """Store what a task has written behind a step, which need not be there yet.

        Of two writes of a task at the same place the first stands; the last, where the place is below 0.
        """
        ...

    def writes(self, place: Place, step: str) -> list[Write]:
        """Writes behind a step, by path, task and place."""
        ...

    def steps_of(self, runs: Collection[str]) -> list[tuple[Place, str]]:
        """The steps that any of these runs made, in order."""
        ...

    def remove(self, gone: Mapping[Place, Collection[str]], rewrite: Rewrite) -> int:
        """Delete steps and their writes; how many steps went. Those that are not there are passed over.

        Records that no step is made of any more go as well; those that stay and rested on them are written anew first.
        """
        ...

    def remove_thread(self, thread: str) -> int:
        """Delete all of a thread, writes too; how many steps went."""
        ...

    def copy(self, source: str, target: str, carry: Carry) -> int:
        """Copy all of a thread to another one; how many steps. Raises `state_exists` if that one has anything."""
        ...

    def close(self) -> None:
        """Give back what it holds; the next call takes it again."""
        ...
