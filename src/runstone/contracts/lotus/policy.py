"""The decision of a Lotus run: its own status and rules, as a policy of the kernel."""

from __future__ import annotations

from runstone.core.policy.policy import Policy
from runstone.core.words import BLOCKED, PARTIAL, SUCCESS

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

_SEVERITIES: Final = {"HARD": NOT_ALLOWED, "SOFT": PENDING_REVIEW}
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
        "measured": rule.get("measured"),
        "threshold": rule.get("threshold"),
        "reason_code": rule.get("reason_code"),
    }


POLICY: Final = Policy("lotus-status", "1", _decide, levels=LEVELS, blocks=NOT_ALLOWED, review=PENDING_REVIEW)
