"""How a query is asked of SQLite: which index finds the candidates, and what is left to look at card by card.

- Values reach SQLite as parameters only.
- A plan finds every run that the query fits, in its order, and perhaps more: unless it is `exact`, `Query.fits`
  decides.
"""

from __future__ import annotations

from runstone.core.query import OPENED, Bound, Match, Words
from runstone.core.times import is_time, parse_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.query import Cursor, Pattern, Query

    Counted = Callable[[str, list[Any]], int]
    """How many rows a statement finds, at most `FEW` + 1."""

NOT_OPENED: Final = -1
"""Stands for the time of what has none."""
FEW: Final = 5_000
"""So many candidates are sorted at once; of more the newest are looked at first."""

_NUMBERED: Final = ("metric", "score", "config", "duration")


class Plan:
    """A statement (`{}` where columns stand), its parameters, and what it leaves to be checked."""

    __slots__ = ("exact", "sql", "text", "values")

    def __init__(self, sql: str, values: list[Any], *, exact: bool, text: str) -> None:
        self.sql = sql
        self.values = values
        self.exact = exact
        self.text = text
        """In words, for people."""


def plans(query: Query, after: Cursor | None, field_of: Callable[[str], int], counted: Counted) -> list[Plan]:
    """The statements that find the answer, one behind another. `field_of` is the number of a field."""
    return _Planner(query, after, field_of, counted).plans()


def micros(opened_at: str) -> int:
    """A time as the catalog has it: microseconds since 1970."""
    return parse_time(opened_at) // 1000 if is_time(opened_at) else NOT_OPENED


class _Planner:
    def __init__(self, query: Query, after: Cursor | None, field_of: Callable[[str], int], counted: Counted) -> None:
        self._query = query
        self._after = after
        self._field_of = field_of
        self._counted = counted
        self._hidden = "" if query.names_kind else " AND NOT r.hidden"

    def plans(self) -> list[Plan]:
        if self._query.sort != OPENED:
            return self._sorted()
        terms = self._query.terms
        positive = [term for term in terms if not term.negated and term.field != OPENED]
        if len(positive) == 1 and self._streams(positive[0]):
            return [self._stream(positive[0])]
        found = [(self._counted(*self._runs(term)), index) for index, term in enumerate(positive)]
        few, index = min(found, default=(FEW + 1, 0))
        if few <= FEW:
            return [self._chosen(positive[index])]
        streaming = [term for term in positive if self._streams(term)]
        return [self._stream(streaming[0]) if streaming else self._walk()]

    def _streams(self, term: Match | Bound | Words) -> bool:
        """Whether an index has the runs of a term in their order."""
        return isinstance(term, Match) and len(term.patterns) == 1 and _is_exact(term)

    def _stream(self, term: Any) -> Plan:
        where, values, exact = self._conditions("f.opened", [term])
        sql = (
            "SELECT {} FROM facts f JOIN runs r ON r.run = f.run WHERE f.field = ? AND f.text = ?"
            f"{self._hidden}{where} ORDER BY {self._order('f.opened')}"
        )
        values = [self._field_of(term.field), term.patterns[0].literal, *values]
        return Plan(sql, values, exact=exact, text=f"by the index on {term.field}{_rest(exact)}")

    def _chosen(self, term: Match | Bound | Words) -> Plan:
        """The runs of a term that few have, sorted."""
        inner, chosen = self._runs(term)
        is_exact = not isinstance(term, Match) or all(_is_indexed(pattern) for pattern in term.patterns)
        where, values, exact = self._conditions("r.opened", [term] if is_exact else [])
        sql = (
            f"SELECT {{}} FROM runs r WHERE r.run IN ({inner}){self._hidden}{where} ORDER BY {self._order('r.opened')}"
        )
        return Plan(sql, [*chosen, *values], exact=exact, text=f"by the index on {_named(term)}, sorted{_rest(exact)}")

    def _walk(self) -> Plan:
        where, values, exact = self._conditions("r.opened", [])
        sql = f"SELECT {{}} FROM runs r WHERE 1{self._hidden}{where} ORDER BY {self._order('r.opened')}"
        timed = all(term.field == OPENED for term in self._query.terms)
        text = "by the index on time" if timed else "scans, in order of time, until the page is full"
        return Plan(sql, values, exact=exact, text=text)

    def _sorted(self) -> list[Plan]:
        """Those that have what they are sorted by, then the others."""
        query = self._query
        column = "f.number" if query.sort.partition(".")[0] in _NUMBERED else "f.text"
        down = "DESC" if query.descending else "ASC"
        field = self._field_of(query.sort)
        where, values, exact = self._conditions("f.opened", [], paged=False)
        page, place = self._behind_value(column)
        first = Plan(
            f"SELECT {{}} FROM facts f JOIN runs r ON r.run = f.run WHERE f.field = ? AND {column} IS NOT NULL"
            f"{self._hidden}{page}{where} ORDER BY {column} {down}, f.opened DESC, r.run_id DESC",
            [field, *place, *values],
            exact=exact,
            text=f"by the index on {query.sort}{_rest(exact)}",
        )
        where, values, exact = self._conditions("r.opened", [])
        there = f"SELECT run FROM facts f WHERE f.field = ? AND {column} IS NOT NULL"
        others = Plan(
            f"SELECT {{}} FROM runs r WHERE r.run NOT IN ({there}){self._hidden}{where} "
            f"ORDER BY {self._order('r.opened')}",
            [field, *values],
            exact=exact,
            text="then scans for those without",
        )
        if self._after is not None and self._after.value is None:
            return [others]
        return [first, others]

    def _behind_value(self, column: str) -> tuple[str, list[Any]]:
        after = self._after
        if after is None or after.value is None:
            return "", []
        opened = _opened_of(after)
        sign = "<" if self._query.descending else ">"
        behind = "f.opened < ? OR (f.opened = ? AND r.run_id < ?)"
        return (
            f" AND ({column} {sign} ? OR ({column} = ? AND ({behind})))",
            [after.value, after.value, opened, opened, after.run_id],
        )

    def _order(self, opened: str) -> str:
        way = "ASC" if self._query.sort == OPENED and not self._query.descending else "DESC"
        return f"{opened} {way}, r.run_id {way}"

    def _conditions(self, opened: str, done: list[Any], *, paged: bool = True) -> tuple[str, list[Any], bool]:
        """What SQLite can check of the terms that are not `done`, and of the page; and whether that is all."""
        where, values, exact = "", [], True
        for term in self._query.terms:
            if term in done:
                continue
            condition, more = self._condition(term, opened)
            if condition:
                where += f" AND {'NOT ' if term.negated else ''}({condition})"
                values += more
            else:
                exact = False
        if paged and self._after is not None and (self._query.sort == OPENED or self._after.value is None):
            condition, more = self._behind(opened)
            where += condition
            values += more
        return where, values, exact

    def _behind(self, opened: str) -> tuple[str, list[Any]]:
        assert self._after is not None  # asked by the only caller
        at = _opened_of(self._after)
        sign = ">" if self._query.sort == OPENED and not self._query.descending else "<"
        return (
            f" AND {opened} {sign}= ? AND ({opened} {sign} ? OR r.run_id {sign} ?)",
            [at, at, self._after.run_id],
        )

    def _condition(self, term: Match | Bound | Words, opened: str) -> tuple[str, list[Any]]:
        if isinstance(term, Bound) and term.field == OPENED:
            return f"{opened} > {NOT_OPENED} AND {opened} {term.sign} ?", [term.bound]
        if isinstance(term, Match) and _is_exact(term):
            texts = [pattern.literal for pattern in term.patterns]
            marks = ", ".join("?" * len(texts))
            same = f"x.field = ? AND x.text IN ({marks}) AND x.opened = {opened} AND x.run = r.run"
            return f"EXISTS (SELECT 1 FROM facts x WHERE {same})", [self._field_of(term.field), *texts]
        return "", []

    def _runs(self, term: Match | Bound | Words) -> tuple[str, list[Any]]:
        """The statement that finds the runs of a term, perhaps more."""
        if isinstance(term, Words):
            return "SELECT rowid FROM search WHERE search MATCH ?", [_phrases(term)]
        field = self._field_of(term.field)
        if isinstance(term, Bound):
            return f"SELECT run FROM facts WHERE field = ? AND number {term.sign} ?", [field, term.bound]
        tests = [_test(pattern) for pattern in term.patterns]
        whole = " UNION ".join(f"SELECT run FROM facts WHERE field = ? AND {test}" for test, _ in tests)
        return whole, [value for _, more in tests for value in (field, *more)]


