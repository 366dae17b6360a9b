"""Policies: what a rule and a policy come to, and what is refused when one is read. Unknown is the worst."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from runstone.core.canonical import canonical_bytes
from runstone.core.events import data_problem
from runstone.core.policy.decision import blocking, decision_of
from runstone.core.policy.loading import policy_from, policy_from_bytes
from runstone.core.policy.policy import Policy
from runstone.core.values import coerce, with_encoded_bytes
from runstone.errors import InvalidInput

from .strategies import json_values

LEVELS = ["GREEN", "YELLOW", "RED", "UNKNOWN"]


def policy(*rules: dict[str, Any], **more: Any) -> Policy:
    """A policy that blocks from RED on and asks for review from YELLOW on."""
    head = {"name": "saw", "version": "1", "levels": LEVELS, "blocks": "RED", "review": "YELLOW"}
    return policy_from({**head, "rules": list(rules), **more})


def rule(level: str = "RED", **test: Any) -> dict[str, Any]:
    return {"id": "r", "fact": "/f", "level": level, **test}


def answer(one: dict[str, Any], facts: Any) -> tuple[str, str, str | None]:
    """Status, severity and reason of the only rule."""
    [found] = policy(one).decide(facts).rules
    return found["status"], found["severity"], found["reason_code"]


HOLDS = ("pass", "GREEN", None)


@pytest.mark.parametrize(
    ("test", "good", "bad", "reason"),
    [
        ({"max": 0.3}, [0.3, 0, -5, Decimal("0.3")], [0.31, 10**30], "over_limit"),
        ({"min": 2}, [2, 2.0, 10**30], [1.99, -1], "under_limit"),
        ({"min": 1, "max": 2}, [1, 2, Decimal("1.5")], [2.1], "over_limit"),
        ({"max": 1}, [Decimal(1)], [Decimal("1.0000000000000000000001"), Decimal("1e400")], "over_limit"),
        ({"max": 10**15}, [10**15, -(10**400)], [10**15 + 1, 10**400], "over_limit"),
        ({"min": 0.1}, [Decimal("0.10")], [Decimal("0.0999999999999999999999"), -(10**400)], "under_limit"),
        ({"equals": 1}, [1, 1.0, Decimal("1.00")], [2, True, "1", [1], Decimal("1.01")], "not_equal"),
        ({"one_of": [0.5, 10**15]}, [Decimal("0.50"), 1e15], [Decimal("0.51"), 10**30], "not_one_of"),
        ({"equals": {"a": [1]}}, [{"a": [1.0]}], [{"a": []}], "not_equal"),
        ({"one_of": ["oak", "beech", None]}, ["oak", None], ["ash", 1], "not_one_of"),
        ({"matches": "G-*"}, ["G-", "G-12"], ["g-1", ""], "no_match"),
        ({"present": True}, [0, False, ""], [None], "not_present"),
        ({"present": False}, [None], [0], "present"),
    ],
)
def test_a_comparison_holds_or_does_not(test: dict[str, Any], good: list[Any], bad: list[Any], reason: str) -> None:
    """Limits are good themselves; true is not 1; a Decimal is the number that it spells."""
    assert [answer(rule(**test), {"f": value}) for value in good] == [HOLDS] * len(good)
    assert [answer(rule(**test), {"f": value}) for value in bad] == [("fail", "RED", reason)] * len(bad)


class Surprising:
    """A value that nobody foresaw."""


@pytest.mark.parametrize(
    ("test", "value", "reason"),
    [
        ({"max": 1}, None, "fact_null"),
        ({"max": 1}, "0", "not_a_number"),
        ({"max": 1}, float("nan"), "not_a_number"),
        ({"max": 1}, float("-inf"), "not_a_number"),
        ({"max": 1}, True, "not_a_number"),
        ({"max": 1}, Surprising(), "not_a_number"),
        ({"max": 1}, Decimal("NaN"), "not_a_number"),
        ({"max": 1}, Decimal("-Infinity"), "not_a_number"),
        ({"equals": 1}, None, "fact_null"),
        ({"matches": "*"}, 5, "not_a_text"),
    ],
)
def test_what_cannot_be_compared_is_unknown(test: dict[str, Any], value: Any, reason: str) -> None:
    """It counts as the worst level there is, whatever level the rule has."""
    assert answer(rule("YELLOW", **test), {"f": value}) == ("unknown", "UNKNOWN", reason)


@pytest.mark.parametrize("facts", [{}, None, [], "f", {"g": 1}, Surprising()])
def test_a_fact_that_is_not_there_is_unknown(facts: Any) -> None:
    """Whatever stands in the place of the facts."""
    assert answer(rule(max=1), facts) == ("unknown", "UNKNOWN", "fact_missing")
    assert policy(rule(max=1)).decide(facts).outcome == "block"


def test_a_pointer_leads_into_objects_and_lists() -> None:
    """RFC 6901, with its escapes."""
    one = {**rule(equals=7), "fact": "/a~1b/1/~0"}
    assert answer(one, {"a/b": [0, {"~": 7}]}) == HOLDS
    assert answer(one, {"a/b": [0]})[2] == "fact_missing"


def test_a_key_that_begins_with_a_dollar_is_a_key_like_any_other() -> None:
    """The recorder's door writes it with one more; a rule names it, and what it holds, as they were given."""
    one = {**rule(max=10), "fact": "/$top"}
    assert answer(one, {"$top": 5}) == HOLDS
    assert answer(one, {"$top": 5000})[2] == answer(one, {"$top": Decimal(5000)})[2] == "over_limit"
    assert answer({**rule(present=False), "fact": "/q/$top"}, {"q": {"$top": 5}})[2] == "present"
    assert answer(rule(equals={"$top": [{"$": 1}]}), {"f": {"$top": [{"$": 1.0}]}}) == HOLDS
    assert answer(rule(one_of=[{"$top": 1}]), {"f": {"$$top": 1}})[2] == "not_one_of"


