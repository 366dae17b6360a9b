"""`Run.govern`: what rules over calls, who is asked, and what is recorded of it before a call is refused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

import runstone
from runstone.contracts.agent import contract_of_function
from runstone.core.tools.approval import Approval, ApprovalRequest
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import InvalidInput, NotFound, PolicyBlocked, StoreUnavailable, error

from .called import calls, contract, in_a_loop, kinds
from .scenes import of_type

NAMED = {"name": "p", "version": "1"}
PRICES = {"name": "t", "version": "1", "currency": "USD", "models": {"m": {"input": "1000000", "output": "0"}}}
"""A token costs a unit."""


def blocked(call: Callable[[], Any], rule: str) -> PolicyBlocked:
    """The error of a call that a rule blocks."""
    with pytest.raises(PolicyBlocked) as caught:
        call()
    assert caught.value.code == "tool_blocked"
    assert caught.value.details["rule"]["id"] == rule
    return caught.value


def called(run: Run, name: str, args: Any = None, **options: Any) -> Callable[[], list[str]]:
    """What calls a tool by a block, and answers that it ran."""

    def call() -> list[str]:
        with run.tool_call(name, args, **options):
            return ["ran"]

    return call


# blocks


@pytest.mark.parametrize(
    ("rules", "tool", "args", "rule"),
    [
        ({"deny": ["sh*"]}, "shell", {}, "deny"),
        ({"allow": ["search"]}, "shell", {}, "allow"),
        ({"side_effects": ["none"]}, "shell", {}, "side_effects"),
        ({"bounds": [{"tool": "*", "path": "/n", "max": 1}]}, "shell", {"n": 2}, "bounds/0"),
        ({"budget": {"calls": 0}}, "shell", {}, "budget.calls"),
        ({"budget": {"tokens": 0}}, "shell", {}, "budget.tokens"),
        ({"budget": {"cost": 0}}, "shell", {}, "budget.cost"),
        ({"rate": {"calls": 0, "per_s": 1}}, "shell", {}, "rate"),
        ({"approval": {"tools": ["shell"]}}, "shell", {}, "approval.tools"),
        ({"approval": {"side_effects": ["read"]}}, "shell", {}, "approval.side_effects"),
    ],
)
def test_every_rule_blocks_a_tool_that_is_never_run(
    store: Store, rules: dict[str, Any], tool: str, args: Any, rule: str
) -> None:
    """The decision stands in the journal before the error is raised, with the rule that fired."""
    ran: list[Any] = []
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, **rules}, prices=PRICES)
        function = run.tool(contract(tool))(lambda **named: ran.append(named))
        caught = blocked(lambda: function(**args), rule)
        (decision,) = of_type(store, "r", "decision")
    assert ran == []
    assert decision["call"] == caught.details["call"] == "call-1"
    assert (decision["outcome"], decision["rules"], decision["details"]) == (
        *("block", [caught.details["rule"]], {"tool": tool}),
    )
    assert decision["policy"]["name"] == "p"
    assert caught.decision == decision
    assert (caught.run_id, caught.reason) == ("r", decision["block_reason"])
    (call,) = calls(store)
    assert (call["status"], call["result"], call["error"]["type"]) == ("blocked", None, "PolicyBlocked")
    assert store.get("r").status == "success", "what becomes of the run is the agent's to say"
    assert store.verify("r").ok


def test_a_blocked_generator_is_blocked_at_its_first_item(store: Store) -> None:
    """Where it would begin."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "deny": ["*"]})

        @run.tool(contract("pages"))
        def pages() -> Iterator[int]:
            yield 1

        stream = pages()
        blocked(lambda: next(stream), "deny")


