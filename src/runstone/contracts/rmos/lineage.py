"""Plan, decision, execution: which run was the plan of which, by links `derives-from`."""

from __future__ import annotations

from runstone.contracts.rmos.index import rows_of
from runstone.core.query import Query, exactly
from runstone.core.words import DERIVES_FROM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.contracts.rmos.store import RunStore

MAX_RUNS: Final = 1000


def lineage(store: RunStore, run_id: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of what led to a run, the nearest first, and of what came of it."""
    sealed = store.sealed(run_id)

    def before(one: str) -> list[str]:
        links = store.sealed(one).manifest["links"] if store.digest_of(one) else []
        return [link["run_id"] for link in links if link["rel"] == DERIVES_FROM]

    def after(one: str) -> list[str]:
        found = store.store.page(Query([exactly(f"link.{DERIVES_FROM}", one)]), limit=MAX_RUNS)
        return [row["run_id"] for row in found.rows]

    return {
        name: rows_of(store, _reached(sealed.run_id, step)) for name, step in (("before", before), ("after", after))
    }


def _reached(start: str, step: Callable[[str], list[str]]) -> list[str]:
    """Every run that is reached from one, the nearest first."""
    found, waiting = {start: None}, [start]
    while waiting and len(found) < MAX_RUNS:
        for other in step(waiting.pop(0)):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return [run_id for run_id in found if run_id != start]
