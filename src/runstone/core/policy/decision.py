"""A decision: what a policy comes to for some facts, before any work is done."""

from __future__ import annotations

from runstone.core.words import PARTIAL, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

ALLOW: Final = "allow"
REVIEW: Final = "review"
BLOCK: Final = "block"
PASSING: Final = (ALLOW, REVIEW)
"""Outcomes with which the work is done."""

PASS: Final = "pass"  # noqa: S105  # no password
FAIL: Final = "fail"
UNKNOWN: Final = "unknown"
RULE_STATUSES: Final = (PASS, FAIL, UNKNOWN)
RULE_FIELDS: Final = ("id", "status", "severity", "reason_code", "measured", "threshold", "unit")

DETAILS_OF_THE_GATE: Final = ("facts", "request_sha256", "override")
"""What the details of a recorded decision hold by these names is the gate's own, and nothing of the policy's."""
_FIELDS: Final = ("outcome", "risk_level", "score", "block_reason", "warnings", "rules", "details", "policy")


class Decision:
    """What a policy decided.

    `outcome` is `allow`, `review` or `block`; `risk_level` the worst level that a rule came to; `score` a number or
    `None`; `block_reason` text where it blocks; `warnings` texts. `rules` are mappings of `id`, `status` (`pass`,
    `fail`, `unknown`), `severity`, `reason_code`, `measured`, `threshold`, `unit`; `details` is a mapping; `policy` one
    of `name`, `version`, `sha256`.
    """

    def __init__(
        self,
        outcome: str,
        risk_level: str | None = None,
        score: Any = None,
        block_reason: str | None = None,
        warnings: list[Any] | None = None,
        rules: list[dict[str, Any]] | None = None,
        details: dict[str, Any] | None = None,
        policy: dict[str, Any] | None = None,
    ) -> None:
        self.outcome = outcome
        self.risk_level = risk_level
        self.score = score
        self.block_reason = block_reason
        self.warnings = [] if warnings is None else warnings
        self.rules = [] if rules is None else rules
        self.details = {} if details is None else details
        self.policy = policy

    @property
    def allowed(self) -> bool:
        """Whether the work may be done."""
        return self.outcome in PASSING

    @property
    def status(self) -> str:
        """How a run ends whose work was done: `success`, or `partial` where somebody has to review it."""
        return PARTIAL if self.outcome == REVIEW else SUCCESS

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in _FIELDS}

    def data(self) -> dict[str, Any]:
        """The `data` of its event."""
        return {"call": None, **self.as_dict()}

    def __repr__(self) -> str:
        return f"<Decision {self.outcome} {self.risk_level}>"


def decision_of(data: Mapping[str, Any]) -> Decision:
    """The decision that an event's `data` tells, as it was recorded."""
    return Decision(**{name: data[name] for name in _FIELDS})


def blocking(data: Mapping[str, Any]) -> list[Any]:
    """Why it was blocked, to be compared: the level, and each rule that did not hold with what was measured."""
    fields = ("id", "status", "severity", "reason_code", "measured", "threshold")
    broken = [[rule.get(field) for field in fields] for rule in data["rules"] if rule.get("status") != PASS]
    return [data["risk_level"], broken] if broken else [data["risk_level"], data["block_reason"]]
