"""What a store of states does to delete steps and to copy threads, inside of one transaction.

- A record goes when no step is made of it. Who rested on it is written anew before it goes, so no deleted step remains
  as somebody's base.
- The highest number that a record has had is kept by a row without a place.
"""

from __future__ import annotations

from runstone.adapters.sqlite.rows import chain_of, numbers_of, packed_numbers, space_of
from runstone.errors import RunstoneError, error, excerpt
from runstone.ports.states import MAX_LOOSE, Place, Record, Step, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable
    from typing import Final, TypeAlias

    from runstone.ports.states import Carry, Rewrite

    _Row: TypeAlias = tuple[str, bytes, bytes]
    """Of a step: its name, its runs, what it is made of."""

NO_SPACE: Final = 0


def remove_steps(db: sqlite3.Connection, place: Place, names: Collection[str], rewrite: Rewrite) -> int:
    """Delete steps of a place with what they alone are made of; how many there were."""
    space = space_of(db, place)
    if space == NO_SPACE:
        return 0
    rows = []
    for name in dict.fromkeys(names):
        sql = "SELECT step, runs, uses FROM steps WHERE space = ? AND step = ?"
        rows += db.execute(sql, (space, name)).fetchall()
        db.execute("DELETE FROM writes WHERE space = ? AND step = ?", (space, name))
    candidates = _records_of(db, space, rows)
    _forget_steps(db, space, rows)
    used = _records_of(
        db, space, db.execute("SELECT step, runs, uses FROM steps WHERE space = ?", (space,)), loose=False
    )
    dead = candidates - used
    for number in sorted(used) if dead else ():
        base = db.execute("SELECT base FROM records WHERE record = ?", (number,)).fetchone()[0]
        if base in dead:
            chain = chain_of(db, space, number)
            stays = [record.number for record in chain[:-1] if record.number in used]
            base, data = rewrite(place, chain, stays[-1] if stays else None)
            db.execute("UPDATE records SET base = ?, data = ? WHERE record = ?", (base, data, number))
    _forget_records(db, dead)
    db.execute("DELETE FROM loose WHERE space = ?", (space,))
    _forget_places(db, [space])
    return len(rows)


def remove_thread(db: sqlite3.Connection, thread: str) -> int:
    """Delete all of a thread; how many steps there were."""
    spaces = [space for (space,) in db.execute("SELECT space FROM spaces WHERE thread = ?", (thread,))]
    count, dead = 0, set()
    for space in spaces:
        rows = db.execute("SELECT step, runs, uses FROM steps WHERE space = ?", (space,)).fetchall()
        dead |= _records_of(db, space, rows)
        _forget_steps(db, space, rows)
        count += len(rows)
        db.execute("DELETE FROM writes WHERE space = ?", (space,))
        db.execute("DELETE FROM loose WHERE space = ?", (space,))
    _forget_records(db, dead)
    _forget_places(db, spaces)
    return count


def loosen_step(db: sqlite3.Connection, space: int, step: str) -> None:
    """Take a step away that is about to be replaced: what it is made of goes later, or is kept."""
    sql = "SELECT step, runs, uses FROM steps WHERE space = ? AND step = ?"
    rows = db.execute(sql, (space, step)).fetchall()
    numbers = _records_of(db, space, rows, loose=False)
    db.executemany("INSERT OR IGNORE INTO loose VALUES (?, ?)", [(space, number) for number in numbers])
    _forget_steps(db, space, rows)


def tidy_loose(db: sqlite3.Connection, place: Place, space: int, rewrite: Rewrite) -> None:
    """Delete what replaced steps were made of, where there is much of it. What is damaged is left to who reads it."""
    found = db.execute("SELECT count(*) FROM loose WHERE space = ?", (space,)).fetchone()[0]
    if found <= MAX_LOOSE:
        return
    db.execute("SAVEPOINT tidy")
    try:
        remove_steps(db, place, (), rewrite)
    except RunstoneError:
        db.execute("ROLLBACK TO tidy")
    db.execute("RELEASE tidy")


def _records_of(db: sqlite3.Connection, space: int, rows: Iterable[_Row], *, loose: bool = True) -> set[int]:
    """The records that steps are made of, and those of replaced ones."""
    found = {number for _, _, uses in rows for number in numbers_of(uses)}
    if loose:
        found.update(number for (number,) in db.execute("SELECT record FROM loose WHERE space = ?", (space,)))
    return found


def _forget_steps(db: sqlite3.Connection, space: int, rows: Iterable[_Row]) -> None:
    """Delete rows of steps, and the names of runs that made no other step."""
    runs = set()
    for step, packed, _ in rows:
        for run in numbers_of(packed):
            db.execute("DELETE FROM made WHERE run = ? AND space = ? AND step = ?", (run, space, step))
            runs.add(run)
        db.execute("DELETE FROM steps WHERE space = ? AND step = ?", (space, step))
    for run in runs:
        sql = "DELETE FROM runs WHERE run = ? AND NOT EXISTS (SELECT 1 FROM made WHERE made.run = runs.run)"
        db.execute(sql, (run,))


