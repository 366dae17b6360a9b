"""One SQLite file that any number of processes share: its connection, its tables, its transactions.

- A connection is of one process and one file. A fork finds the file closed, and both processes open it anew, as
  SQLite's own account of locks must not be inherited; a file that came into the place of another is opened anew.
- Of two that make the tables one waits and finds them. What stands there and is not ours is never written to.
- What fails is taken back. Where SQLite or the system failed, the connection goes too: what failed to be synced is
  never synced again through it.
- SQLite lets nobody wait for who opens a file first or closes it last: here they wait.
"""

from __future__ import annotations

import _thread
import os
import sqlite3
import time
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeVar

    Answer = TypeVar("Answer")

AGAIN_S: Final = 0.005
CACHED_STATEMENTS: Final = 64


class ForeignDatabaseError(sqlite3.DatabaseError):
    """What stands in the file is not what it was opened as; `found` says what it is."""

    def __init__(self, found: str) -> None:
        super().__init__(f"it is {found}")
        self.found = found


class Database:
    """The file at `path`, made when something is first asked of it. Who calls holds `lock`.

    It holds `tables` and the table `about`, whose row `format` says with `application_id` what it is. `prepare` is
    called with the path before each connection, which begins with `pragmas`, in a new file with those of `first`
    before them, and waits `busy_s` for others.
    """

    def __init__(
        self,
        path: str,
        prepare: Callable[[str], None],
        *,
        application_id: int,
        format: str,
        tables: str,
        pragmas: tuple[str, ...],
        first: tuple[str, ...] = (),
        busy_s: float,
    ) -> None:
        self.path = path
        self.lock = _thread.RLock()
        self.inode = -1
        """Of the file that was opened last."""
        self.opened = 0
        """So many connections have been made."""
        self.generation = 0
        """So many times another file may have come into the place of the one before."""
        self._left: tuple[int, ...] = ()
        """What the file was when it was closed; empty where it was not there any more."""
        self._application_id = application_id
        self._format = format
        self._tables = tables
        self._pragmas = pragmas
        self._first = first
        self._prepare = prepare
        self._busy_s = busy_s
        self._connection: sqlite3.Connection | None = None
        _alive.add(self)

    def __del__(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def open(self) -> sqlite3.Connection:
        """The connection, made where there is none. Raises `ForeignDatabaseError`, `sqlite3.Error`, `OSError`."""
        if self._connection is not None and self.inode == self.found_inode():
            return self._connection
        until = time.monotonic() + self._busy_s
        while True:
            self.close()
            try:
                return self._connected()
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc) or time.monotonic() > until:
                    raise
                time.sleep(AGAIN_S)

    def transact(self, begin: str, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """What `work` answers; what it has changed stands when this returns, and nothing of it where this raises."""
        try:
            db = self.open()
            try:
                db.execute(begin)
                answer = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError):
            self.close()
            raise
        return answer

    def close(self) -> None:
        """Give the connection back; the next call makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            left = self._stamp()
            self._left = left if left[:1] == (self.inode,) else ()

    def found_inode(self) -> int:
        """Of the file that is there now; −1 without one."""
        try:
            return os.stat(self.path).st_ino
        except OSError:
            return -1

    def _stamp(self) -> tuple[int, ...]:
        """What tells that the file is the one that was closed: its number alone is given to the next file."""
        try:
            found = os.stat(self.path)
        except OSError:
            return ()
        return found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _connected(self) -> sqlite3.Connection:
        if self.opened and (not self._left or self._stamp() != self._left):
            self.generation += 1
        self._prepare(self.path)
        db = self._connection = sqlite3.connect(
            self.path,
            timeout=self._busy_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
        self.opened += 1
        self.inode = self.found_inode()
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        found = db.execute("PRAGMA application_id").fetchone()[0]  # behind the tables: they come with it
        if found not in (0, self._application_id) or (found == 0 and tables):
            raise ForeignDatabaseError("a database of another program")
        if found:
            self._check_format(db)
        for pragma in self._pragmas if found else self._first + self._pragmas:
            db.execute(f"PRAGMA {pragma}").fetchall()
        if not found:
            self._make(db)
        return db

    def _check_format(self, db: sqlite3.Connection) -> None:
        told = db.execute("SELECT value FROM about WHERE key = 'format'").fetchone()
        if told != (self._format,):
            raise ForeignDatabaseError(f"one of the format {told and told[0]}")

    def _make(self, db: sqlite3.Connection) -> None:
        """The tables, unless somebody else has just made them."""
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA application_id").fetchone()[0] != self._application_id:
            db.execute("CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
            for statement in self._tables.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO about VALUES ('format', ?)", (self._format,))
            db.execute(f"PRAGMA application_id = {self._application_id}")
        db.execute("COMMIT")
        self._check_format(db)


_alive: Final[WeakSet[Database]] = WeakSet()
_held: Final[list[list[Database]]] = []
_forking: Final = _thread.RLock()
"""Of the one thread that forks now; what it has closed is the last of `_held`."""


def _before_fork() -> None:
    """Wait for what is under way, and close every file."""
    _forking.acquire()
    databases = list(_alive)
    _held.append(databases)
    for database in databases:
        database.lock.acquire()
        database.close()


def _after_fork() -> None:
    """Go on, in both processes."""
    for database in _held.pop():
        database.lock.release()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
