"""`runstone.track` and `runstone.current_run`: calls as a tree, in the run around them."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest
from core.planted import LETTERS, drawn

import runstone
from runstone import track
from runstone.core.bounding import MAX_ITEMS, MAX_TEXT
from runstone.engine.disabled import DISABLED
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .scenes import events, of_type, open_store


def calls(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    """The calls of a sealed run as its document has them; the run verifies."""
    report = store.verify(run_id)
    assert report.ok, report.findings
    found = store.get(run_id).document("tool_calls.json")["calls"]
    assert isinstance(found, list)
    return found


def tree(store: Store, run_id: str = "r") -> list[tuple[str, str | None, str]]:
    """Name, name of the parent, and status of each call."""
    names = {call["call"]: call["name"] for call in calls(store, run_id)}
    return [(call["name"], names.get(call["parent"]), call["status"]) for call in calls(store, run_id)]


@track
def add(a: int, b: int = 2, *rest: int, scale: int = 1, **others: Any) -> int:
    """Adds."""
    return (a + b + sum(rest)) * scale


@track(name="outer call")
def outer(depth: int) -> int:
    return add(depth) + (outer(depth - 1) if depth else 0)


@track
async def fetch(name: str) -> str:
    await asyncio.sleep(0)
    add(1)
    return name.upper()


@track
def numbers(count: int) -> Iterator[int]:
    for number in range(count):
        got = yield add(number)
        if got:
            add(got)
    return "done"


@track
async def ticks(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield add(number)


class Model:
    def __init__(self) -> None:
        self.weight = 3

    @track
    def fit(self, data: list[int]) -> int:
        return self.weight * len(data)

    @track
    @classmethod
    def load(cls, name: str) -> str:
        return f"{cls.__name__}:{name}"

    @staticmethod
    @track
    def score(value: float) -> float:
        return value


# what is recorded


def test_arguments_have_their_names(store: Store) -> None:
    """Positional ones by the function's parameters, then the rest, and named ones; the result; one attempt."""
    with store.run("job", run_id="r"):
        assert add(1, 3, 5, 7, scale=2, more=[1]) == 32
    (call,) = calls(store)
    assert call["args"] == {"a": 1, "b": 3, "rest": [5, 7], "scale": 2, "more": [1]}
    assert (call["name"], call["status"], call["result"], call["error"]) == ("add", "ok", 32, None)
    assert (call["attempts"], call["contract_sha256"], call["parent"]) == (1, None, None)
    assert call["duration_ns"] >= 0


def test_calls_are_a_tree(store: Store) -> None:
    """A call's parent is the tracked call around it."""
    with store.run("job", run_id="r"):
        outer(1)
        add(1)
    top, inner = ("outer call", None, "ok"), ("outer call", "outer call", "ok")
    assert tree(store) == [top, ("add", "outer call", "ok"), inner, ("add", "outer call", "ok"), ("add", None, "ok")]


def test_methods_leave_out_their_receiver(store: Store) -> None:
    """`self` and `cls` are no arguments; class and static methods in either order of decorators."""
    with store.run("job", run_id="r"):
        assert (Model().fit([1, 2]), Model.load("x"), Model.score(0.5)) == (6, "Model:x", 0.5)
    assert [(call["name"], call["args"]) for call in calls(store)] == [
        ("Model.fit", {"data": [1, 2]}),
        ("Model.load", {"name": "x"}),
        ("Model.score", {"value": 0.5}),
    ]


def test_what_is_written_in_c(store: Store) -> None:
    """Is told by the names that it tells, and by position where it tells none; a partial function is what it calls."""
    with store.run("job", run_id="r"):
        assert track(pow)(2, 3, mod=5) == 3
        assert track(max)(2, 3) == 3
        assert track(partial(pow, 2))(3) == 8
    assert [(call["name"], call["args"]) for call in calls(store)] == [
        ("pow", {"base": 2, "exp": 3, "mod": 5}),
        ("max", {"args": [2, 3]}),
        ("pow", {"exp": 3}),
    ]


def test_arguments_and_results_can_be_left_out(store: Store) -> None:
    """`args=False`, `result=False`: that they were called is told all the same."""
    with store.run("job", run_id="r"):
        track(args=False, result=False, name="quiet")(add)(1)
    assert [(call["name"], call["args"], call["result"]) for call in calls(store)] == [
        ("quiet", None, None),
        ("add", {"a": 1}, 3),
    ]


def test_exceptions_come_through_and_are_told(store: Store) -> None:
    """The very same object; status, type and message in the record; `cancelled` for Ctrl-C."""
    failure = LookupError("gone")

    @track
    def fail(exc: BaseException) -> None:
        raise exc

    with store.run("job", run_id="r"):
        with pytest.raises(LookupError) as caught:
            fail(failure)
        with pytest.raises(KeyboardInterrupt):
            fail(KeyboardInterrupt())
    assert caught.value is failure
    assert [(call["status"], call["error"]) for call in calls(store)] == [
        ("error", {"type": "LookupError", "message": "gone"}),
        ("cancelled", {"type": "KeyboardInterrupt", "message": ""}),
    ]


