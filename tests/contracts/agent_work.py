"""An agent at work, recorded by the methods of `Run` alone: calls of every kind and end, approvals, blocks, a
sub-agent, evidence, scores, a verdict. With clock and entropy fixed it records the same bytes each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from runstone.contracts.agent import AgentRun, Approval, ApprovalRequest, ArtifactStore
from runstone.errors import InvalidInput, PolicyBlocked

if TYPE_CHECKING:
    from runstone.engine.recorder import Run

POLICY: Final = {
    "name": "careful",
    "version": "1",
    "deny": ["shell*"],
    "bounds": [{"tool": "pay", "path": "/amount", "max": 10}],
    "budget": {"calls": 100, "cost": "1"},
}
PRICES: Final = {
    "name": "list prices",
    "version": "1",
    "currency": "EUR",
    "models": {"small-*": {"input": "1", "output": "2"}},
}
WRITE: Final = {
    "name": "write",
    "version": "2",
    "arguments": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    "result": {"type": "integer"},
    "side_effect": "write",
    "handling": {"arguments": {"/text": "mask"}},
    "approval": "always",
    "budget": {"calls": 5},
}
EXPECTED: Final = {
    "tool_calls": {"blocked": 5, "cancelled": 2, "error": 3, "ok": 9, "open": 1},
    "model_calls": {"error": 1, "ok": 1},
    "approvals": {"approved": 1, "refused": 1, "unanswered": 2},
    "tokens": {"input_tokens": 107, "output_tokens": 5, "cached_tokens": 0},
    "cost": {"EUR": "0.000117"},
}
"""What the calls of `work` come to."""


def desk(request: ApprovalRequest) -> Approval | None:
    """Who is asked before something is written."""
    if request.args["path"] == "closed":
        raise ConnectionError("nobody is at the desk")
    return None if request.args["path"] == "late" else Approval(request.args["path"] == "good", "ann", "as agreed")


def work(run: Run) -> None:
    """All that an agent may do, once."""
    run.govern(POLICY, desk, PRICES)
    _write(run)
    _nested(run)
    _stopped(run)
    _going_on(run)
    passage = {"id": "p1", "source": "rocks.txt", "span": (0, 7), "score": float("nan"), "text": "granite"}
    run.evidence("rocks", [passage, ("basalt", 0.5)], corpus="rocks", version="3")
    run.cite("p1")
    run.score("accuracy", samples={"a": True, "b": None, "c": False}, threshold=0.4)
    run.score("seconds", 3, direction="lower", unit="s", threshold=float("inf"))
    run.judge("meet scores", "cited", "require check.none", "min score.accuracy:-1%")
    run.tool_call("endless", {}).__enter__()


def _write(run: Run) -> None:
    write = run.tool(WRITE)(lambda path, text="": len(text))
    write("good", text="what was found")
    for path in ("bad", "late"):
        with suppress(PolicyBlocked):
            write(path)
    with suppress(ConnectionError):
        write("closed")
    with suppress(InvalidInput):
        write(3)


def _nested(run: Run) -> None:
    """A call of a model, of a tool and of another agent in a call that is tried twice."""
    with run.tool_call("research", {"heat": float("nan")}, ref="call_a") as call:
        with run.model_call("small-1", [{"role": "user", "content": "hi"}], provider="example") as model:
            model.chunk("gran")
            model.chunk("ite")
            model.usage("small-1-2026", input_tokens=100, output_tokens=5)
            model.answered("granite", "stop")
        with run.tool_call("look", b"\x00"):
            pass
        with ArtifactStore(run.store).open(AgentRun("reader"), parent=run) as part, part.tool_call("read", {}):
            pass
        call.attempt()
        call.usage("small-2", input_tokens=7)
        call.returned({"found": ["granite"]})


def _stopped(run: Run) -> None:
    for name, args in (("shell", {"command": "rm -r notes"}), ("pay", {"amount": 11})):
        with suppress(PolicyBlocked), run.tool_call(name, args):
            pass
    with suppress(KeyboardInterrupt), run.tool_call("wait"):
        raise KeyboardInterrupt
    with suppress(ValueError), run.tool_call("fail"):
        raise ValueError("no such rock")
    with suppress(TimeoutError), run.model_call("other", "hi"):
        raise TimeoutError


def _going_on(run: Run) -> None:
    """Generators and tasks; one answers what its contract does not allow, one never comes to its end."""

    @run.tool()
    def count(most: int) -> Iterator[int]:
        yield from range(most)

    @run.tool()
    async def count_async(most: int) -> AsyncIterator[int]:
        for number in range(most):
            yield number

    @run.tool()
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    @run.tool()
    async def sleep() -> None:
        await asyncio.Event().wait()

    @run.tool()
    def wrong() -> int:
        return "one"  # type: ignore[return-value]  # that is what is told

    @run.tool()
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    async def main() -> Any:
        assert [number async for number in count_async(2)] == [0, 1]
        assert await asyncio.gather(*(double(number) for number in range(3))) == [0, 2, 4]
        task = asyncio.create_task(sleep())
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert list(count(3)) == [0, 1, 2]
    asyncio.run(main())
    wrong()
    with suppress(LookupError):
        list(broken())