def test_a_policy_rules_from_now_on_and_over_children(store: Store) -> None:
    """A call before it is free; a child's calls count for its parent, and its own policy takes nothing away."""
    with store.run("agent", run_id="r") as run:
        called(run, "shell")()
        run.govern({**NAMED, "deny": ["shell"], "budget": {"calls": 3}})
        blocked(called(run, "shell"), "deny")
        with run.child("helper") as child:
            child.govern({"name": "own", "version": "1", "allow": ["search", "shell"], "deny": ["find"]})
            blocked(called(child, "shell"), "deny")
            assert blocked(called(child, "find"), "deny").decision["policy"]["name"] == "own"
            assert called(child, "search")() == ["ran"]
            assert called(run, "find")() == ["ran"]
            blocked(called(child, "search"), "budget.calls")
        blocked(called(run, "search"), "budget.calls")


def test_what_is_not_given_stays(store: Store) -> None:
    """Prices that come later take no policy away, and a later policy stands for the one before."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "deny": ["a"]})
        run.govern(prices=PRICES)
        blocked(called(run, "a"), "deny")
        run.govern({**NAMED, "deny": ["b"]})
        assert called(run, "a")() == ["ran"]


def test_tokens_and_cost_of_all_calls_count(store: Store) -> None:
    """Also those of calls inside; the call behind the one that went over is blocked, and so is a model's."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "budget": {"tokens": 100, "cost": "5"}}, prices=PRICES)
        with run.tool_call("outer"), run.tool_call("inner") as inner:
            inner.usage("m", input_tokens=4)
            assert run.calls.used_up() is None
            run.calls.spend(inner, "m", {"input_tokens": 1, "output_tokens": 0, "cached_tokens": 0})
        found = run.calls.used_up()
        assert found is not None
        assert (found[0]["id"], found[0]["measured"], found[0]["unit"]) == ("budget.cost", "5", "USD")
        blocked(called(run, "next"), "budget.cost")


def test_a_try_counts_as_a_call(store: Store) -> None:
    """The try that is one too many is blocked, and the call with it; not the call around it."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "budget": {"calls": 3}})

        def retried() -> None:
            with run.tool_call("outer"), run.tool_call("flaky") as call:
                assert call.attempt() == 2
                call.attempt()

        blocked(retried, "budget.calls")
    outer, flaky = calls(store)
    assert (outer["status"], flaky["status"], flaky["attempts"]) == ("error", "blocked", 2)


def test_rates_hold_by_the_clock_of_the_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second within the span is blocked; once the span is over, calls are let through again."""
    with store.run("agent", run_id="r") as run:
        now = [run.writer.monotonic_ns()]
        monkeypatch.setattr(run.writer, "monotonic_ns", lambda: now[0])
        run.govern({**NAMED, "rate": {"calls": 1, "per_s": 2}})
        assert called(run, "a")() == ["ran"]
        blocked(called(run, "a"), "rate")
        now[0] += 2_000_000_000
        assert called(run, "a")() == ["ran"]


def test_a_contract_rules_without_a_policy(store: Store) -> None:
    """Its own budget and approval count in any case, for each tool, and a decision names the contract."""
    pay, look = contract("pay", budget={"calls": 1}), contract("look", approval="always")
    with store.run("agent", run_id="r") as run:
        assert called(run, "pay", contract=pay)() == ["ran"]
        caught = blocked(called(run, "pay", contract=pay), "contract.budget.calls")
        assert caught.decision["policy"]["name"] == "pay"
        blocked(called(run, "look", contract=look), "contract.approval")
        run.govern(approver=lambda _: True)
        assert called(run, "look", contract=look)() == ["ran"]


# approvals


