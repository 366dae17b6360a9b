"""Policies over calls of tools: which rule fires, in which order, and what a document may say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.policy.loading import document_of
from runstone.core.policy.rule import Facts
from runstone.core.times import SECOND_NS
from runstone.core.tools.limits import Limits, Spent, limits_of_contract
from runstone.core.tools.prices import amount_of
from runstone.core.tools.rules import CODE, Asked, CallPolicy
from runstone.core.values import COERCED, coerce
from runstone.errors import InvalidInput

NAMED = {"name": "p", "version": "1"}


def asked(tool: str, effect: str | None = "read", args: Any = None, shown: Any = None) -> Asked:
    tree, marks = coerce(args)
    facts = Facts(tree, frozenset(at for at, mark in marks if mark == COERCED))
    return Asked(tool, effect, facts, tree if shown is None else shown)


def fired(document: dict[str, Any], call: Asked) -> tuple[str, str, str] | None:
    """Id, status and reason of the rule that forbids a call."""
    rule = CallPolicy.of({**NAMED, **document}).forbids(call)
    return None if rule is None else (rule["id"], rule["status"], rule["reason_code"])


# which rule


def test_denied_tools_are_named_by_patterns() -> None:
    """`*` stands for any text; the first pattern that fits is the threshold."""
    policy = CallPolicy.of({**NAMED, "deny": ["shell", "file.delete*"]})
    rule = policy.forbids(asked("file.delete_all"))
    assert rule == {
        "id": "deny",
        "status": "fail",
        "severity": "block",
        "reason_code": "tool_denied",
        "measured": "file.delete_all",
        "threshold": "file.delete*",
        "unit": None,
    }
    assert policy.forbids(asked("file.read")) is None


def test_what_is_not_allowed_is_blocked() -> None:
    """With `allow`, a tool that no pattern names; an empty list allows none; a denied tool stays denied."""
    assert fired({"allow": ["search", "file.*"]}, asked("shell")) == ("allow", "fail", "tool_not_allowed")
    assert fired({"allow": ["search", "file.*"]}, asked("file.read")) is None
    assert fired({"allow": []}, asked("search")) == ("allow", "fail", "tool_not_allowed")
    assert fired({"allow": ["*"], "deny": ["search"]}, asked("search")) == ("deny", "fail", "tool_denied")


def test_side_effects_beyond_the_list_are_blocked() -> None:
    """By class; a tool without a contract has an unknown one, which is the worst."""
    rules = {"side_effects": ["none", "read"]}
    assert fired(rules, asked("x", "read")) is None
    assert fired(rules, asked("x", "write")) == ("side_effects", "fail", "side_effect_not_allowed")
    assert fired(rules, asked("x", None)) == ("side_effects", "unknown", "side_effect_unknown")


BOUND = {"tool": "pay*", "path": "/amount", "max": 100}


@pytest.mark.parametrize(
    ("bound", "args", "reason"),
    [
        ({}, {"amount": 100}, None),
        ({}, {"amount": 100.5}, "over_limit"),
        ({"min": 1}, {"amount": 0}, "under_limit"),
        ({}, {"amount": "5"}, "not_a_number"),
        ({}, {"amount": True}, "not_a_number"),
        ({}, {"amount": float("nan")}, "not_a_number"),
        ({}, {}, "argument_missing"),
        ({}, None, "argument_missing"),
        ({}, {"amount": None}, "argument_null"),
        ({"optional": True}, {}, None),
        ({"optional": True}, {"amount": 101}, "over_limit"),
        ({"path": "/order/0/price"}, {"order": [{"price": 101}]}, "over_limit"),
        ({"path": "/order/0/price"}, {"order": [{"price": 99}]}, None),
    ],
)
def test_arguments_stay_in_their_bounds(bound: dict[str, Any], args: Any, reason: str | None) -> None:
    """The limits themselves are within; what is absent or no number is unknown, and blocks."""
    found = fired({"bounds": [{**BOUND, **bound}]}, asked("pay", args=args))
    unknown = reason is not None and not reason.endswith("limit")
    assert found == (None if reason is None else ("bounds/0", "unknown" if unknown else "fail", reason))


def test_arguments_are_one_of_a_list() -> None:
    """`in` compares JSON values: true is not 1. A bound of another tool says nothing."""
    rules = {"bounds": [{"tool": "pay", "path": "/to", "in": ["ann", 1]}]}
    assert fired(rules, asked("pay", args={"to": "ann"})) is None
    assert fired(rules, asked("pay", args={"to": True})) == ("bounds/0", "fail", "not_one_of")
    assert fired(rules, asked("search", args={})) is None


def test_a_bound_tells_what_the_record_shows() -> None:
    """The value that broke it is measured as it is recorded, not as it was given."""
    policy = CallPolicy.of({**NAMED, "bounds": [BOUND]})
    rule = policy.forbids(asked("pay", args={"amount": 4111}, shown={"amount": "[REDACTED:tool-mask]"}))
    assert rule is not None
    assert rule["measured"] == "[REDACTED:tool-mask]"
    assert "4111" not in str(rule)


def test_who_must_be_asked() -> None:
    """By name, then by side effect; an unknown one asks too."""
    policy = CallPolicy.of({**NAMED, "approval": {"tools": ["pay*"], "side_effects": ["irreversible"]}})
    found = [policy.needs_approval(asked(*call)) for call in (("pay", "read"), ("x", "irreversible"), ("x", None))]
    assert [rule["id"] for rule in found if rule] == ["approval.tools", *["approval.side_effects"] * 2]
    assert policy.needs_approval(asked("x", "write")) is None


# limits


def test_budgets_block_the_call_behind_the_last() -> None:
    """Calls before they are made; tokens and cost once they are spent."""
    limits, spent = Limits({"calls": 2, "tokens": 10, "cost": "0.5"}, None), Spent()
    spent.count(0, 0)
    assert limits.exceeded(spent, 0, "USD") is None
    spent.add(10, amount_of("0.5"), "USD", "m")
    ids = [(rule or {}).get("id") for rule in (limits.exceeded(spent, 0, "USD"), limits.used_up(spent, "USD"))]
    assert ids == ["budget.tokens", "budget.tokens"]
    only_cost = Limits({"cost": "0.5"}, None).exceeded(spent, 0, "USD")
    assert only_cost is not None
    assert (only_cost["measured"], only_cost["threshold"], only_cost["unit"]) == ("0.5", "0.5", "USD")
    spent.count(0, 0)
    assert (limits.exceeded(spent, 0, "USD") or {})["id"] == "budget.calls"


def test_a_cost_that_is_not_known_is_not_within_a_budget() -> None:
    """Tokens of a model without a price block what has a cost budget, and say which model."""
    spent = Spent()
    spent.add(3, None, "USD", "gpt-new")
    rule = Limits({"cost": 1}, None).exceeded(spent, 0, "USD")
    assert rule is not None
    assert (rule["status"], rule["reason_code"], rule["measured"]) == ("unknown", "price_unknown", "gpt-new")


def test_a_rate_is_of_any_such_span_of_time() -> None:
    """The call that would be one too many within the last `per_s` seconds; a moment later it is let through."""
    limits, spent = Limits({}, (2, SECOND_NS)), Spent()
    for now in (0, SECOND_NS // 2):
        assert limits.exceeded(spent, now, None) is None
        spent.count(now, limits.kept)
    rule = limits.exceeded(spent, SECOND_NS - 1, None)
    assert rule is not None
    assert (rule["id"], rule["measured"], rule["threshold"], rule["unit"]) == ("rate", 2, 2, "calls in 1 s")
    assert limits.exceeded(spent, SECOND_NS, None) is None


@given(st.lists(st.integers(0, 5), max_size=300), st.integers(1, 5), st.integers(1, 20))
def test_no_span_ever_has_more_calls_than_its_rate(gaps: list[int], most: int, window: int) -> None:
    """Whatever the pauses are; and each call is let through that would not break it."""
    limits, spent, let, now = Limits({}, (most, window)), Spent(), [], 0
    for gap in gaps:
        now += gap
        expected = sum(at > now - window for at in let) < most
        assert (limits.exceeded(spent, now, None) is None) == expected
        if expected:
            spent.count(now, limits.kept)
            let.append(now)


def test_what_was_given_back_does_not_count() -> None:
    """Neither for a budget nor for a rate."""
    limits, spent = Limits({"calls": 1}, (1, SECOND_NS)), Spent()
    spent.count(5, limits.kept)
    spent.give_back(5)
    assert limits.exceeded(spent, 6, None) is None


def test_a_contract_limits_calls_a_minute() -> None:
    """Its rules say that they are the contract's."""
    limits, spent = limits_of_contract({"per_minute": 1, "calls": 2}), Spent()
    spent.count(0, limits.kept)
    assert (limits.exceeded(spent, 59 * SECOND_NS, None) or {})["id"] == "contract.budget.per_minute"
    spent.count(60 * SECOND_NS, limits.kept)
    assert (limits.exceeded(spent, 200 * SECOND_NS, None) or {})["id"] == "contract.budget.calls"
    assert limits_of_contract(None).none


