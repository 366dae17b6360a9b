"""Port `catalog` in memory: every question goes through all cards. What each answer must agree with."""

from __future__ import annotations

import _thread

from runstone.core.card import DAMAGED, folded, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runstone.core.card import Card
    from runstone.core.query import Cursor, Query
    from runstone.ports.catalog import Known


class MemoryCatalog:
    """Cards in a dict; the effective ones are made anew after each change."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._effective: list[Card] | None = None
        self._stamp: str | None = None
        self._generation = 0
        self._lock = _thread.allocate_lock()

    def generation(self) -> int:
        return self._generation

    def stamp(self) -> str | None:
        return self._stamp

    def marks(self) -> dict[str, str]:
        with self._lock:
            return {run_id: known.mark for run_id, known in self._known.items()}

    def damaged(self) -> list[str]:
        with self._lock:
            return [run_id for run_id, known in self._known.items() if known.card["state"] == DAMAGED]

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        with self._lock:
            for run_id in gone:
                self._known.pop(run_id, None)
            for one in known:
                self._known[one.card["run_id"]] = one
            self._effective = None
            self._stamp = stamp

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        return [dict(card) for card in query.page(self._folded(), after, limit)]

    def rows(self, query: Query, after: Cursor | None, limit: int | None) -> list[dict[str, Any]]:
        return [row_of(card) for card in query.page(self._folded(), after, limit)]

    def plan(self, query: Query) -> str:  # noqa: ARG002  # every query the same
        return "looks at every run: there is no index"

    def clear(self) -> None:
        with self._lock:
            self._known, self._effective, self._stamp = {}, None, None
            self._generation += 1

    def close(self) -> None:
        pass

    def _folded(self) -> list[Card]:
        with self._lock:
            if self._effective is None:
                self._effective = folded([known.card for known in self._known.values()])
            return self._effective
