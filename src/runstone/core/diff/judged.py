"""What differs in what was judged: checks, the decision and its rules, scores and their samples."""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes, canonical_text
from runstone.core.diff.difference import ABSENT, Difference, apart
from runstone.core.diff.pairing import matched, paired
from runstone.core.diff.values import equal, value_differences
from runstone.core.evaluation.samples import GONE, NEW, SAME, sample_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.diff.facts import RunFacts

DECISION_FIELDS: Final = ("outcome", "risk_level", "score", "block_reason", "warnings")
RULE_FIELDS: Final = ("status", "reason_code", "measured", "threshold", "unit", "severity")
BOUND_RULE_FIELDS: Final = ("id", "status", "reason_code", "measured", "threshold")
"""What the outcome digest covers of a rule."""


GIVEN: Final = "given after the seal"


def checks(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """By id: status."""
    _, left, right = matched(a.checks, b.checks, lambda check: check)
    for name, one, other in paired(left, right, lambda check: check[0]):
        yield Difference("checks", name, _second(one), _second(other), outcome=True)


def scores(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """By name: value."""
    _, left, right = matched(a.scores, b.scores, lambda score: canonical_bytes(list(score)))
    for name, one, other in paired(left, right, lambda score: score[0]):
        yield Difference("scores", name, _second(one), _second(other), outcome=True)
    for name in sorted(a.given.keys() | b.given.keys()):
        here, there = a.given.get(name, ABSENT), b.given.get(name, ABSENT)
        if here is ABSENT or there is ABSENT or canonical_bytes(here) != canonical_bytes(there):
            yield given("scores", name, here, there)


MAX_SAMPLES: Final = 100
"""Samples of a score that an answer names; `more` of the last says how many others there are."""


def samples(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """By score and sample: the value, those that got worse first; of scores that both runs have with samples."""
    for name in sorted(a.sampled.keys() & b.sampled.keys()):
        rows = [row for row in sample_view(b.sampled[name], a.sampled[name]) if row["change"] != SAME]
        told = [_sample(name, row) for row in rows[:MAX_SAMPLES]]
        if told:
            told[-1].more = len(rows) - len(told)
        yield from told


def _sample(name: str, row: dict[str, Any]) -> Difference:
    change = row["change"]
    one = ABSENT if change == NEW else row["baseline"]
    found = Difference("samples", name, one, ABSENT if change == GONE else row["value"], place=row["id"])
    found.note = None if change in (NEW, GONE) else change
    return found


def given(section: str, name: str, one: Any, other: Any) -> Difference:
    """A difference in what was said after the seal."""
    found = Difference(section, name, one, other)
    found.note = GIVEN
    return found


def _second(fact: Any) -> Any:
    return fact if fact is ABSENT else fact[1]


def decision(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """The verdict itself: its fields, its policy, its details by JSON Pointer."""
    one, other = a.decision, b.decision
    if not equal(a.override, b.override):
        yield given("decision", "override", *(ABSENT if side.override is None else side.override for side in (a, b)))
    if one is None or other is None:
        if one is not other:
            yield Difference("decision", "decision", _verdict(one), _verdict(other), outcome=True)
        return
    for name in DECISION_FIELDS:
        if not equal(one[name], other[name]):
            yield Difference("decision", name, one[name], other[name], outcome=True)
    policies = one["policy"] or {}, other["policy"] or {}
    bound = not equal(*(policy.get("sha256") for policy in policies))
    for at, left, right in value_differences(*policies):
        yield Difference("decision", f"policy{at}", left, right, outcome=bound and f"{at}/".startswith("/sha256/"))
    for at, left, right in value_differences(one["details"], other["details"]):
        yield Difference("decision", f"details{at}", left, right)


def _verdict(decision: dict[str, Any] | None) -> Any:
    return ABSENT if decision is None else {name: decision[name] for name in DECISION_FIELDS}


def rules(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """The rules of the decision, by id: what was measured against which threshold, and how far from it that is."""
    one_side, other_side = (side.decision["rules"] if side.decision else [] for side in (a, b))
    same, left, right = matched(one_side, other_side, _bound)
    for name, one, other in paired(left, right, rule_name):
        yield _rule(name, one, other, counts=True)
    for one, other in sorted(same, key=lambda pair: rule_name(pair[0])):
        if not equal(*({field: rule.get(field) for field in RULE_FIELDS} for rule in (one, other))):
            yield _rule(rule_name(one), one, other, counts=False)


def _bound(rule: dict[str, Any]) -> bytes:
    return canonical_bytes([rule.get(field) for field in BOUND_RULE_FIELDS])


def rule_name(rule: dict[str, Any]) -> str:
    """A rule's id; one that is no text as JSON, and of a rule without one nothing."""
    name = rule.get("id")
    return name if isinstance(name, str) else "" if name is None else canonical_text(name)


def _rule(name: str, one: Any, other: Any, *, counts: bool) -> Difference:
    measured = (None, None) if ABSENT in (one, other) else (one.get("measured"), other.get("measured"))
    sides = [rule if rule is ABSENT else measured_rule(rule) for rule in (one, other)]
    return Difference("rules", name, *sides, outcome=counts, numbers=measured)


def measured_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """The fields of a rule, null where it has none, and its distance: what was measured less the threshold."""
    distance, relative = apart(rule.get("threshold"), rule.get("measured"))
    return {**{field: rule.get(field) for field in RULE_FIELDS}, "distance": distance, "relative_distance": relative}