def test_an_approval_is_recorded_with_who_and_why(store: Store) -> None:
    """What is asked has the arguments as they were given; the call is made behind approval and decision."""
    asked: list[ApprovalRequest] = []

    def approver(request: ApprovalRequest) -> Approval:
        asked.append(request)
        return Approval(request.args["amount"] < 10, by="ann", reason="small enough")

    masked = contract("pay", handling={"arguments": {"/card": "mask"}}, side_effect="irreversible")
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "approval": {"side_effects": ["irreversible"]}}, approver)
        pay = run.tool(masked)(lambda amount, card: amount)
        assert pay(5, card="4111") == 5
        blocked(lambda: pay(50, card="4111"), "approval.side_effects")
    request = asked[0]
    assert (request.tool, request.args, request.run_id, request.call) == (
        *("pay", {"amount": 5, "card": "4111"}, "r", "call-1"),
    )
    assert request.contract is not None
    assert (request.contract.name, request.rule["id"]) == ("pay", "approval.side_effects")
    assert kinds(store) == [
        *["contract", "tool.called", "approval", "decision", "tool.returned"],
        *["tool.called", "approval", "decision", "tool.returned"],
    ]
    yes, no = of_type(store, "r", "approval")
    assert yes == {
        "call": "call-1",
        "outcome": "approved",
        "by": "ann",
        "reason": "small enough",
        "rule": "approval.side_effects",
    }
    assert no["outcome"] == "refused"
    allowed, refused = of_type(store, "r", "decision")
    assert (allowed["outcome"], allowed["rules"][0]["status"]) == ("allow", "pass")
    assert (refused["outcome"], refused["rules"][0]["reason_code"]) == ("block", "approval_refused")


def test_an_approval_repeats_nothing_that_is_kept_out(store: Store) -> None:
    """Who approves quotes what the contract masks: neither the reason nor the name has it."""
    masked = contract("pay", handling={"arguments": {"/card": "mask"}}, approval="always")
    with store.run("agent", run_id="r") as run:
        run.govern(approver=lambda asked: Approval(True, by=asked.args["card"], reason=f"card {asked.args['card']}"))
        run.tool(masked)(lambda card: None)("4111 1111")
    (approval,) = of_type(store, "r", "approval")
    assert approval["reason"].startswith("card [REDACTED:")
    assert "4111 1111" not in str(approval)


@pytest.mark.parametrize(
    ("approver", "outcome", "reason"),
    [
        (None, "unanswered", "approval_needed"),
        (lambda _: None, "unanswered", "approval_needed"),
        (lambda _: "yes", "unanswered", "approval_needed"),
        (lambda _: 1, "unanswered", "approval_needed"),
        (lambda _: False, "refused", "approval_refused"),
        (lambda _: Approval("yes", "ann"), "refused", "approval_refused"),  # type: ignore[arg-type]  # what is no yes
    ],
)
def test_only_a_plain_yes_is_one(store: Store, approver: Any, outcome: str, reason: str) -> None:
    """Anything else blocks, and says whether somebody refused or nobody answered."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "approval": {"tools": ["*"]}, "budget": {"calls": 1}}, approver)
        caught = blocked(called(run, "pay"), "approval.tools")
        assert caught.details["rule"]["reason_code"] == reason
        blocked(called(run, "pay"), "approval.tools")  # the first one does not count
    assert [data["outcome"] for data in of_type(store, "r", "approval")] == [outcome] * 2


@pytest.mark.parametrize("failure", [RuntimeError("line is busy"), KeyboardInterrupt()])
def test_what_an_approver_raises_goes_on(store: Store, failure: BaseException) -> None:
    """The tool is not run; nobody answered."""

    def approver(_: ApprovalRequest) -> bool:
        raise failure

    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "approval": {"tools": ["*"]}}, approver)
        with pytest.raises(type(failure)):
            called(run, "pay")()
    assert [data["outcome"] for data in of_type(store, "r", "approval")] == ["unanswered"]
    assert calls(store)[0]["status"] == ("blocked" if isinstance(failure, Exception) else "cancelled")


@in_a_loop
async def test_asynchronous_approvers_are_for_calls_in_a_task(store: Store) -> None:
    """They are awaited there, and a plain call says that it cannot wait."""

    async def approver(request: ApprovalRequest) -> bool:
        await asyncio.sleep(0)
        return request.tool == "pay"

    async def pay() -> int:
        return 1

    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "approval": {"tools": ["*"]}}, approver)
        assert await run.tool(contract("pay"))(pay)() == 1
        async with run.tool_call("pay"):
            pass
        with pytest.raises(PolicyBlocked):
            async with run.tool_call("other"):
                pass
        with pytest.raises(InvalidInput) as caught, run.tool_call("pay"):
            pass
        assert caught.value.code == "invalid_option"
    assert [call["status"] for call in calls(store)] == ["ok", "ok", "blocked", "blocked"]


def test_a_child_cannot_approve_for_its_parent(store: Store) -> None:
    """A parent's rule is asked of the parent's approver; a contract's of the nearest."""
    asked: list[str] = []
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "approval": {"tools": ["pay"]}}, lambda _: asked.append("parent"))
        with run.child("helper") as child:
            child.govern(approver=lambda _: asked.append("child") or True)  # type: ignore[func-returns-value]  # always
            blocked(called(child, "pay"), "approval.tools")
            always = contract("look", approval="always")
            assert called(child, "look", contract=always)() == ["ran"]
    assert asked == ["parent", "child"]


