"""What lies below a call that a replay answers: it is not done again, and counts as it did. Each is a real process."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from .replayed import Program

_PRICES = '{"name": "l", "version": "1", "currency": "USD", "models": {"m": {"input": "1", "output": "1"}}}'
_ASKS = """
@run.tool({"name": "asks", "version": "1", "arguments": {"type": "object"}, "budget": BUDGET})
def asks(x):
    with run.model_call("m", "hi") as call:
        call.answered("x")
        call.usage(input_tokens=10, output_tokens=5)
    return x
"""
_TWICE = """
told = []
for x in (1, 2):
    try:
        told.append(asks(x=x))
    except runstone.PolicyBlocked as exc:
        told.append(exc.reason)
run.finish(result=told)
"""
COUNTED = {
    "a tracked function is no call of a tool": (
        """
        run.govern({"name": "p", "version": "1", "budget": {"calls": 2}})

        @runstone.track
        def helper(x):
            return x + 1

        @run.tool()
        def asks(x):
            return helper(x)
        """
        + _TWICE,
        [2, 3],
    ),
    "a model has the price of its name": (
        f"run.govern({{'name': 'p', 'version': '1', 'budget': {{'cost': '5'}}}}, prices={_PRICES})"
        + _ASKS.replace("BUDGET", "{}")
        + _TWICE,
        [1, 2],
    ),
    "a model's tokens are those of the tool around it": (
        _ASKS.replace("BUDGET", '{"tokens": 10}') + _TWICE,
        [1, "contract.budget.tokens: budget_exceeded"],
    ),
    "rates are of one clock": (
        """
        run.govern({"name": "p", "version": "1", "rate": {"calls": 3, "per_s": 3600}})

        @run.tool()
        def inner(x):
            return x

        @run.tool()
        def asks(x):
            return inner(x) if x == 1 else x

        asks(1)
        """
        + _TWICE.replace("(1, 2)", "(3, 4)"),
        [3, "rate: rate_exceeded"],
    ),
    "a rate of the tool's own": (
        """
        @run.tool({"name": "asks", "version": "1", "arguments": {"type": "object"}, "budget": {"per_minute": 2}})
        def asks(x):
            return x

        @run.tool()
        def around(x):
            return asks(x=x)

        around(0)
        """
        + _TWICE,
        [1, "contract.budget.per_minute: rate_exceeded"],
    ),
    "calls of a run that was begun in the tool": (
        """
        run.govern({"name": "p", "version": "1", "budget": {"calls": 4}})

        @run.tool()
        def asks(x):
            with run.child("sub") as child:
                with child.child("subsub") as inner:
                    inner.tool_call("t", {"y": 1}).do(lambda: 1)
                child.tool_call("t", {"y": 2}).do(lambda: 2)
            return x

        asks(0)
        """
        + _TWICE.replace("asks(x=x)", "run.tool_call('other', {'x': x}).do(lambda: x)"),
        [1, "budget.calls: budget_exceeded"],
    ),
    "each try of an inner call": (
        """
        run.govern({"name": "p", "version": "1", "budget": {"calls": 4}})

        @run.tool()
        def asks(x):
            with run.tool_call("inner", {"x": x}) as call:
                call.attempt()
                call.attempt()
            return x
        """
        + _TWICE,
        [1, "budget.calls: budget_exceeded"],
    ),
    "no inner call that a rule blocked": (
        """
        run.govern({"name": "p", "version": "1", "deny": ["bad"], "budget": {"calls": 2}})

        @run.tool()
        def asks(x):
            try:
                with run.tool_call("bad", {"x": x}):
                    pass
            except runstone.PolicyBlocked:
                return -x
        """
        + _TWICE,
        [-1, -2],
    ),
    "one try too many of the call itself": (
        """
        run.govern({"name": "p", "version": "1", "budget": {"calls": 2}})

        def tries(call):
            call.attempt()
            call.attempt()

        @run.tool()
        def asks(x):
            from runstone.engine.calls import AROUND
            tries(AROUND.get())
        """
        + _TWICE,
        ["budget.calls: budget_exceeded"] * 2,
    ),
}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program in a folder of its own."""
    return Program(tmp_path)


@pytest.mark.parametrize("what", COUNTED)
def test_what_was_called_in_a_call_counts_as_it_did(program: Program, what: str) -> None:
    """So a budget or a rate lets through what it let through, and blocks what it blocked."""
    body, result = COUNTED[what]
    run_id = program.run("\n".join(dedent(part) for part in _parts(body)))
    assert program.store.get(run_id).document("run.json")["result"] == result
    found = program.replay(run_id)
    assert (found.divergence, found.refused) == (None, [])
    assert found.ok


