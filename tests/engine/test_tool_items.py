"""What a generator yields is recorded as much as is worth a line; calls by `do`; the form of what a plain function
answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from runstone.engine.disabled import DISABLED
from runstone.engine.store import Store
from runstone.errors import InvalidInput

from .called import calls, contract, text
from .scenes import TOKEN, of_type


def test_items_are_recorded_as_they_were_yielded(store: Store) -> None:
    """Each when it is yielded: what the program does to it afterwards changes nothing."""
    with store.run("agent", run_id="r") as run:

        @run.tool()
        def rows(n: int) -> Iterator[dict[str, Any]]:
            row: dict[str, Any] = {}
            for number in range(n):
                row["$number"] = number
                yield row

        list(rows(3))
    (call,) = calls(store)
    assert (call["items"], call["yielded"]) == (3, [{"$$number": 0}, {"$$number": 1}, {"$$number": 2}])
    assert store.verify("r").ok


def test_items_before_a_failure_are_recorded(store: Store) -> None:
    """What came is in the record, also where the generator raises behind it."""
    with store.run("agent", run_id="r") as run:

        @run.tool()
        async def flow() -> AsyncIterator[int]:
            yield 1
            raise ValueError("no more")

        async def all_of_it() -> list[int]:
            return [item async for item in flow()]

        with pytest.raises(ValueError, match="no more"):
            asyncio.run(all_of_it())
    (call,) = calls(store)
    assert (call["status"], call["yielded"]) == ("error", [1])


def test_items_are_handled_as_items_of_the_result(store: Store) -> None:
    """What a contract takes out of `/*/name` is taken out of each; secrets go as everywhere."""
    handling = {"result": {"/*/name": "mask"}}
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("people", handling=handling))
        def people() -> Iterator[dict[str, str]]:
            yield {"id": "1", "name": "Ada Lovelace"}
            yield {"id": "2", "name": "Alan Turing", "key": TOKEN}

        list(people())
    (call,) = calls(store)
    assert [item["name"] for item in call["yielded"]] == ["[REDACTED:tool-mask]"] * 2
    assert [item["id"] for item in call["yielded"]] == ["1", "2"]
    assert not any(word in text(store) for word in ("Lovelace", "Turing", TOKEN))
    (event,) = store.get("r").events("tool.returned")
    assert {at for at, _ in event["marks"]} == {"/yielded/0/name", "/yielded/1/name", "/yielded/1/key"}


def test_items_that_are_dropped_are_dropped_each(store: Store) -> None:
    """A pattern for the whole result takes each item."""
    with store.run("agent", run_id="r") as run:

        @run.tool(contract("people", handling={"result": {"": "drop"}}))
        def people() -> Iterator[str]:
            yield "Ada Lovelace"

        list(people())
    (call,) = calls(store)
    assert call["yielded"] == ["[REDACTED:tool-drop]"]


@pytest.mark.parametrize(("count", "size"), [(1001, 1), (40, 60_000)], ids=["many", "large"])
def test_no_more_is_recorded_than_is_worth_a_line(store: Store, count: int, size: int) -> None:
    """A thousand items, one mebibyte: what is behind that is marked as cut, and counted."""
    with store.run("agent", run_id="r") as run:

        @run.tool()
        def rows() -> Iterator[list[str]]:
            for _ in range(count):
                yield ["x" * 6000] * (size // 6000 or 1) if size > 1 else ["x"]

        list(rows())
    (event,) = store.get("r").events("tool.returned")
    assert event["data"]["items"] == count
    assert len(event["data"]["yielded"]) < count
    assert event["marks"] == [["/yielded", "truncated"]]


def test_an_item_that_no_json_can_hold_breaks_nothing(store: Store) -> None:
    """It is told by its type, or not at all."""

    class Odd:
        """Raises whatever it is asked."""

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    deep: list[Any] = []
    deep.append(deep)
    with store.run("agent", run_id="r") as run:

        @run.tool()
        def rows() -> Iterator[Any]:
            yield deep
            yield Odd()
            yield 3

        assert len(list(rows())) == 3
    (call,) = calls(store)
    assert call["items"] == 3
    assert store.verify("r").ok


def test_the_form_of_an_answer_that_goes_on_is_told(store: Store) -> None:
    """A plain function that answers a coroutine or a generator; of others it needs no word."""
    with store.run("agent", run_id="r") as run:

        async def work() -> int:
            return 1

        run.tool(name="later")(lambda: work())
        assert asyncio.run(_of(run.tool(name="later")(lambda: work()))) == 1
        assert list(run.tool(name="rows")(lambda: (n for n in range(2)))()) == [0, 1]
        assert run.tool(name="plain")(lambda: 5)() == 5
    assert [call.get("form") for call in calls(store)] == ["coroutine", "generator", None]


async def _of(function: Any) -> Any:
    return await function()


class TestDo:
    """A call by a function, in the place of a block."""

    def test_plain_and_in_a_task(self, store: Store) -> None:
        """The arguments that are recorded are those of the call, not those of the function."""
        with store.run("agent", run_id="r") as run:

            async def later(a: int) -> int:
                return a + 1

            assert run.tool_call("add", {"to": 1}, ref="x").do(lambda a: a + 1, 1) == 2
            assert asyncio.run(run.tool_call("add", {"to": 2}).do(later, 2)) == 3
            assert list(run.tool_call("count", {"to": 2}).do(lambda: (n for n in range(2)))) == [0, 1]
        found = calls(store)
        assert [(call["name"], call["args"], call["result"]) for call in found[:2]] == [
            ("add", {"to": 1}, 2),
            ("add", {"to": 2}, 3),
        ]
        assert found[0]["ref"] == "x"
        assert found[2]["yielded"] == [0, 1]

    def test_what_it_raises_goes_through(self, store: Store) -> None:
        """And is recorded; arguments that do not fit the contract keep it from being called."""
        with store.run("agent", run_id="r") as run:

            def fail() -> None:
                raise KeyError("x")

            with pytest.raises(KeyError):
                run.tool_call("fail").do(fail)
            strict = contract("typed", arguments={"type": "object", "required": ["q"]})
            with pytest.raises(InvalidInput):
                run.tool_call("typed", {}, contract=strict).do(fail)
        assert [call["error"]["type"] for call in calls(store)] == ["KeyError", "invalid_arguments"]

    def test_it_is_made_once(self, store: Store) -> None:
        """A call is one call, as a block or by a function."""
        with store.run("agent", run_id="r") as run:
            call = run.tool_call("t")
            call.do(lambda: None)
            with pytest.raises(InvalidInput, match="entered once"):
                call.do(lambda: None)
            with pytest.raises(InvalidInput, match="entered once"), call:
                pass

    def test_a_model_is_asked_by_a_function(self, store: Store) -> None:
        """What it answers is the answer, of which size and digest are recorded."""
        with store.run("agent", run_id="r") as run:

            async def ask(prompt: str) -> dict[str, str]:
                return {"answer": prompt}

            call = run.model_call("m", "what?")
            assert call.do(lambda: call.usage(input_tokens=2) or "that") == "that"
            assert asyncio.run(run.model_call("m", "what?").do(ask, "x")) == {"answer": "x"}
        told = of_type(store, "r", "model.returned")
        assert [each["output"]["bytes"] for each in told] == [4, 14]
        assert told[0]["usage"]["input_tokens"] == 2

    def test_where_recording_is_switched_off_it_is_called(self) -> None:
        """A plain call and one in a task."""

        async def later() -> int:
            return 2

        assert DISABLED.tool_call("t", {}).do(lambda a: a, 1) == 1
        assert asyncio.run(DISABLED.model_call("m", "p").do(later)) == 2
