"""The decision of a Lotus run: its own status and rules, as a policy of the kernel."""

from __future__ import annotations

from runstone.core.policy.policy import Policy
from runstone.core.values import is_finite
from runstone.core.words import BLOCKED, PARTIAL, SUCCESS
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

READY: Final = "READY"
PENDING_REVIEW: Final = "PENDING_REVIEW"
NOT_ALLOWED: Final = "BLOCKED"
LEVELS: Final = (READY, PENDING_REVIEW, NOT_ALLOWED)

STATUSES: Final = {SUCCESS: READY, PARTIAL: PENDING_REVIEW, BLOCKED: NOT_ALLOWED}
"""Kernel status → status of an artifact. A run of any other status has none."""

_SEVERITIES: Final = {"HARD": NOT_ALLOWED, "SOFT": PENDING_REVIEW, "INFO": READY}
_PASSED: Final = {"PASS": "pass", "FAIL": "fail"}


def _decide(facts: Any) -> dict[str, Any]:
    """The engine's status is the level; a rule that fails is as bad as its severity says."""
    return {"risk_level": facts["status"], "rules": [_rule(rule) for rule in facts["rule_results"]]}


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    passed = rule.get("status") == "PASS"
    return {
        "id": rule["rule_id"],
        "status": _PASSED.get(str(rule.get("status"))),
        "severity": READY if passed else _SEVERITIES.get(str(rule.get("severity"))),
        "measured": _number(rule.get("measured")),
        "threshold": _limit(rule.get("threshold")),
        "reason_code": rule.get("reason_code"),
    }


def _limit(threshold: Any) -> Any:
    """The limit of a threshold that has one; another one as it is."""
    if isinstance(threshold, dict) and len(threshold) == 1:
        (threshold,) = threshold.values()
    return _number(threshold)


def _number(value: Any) -> Any:
    """The number that decimal text spells, so that a comparison knows how far it is from another; else the value."""
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return number if type(number) is float and is_finite(number) else value


def check_agrees(facts: Mapping[str, Any]) -> None:
    """Raise `invalid_stored_run` where a status is none of the three, or not what the rules come to: a list, which
    knows the decision, would say something else than the artifact, which has the status."""
    status = facts["status"]
    if not POLICY.levels.known(status):
        message = f"result.status is one of {', '.join(LEVELS)}; found {str(status)[:40]!r}"
        raise error("invalid_stored_run", message, missing=[])
    level = POLICY.decide(facts).risk_level
    if level != status:
        message = f"result.status is {status}, and result.rule_results come to {level}"
        raise error("invalid_stored_run", message, missing=[])


POLICY: Final = Policy("lotus-status", "1", _decide, levels=LEVELS, blocks=NOT_ALLOWED, review=PENDING_REVIEW)
