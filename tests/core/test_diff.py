"""What differs between two runs: exact for the outcome, the same both ways, and nothing that does not differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.diff.difference import ABSENT, Difference, apart
from runstone.core.diff.values import equal, value_differences
from runstone.core.journal import Journal
from runstone.core.outcome import outcome

from . import strategies
from .comparing import compared, told
from .journals import ARTIFACT, DECISION, check, journal, log, stream

SHA, OTHER_SHA = "a" * 64, "b" * 64


def config(value: Any, *volatile: str) -> tuple[str, dict[str, Any]]:
    return "config", {"value": value, "sources": {}, "volatile": list(volatile)}


def artifact(kind: str, **facts: Any) -> tuple[str, dict[str, Any]]:
    return kind, {**ARTIFACT, **facts}


def decision(**facts: Any) -> tuple[str, dict[str, Any]]:
    return "decision", {**DECISION, **facts}


def called(call: str, args: Any = None, name: str = "search") -> tuple[str, dict[str, Any]]:
    return "tool.called", {"call": call, "parent": None, "name": name, "contract_sha256": None, "args": args}


def returned(call: str, status: str = "ok", result: Any = None) -> tuple[str, dict[str, Any]]:
    fields = {"call": call, "status": status, "result": result, "error": None, "duration_ns": 5, "attempts": 1}
    return "tool.returned", fields


def metric(step: int | None = None, **values: Any) -> tuple[str, dict[str, Any]]:
    return "metric", {"values": values, "step": step}


# any two journals

few = st.sampled_from(["a", "b", "c"])
numbers = st.sampled_from([0, 1, 2.5, -1, "NaN", "Infinity"])
small = st.recursive(
    st.sampled_from([None, True, 1, 1.5, "a"]),
    lambda inner: st.dictionaries(few, inner, max_size=2) | st.lists(inner, max_size=2),
    max_leaves=4,
)
rules = st.lists(
    st.fixed_dictionaries({"id": few, "status": few}, optional={"measured": numbers, "unit": few}), max_size=2
)
policies = st.sampled_from([None, {}, {"sha256": SHA}, {"name": "p"}])
texts = st.lists(few, max_size=2)
verdict = {"outcome": few, "score": small, "warnings": texts, "rules": rules, "policy": policies, "details": small}
facts = st.one_of(
    st.builds(config, small, st.sampled_from(["", "/a", "/a/b", "/0", "/b"])),
    st.builds(
        artifact,
        st.sampled_from(["input", "output"]),
        name=few,
        type=few,
        ref=few,
        sha256=st.sampled_from([None, SHA]),
    ),
    st.builds(check, few, st.sampled_from(["pass", "fail", "skip"])),
    st.builds(decision, call=st.sampled_from([None, "a"]), **verdict),
    st.builds(lambda name, value: ("score", {"name": name, "value": value}), few, numbers),
    st.builds(metric, a=numbers),
    st.builds(called, few, small, few),
    st.builds(returned, few, few, small),
    st.builds(log, few),
)
opened = st.fixed_dictionaries(
    {},
    optional={
        "kind": few,
        "version": st.none() | few,
        "labels": st.dictionaries(few, few),
        "argv": st.none() | texts,
    },
)
closed = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["success", "failed"]),
        "exit": st.none() | st.integers(0, 1),
        "result": small,
        "error": small,
    },
)


def recorded(told: list[Any], first: dict[str, Any], last: dict[str, Any]) -> Journal:
    return journal(*told, opened=first, **last)


runs = st.builds(recorded, st.lists(facts, max_size=8), opened, closed)


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Journal, Journal]:
    """Two runs that differ in one fact at most: one is left out, told twice, or another one."""
    told, first, last = draw(st.lists(facts, min_size=1, max_size=6)), draw(opened), draw(closed)
    at = draw(st.integers(0, len(told) - 1))
    other = draw(st.sampled_from([[], [told[at], told[at]]]) | st.builds(lambda *made: list(made), facts))
    return recorded(told, first, last), recorded([*told[:at], *other, *told[at + 1 :]], first, last)


pairs = neighbours() | st.tuples(runs, runs)


@given(runs)
def test_a_run_does_not_differ_from_itself(run: Journal) -> None:
    """In nothing at all, also not where its journal ends."""
    found = compared(run, run)
    assert found.same
    assert [item.as_dict() for item in found.differences] == []


@given(pairs)
def test_the_outcome_differs_exactly_where_a_difference_says_so(pair: tuple[Journal, Journal]) -> None:
    """By brute force over the two objects that the digests are of."""
    a, b = pair
    found = compared(a, b)
    assert found.same == (canonical_bytes(outcome(a)) == canonical_bytes(outcome(b)))
    assert found.same == (not any(item.outcome for item in found.differences))


@given(pairs)
def test_exchanged_sides_give_exchanged_answers(pair: tuple[Journal, Journal]) -> None:
    """The same differences with `a` for `b`, added for removed, and the numbers with the other sign."""
    a, b = pair
    turned = {"added": "removed", "removed": "added", "changed": "changed"}

    def key(item: Difference) -> bytes:
        return canonical_bytes([item.section, item.name, item.change, item.a, item.b, item.outcome, item.difference])

    def mirrored(item: Difference) -> bytes:
        less = None if item.difference is None else -item.difference
        return canonical_bytes([item.section, item.name, turned[item.change], item.b, item.a, item.outcome, less])

    assert sorted(map(key, compared(a, b).differences)) == sorted(map(mirrored, compared(b, a).differences))


@given(pairs)
def test_every_difference_can_be_printed(pair: tuple[Journal, Journal]) -> None:
    """As text and as JSON, and the text names each section."""
    found = compared(*pair)
    assert canonical_bytes(found.as_dict())
    assert {item.section.upper() for item in found.differences} <= set(str(found).splitlines())


# values


@given(strategies.json_values, strategies.json_values)
def test_values_are_equal_if_their_canonical_bytes_are(a: Any, b: Any) -> None:
    """True is not 1, 1.0 is 1, and null is there."""
    assert equal(a, b) == (canonical_bytes(a) == canonical_bytes(b))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"a": 1}, {"b": 1}, [("/a", 1, ABSENT), ("/b", ABSENT, 1)]),
        ({"c": [1, 2]}, {"c": [1, 3, 4]}, [("/c/1", 2, 3), ("/c/2", ABSENT, 4)]),
        ({"x/y": {"m~n": None}}, {"x/y": {"m~n": 0}}, [("/x~1y/m~0n", None, 0)]),
        ({"a": None}, {}, [("/a", None, ABSENT)]),
        (True, 1, [("", True, 1)]),
        ([], {}, [("", [], {})]),
        (1, 1.0, []),
    ],
)  # fmt: skip
def test_places_are_json_pointers(a: Any, b: Any, expected: Any) -> None:
    """A member of one side alone is a place of its own; absent is not null."""
    assert list(value_differences(a, b)) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (2, 3, (1, 0.5)),
        (-2, 3, (5, 2.5)),
        (0, 3, (3, None)),
        ("NaN", 3, (None, None)),
        (True, 3, (None, None)),
        (1e308, -1e308, (None, None)),
        (5e-324, 1e308, (1e308, None)),
        (10**400, 1.5, (None, None)),
    ],
)
def test_arithmetic(a: Any, b: Any, expected: Any) -> None:
    """b less a, and that in parts of |a|; nothing that JSON has no number for."""
    assert apart(a, b) == expected


# sections


def test_settings_that_are_volatile_are_told_and_do_not_count() -> None:
    """As the outcome digest has it; who makes another setting volatile makes another outcome."""
    a, b = config({"seed": 1, "n": 2}, "/seed"), config({"seed": 5, "n": 2}, "/seed")
    found = compared(journal(a), journal(b))
    assert found.same
    assert [(item.name, item.outcome) for item in found.differences if item.section == "config"] == [("/seed", False)]
    found = compared(journal(a), journal(config({"seed": 1, "n": 2})))
    assert not found.same
    assert told(found, "config") == [("volatile", ["/seed"], [])]
    assert [item.outcome for item in found.differences if item.section == "config"] == [True]


def test_no_configuration_is_not_null() -> None:
    """A run without a configuration has none; null is one."""
    (item,) = [item for item in compared(journal(), journal(config(None))).differences if item.section == "config"]
    assert (item.change, item.b, "a" in item.as_dict(), item.as_dict()["b"]) == ("added", None, False, None)


def test_artifacts_are_paired_by_name_and_type() -> None:
    """A digest that changed, one that is new, and a reference that counts only without a digest."""
    a = [artifact("output", name="x", sha256=SHA, size=1), artifact("output", name="y", sha256=SHA, ref="/a")]
    b = [artifact("output", name="x", sha256=OTHER_SHA, size=3), artifact("output", name="y", sha256=SHA, ref="/b")]
    found = compared(
        journal(*a, artifact("input", ref="1")), journal(*b, artifact("output", name="z"), artifact("input", ref="2"))
    )
    items = [(item.section, item.name, item.change, item.outcome, item.difference) for item in found.differences]
    assert [item for item in items if item[0] in ("inputs", "outputs")] == [
        ("inputs", "prices.csv", "changed", True, None),
        ("outputs", "x", "changed", True, 2),
        ("outputs", "y", "changed", False, None),
        ("outputs", "z", "added", True, None),
    ]  # fmt: skip


@pytest.mark.parametrize("sha256", [SHA, None])
def test_another_policy_is_another_outcome_if_its_digest_is(sha256: str | None) -> None:
    """A name alone is told, and does not count."""
    a, b = decision(policy={"name": "p", "sha256": sha256}), decision(policy={"name": "q", "sha256": OTHER_SHA})
    found = {item.name: item.outcome for item in compared(journal(a), journal(b)).differences}
    assert (found["policy/name"], found["policy/sha256"]) == (False, True)
    assert compared(journal(a), journal(decision(policy={"name": "q", "sha256": sha256}))).same


def test_what_one_run_has_twice_is_told_once() -> None:
    """The first of two equal facts is paired, the second is one more."""
    found = compared(journal(check("rows", "pass")), journal(check("rows", "pass"), check("rows", "pass")))
    assert [(item.name, item.change, item.b) for item in found.differences if item.section == "checks"] == [
        ("rows", "added", "pass")
    ]


def test_a_call_is_the_first_of_its_id() -> None:
    """As the outcome digest has it; a second one of that id is none."""
    a, b = [called("1", 1), called("1", 2)], [called("1", 1), called("1", 3)]
    assert told(compared(journal(*a), journal(*b)), "tools") == []


def test_no_difference_of_numbers_is_none() -> None:
    """Where the last values are the same, and the least ones are not."""
    found = compared(journal(metric(loss=1), metric(loss=2)), journal(metric(loss=0), metric(loss=2)))
    (item,) = [item for item in found.differences if item.section == "metrics"]
    assert (item.difference, item.relative, item.b["min"]) == (None, None, 0)


def test_metrics_are_told_with_both_differences() -> None:
    """Of the last values; least, greatest and count stand beside them. NaN is shown and not computed with."""
    a = journal(metric(loss=0.5), metric(loss=0.25, acc="NaN"))
    b = journal(metric(loss=0.5, acc=1))
    found = {item.name: item for item in compared(a, b).differences if item.section == "metrics"}
    assert (found["loss"].difference, found["loss"].relative) == (0.25, 1.0)
    assert found["loss"].a == {"last": 0.25, "min": 0.25, "max": 0.5, "count": 2}
    assert (found["acc"].a["last"], found["acc"].difference) == ("NaN", None)
    assert not any(item.outcome for item in found.values())


def test_a_rule_is_told_with_its_distance_to_the_threshold() -> None:
    """Measured less threshold, also in parts of the threshold; exactly on it is 0."""
    a = decision(rules=[{"id": "drift", "status": "pass", "measured": 0.5, "threshold": 2}])
    b = decision(rules=[{"id": "drift", "status": "fail", "measured": 2, "threshold": 2, "unit": "%"}])
    ((_, left, right),) = told(compared(journal(a), journal(b)), "rules")
    assert (left["distance"], left["relative_distance"], left["unit"]) == (-1.5, -0.75, None)
    assert (right["distance"], right["relative_distance"], right["unit"]) == (0, 0.0, "%")


def test_a_decision_is_told_by_its_fields() -> None:
    """And a run that has none has none of them."""
    a, b = decision(outcome="allow", score=1), decision(outcome="block", score=3, details={"x": 1})
    found = compared(journal(a), journal(b))
    assert told(found, "decision") == [("outcome", "allow", "block"), ("score", 1, 3), ("details", None, {"x": 1})]
    (item,) = [item for item in compared(journal(), journal(a)).differences if item.section == "decision"]
    assert (item.change, item.b["outcome"]) == ("added", "allow")


def test_tool_calls_are_told_in_order() -> None:
    """By name, digests and status, whatever their ids are; with the line that each stands in."""
    a = journal(called("1", {"q": 1}), returned("1", result=[1]), called("2", {"q": 2}))
    b = journal(called("x", {"q": 1}), returned("x", result=[1]), called("y", {"q": 3}), returned("y", "error"))
    ((name, left, right),) = told(compared(a, b), "tools")
    assert (name, left["line"], left["status"], right["line"], right["status"]) == ("search", 4, "open", 4, "error")
    assert left["args_sha256"] != right["args_sha256"]


def test_another_order_of_calls_is_told_and_does_not_count() -> None:
    """The outcome digest sorts them."""
    a, b = journal(called("1", 1), called("2", 2)), journal(called("1", 2), called("2", 1))
    found = compared(a, b)
    assert found.same
    assert [(name, left["line"], right["line"]) for name, left, right in told(found, "tools")] == [("order", 2, 2)]


def test_surroundings_do_not_count() -> None:
    """Command, commit, machine and labels are told, each in its section."""
    first = {
        "argv": ["a"],
        "git": {"sha": "1", "ref": "main"},
        "platform": {"python": "3.11"},
        "labels": {"env": "dev"},
    }
    last = {"argv": ["b"], "git": {"sha": "2", "ref": "main"}, "platform": {"python": "3.12"}, "labels": {}}
    found = compared(journal(opened=first), journal(opened=last))
    assert found.same
    assert [(item.section, item.name) for item in found.differences if item.section != "journal"] == [
        ("command", "argv"), ("git", "git/sha"), ("environment", "platform/python"), ("labels", "env"),
    ]  # fmt: skip


def test_pieces_of_output_are_not_counted() -> None:
    """In how many pieces output was read is chance, of either stream and coding; messages count."""
    odd = ("log", {"stream": "stderr", "latin1": "\xe9\n"})
    a = journal(log("one"), stream("ab\n"), odd)
    b = journal(log("one"), stream("a"), stream("b"), stream("\n"), odd)
    assert compared(a, b).differences == []
    assert told(compared(a, journal(log("one"), log("two"), stream("ab\n"), odd)), "recorded") == [("log", 1, 2)]
    assert told(compared(journal(stream("a")), journal()), "recorded") == []
