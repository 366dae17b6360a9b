"""Answers questions about the runs of a store: the catalog's sealed ones, merged with a scan of the open ones."""

from __future__ import annotations

from runstone.core.card import GIVEN, SEALED, row_of
from runstone.core.query import OPENED, Match, Pattern, Query
from runstone.engine.carding import open_card
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Final

    from runstone.core.card import Card
    from runstone.core.query import Cursor
    from runstone.engine.catalogue import Catalogue, Progress
    from runstone.ports.catalog import Catalog
    from runstone.ports.journals import Journals
    from runstone.ports.objects import Objects

PAGE: Final = 200
"""Cards of a page where all are wanted."""
ROWS: Final = 10_000
"""The same of rows, which are small: a catalog in memory orders all that it has for each page."""
_TOLD_AT_OPENING: Final = ("id", "kind", "status", "contract", "opened", "label", GIVEN, "link")
"""What is known of an open run without reading more than its first line."""


class Page:
    """Some rows of an answer, and the cursor behind which the others are; `None` where there are no others."""

    __slots__ = ("next", "rows")

    def __init__(self, rows: list[dict[str, Any]], next_cursor: str | None) -> None:
        self.rows = rows
        self.next = next_cursor


class Finder:
    """Asks the catalog and the open runs of one store."""

    def __init__(self, objects: Objects, journals: Journals, catalogue: Catalogue) -> None:
        self._objects = objects
        self._journals = journals
        self.catalogue = catalogue

    def page(self, query: Query, after: Cursor | None, limit: int | None, progress: Progress | None = None) -> Page:
        """Rows of all runs that fit, in the order of the query: open, sealed and damaged ones. Raises `invalid_cursor`,
        `invalid_option`."""
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            message = f"`limit` is a whole number from 0, or None; found {excerpt(repr(limit), 40)}"
            raise error("invalid_option", message, option="limit")
        if after is not None:
            query.check(after)
        waiting = self._open(query)  # before the sealed ones: a run that is sealed meanwhile is in one list or both
        wanted = None if limit is None else limit + 1
        if not waiting and (limit is None or query.sort == OPENED):  # a row tells where the next page begins
            return _page(self.catalogue.ask(lambda catalog: catalog.rows(query, after, wanted), progress), query, limit)
        found = self.catalogue.ask(lambda catalog: self._merged(catalog, query, waiting, after, wanted), progress)
        page = _page(query.ordered(found), query, limit)
        page.rows = [row_of(card) for card in page.rows]
        return page

    def all_cards(self, query: Query) -> list[Any]:
        """The effective cards of all runs that fit, also of open ones, in the order of the query."""
        waiting = self._open(query, whole=True)
        return query.ordered(self.catalogue.ask(lambda catalog: self._merged(catalog, query, waiting, None, None)))

    def _merged(
        self, catalog: Catalog, query: Query, waiting: list[Card], after: Cursor | None, limit: int | None
    ) -> list[Any]:
        """Cards of sealed runs that fit, and of those that were open and that the catalog does not have by now."""
        still = [card for card in waiting if not self._is_sealed(catalog, card["run_id"])]
        cards: list[Any] = catalog.cards(query, after, limit)
        found = {card["run_id"] for card in cards}
        return [*cards, *(card for card in query.page(still, after, None) if card["run_id"] not in found)]

    def cards(self, query: Query) -> list[Card]:
        """The effective cards of sealed runs that fit, in the order of the query."""
        return self.catalogue.ask(lambda catalog: catalog.cards(query, None, None))

    def sealed(self, query: Query) -> Iterator[str]:
        """Ids of sealed runs that fit, in the order of the query, page by page."""
        cards = _paged(query, lambda after: self.catalogue.ask(lambda catalog: catalog.cards(query, after, PAGE)), PAGE)
        return (card["run_id"] for card in cards if card["state"] == SEALED)

    def known_rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the sealed runs, of every kind, that the catalog has by now, page by page: no run is read for them,
        and those that are new are not among them."""
        query = Query([], any_kind=True)
        rows = _paged(query, lambda after: self.catalogue.known_rows(query, after, ROWS), ROWS)
        return (row for row in rows if row["state"] == SEALED)

    def plan(self, query: Query) -> str:
        """In words: how the answer is found."""
        return self.catalogue.ask(lambda catalog: catalog.plan(query))

    def _open(self, query: Query, *, whole: bool = False) -> list[Card]:
        whole = whole or any(term.field.partition(".")[0] not in _TOLD_AT_OPENING for term in query.terms)
        whole = whole or query.sort.partition(".")[0] not in _TOLD_AT_OPENING
        found = []
        for run_id in self._journals.open_ids():
            left = self._journals.read(run_id)
            if left is not None and not self._objects.exists(run_id):
                found.append(open_card(left, alive=self._journals.alive(run_id), whole=whole))
        return found

    def _is_sealed(self, catalog: Catalog, run_id: str) -> bool:
        """Whether a run that was open is known as sealed by now."""
        return self._objects.exists(run_id) and bool(catalog.rows(asking("id", run_id), None, 1))


def _paged(query: Query, ask: Callable[[Cursor | None], Sequence[Any]], size: int) -> Iterator[Any]:
    """All cards or rows of a query, where `ask` answers those behind a cursor, `size` at most."""
    after = None
    while True:
        found = ask(after)
        yield from found
        if len(found) < size:
            return
        after = query.cursor(found[-1])


def _page(found: Sequence[Any], query: Query, limit: int | None) -> Page:
    """Of cards or rows the first `limit`."""
    if limit is None or len(found) <= limit:
        return Page(list(found), None)
    last = found[limit - 1 : limit]
    return Page(list(found[:limit]), query.cursor(last[0]).text() if last else None)


def asking(field: str, value: str) -> Query:
    """The query for all runs, of every kind, of which a field has exactly this value."""
    return among(field, [value])


def among(field: str, values: Iterable[str]) -> Query:
    """The same of several values."""
    patterns = tuple(Pattern((value,)) for value in sorted(values))
    return Query([Match(field, patterns, negated=False)], any_kind=True)
