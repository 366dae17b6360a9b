"""Keeps the catalog true and asks it: what is missing is noticed before any answer is given.

- Nobody writes the catalog but readers: recording and sealing pay nothing for it, and cannot fail by it.
- A stamp says whether bundles have come or gone since it was last whole; only then marks are compared, and only the
  bundles whose mark is new are read.
- Where no catalog can be kept, or it breaks again and again, one in memory is made for this process: the same answers,
  slower.
"""

from __future__ import annotations

from runstone.core.card import DAMAGED
from runstone.engine.carding import sealed_card
from runstone.ports.catalog import CatalogLost, Known, NotAnswered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    from runstone.core.query import Cursor, Query
    from runstone.ports.catalog import Catalog
    from runstone.ports.objects import Objects

    Answer = TypeVar("Answer")
    Progress = Callable[[int, int], None]
    """Told how many runs have been read, of how many."""

BATCH: Final = 1_000
"""So many cards go into the catalog at once: what a killed reader has read before is not read again."""
BATCH_VALUES: Final = 50_000
"""Or so many values of configurations, metrics and artifacts, as some runs have ten thousand each."""
TRIES: Final = 2
DAMAGED_MARK: Final = ""
"""No bundle has this mark, so what is damaged is looked at again."""


class Catalogue:
    """The catalog of one store, and how it is kept. `catalogs` are those to use, the last of which never fails."""

    def __init__(self, objects: Objects, catalogs: list[Catalog]) -> None:
        self._objects = objects
        self._catalogs = catalogs

    def ask(self, question: Callable[[Catalog], Answer], progress: Progress | None = None) -> Answer:
        """The answer of a catalog that knows every bundle that was there when it was asked."""
        catalogs = self._catalogs
        while True:
            catalog = catalogs[0]
            for _ in range(TRIES):
                try:
                    generation = catalog.generation()
                    self._sync(catalog, progress)
                    answer = question(catalog)
                    if catalog.generation() == generation:  # else what was read in is forgotten again
                        return answer
                except CatalogLost as exc:
                    if len(catalogs) == 1:
                        raise
                    if isinstance(exc, NotAnswered):  # the next one is asked, this time
                        break
            else:
                self._catalogs = catalogs[1:] or catalogs
            catalogs = catalogs[1:] or catalogs

    def known_rows(self, query: Query, after: Cursor | None, limit: int) -> list[dict[str, Any]]:
        """Rows that a catalog has by now, of what was there when it was last asked; none where it cannot be read."""
        try:
            return self._catalogs[0].rows(query, after, limit)
        except CatalogLost:
            return []

    def rebuild(self, progress: Progress | None = None) -> int:
        """Forget everything and read every bundle; answers how many. Raises `CatalogLost` where there are bundles, and
        no catalog can be kept of them."""
        try:
            if not self._objects.marks():
                self._catalogs[0].generation()  # a catalog of nothing is given no place
            self._catalogs[0].clear()
            return self._sync(self._catalogs[0], progress)
        except CatalogLost:
            if self._objects.marks():
                raise
            return 0

    def close(self) -> None:
        """Give back what the catalogs hold."""
        for catalog in self._catalogs:
            catalog.close()

    def _sync(self, catalog: Catalog, progress: Progress | None) -> int:
        """Read the bundles that a catalog does not know, and try again those that were damaged; answers how many."""
        stamp = self._objects.stamp()
        settled = stamp is not None and stamp == catalog.stamp()
        known = dict.fromkeys(catalog.damaged(), DAMAGED_MARK) if settled else catalog.marks()
        if settled and not known:
            return 0
        marks = self._objects.marks()  # asked last: what comes meanwhile is in no list, and is not taken for gone
        there = {run_id: mark for run_id, mark in marks.items() if run_id in known} if settled else marks
        missing = {run_id: mark for run_id, mark in there.items() if known.get(run_id) != mark}
        gone = self._read(catalog, missing, progress)
        gone += [run_id for run_id in known if run_id not in marks]
        if gone or missing or not settled:
            catalog.update((), gone, stamp)
        return len(missing)

    def _read(self, catalog: Catalog, missing: dict[str, str], progress: Progress | None) -> list[str]:
        """Take in the cards of bundles; answers which of them went meanwhile."""
        batch: list[Known] = []
        gone, values = [], 0
        for done, (run_id, mark) in enumerate(missing.items(), 1):
            card = sealed_card(self._objects, run_id)
            if card is None:
                gone.append(run_id)
            else:
                batch.append(Known(DAMAGED_MARK if card["state"] == DAMAGED else mark, card))
                values += sum(len(card[part]) for part in ("config", "metrics", "inputs", "outputs"))
            if len(batch) == BATCH or values > BATCH_VALUES or done == len(missing):
                catalog.update(batch, (), None)
                batch, values = [], 0
            if progress is not None:
                progress(done, len(missing))
        return gone