def test_a_fact_may_be_a_level() -> None:
    """Then it is what the rule comes to; a word that is no level is the worst."""
    one = {"id": "r", "fact": "/f", "is_level": True}
    assert answer(one, {"f": "GREEN"}) == HOLDS
    assert answer(one, {"f": "YELLOW"}) == ("fail", "YELLOW", "level")
    assert answer(one, {"f": "CYAN"}) == ("unknown", "UNKNOWN", "unknown_level")


def test_the_worst_rule_decides() -> None:
    """Its level is that of the decision; it is the reason, and the others are warnings."""
    rules = [{**rule("YELLOW", max=1), "id": "a", "message": "a is high"}, {**rule("RED", max=2), "id": "b"}]
    mild, middle, bad = (policy(*rules).decide({"f": value}) for value in (1, 2, 3))
    assert (mild.outcome, mild.risk_level, mild.status, mild.warnings) == ("allow", "GREEN", "success", [])
    assert (middle.outcome, middle.risk_level, middle.status) == ("review", "YELLOW", "partial")
    assert (middle.block_reason, middle.warnings) == (None, ["a: a is high"])
    assert (bad.outcome, bad.risk_level, bad.allowed) == ("block", "RED", False)
    assert (bad.block_reason, bad.warnings) == ("b: over_limit", ["a: a is high"])


def test_of_rules_as_bad_as_one_another_each_is_told() -> None:
    """The first is the reason, the others are warnings, be they alike."""
    broken = {"id": "a", "status": "fail", "severity": "RED"}
    answer = [broken, {**broken, "id": "b"}, broken]
    decision = Policy("p", "1", lambda _: {"rules": answer}, levels=["GREEN", "RED"], blocks="RED").decide({})
    assert (decision.block_reason, decision.warnings) == ("a: RED", ["b: RED", "a: RED"])


def test_a_reason_that_is_stated_hides_no_rule() -> None:
    """It may tell of another one: each rule that does not hold is a warning."""
    rules = [{"id": name, "status": "fail", "severity": "RED"} for name in ("a", "b")]
    answer = {"block_reason": "b is too hot", "rules": rules}
    decision = Policy("p", "1", lambda _: answer, levels=["GREEN", "RED"], blocks="RED").decide({})
    assert (decision.block_reason, decision.warnings) == ("b is too hot", ["a: RED", "b: RED"])


def test_a_rule_tells_what_was_measured() -> None:
    """Against which threshold, in which unit, by which reason."""
    one = {**rule(min=1, max=2), "unit": "m/s", "reason_code": "too_fast"}
    [found] = policy(one).decide({"f": 3}).rules
    assert found == {
        "id": "r",
        "status": "fail",
        "severity": "RED",
        "reason_code": "too_fast",
        "measured": 3,
        "threshold": [1, 2],
        "unit": "m/s",
    }


