"""A record as a replay reads it: which fact belongs to which call, what it lacks, and values as they are given back."""

from __future__ import annotations

from typing import Any

import pytest

from runstone.core.recorded import Record, gaps, outcome_of, restored


def record(*told: tuple[str, dict[str, Any]], marks: dict[int, list[list[str]]] | None = None) -> Record:
    """The record of a journal whose events are these."""
    events = [
        {
            "type": kind,
            "data": data,
            "seq": seq,
            "ts": "2026-01-02T03:04:05.000000Z",
            "marks": (marks or {}).get(seq, []),
        }
        for seq, (kind, data) in enumerate(told)
    ]
    return Record(events)


def called(call: str, name: str = "t", parent: str | None = None, **args: Any) -> tuple[str, dict[str, Any]]:
    """A call of a tool."""
    return "tool.called", {"call": call, "parent": parent, "name": name, "contract_sha256": None, "args": args}


def returned(call: str, result: Any = None, status: str = "ok", **more: Any) -> tuple[str, dict[str, Any]]:
    """What became of it."""
    data = {"call": call, "status": status, "result": result, "error": None, "duration_ns": 1, "attempts": 1}
    return "tool.returned", {**data, **more}


def note(text: str) -> tuple[str, dict[str, Any]]:
    """A fact."""
    return "note", {"text": text}


def facts(found: Record) -> dict[str, list[str]]:
    """By call: the facts that belong to it, notes by their text."""
    return {call.id: [event["data"].get("text", event["type"]) for event in call.facts] for call in found.calls}


def test_facts_belong_to_the_innermost_call() -> None:
    """What is recorded outside of every call belongs to none; an outer call has the facts of the inner ones."""
    inner = (called("b", parent="a"), note("in b"), returned("b"))
    found = record(note("before"), called("a"), note("in a"), *inner, returned("a"), note("behind"))
    assert facts(found) == {"a": ["in a", "tool.called", "in b", "tool.returned"], "b": ["in b"]}
    assert [call.id for call in found.calls[0].below()] == ["b"]
    assert not found.together


def test_side_by_side_they_belong_to_the_last() -> None:
    """Two calls of which neither is in the other."""
    found = record(called("a"), called("b"), note("x"), returned("b"), note("y"), returned("a"))
    assert found.together
    assert facts(found) == {"a": ["y"], "b": ["x"]}


def test_what_is_not_repeated_belongs_to_no_call() -> None:
    """The repository, runs that were begun, what was left out."""
    told = [("git", {}), ("child", {"run_id": "r"}), ("dropped", {})]
    found = record(called("a"), *told, returned("a"))
    assert facts(found) == {"a": []}
    assert found.children == ["r"]


def test_odd_records_are_read() -> None:
    """An answer to no call, a second one, a call that is told twice, one without an answer."""
    found = record(returned("x"), called("a", q=1), called("a", q=2), returned("a", 1), returned("a", 2), called("b"))
    assert [(call.id, call.shown, call.said("result")) for call in found.calls] == [("a", {"q": 1}, 1), ("b", {}, None)]


def test_calls_that_ask_the_same_have_one_key() -> None:
    """By kind, name and arguments, whatever their order."""
    found = record(called("a", q=1, r=2), called("b", r=2, q=1), called("c", q=2), called("d", "u", q=1, r=2))
    keys = [call.key for call in found.calls]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


GAPS: dict[str, tuple[tuple[str, dict[str, Any]], list[list[str]], list[tuple[str, str]]]] = {
    "nothing": (returned("a", {"x": [1]}), [["/result", "coerced"]], []),
    "a secret": (returned("a", ["…"]), [["/result/0", "redacted:aws"]], [("/result/0", "redacted:aws")]),
    "cut": (returned("a", "…"), [["/result", "truncated"]], [("/result", "truncated")]),
    "a type": (returned("a", {"x": {"$repr": "Client"}}), [], [("/result/x", "only its type was recorded")]),
    "items": (returned("a", items=2), [], [("/yielded", "what it yielded was not recorded")]),
    "of an argument": (returned("a", 1), [["/error/message", "redacted:aws"]], []),
}


@pytest.mark.parametrize("name", GAPS)
def test_what_a_record_does_not_hold(name: str) -> None:
    """Places in the answer, and why."""
    answer, marks, expected = GAPS[name]
    (call,) = record(called("a"), answer, marks={1: marks}).calls
    assert list(gaps(call)) == expected


def test_a_call_without_an_answer_is_a_gap() -> None:
    """There is nothing to give back."""
    (call,) = record(called("a")).calls
    assert list(gaps(call)) == [("", "no answer was recorded")]


@pytest.mark.parametrize(
    ("recorded", "given"),
    [
        ({"$bytes": "AAH/"}, b"\x00\x01\xff"),
        ({"$$set": 1, "a": [{"$bytes": ""}]}, {"$set": 1, "a": [b""]}),
        ({"$json": '{"a":2.0}'}, {"a": 2.0}),
        ({"$bytes": 1}, {"$bytes": 1}),
        ({"$bytes": "no base64"}, {"$bytes": "no base64"}),
        ({"$json": "{"}, {"$json": "{"}),
        ([None, True, 1.5, "x"], [None, True, 1.5, "x"]),
    ],
)
def test_values_are_given_back(recorded: Any, given: Any) -> None:
    """As the program had them, where JSON has a form for them; a copy each time."""
    assert restored(recorded) == given
    if type(recorded) is list:
        assert restored(recorded) is not recorded


def child(run_id: str) -> tuple[str, dict[str, Any]]:
    """A run that is a part of it was sealed."""
    return "child", {"run_id": run_id, "digest": None, "status": "success"}


def test_runs_that_a_replay_begins() -> None:
    """Those in the program's own code, and in what is called for real, by what an answer tells, whenever they were
    sealed."""
    found = record(
        *(child("before"), called("a", "tool"), returned("a", child="in-a", children=["in-a", "too", 1])),
        *(called("track-1", "own"), child("in-own"), called("b", "tool", parent="track-1"), child("in-b")),
        *(returned("b", child="in-b"), returned("track-1", child="in-own"), child("in-a"), child("too")),
    )
    assert found.children_begun(()) == ["before", "in-own"]
    assert found.children_begun(["tool"]) == ["before", "in-own", "in-b", "in-a", "too"]


def test_a_run_that_no_answer_tells_is_begun() -> None:
    """Beside an open tool, however that ends: it may be the program's own."""
    found = record(called("a", "tool"), child("beside"), called("b", "other"), child("too"), returned("a"))
    assert found.children_begun(()) == ["beside", "too"]


def test_of_an_error_type_and_message_are_compared() -> None:
    """Its details name calls, whose ids may be other ones."""
    error = {"type": "PolicyBlocked", "message": "m"}
    _, data = returned("a", status="error")
    sides = [outcome_of("tool", {**data, "error": told}) for told in (error, {**error, "code": "c", "details": {}})]
    assert sides[0] == sides[1]
    assert outcome_of("tool", {**data, "error": "odd"})["error"] == "odd"


def test_of_what_was_cancelled_the_type_is_compared() -> None:
    """The message may hold an address."""
    _, data = returned("a", status="cancelled")
    assert outcome_of("tool", {**data, "error": {"type": "CancelledError", "message": "by 7f0"}})["error"] == {
        "type": "CancelledError"
    }
