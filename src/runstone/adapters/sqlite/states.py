"""Port `states` on SQLite: one file that any number of processes share, and that nothing else can make again.

- WAL with `synchronous = FULL`: a call returns when its transaction is on the disk.
- Numbers of records are never given twice: when the last ones go, a row without a place keeps the highest number.
- Another file that came into the place of the one before is another store: its numbers are others, so that nobody takes
  its records for those of the other, and nothing goes into it that does not go under its mark.
- Deleted bytes are overwritten (`secure_delete`), and their pages given back.
- docs/format/state-1.md, 5 is the rule; `_TABLES` are its tables. `uses` and `runs` are rows of varints. Records are
  found by the steps that are made of them, as an index would be a page more for each put; `loose` has those of steps
  that were replaced.
"""

from __future__ import annotations

import os
import sqlite3

from runstone.adapters.fs import durable
from runstone.adapters.sqlite.database import Database, ForeignDatabaseError
from runstone.adapters.sqlite.removing import copy_thread, loosen_step, remove_steps, remove_thread, tidy_loose
from runstone.adapters.sqlite.rows import chain_of, found_step, packed_numbers, run_numbers, space_of
from runstone.errors import error
from runstone.ports.states import BaseGone, Place, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, Final, TypeVar

    from runstone.errors import RunstoneError
    from runstone.ports.states import Carry, Found, NewRecord, Record, Rewrite, Step

    Answer = TypeVar("Answer")

APPLICATION_ID: Final = 0x52_53_54_53
FORMAT: Final = "runstone-state/1"
BUSY_S: Final = 60.0
FILE_MODE: Final = 0o600
"""States are not redacted."""

SYNCHRONOUS: Final = "FULL"
NUMBER_BITS: Final = 63
"""Of a number in the file. Above them stands which file it is of."""

_TABLES: Final = """
CREATE TABLE spaces (
    space INTEGER PRIMARY KEY, thread TEXT NOT NULL, namespace TEXT NOT NULL, UNIQUE (thread, namespace)
);
CREATE TABLE steps (
    space INTEGER NOT NULL, step TEXT NOT NULL, parent TEXT, runs BLOB NOT NULL, uses BLOB NOT NULL,
    metadata BLOB NOT NULL, PRIMARY KEY (space, step)
) WITHOUT ROWID;
CREATE TABLE records (
    record INTEGER PRIMARY KEY, space INTEGER NOT NULL, base INTEGER, channel TEXT NOT NULL, version TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE loose (space INTEGER NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (space, record)) WITHOUT ROWID;
CREATE TABLE writes (
    space INTEGER NOT NULL, step TEXT NOT NULL, task TEXT NOT NULL, idx INTEGER NOT NULL, path TEXT NOT NULL,
    channel TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (space, step, task, idx)
);
CREATE TABLE runs (run INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE made (
    run INTEGER NOT NULL, space INTEGER NOT NULL, step TEXT NOT NULL, PRIMARY KEY (run, space, step)
) WITHOUT ROWID;
"""