def test_a_score_is_what_rules_leave_or_a_fact() -> None:
    """A rule that does not hold takes its cost away; a fact that is no number makes the decision unknown."""
    costly = policy({**rule(max=1), "cost": 30}, score=100)
    assert [costly.decide({"f": value}).score for value in (1, 2)] == [100, 70]
    read = policy(rule(max=1), score="/quality")
    assert read.decide({"f": 1, "quality": 0.5}).score == 0.5
    unknown = read.decide({"f": 1, "quality": None})
    assert (unknown.score, unknown.outcome, unknown.block_reason) == (None, "block", "score: not_a_number")


# functions


def asked(function: Any) -> Policy:
    return Policy("f", "1", function, levels=LEVELS, blocks="RED", review="YELLOW")


@pytest.mark.parametrize(
    ("answered", "outcome", "level"),
    [
        ("GREEN", "allow", "GREEN"),
        ("YELLOW", "review", "YELLOW"),
        ({"risk_level": "RED"}, "block", "RED"),
        ({"rules": [{"id": "a", "status": "pass"}]}, "allow", "GREEN"),
        ({"risk_level": "GREEN", "rules": [{"id": "a", "status": "fail", "severity": "RED"}]}, "block", "RED"),
        ({"rules": [{"id": "a", "status": "fail"}]}, "block", "UNKNOWN"),
        ({"rules": [{"id": "a", "status": "perhaps", "severity": "GREEN"}]}, "block", "UNKNOWN"),
        ({"risk_level": "GREEN", "score": float("nan")}, "block", "UNKNOWN"),
        ("CYAN", "block", "UNKNOWN"),
        ({"risk_level": None}, "block", "UNKNOWN"),
        ({}, "block", "UNKNOWN"),
        (None, "block", "UNKNOWN"),
        (float("nan"), "block", "UNKNOWN"),
        (7, "block", "UNKNOWN"),
        ({"rules": [7]}, "block", "UNKNOWN"),
    ],
)
def test_a_function_answers_a_level_or_rules(answered: Any, outcome: str, level: str) -> None:
    """The worst of what it says; anything else is the worst of all."""
    decision = asked(lambda _: answered).decide({})
    assert (decision.outcome, decision.risk_level) == (outcome, level)


def test_a_function_that_raises_blocks() -> None:
    """The decision names what it raised, and not what the exception says."""
    decision = asked(lambda facts: facts["absent"]).decide({})
    assert (decision.outcome, decision.block_reason) == ("block", "policy: policy_failed")
    assert decision.rules[0]["measured"] == "KeyError"


def test_a_policy_is_known_by_the_digest_of_its_data() -> None:
    """Two of the same data are the same; any change that decides is another; words about it are not."""
    one = policy(rule(max=1), about="saws")
    assert one.sha256 == policy({**rule(max=1.0), "about": "limits"}).sha256
    others = [policy(rule(max=2)), policy(rule("YELLOW", max=1)), policy(rule(max=1), version="2"), asked(len)]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 5
    assert one.decide({"f": 1}).policy == {"name": "saw", "version": "1", "sha256": one.sha256}


@given(facts=json_values)
def test_every_decision_can_be_recorded(facts: Any) -> None:
    """Whatever the facts are: it has the fields of its event, and comes out the same again."""
    decided = policy(rule(max=1), {"id": "s", "fact": "/s", "matches": "*", "level": "YELLOW"})
    data = with_encoded_bytes(coerce(decided.decide(facts).data())[0])
    assert data_problem("decision", data) is None
    assert canonical_bytes(data) == canonical_bytes(decided.decide(facts).data())
    assert blocking(decision_of(data).data()) == blocking(data)


# reading

TOML = b"""
name = "saw"
version = "1"
levels = ["GREEN", "RED"]
blocks = "RED"

[[rules]]
id = "rim_speed"
fact = "/rim_speed"
max = 80
level = "RED"

[[examples]]
facts = { rim_speed = 40.0 }
outcome = "allow"
level = "GREEN"

[[examples]]
facts = { rim_speed = 81 }
outcome = "block"
failed = ["rim_speed"]
"""


