"""What a run comes to: how long it took, and how its checks went. Contracts that tell of it tell the same."""

from __future__ import annotations

from runstone.core.times import parse_time
from runstone.core.words import CHECK_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.core.journal import Journal


def duration_ms(journal: Journal) -> int:
    """Monotonic duration in whole milliseconds; without one, the time between the first and the last event."""
    duration_ns = journal.closed["data"]["duration_ns"]
    if duration_ns is None:
        duration_ns = parse_time(journal.closed["ts"]) - parse_time(journal.opened["ts"])
    return int(duration_ns // 1_000_000)


def check_summary(journal: Journal) -> dict[str, int]:
    """How many checks have each status, for every status that there is."""
    summary = dict.fromkeys(CHECK_STATUSES, 0)
    for data in journal.data("check"):
        summary[data["status"]] += 1
    return summary
