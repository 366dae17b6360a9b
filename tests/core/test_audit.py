"""The audit of a journal: order, depth, what belongs to what, sums."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runstone.core.audit import audit

OPENED = {
    "run_id": "r", "kind": "k", "version": None, "contract": {"name": "runstone", "version": "1"},
}  # fmt: skip


def audited(*told: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The audit of a run that recorded this."""
    events = [("run.opened", OPENED), *told]
    return audit(
        {"type": kind, "data": data, "seq": seq, "ts": f"2026-01-02T03:04:05.{seq:06d}Z"}
        for seq, (kind, data) in enumerate(events)
    )


def tool(call: str, parent: str | None = None) -> tuple[str, dict[str, Any]]:
    return "tool.called", {"call": call, "parent": parent, "name": call, "args": None}


def test_calls_stand_below_the_call_around_them() -> None:
    """Parallel calls are told mixed; each stands below its own, in the order of calling."""
    found = audited(tool("a"), tool("b"), tool("a1", "a"), tool("b1", "b"), tool("a2", "a"), tool("a11", "a1"))
    shown = [(row["depth"], row["call"]) for row in found["rows"]]
    assert shown == [(0, "a"), (1, "a1"), (2, "a11"), (1, "a2"), (0, "b"), (1, "b1")]


def test_a_parent_that_was_not_called_yet_is_none() -> None:
    """So there is no circle, and no call is lost: one that names itself, a later one or an unknown one stands alone."""
    found = audited(tool("a", "a"), tool("b", "c"), tool("c", "b"), tool("d", "nobody"))
    assert [(row["depth"], row["call"]) for row in found["rows"]] == [(0, "a"), (0, "b"), (1, "c"), (0, "d")]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 9))))
def test_every_call_is_told_once(pairs: list[tuple[int, int]]) -> None:
    """Whatever calls name as their parents."""
    found = audited(*(tool(f"c{call}", None if parent < 0 else f"c{parent}") for call, parent in pairs))
    assert sorted(row["call"] for row in found["rows"]) == sorted({f"c{call}" for call, _ in pairs})


def test_deep_calls_need_no_deep_stack() -> None:
    """Ten thousand calls within one another."""
    told = [tool(f"c{number}", f"c{number - 1}" if number else None) for number in range(10_000)]
    assert audited(*told)["rows"][-1]["depth"] == 9_999


def test_what_is_the_runs_own_stands_where_it_was_recorded() -> None:
    """Decisions and approvals of no call, and child runs, between the calls."""
    decision = {"call": None, "outcome": "block", "block_reason": "x", "rules": [], "policy": None}
    child = {"run_id": "part", "digest": None, "status": "running", "row": "no", "line": 99}
    found = audited(tool("a"), ("decision", decision), tool("b"), ("child", child), tool("a1", "a"))
    shown = [(row["row"], row.get("call"), row["line"]) for row in found["rows"]]
    assert shown == [
        ("tool", "a", 2), ("tool", "a1", 6), ("decision", None, 3), ("tool", "b", 4), ("child", None, 5),
    ]  # fmt: skip
    assert found["totals"]["child_runs"] == 1


def test_who_asked_is_the_last_that_was_said() -> None:
    """Of several `context` events each says what it knows; of a name the last version counts."""
    blank = {"request_id": None, "tenant": None, "user": None, "versions": {}}
    found = audited(
        ("context", {**blank, "request_id": "r-1", "user": "ann", "versions": {"a": "1", "b": "1"}}),
        ("context", {**blank, "user": "bea", "versions": {"b": "2"}}),
    )
    assert [found[name] for name in ("request_id", "tenant", "user")] == ["r-1", None, "bea"]
    assert found["versions"] == {"a": "1", "b": "2"}


def test_a_run_without_an_end_is_running() -> None:
    """A journal that is still being written has an audit, too."""
    found = audited(tool("a"))
    assert (found["status"], found["closed_at"], found["rows"][0]["status"]) == ("running", None, "open")
