"""What documents and lists tell alike of a run: how long it took, at which commit, how its checks and metrics went."""

from __future__ import annotations

from runstone.core.times import parse_time
from runstone.core.words import CHECK_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runstone.core.journal import Journal


def duration_ms(journal: Journal) -> int:
    """Monotonic duration in whole milliseconds; without one, the time between the first and the last event."""
    return whole_ms(journal.closed["data"]["duration_ns"], journal.opened["ts"], journal.closed["ts"])


def git_of(journal: Journal) -> dict[str, Any] | None:
    """Commit, ref, and whether the tree was dirty (`None`: not known): as told while it ran, else at its opening."""
    event = journal.last("git")
    if event is not None:
        return {name: event["data"][name] for name in ("sha", "ref", "dirty")}
    git = journal.opened["data"]["git"]
    return None if git is None else {"sha": git.get("sha"), "ref": git.get("ref"), "dirty": None}


def whole_ms(duration_ns: int | None, opened_at: str, closed_at: str) -> int:
    """The rule of `duration_ms`, for who has the journal's end only."""
    if duration_ns is None:
        duration_ns = parse_time(closed_at) - parse_time(opened_at)
    return int(duration_ns // 1_000_000)


def check_summary(journal: Journal) -> dict[str, int]:
    """How many checks have each status, for every status that there is."""
    summary = dict.fromkeys(CHECK_STATUSES, 0)
    for data in journal.data("check"):
        summary[data["status"]] += 1
    return summary


def add_metrics(table: dict[str, dict[str, Any]], values: dict[str, Any]) -> None:
    """Take the values of one `metric` event into a table of `last`, `min`, `max` and `count` by name.

    `NaN` and infinities, which are text, are no numbers: they are a last value, and neither least nor greatest.
    """
    for name, value in values.items():
        row = table.get(name)
        if row is None:
            row = table[name] = {"last": None, "min": None, "max": None, "count": 0}
        row["last"] = value
        row["count"] += 1
        if not isinstance(value, str):
            row["min"] = value if row["min"] is None else min(row["min"], value)
            row["max"] = value if row["max"] is None else max(row["max"], value)