def test_secrets_are_taken_out(store: Store) -> None:
    """In arguments by name and by value, in results, in messages of exceptions."""
    secret = drawn(Random(8), LETTERS, 20)

    @track
    def login(password: str, where: dict[str, str]) -> str:
        if where:
            return f"password={password}"
        raise ValueError(f"wrong: {password}")

    with store.run("job", run_id="r", secrets=[secret]):
        login(secret, {"url": f"https://x/{secret}"})
        with pytest.raises(ValueError, match="wrong"):
            login(secret, {})
        login(drawn(Random(9), LETTERS, 20), {"a": "b"})
    assert secret not in str(calls(store))
    assert drawn(Random(9), LETTERS, 20) not in str(calls(store))
    assert calls(store)[1]["error"]["message"] == "wrong: [REDACTED:declared]"


# large values


def test_large_values_are_cut_and_marked(store: Store) -> None:
    """Texts and lists keep their beginning; tables tell their shape; what refers to itself ends."""

    class Table:
        shape = (1000, 3)

    round_trip: list[Any] = []
    round_trip.append(round_trip)
    with store.run("job", run_id="r"):
        track(name="large")(lambda **_: None)(
            text="x" * (MAX_TEXT + 1), items=list(range(MAX_ITEMS + 1)), table=Table(), me=round_trip, raw=b"x" * 5000
        )
    called = next(event for event in events(store, "r") if event["type"] == "tool.called")
    args = called["data"]["args"]
    assert (len(args["text"]), len(args["items"])) == (MAX_TEXT, MAX_ITEMS)
    assert (args["table"], args["raw"]) == ("Table (1000, 3)", "bytes of 5000")
    assert str(args["me"]) == "[" * 15 + "'list of 1'" + "]" * 15
    assert [mark for mark in called["marks"] if mark[1] == "truncated"] == [
        ["/args/items", "truncated"],
        ["/args/me" + "/0" * 15, "truncated"],
        ["/args/raw", "truncated"],
        ["/args/text", "truncated"],
    ]


@pytest.mark.parametrize("over", range(1, 20, 3))
def test_a_cut_divides_no_secret(store: Store, over: int) -> None:
    """Where a secret stands at the cut nothing of it is left."""
    secret = drawn(Random(10), LETTERS, 20)
    with store.run("job", run_id="r", secrets=[secret]):
        track(name="take")(lambda text: None)("x" * (MAX_TEXT - over) + secret + "y" * 100)
    text = calls(store)[0]["args"]["text"]
    assert secret[:1] not in text.replace("x", "").replace("[REDACTED:declared]", "")
    assert text.endswith("[REDACTED:declared]")


def test_what_objects_hold_is_told(store: Store) -> None:
    """Dataclasses and tuples by their parts."""

    @dataclass
    class Point:
        x: int
        y: tuple[int, ...]

    with store.run("job", run_id="r"):
        track(name="at")(lambda point: point)(Point(1, (2, 3)))
    assert calls(store)[0]["args"] == {"point": {"x": 1, "y": [2, 3]}} == {"point": calls(store)[0]["result"]}


# coroutines and generators


def test_coroutines_run_side_by_side(store: Store) -> None:
    """Each task's calls are children of its own call; the function still is a coroutine function."""

    @track
    async def main() -> list[str]:
        return await asyncio.gather(fetch("a"), fetch("b"))

    assert inspect.iscoroutinefunction(main)
    with store.run("job", run_id="r"):
        assert asyncio.run(main()) == ["A", "B"]
    found = calls(store)
    assert [call["name"] for call in found] == ["main", "fetch", "fetch", "add", "add"]
    assert [call["parent"] for call in found] == [None, *["track-1"] * 2, "track-2", "track-3"]


def test_a_cancelled_task_is_cancelled(store: Store) -> None:
    """Its call has status `cancelled`."""

    @track
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(), 0.001)

    with store.run("job", run_id="r"):
        asyncio.run(main())
    assert tree(store) == [("wait", None, "cancelled")]


def test_a_generator_is_one_call(store: Store) -> None:
    """From its first item to its end; between its turns it is nobody's parent; what is sent arrives."""
    with store.run("job", run_id="r"):
        generator = numbers(2)
        assert inspect.isgeneratorfunction(numbers)
        assert next(generator) == 2
        add(40)
        assert generator.send(5) == 3
        with pytest.raises(StopIteration) as stop:
            next(generator)
        assert stop.value.value == "done"
    assert tree(store) == [
        ("numbers", None, "ok"),
        ("add", "numbers", "ok"),
        ("add", None, "ok"),
        ("add", "numbers", "ok"),
        ("add", "numbers", "ok"),
    ]
    assert calls(store)[0]["result"] == {"yielded": 2, "returned": "done"}


