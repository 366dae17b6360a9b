"""Port `catalog` on SQLite: one file that any number of processes share, and that may vanish at any time.

- A file that is torn, of another format, or no database is taken away under a lock, and an empty one made: the engine
  fills it again.
- Texts that a query asks for are facts, one row each, so that one index serves every field: (field, text, time).
- Words are found by FTS5, which is handed the words that `core.fulltext` made; it splits and folds nothing itself.
"""

from __future__ import annotations

import _thread
import os
import sqlite3

from runstone.adapters.sqlite.changes import Change, effective_card
from runstone.adapters.sqlite.plans import PATIENCE, plans
from runstone.core.card import FORMAT
from runstone.core.parsing import load
from runstone.ports.catalog import CatalogLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final, TypeVar

    from runstone.adapters.sqlite.plans import Plan
    from runstone.core.card import Card
    from runstone.core.query import Cursor, Query
    from runstone.ports.catalog import Known

    Answer = TypeVar("Answer")

APPLICATION_ID: Final = 0x52_53_54_4E
SCHEMA: Final = f"{FORMAT} 2"
"""What the file says that it is; any other is made anew."""
BUSY_S: Final = 30.0

_TABLES: Final = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE fields (field INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, run_id TEXT NOT NULL, opened INTEGER NOT NULL, hidden INTEGER NOT NULL,
    damaged INTEGER NOT NULL, mark TEXT NOT NULL, row BLOB NOT NULL
);
CREATE UNIQUE INDEX ids ON runs (run_id, mark);
CREATE INDEX newest ON runs (opened, run_id);
CREATE INDEX damaged ON runs (run_id) WHERE damaged;
CREATE TABLE cards (run INTEGER PRIMARY KEY, base BLOB NOT NULL, card BLOB);
CREATE TABLE facts (
    field INTEGER NOT NULL, text TEXT NOT NULL, opened INTEGER NOT NULL, run INTEGER NOT NULL, number REAL,
    PRIMARY KEY (field, text, opened, run)
) WITHOUT ROWID;
CREATE INDEX numbers ON facts (field, number, opened, run) WHERE number IS NOT NULL;
CREATE VIRTUAL TABLE search USING fts5 (words, content='', tokenize='ascii');
"""
_UNUSABLE: Final = ("readonly", "read-only", "full", "unable to open", "locked", "not authorized")
"""What SQLite says where the file is good and cannot be used now."""


class SqliteCatalog:
    """Cards in the file at `path`; `replacing` is held while the file is taken away."""

    _process = staticmethod(os.getpid)
    """Held by the class: at the end of the interpreter modules are empty before the last catalogs go."""

    def __init__(self, path: str, replacing: Callable[[], Any]) -> None:
        self._path = path
        self._replacing = replacing
        self._lock = _thread.allocate_lock()
        self._connection: sqlite3.Connection | None = None
        self._home = (0, 0)
        """Process and inode of the connection: a fork must not use it, and the file may be another by now."""
        self._fields: dict[str, int] = {}
        self._opened = 0
        """So many connections have been made."""

    def __del__(self) -> None:
        self.close()

    # the port

    def generation(self) -> int:
        return self._asked(lambda _: self._opened)

    def stamp(self) -> str | None:
        return self._asked(lambda db: next(iter(db.execute("SELECT value FROM about WHERE key = 'stamp'")), (None,))[0])

    def marks(self) -> dict[str, str]:
        return self._asked(lambda db: dict(db.execute("SELECT run_id, mark FROM runs")))

    def damaged(self) -> list[str]:
        return self._asked(lambda db: [run_id for (run_id,) in db.execute("SELECT run_id FROM runs WHERE damaged")])

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        def write(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            try:
                Change(db, self._field).apply(list(known), list(gone))
                db.execute("DELETE FROM about WHERE key = 'stamp'")
                if stamp is not None:
                    db.execute("INSERT INTO about VALUES ('stamp', ?)", (stamp,))
                db.execute("COMMIT")
            except BaseException:
                self._fields.clear()
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

        self._asked(write)

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        return self._asked(
            lambda db: [found or effective_card(db, run) for run, _, found in self._found(db, query, after, limit)]
        )

    def rows(self, query: Query, after: Cursor | None, limit: int | None) -> list[dict[str, Any]]:
        return self._asked(lambda db: _loaded(row for _, row, _ in self._found(db, query, after, limit)))

    def plan(self, query: Query) -> str:
        return self._asked(
            lambda db: "; ".join(dict.fromkeys(plan.text for plan in self._plans(db, query, None, patient=True)))
        )

    def clear(self) -> None:
        with self._lock:
            self._home = (self._home[0], self._inode())
            self._replace()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._home[0] == self._process():
            connection.close()
        elif connection is not None:
            _of_the_parent.append(connection)

    # questions

    def _found(
        self, db: sqlite3.Connection, query: Query, after: Cursor | None, limit: int | None
    ) -> Iterator[tuple[int, bytes, Card | None]]:
        """Number, row and, where it was read, card of what fits, in order."""
        if after is not None:
            query.check(after)
        if limit == 0:
            return
        db.execute("BEGIN")  # a page is of one moment, however many statements it takes
        try:
            yield from self._searched(db, query, after, -1 if limit is None else limit, patient=limit is not None)
        finally:
            if db.in_transaction:
                db.execute("COMMIT")

    def _searched(
        self, db: sqlite3.Connection, query: Query, after: Cursor | None, left: int, *, patient: bool
    ) -> Iterator[tuple[int, bytes, Card | None]]:
        for plan in self._plans(db, query, after, patient=patient):
            if plan.unordered:
                yield from _ordered(db, plan, query, after, left)
                return
            vain = 0
            sql = plan.sql.format("r.run, r.row") + (f" LIMIT {left}" if plan.exact else "")
            for run, row in db.execute(sql, plan.values):
                card = None if plan.exact else effective_card(db, run)
                if card is None or query.fits(card):
                    left -= 1
                    yield run, row, card
                    if left == 0:
                        return
                elif plan.hopeful and (vain := vain + 1) == PATIENCE:
                    yield from self._searched(db, query, query.cursor(card), left, patient=False)
                    return

    def _plans(self, db: sqlite3.Connection, query: Query, after: Cursor | None, *, patient: bool) -> Iterator[Plan]:
        def asked(sql: str, values: list[Any]) -> Any:
            found = db.execute(sql, values).fetchone()
            return None if found is None else found[0]

        return plans(query, after, lambda name: self._field(db, name, make=False), asked, patient=patient)

    def _field(self, db: sqlite3.Connection, name: str, *, make: bool = True) -> int:
        """The number of a field; 0 where no run has it."""
        number = self._fields.get(name, 0)
        if not number:
            found = db.execute("SELECT field FROM fields WHERE name = ?", (name,)).fetchone()
            if found is None and make:
                number = int(db.execute("INSERT INTO fields (name) VALUES (?)", (name,)).lastrowid or 0)
            else:
                number = found[0] if found else 0
            if number:
                self._fields[name] = number
        return number

    # the file

    def _asked(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        with self._lock:
            try:
                return question(self._open())
            except sqlite3.Error as exc:
                self.close()
                if isinstance(exc, sqlite3.DatabaseError) and not any(word in str(exc) for word in _UNUSABLE):
                    self._replace()
                raise CatalogLost(str(exc)) from exc
            except (ValueError, TypeError, LookupError) as exc:  # what it keeps is not what was put there
                self._replace()
                raise CatalogLost(str(exc)) from exc
            except OSError as exc:
                self.close()
                raise CatalogLost(str(exc)) from exc

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._home == (os.getpid(), self._inode()):
            return self._connection
        self.close()
        if not os.path.isdir(os.path.dirname(self._path)):
            raise CatalogLost("there is no store yet")
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._connection = connection
        self._opened += 1
        self._fields = {}
        self._home = (os.getpid(), self._inode())
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            self._make(connection)
        found = connection.execute("SELECT value FROM about WHERE key = 'schema'").fetchone()
        if found != (SCHEMA,):
            raise sqlite3.DatabaseError("a catalog of another format")
        return connection

    def _make(self, db: sqlite3.Connection) -> None:
        """The tables, in a file that holds nothing; of two that make them one waits and finds them."""
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise sqlite3.DatabaseError("a database of somebody else")
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO about VALUES ('schema', ?)", (SCHEMA,))
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("COMMIT")

    def _inode(self) -> int:
        try:
            return os.stat(self._path).st_ino
        except OSError:
            return -1

    def _replace(self) -> None:
        """Take the file away; who has it open goes on with it until it asks again. Its parts go first: left behind,
        they would be taken for those of the next file."""
        inode = self._home[1]
        self.close()
        try:
            with self._replacing():
                if self._inode() == inode:
                    for suffix in ("-wal", "-shm", ""):
                        if os.path.lexists(self._path + suffix):
                            os.unlink(self._path + suffix)
        except OSError as exc:
            raise CatalogLost(str(exc)) from exc


_of_the_parent: Final[list[sqlite3.Connection]] = []
"""Connections that a fork has inherited: to close them would end what the parent does with the file."""


def _ordered(
    db: sqlite3.Connection, plan: Plan, query: Query, after: Cursor | None, left: int
) -> Iterator[tuple[int, bytes, Card | None]]:
    """What a plan finds in no order, as the query orders it."""
    found = db.execute(plan.sql.format("r.run, r.row"), plan.values).fetchall()
    by_id = {}
    for run, row in found:
        card = effective_card(db, run)
        by_id[card["run_id"]] = run, row, card
    page = query.page([card for _, _, card in by_id.values()], after, None if left < 0 else left)
    yield from (by_id[card["run_id"]] for card in page)


def _loaded(rows: Iterable[bytes]) -> list[dict[str, Any]]:
    """Rows as they were put there, by one call for all of them."""
    found: list[dict[str, Any]] = load(b"[%b]" % b",".join(rows))
    return found
