"""`Run.tool` and `Run.tool_call`: calls of tools as they happen, of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import math
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import AsyncMock, Mock, create_autospec

import pytest
from core.planted import LETTERS, drawn
from pydantic import BaseModel, Field

from runstone.core.tools.contract import ToolContract
from runstone.engine.disabled import DISABLED
from runstone.engine.live import LIVE
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.engine.tracking import track
from runstone.errors import InvalidInput, PolicyBlocked, RunstoneError, StoreUnavailable, error

from .called import SEARCH, calls, contract, in_a_loop, kinds, text
from .scenes import of_type

# what is recorded of each


def test_a_function_is_recorded_as_its_contract_says(store: Store) -> None:
    """The contract once, before the first call; name, digest and side effect; arguments by name."""
    with store.run("agent", run_id="r") as run:

        @run.tool(SEARCH)
        def find(q: str, limit: int = 5) -> list[str]:
            """Finds."""
            return [q] * limit

        assert find("x", limit=2) == ["x", "x"]
        find("y")
        assert (find.__name__, find.__doc__) == ("find", "Finds.")
    assert kinds(store) == ["contract", *["tool.called", "tool.returned"] * 2]
    (told,) = of_type(store, "r", "contract")
    assert told["document"] == SEARCH
    first, second = calls(store)
    assert (first["call"], first["name"], first["args"]) == ("call-1", "search", {"q": "x", "limit": 2})
    assert (first["contract_sha256"], first["side_effect"]) == (told["sha256"], "read")
    assert (first["status"], first["result"], first["error"], first["attempts"]) == ("ok", ["x", "x"], None, 1)
    assert second["call"] == "call-2"
    assert store.verify("r").ok


def test_a_name_stands_for_the_contracts(store: Store) -> None:
    """Of a function, and of a method, whose receiver is left out; without a contract one is made."""
    with store.run("agent", run_id="r") as run:

        class Files:
            @run.tool(contract("read"), name="files.read")
            def read(self, path: str) -> str:
                return path

            @run.tool(name="files.list")
            @staticmethod
            def listed(path: str) -> list[str]:
                return [path]

        assert (Files().read("a"), Files.listed("b")) == ("a", ["b"])
    assert [(call["name"], call["args"]) for call in calls(store)] == [
        ("files.read", {"path": "a"}),
        ("files.list", {"path": "b"}),
    ]


def test_a_block_is_recorded_with_what_it_was_told(store: Store) -> None:
    """Arguments, result, and the framework's own id of it; without `returned` the result is null."""
    with store.run("agent", run_id="r") as run:
        with run.tool_call("search", {"q": "x"}, ref="call_abc") as call:
            assert call.id == "call-1"
            call.returned(["a"])
        with run.tool_call("search"):
            pass
    first, second = calls(store)
    assert (first["ref"], first["args"], first["result"]) == ("call_abc", {"q": "x"}, ["a"])
    assert (second["args"], second["result"], second["contract_sha256"], "ref" in second) == (None, None, None, False)


@in_a_loop
async def test_coroutines_and_asynchronous_blocks(store: Store) -> None:
    """As plain ones; what is awaited in it is a part of it."""
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("fetch"))
        async def fetch(url: str) -> str:
            async with run.tool_call("socket") as call:
                await asyncio.sleep(0)
                call.returned(1)
            return url.upper()

        assert await fetch("x") == "X"
        assert await functools.partial(fetch, "y")() == "Y"
    names = {call["call"]: call["name"] for call in calls(store)}
    assert [(call["name"], names.get(call["parent"]), call["result"]) for call in calls(store)] == [
        *[("fetch", None, "X"), ("socket", "fetch", 1), ("fetch", None, "Y"), ("socket", "fetch", 1)]
    ]


def test_a_generator_is_one_call(store: Store) -> None:
    """From its first item to its end: `items` counts what it yielded, the result is what it returned.

    One that its caller leaves early is cancelled, and says so: it did not come to its end.
    """
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("pages"))
        def pages(count: int) -> Iterator[int]:
            for number in range(count):
                with run.tool_call("get"):
                    got = yield number
                assert got is None or got == "sent"
            return "end"

        stream = pages(3)
        assert (next(stream), stream.send("sent")) == (0, 1)
        with run.tool_call("between"):
            pass
        assert list(stream) == [2]
        closed = pages(5)
        next(closed)
        closed.close()
    whole, *_, left = [call for call in calls(store) if call["name"] == "pages"]
    assert (whole["items"], whole["result"], whole["status"]) == (3, "end", "ok")
    assert (left["items"], left["result"], left["status"]) == (1, None, "cancelled")
    assert left["error"] == {"type": "GeneratorExit", "message": "left by its caller after 1 item"}
    (between,) = [call for call in calls(store) if call["name"] == "between"]
    assert between["parent"] is None, "while it waits, the generator is around nothing"