def test_a_generator_that_is_left_early(store: Store) -> None:
    """Closed, which is told as that, or given an exception: its own `finally` runs, what it raises comes through."""
    ended = []

    @track
    def endless() -> Iterator[int]:
        try:
            while True:
                try:
                    yield 1
                except LookupError:
                    yield 2
        finally:
            ended.append(True)

    with store.run("job", run_id="r"):
        for _ in endless():
            break
        generator = endless()
        next(generator)
        assert generator.throw(LookupError()) == 2  # type: ignore[attr-defined]  # it is a generator
        with pytest.raises(ZeroDivisionError):
            generator.throw(ZeroDivisionError())  # type: ignore[attr-defined]  # the same
    assert ended == [True, True]
    assert [(call["status"], call["result"]) for call in calls(store)] == [
        ("cancelled", {"yielded": 1, "returned": None}),
        ("error", None),
    ]
    assert calls(store)[0]["error"] == {"type": "GeneratorExit", "message": "left by its caller after 1 item"}


def test_an_asynchronous_generator_is_one_call(store: Store) -> None:
    """As a generator; left early, too."""

    async def main() -> list[int]:
        async for _ in ticks(5):
            break
        return [number async for number in ticks(2)]

    with store.run("job", run_id="r"):
        assert asyncio.run(main()) == [2, 3]
    told = [(call["status"], call["result"]["yielded"]) for call in calls(store) if call["name"] == "ticks"]
    assert told == [("cancelled", 1), ("ok", 2)]
    assert {call["parent"] for call in calls(store) if call["name"] == "add"} == {"track-1", "track-3"}


# which run


def test_outside_a_run_it_just_calls(store: Store) -> None:
    """Also in a run that is finished, or switched off; plain, in a coroutine, in generators."""

    async def asynchronous() -> list[Any]:
        return [await fetch("a"), [number async for number in ticks(2)]]

    def all_of_them() -> None:
        assert (add(1), list(numbers(2)), asyncio.run(asynchronous())) == (3, [2, 3], ["A", [2, 3]])

    all_of_them()
    with store.run("job", run_id="r") as run:
        run.finish()
        all_of_them()
    with DISABLED:
        all_of_them()
    assert of_type(store, "r", "tool.called") == []


def test_current_run_is_that_of_the_block(store: Store) -> None:
    """Nested blocks, the end of a block, and the run that does nothing."""
    assert runstone.current_run() is None
    with store.run("a") as outer_run:
        with store.run("b") as inner_run:
            assert runstone.current_run() is inner_run
        assert runstone.current_run() is outer_run
    assert runstone.current_run() is None
    with DISABLED as disabled, DISABLED:
        assert runstone.current_run() is disabled
    assert runstone.current_run() is None


def in_thread(work: Callable[[], Any]) -> Any:
    """What it answers in a thread of its own."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_finds_the_only_run(store: Store) -> None:
    """While all open runs are nested in one another; where two stand side by side it is told none."""
    with store.run("a") as first:
        assert in_thread(runstone.current_run) is first
        context = contextvars.copy_context()

        def beside() -> Any:
            with store.run("b") as second:
                assert runstone.current_run() is second
                assert in_thread(runstone.current_run) is None
                assert in_thread(lambda: context.run(runstone.current_run)) is first

        in_thread(lambda: beside() or True)
        assert in_thread(runstone.current_run) is first


def test_a_call_in_a_thread_has_its_parent_by_the_context(store: Store) -> None:
    """`asyncio.to_thread` and a copied context carry it; a bare thread begins anew."""

    @track
    async def main() -> None:
        await asyncio.to_thread(add, 1)
        in_thread(lambda: add(2))

    with store.run("job", run_id="r"):
        asyncio.run(main())
    assert tree(store) == [("main", None, "ok"), ("add", "main", "ok"), ("add", None, "ok")]


def test_a_parent_of_another_run_is_none(store: Store) -> None:
    """Calls of an inner run begin a tree of their own."""

    @track
    def nest() -> None:
        with store.run("job", run_id="b"):
            add(1)

    with store.run("job", run_id="a"):
        nest()
    assert (tree(store, "a"), tree(store, "b")) == ([("nest", None, "ok")], [("add", None, "ok")])


# the decorator


def test_it_keeps_what_a_function_says_of_itself() -> None:
    """Name, docstring and signature."""
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert list(inspect.signature(add).parameters) == ["a", "b", "rest", "scale", "others"]


@pytest.mark.parametrize("thing", [3, Model, None])
def test_only_functions_are_tracked(thing: Any) -> None:
    """A class, or nothing that is called, is refused where it is decorated."""
    with pytest.raises(RunstoneError) as caught:
        track(name="x")(thing)
    assert caught.value.code == "invalid_option"


def test_a_strict_run_tells_what_it_cannot_record(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any fact: but the exception of the function goes before it."""
    store = open_store(tmp_path / "runs")

    def broken(line: bytes) -> None:
        raise runstone.StoreUnavailable("store_unavailable", "full")

    @track
    def fail() -> None:
        monkeypatch.setattr(run.writer, "_append", broken)
        raise LookupError

    with store.run("job", strict=True) as run, pytest.raises(LookupError):
        fail()
    with store.run("job", strict=True) as run:
        monkeypatch.setattr(run.writer, "_append", broken)
        with pytest.raises(RunstoneError):
            add(1)