def _forget_records(db: sqlite3.Connection, dead: Iterable[int]) -> None:
    """Delete records; where that of the highest number goes, a row without a place keeps the number."""
    highest = "SELECT coalesce(max(record), 0) FROM records"
    before = db.execute(highest).fetchone()[0]
    db.executemany("DELETE FROM records WHERE record = ?", [(number,) for number in dead])
    if db.execute(highest).fetchone()[0] < before:
        old = db.execute("SELECT value FROM about WHERE key = 'highest'").fetchone()
        if old is not None:
            db.execute("DELETE FROM records WHERE record = ? AND space = ?", (int(old[0]), NO_SPACE))
        sql = "INSERT INTO records (record, space, channel, version, data) VALUES (?, ?, '', '', x'')"
        db.execute(sql, (before, NO_SPACE))
        db.execute("INSERT OR REPLACE INTO about VALUES ('highest', ?)", (str(before),))


def copy_thread(db: sqlite3.Connection, source: str, target: str, carry: Carry) -> int:
    """Copy a thread: records first, with numbers of their own. Raises `state_exists`."""
    if db.execute("SELECT 1 FROM spaces WHERE thread = ?", (target,)).fetchone() is not None:
        raise error("state_exists", f"thread {excerpt(target)!r} has states already", thread=target)
    count = 0
    for old, namespace in db.execute("SELECT space, namespace FROM spaces WHERE thread = ?", (source,)).fetchall():
        place = Place(source, namespace)
        new = space_of(db, Place(target, namespace), make=True)
        numbers = _copy_records(db, place, (old, new), carry)
        count += _copy_steps(db, place, (old, new), numbers, carry)
        _copy_writes(db, place, (old, new), carry)
    return count


def _forget_places(db: sqlite3.Connection, spaces: Iterable[int]) -> None:
    """The names of places that hold nothing any more."""
    left = "EXISTS (SELECT 1 FROM {0} WHERE {0}.space = spaces.space)"
    sql = f"DELETE FROM spaces WHERE space = ? AND NOT {left.format('steps')} AND NOT {left.format('writes')}"  # noqa: S608  # of its own text
    db.executemany(sql, [(space,) for space in spaces])


def _copy_records(db: sqlite3.Connection, place: Place, spaces: tuple[int, int], carry: Carry) -> dict[int, int]:
    """The numbers of copies by those of what was copied; bases come first, as their numbers are lower."""
    numbers: dict[int, int] = {}
    rows = db.execute("SELECT step, runs, uses FROM steps WHERE space = ?", spaces[:1])
    for number in sorted(_records_of(db, spaces[0], rows)):
        sql = "SELECT record, channel, version, base, data FROM records WHERE record = ?"
        record = Record(*db.execute(sql, (number,)).fetchone())
        base = None if record.base is None else numbers[record.base]
        sql = "INSERT INTO records (space, base, channel, version, data) VALUES (?, ?, ?, ?, ?)"
        values = (spaces[1], base, record.channel, record.version, carry(place, "", record))
        numbers[number] = int(db.execute(sql, values).lastrowid or 0)
    return numbers


def _copy_steps(
    db: sqlite3.Connection, place: Place, spaces: tuple[int, int], numbers: dict[int, int], carry: Carry
) -> int:
    sql = "SELECT step, parent, runs, uses, metadata FROM steps WHERE space = ?"
    rows = db.execute(sql, spaces[:1]).fetchall()
    for name, parent, runs, uses, metadata in rows:
        moved = carry(place, name, Step(place, name, parent, (), metadata))
        copied = packed_numbers(numbers[number] for number in numbers_of(uses))
        sql = "INSERT INTO steps (space, step, parent, runs, uses, metadata) VALUES (?, ?, ?, ?, ?, ?)"
        db.execute(sql, (spaces[1], name, parent, runs, copied, moved))
        made = [(run, spaces[1], name) for run in numbers_of(runs)]
        db.executemany("INSERT INTO made VALUES (?, ?, ?)", made)
    return len(rows)


def _copy_writes(db: sqlite3.Connection, place: Place, spaces: tuple[int, int], carry: Carry) -> None:
    sql = "SELECT step, task, idx, path, channel, data FROM writes WHERE space = ? ORDER BY rowid"
    for step, *told in db.execute(sql, spaces[:1]).fetchall():
        write = Write(*told)
        sql = "INSERT INTO writes (space, step, task, idx, path, channel, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
        db.execute(sql, (spaces[1], step, *write._replace(data=carry(place, step, write))))