_MARK: Final = "INSERT OR IGNORE INTO about VALUES ('mark', ?)"
_WHOLE_RECORD: Final = "INSERT INTO records (space, channel, version, data) VALUES (?, ?, ?, ?)"
_NEXT_RECORD: Final = (
    "INSERT INTO records (space, base, channel, version, data)"
    " SELECT space, record, ?, ?, ? FROM records WHERE record = ? AND space = ?"
)
_NEW_STEP: Final = "INSERT INTO steps (space, step, parent, runs, uses, metadata) VALUES (?, ?, ?, ?, ?, ?)"
_FIRST_WRITE: Final = (
    "INSERT OR IGNORE INTO writes (space, step, task, idx, path, channel, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_LAST_WRITE: Final = _FIRST_WRITE.replace("IGNORE", "REPLACE")


class SqliteStates:
    """States in the file at `path`, which is made when something is first asked of it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._database = Database(
            path,
            _make_file,
            application_id=APPLICATION_ID,
            format=FORMAT,
            tables=_TABLES,
            pragmas=("journal_mode = WAL", f"synchronous = {SYNCHRONOUS}", "secure_delete = ON"),
            first=("auto_vacuum = INCREMENTAL",),
            busy_s=BUSY_S,
        )
        self._marked: str | None = None
        self._marked_of = 0
        """The mark that was told last, and the generation of the file that it was told of."""

    # the port

    def mark(self, text: str | None) -> str | None:
        def read(db: sqlite3.Connection) -> str | None:
            self._marked, self._marked_of = _mark_of(db), self._database.generation
            return self._marked

        def write(db: sqlite3.Connection) -> str | None:
            db.execute(_MARK, (text,))
            return read(db)

        with self._database.lock:
            self._marked = None
            stands = self._read(read)
            return stands if stands is not None or text is None else self._write(write)

    def put(
        self, step: Step, records: Sequence[NewRecord], kept: Sequence[int], rewrite: Rewrite | None = None
    ) -> list[int]:
        def write(db: sqlite3.Connection) -> list[int]:
            space = space_of(db, step.place, make=True)
            there = [self._stored(number) for number in kept]
            if there:
                _check_there(db, space, there)
            numbers = [
                _put_record(db, space, record, None if record.base is None else self._stored(record.base))
                for record in records
            ]
            uses = packed_numbers([*numbers, *there])
            try:
                _put_step(db, space, step, uses)
            except sqlite3.IntegrityError:  # a step of that name is there
                loosen_step(db, space, step.step)
                _put_step(db, space, step, uses)
                if rewrite is not None:
                    tidy_loose(db, step.place, space, rewrite)
            return [self._told(number) for number in numbers]

        return self._write(write)

    def get(self, place: Place, step: str | None) -> Found | None:
        sql = "SELECT step, parent, runs, uses, metadata FROM steps WHERE space = ? "
        sql += "ORDER BY step DESC LIMIT 1" if step is None else "AND step = ?"

        def read(db: sqlite3.Connection) -> Found | None:
            space = space_of(db, place)
            row = db.execute(sql, (space,) if step is None else (space, step)).fetchone()
            return None if row is None else self._found(db, place, row)

        return self._read(read)

    def steps(self, place: Place, before: str | None, limit: int) -> list[Found]:
        sql = "SELECT step, parent, runs, uses, metadata FROM steps WHERE space = ? "
        sql += ("" if before is None else "AND step < ? ") + "ORDER BY step DESC LIMIT ?"

        def read(db: sqlite3.Connection) -> list[Found]:
            space = space_of(db, place)
            rows = db.execute(sql, (space, limit) if before is None else (space, before, limit)).fetchall()
            return [self._found(db, place, row) for row in rows]

        return self._read(read)

    def places(self, thread: str | None, after: Place | None, limit: int) -> list[Place]:
        conditions = ["EXISTS (SELECT 1 FROM steps WHERE steps.space = spaces.space)"]
        values: list[Any] = []
        if thread is not None:
            conditions.append("thread = ?")
            values.append(thread)
        if after is not None:
            conditions.append("(thread, namespace) > (?, ?)")
            values += after
        sql = (
            f"SELECT thread, namespace FROM spaces WHERE {' AND '.join(conditions)} ORDER BY thread, namespace LIMIT ?"  # noqa: S608  # of its own text
        )
        return self._read(lambda db: [Place(*row) for row in db.execute(sql, [*values, limit])])

    def chain(self, place: Place, number: int) -> list[Record]:
        def read(db: sqlite3.Connection) -> list[Record]:
            try:
                found = chain_of(db, space_of(db, place), self._stored(number))
            except BaseGone:
                return []
            return [
                one._replace(number=self._told(one.number), base=None if one.base is None else self._told(one.base))
                for one in found
            ]

        return self._read(read)

    def add_writes(self, place: Place, step: str, writes: Sequence[Write]) -> None:
        def write(db: sqlite3.Connection) -> None:
            space = space_of(db, place, make=True)
            for one in writes:
                db.execute(_LAST_WRITE if one.at < 0 else _FIRST_WRITE, (space, step, *one))

        self._write(write)

    def writes(self, place: Place, step: str) -> list[Write]:
        sql = "SELECT task, idx, path, channel, data FROM writes WHERE space = ? AND step = ? ORDER BY path, task, idx"
        return self._read(lambda db: [Write(*row) for row in db.execute(sql, (space_of(db, place), step))])

    def steps_of(self, runs: Collection[str]) -> list[tuple[Place, str]]:
        sql = "SELECT thread, namespace, step FROM made JOIN spaces USING (space) WHERE run = ?"

        def read(db: sqlite3.Connection) -> list[tuple[Place, str]]:
            found = {row for run in run_numbers(db, runs) for row in db.execute(sql, (run,))}
            return [(Place(thread, namespace), step) for thread, namespace, step in sorted(found, key=_bytes_of)]

        return self._read(read)

    def remove(self, gone: Mapping[Place, Collection[str]], rewrite: Rewrite) -> int:
        def write(db: sqlite3.Connection) -> int:
            return sum(remove_steps(db, place, names, rewrite) for place, names in gone.items())

        return self._removed(write)

    def remove_thread(self, thread: str) -> int:
        return self._removed(lambda db: remove_thread(db, thread))

    def copy(self, source: str, target: str, carry: Carry) -> int:
        return self._write(lambda db: copy_thread(db, source, target, carry))

    def close(self) -> None:
        with self._database.lock:
            self._database.close()

    # transactions

    def _read(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return self._asked(question, "BEGIN")

    def _write(self, change: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return self._asked(change, "BEGIN IMMEDIATE")

    def _asked(self, work: Callable[[sqlite3.Connection], Answer], begin: str) -> Answer:
        def checked(db: sqlite3.Connection) -> Answer:
            self._check_mark(db, mark=begin != "BEGIN")
            return work(db)

        with self._database.lock:
            try:
                return self._database.transact(begin, checked)
            except (sqlite3.Error, OSError) as exc:
                raise told(exc, self._path) from exc
            except (UnicodeDecodeError, TypeError) as exc:  # bytes that are no text, a row that is not there
                raise error("state_damaged", f"{self._path}: its rows are not whole", path=self._path) from exc

    def _check_mark(self, db: sqlite3.Connection, *, mark: bool) -> None:
        """Raise `invalid_state_key` where another file came, under another mark; one that has none may get it."""
        if self._marked is None or self._marked_of == self._database.generation:
            return
        if mark:
            db.execute(_MARK, (self._marked,))
        if _mark_of(db) not in (None, self._marked):
            problem = "another store came into the place of this one, and was made with another key, or none"
            raise error("invalid_state_key", f"{self._path}: {problem}", path=self._path)

    def _stored(self, number: int) -> int:
        """A number as it stands in the file. Raises `BaseGone` where it is one of another file."""
        if number >> NUMBER_BITS != self._database.generation:
            raise BaseGone
        return number & ((1 << NUMBER_BITS) - 1)

    def _told(self, number: int) -> int:
        return self._database.generation << NUMBER_BITS | number

    def _found(self, db: sqlite3.Connection, place: Place, row: tuple[Any, ...]) -> Found:
        found = found_step(db, place, row)
        return found._replace(uses=tuple(use._replace(number=self._told(use.number)) for use in found.uses))

    def _removed(self, change: Callable[[sqlite3.Connection], int]) -> int:
        def write(db: sqlite3.Connection) -> tuple[int, bool]:
            before = db.total_changes
            count = change(db)
            return count, db.total_changes != before

        count, changed = self._write(write)
        if changed:
            self._tidy()
        return count

    def _tidy(self) -> None:
        """Give back the pages of what was deleted, where nobody has to be waited for: the next one does it else."""
        with self._database.lock:
            try:
                db = self._database.open()
                db.execute("PRAGMA busy_timeout = 0")
                db.executescript("PRAGMA incremental_vacuum")  # `execute` would give back one page
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                db.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
            except (sqlite3.Error, OSError):  # what was deleted is deleted
                self._database.close()


def _make_file(path: str) -> None:
    """An empty file for its owner alone, whose name is durable before anything in it is, whoever has made it."""
    folder = os.path.dirname(path)
    if not os.path.lexists(path):
        try:
            durable.make_folders(folder)
            durable.let_go(durable.create(path, mode=FILE_MODE))
        except FileExistsError:
            pass  # somebody else has just made it
    durable.sync_folder(folder)


def _mark_of(db: sqlite3.Connection) -> str | None:
    found = db.execute("SELECT value FROM about WHERE key = 'mark'").fetchone()
    return None if found is None else str(found[0])


def _check_there(db: sqlite3.Connection, space: int, kept: Sequence[int]) -> None:
    """Raise `BaseGone` unless all of these records are of the place."""
    for number in kept:
        if db.execute("SELECT 1 FROM records WHERE record = ? AND space = ?", (number, space)).fetchone() is None:
            raise BaseGone


def _put_record(db: sqlite3.Connection, space: int, record: NewRecord, base: int | None) -> int:
    """Insert a record; its number. Raises `BaseGone` unless what it rests on is of the place."""
    channel, version, _, data = record
    if base is None:
        done = db.execute(_WHOLE_RECORD, (space, channel, version, data))
    else:
        done = db.execute(_NEXT_RECORD, (channel, version, data, base, space))
        if done.rowcount != 1:
            raise BaseGone
    return int(done.lastrowid or 0)


def _put_step(db: sqlite3.Connection, space: int, step: Step, uses: bytes) -> None:
    """Insert a step and the runs that made it. Raises `sqlite3.IntegrityError` if it is there."""
    runs = run_numbers(db, step.runs, make=True)
    db.execute(_NEW_STEP, (space, step.step, step.parent, packed_numbers(runs), uses, step.metadata))
    if runs:
        db.executemany("INSERT INTO made VALUES (?, ?, ?)", [(run, space, step.step) for run in runs])


def _bytes_of(row: tuple[str, ...]) -> list[bytes]:
    return [text.encode() for text in row]


def told(exc: Exception, path: str) -> RunstoneError:
    """What SQLite says, in the words of the port."""
    text = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
    if isinstance(exc, ForeignDatabaseError) or "not a database" in text:
        found = exc.found if isinstance(exc, ForeignDatabaseError) else "no database"
        message = f"{path} is no store of states that this version reads: found {found}, expected {FORMAT}"
        return error("unsupported_format", message, path=path, expected=FORMAT, found=found)
    if "malformed" in text:
        return error("state_damaged", f"{path}: {text}", path=path)
    return error("store_unavailable", f"{path}: {text}", path=path)
