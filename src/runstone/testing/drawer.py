"""A catalog as plain as can be, over a drawer that is a dict: what the suite accepts, and the zoo breaks."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from runstone.core.card import DAMAGED, folded, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runstone.core.card import Card
    from runstone.core.query import Cursor, Query
    from runstone.ports.catalog import Known


class Drawer:
    """What is kept for every handle: cards by run id, the stamp, and how often all was forgotten."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.stamp: str | None = None
        self.generation = 0
        self.lock = RLock()


class PlainCatalog:
    """Keeps every promise, over a drawer."""

    def __init__(self, drawer: Drawer) -> None:
        self.drawer = drawer

    def generation(self) -> int:
        """As the port says."""
        return self.drawer.generation

    def stamp(self) -> str | None:
        """As the port says."""
        return self.drawer.stamp

    def marks(self) -> dict[str, str]:
        """As the port says."""
        return {run_id: known.mark for run_id, known in self.drawer.known.items()}

    def damaged(self) -> list[str]:
        """As the port says."""
        return [run_id for run_id, known in self.drawer.known.items() if known.card["state"] == DAMAGED]

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """As the port says."""
        with self.drawer.lock:
            left = set(self.drawer.known) - set(gone)
            kept = {run_id: self.drawer.known[run_id] for run_id in left}
            kept.update((one.card["run_id"], one) for one in known)
            self.drawer.known, self.drawer.stamp = kept, stamp

    def effective(self) -> list[Card]:
        """Every card, with what annotations say of its run."""
        return folded([known.card for known in self.drawer.known.values()])

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        """As the port says."""
        return [dict(card) for card in query.page(self.effective(), after, limit)]

    def rows(self, query: Query, after: Cursor | None, limit: int | None) -> list[dict[str, Any]]:
        """As the port says."""
        return [row_of(card) for card in self.cards(query, after, limit)]

    def plan(self, query: Query) -> str:  # noqa: ARG002  # every query the same
        """As the port says."""
        return "looks at every card"

    def clear(self) -> None:
        """As the port says."""
        with self.drawer.lock:
            self.drawer.known, self.drawer.stamp = {}, None
            self.drawer.generation += 1

    def close(self) -> None:
        """As the port says."""