def _opened_of(cursor: Cursor) -> int:
    return micros(cursor.opened_at)


def _test(pattern: Pattern) -> tuple[str, list[Any]]:
    if pattern.literal is not None:
        if pattern.number is None:
            return "text = ?", [pattern.literal]
        return "(text = ? OR number = ?)", [pattern.literal, pattern.number]
    start = pattern.parts[0]
    behind = _behind_prefix(start)
    if behind is None:
        return "text >= ?", [start]
    return "text >= ? AND text < ?", [start, behind]


def _behind_prefix(start: str) -> str | None:
    """The first text behind all that begin with `start`, in the order of code points; `None` where there is none."""
    whole = start.rstrip("\U0010ffff")
    if not whole:
        return None
    last = ord(whole[-1]) + 1
    return whole[:-1] + chr(0xE000 if 0xD800 <= last < 0xE000 else last)


def _is_indexed(pattern: Pattern) -> bool:
    """Whether the index finds exactly what a pattern means."""
    if pattern.literal is not None:
        return True
    return len(pattern.parts) == 2 and not pattern.parts[1]


def _is_exact(term: Match) -> bool:
    """Whether a fact fits exactly where its text is one of the values."""
    numbered = term.field.partition(".")[0] in _NUMBERED
    return all(pattern.literal is not None and (pattern.number is None or not numbered) for pattern in term.patterns)


def _phrases(term: Words) -> str:
    """In the language of the search: each phrase in quotes, which hold no quote."""
    return " OR ".join(f'"{phrase}"{" *" if open_end else ""}' for phrase, open_end in term.phrases)


def _named(term: Match | Bound | Words) -> str:
    return "words" if isinstance(term, Words) else term.field


def _rest(exact: bool) -> str:
    return "" if exact else ", each run looked at"
