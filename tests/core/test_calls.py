"""Calls as a journal tells them: which events make one, sums of money and tokens, and members of wrong types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.calls import MODEL, OPEN, TOOL, Calls, parse_amount, status_counts, total_cost, total_tokens

Events = list[dict[str, Any]]


def journal(*told: tuple[str, dict[str, Any]]) -> Events:
    """Events in order, a second apart."""
    return [
        {"type": kind, "data": data, "seq": seq, "ts": f"2026-01-02T03:04:{seq:02d}.000000Z"}
        for seq, (kind, data) in enumerate(told, 1)
    ]


def test_the_first_telling_and_the_last_answer_count() -> None:
    """As in the outcome digest: of an id the first call, and its last answer."""
    told = journal(
        ("tool.called", {"call": "c1", "name": "first"}),
        ("tool.called", {"call": "c1", "name": "second"}),
        ("tool.returned", {"call": "c1", "status": "error"}),
        ("tool.returned", {"call": "c1", "status": "ok"}),
        ("tool.returned", {"call": "c2", "status": "ok"}),
    )
    (call,) = Calls(told)
    assert (call.name, call.status, call.line, call.at) == ("first", "ok", 2, "2026-01-02T03:04:01.000000Z")


def test_a_tool_does_not_answer_for_a_model() -> None:
    """An id is a call's of one kind: the answer of the other kind says nothing of it."""
    calls = Calls(journal(("model.called", {"call": "c1", "model": "m"}), ("tool.returned", {"call": "c1"})))
    assert [(call.kind, call.name, call.status) for call in calls] == [(MODEL, "m", OPEN)]
    assert calls.of(TOOL) == []


def test_rulings_belong_to_the_call_that_they_name() -> None:
    """Decisions and approvals of a call stand with it; those of no call, or of an unknown one, with the run."""
    calls = Calls(
        journal(
            ("tool.called", {"call": "c1", "name": "t"}),
            ("decision", {"call": "c1"}),
            ("approval", {"call": "c1"}),
            ("decision", {"call": None}),
            ("decision", {"call": "c7"}),
            ("approval", {"call": "c7"}),
        )
    )
    (call,) = calls
    assert ([one["seq"] for one in call.decisions], [one["seq"] for one in call.approvals]) == ([2], [3])
    assert ([one["seq"] for one in calls.decisions], [one["seq"] for one in calls.approvals]) == ([4, 5], [6])


def test_of_two_calls_of_one_id_the_first_is_ruled_over() -> None:
    """A tool and a model may share an id, where somebody else gave it: a ruling is told once."""
    calls = Calls(
        journal(
            ("model.called", {"call": "c1", "model": "m"}),
            ("tool.called", {"call": "c1", "name": "t"}),
            ("decision", {"call": "c1"}),
        )
    )
    assert [(call.kind, len(call.decisions)) for call in calls] == [(MODEL, 1), (TOOL, 0)]


def test_a_call_names_the_calls_in_it() -> None:
    """Those told behind it that name it, of either kind; itself is none of them, nor is a call of no id."""
    told = [("c1", None), ("", None), ("c2", "c1"), ("c1", "c1"), ("c3", "c4"), ("c4", "c2"), ("c5", "c1")]
    calls = Calls(journal(*(("tool.called", {"call": call, "parent": parent}) for call, parent in told)))
    assert {call.id: call.calls for call in calls if call.calls} == {"c1": ["c2", "c5"], "c2": ["c4"]}


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, -1, True, {"input_tokens": "9"}, {"amount": "1e3"}])
def test_what_has_another_type_was_not_said(odd: Any) -> None:
    """Optional members may hold anything; what is read has its type."""
    facts = {"call": "c1", "parent": odd, "name": odd, "ref": odd, "side_effect": odd}
    answer = {"call": "c1", "status": odd, "usage": odd, "cost": odd, "duration_ns": odd, "attempts": odd}
    (call,) = Calls(journal(("tool.called", facts), ("tool.returned", answer)))
    assert isinstance(call.name, str)
    assert call.parent is None or isinstance(call.parent, str)
    assert call.cost is None
    assert call.usage in (None, dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens"), 0))
    assert call.duration_ns is None or call.duration_ns >= 0
    assert call.side_effect is None
    assert isinstance(call.status, str)


@pytest.mark.parametrize("text", ["", ".", "1.", ".5", "+1", "1e3", "1,5", " 1", "--1", "٣", "1" * 41, 1.5, None])
def test_what_is_no_amount(text: Any) -> None:
    """Decimal text has digits on both sides of its point, and nothing else."""
    assert parse_amount(text) is None


amounts = st.decimals(-(10**12), 10**12, places=9, allow_nan=False).map(lambda value: f"{value:f}")


@given(st.lists(amounts))
def test_money_is_added_exactly(texts: list[str]) -> None:
    """Sums of decimal text are exact, and have no needless zeros."""
    costs = [{"amount": text, "currency": "EUR"} for text in texts]
    found = total_cost([*costs, None])
    assert Decimal(found.get("EUR", "0")) == sum(map(Decimal, texts))
    assert all(not text.endswith("0") for text in found.values() if "." in text)


def test_currencies_are_apart() -> None:
    """Nobody says what one is worth in another."""
    costs = [("0.10", "EUR"), ("1", "USD"), ("-0.10", "EUR"), ("0.25", "USD")]
    told = [{"amount": amount, "currency": currency} for amount, currency in costs]
    assert total_cost(told) == {"EUR": "0", "USD": "1.25"}


def test_tokens_stay_within_what_json_holds() -> None:
    """A sum over 2^53 - 1 is that number: a document must be printable whatever was recorded."""
    most = {"input_tokens": 2**53 - 1, "output_tokens": 1, "cached_tokens": 0}
    assert total_tokens([most, most, None])["input_tokens"] == 2**53 - 1
    assert total_tokens([most, most])["output_tokens"] == 2


def test_statuses_are_counted() -> None:
    """By name; those that nobody has are absent."""
    told = [("tool.called", {"call": f"c{number}", "name": "t"}) for number in range(3)]
    calls = Calls(journal(*told, ("tool.returned", {"call": "c1", "status": "ok"})))
    assert status_counts(calls) == {"ok": 1, "open": 2}
