"""Port `records` on SQLite: one file, shared by any number of processes.

- A body is what its parts come to, in their order: to replace it is to make it anew of one part, to append is to add
  one; so what was added is told by the numbers of body and part. Those of parts and changes are drawn: another file
  that comes into the place of this one, be it an older copy of it, gives others.
- Each call is one transaction, synced before it returns; what is made alone is one altogether.
- A file that is no database of records is refused and left as it is.
"""

from __future__ import annotations

import os
import sqlite3

from runstone.adapters.fs import durable
from runstone.adapters.sqlite.database import Database
from runstone.core.digests import digest_of
from runstone.errors import error
from runstone.ports.records import (
    ANY,
    Added,
    Lines,
    RecordProperties,
    check_expected,
    check_key,
    joined,
    mended,
    split,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from runstone.core.digests import Digest
    from runstone.ports.records import Answer, Expected

APPLICATION_ID: Final = 0x52_53_54_52
FORMAT: Final = "runstone-records/1"
BUSY_S: Final = 30.0
_TABLES: Final = """
CREATE TABLE records (record INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, change INTEGER NOT NULL);
CREATE TABLE parts (
    record INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (record, part)
) WITHOUT ROWID;
CREATE TABLE changes (change INTEGER PRIMARY KEY);
"""
_LAST_CHARACTER: Final = "\U0010ffff"


class SqliteRecords:
    """Records in the file at `path`, which the first of them makes."""

    def __init__(self, path: str) -> None:
        self._given = path
        self._path = os.path.abspath(path)
        self._database = Database(
            self._path,
            _make_folders,
            application_id=APPLICATION_ID,
            format=FORMAT,
            tables=_TABLES,
            pragmas=("journal_mode = WAL", "synchronous = FULL"),
            busy_s=BUSY_S,
        )
        self._alone: sqlite3.Connection | None = None
        """What the thread that holds the lock makes alone is in a transaction of this one."""

    # the port

    @property
    def properties(self) -> RecordProperties:
        return RecordProperties("power", "sqlite")

    def read(self, key: str) -> bytes | None:
        check_key(key)
        return self._asked(lambda db: _body(db, key), None)

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        check_key(key)

        def write(db: sqlite3.Connection) -> Digest:
            _check(db, key, expected)
            _forget(db, key)
            record = _changed(db, key)
            db.execute("INSERT INTO parts VALUES (?, ?, ?)", (record, _later(0), body))
            return digest_of(body)

        return self._written(write)

    def append(self, key: str, lines: list[bytes]) -> bytes:
        check_key(key)
        data = joined(lines)

        def write(db: sqlite3.Connection) -> bytes:
            record = _changed(db, key)
            last = db.execute(
                "SELECT part, body FROM parts WHERE record = ? ORDER BY part DESC LIMIT 1", (record,)
            ).fetchone()
            number, body = (0, b"") if last is None else last
            torn = b""
            if body and not body.endswith(b"\n"):  # the only part, put there by `replace`
                kept, torn = mended(body)
                db.execute("UPDATE parts SET body = ? WHERE record = ?", (kept, record))
            db.execute("INSERT INTO parts VALUES (?, ?, ?)", (record, _later(number), data))
            return torn

        return self._written(write) if data else b""

    def lines(self, key: str) -> Lines:
        return split(self.read(key) or b"")

    def added(self, key: str, since: str = "") -> Added:
        check_key(key)

        def find(db: sqlite3.Connection) -> Added:
            [record] = db.execute("SELECT record FROM records WHERE key = ?", (key,)).fetchone() or [0]
            number, _, seen = since.partition("-")
            anew = number != str(record) or not _is_part(db, record, int(seen))
            sql = "SELECT part, body FROM parts WHERE record = ? AND part > ? ORDER BY part"
            parts = db.execute(sql, (record, -1 if anew else int(seen))).fetchall()
            body = b"".join(piece for _, piece in parts)
            mark = f"{record}-{parts[-1][0]}" if body.endswith(b"\n") else "" if anew else since
            return Added(split(body).whole, mark, anew)

        return self._asked(find, Added([], "", anew=True))

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(self.marks(prefix))

    def marks(self, prefix: str = "") -> dict[str, str]:
        sql = "SELECT key, change FROM records"
        values: tuple[str, ...] = ()
        if prefix:
            sql, values = f"{sql} WHERE key >= ? AND key < ?", (prefix, prefix + _LAST_CHARACTER)
        return self._asked(lambda db: {key: str(change) for key, change in db.execute(sql, values)}, {})

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        check_key(key)

        def write(db: sqlite3.Connection) -> bool:
            _check(db, key, expected)
            return _forget(db, key)

        return self._written(write)

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        check_key(key)

        def inside(db: sqlite3.Connection) -> Answer:
            self._alone = db
            try:
                return work()
            finally:
                self._alone = None

        return self._written(inside)

    def place(self, key: str) -> str:
        return f"sqlite:{self._given}#{check_key(key)}"

    def close(self) -> None:
        """Give the connection back; the next call makes another one."""
        with self._database.lock:
            self._database.close()

    # the file

    def _asked(self, question: Callable[[sqlite3.Connection], Answer], otherwise: Answer) -> Answer:
        """What a question finds; `otherwise` where there is no file yet."""
        return self._transacted("BEGIN", question) if os.path.lexists(self._path) else otherwise

    def _written(self, change: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return self._transacted("BEGIN IMMEDIATE", change)

    def _transacted(self, begin: str, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        with self._database.lock:
            if self._alone is not None:
                return work(self._alone)
            try:
                return self._database.transact(begin, work)
            except (sqlite3.Error, OSError) as exc:
                reason = getattr(exc, "strerror", None) or str(exc)
                message = f"{self._given}: {reason}"
                raise error("store_unavailable", message, path=self._given, reason=reason) from exc


def _make_folders(path: str) -> None:
    durable.make_folders(os.path.dirname(path))


def _body(db: sqlite3.Connection, key: str) -> bytes | None:
    sql = "SELECT body FROM parts JOIN records USING (record) WHERE key = ? ORDER BY part"
    parts = [body for (body,) in db.execute(sql, (key,))]
    return b"".join(parts) if parts else None


def _check(db: sqlite3.Connection, key: str, expected: Expected) -> None:
    if expected != ANY:
        check_expected(key, expected, _body(db, key))


def _forget(db: sqlite3.Connection, key: str) -> bool:
    """Take a record away, if there is one; the next one under its key has another number."""
    found = db.execute("SELECT record FROM records WHERE key = ?", (key,)).fetchone()
    if found is None:
        return False
    db.execute("DELETE FROM parts WHERE record = ?", found)
    db.execute("DELETE FROM records WHERE record = ?", found)
    return True


def _is_part(db: sqlite3.Connection, record: int, part: int) -> bool:
    return db.execute("SELECT 1 FROM parts WHERE record = ? AND part = ?", (record, part)).fetchone() is not None


def _later(number: int) -> int:
    """A number behind another one. Of 63 bits there is room for 2^32 of them."""
    return number + 1 + int.from_bytes(os.urandom(4), "big")


def _changed(db: sqlite3.Connection, key: str) -> int:
    """The number of a record, which is made where it is missing; its mark is another one from now on."""
    [last] = db.execute("SELECT coalesce(max(change), 0) FROM changes").fetchone()
    change = _later(last)
    db.execute("DELETE FROM changes")
    db.execute("INSERT INTO changes VALUES (?)", (change,))
    sql = "INSERT INTO records (key, change) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET change = excluded.change"
    db.execute(sql, (key, change))
    return int(db.execute("SELECT record FROM records WHERE key = ?", (key,)).fetchone()[0])
