"""Port `catalog`: cards of sealed runs, kept so that a query need not read every bundle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from runstone.core.query import Cursor, Query

if TYPE_CHECKING:
    from runstone.core.card import Card


class CatalogLost(Exception):  # noqa: N818  # said to the engine, which makes it anew; no user meets it
    """The catalog cannot be read or written. Nothing is lost: every bundle is where it was."""


class NotAnswered(CatalogLost):
    """The catalog is well, and cannot be asked this."""


class Known(NamedTuple):
    """One run for the catalog to keep: its card, and the mark of the bundle that the card was made of."""

    mark: str
    card: Card


class Catalog(Protocol):
    """Cards by run id, with the annotations among them folded into the cards of their runs (`core.card.annotated`).

    What it keeps may be stale, and is never trusted to be whole: the engine compares `marks` with the bundles that
    are there. Any number of processes read and write at once; each update is seen whole or not at all, and a page is
    of one moment. Safe to share between threads. Every method raises `CatalogLost`.
    """

    def generation(self) -> int:
        """A number that is another once everything was forgotten, by whomever: then what was asked before this does not
        belong to what is asked after it."""
        ...

    def stamp(self) -> str | None:
        """What the last `update` was given; `None` in a new catalog."""
        ...

    def marks(self) -> dict[str, str]:
        """The mark of every run that is known, by run id."""
        ...

    def damaged(self) -> list[str]:
        """Ids of known runs whose state is `damaged`."""
        ...

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """Forget runs, keep cards, and keep the stamp, or none; all at once. A card replaces an earlier one.

        What is kept without a stamp takes the one that stands away: whoever put that does not know of it.
        """
        ...

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        """Effective cards that fit, in the order of the query, behind `after`, at most `limit`.

        Raises `invalid_cursor`.
        """
        ...

    def rows(self, query: Query, after: Cursor | None, limit: int | None) -> list[dict[str, Any]]:
        """As `cards`, of each what `core.card.row_of` leaves, the caller's own: quicker where no card must be read."""
        ...

    def plan(self, query: Query) -> str:
        """In words: which index finds the candidates, or that all are looked at."""
        ...

    def clear(self) -> None:
        """Forget everything. A catalog that has no place in its store yet has one then."""
        ...

    def close(self) -> None:
        """Give back what it holds; the next call takes it again."""
        ...
