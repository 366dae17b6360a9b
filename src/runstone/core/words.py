"""The closed vocabularies of the format: statuses, check results, link relations, log levels, what calls do and use."""

from __future__ import annotations

from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

RUNNING: Final = "running"
SUCCESS: Final = "success"
PARTIAL: Final = "partial"
FAILED: Final = "failed"
BLOCKED: Final = "blocked"
CANCELLED: Final = "cancelled"
INTERRUPTED: Final = "interrupted"

FINAL_STATUSES: Final = (SUCCESS, PARTIAL, FAILED, BLOCKED, CANCELLED, INTERRUPTED)
CHECK_STATUSES: Final = ("pass", "fail", "skip")
AMENDS: Final = "amends"
CHILD_OF: Final = "child-of"
DERIVES_FROM: Final = "derives-from"
REPLAYS: Final = "replays"
RETRIES: Final = "retries"
LINK_RELATIONS: Final = (AMENDS, CHILD_OF, DERIVES_FROM, REPLAYS, RETRIES)
HIDDEN_KINDS: Final = frozenset({"annotation", "judge"})
"""Kinds that a list leaves out unless the query names the kind or the id."""
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")
"""Numbers that JSON does not have, as a metric or score says them."""
SIDE_EFFECTS: Final = ("none", "read", "write", "irreversible")
"""Of a call of a tool, mildest first."""
TOKENS: Final = ("input_tokens", "output_tokens", "cached_tokens")


def check_status(status: Any, *, by_recovery: bool = True) -> str:
    """`status`, if a run can end with it; raises `invalid_status`. Only recovery gives `interrupted`."""
    known = [word for word in FINAL_STATUSES if by_recovery or word != INTERRUPTED]
    if isinstance(status, str) and status in known:
        return str(status)
    found = excerpt(status, 40)
    message = f"{found!r} is not a status that a run can be given; use one of {', '.join(known)}"
    raise error("invalid_status", message, found=found, expected=known)


def status_from_checks(results: Iterable[str]) -> str:
    """The status of a run that nobody gave one: a failed check → failed, a skipped one → partial, else success."""
    found = set(results)
    if "fail" in found:
        return FAILED
    return PARTIAL if "skip" in found else SUCCESS
