"""What each rule comes to, and the verdict on all of them. What is not known counts as the worst: it fails.

Each answer has the fields of a decision's rule (`id`, `status`, `severity`, `reason_code`, `measured`, `threshold`,
`unit`), and `baseline`, what the baseline has.
"""

from __future__ import annotations

from runstone.core.diff.comparison import Side, compare
from runstone.core.diff.difference import is_number
from runstone.core.judgement.rule import MAXIMUM, METRIC, OUTCOME, REQUIRE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

    from runstone.core.diff.comparison import Comparison
    from runstone.core.diff.facts import RunFacts
    from runstone.core.judgement.rule import Bound, Rule

PASS: Final = "pass"  # noqa: S105  # no password
FAIL: Final = "fail"
SKIP: Final = "skip"


class Verdict:
    """The verdict on a run beside a baseline.

    `ok` says whether every rule passed. `rules` are mappings with `id`, `status` (`pass` or `fail`), `reason_code`,
    `measured`, `threshold`, `baseline`. `run_id` and `digest` name the sealed run that the verdict is recorded in;
    `run` and `baseline` what was judged beside what.
    """

    def __init__(self, run: dict[str, Any], baseline: dict[str, Any], rules: list[dict[str, Any]]) -> None:
        self.run = run
        self.baseline = baseline
        self.rules = rules
        self.ok = all(rule["status"] == PASS for rule in rules)
        self.run_id: str | None = None
        self.digest: str | None = None

    def __bool__(self) -> bool:
        return self.ok

    def as_dict(self) -> dict[str, Any]:
        """The fields, as `runstone judge --json` prints them."""
        return {name: getattr(self, name) for name in ("ok", "run_id", "digest", "run", "baseline", "rules")}

    def decision(self) -> dict[str, Any]:
        """The `data` of the decision that is recorded."""
        failed = [rule for rule in self.rules if rule["status"] == FAIL]
        return {
            "call": None,
            "outcome": FAIL if failed else PASS,
            "risk_level": None,
            "score": None,
            "block_reason": f"{failed[0]['id']}: {failed[0]['reason_code']}" if failed else None,
            "warnings": [],
            "rules": self.rules,
            "details": {"run": self.run["run_id"], "baseline": self.baseline["run_id"]},
            "policy": None,
        }

    def __repr__(self) -> str:
        return f"<Verdict {FAIL if not self.ok else PASS} on {self.run['run_id']}>"


def judge(run: Side, baseline: Side, rules: Iterable[Rule]) -> Verdict:
    """The verdict on `run` by rules."""
    judged = _Judged(run, baseline)
    return Verdict(run.about, baseline.about, [judged.answer(rule) for rule in rules])


class _Judged:
    """Two runs; they are compared only once a rule asks for it."""

    def __init__(self, run: Side, baseline: Side) -> None:
        self._run = run
        self._baseline = baseline
        self._comparison: Comparison | None = None

    def answer(self, rule: Rule) -> dict[str, Any]:
        if rule.bound is not None:
            return self._limit(rule, rule.bound)
        return self._required(rule) if rule.kind == REQUIRE else self._same(rule)

    def _limit(self, rule: Rule, bound: Bound) -> dict[str, Any]:
        value, base = (_value(side.facts, rule) for side in (self._run, self._baseline))
        threshold = None
        if is_number(base) or not bound.from_baseline:
            threshold = _finite(bound.threshold(base))
        if value is None:
            reason: str | None = "missing"
        elif not is_number(value):
            reason = "not_a_number"
        elif threshold is None:
            reason = "no_baseline" if base is None else "baseline_not_a_number"
        elif rule.kind == MAXIMUM:
            reason = None if value <= threshold else "over_limit"
        else:
            reason = None if value >= threshold else "under_limit"
        return _answer(rule, reason, value, threshold, base)

    def _required(self, rule: Rule) -> dict[str, Any]:
        """A check that ran several times must have passed each time."""
        measured, base = (_worst(side.facts, rule.name) for side in (self._run, self._baseline))
        reason = None if measured == PASS else "missing" if measured is None else f"check_{measured}"
        return _answer(rule, reason, measured, PASS, base)

    def _same(self, rule: Rule) -> dict[str, Any]:
        if self._comparison is None:
            self._comparison = compare(self._baseline, self._run)
        if rule.name == OUTCOME:
            differing = [item for item in self._comparison.differences if item.outcome]
        else:
            differing = [item for item in self._comparison.differences if item.section == rule.name]
        return _answer(rule, "differs" if differing else None, len(differing), 0, None)


def _worst(facts: RunFacts, check: str) -> str | None:
    """The worst result of a check; `None` where it is not there."""
    found = {status for name, status in facts.checks if name == check}
    return next((status for status in (FAIL, SKIP, PASS) if status in found), None)


def _value(facts: RunFacts, rule: Rule) -> Any:
    """The last value of the metric or score that a rule is about; `None` where there is none."""
    if rule.thing == METRIC:
        return facts.metrics.get(rule.name, {}).get("last")
    recorded = next((value for name, value in reversed(facts.scores) if name == rule.name), None)
    return facts.given.get(rule.name, recorded)


def _finite(number: float) -> float | None:
    return number if number - number == 0 else None


def _answer(rule: Rule, reason: str | None, measured: Any, threshold: Any, baseline: Any) -> dict[str, Any]:
    return {
        "id": rule.text,
        "status": PASS if reason is None else FAIL,
        "severity": None,
        "reason_code": reason,
        "measured": measured,
        "threshold": threshold,
        "unit": None,
        "baseline": baseline,
    }
