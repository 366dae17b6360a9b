"""The audit of a run: every call of a tool or a model, every block and every approval, in order. A pure fold of events.

- It reads any journal, of whatever contract, also one that has no end yet.
- Calls stand in the order of calling, each below the call around it; what ruled over a call stands with it.
- The run's own decisions and its child runs stand where they were recorded.
"""

from __future__ import annotations

from runstone.core.calls import EVENTS as CALL_EVENTS
from runstone.core.calls import (
    MODEL,
    TOOL,
    Call,
    Calls,
    count,
    status_counts,
    text,
    total_cost,
    total_tokens,
)
from runstone.core.events import CLOSED, OPENED
from runstone.core.words import RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Final

    from runstone.core.events import Event

    Row = dict[str, Any]

EVENTS: Final = (OPENED, CLOSED, "context", "child", *CALL_EVENTS)
"""Types of events that an audit reads."""

DECISION: Final = "decision"
APPROVAL: Final = "approval"
CHILD: Final = "child"

ASKED: Final = ("request_id", "tenant", "user")
"""Who a `context` event says that asked."""


def audit(events: Iterable[Event]) -> dict[str, Any]:
    """The audit of a journal as one JSON value: who ran, who asked, `rows`, `totals`.

    `events` are those of the journal, or at least those of types in `EVENTS`, in order; the first is `run.opened`.
    """
    calls, others, context = Calls(()), [], Context()
    opened: Mapping[str, Any] = {}
    closed: Event | None = None
    for event in events:
        kind, data = event["type"], event["data"]
        if kind == OPENED:
            opened = event
        elif kind == CLOSED:
            closed = event
        elif kind == "context":
            context.add(data)
        elif kind == CHILD:
            others.append(_child(event))
        else:
            calls.add(event)
    others += [_decision(event) for event in calls.decisions] + [_approval(event) for event in calls.approvals]
    return {
        **_run(opened, closed),
        **context.asked,
        "versions": context.versions,
        "rows": _ordered(calls, others),
        "totals": _totals(calls, others),
    }


class Context:
    """Who asked for a run, and with which versions it worked: what `context` events say, taken together."""

    def __init__(self, told: Iterable[Mapping[str, Any]] = ()) -> None:
        self.asked: dict[str, str | None] = dict.fromkeys(ASKED)
        """`request_id`, `tenant` and `user`: of each the last text that was said."""
        self.versions: dict[str, str] = {}
        """Name → version; of a name the last."""
        for data in told:
            self.add(data)

    def add(self, data: Mapping[str, Any]) -> None:
        """Take in the data of the next event."""
        self.asked.update({name: data[name] for name in ASKED if text(data.get(name)) is not None})
        versions = data.get("versions")
        if isinstance(versions, dict):
            self.versions.update({name: version for name, version in versions.items() if isinstance(version, str)})


def _run(opened: Mapping[str, Any], closed: Event | None) -> dict[str, Any]:
    data = opened["data"]
    return {
        "run_id": data["run_id"],
        "kind": data["kind"],
        "version": data["version"],
        "contract": f"{data['contract']['name']}/{data['contract']['version']}",
        "status": RUNNING if closed is None else closed["data"]["status"],
        "opened_at": opened["ts"],
        "closed_at": None if closed is None else closed["ts"],
    }


def _ordered(calls: Calls, others: list[Row]) -> list[Row]:
    """All rows; a call's own stand below it, at any depth, in the order of calling."""
    below: dict[str | None, list[Row]] = {None: list(others)}
    known: set[str] = set()
    for call in calls:
        parent = call.parent if call.parent in known else None  # what was called later is no parent: so no circle
        known.add(call.id)
        below.setdefault(parent, []).append(_call(call, calls))
    below[None].sort(key=lambda row: row["line"])
    return list(_walk(below))


def _walk(below: dict[str | None, list[Row]]) -> Iterator[Row]:
    left: list[tuple[int, Row]] = [(0, row) for row in reversed(below[None])]
    while left:
        depth, row = left.pop()
        yield {"depth": depth, **row}
        if row["row"] in (TOOL, MODEL):
            inner = below.pop(row["call"], ())
            left += [(depth + 1, one) for one in reversed(inner)]


def _call(call: Call, calls: Calls) -> Row:
    contract = calls.contracts.get(str(call.told.get("contract_sha256")))
    version = text(contract.get("version")) if isinstance(contract, dict) else None
    problems = call.said("problems")
    return {
        "row": call.kind,
        "line": call.line,
        "at": call.at,
        "call": call.id,
        "parent": call.parent,
        "name": call.name,
        "args": call.told.get("args"),
        "status": call.status,
        "result": call.said("result"),
        "duration_ns": call.duration_ns,
        "attempts": call.attempts,
        "usage": call.usage,
        "cost": call.cost,
        "side_effect": call.side_effect,
        "contract_sha256": text(call.told.get("contract_sha256")),
        "contract_version": version,
        "ref": text(call.told.get("ref")),
        "model": text(call.said("model")),
        "provider": text(call.told.get("provider")),
        "items": count(call.said("items")),
        "problems": problems if isinstance(problems, list) else [],
        "runs": call.runs,
        "error": call.said("error"),
        "decisions": [_decision(event) for event in call.decisions],
        "approvals": [_approval(event) for event in call.approvals],
    }


def _decision(event: Event) -> Row:
    return _row(DECISION, event, "call", "outcome", "block_reason", "rules", "policy")


def _approval(event: Event) -> Row:
    return _row(APPROVAL, event, "call", "outcome", "by", "reason", "rule")


def _child(event: Event) -> Row:
    return _row(CHILD, event, "run_id", "digest", "status")


def _row(row: str, event: Event, *names: str) -> Row:
    """A row that says what its event says."""
    data = event["data"]
    return {"row": row, "line": event["seq"] + 1, "at": event["ts"], **{name: data.get(name) for name in names}}


def _totals(calls: Calls, others: list[Row]) -> dict[str, Any]:
    approvals = [event for call in calls for event in call.approvals] + calls.approvals
    outcomes: dict[str, int] = {}
    for event in approvals:
        outcome = str(event["data"].get("outcome"))
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return {
        "tool_calls": status_counts(calls.of(TOOL)),
        "model_calls": status_counts(calls.of(MODEL)),
        "approvals": outcomes,
        "child_runs": sum(row["row"] == CHILD for row in others),
        "tokens": total_tokens(call.usage for call in calls),
        "cost": total_cost(call.cost for call in calls),
    }