def test_one_who_is_asked_for_many_rules_is_asked_once(store: Store) -> None:
    """The decision has all of them."""
    asked: list[str] = []
    with store.run("agent", run_id="r") as run:

        def approver(request: ApprovalRequest) -> bool:
            asked.append(request.rule["id"])
            return True

        run.govern({**NAMED, "approval": {"tools": ["*"]}}, approver)
        assert called(run, "look", contract=contract("look", approval="always"))() == ["ran"]
    assert asked == ["contract.approval"]
    (decision,) = of_type(store, "r", "decision")
    assert [rule["id"] for rule in decision["rules"]] == ["contract.approval", "approval.tools"]


# without a record


@pytest.mark.parametrize("kind", ["tool.called", "decision", "approval", "contract"])
def test_what_cannot_be_recorded_is_not_called(store: Store, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Whichever of its events the disk does not take: a tool that something rules over is not run; another one is."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "approval": {"tools": ["pay"]}}, lambda _: True)
        append = run.writer._append

        def full(line: bytes) -> None:
            if line.endswith(f'"type":"{kind}"}}\n'.encode()):
                raise error("store_unavailable", "disk full")
            append(line)

        monkeypatch.setattr(run.writer, "_append", full)
        with pytest.raises(StoreUnavailable) as caught:
            called(run, "pay", contract=contract("pay"))()
        assert (caught.value.details["tool"], caught.value.details["reason"]) == ("pay", "store_unavailable")
    other = store.run("agent", run_id="o")
    monkeypatch.setattr(other.writer, "_append", full)
    assert called(other, "pay", contract=contract("pay"))() == ["ran"]
    monkeypatch.undo()
    other.finish()
    run.finish()


def test_behind_the_end_of_the_run_nothing_is_let_through(store: Store) -> None:
    """A block that nobody records is none."""
    run = store.run("agent", run_id="r")
    run.govern({**NAMED})
    run.finish()
    with pytest.raises(StoreUnavailable):
        called(run, "pay")()


def test_defaults_are_ruled_over(store: Store) -> None:
    """Bounds are asked about what the tool would run with, and so is the approver; `None` by default is no argument."""
    asked: list[Any] = []

    def approver(request: ApprovalRequest) -> bool:
        asked.append(request.args)
        return True

    bounds = [{"tool": "pay", "path": "/amount", "max": 100}, {"tool": "pay", "path": "/to", "in": ["me"]}]
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "bounds": bounds, "approval": {"tools": ["pay"]}}, approver)

        @run.tool(contract("pay"))
        def pay(to: str | None = None, amount: int = 500) -> int:
            return amount

        error = blocked(lambda: pay("me"), "bounds/0")
        assert error.details["rule"]["measured"] == 500
        assert blocked(lambda: pay(amount=5), "bounds/1").details["rule"]["reason_code"] == "argument_missing"
        assert pay("me", amount=5) == 5
    assert asked == [{"to": "me", "amount": 5}]