def _parts(body: str) -> list[str]:
    """What stands before the calls, and the calls: each is indented in its own way."""
    before, told, after = body.partition("told = []")
    return [before, told + after]


def test_tracked_functions_keep_their_numbers(program: Program) -> None:
    """Those in a tool that is answered, and those behind it: no two calls have one id."""
    body = """
    @runstone.track
    def helper(x):
        return x + 1

    @run.tool()
    def tool(x):
        return helper(x)

    run.finish(result=[tool(1), helper(2), tool(3)])
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    ids = [
        [(event["data"]["call"], event["data"]["parent"]) for event in program.store.get(one).events("tool.called")]
        for one in (run_id, found.replayed["run_id"])
    ]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 5


def test_a_run_that_was_begun_in_a_tool_is_not_needed(program: Program) -> None:
    """Its model's answers were not kept, and nobody asks for them."""
    body = """
    @run.tool()
    def research(q):
        with run.child("reader") as child, child.model_call("small-1", q) as call:
            call.answered("granite")
        return "granite is hard"

    run.finish(result=research("rock"))
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    assert [run.kind for run in program.store.runs("kind:reader")] == ["reader"]


READERS = """
def reader(q):
    with run.child("reader") as child:
        return child.tool_call("search", {"q": q}).do(lambda: q.upper())

@run.tool()
def research(q):
    return reader(q)

run.finish(result=[research("rock"), reader("stone")])
"""


def test_each_run_in_the_run_has_its_own_record(program: Program) -> None:
    """One of the same kind that was begun in a tool is not taken for one that the program begins."""
    run_id = program.run(READERS)
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    found = program.store.replay(run_id, live=["research"])
    assert (found.divergence, found.ok) == (None, True)
    readers = list(program.store.runs("kind:reader"))
    asked = [event["data"]["args"]["q"] for one in readers for event in one.events("tool.called")]
    assert sorted(asked) == ["rock", "rock", "stone", "stone", "stone"]


def test_each_run_in_an_asynchronous_run_has_its_own_record(program: Program) -> None:
    """One that a tool begins is told by its answer, also where the run is begun for an event loop."""
    body = """
    run.finish(result=1)

    async def reader(run, q):
        async with run.child("reader") as child:
            return child.sync.tool_call("search", {"q": q}).do(lambda: q.upper())

    async def main():
        async with runstone.open_async(store.url) as opened, opened.run("several") as run:

            @run.tool()
            async def research(q):
                return await reader(run, q)

            await run.finish(result=[await research("rock"), await reader(run, "stone")])

    asyncio.run(main())
    """
    program.run(body)
    run_id = next(program.store.runs("kind:several")).run_id
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)


BESIDE = {
    "a task beside a task": """
        go = asyncio.Event()

        @run.tool()
        async def search(x):
            await go.wait()
            return x

        async def agent(y):
            with run.child("sub") as child:
                found = child.tool_call("t", {"y": y}).do(lambda: y)
                await asyncio.sleep(0)
            go.set()
            return found

        async def main():
            return await asyncio.gather(search(1), agent(2))

        run.finish(result=[asyncio.run(main()), asyncio.run(agent(3))])
        """,
    "a thread": """
        begun, go = threading.Event(), threading.Event()

        @run.tool()
        def search(x):
            begun.set()
            go.wait()
            return x

        thread = threading.Thread(target=search, args=(1,))
        thread.start()
        if Path("backend.txt").exists():
            begun.wait()
        with run.child("sub") as child:
            found = child.tool_call("t", {"y": 1}).do(lambda: 2)
        go.set()
        thread.join()
        run.finish(result=found)
        """,
    "for each item of a tool": """
        @run.tool()
        def items():
            yield from (1, 2)

        def sub(y):
            with run.child("sub") as child:
                return child.tool_call("t", {"y": y}).do(lambda: y)

        run.finish(result=[*(sub(item) for item in items()), sub(3)])
        """,
    "for each item of an asynchronous tool": """
        @run.tool()
        async def items():
            yield 1
            yield 2

        def sub(y):
            with run.child("sub") as child:
                return child.tool_call("t", {"y": y}).do(lambda: y)

        async def main():
            return [sub(item) async for item in items()]

        run.finish(result=asyncio.run(main()))
        """,
    "begun before the tool and ended in it": """
        child = run.child("sub")

        @run.tool()
        def last(x):
            child.finish(result=x)
            return x

        with child:
            child.tool_call("t", {"y": 1}).do(lambda: 1)
            last(1)
        run.finish(result=1)
        """,
}


@pytest.mark.parametrize("how", BESIDE)
def test_a_run_that_is_sealed_beside_an_open_tool_is_begun(program: Program, how: str) -> None:
    """It was not begun in the tool, as the answer of that does not tell of it; each has its own record."""
    found = program.replay(program.run(BESIDE[how]))
    assert (found.divergence, found.refused, found.ok) == (None, [], True)


APPROVED = {
    "asked in a part": (
        """
        run.govern(approver=first)
        with run.child("part") as part:
            run.finish(result=tool_of(part, "always")(y=1))
        """,
        1,
    ),
    "where the run has a call of the same number": (
        """
        run.govern(approver=second)
        with run.child("part") as part:
            part.govern(approver=first)
            result = [tool_of(part, "always")(y=1)]
        try:
            tool_of(run, "always")(y=2)
        except runstone.PolicyBlocked as exc:
            result.append(exc.reason)
        run.finish(result=result)
        """,
        [1, "contract.approval: approval_refused"],
    ),
    "one that stands in two places is asked once": (
        """
        run.govern(POLICY, approver=first)
        with run.child("part") as part:
            part.govern(POLICY, approver=first)
            run.finish(result=tool_of(part, "never")(y=1))
        """,
        1,
    ),
    "two are both asked": (
        """
        run.govern(POLICY, approver=second)
        with run.child("part") as part:
            part.govern(POLICY, approver=first)
            try:
                tool_of(part, "never")(y=1)
            except runstone.PolicyBlocked as exc:
                run.finish(result=exc.reason)
        """,
        "approval.tools: approval_refused",
    ),
}
_APPROVERS = """
from runstone.contracts.agent import Approval

