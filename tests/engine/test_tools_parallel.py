"""Thousands of calls at once: order, parents, totals, and budgets of which nobody takes more than there is."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier
from typing import Any

from runstone.core.audit import audit
from runstone.core.tools.prices import amount_text
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import PolicyBlocked

from .called import calls, contract, in_a_loop
from .scenes import events

THREADS = 8
PRICES = {"name": "t", "version": "1", "currency": "USD", "models": {"m": {"input": "3", "output": "0"}}}


def outer_of(run: Run) -> Any:
    """A plain tool in which another one is called, with its own number and some tokens."""
    inner = run.tool(contract("inner"))(lambda worker, number: number)

    def outer(worker: int, number: int) -> int:
        with run.tool_call("model") as call:
            call.usage("m", input_tokens=number)
        return int(inner(worker, number))

    return run.tool(contract("outer"))(outer)


def check(store: Store, workers: int, each: int, parent: str | None) -> None:
    """Each worker's calls in its order, each below its own parent; nothing is lost, and numbers add up."""
    found = calls(store)
    assert len(found) == workers * each * 3 + (parent is not None)
    assert {call["status"] for call in found} == {"ok"}
    numbers = [event["seq"] for event in events(store, "r")]
    assert numbers == list(range(len(numbers)))
    by_id = {call["call"]: call for call in found}
    outer = [call for call in found if call["name"] == "outer"]
    for worker in range(workers):
        assert [call["args"]["number"] for call in outer if call["args"]["worker"] == worker] == list(range(each))
    assert {call["parent"] for call in outer} == {parent}
    assert Counter(by_id[call["parent"]]["name"] for call in found if call["name"] in ("inner", "model")) == {
        "outer": workers * each * 2
    }
    for call in found:
        if call["name"] == "inner":
            assert by_id[call["parent"]]["args"] == call["args"]
    assert sorted(call["call"] for call in found) == sorted(f"call-{number + 1}" for number in range(len(found)))


def test_ten_thousand_calls_of_threads(store: Store) -> None:
    """In eight threads that begin at once, each with the context of the call around them."""
    each = 417  # 8 × 417 × 3 is over 10,000
    with store.run("agent", run_id="r", contract="agent") as run:
        run.govern({"name": "p", "version": "1", "budget": {"calls": 10**6}}, prices=PRICES)
        tool, barrier = outer_of(run), Barrier(THREADS)

        def work(worker: int) -> None:
            barrier.wait()
            for number in range(each):
                tool(worker, number)

        with run.tool_call("top") as top, ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda job: job[0].run(work, job[1]), [(copy_context(), at) for at in range(THREADS)]))
        spent = run.calls.spent
        tokens = THREADS * sum(range(each))
        assert (spent.calls, spent.tokens) == (THREADS * each * 3 + 1, tokens)
        assert amount_text(spent.costs["USD"]) == str(tokens * 3 / 10**6)
    check(store, THREADS, each, top.id)
    check_documents(store, THREADS * each, tokens)


def check_documents(store: Store, each: int, tokens: int) -> None:
    """What is folded of them: the calls within a call, in order, and the sums, in the documents and in the audit."""
    sealed = store.get("r")
    told, run = sealed.document("tool_calls.json")["calls"], sealed.document("run.json")
    top, *below = told
    by_id = {call["call"]: call for call in told}
    assert top["calls"] == [call["call"] for call in below if call["name"] == "outer"]
    within = [[by_id[name]["name"] for name in call["calls"]] for call in below if call["name"] == "outer"]
    assert within == [["model", "inner"]] * each
    assert run["counts"]["tool_calls"] == {"ok": each * 3 + 1}
    assert (run["tokens"]["input_tokens"], run["cost"]) == (tokens, {"USD": str(tokens * 3 / 10**6)})
    found = audit(sealed.events())
    assert [row["depth"] for row in found["rows"]] == [0, *[1, 2, 2] * each]
    assert [row["name"] for row in found["rows"][1:]] == ["outer", "model", "inner"] * each
    assert (found["totals"]["tokens"], found["totals"]["cost"]) == (run["tokens"], run["cost"])


@in_a_loop
async def test_ten_thousand_calls_of_tasks(store: Store) -> None:
    """Gathered, waiting for one another in between."""
    workers, each = 67, 50  # 67 × 50 × 3 is over 10,000
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("inner"))
        async def inner(worker: int, number: int) -> int:
            await asyncio.sleep(0)
            return number

        @run.tool(contract("outer"))
        async def outer(worker: int, number: int) -> int:
            async with run.tool_call("model") as call:
                await asyncio.sleep(0)
                call.usage("m", input_tokens=number)
            return await inner(worker, number)

        async def work(worker: int) -> None:
            for number in range(each):
                await outer(worker, number)

        await asyncio.gather(*[work(worker) for worker in range(workers)])
        assert run.calls.spent.tokens == workers * sum(range(each))
    check(store, workers, each, None)


def test_two_calls_never_both_take_the_last(store: Store) -> None:
    """Of a budget of calls, of a rate and of a contract's budget, shared by a run and its children: exactly as many run
    as there are, whoever they are."""
    run = store.run("agent", run_id="r")
    run.govern({"name": "p", "version": "1", "budget": {"calls": 100}, "rate": {"calls": 90, "per_s": 10**6}})
    owners = [run, *(run.child("helper") for _ in range(THREADS - 1))]
    barrier = Barrier(THREADS)

    def work(owner: Run) -> Counter[str]:
        free, limited = (
            owner.tool(contract(name, budget=budget))(lambda: None)
            for name, budget in (("a", None), ("b", {"calls": 7}))
        )
        barrier.wait()
        found: Counter[str] = Counter()
        for number in range(40):
            try:
                (limited if number % 4 == 0 else free)()
                found["b" if number % 4 == 0 else "a"] += 1
            except PolicyBlocked as exc:
                found[exc.details["rule"]["id"]] += 1
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        total: Counter[str] = sum(pool.map(work, owners), Counter())
    for owner in reversed(owners):
        owner.finish()
    assert (total["a"] + total["b"], total["b"]) == (90, 7)
    assert total["rate"] + total["contract.budget.calls"] == THREADS * 40 - 90
    recorded = [call for owner in owners for call in calls(store, owner.run_id)]
    assert Counter(call["status"] for call in recorded) == {"ok": 90, "blocked": THREADS * 40 - 90}
