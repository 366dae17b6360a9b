"""How a query is asked of SQLite: which index finds the candidates, and what is left to look at card by card.

- Values reach SQLite as parameters only.
- A plan finds every run that the query fits, in its order, and perhaps more: unless it is `exact`, `Query.fits`
  decides.
- Runs are looked at one by one, the newest first, where so many fit that a page is full soon. Whoever has looked at
  `PATIENCE` of them in vain asks again, and has them found by an index whatever that costs.
- What is ordered comes in order from an index. Only runs of the same value or the same time are sorted, and `FEW`.
"""

from __future__ import annotations

from runstone.core.query import OPENED, Bound, Match, Words
from runstone.core.times import is_time, parse_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from runstone.core.query import Cursor, Pattern, Query

    Term = Match | Bound | Words
    Asked = Callable[[str, list[Any]], Any]
    """The only value that a statement finds, or `None`."""

NOT_OPENED: Final = -1
"""Stands for the time of what has none."""
FEW: Final = 5_000
"""So many candidates are sorted at once; of more the newest are looked at first."""
MOST: Final = 200
"""So many terms, or patterns of one, go into a statement, which has limits; runs are looked at for the others."""
PATIENCE: Final = 1_000
"""So many runs are looked at one by one before another way is gone."""

_NUMBERED: Final = ("metric", "score", "config", "duration")


class Plan:
    """A statement (`{}` where columns stand), its parameters, and what it leaves to be checked."""

    __slots__ = ("exact", "hopeful", "sql", "text", "unordered", "values")

    def __init__(self, sql: str, values: list[Any], *, exact: bool, text: str) -> None:
        self.sql = sql
        self.values = values
        self.exact = exact
        self.hopeful = False
        """Whether many runs may have to be looked at that do not fit, and there is another way."""
        self.unordered = False
        """Whether what it finds, of any page, must still be ordered and cut."""
        self.text = text
        """In words, for people."""


def plans(
    query: Query, after: Cursor | None, field_of: Callable[[str], int], asked: Asked, *, patient: bool
) -> Iterator[Plan]:
    """The statements that find the answer, one behind another. `field_of` is the number of a field.

    `patient` is who has time for `PATIENCE` runs that do not fit.
    """
    return _Planner(query, after, field_of, asked, patient=patient).plans()


def micros(opened_at: str) -> int:
    """A time as the catalog has it: microseconds since 1970."""
    return parse_time(opened_at) // 1000 if is_time(opened_at) else NOT_OPENED