POLICY = {"name": "p", "version": "1", "approval": {"tools": ["t"]}}

def first(request):
    return Approval("backend" in Path("backend.txt").read_text(), by="ann")

def second(request):
    Path("backend.txt").read_text()
    return Approval(False, by="bob")

def tool_of(run, approval):
    contract = {"name": "t", "version": "1", "arguments": {"type": "object"}, "approval": approval}
    return run.tool(contract)(lambda y: y)
"""


@pytest.mark.parametrize("what", APPROVED)
def test_approvals_are_those_of_the_run_that_calls(program: Program, what: str) -> None:
    """In a run and in its parts, each approver being asked as often as then."""
    body, result = APPROVED[what]
    run_id = program.run(body, before=_APPROVERS)
    assert program.store.get(run_id).document("run.json")["result"] == result
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    told = [
        [event["data"]["by"] for run in program.store.runs(f"kind:{kind}") for event in run.events("approval")]
        for kind in ("agent", "part")
    ]
    assert all(by[: len(by) // 2] == by[len(by) // 2 :] for by in told)


def test_one_try_too_many_of_a_model_is_blocked_again(program: Program) -> None:
    """Once its tokens are those of then."""
    body = """
    run.govern({"name": "p", "version": "1", "budget": {"tokens": 5}})

    def ask(call):
        call.usage(input_tokens=3)
        call.attempt()
        call.usage(input_tokens=3)
        call.attempt()

    call = run.model_call("m", "hi")
    try:
        call.do(ask, call)
    except runstone.PolicyBlocked as exc:
        run.finish(result=exc.reason)
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    for one in (run_id, found.replayed["run_id"]):
        (returned,) = program.store.get(one).events("model.returned")
        assert (returned["data"]["status"], returned["data"]["attempts"]) == ("blocked", 2)


@pytest.mark.parametrize("form", ["do", "block"])
def test_a_model_that_a_rule_blocks_was_called(program: Program, form: str) -> None:
    """It is blocked again, and what comes behind it has its turn."""
    ask = {"do": 'run.model_call("m", "hi").do(lambda: "x")', "block": 'with run.model_call("m", "hi"): pass'}[form]
    body = f"""
    run.govern({{"name": "p", "version": "1", "budget": {{"tokens": 0}}}})
    told = []
    try:
        {ask}
    except runstone.PolicyBlocked as exc:
        told.append(exc.reason)
    try:
        read(name="backend.txt")
    except runstone.PolicyBlocked as exc:
        told.append(exc.reason)
    run.finish(result=told)
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.mode, found.divergence, found.ok) == ("strict", None, True)


def test_a_seed_that_was_drawn_in_a_tool_is_drawn(program: Program) -> None:
    """By the program as well, which has the same one; and it is recorded once."""
    body = """
    @run.tool()
    def draws(n):
        return run.seed(name="s") % n

    run.finish(result=[draws(7), run.seed(name="s") % 7, run.random("s").random()])
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    assert len(list(program.store.get(found.replayed["run_id"]).events("seed"))) == 1
