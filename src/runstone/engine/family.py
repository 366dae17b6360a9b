"""The runs below a run: its children, theirs, and so on, each with what it comes to, and the sums of all.

- A child is found by the `child` event of its parent or by its own `child-of` link; what stands in the store is told
  as it is there, what a parent alone knows as it was recorded.
- A run is told once, however many parents it names, and links that lead in a circle end there.
- Nothing is proved: that is `engine.verifier`. A run whose journal cannot be read has no numbers.
"""

from __future__ import annotations

from runstone.core.totals import check_summary, duration_ms
from runstone.core.words import CHECK_STATUSES
from runstone.engine.finder import asking
from runstone.engine.reader import sealed_under
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.engine.finder import Finder
    from runstone.engine.store import Store

    Row = dict[str, Any]
    Linked = Callable[[str], dict[str, Row]]
    """The runs that have a link `child-of` to a run: rows as in a list, by id."""

NUMBERS: Final = ("duration_ms", "checks", "redactions", "outputs", "metrics")
"""What a sealed run comes to; `checks` by status, `metrics` counts the events."""


def family(store: Store, run_id: str, linked: Linked) -> list[Row]:
    """All runs below `run_id`, parents before their children, siblings by id.

    Each has `run_id`, `parent`, `depth` (1: a child), `kind`, `status`, `digest`, `recorded_digest` (what the parent
    recorded), and `NUMBERS`; null is what is not known.
    """
    rows: list[Row] = []
    known = {run_id}
    told = _read(store, run_id)[1]
    waiting = _below(run_id, 1, linked, told)
    while waiting:
        row = waiting.pop()
        if row["run_id"] in known:
            continue
        known.add(row["run_id"])
        found, told = _read(store, row["run_id"])
        rows.append({**row, **found})
        waiting += _below(row["run_id"], row["depth"] + 1, linked, told)
    return rows


def linked_by(finder: Finder) -> Linked:
    """The links of every run that is there, sealed or open."""

    def linked(parent: str) -> dict[str, Row]:
        rows = finder.page(asking("link.child-of", parent), None, None).rows
        return {row["run_id"]: row for row in rows}

    return linked


def totals(rows: list[Row]) -> dict[str, Any]:
    """The sums of the rows of `family`; `unread` counts those without numbers: open, damaged, or not in this store."""
    read = [row for row in rows if row["duration_ms"] is not None]
    statuses: dict[str, int] = {}
    for row in rows:
        statuses[row["status"]] = statuses.get(row["status"], 0) + 1
    return {
        "runs": len(rows),
        "unread": len(rows) - len(read),
        "statuses": dict(sorted(statuses.items())),
        "checks": {status: sum(row["checks"][status] for row in read) for status in CHECK_STATUSES},
        **{name: sum(row[name] for row in read) for name in NUMBERS if name != "checks"},
    }


def _below(parent: str, depth: int, linked: Linked, told: dict[str, Row]) -> list[Row]:
    """The children of a run, the last one first."""
    here = linked(parent)
    rows = []
    for run_id in sorted({*here, *told}, reverse=True):
        recorded = told.get(run_id, {})
        known = here.get(run_id) or {"kind": None, "status": recorded["status"], "digest": recorded["digest"]}
        rows.append(
            {
                "run_id": run_id,
                "parent": parent,
                "depth": depth,
                "kind": known["kind"],
                "status": known["status"],
                "digest": known["digest"],
                "recorded_digest": recorded.get("digest"),
            }
        )
    return rows


def _read(store: Store, run_id: str) -> tuple[Row, dict[str, Row]]:
    """What a sealed run is and comes to, and the children that it recorded, by id."""
    try:
        if not store.objects.exists(run_id):
            return dict.fromkeys(NUMBERS), {}
        with sealed_under(store.objects, run_id, store.contract_of) as sealed, sealed.reading():
            journal = sealed.journal()
            found = {
                "kind": sealed.kind,
                "status": sealed.status,
                "digest": sealed.digest,
                "duration_ms": duration_ms(journal),
                "checks": check_summary(journal),
                "redactions": journal.closed["data"]["redactions"],
                "outputs": journal.count("output"),
                "metrics": journal.count("metric"),
            }
            return found, {data["run_id"]: data for data in journal.data("child")}
    except RunstoneError:
        return dict.fromkeys(NUMBERS), {}
