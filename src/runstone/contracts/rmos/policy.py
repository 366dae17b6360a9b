"""The safety policy, and the judge of one request: what its feasibility comes to, also where there is none.

- The policy decides on the feasibility that the server has computed, and on nothing else.
- A mode that nobody can judge is UNKNOWN; feasibility that cannot be computed is ERROR. Both block, whatever the
  policy.
"""

from __future__ import annotations

from runstone.core.policy.decision import BLOCK, Decision
from runstone.core.policy.loading import policy_from
from runstone.core.policy.policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.core.values import Foreign

LEVELS: Final = ("GREEN", "YELLOW", "RED", "UNKNOWN")
UNKNOWN: Final = "UNKNOWN"
ERROR: Final = "ERROR"
_TOLD: Final = ("risk_level", "score", "block_reason", "warnings", "details")


def _as_told(feasibility: Mapping[str, Any]) -> dict[str, Any]:
    """What the feasibility says of itself, at its top or as `safety`; where both tell a level, the worse one counts."""
    safety = feasibility.get("safety")
    told = [one for one in (safety, feasibility) if isinstance(one, dict) and one.get("risk_level") is not None]
    worst = max(told, key=_badness, default=safety if isinstance(safety, dict) else feasibility)
    return {key: worst[key] for key in _TOLD if worst.get(key) is not None}


def _badness(told: Mapping[str, Any]) -> int:
    level = told["risk_level"]
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


SAFETY_POLICY: Final = Policy("rmos-safety", "1", _as_told, levels=LEVELS, blocks="RED")
"""RED and UNKNOWN block; the level is the one that the feasibility comes to."""


def policy_of(source: Policy | Mapping[str, Any] | None) -> Policy:
    """The policy of a router: `SAFETY_POLICY` where nothing is said. Raises `invalid_policy`."""
    if source is None:
        return SAFETY_POLICY
    return source if isinstance(source, Policy) else policy_from(source)


def flags_of(policy: Policy) -> dict[str, bool]:
    """What the document tells of a policy that blocked."""
    levels = policy.levels
    return {"block_on_red": not levels.known("RED") or levels.outcome("RED") == BLOCK, "treat_unknown_as_red": True}


class Judge(Policy):
    """The policy of one request. `verdict` is a level and a reason that stand before the policy is asked."""

    def __init__(self, policy: Policy) -> None:
        self.name = policy.name
        self.version = policy.version
        self.levels = policy.levels
        self.sha256 = policy.sha256
        self.data = policy.data
        self.verdict: tuple[str, str] | None = None
        self._policy = policy

    def decide(self, facts: Foreign) -> Decision:
        """The decision; it raises nothing."""
        if self.verdict is None:
            return self._policy.decide(facts.value)
        level, reason = self.verdict
        policy = {"name": self.name, "version": self.version, "sha256": self.sha256}
        return Decision(BLOCK, level, None, reason, [], [], {}, policy)