class _Planner:
    def __init__(
        self, query: Query, after: Cursor | None, field_of: Callable[[str], int], asked: Asked, *, patient: bool
    ) -> None:
        self._query = query
        self._after = after
        self._field_of = field_of
        self._asked = asked
        self._patient = patient
        self._hidden = "" if query.names_kind else " AND NOT r.hidden"

    def plans(self) -> Iterator[Plan]:
        if self._query.sort != OPENED:
            yield from self._sorted()
            return
        positive = self._positive()
        streaming = [term for term in positive if self._streams(term)]
        if streaming and len(positive) == 1:
            yield self._stream(streaming[0])
            return
        groups = _groups(positive)
        found_by_index = [group for group in groups if _is_found(group)]
        if self._patient:
            chosen = self._fewest(groups, FEW)
        else:
            chosen = self._fewest(found_by_index, None)
        if chosen is not None:
            yield self._chosen(chosen)
            return
        plan = self._stream(streaming[0]) if streaming else self._walk()
        plan.hopeful = self._patient and bool(found_by_index)
        yield plan

    def _positive(self) -> list[Term]:
        terms = [term for term in self._query.terms if not term.negated and term.field != OPENED]
        return [term for term in terms if not isinstance(term, Match) or len(_ranges(term)) <= MOST]

    def _fewest(self, groups: list[list[Term]], at_most: int | None) -> list[Term] | None:
        """The terms for which an index has the fewest runs; `None` where all have more than `at_most`."""
        limit = "" if at_most is None else f" LIMIT {at_most + 1}"
        found = []
        for index, group in enumerate(groups):
            sql, values = self._runs(group)
            count = self._asked(f"SELECT count(*) FROM ({sql}{limit})", values)
            found.append((count, index))
        few, index = min(found, default=(0, -1))
        return None if index < 0 or (at_most is not None and few > at_most) else groups[index]

    def _streams(self, term: Term) -> bool:
        """Whether an index has the runs of a term in their order."""
        return isinstance(term, Match) and len(term.patterns) == 1 and _is_exact(term)

    def _stream(self, term: Any) -> Plan:
        return self._of_value(term.field, "f.text", term.patterns[0].literal, [term])

    def _of_value(self, name: str, column: str, value: Any, done: list[Any], *, paged: bool = True) -> Plan:
        """The runs with one value of a field, as the index has them."""
        where, values, exact = self._conditions("f.opened", done, paged=paged)
        sql = (
            f"SELECT {{}} FROM facts f JOIN runs r ON r.run = f.run WHERE f.field = ? AND {column} = ?"
            f"{self._hidden}{where} ORDER BY {self._order('f.opened')}"
        )
        values = [self._field_of(name), value, *values]
        return Plan(sql, values, exact=exact, text=f"by the index on {name}{_rest(exact)}")

    def _chosen(self, group: list[Term]) -> Plan:
        """The runs of terms, sorted."""
        inner, chosen = self._runs(group)
        where, values, exact = self._conditions("r.opened", group if _is_found(group) else [])
        sql = (
            f"SELECT {{}} FROM runs r WHERE r.run IN ({inner}){self._hidden}{where} ORDER BY {self._order('r.opened')}"
        )
        text = f"by the index on {_named(group[0])}, sorted{_rest(exact)}"
        return Plan(sql, [*chosen, *values], exact=exact, text=text)

    def _unordered(self, group: list[Term]) -> Plan:
        """The runs of terms, of all pages."""
        inner, chosen = self._runs(group)
        where, values, _ = self._conditions("r.opened", group, paged=False)
        sql = f"SELECT {{}} FROM runs r WHERE r.run IN ({inner}){self._hidden}{where}"
        text = f"by the index on {_named(group[0])}, each run looked at and sorted"
        plan = Plan(sql, [*chosen, *values], exact=False, text=text)
        plan.unordered = True
        return plan

    def _walk(self) -> Plan:
        where, values, exact = self._conditions("r.opened", [])
        sql = f"SELECT {{}} FROM runs r WHERE 1{self._hidden}{where} ORDER BY {self._order('r.opened')}"
        timed = all(term.field == OPENED for term in self._query.terms)
        text = "by the index on time" if timed else "scans, in order of time, until the page is full"
        return Plan(sql, values, exact=exact, text=text)

    def _sorted(self) -> Iterator[Plan]:
        """Those that have what they are sorted by, then the others; or the few that can fit, in no order."""
        groups = [group for group in _groups(self._positive()) if _is_found(group)]
        chosen = self._fewest(groups, FEW if len(groups) > 1 else PATIENCE)
        if chosen is not None:
            yield self._unordered(chosen)
            return
        column = "f.number" if self._query.sort.partition(".")[0] in _NUMBERED else "f.text"
        after = self._after
        if after is None:
            yield from self._valued(column, None)
        elif after.value is not None:
            yield self._of_value(self._query.sort, column, after.value, [])
            yield from self._valued(column, after.value)
        yield self._valueless(column)

    def _valued(self, column: str, beyond: float | str | None) -> Iterator[Plan]:
        """Those with a value beyond one. The index has them in order, but for the time of those with the same value in
        an ascending order: there, each value that many may have gets a statement of its own."""
        if self._query.descending:
            yield self._between(column, None, beyond)
            return
        name = self._query.sort
        while True:
            low, values = ("", []) if beyond is None else (f" AND {column} > ?", [beyond])
            there = f"SELECT {column} FROM facts f WHERE f.field = ? AND {column} IS NOT NULL{low}"
            sql = f"{there} ORDER BY {column} LIMIT 1 OFFSET {FEW}"
            common = self._asked(sql, [self._field_of(name), *values])
            yield self._between(column, beyond, common)
            if common is None:
                return
            yield self._of_value(name, column, common, [], paged=False)
            beyond = common

    def _between(self, column: str, low: float | str | None, high: float | str | None) -> Plan:
        """Those whose value is between two others, sorted by it."""
        limits = [(">", low), ("<", high)]
        between = "".join(f" AND {column} {sign} ?" for sign, value in limits if value is not None)
        where, values, exact = self._conditions("f.opened", [], paged=False)
        down = "DESC" if self._query.descending else "ASC"
        sql = (
            f"SELECT {{}} FROM facts f JOIN runs r ON r.run = f.run WHERE f.field = ? AND {column} IS NOT NULL"
            f"{between}{self._hidden}{where} ORDER BY {column} {down}, f.opened DESC, r.run_id DESC"
        )
        values = [self._field_of(self._query.sort), *(value for _, value in limits if value is not None), *values]
        return Plan(sql, values, exact=exact, text=f"by the index on {self._query.sort}{_rest(exact)}")

    def _valueless(self, column: str) -> Plan:
        among = self._after is not None and self._after.value is None
        where, values, exact = self._conditions("r.opened", [], paged=among)
        there = f"SELECT run FROM facts f WHERE f.field = ? AND {column} IS NOT NULL"
        sql = (
            f"SELECT {{}} FROM runs r WHERE r.run NOT IN ({there}){self._hidden}{where} "
            f"ORDER BY {self._order('r.opened')}"
        )
        values = [self._field_of(self._query.sort), *values]
        return Plan(sql, values, exact=exact, text="then scans for those without")

    def _order(self, opened: str) -> str:
        way = "ASC" if self._query.sort == OPENED and not self._query.descending else "DESC"
        return f"{opened} {way}, r.run_id {way}"

    def _conditions(self, opened: str, done: list[Any], *, paged: bool = True) -> tuple[str, list[Any], bool]:
        """What SQLite can check of the terms that are not `done`, and of the page; and whether that is all."""
        where, values, exact, checked = "", [], True, 0
        for term in self._query.terms:
            if term in done:
                continue
            condition, more = self._condition(term, opened) if checked < MOST else ("", [])
            if condition:
                checked += 1
                where += f" AND {'NOT ' if term.negated else ''}({condition})"
                values += more
            else:
                exact = False
        if paged and self._after is not None:
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

    def _condition(self, term: Term, opened: str) -> tuple[str, list[Any]]:
        if isinstance(term, Bound) and term.field == OPENED:
            if term.sign == ">=":  # one limit from below: of two, SQLite might begin at the other
                return f"{opened} >= ?", [max(term.bound, NOT_OPENED + 1)]
            return f"{opened} > {NOT_OPENED} AND {opened} {term.sign} ?", [term.bound]
        if isinstance(term, Match) and _is_exact(term):
            texts = [pattern.literal for pattern in term.patterns]
            marks = ", ".join("?" * len(texts))
            same = f"x.field = ? AND x.text IN ({marks}) AND x.opened = {opened} AND x.run = r.run"
            return f"EXISTS (SELECT 1 FROM facts x WHERE {same})", [self._field_of(term.field), *texts]
        return "", []

    def _runs(self, group: list[Term]) -> tuple[str, list[Any]]:
        """The statement that finds the runs of terms, perhaps more, perhaps one twice."""
        term = group[0]
        if isinstance(term, Words):
            return "SELECT rowid FROM search WHERE search MATCH ?", [_phrases(term)]
        field = self._field_of(term.field)
        if isinstance(term, Bound):
            bounds = _tightest([one for one in group if isinstance(one, Bound)])
            limits = "".join(f" AND number {sign} ?" for sign in bounds)
            return f"SELECT run FROM facts WHERE field = ?{limits}", [field, *bounds.values()]
        tests = [*_same(term), *_ranges(term)]
        whole = " UNION ALL ".join(f"SELECT run FROM facts WHERE field = ? AND {test}" for test, _ in tests)
        return whole, [value for _, more in tests for value in (field, *more)]