def refusal(data: bytes, path: str = "saw.toml") -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        policy_from_bytes(data, path)
    assert caught.value.code == "invalid_policy"
    return caught.value


def test_a_file_is_toml_or_json() -> None:
    """The same policy by the same digest."""
    json = b"""{"name":"saw","version":"1","levels":["GREEN","RED"],"blocks":"RED",
        "rules":[{"id":"rim_speed","fact":"/rim_speed","max":80.0,"level":"RED"}]}"""
    assert policy_from_bytes(TOML, "saw.toml").sha256 == policy_from_bytes(json, "saw.json").sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max = 80", "maximum = 80", "saw.toml:7: /rules/0 has no setting 'maximum'"),
        ("max = 80", "", "saw.toml:7: /rules/0 needs one comparison"),
        ("max = 80", "max = 80\nequals = 3", "/rules/0 needs one comparison"),
        ("max = 80", "max = 80\nmin = 81", "/rules/0 has a 'min' that is over its 'max'"),
        ("max = 80", "max = nan", "/rules/0 has a 'max' that is no finite number"),
        ("max = 80", "max = true", "/rules/0 has a 'max' that is no finite number"),
        ("max = 80", "one_of = []", "/rules/0 has a 'one_of' that is no list of values"),
        ("max = 80", "present = 1", "/rules/0 has a 'present' that is neither true nor false"),
        ("max = 80", "equals = 2026-01-02", "the policy holds something that JSON cannot hold"),
        ("max = 80", "is_level = true", "/rules/0 has a 'level', and a fact that is one"),
        ('fact = "/rim_speed"', 'fact = "rim_speed"', "/rules/0 has a 'fact' that is no JSON Pointer"),
        ('level = "RED"', 'level = "AMBER"', "/rules/0 has a 'level' that is none of RED"),
        ('level = "RED"', 'level = "GREEN"', "/rules/0 has a 'level' that is none of RED"),
        ('level = "RED"', "", "/rules/0 needs 'level', a text"),
        ('id = "rim_speed"', "", "/rules/0 needs 'id', a text"),
        ('blocks = "RED"', "", "the policy has a setting 'blocks' that is none of the levels"),
        ('blocks = "RED"', 'blocks = "GREEN"', "nothing would ever be allowed"),
        ('blocks = "RED"', 'blocks = "RED"\nreview = "RED"', "'review' that is no level between"),
        ('["GREEN", "RED"]', '["GREEN"]', "has not two levels or more"),
        ('["GREEN", "RED"]', '["GREEN", "GREEN"]', "has not two levels or more"),
        ('version = "1"', "version = 1", "has a 'version' that is no text"),
        ("version", "verison", "the policy has no setting 'verison'"),
        ('outcome = "allow"', 'outcome = "block"', "saw.toml:13: /examples/0 says outcome 'block'"),
        ('failed = ["rim_speed"]', "failed = []", "/examples/1 says failed []"),
        ('outcome = "block"\nfailed = ["rim_speed"]', "", "/examples/1 needs 'facts' and what they come to"),
        ("[[rules]]", "[[rules]", "saw.toml: "),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    """Path, line where it is plain, and JSON Pointer."""
    assert old in TOML.decode()
    assert said in refusal(TOML.replace(old.encode(), new.encode(), 1)).message


def test_two_rules_of_one_id_are_refused() -> None:
    """A reason must name one rule."""
    with pytest.raises(InvalidInput, match="has the id of another rule, 'r'"):
        policy(rule(max=1), rule(min=0))


def test_a_policy_without_rules_is_refused() -> None:
    """Nothing would ever be blocked."""
    with pytest.raises(InvalidInput, match="has no rule"):
        policy()


def test_bad_json_is_told_with_its_line() -> None:
    """As everywhere."""
    assert refusal(b'{"name":\n}', "saw.json").details["line"] == 2


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"version": 1}, {"levels": "RG"}, {"blocks": "BLUE"}, {"data": object()}, {"function": 3}]
)
def test_a_policy_of_a_function_is_checked(wrong: dict[str, Any]) -> None:
    """What it is made with can be wrong as well."""
    given = {"name": "f", "version": "1", "function": len, "levels": LEVELS, "blocks": "RED", **wrong}
    with pytest.raises(InvalidInput) as caught:
        Policy(**given)
    assert caught.value.code == "invalid_policy"
