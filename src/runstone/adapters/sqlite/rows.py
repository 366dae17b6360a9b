"""Rows of a store of states as the values of the port, and the numbers that stand for names."""

from __future__ import annotations

from runstone.core.state.ranges import read_varint, varint
from runstone.ports.states import Found, Record, Step, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import Any, Final

    from runstone.ports.states import Place

_CHAIN: Final = """
WITH RECURSIVE chain (record, base, length) AS (
    SELECT record, base, 0 FROM records WHERE record = ? AND space = ?
    UNION ALL SELECT r.record, r.base, length + 1 FROM chain AS c JOIN records AS r ON r.record = c.base
)
SELECT r.record, r.channel, r.version, r.base, r.data FROM chain AS c JOIN records AS r USING (record)
ORDER BY c.length DESC
"""


def packed_numbers(numbers: Iterable[int]) -> bytes:
    """Numbers in a row."""
    return b"".join(map(varint, numbers))


def numbers_of(packed: bytes) -> list[int]:
    """The numbers of a row. Raises `state_damaged`."""
    numbers, offset = [], 0
    while offset < len(packed):
        number, offset = read_varint(packed, offset)
        numbers.append(number)
    return numbers


def space_of(db: sqlite3.Connection, place: Place, *, make: bool = False) -> int:
    """The number of a place; 0 where it has none and none is made."""
    found = db.execute("SELECT space FROM spaces WHERE thread = ? AND namespace = ?", place).fetchone()
    if found is not None:
        return int(found[0])
    if not make:
        return 0
    return int(db.execute("INSERT INTO spaces (thread, namespace) VALUES (?, ?)", place).lastrowid or 0)


def run_numbers(db: sqlite3.Connection, runs: Iterable[str], *, make: bool = False) -> list[int]:
    """The numbers of runs by name, in order; those that are not known are left out, or made."""
    numbers = []
    for name in dict.fromkeys(runs):
        found = db.execute("SELECT run FROM runs WHERE name = ?", (name,)).fetchone()
        if found is not None:
            numbers.append(int(found[0]))
        elif make:
            numbers.append(int(db.execute("INSERT INTO runs (name) VALUES (?)", (name,)).lastrowid or 0))
    return numbers


def found_step(db: sqlite3.Connection, place: Place, row: tuple[Any, ...]) -> Found:
    """A step of its row: step, parent, runs, uses, metadata."""
    name, parent, runs, uses, metadata = row
    names = [db.execute("SELECT name FROM runs WHERE run = ?", (run,)).fetchone()[0] for run in numbers_of(runs)]
    found = []
    for number in numbers_of(uses):
        channel, version = db.execute("SELECT channel, version FROM records WHERE record = ?", (number,)).fetchone()
        found.append(Use(channel, version, number))
    return Found(Step(place, name, parent, tuple(names), metadata), tuple(found))


def chain_of(db: sqlite3.Connection, space: int, number: int) -> list[Record]:
    """A record of a place and those that it rests on, the whole one first."""
    return [Record(*row) for row in db.execute(_CHAIN, (number, space))]
