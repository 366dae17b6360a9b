"""What an agent's run records, as the format page has it: the events of tools, models, approvals and evaluation.

It is written line by line and not through the methods of `Run`: goldens must not change with these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.recorder import Run

SEARCH: Final = "5e" * 32
WRITE: Final = "3b" * 32
SHA: Final = {name: name * 64 for name in "abcdef"}
POLICY: Final = {"name": "calls", "version": "2", "sha256": SHA["b"]}
USAGE: Final = {"input_tokens": 1204, "output_tokens": 80, "cached_tokens": 1000}


def tell(run: Run, kind: str, **data: Any) -> None:
    """Record an event of the kernel's."""
    run.writer.record(kind, data, [])


def called(run: Run, call: str, name: str, args: Any, *, parent: str | None = None, **more: Any) -> None:
    """A tool is called."""
    tell(
        run,
        "tool.called",
        **{"call": call, "parent": parent, "name": name, "contract_sha256": None, "args": args, **more},
    )


def returned(run: Run, call: str, status: str = "ok", **more: Any) -> None:
    """A tool has answered."""
    blank = {"result": None, "error": None, "duration_ns": 12_000_000, "attempts": 1}
    tell(run, "tool.returned", **{"call": call, "status": status, **blank, **more})


def asked(run: Run, call: str, model: str = "small-1", *, parent: str | None = None, **more: Any) -> None:
    """A model is called."""
    prompt = {"bytes": 812, "sha256": SHA["a"], "messages": 3}
    facts = {"call": call, "parent": parent, "model": model, "provider": "example", "prompt": prompt}
    tell(run, "model.called", **{**facts, "parameters": {"temperature": 0.2}, **more})


def answered(run: Run, call: str, status: str = "ok", **more: Any) -> None:
    """A model has answered."""
    blank = {"output": None, "usage": None, "cost": None, "finish_reason": None, "error": None}
    tell(
        run,
        "model.returned",
        **{"call": call, "status": status, **blank, "duration_ns": 812_000_000, "attempts": 1, **more},
    )


def ruled(run: Run, call: str | None, outcome: str, rule: str, code: str, **more: Any) -> None:
    """A rule has fired over a call."""
    fired = {"id": rule, "status": "pass" if outcome == "allow" else "fail", "severity": "hard", "reason_code": code}
    facts = {"call": call, "outcome": outcome, "risk_level": None, "score": None, "warnings": [], "details": None}
    reason = code if outcome == "block" else None
    fired |= {"measured": None, "threshold": None, "unit": None, **more}
    tell(run, "decision", **facts, block_reason=reason, rules=[fired], policy=POLICY)


def approval(run: Run, call: str, outcome: str, by: str | None, reason: str | None = None) -> None:
    """Somebody has said what may be done, or nobody has."""
    tell(run, "approval", call=call, outcome=outcome, by=by, reason=reason, rule="approval")


def research(run: Run) -> None:
    """A research agent at work: models, tools nested, tried again, blocked, approved and refused; evidence, scores."""
    cost = {"amount": "0.0031", "currency": "EUR", "prices_sha256": SHA["d"]}
    asked(run, "call-1", ref="chatcmpl-1")
    output = {"bytes": 40, "sha256": SHA["c"], "chunks": 2}
    by = "small-1-2026-05-01"
    answered(run, "call-1", output=output, usage=USAGE, cost=cost, finish_reason="tool_calls", model=by)
    search = {"name": "search", "version": "1", "arguments": {"type": "object"}, "side_effect": "read"}
    tell(run, "contract", sha256=SEARCH, document=search)
    called(run, "call-2", "search", {"q": "granite"}, contract_sha256=SEARCH, side_effect="read", ref="call_abc")
    called(run, "call-3", "fetch", {"url": "https://example.org/granite"}, parent="call-2")
    late = {"type": "Timeout", "message": "no answer within 10 s"}
    returned(run, "call-3", "error", child="part-1", error=late, attempts=3)
    asked(run, "call-4", "embed-1", parent="call-2", parameters=None)
    tokens = {"input_tokens": 12, "output_tokens": 0, "cached_tokens": 0}
    answered(run, "call-4", usage=tokens, cost={**cost, "amount": "0.00002"}, duration_ns=None)
    yielded = {"items": 2, "yielded": ["p1", "p2"], "form": "generator"}
    returned(run, "call-2", result=["p1", "p2"], **yielded, child="part-2", children=["part-2", "part-3"])
    passage = {"source": "rocks.txt", "span": {"start": 0, "end": 40}, "score": 0.75, "sha256": SHA["e"], "bytes": 40}
    found = [{"id": "p1", **passage}, {"id": "p2", **passage, "score": 0.5, "span": None}]
    tell(run, "evidence", query="granite", corpus="rocks", version="3", passages=found)
    write = {"name": "write_file", "version": "2", "arguments": {"type": "object"}, "side_effect": "write"}
    tell(run, "contract", sha256=WRITE, document=write)
    for call, outcome, by, reason in (
        ("call-5", "approved", "ann", "looks fine"),
        ("call-6", "refused", "ann", "not there"),
        ("call-7", "unanswered", None, None),
    ):
        called(run, call, "write_file", {"path": f"{call}.md"}, contract_sha256=WRITE, side_effect="write")
        approval(run, call, outcome, by, reason)
        code = {"approved": "APPROVED", "refused": "approval_refused", "unanswered": "approval_needed"}[outcome]
        ruled(run, call, "allow" if outcome == "approved" else "block", "approval", code, measured="write")
        blocked = outcome != "approved"
        error = {"type": "PolicyBlocked", "message": code} if blocked else None
        returned(run, call, "blocked" if blocked else "ok", error=error, attempts=int(not blocked))
    called(run, "call-8", "shell", {"command": "rm -r notes"}, side_effect="irreversible")
    ruled(run, "call-8", "block", "budget_calls", "budget", measured=8, threshold=7, unit="calls")
    returned(run, "call-8", "blocked", error={"type": "PolicyBlocked", "message": "budget"}, duration_ns=0, attempts=0)
    called(run, "call-9", "count", [1, 2], ref=None)
    returned(run, "call-9", result="two", problems=[{"path": "", "message": "expected integer; found string"}])
    called(run, "call-10", "wait", None)
    returned(run, "call-10", "cancelled", error={"type": "CancelledError", "message": ""})
    tell(run, "citation", ids=["p1", "p9"])
    run.event("score", {"name": "accuracy", "value": 0.875, "direction": "higher", "threshold": 0.8, "unit": None})
    rule = {"id": "max score.accuracy", "status": "pass", "measured": 0.875, "threshold": 0.8}
    tell(run, "verdict", ok=True, baseline=None, rules=[rule])