def _opened_of(cursor: Cursor) -> int:
    return micros(cursor.opened_at)


def _groups(terms: list[Term]) -> list[list[Term]]:
    """Terms that one range of an index answers together: bounds of one field, of which a run has one number."""
    groups: dict[Any, list[Term]] = {}
    for index, term in enumerate(terms):
        groups.setdefault(term.field if isinstance(term, Bound) else index, []).append(term)
    return list(groups.values())


def _is_found(group: list[Term]) -> bool:
    """Whether an index finds exactly what terms mean."""
    term = group[0]
    return not isinstance(term, Match) or all(_is_indexed(pattern) for pattern in term.patterns)


def _tightest(bounds: list[Bound]) -> dict[str, float]:
    """What bounds of one field come to: the narrowest of each sign."""
    found: dict[str, float] = {}
    for one in bounds:
        narrower = max if one.sign in (">", ">=") else min
        found[one.sign] = narrower(found.get(one.sign, one.bound), one.bound)
    return found


def _same(term: Match) -> list[tuple[str, list[Any]]]:
    """What a fact must be to be one of the values."""
    texts = [pattern.literal for pattern in term.patterns if pattern.literal is not None]
    numbers = [pattern.number for pattern in term.patterns if pattern.number is not None]
    asked: list[tuple[str, list[Any]]] = [("text", texts), ("number", numbers)]
    return [(f"{column} IN ({', '.join('?' * len(values))})", values) for column, values in asked if values]


def _ranges(term: Match) -> list[tuple[str, list[Any]]]:
    """What a fact must be to fit a pattern, each by a range of an index."""
    starts = [pattern.parts[0] for pattern in term.patterns if pattern.literal is None]
    ranges = [(start, _behind_prefix(start)) for start in starts]
    return [
        ("text >= ?", [start]) if behind is None else ("text >= ? AND text < ?", [start, behind])
        for start, behind in ranges
    ]


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


def _named(term: Term) -> str:
    return "words" if isinstance(term, Words) else term.field


def _rest(exact: bool) -> str:
    return "" if exact else ", each run looked at"
