"""Which runs a policy takes, by which rule, and what keeps the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.card import place_of
from runstone.core.retention import decide, policy_of, policy_of_file
from runstone.core.times import parse_time, time_text
from runstone.errors import RunstoneError
from runstone.testing.catalog import annotation, card

if TYPE_CHECKING:
    from runstone.core.card import Card

DAY_NS = 86_400 * 10**9
NOW_NS = parse_time("2026-06-01T00:00:00.000000Z")


def run(run_id: str, days_ago: float = 0, **facts: Any) -> Card:
    """The card of a run that ended so many days ago, and was opened then, too."""
    at = time_text(NOW_NS - int(days_ago * DAY_NS))
    return card(run_id, **{"kind": "job", "opened_at": at, "closed_at": at, **facts})


def note(run_id: str, target: str) -> Card:
    """An annotation of today."""
    return {**annotation(run_id, target), "opened_at": time_text(NOW_NS), "closed_at": time_text(NOW_NS)}


def taken(policy: dict[str, Any], cards: list[Card], sizes: dict[str, int] | None = None, **more: Any) -> list[str]:
    """Ids of the runs that go."""
    decisions = decide(policy_of(policy, NOW_NS), cards, sizes or {}, NOW_NS, **more)
    return sorted(decision.run_id for decision in decisions if decision.purge)


def why(policy: dict[str, Any], cards: list[Card], run_id: str, **more: Any) -> str:
    """The rule that decided on a run."""
    decisions = decide(policy_of(policy, NOW_NS), cards, {}, NOW_NS, **more)
    return next(decision.rule for decision in decisions if decision.run_id == run_id)


def rules(*given: dict[str, Any], holds: tuple[str, ...] = ()) -> dict[str, Any]:
    """A policy."""
    return {"rules": list(given), "holds": [{"query": query} for query in holds]}


def test_a_query_alone_takes_all_that_it_fits() -> None:
    """Kind, status, label: whatever the language can say; the others stay, and are not told of."""
    cards = [run("a"), run("b", status="failed"), run("c", kind="probe")]
    assert taken(rules({"query": "kind:job status:failed"}), cards) == ["b"]
    assert len(decide(policy_of(rules({"query": "id:b"}), NOW_NS), cards, {}, NOW_NS)) == 1


def test_age_is_counted_from_the_end_of_a_run() -> None:
    """A run that was opened long ago and ended a moment ago is young; at the very age it goes."""
    cards = [run("old", 30), run("young", 29.999), run("long", 99, closed_at=time_text(NOW_NS))]
    assert taken(rules({"older_than": "30d"}), cards) == ["old"]


def test_the_newest_of_each_kind_are_kept() -> None:
    """`keep_last` counts among what the query fits, kind by kind."""
    cards = [run(f"{kind}{day}", day, kind=kind) for kind in ("job", "probe") for day in range(4)]
    assert taken(rules({"query": "kind:job,probe", "keep_last": 2}), cards) == ["job2", "job3", "probe2", "probe3"]
    assert taken(rules({"query": "kind:job", "keep_last": 0}), cards) == ["job0", "job1", "job2", "job3"]


def test_the_oldest_go_until_the_rest_fits() -> None:
    """`max_size` is of all runs that the query fits; one that is held counts, and the next one goes in its place."""
    cards = [run(f"r{day}", day) for day in range(5)]
    sizes = dict.fromkeys(("r0", "r1", "r2", "r3", "r4"), 400)
    assert taken(rules({"max_size": "1K"}), cards, sizes) == ["r2", "r3", "r4"]
    assert taken(rules({"max_size": "1K"}, holds=("id:r4",)), cards, sizes) == ["r1", "r2", "r3"]
    assert taken(rules({"max_size": "2000"}), cards, sizes) == []


def test_limits_of_a_rule_hold_together() -> None:
    """A run goes by a rule if it is old enough, and not among the last, and over the size."""
    cards = [run(f"r{day}", day) for day in range(6)]
    assert taken(rules({"older_than": "2d", "keep_last": 3}), cards) == ["r3", "r4", "r5"]
    sizes = {f"r{day}": 100 for day in range(6)}
    assert taken(rules({"older_than": "2d", "keep_last": 3, "max_size": "500"}), cards, sizes) == ["r5"]


def test_the_first_rule_decides_and_what_it_takes_counts_no_more() -> None:
    """A run that goes by one rule is none of the last of the next one, and takes no room."""
    cards = [run("a", 1, status="failed"), run("b", 2), run("c", 3)]
    policy = rules({"name": "failures", "query": "status:failed"}, {"name": "rest", "keep_last": 1})
    assert taken(policy, cards) == ["a", "c"]
    assert [why(policy, cards, run_id) for run_id in ("a", "b", "c")] == [
        "failures", "among the last 1 of its kind", "rest",
    ]  # fmt: skip


HELD = [
    (run("r", 9, labels={"hold": "audit"}), {}, "held: label.hold:*"),
    (run("r", 9, aliases=["prod"]), {}, "the alias prod names it"),
    (run("r", 9), {"needed": {"r"}}, "an open run links to it"),
    ({**run("r", 9), "state": "damaged"}, {}, "it cannot be read"),
]


@pytest.mark.parametrize(("held", "more", "reason"), HELD, ids=["label", "alias", "open run", "damaged"])
def test_a_hold_wins_over_every_rule(held: Card, more: dict[str, Any], reason: str) -> None:
    """Whatever takes it: a query that names it, its age, its place; and it is said why it stays."""
    policy = rules({"query": "id:r"}, {"older_than": "1d"}, {"keep_last": 0}, holds=("label.hold:*",))
    assert taken(policy, [held], **more) == []
    assert why(policy, [held], "r", **more) == reason


def test_a_hold_takes_back_what_was_marked() -> None:
    """A marked run goes without any rule, unless it is held by now."""
    assert taken({}, [run("r")], marked={"r"}) == ["r"]
    decision = decide(policy_of(rules(holds=("id:r",)), NOW_NS), [run("r")], {}, NOW_NS, marked={"r"})[0]
    assert (decision.purge, decision.held, decision.rule) == (False, True, "held: id:r")


def test_annotations_go_with_their_run_and_not_before() -> None:
    """One goes when every run that it amends goes or is gone; by no rule that does not name its kind."""
    cards = [run("r", 9), run("s"), note("n", "r"), note("m", "s"), note("of-a-purged-one", "x"), note("stray", "y")]
    policy = rules({"query": "kind:job", "older_than": "1d"})
    assert taken(policy, cards, gone={"x"}) == ["n", "of-a-purged-one", "r"]
    assert why(policy, cards, "n") == "goes with run r"
    assert taken(rules({"older_than": "0"}), [run("t", 1), note("n", "s"), run("s", aliases=["a"])]) == ["t"]
    assert taken(rules({"query": "kind:annotation"}), cards) == ["m", "n", "of-a-purged-one", "stray"]


def test_what_holds_a_run_holds_what_was_said_of_it() -> None:
    """Else a purge of annotations would take the hold away, and the next one the run."""
    cards = [run("r", 9, aliases=["prod"]), note("n", "r"), note("m", "other")]
    assert taken(rules({"query": "kind:annotation"}), cards) == ["m"]
    assert why(rules({"query": "kind:annotation"}), cards, "n") == "its run r is held"


def test_verdicts_go_only_by_their_name() -> None:
    """Runs of kind `judge` are hidden from every other rule."""
    cards = [run("j", 9, kind="judge"), run("r", 9)]
    assert taken(rules({"older_than": "1d"}), cards) == ["r"]
    assert taken(rules({"query": "kind:judge"}), cards) == ["j"]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from(["a", "b"])), max_size=12),
    st.none() | st.sampled_from(["0", "3d", "5d"]),
    st.none() | st.integers(0, 4),
)
def test_what_is_kept_is_what_no_limit_takes(facts: Any, older_than: str | None, keep_last: int | None) -> None:
    """Whatever the runs: each goes or stays for a reason, what is held stays, and the last of each kind stay."""
    cards = [
        run(f"r{number}", days, kind=kind, labels={"hold": "x"} if held else {})
        for number, (days, held, kind) in enumerate(facts)
    ]
    rule = {"query": "kind:a,b", "older_than": older_than, "keep_last": keep_last}
    policy = rules({key: value for key, value in rule.items() if value is not None}, holds=("label.hold:*",))
    decisions = {d.run_id: d for d in decide(policy_of(policy, NOW_NS), cards, {}, NOW_NS)}
    assert decisions.keys() == {one["run_id"] for one in cards}
    for one in cards:
        newer = [other for other in cards if other["kind"] == one["kind"] and place_of(other) > place_of(one)]
        old = older_than is None or parse_time(one["closed_at"]) <= NOW_NS - int(older_than.rstrip("d")) * DAY_NS
        expected = not one["labels"] and old and (keep_last is None or len(newer) >= keep_last)
        assert decisions[one["run_id"]].purge == expected


WRONG = [
    ({"rules": [{}]}, "retention.rules[0] would take every run"),
    ({"rules": [{"query": " "}]}, "retention.rules[0] would take every run"),
    ({"rules": [{"query": "color:red"}]}, "retention.rules[0] has a query that is none: column 1"),
    ({"rules": [{"older_than": "30"}]}, "'older_than' that is no span"),
    ({"rules": [{"older_than": 30}]}, "'older_than' that is no text"),
    ({"rules": [{"keep_last": -1}]}, "'keep_last' that is no whole number"),
    ({"rules": [{"keep_last": True}]}, "'keep_last' that is no whole number"),
    ({"rules": [{"max_size": "big"}]}, "'max_size' that is no size"),
    ({"rules": [{"max_age": "1d"}]}, "retention.rules[0] has no setting 'max_age'"),
    ({"rules": {"query": "id:a"}}, "has 'rules' as one value"),
    ({"holds": [{}]}, "retention.holds[0] needs 'query'"),
    ({"grace": "soon"}, "'grace' that is no span"),
    ({"keep": 1}, "retention has no setting 'keep'"),
]


@pytest.mark.parametrize(("policy", "message"), WRONG)
def test_a_policy_that_cannot_be_meant_is_refused(policy: dict[str, Any], message: str) -> None:
    """As a whole, with the place: a purge under other rules than the ones meant cannot be undone."""
    with pytest.raises(RunstoneError) as caught:
        policy_of(policy, NOW_NS)
    assert (caught.value.code, message in caught.value.message) == ("invalid_settings", True), caught.value.message


def test_a_policy_is_read_from_the_settings_file() -> None:
    """Its table `retention`; the table beside it is none of its business."""
    text = b"""
[retention]
grace = "3d"
[[retention.rules]]
query = "kind:job"
older_than = "1d"
[[retention.holds]]
name = "the auditors"
query = "label.hold:*"
[redaction]
pseudonyms = true
"""
    policy = policy_of_file(text, "runstone.toml", NOW_NS)
    assert (policy.grace_s, policy.rules[0].name) == (3 * 86_400, "kind:job, older than 1d")
    held = [decision.rule for decision in decide(policy, [run("r", 2, labels={"hold": ""})], {}, NOW_NS)]
    assert held == ["held: the auditors"]
