"""One change of the catalog: runs are forgotten, cards are kept, annotations are folded into the cards of their runs.

- It stands inside a transaction that its caller begins and ends.
- Facts go in sorted, many at a time: the pages of their index are then each met once, not once a fact.
"""

from __future__ import annotations

from runstone.adapters.sqlite.plans import micros
from runstone.core.canonical import canonical_bytes
from runstone.core.card import DAMAGED, amended, amends, annotated, facts, is_of, place_of, row_of
from runstone.core.parsing import load
from runstone.core.query import OPENED
from runstone.core.words import HIDDEN_KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from typing import Final

    from runstone.core.card import Card
    from runstone.ports.catalog import Known

    Row = tuple[int, str, int, int, float | None]
    """Field, text, time, run, number: a row of the table of facts."""

SORTED: Final = 50_000
"""So many facts are held to be sorted: some ten megabytes."""


def effective_card(db: sqlite3.Connection, run: int) -> Card:
    """The card of a run with what annotations say of it."""
    base, card = db.execute("SELECT base, card FROM cards WHERE run = ?", (run,)).fetchone()
    found: Card = load(card or base)
    return found


class Change:
    """What one `update` does. `field` is the number of a field, made where there is none."""

    def __init__(self, db: sqlite3.Connection, field: Callable[[sqlite3.Connection, str], int]) -> None:
        self._db = db
        self._field = field
        self._amends = field(db, "link.amends")
        self._naming = field(db, "naming")
        self._facts: list[Row] = []

    def apply(self, known: list[Known], gone: list[str]) -> None:
        """Forget, keep, and fold what depends on either."""
        changed: dict[str, None] = {}
        for run_id in dict.fromkeys([*gone, *(one.card["run_id"] for one in known)]):
            self._forget(run_id, changed)
        for one in known:
            self._insert(one)
        self._flush()
        for one in known:
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
        self._unindex(run, effective_card(self._db, run))
        self._db.execute("DELETE FROM runs WHERE run = ?", (run,))
        self._db.execute("DELETE FROM cards WHERE run = ?", (run,))

    def _insert(self, one: Known) -> None:
        card = one.card
        values = (
            card["run_id"], micros(card["opened_at"] or ""), card["kind"] in HIDDEN_KINDS,
            card["state"] == DAMAGED, one.mark, canonical_bytes(row_of(card)),
        )  # fmt: skip
        insert = "INSERT INTO runs (run_id, opened, hidden, damaged, mark, row) VALUES (?, ?, ?, ?, ?, ?)"
        run = int(self._db.execute(insert, values).lastrowid or 0)
        self._db.execute("INSERT INTO cards (run, base) VALUES (?, ?)", (run, canonical_bytes(card)))
        self._index(run, card)

    def _index(self, run: int, card: Card) -> None:
        self._facts += self._rows(run, card)
        if len(self._facts) >= SORTED:
            self._flush()
        self._db.execute("INSERT INTO search (rowid, words) VALUES (?, ?)", (run, card["words"]))

    def _flush(self) -> None:
        """Put the facts that are held into their table."""
        held, self._facts = self._facts, []
        held.sort(key=_key)
        self._db.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?, ?)", held)

    def _unindex(self, run: int, card: Card) -> None:
        keys = [_key(row) for row in self._rows(run, card)]
        self._db.executemany("DELETE FROM facts WHERE field = ? AND text = ? AND opened = ? AND run = ?", keys)
        delete = "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)"
        self._db.execute(delete, (run, card["words"]))

    def _rows(self, run: int, card: Card) -> Iterator[Row]:
        """The facts of a card but for its time, which every one of them has."""
        opened, field_of, db = micros(card["opened_at"] or ""), self._field, self._db
        for field, text, number in facts(card):
            if field != OPENED:
                yield field_of(db, field), text, opened, run, number

    def _with(self, field: int, text: str) -> list[Card]:
        """The cards that have a fact, as they were before any annotation, the oldest first."""
        sql = "SELECT c.base FROM facts f JOIN cards c ON c.run = f.run WHERE f.field = ? AND f.text = ?"
        found = [load(base) for (base,) in self._db.execute(sql, (field, text)).fetchall()]
        return sorted(found, key=place_of)

    def _fold(self, run_id: str) -> None:
        """Make the effective card of a run anew."""
        sql = "SELECT r.run, c.base, c.card FROM runs r JOIN cards c ON c.run = r.run WHERE r.run_id = ?"
        found = self._db.execute(sql, (run_id,)).fetchone()
        if found is None:
            return
        run, base, was = found
        card = load(base)
        annotations = [one for one in self._with(self._amends, run_id) if amends(one, card)]
        if not annotations and was is None:
            return
        if annotations:
            card = annotated(card, annotations, self._aliases(card, annotations))
        self._unindex(run, load(was or base))
        self._index(run, card)
        self._flush()  # it may be an annotation, whose facts are asked for when the next one is folded
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


def _key(row: Row) -> tuple[int, str, int, int]:
    """The part of a row of facts that no two rows share."""
    return row[:4]