# documents


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"version": "1"}, ""),
        ({**NAMED, "denied": []}, ""),
        ({**NAMED, "deny": "shell"}, ""),
        ({**NAMED, "allow": [1]}, ""),
        ({**NAMED, "side_effects": ["reads"]}, ""),
        ({**NAMED, "approval": {"tool": ["x"]}}, "/approval"),
        ({**NAMED, "approval": {"side_effects": ["reads"]}}, "/approval"),
        ({**NAMED, "budget": {"calls": -1}}, "/budget"),
        ({**NAMED, "budget": {"calls": True}}, "/budget"),
        ({**NAMED, "budget": {"cost": "1e3"}}, "/budget"),
        ({**NAMED, "budget": []}, "/budget"),
        ({**NAMED, "rate": {"calls": 1}}, "/rate"),
        ({**NAMED, "rate": {"calls": 1, "per_s": 0}}, "/rate"),
        ({**NAMED, "bounds": [{"tool": "x", "path": "/a"}]}, "/bounds/0"),
        ({**NAMED, "bounds": [{"tool": "x", "path": "a", "max": 1}]}, "/bounds/0"),
        ({**NAMED, "bounds": [{"tool": "x", "path": "/a", "max": "1"}]}, "/bounds/0"),
        ({**NAMED, "bounds": [{"tool": "x", "path": "/a", "in": []}]}, "/bounds/0"),
        ({**NAMED, "bounds": [{"tool": "x", "path": "/a", "in": [1], "max": 1}]}, "/bounds/0"),
        ({**NAMED, "bounds": [{"tool": "x", "path": "/a", "in": [object()]}]}, ""),
        ([], ""),
    ],
)
def test_what_cannot_be_meant_is_refused(document: Any, place: str) -> None:
    """Whole, with the place."""
    with pytest.raises(InvalidInput) as caught:
        CallPolicy.of(document)
    assert (caught.value.code, caught.value.details["json_path"]) == ("invalid_call_policy", place)


