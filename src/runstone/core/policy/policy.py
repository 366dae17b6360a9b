"""A policy: a name, a version, levels, and a pure function from facts to answers; recorded by the digest of its data.

What is not known counts as the worst: a function that raises, answers nothing, a level that the policy does not have
or a number that is none; and each rule of which one of these is true.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.policy.decision import BLOCK, PASS, RULE_FIELDS, RULE_STATUSES, UNKNOWN, Decision
from runstone.core.policy.levels import Levels, levels_problem
from runstone.core.values import is_finite
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class Policy:
    """Decides by a pure function of facts; `runstone.load_policy` makes one of data alone.

    `function` is given the facts and answers a level, or a mapping of any of `risk_level`, `score`, `block_reason`,
    `warnings`, `rules` and `details`. `levels` are its levels, mildest first; `blocks` is the mildest one that blocks,
    `review` the mildest that allows the work but leaves a `partial` run. `data` is whatever else the function goes by:
    `sha256` is the digest of all of this but of the function, so the version changes with the code.

    Raises `invalid_policy`.
    """

    def __init__(
        self,
        name: str,
        version: str,
        function: Callable[[Any], Any],
        *,
        levels: Sequence[str],
        blocks: str,
        review: str | None = None,
        data: Any = None,
    ) -> None:
        for option, text in (("name", name), ("version", version)):
            if not isinstance(text, str) or not text:
                raise error("invalid_policy", f"{option} is text that is not empty", option=option)
        if not callable(function):
            raise error("invalid_policy", "function is something that can be called with the facts", option="function")
        if problem := levels_problem(levels, blocks, review):
            raise error("invalid_policy", f"{problem[0]} {problem[1]}", option=problem[0])
        self.name = name
        self.version = version
        self.levels = Levels(tuple(levels), blocks, review)
        self._function = function
        self.data: dict[str, Any] = {
            "name": name,
            "version": version,
            "levels": list(levels),
            "blocks": blocks,
            "review": review,
            "data": data,
        }
        try:
            self.sha256 = sha256_hex(canonical_bytes(self.data))
        except RunstoneError as exc:
            raise error("invalid_policy", f"data is no JSON: {exc.message}", option="data", **exc.details) from None

    def decide(self, facts: Any) -> Decision:
        """The decision on facts. It raises nothing."""
        try:
            answer = self._function(facts)
            found: dict[str, Any] = {"risk_level": answer} if isinstance(answer, str) else dict(answer)
            rules = [self._rule(rule) for rule in found.get("rules") or ()]
            texts = [str(text) for text in found.get("warnings") or ()]
            details = dict(found.get("details") or {})
        except Exception as exc:  # a policy that fails decides nothing, which is the worst that it can
            found, texts, details = {}, [], {}
            rules = [self._unknown("policy", "policy_failed", type(exc).__name__)]
        score = found.get("score")
        if score is not None and (type(score) not in (int, float) or not is_finite(score)):
            rules, score = [*rules, self._unknown("score", "not_a_number", score)], None
        stated = found.get("risk_level")
        if not (self.levels.known(stated) or (stated is None and rules)):
            rules.append(self._unknown("risk_level", "unknown_level", stated))
        return self._decision(stated, score, found.get("block_reason"), texts, rules, details)

    def failed(self, reason: str) -> Decision:
        """The decision where there are no facts to decide on: it blocks."""
        return self._decision(None, None, None, [], [self._unknown("facts", reason, None)], {})

    def _decision(
        self, stated: Any, score: Any, stated_reason: Any, texts: list[str], rules: list[dict[str, Any]], details: Any
    ) -> Decision:
        levels = self.levels
        level = levels.worst_of([*(rule["severity"] for rule in rules), *([stated] if levels.known(stated) else [])])
        outcome = levels.outcome(level)
        broken = [rule for rule in rules if rule["status"] != PASS]
        worst = next((rule for rule in broken if rule["severity"] == level), None)
        reason = blocker = None
        if outcome == BLOCK and stated_reason:  # what it tells may be no rule's, or another one's: all are warnings
            reason = str(stated_reason)
        elif outcome == BLOCK:
            reason, blocker = f"risk level {level}" if worst is None else _told(worst), worst
        texts += [_told(rule) for rule in broken if rule is not blocker]
        return Decision(
            outcome,
            level,
            score,
            reason,
            texts,
            [{field: rule[field] for field in RULE_FIELDS} for rule in rules],
            details,
            {"name": self.name, "version": self.version, "sha256": self.sha256},
        )

    def _rule(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """A rule's answer with every field; one that says nothing that is known is unknown."""
        rule = {field: answer.get(field) for field in (*RULE_FIELDS, "message")}
        rule["id"] = str(rule["id"])
        if rule["status"] not in RULE_STATUSES:
            rule.update(status=UNKNOWN, reason_code=rule["reason_code"] or "unknown_status")
        if rule["severity"] is None and rule["status"] == PASS:
            rule["severity"] = self.levels.mildest
        if not self.levels.known(rule["severity"]):
            rule.update(status=UNKNOWN, reason_code=rule["reason_code"] or "unknown_level")
        if rule["status"] == UNKNOWN:
            rule["severity"] = self.levels.worst
        return rule

    def _unknown(self, identity: str, reason: str, measured: Any) -> dict[str, Any]:
        rule = {"id": identity, "status": UNKNOWN, "severity": self.levels.worst, "reason_code": reason}
        return {**rule, "measured": measured, "threshold": None, "unit": None, "message": None}

    def __repr__(self) -> str:
        return f"<Policy {self.name} {self.version}>"


def _told(rule: Mapping[str, Any]) -> str:
    return f"{rule['id']}: {rule['message'] or rule['reason_code'] or rule['severity']}"
