"""What a run comes to: how long it took, and how its checks went. Contracts that tell of it tell the same."""

from __future__ import annotations

from runstone.core.times import parse_time
from runstone.core.words import CHECK_STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.core.journal import Journal


def duration_ms(journal: Journal) -> int:
    """Monotonic duration in whole milliseconds; without one, the time between the first and the last event."""
    return whole_ms(journal.closed["data"]["duration_ns"], journal.opened["ts"], journal.closed["ts"])


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
