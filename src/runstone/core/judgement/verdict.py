"""What each rule comes to, and the verdict on all of them. What is not known counts as the worst: it fails.

Each answer has the fields of a decision's rule (`id`, `status`, `severity`, `reason_code`, `measured`, `threshold`,
`unit`), and `baseline`, what the baseline has.
"""

from __future__ import annotations

from runstone.core.diff.comparison import Side, compare
from runstone.core.diff.difference import is_number
from runstone.core.evaluation.samples import GONE, LOWER, UNCLEAR, meets, sample_view
from runstone.core.evaluation.samples import WORSE as GOT_WORSE
from runstone.core.judgement.rule import CITED, MAXIMUM, MEET, METRIC, OUTCOME, REQUIRE, SCORE, SCORES, WORSE, Rule
from runstone.core.values import is_finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

    from runstone.core.diff.comparison import Comparison
    from runstone.core.diff.facts import RunFacts
    from runstone.core.judgement.rule import Bound

PASS: Final = "pass"  # noqa: S105  # no password
FAIL: Final = "fail"
SKIP: Final = "skip"


class Verdict:
    """The verdict on a run, beside a baseline where there is one.

    `ok` says whether every rule passed. `rules` are mappings with `id`, `status` (`pass` or `fail`), `reason_code`,
    `measured`, `threshold`, `baseline`. `run_id` and `digest` name the sealed run that the verdict is recorded in;
    `run` and `baseline` what was judged beside what; without a baseline that is `None`.
    """

    def __init__(self, run: dict[str, Any], baseline: dict[str, Any] | None, rules: list[dict[str, Any]]) -> None:
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
            "details": {"run": self.run["run_id"], "baseline": self.baseline and self.baseline["run_id"]},
            "policy": None,
        }

    def event(self) -> dict[str, Any]:
        """The `data` of the verdict that is recorded in the run itself."""
        named = self.baseline and {name: self.baseline[name] for name in ("run_id", "digest")}
        return {"ok": self.ok, "baseline": named, "rules": self.rules}

    def __repr__(self) -> str:
        return f"<Verdict {FAIL if not self.ok else PASS} on {self.run['run_id']}>"


def judge(run: Side, baseline: Side | None, rules: Iterable[Rule]) -> Verdict:
    """The verdict on `run` by rules. Without a baseline those fail that ask for one."""
    judged = _Judged(run, baseline)
    answers = [answer for rule in rules for answer in judged.answers(rule)]
    return Verdict(run.about, None if baseline is None else baseline.about, answers)


class _Judged:
    """A run, perhaps beside a baseline; they are compared only once a rule asks for it."""

    def __init__(self, run: Side, baseline: Side | None) -> None:
        self._run = run.facts
        self._baseline = None if baseline is None else baseline.facts
        self._sides = run, baseline
        self._comparison: Comparison | None = None

    def answers(self, rule: Rule) -> list[dict[str, Any]]:
        """One, but for a rule on all scores: one for each that has a threshold."""
        if rule.kind == MEET and rule.thing == SCORES:
            told = [name for name, data in self._run.scored.items() if data.get("threshold") is not None]
            each = [self._met(Rule(f"{MEET} {SCORE}.{name}", MEET, SCORE, name)) for name in told]
            return each or [_answer(rule, "no_threshold", None, None, None)]
        return [self._answer(rule)]

    def _answer(self, rule: Rule) -> dict[str, Any]:
        if rule.bound is not None:
            return self._worse(rule, rule.bound) if rule.thing == WORSE else self._limit(rule, rule.bound)
        return {REQUIRE: self._required, MEET: self._met, CITED: self._cited}.get(rule.kind, self._same)(rule)

    def _limit(self, rule: Rule, bound: Bound) -> dict[str, Any]:
        value, base = self._values(rule)
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
        return _answer(rule, reason, value, threshold, base, self._unit(rule))

    def _values(self, rule: Rule) -> tuple[Any, Any]:
        return _value(self._run, rule), None if self._baseline is None else _value(self._baseline, rule)

    def _unit(self, rule: Rule) -> Any:
        """What a score was said to be measured in."""
        return self._run.scored.get(rule.name, {}).get("unit") if rule.thing == SCORE else None

    def _met(self, rule: Rule) -> dict[str, Any]:
        """A score beside its own threshold."""
        value, base = self._values(rule)
        told = self._run.scored.get(rule.name, {})
        threshold = told.get("threshold")
        lower = told.get("direction") == LOWER
        if value is None:
            reason: str | None = "missing"
        elif threshold is None:
            reason = "no_threshold"
        elif not is_number(value):
            reason = "not_a_number"
        else:
            missed = "over_limit" if lower else "under_limit"
            reason = None if meets(value, threshold, told.get("direction")) else missed
        return _answer(rule, reason, value, threshold, base, self._unit(rule))

    def _worse(self, rule: Rule, bound: Bound) -> dict[str, Any]:
        """Samples that are not as good as in the baseline; what is not known of one counts as the worst."""
        score = self._run.sampled.get(rule.name)
        other = None if self._baseline is None else self._baseline.sampled.get(rule.name)
        if score is None or other is None:
            return _answer(rule, "missing" if score is None else "no_baseline", None, bound.amount, None)
        rows = sample_view(score, other)
        found = sum(row["change"] in (GOT_WORSE, UNCLEAR, GONE) for row in rows)
        return _answer(rule, "over_limit" if found > bound.amount else None, found, bound.amount, None)

    def _cited(self, rule: Rule) -> dict[str, Any]:
        """What was cited and not retrieved."""
        citations = self._run.citations
        if not citations.cited:
            return _answer(rule, "missing", None, 0, None)
        found = len(citations.not_retrieved)
        return _answer(rule, "not_retrieved" if found else None, found, 0, None)

    def _required(self, rule: Rule) -> dict[str, Any]:
        """A check that ran several times must have passed each time."""
        measured = _worst(self._run, rule.name)
        base = None if self._baseline is None else _worst(self._baseline, rule.name)
        reason = None if measured == PASS else "missing" if measured is None else f"check_{measured}"
        return _answer(rule, reason, measured, PASS, base)

    def _same(self, rule: Rule) -> dict[str, Any]:
        run, baseline = self._sides
        if baseline is None:
            return _answer(rule, "no_baseline", None, 0, None)
        if self._comparison is None:
            self._comparison = compare(baseline, run)
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
    return number if is_finite(number) else None


def _answer(
    rule: Rule, reason: str | None, measured: Any, threshold: Any, baseline: Any, unit: Any = None
) -> dict[str, Any]:
    return {
        "id": rule.text,
        "status": PASS if reason is None else FAIL,
        "severity": None,
        "reason_code": reason,
        "measured": measured,
        "threshold": threshold,
        "unit": unit,
        "baseline": baseline,
    }