def test_bounds_hold_for_keys_that_begin_with_a_dollar(store: Store) -> None:
    """And an argument that may be left out is not passed over where it is there."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "bounds": [{"tool": "list", "path": "/$top", "max": 10, "optional": True}]})
        assert blocked(called(run, "list", {"$top": 5000}), "bounds/0").details["rule"]["measured"] == 5000
        assert called(run, "list", {"$top": 5})() == called(run, "list", {})() == ["ran"]


def test_bounds_name_a_model_as_its_contract_and_the_record_do(store: Store) -> None:
    """By the names that it is validated by."""

    class Payment(BaseModel):
        amount: int = Field(alias="amountEur")

    def pay(payment: Payment) -> int:
        return payment.amount

    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "bounds": [{"tool": "pay", "path": "/payment/amountEur", "max": 10, "optional": True}]})
        tool = run.tool(contract_of_function(pay))(pay)
        blocked(lambda: tool(Payment(amountEur=5000)), "bounds/0")
        assert tool(Payment(amountEur=5)) == 5
    assert [call["args"] for call in calls(store)] == [{"payment": {"amountEur": 5000}}, {"payment": {"amountEur": 5}}]


def test_a_budget_that_a_contract_can_tell_is_enforced(store: Store) -> None:
    """Also one of a tenth of a millionth."""
    with store.run("agent", run_id="r") as run:
        run.govern(prices=PRICES)
        with run.tool_call("pay", {}, contract=contract("pay", budget={"cost": 1e-7})) as call:
            call.usage("m", input_tokens=1)
        with pytest.raises(PolicyBlocked, match=r"contract\.budget\.cost"):
            called(run, "pay", {}, contract=contract("pay", budget={"cost": 1e-7}))()


def test_what_a_contract_leaves_to_others_is_within_bounds_as_well(store: Store) -> None:
    """A default of a parameter that only a part of the schema names counts as one."""
    schema = {
        "type": "object",
        "allOf": [{"properties": {"amount": {"type": "integer"}}}],
        "unevaluatedProperties": False,
    }
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "bounds": [{"tool": "pay", "path": "/amount", "max": 10, "optional": True}]})
        pay = run.tool({**contract("pay"), "arguments": schema})(lambda amount=5000: amount)
        blocked(pay, "bounds/0")


def test_what_is_no_number_breaks_bounds(store: Store) -> None:
    """What cannot be compared counts as the worst."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "bounds": [{"tool": "pay", "path": "/n", "min": 0, "max": 9, "optional": True}]})
        for odd in (float("nan"), float("inf"), "5", None, True):
            blocked(called(run, "pay", {"n": odd}), "bounds/0")
        assert called(run, "pay", {"n": 5})() == ["ran"]


def ask_twice_more(run: Run) -> None:
    """A call of a model whose provider fails with what it was asked."""
    with run.model_call("m", "what is asked") as call:
        call.usage(input_tokens=6)
        call.attempt()
        call.usage(input_tokens=6)
        try:
            raise ConnectionError("what is asked is too long")
        except ConnectionError:
            call.attempt()


def test_one_more_try_of_a_model_is_ruled_over(store: Store) -> None:
    """Where tokens or cost are used up it is not asked again: a decision of the call says by which rule."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "budget": {"tokens": 10}})
        with pytest.raises(PolicyBlocked) as caught:
            ask_twice_more(run)
        with pytest.raises(PolicyBlocked):
            run.model_call("m", "p").__enter__()
    assert caught.value.details["rule"]["id"] == "budget.tokens"
    first, second = of_type(store, "r", "model.returned")
    assert (first["status"], first["attempts"], first["error"]["type"]) == ("blocked", 2, "PolicyBlocked")
    assert first["error"]["message"].endswith("budget.tokens: budget_exceeded")
    assert (second["status"], second["attempts"]) == ("blocked", 0)
    assert [event["call"] for event in of_type(store, "r", "decision")] == ["call-1", "call-2"]
    assert b"what is asked" not in store.get("r").file("events.jsonl")


def test_one_more_try_of_a_model_needs_a_record(store: Store) -> None:
    """Where something rules over it and the run is over; where nothing does, it is just told."""
    run = store.run("agent", run_id="r")
    run.govern({**NAMED, "budget": {"tokens": 10}})
    call = run.model_call("m", "p").__enter__()
    run.finish()
    with pytest.raises(StoreUnavailable):
        call.attempt()
    free = store.run("agent", run_id="f")
    told = free.model_call("m", "p").__enter__()
    free.finish()
    told.attempt()


def test_tries_of_models_count_in_no_number_and_no_rate_of_calls(store: Store) -> None:
    """These are limits of tools: a model's call and its tries are limited by what they use."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "budget": {"calls": 1}, "rate": {"calls": 1, "per_s": 60}})
        with run.model_call("m", "p") as call:
            for _ in range(5):
                call.attempt()
        assert called(run, "t")() == ["ran"]
    assert of_type(store, "r", "model.returned")[0]["attempts"] == 6


