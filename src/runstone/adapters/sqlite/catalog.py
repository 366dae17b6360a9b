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

from runstone.adapters.sqlite.plans import FEW, micros, plans
from runstone.core import card as cards
from runstone.core.canonical import canonical_bytes
from runstone.core.card import amended, amends, annotated, facts, is_of, place_of, row_of
from runstone.core.parsing import load
from runstone.core.words import HIDDEN_KINDS
from runstone.ports.catalog import CatalogLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final, TypeVar

    from runstone.core.card import Card
    from runstone.core.query import Cursor, Query
    from runstone.ports.catalog import Known

    Answer = TypeVar("Answer")

APPLICATION_ID: Final = 0x52_53_54_4E
SCHEMA: Final = f"{cards.FORMAT} 1"
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
                _Update(db, self._field).apply(list(known), list(gone))
                if stamp is not None:
                    db.execute("INSERT OR REPLACE INTO about VALUES ('stamp', ?)", (stamp,))
                db.execute("COMMIT")
            except BaseException:
                self._fields.clear()
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

        self._asked(write)

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        return self._asked(
            lambda db: [found or _card(db, run) for run, _, found in self._found(db, query, after, limit)]
        )

    def rows(self, query: Query, after: Cursor | None, limit: int | None) -> list[Mapping[str, Any]]:
        return self._asked(lambda db: [load(row) for _, row, _ in self._found(db, query, after, limit)])

    def plan(self, query: Query) -> str:
        return self._asked(lambda db: "; ".join(plan.text for plan in self._plans(db, query, None)))

    def clear(self) -> None:
        with self._lock:
            self._home = (self._home[0], self._inode())
            self._replace()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._home[0] == os.getpid():
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
        left = -1 if limit is None else limit
        for plan in self._plans(db, query, after):
            sql = plan.sql.format("r.run, r.row") + (f" LIMIT {left}" if plan.exact and left >= 0 else "")
            for run, row in db.execute(sql, plan.values):
                if left == 0:
                    return
                card = None if plan.exact else _card(db, run)
                if card is None or query.fits(card):
                    left -= 1
                    yield run, row, card

    def _plans(self, db: sqlite3.Connection, query: Query, after: Cursor | None) -> Any:
        def counted(sql: str, values: list[Any]) -> int:
            limited = f"SELECT count(*) FROM ({sql} LIMIT {FEW + 1})"  # noqa: S608  # of this package's own parts
            return int(db.execute(limited, values).fetchone()[0])

        return plans(query, after, lambda name: self._field(db, name, make=False), counted)

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


def _card(db: sqlite3.Connection, run: int) -> Card:
    """The effective card of a run."""
    base, card = db.execute("SELECT base, card FROM cards WHERE run = ?", (run,)).fetchone()
    found: Card = load(card or base)
    return found


class _Update:
    """One change of the catalog, inside a transaction."""

    def __init__(self, db: sqlite3.Connection, field: Callable[[sqlite3.Connection, str], int]) -> None:
        self._db = db
        self._field = field
        self._amends = field(db, "link.amends")
        self._naming = field(db, "naming")

    def apply(self, known: list[Known], gone: list[str]) -> None:
        changed: dict[str, None] = {}
        for run_id in dict.fromkeys([*gone, *(one.card["run_id"] for one in known)]):
            self._forget(run_id, changed)
        for one in known:
            self._insert(one)
            self._touched(one.card, changed)
        for run_id in changed:
            self._fold(run_id)

    def _touched(self, card: Card, changed: dict[str, None]) -> None:
        """Runs whose effective card depends on this one."""
        changed[card["run_id"]] = None
        if card["annotation"] is None:
            return
        changed.update(dict.fromkeys(_targets(card)))
        for alias in card["annotation"].get("aliases", ()):
            for other in self._with(self._naming, alias):
                changed.update(dict.fromkeys(_targets(other)))

    def _forget(self, run_id: str, changed: dict[str, None]) -> None:
        found = self._db.execute("SELECT run FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if found is None:
            return
        (run,) = found
        base = load(self._db.execute("SELECT base FROM cards WHERE run = ?", (run,)).fetchone()[0])
        self._touched(base, changed)
        self._unindex(run, _card(self._db, run))
        self._db.execute("DELETE FROM runs WHERE run = ?", (run,))
        self._db.execute("DELETE FROM cards WHERE run = ?", (run,))

    def _insert(self, one: Known) -> None:
        card = one.card
        values = (
            card["run_id"], micros(card["opened_at"] or ""), card["kind"] in HIDDEN_KINDS,
            card["state"] == cards.DAMAGED, one.mark, canonical_bytes(row_of(card)),
        )  # fmt: skip
        insert = "INSERT INTO runs (run_id, opened, hidden, damaged, mark, row) VALUES (?, ?, ?, ?, ?, ?)"
        run = int(self._db.execute(insert, values).lastrowid or 0)
        self._db.execute("INSERT INTO cards (run, base) VALUES (?, ?)", (run, canonical_bytes(card)))
        self._index(run, card)

    def _index(self, run: int, card: Card) -> None:
        self._db.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?, ?)", self._facts(run, card))
        self._db.execute("INSERT INTO search (rowid, words) VALUES (?, ?)", (run, card["words"]))

    def _unindex(self, run: int, card: Card) -> None:
        keys = [fact[:4] for fact in self._facts(run, card)]
        self._db.executemany("DELETE FROM facts WHERE field = ? AND text = ? AND opened = ? AND run = ?", keys)
        delete = "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)"
        self._db.execute(delete, (run, card["words"]))

    def _facts(self, run: int, card: Card) -> list[tuple[int, str, int, int, float | None]]:
        opened = micros(card["opened_at"] or "")
        return [(self._field(self._db, field), text, opened, run, number) for field, text, number in facts(card)]

    def _with(self, field: int, text: str) -> list[Card]:
        """The cards that have a fact, as they were before any annotation, the oldest first."""
        sql = "SELECT c.base FROM facts f JOIN cards c ON c.run = f.run WHERE f.field = ? AND f.text = ?"
        found = [load(base) for (base,) in self._db.execute(sql, (field, text)).fetchall()]
        return sorted(found, key=place_of)

    def _fold(self, run_id: str) -> None:
        """Make the effective card of a run anew."""
        found = self._db.execute("SELECT run FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if found is None:
            return
        (run,) = found
        base, was = self._db.execute("SELECT base, card FROM cards WHERE run = ?", (run,)).fetchone()
        card = load(base)
        annotations = [one for one in self._with(self._amends, run_id) if amends(one, card)]
        if not annotations and was is None:
            return
        if annotations:
            card = annotated(card, annotations, self._aliases(card, annotations))
        self._unindex(run, load(was or base))
        self._index(run, card)
        kept = canonical_bytes(card) if annotations else None
        self._db.execute("UPDATE cards SET card = ? WHERE run = ?", (kept, run))
        self._db.execute("UPDATE runs SET row = ? WHERE run = ?", (canonical_bytes(row_of(card)), run))

    def _aliases(self, card: Card, annotations: list[Card]) -> list[str]:
        """The aliases that are this run's: the newest annotation with an alias says whose it is."""
        mentioned = dict.fromkeys(alias for one in annotations for alias in one["annotation"].get("aliases", ()))
        owned = []
        for alias in mentioned:
            newest = self._with(self._naming, alias)[-1]
            if newest["annotation"]["aliases"][alias] and is_of(amended(newest)[-1], card):
                owned.append(alias)
        return owned


def _targets(card: Card) -> list[str]:
    """The runs that an annotation is of."""
    return [link["run_id"] for link in amended(card)]
