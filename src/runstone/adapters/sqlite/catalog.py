"""Port `catalog` on SQLite: one file that any number of processes share, and that may vanish at any time.

- A file that is torn, of another format, or no database is taken away under a lock, and an empty one made: the engine
  fills it again.
- Texts that a query asks for are facts, one row each, so that one index serves every field: (field, text, time).
- Words are found by FTS5, which is handed the words that `core.fulltext` made; it splits and folds nothing itself.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from runstone.adapters.sqlite.changes import Change, effective_card
from runstone.adapters.sqlite.database import Database
from runstone.adapters.sqlite.plans import PATIENCE, plans
from runstone.core.card import FORMAT
from runstone.core.parsing import load
from runstone.ports.catalog import CatalogLost, NotAnswered

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
SCHEMA: Final = f"{FORMAT} 3"
"""What the file says that it is; any other is made anew."""
BUSY_S: Final = 30.0

_TABLES: Final = """
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
_TOO_MUCH: Final = ("too many", "too large", "too big", "too complex", "stack overflow", "fts5:")
"""What SQLite says of a question that is over its limits."""
_UNUSABLE: Final = ("readonly", "read-only", "full", "unable to open", "locked", "not authorized")
"""What SQLite says where the file is good and cannot be used now."""


class SqliteCatalog:
    """Cards in the file at `path`; `replacing` is held while the file is taken away."""

    def __init__(self, path: str, replacing: Callable[[], Any]) -> None:
        self._path = path
        self._replacing = replacing
        self._database = Database(
            path,
            _check_store,
            application_id=APPLICATION_ID,
            format=SCHEMA,
            tables=_TABLES,
            pragmas=("journal_mode = WAL", "synchronous = NORMAL"),
            busy_s=BUSY_S,
        )
        self._fields: dict[str, int] = {}
        self._fields_of = 0
        """Numbers of fields, and the connection that they were read through."""

    # the port

    def generation(self) -> int:
        return self._asked(lambda _: self._database.opened)

    def stamp(self) -> str | None:
        return self._asked(lambda db: next(iter(db.execute("SELECT value FROM about WHERE key = 'stamp'")), (None,))[0])

    def marks(self) -> dict[str, str]:
        return self._asked(lambda db: dict(db.execute("SELECT run_id, mark FROM runs")))

    def damaged(self) -> list[str]:
        return self._asked(lambda db: [run_id for (run_id,) in db.execute("SELECT run_id FROM runs WHERE damaged")])

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        def write(db: sqlite3.Connection) -> None:
            Change(db, self._field).apply(list(known), list(gone))
            db.execute("DELETE FROM about WHERE key = 'stamp'")
            if stamp is not None:
                db.execute("INSERT INTO about VALUES ('stamp', ?)", (stamp,))

        def update(_: sqlite3.Connection) -> None:
            try:
                self._database.transact("BEGIN IMMEDIATE", write)
            except BaseException:
                self._fields.clear()
                raise

        self._asked(update)

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
        with self._database.lock:
            try:
                os.mkdir(os.path.dirname(self._path))
            except FileExistsError:
                pass
            except OSError as exc:
                raise CatalogLost(str(exc)) from exc
            self._replace(self._database.found_inode())

    def close(self) -> None:
        with self._database.lock:
            self._database.close()

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
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile: the answer was given up
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
        with self._database.lock:
            try:
                db = self._database.open()
                if self._fields_of != self._database.opened:
                    self._fields, self._fields_of = {}, self._database.opened
                return question(db)
            except sqlite3.Error as exc:
                self._database.close()
                if any(word in str(exc) for word in _TOO_MUCH):
                    raise NotAnswered(str(exc)) from exc
                if isinstance(exc, sqlite3.DatabaseError) and not any(word in str(exc) for word in _UNUSABLE):
                    self._replace(self._database.inode)
                raise CatalogLost(str(exc)) from exc
            except (UnicodeEncodeError, OverflowError) as exc:  # no text, or no number, of a database
                self._database.close()
                raise NotAnswered(str(exc)) from exc
            except (ValueError, TypeError, LookupError) as exc:  # what it keeps is not what was put there
                self._replace(self._database.inode)
                raise CatalogLost(str(exc)) from exc
            except OSError as exc:
                self._database.close()
                raise CatalogLost(str(exc)) from exc

    def _replace(self, inode: int) -> None:
        """Take away the file that has this inode; who has it open goes on with it until it asks again. Its parts go
        first: left behind, they would be taken for those of the next file."""
        self._database.close()
        try:
            with self._replacing():
                if self._database.found_inode() == inode:
                    for suffix in ("-wal", "-shm", ""):
                        if os.path.lexists(self._path + suffix):
                            os.unlink(self._path + suffix)
        except OSError as exc:
            raise CatalogLost(str(exc)) from exc


def _check_store(path: str) -> None:
    if not os.path.isdir(os.path.dirname(path)):
        raise CatalogLost("there is no store yet")


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