# sources


def test_one_more_try_behind_the_end_of_the_run_is_none(store: Store) -> None:
    """A call that goes on after its run is finished: what rules over it counts in no record any more."""
    run = store.run("agent", run_id="r")
    run.govern({**NAMED, "budget": {"calls": 5}})
    call = run.tool_call("x").__enter__()
    run.finish()
    with pytest.raises(StoreUnavailable):
        call.attempt()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it forks beside a thread: that is the case
def test_a_forked_child_waits_for_no_thread_of_its_parent(store: Store) -> None:
    """A call that was going on: its tokens count in the parent alone, and there is no other try."""
    with store.run("agent", run_id="r") as run:
        run.govern({**NAMED, "budget": {"calls": 5}})
        with run.tool_call("x") as call, run.model_call("m", "p") as model, held(run.calls.lock):
            child = os.fork()
            if child == 0:
                signal.alarm(5)
                call.usage("m", input_tokens=1)
                model.usage("m", input_tokens=1)
                try:
                    call.attempt()
                except StoreUnavailable:
                    os._exit(0)
                os._exit(1)
            assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it forks beside a thread: that is the case
def test_nothing_of_a_forked_child_waits_for_a_lock_of_its_parent(store: Store) -> None:
    """Where another thread held it at the fork: of a run, of a part of it (they have one lock still), of one that is
    over."""
    over = store.run("over", run_id="o")
    over.govern({**NAMED})
    over.finish()
    with store.run("agent", run_id="r") as run, run.child("part", run_id="c") as part:
        with held(run.calls.lock), held(over.calls.lock):
            child = os.fork()
            if child == 0:
                signal.alarm(5)
                for one in (run, part, over):
                    one.govern({**NAMED, "deny": ["x"]})
                os._exit(0 if run.calls.lock is part.calls.lock is not over.calls.lock else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert run.calls.lock is part.calls.lock


@contextmanager
def held(lock: Any) -> Iterator[None]:
    """A lock that another thread holds meanwhile."""
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            ready.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_policies_and_prices_come_from_files(store: Store, tmp_path: Path) -> None:
    """TOML or JSON; what is not there, or no policy, is a clear error, and nothing has changed."""
    (tmp_path / "p.toml").write_text('name = "p"\nversion = "1"\ndeny = ["shell"]\n')
    (tmp_path / "t.json").write_text(json.dumps(PRICES))
    with store.run("agent", run_id="r") as run:
        run.govern(tmp_path / "p.toml", prices=str(tmp_path / "t.json"))
        for bad, code in ((tmp_path / "t.json", "invalid_call_policy"), ({"name": "p"}, "invalid_call_policy")):
            with pytest.raises(InvalidInput) as caught:
                run.govern(bad)
            assert caught.value.code == code
        with pytest.raises(InvalidInput) as caught:
            run.govern(prices=tmp_path / "p.toml")
        assert caught.value.code == "invalid_price_table"
        with pytest.raises(NotFound):
            run.govern(tmp_path / "none.toml")
        with pytest.raises(InvalidInput):
            run.govern(approver="ann")  # type: ignore[arg-type]  # a name cannot be called
        blocked(called(run, "shell"), "deny")
        assert run.calls.price_table is not None


def test_the_error_is_one_of_blocks(store: Store) -> None:
    """Who handles blocked work handles blocked tools, in one process or from another."""
    import pickle

    with store.run("agent") as run:
        run.govern({**NAMED, "deny": ["*"]})
        caught = blocked(called(run, "x"), "deny")
    assert isinstance(caught, runstone.PolicyBlocked)
    assert pickle.loads(pickle.dumps(caught)).as_dict() == caught.as_dict()