@in_a_loop
async def test_asynchronous_generators_and_streams(store: Store) -> None:
    """Also where a plain function answers a stream: the call goes on until the stream has ended."""
    with store.run("agent", run_id="r") as run:

        async def ticks(count: int) -> AsyncIterator[int]:
            for number in range(count):
                await asyncio.sleep(0)
                yield number

        async def answer(value: int) -> int:
            await asyncio.sleep(0)
            return value

        tool = run.tool(contract("ticks"))(ticks)
        assert [item async for item in tool(3)] == [0, 1, 2]
        assert [item async for item in run.tool(contract("async"))(lambda: ticks(2))()] == [0, 1]
        assert list(run.tool(contract("sync"))(lambda: (n for n in range(4)))()) == [0, 1, 2, 3]
        assert await run.tool(contract("awaited"))(lambda: answer(7))() == 7
    assert [(call["name"], call.get("items"), call["result"]) for call in calls(store)] == [
        *[("ticks", 3, None), ("async", 2, None), ("sync", 4, None), ("awaited", None, 7)]
    ]


@in_a_loop
async def test_a_wrapped_function_is_of_the_kind_that_it_was(store: Store) -> None:
    """Frameworks ask `inspect`; a tool made of what is tracked goes on to its end, too."""

    async def ticks(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    async def answer() -> int:
        return 1

    def numbers() -> Iterator[int]:
        yield 1

    with store.run("agent", run_id="r") as run:
        for wrap in (track, run.tool(contract("wrapped"))):
            assert inspect.isasyncgenfunction(wrap(ticks))
            assert inspect.iscoroutinefunction(wrap(answer))
            assert inspect.isgeneratorfunction(wrap(numbers))
        both = track(name="outer")(run.tool(contract("ticks"))(ticks))
        async for _ in both(3):
            pass
    assert [(call["name"], call["status"]) for call in calls(store)] == [("outer", "ok"), ("ticks", "ok")]
    assert (calls(store)[0]["result"]["yielded"], calls(store)[1]["items"]) == (3, 3)


def test_a_function_of_c_is_called_by_position(store: Store) -> None:
    """Its arguments have the names that it tells, so that they fit the contract that is made of it."""
    with store.run("agent", run_id="r") as run:
        assert run.tool()(math.sqrt)(9.0) == 3.0
        assert run.tool()(functools.partial(pow, 2))(5) == 32
    assert [(call["name"], call["args"]) for call in calls(store)] == [("sqrt", {"x": 9}), ("pow", {"exp": 5})]


def test_a_function_that_says_its_signature_is_called_by_it(store: Store) -> None:
    """As decorators and mocks say it, whose own parameters are `*args`: its contract is made of these."""

    def plain(city: str, /, days: int = 3, *more: int, unit: str = "C") -> str:
        return city

    def said(*args: Any, **named: Any) -> str:
        return plain(*args, **named)

    said.__signature__ = inspect.signature(plain)  # type: ignore[attr-defined]  # as a decorator does
    with store.run("agent", run_id="r") as run:
        assert run.tool(name="said")(said)("Paris", 1, 2) == "Paris"
        assert run.tool(name="mock")(create_autospec(plain, return_value="x"))("Paris") == "x"
        assert run.tool(name="loose")(Mock(return_value="y"))(1) == "y"
        assert asyncio.run(run.tool(name="later")(AsyncMock(return_value="z"))(1)) == "z"
    assert [(call["name"], call["args"]) for call in calls(store)] == [
        ("said", {"city": "Paris", "days": 1, "more": [2], "unit": "C"}),
        ("mock", {"city": "Paris", "days": 3, "unit": "C"}),
        ("loose", {"args": [1]}),
        ("later", {"args": [1]}),
    ]


# how they end


def test_exceptions_come_through_and_are_told(store: Store) -> None:
    """The very same object; type and message in the record; Ctrl-C is no error."""
    failure = LookupError("gone")

    def fail(with_what: BaseException) -> None:
        raise with_what

    with store.run("agent", run_id="r") as run:
        tool = run.tool(contract("fail"))(lambda exc: fail(exc))
        for exc in (failure, KeyboardInterrupt()):
            with pytest.raises(type(exc)) as caught:
                tool(exc)
            assert caught.value is exc
        with pytest.raises(LookupError), run.tool_call("fail"):
            raise failure
    assert [(call["status"], (call["error"] or {}).get("type")) for call in calls(store)] == [
        *[("error", "LookupError"), ("cancelled", "KeyboardInterrupt"), ("error", "LookupError")]
    ]


@in_a_loop
async def test_cancelled_calls_are_told(store: Store) -> None:
    """A task that is cancelled in the middle: its call is `cancelled`, and the cancellation goes on."""
    with store.run("agent", run_id="r") as run:
        begun = asyncio.Event()

        @run.tool(contract("wait"))
        async def wait() -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [call["status"] for call in calls(store)] == ["cancelled"]


def test_tries_are_counted(store: Store) -> None:
    """`attempt` says that the work is begun once more; it answers the how manieth that is."""
    with store.run("agent", run_id="r") as run, run.tool_call("flaky") as call:
        assert (call.attempt(), call.attempt()) == (2, 3)
    assert calls(store)[0]["attempts"] == 3


PRICES = {
    "name": "list",
    "version": "2026-01",
    "currency": "EUR",
    "models": {
        "small": {"input": "0.5", "output": "2", "cached_input": "0.1"},
        "big-*": {"input": "3", "output": "15"},
    },
}


def test_tokens_and_their_cost_are_told(store: Store) -> None:
    """Summed over a call, exactly; without a cost where a model has no price."""
    with store.run("agent", run_id="r") as run:
        run.govern(prices=PRICES)
        with run.tool_call("ask") as call:
            call.usage("small", input_tokens=1000, output_tokens=10, cached_tokens=400)
            call.usage("small", input_tokens=1)
        with run.tool_call("ask") as call:
            call.usage("small", input_tokens=1)
            call.usage("big-1", input_tokens=1)
        with run.tool_call("ask") as call:
            call.usage("other", input_tokens=1, output_tokens=-5)
    one, two, three = calls(store)
    assert one["usage"] == {"input_tokens": 1001, "output_tokens": 10, "cached_tokens": 400}
    assert (one["cost"]["amount"], one["cost"]["currency"], one["model"]) == ("0.0003605", "EUR", "small")
    assert (two["cost"]["amount"], "model" in two) == ("0.0000035", False)
    assert (three["usage"]["output_tokens"], three["model"], "cost" in three) == (0, "other", False)


# contracts


def test_arguments_that_do_not_fit_stop_the_call(store: Store) -> None:
    """Before the tool runs: a clear error, and the call in the record with the same problems."""
    ran = []
    with store.run("agent", run_id="r") as run:
        tool = run.tool(SEARCH)(lambda **named: ran.append(named))
        with pytest.raises(InvalidInput) as caught:
            tool(q=5)
        with pytest.raises(InvalidInput), run.tool_call("search", {"limit": 1}, contract=SEARCH):
            ran.append({})
    assert ran == []
    assert (caught.value.code, caught.value.details["tool"]) == ("invalid_arguments", "search")
    assert [problem["path"] for problem in caught.value.details["problems"]] == ["/q"]
    first, second = calls(store)
    assert (first["status"], first["error"]["type"]) == ("error", "invalid_arguments")
    assert first["problems"] == caught.value.details["problems"]
    assert second["status"] == "error"


@pytest.mark.parametrize("strict", [False, True])
def test_a_result_that_does_not_fit_is_told(store: Store, *, strict: bool) -> None:
    """The work is done, so the answer goes through; a strict run raises."""
    with store.run("agent", run_id="r", strict=strict) as run:
        tool = run.tool(contract("count", result={"type": "integer"}))(lambda: "many")
        if strict:
            with pytest.raises(InvalidInput) as caught:
                tool()
            assert caught.value.code == "invalid_result"
        else:
            assert tool() == "many"
    (call,) = calls(store)
    assert (call["status"], len(call["problems"])) == ("error" if strict else "ok", 1)


def test_what_a_contract_takes_out_is_nowhere(store: Store) -> None:
    """Not in the arguments, not in what the call raises, not in how the run, or the run around it, ends."""
    value = drawn(Random(7), LETTERS, 20)
    with pytest.raises(ValueError, match=value), store.run("outer", run_id="outer") as outer:  # noqa: SIM117, PT012  # the order matters
        with outer.child("agent", run_id="r") as run:
            run.tool(SEARCH)(lambda q, ssn: q)("x", value)

            @run.tool(SEARCH)
            def fail(q: str, ssn: str) -> None:
                raise ValueError(f"no such person: {ssn}")

            fail("x", value)
    assert calls(store)[0]["args"] == {"q": "x", "ssn": "[REDACTED:tool-mask]"}
    assert calls(store)[1]["error"]["message"].startswith("no such person: [REDACTED:")
    assert value not in text(store)
    assert value not in store.get("outer").file("events.jsonl").decode()
    assert store.get("outer").status == "failed"


@pytest.mark.parametrize("place", ["around", "within", "tracked", "in a run within", "in a run that goes on"])
def test_what_a_contract_takes_out_is_in_no_other_call(store: Store, place: str) -> None:
    """Not in what the calls around it raise, nor in what those in it do, whatever they are and of whatever run."""
    value = drawn(Random(8), LETTERS, 20)

    def fail(run: Run) -> None:
        with run.tool_call("search", {"q": "x", "ssn": value}, contract=SEARCH):
            if place != "within":
                raise ValueError(value)
            with run.tool_call("inner"):
                raise ValueError(value)

    run = store.run("agent", run_id="r")
    with pytest.raises(ValueError, match=value), run:  # noqa: PT012  # the order matters
        if place == "tracked":
            track(lambda: fail(run))()
        with run.tool_call("outer"):
            if not place.startswith("in a run"):
                fail(run)
            child = run.child("part", run_id="c")
            if place.endswith("on"):
                fail(child)
            with child:
                fail(child)
    if place.endswith("on"):
        child.finish()
    assert value not in text(store)
    assert len(calls(store)) == {"tracked": 2, "around": 2, "within": 3}.get(place, 1)
    assert {call["status"] for call in calls(store)} == {"error"}


def test_an_exception_goes_to_another_process_as_it_would(store: Store) -> None:
    """What a call holds against it stays here: it can be pickled, and nothing of the contract's goes along."""
    with pytest.raises(ValueError, match="no") as caught, store.run("agent") as run:  # noqa: SIM117  # the order matters
        with run.tool_call("search", {"q": "x", "ssn": "123-45-678"}, contract=SEARCH):
            raise ValueError("no")
    data = pickle.dumps(caught.value)
    assert b"123-45-678" not in data
    assert pickle.loads(data).args == ("no",)


def test_a_secret_of_a_child_is_not_in_the_call_around_it(store: Store) -> None:
    """What a child declares is in no call of its parent that the child's exception leaves."""
    value = drawn(Random(9), LETTERS, 20)
    with pytest.raises(ValueError, match=value), store.run("agent", run_id="r") as run:  # noqa: SIM117  # the order matters
        with run.tool_call("ask"), run.child("part", secrets=[value]):
            raise ValueError(value)
    assert calls(store)[0]["status"] == "error"
    assert value not in text(store)


class Person(BaseModel):
    """Its schema spells it otherwise."""

    number: str = Field(alias="socialNumber")


@pytest.mark.parametrize(
    ("pattern", "action", "given"),
    [
        ("/a", "mask", lambda value: value + " and more" * 10_000),
        ("/a", "drop", lambda value: {value: 1}),
        ("/a/*", "mask", lambda value: [f"other-{'x' * at}" for at in range(1_500)] + [value]),
        ("/a/socialNumber", "mask", lambda value: Person(socialNumber=value)),
        ("/a", "drop", str.encode),
    ],
    ids=["long", "key", "behind the cut", "alias", "bytes"],
)
def test_what_a_contract_takes_out_in_every_form_is_nowhere(
    store: Store, pattern: str, action: str, given: Callable[[str], Any]
) -> None:
    """A text that is cut, a key, an item that is left out, an alias, bytes: not in what the call raises, either."""
    value = drawn(Random(10), LETTERS, 20)
    arg = given(value)
    message = arg if isinstance(arg, str) else value
    takes = contract("t", handling={"arguments": {pattern: action}})
    with pytest.raises(ValueError, match=value), store.run("agent", run_id="r") as run:  # noqa: SIM117  # the order matters
        with run.tool_call("t", {"a": arg}, contract=takes):
            raise ValueError(message)
    assert calls(store)[0]["status"] == "error"
    assert value not in text(store)


def test_secrets_never_reach_the_disk(store: Store, tmp_path: Any) -> None:
    """In arguments, results, items, exceptions, names, references, approvals and rules, by the default redaction."""
    secret, token = drawn(Random(3), LETTERS, 24), "ghp_" + "a1B2" * 7 + "a13tNSQc"
    both = f"{secret} {token}"
    with store.run("agent", run_id="r", secrets=[secret]) as run:
        bound = {"tool": "b*", "path": "/q", "in": ["x"]}
        run.govern({"name": both, "version": both, "bounds": [bound], "approval": {"tools": ["a*"]}}, lambda _: True)
        with run.tool_call(f"search {both}", {"q": both, "deep": {both: [both]}}, ref=both) as call:
            call.returned({"answer": [both]})
            call.usage(both, input_tokens=1)
        for name in ("bound", "approved"):
            with pytest.raises((ValueError, RunstoneError)) as caught, run.tool_call(name, {"q": both}):
                raise ValueError(both)
            if isinstance(caught.value, RunstoneError):
                assert secret not in str(caught.value.as_dict())
                assert token not in str(caught.value.as_dict())
    found = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert found
    assert not any(one.encode() in data for data in found for one in (secret, token))


# who is around whom


def test_calls_are_a_tree_over_kinds(store: Store) -> None:
    """Blocks, functions and other threads; a `parent` that is given stands."""
    with store.run("agent", run_id="r") as run:
        leaf = run.tool(contract("leaf"))(lambda: None)
        with run.tool_call("top") as top:
            leaf()
            thread = threading.Thread(target=contextvars.copy_context().run, args=(leaf,))
            thread.start()
            thread.join()
            other = threading.Thread(target=leaf)
            other.start()
            other.join()
        with run.tool_call("said", parent=top), run.tool_call("text", parent="call-9"):
            leaf()
    names = {call["call"]: call["name"] for call in calls(store)}
    assert [(call["name"], names.get(call["parent"], call["parent"])) for call in calls(store)] == [
        *[("top", None), ("leaf", "top"), ("leaf", "top"), ("leaf", None)],
        *[("said", "top"), ("text", "call-9"), ("leaf", "text")],
    ]


def test_a_sub_agent_is_a_run_that_its_call_names(store: Store) -> None:
    """A child that is opened in a call is told by it; each call finds its parent among those of its own run."""
    with store.run("agent", run_id="r") as run:
        look = run.tool(contract("look"))(lambda: None)

        @run.tool(contract("delegate"))
        def delegate() -> None:
            with run.child("helper", run_id="sub") as helper, helper.tool_call("inner"):
                look()
                with helper.tool_call("deeper"):
                    pass

        delegate()
        with run.tool_call("many"):
            for number in range(2):
                run.child("helper", run_id=f"part-{number}").finish()
    delegated, looked, many = calls(store)
    assert (delegated["child"], "children" in delegated, looked["parent"]) == ("sub", False, delegated["call"])
    assert (many["child"], many["children"]) == ("part-0", ["part-0", "part-1"])
    inner, deeper = calls(store, "sub")
    assert (inner["call"], inner["parent"], deeper["parent"]) == ("call-1", None, "call-1")
    assert store.get("sub").manifest["links"][0]["run_id"] == "r"


def test_numbers_are_the_same_each_time(store: Store) -> None:
    """A program without threads calls by the same ids, whatever `track` counts beside them."""
    for run_id in ("a", "b"):
        with store.run("agent", run_id=run_id) as run:
            tool = run.tool(contract("outer"))(lambda: [run.tool(contract("inner"))(lambda: 1)() for _ in range(3)])
            tool()
    assert [call["call"] for call in calls(store, "a")] == [call["call"] for call in calls(store, "b")]


# where nothing is recorded


def test_a_tool_works_when_the_record_is_lost(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Behind the end of the run, and where no journal could be had; its contract holds all the same."""
    run = store.run("agent", run_id="r")
    tool = run.tool(SEARCH)(lambda q: q)
    run.finish()
    assert tool("x") == "x"
    with pytest.raises(InvalidInput):
        tool(5)
    with run.tool_call("x") as call:
        call.returned(1)
        call.usage("m", input_tokens=1)
        assert (call.id, call.attempt()) == ("", 2)
    assert calls(store) == []


def test_a_run_that_is_switched_off_leaves_tools_alone() -> None:
    """The function itself; a block that does nothing; no policy is taken that nobody would record."""

    def find() -> int:
        return 1

    assert DISABLED.tool(SEARCH)(find) is find
    with DISABLED.tool_call("x", {"q": 1}) as call:
        call.returned(1)
        call.usage("m", input_tokens=1)
        assert (call.id, call.attempt()) == ("", 1)
    DISABLED.govern(prices=PRICES)
    with pytest.raises(StoreUnavailable) as caught:
        DISABLED.govern({"name": "p", "version": "1"})
    assert caught.value.details["reason"] == "RUNSTONE_DISABLED"


@in_a_loop
async def test_a_block_that_is_switched_off_is_asynchronous_too() -> None:
    """`async with` works alike."""
    async with DISABLED.tool_call("x") as call:
        call.returned(1)


def test_a_run_without_a_journal_calls_its_tools(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written: the tool works; with a policy it refuses."""

    def no_disk(*_: object, **__: object) -> None:
        raise error("store_unavailable", "no disk")

    monkeypatch.setattr(store.journals, "create", no_disk)
    run = store.run("agent")
    tool = run.tool(contract("find"))(lambda: 1)
    assert tool() == 1
    run.govern({"name": "p", "version": "1"})
    with pytest.raises(StoreUnavailable):
        tool()
    run.finish()
    assert run not in LIVE.values()


def test_an_error_of_the_record_is_not_its_own_cause(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who walks from an error to its causes comes to an end."""

    def full(_: bytes) -> None:
        raise error("store_unavailable", "the disk is full")

    run = store.run("agent", strict=True)
    tool = run.tool()(lambda: 1)
    with monkeypatch.context() as patch:
        patch.setattr(run.writer, "_append", full)
        with pytest.raises(StoreUnavailable) as caught:
            tool()
    assert caught.value.__cause__ is not caught.value
    run.finish()


@pytest.mark.parametrize("bad", [5, int])
def test_what_is_no_function_is_no_tool(store: Store, bad: Any) -> None:
    """A clear error when it is decorated."""
    with store.run("agent") as run, pytest.raises(InvalidInput) as caught:
        run.tool(contract("x"))(bad)
    assert caught.value.details["option"] == "tool"


def test_what_cannot_be_read_stops_no_tool(store: Store) -> None:
    """An object that lacks one of its members; a list that holds itself is refused at once, as it is no JSON."""

    @dataclass
    class Half:
        here: int
        missing: int = field(init=False)

    ring: list[Any] = []
    ring += [ring, ring]
    with store.run("agent", run_id="r") as run:
        with run.tool_call("t", {"a": Half(1)}, contract=contract("t")):
            pass
        with pytest.raises(InvalidInput) as caught, run.tool_call("t", {"a": ring}, contract=contract("t")):
            pass
    assert caught.value.code == "invalid_arguments"
    assert [call["status"] for call in calls(store)] == ["ok", "error"]


@pytest.mark.parametrize("members", [{}, {"handling": {"arguments": {"/a": "drop"}}}, None])
def test_arguments_that_nest_too_deep_leave_no_call_open(store: Store, members: dict[str, Any] | None) -> None:
    """Nothing can look at them: they are refused, and the call has ended."""
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    known = None if members is None else contract("t", **members)
    with store.run("agent", run_id="r") as run:
        run.govern({"name": "p", "version": "1"})
        with pytest.raises(InvalidInput), run.tool_call("t", {"a": deep}, contract=known):
            pass
    assert [call["status"] for call in calls(store)] == ["blocked" if known is None else "error"]


def test_a_block_is_over_whatever_it_answered(store: Store) -> None:
    """A generator that it is given is told, and nothing waits for its items."""
    items = iter(range(3))
    with store.run("agent", run_id="r") as run, run.tool_call("t") as call:
        call.returned(item for item in items)
    assert [call["status"] for call in calls(store)] == ["ok"]
    assert list(items) == [0, 1, 2]


def test_a_block_that_ends_elsewhere_leaves_what_is_around_there(store: Store) -> None:
    """A block that is left in another context is over, and the call that is around there stays."""
    with store.run("agent", run_id="r") as run:
        block = run.tool_call("first")
        block.__enter__()

        def elsewhere() -> None:
            with run.tool_call("second"):
                block.__exit__(None, None, None)
                with run.tool_call("third"):
                    pass

        contextvars.Context().run(elsewhere)
    assert [(call["name"], call["parent"]) for call in calls(store)] == [
        *[("first", None), ("second", None), ("third", "call-2")]
    ]


def test_a_block_that_is_over_is_charged_with_nothing(store: Store) -> None:
    """It ended out of order: tokens that are used later, and runs that are begun, are none of its own."""
    limited = contract("first", budget={"tokens": 10})
    with store.run("agent", run_id="r") as run:
        first, second = run.tool_call("first", {}, contract=limited), run.tool_call("second")
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)
        with run.model_call("m", "p") as model:
            model.usage(input_tokens=100)
        with run.tool_call("later") as later:
            later.usage(input_tokens=100)
            assert later.parent is None
        with run.child("part"):
            pass
        with run.tool_call("first", {}, contract=limited):
            pass
    assert [(call["name"], call["status"], call["parent"]) for call in calls(store)] == [
        *[("first", "ok", None), ("second", "ok", "call-1"), ("later", "ok", None), ("first", "ok", None)]
    ]
    assert not any("child" in call for call in calls(store))


def test_what_outlives_a_call_tells_nothing_of_its_arguments(store: Store) -> None:
    """What a contract takes out is taken out of what work raises that was begun in its call, and goes on after it."""
    with store.run("agent", run_id="r") as run:
        with run.tool_call("search", {"q": "a", "ssn": "078-05-1120"}, contract=SEARCH):
            context = contextvars.copy_context()

        def later() -> None:
            with run.tool_call("later"), run.tool_call("inner"):
                raise ValueError("078-05-1120")

        with pytest.raises(ValueError, match="078"):
            context.run(later)
    assert [call["parent"] for call in calls(store)] == [None, None, "call-2"]
    assert "078-05-1120" not in text(store)


@in_a_loop
async def test_what_a_generator_does_at_its_end_is_a_part_of_it(store: Store) -> None:
    """One that is left early, asynchronous or not: calls of its `finally` are within its own."""
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("plain"))
        def plain() -> Iterator[int]:
            try:
                yield 1
            finally:
                with run.tool_call("end"):
                    pass

        @run.tool(contract("async"))
        async def ticks() -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                with run.tool_call("end"):
                    pass

        with contextlib.closing(plain()) as generator:
            next(generator)
        async with contextlib.aclosing(ticks()) as stream:
            await anext(stream)
    order = [(e["call"], e.get("parent")) for kind in ("tool.called",) for e in of_type(store, "r", kind)]
    assert order == [("call-1", None), ("call-2", "call-1"), ("call-3", None), ("call-4", "call-3")]
    ended = [(event["call"], event["status"]) for event in of_type(store, "r", "tool.returned")]
    assert ended == [("call-2", "ok"), ("call-1", "cancelled"), ("call-4", "ok"), ("call-3", "cancelled")]


@in_a_loop
async def test_streams_that_are_left_early_say_so(store: Store) -> None:
    """By `break`, by `close` and where nobody holds them any more; plain, asynchronous, and answered by a function."""
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("plain"))
        def plain() -> Iterator[int]:
            yield from range(5)

        @run.tool(contract("async"))
        async def ticks() -> AsyncIterator[int]:
            for number in range(5):
                yield number

        @run.tool(contract("answered"))
        def answered() -> Iterator[int]:
            return iter(number for number in range(5))

        for number in plain():
            if number == 1:
                break
        async with contextlib.aclosing(ticks()) as stream:
            async for number in stream:
                if number == 2:
                    break
        assert next(answered()) == 0
        assert list(plain()) == [0, 1, 2, 3, 4]
    told = [(call["name"], call["status"], call["items"]) for call in calls(store)]
    left = [("plain", "cancelled", 2), ("async", "cancelled", 3), ("answered", "cancelled", 1)]
    assert told == [*left, ("plain", "ok", 5)]
    assert [call["error"] and call["error"]["message"] for call in calls(store)] == [
        *(f"left by its caller after {items}" for items in ("2 items", "3 items", "1 item")),
        None,
    ]
    assert store.get("r").status == "success"


class Calculator:
    """A method and a call, which are tools."""

    def add(self, a: int, b: int = 0) -> int:
        return a + b

    def __call__(self, a: int, b: int = 0) -> int:
        return a + b


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        (Calculator().add, {"a": 5, "b": 0}),
        (Calculator(), {"a": 5, "b": 0}),
        (functools.partial(Calculator().add, 1), {"b": 5}),
        (functools.partial(Calculator().add, b=7), {"a": 5, "b": 7}),
        (functools.lru_cache(Calculator().add), {"a": 5, "b": 0}),
    ],
    ids=["method", "object", "partial", "partial by name", "wrapped"],
)
def test_what_is_called_as_a_function_has_names_for_its_arguments(
    store: Store, tool: Callable[[int], int], args: dict[str, int]
) -> None:
    """Those of the parameters that are left to the caller, as its contract has them, and what they are by default."""
    with store.run("agent", run_id="r") as run:
        run.tool()(tool)(5)
    assert [call["args"] for call in calls(store)] == [args]


def test_defaults_are_arguments(store: Store) -> None:
    """What a tool runs with is what is recorded of it, also where its caller left it out; `None` is no argument. The
    contract's handling goes over all of them, and what it says of arguments is about those that are given."""
    schema = {"properties": {"q": {"type": "string"}, "limit": {"maximum": 3}}}
    handling = {"arguments": {"/key": "drop"}}
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("search", arguments=schema, handling=handling))
        def search(q: str, limit: int = 50, *, key: str = "a plain word", page: int | None = None) -> int:
            return limit

        @run.tool(contract("later"))
        async def later(n: int = 7) -> int:
            return n

        assert (search("a"), search("b", limit=2), asyncio.run(later())) == (50, 2, 7)
        with pytest.raises(InvalidInput, match="/limit expected 3 or less"):
            search("c", 4)
    assert [call["args"] for call in calls(store)] == [
        {"q": "a", "limit": 50, "key": "[REDACTED:tool-drop]"},
        {"q": "b", "limit": 2, "key": "[REDACTED:tool-drop]"},
        {"n": 7},
        {"q": "c", "limit": 4, "key": "[REDACTED:tool-drop]"},
    ]


def test_a_default_that_the_contract_does_not_know_is_no_argument(store: Store) -> None:
    """What a function keeps for itself, as a client, is not recorded where its contract knows no such argument."""
    closed = {"properties": {"q": {}, "n": {}}, "additionalProperties": False}
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("search", arguments=closed))
        def search(q: str, n: int = 1, client: Any = store) -> str:
            return q

        assert search("a") == "a"
    assert [call["args"] for call in calls(store)] == [{"q": "a", "n": 1}]


def test_a_keyword_is_no_argument_that_is_given_by_its_place(store: Store) -> None:
    """One of its name stands beside it, in the record as before rules, and none is lost."""

    def pay(amount: int = 500, /, **memo: Any) -> str:
        return f"paid {amount}"

    def said(*_: Any, **__: Any) -> None: ...

    said.__signature__ = inspect.signature(pay)  # type: ignore[attr-defined]  # as decorators leave one
    with store.run("agent", run_id="r") as run:
        assert run.tool()(pay)(amount=1) == "paid 500"
        run.tool(contract("said"))(said)(amount=1)
        run.tool()(pay)(7, **{"amount#2": 3, "amount": 2})
        run.tool(contract("said"))(functools.partial(pay, 3))(amount=1)
        run.govern({"name": "p", "version": "1", "bounds": [{"tool": "pay", "path": "/amount", "max": 100}]})
        with pytest.raises(PolicyBlocked):
            run.tool()(pay)(amount=1)
    assert [call["args"] for call in calls(store)] == [
        {"amount": 500, "amount#2": 1},
        {"amount": 500, "amount#2": 1},
        {"amount": 7, "amount#2": 3, "amount#3": 2},
        {"amount": 1},
        {"amount": 500, "amount#2": 1},
    ]


@pytest.mark.parametrize("members", [{"approval": "always"}, {"budget": {"calls": 1}}])
def test_a_contract_that_rules_is_not_switched_off(members: dict[str, Any]) -> None:
    """What asks for a record is not done without one, also where nothing is recorded on purpose."""
    ran: list[int] = []
    tool = DISABLED.tool(contract("t", **members))(lambda: ran.append(1))
    with pytest.raises(StoreUnavailable):
        tool()
    with pytest.raises(StoreUnavailable):
        DISABLED.tool_call("t", contract=ToolContract.of(contract("t", **members)))
    assert ran == []


def test_a_block_is_entered_once(store: Store) -> None:
    """A second time is an error, and no second call."""
    with store.run("agent", run_id="r") as run:
        block = run.tool_call("x")
        with block:
            pass
        with pytest.raises(InvalidInput), block:
            pass
    assert len(calls(store)) == 1