def test_the_digest_is_of_what_decides() -> None:
    """Not of a remark; and not of the order in which it is spelled."""
    one = CallPolicy.of({**NAMED, "deny": ["x"], "about": "why"})
    assert one.sha256 == CallPolicy.of({"deny": ["x"], **NAMED}).sha256
    assert one.sha256 != CallPolicy.of({**NAMED, "deny": ["y"]}).sha256
    assert one.told == {**NAMED, "sha256": one.sha256}


def test_a_policy_cannot_be_changed_behind_its_digest() -> None:
    """What was handed in is copied."""
    document = {**NAMED, "budget": {"calls": 1}}
    policy = CallPolicy.of(document)
    document["budget"]["calls"] = 9  # type: ignore[index]  # a mapping of mappings
    assert policy.data["budget"] == {"calls": 1}


def test_files_are_toml_or_json() -> None:
    """By the end of the name; what is neither is refused with its path."""
    toml = CallPolicy.of(document_of(b'name = "p"\nversion = "1"\ndeny = ["x"]\n', "p.toml", CODE))
    assert toml.sha256 == CallPolicy.of(document_of(b'{"name":"p","version":"1","deny":["x"]}', "p.json", CODE)).sha256
    for path in ("p.toml", "p.json"):
        with pytest.raises(InvalidInput) as caught:
            document_of(b"{", path, CODE)
        assert (caught.value.code, caught.value.details["path"]) == ("invalid_call_policy", path)
