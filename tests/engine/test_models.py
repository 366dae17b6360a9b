"""Calls of models: size and digest of what was asked and answered, and nothing of the text."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any

import pytest
from core.planted import LETTERS, drawn

from runstone import track
from runstone.core.canonical import canonical_bytes
from runstone.engine.calls import Call
from runstone.engine.disabled import DISABLED
from runstone.engine.facts import WITHHELD, is_withheld, withhold
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import InvalidInput, RunstoneError
from runstone.testing.fakes import FixedClock

from .called import in_a_loop
from .scenes import events, of_type, open_store

MESSAGES = [{"role": "system", "content": "be short"}, {"role": "user", "content": "what is 6 by 7?"}]


class ProviderError(Exception):
    """What a library of a provider raises: it quotes the prompt."""

    status_code = 429


def fail(run: Run, prompt: Any, piece: str, exc: BaseException) -> None:
    """A call of a model that ends in an exception, in the middle of a stream."""
    with run.model_call("m", prompt) as call:
        call.chunk(piece)
        raise exc


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def called(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    return of_type(store, run_id, "model.called")


def returned(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    return of_type(store, run_id, "model.returned")


def on_disk(store: Store) -> bytes:
    """Every byte below the store's root."""
    return b"".join(path.read_bytes() for path in sorted(Path(store.url).rglob("*")) if path.is_file())


@pytest.fixture
def phrase() -> str:
    """A text that no rule knows for a secret."""
    return "the pelican sings " + drawn(Random(), LETTERS, 8)


# what is recorded


def test_a_call_is_two_events(store: Store, clock: FixedClock) -> None:
    """What was asked, by size and digest; what came of it, with tokens and time."""
    with store.run("agent", run_id="r") as run:
        parameters = {"temperature": 0.5, "max_tokens": 9, "stop_token": 7}
        with run.model_call("gpt", MESSAGES, provider="local", parameters=parameters, ref="abc") as call:
            clock.advance(2)
            call.answered("42", "stop")
            call.usage(input_tokens=20, output_tokens=1, cached_tokens=5)
    prompt = canonical_bytes(MESSAGES)
    assert called(store) == [
        {
            "call": "call-1",
            "parent": None,
            "model": "gpt",
            "provider": "local",
            "ref": "abc",
            "prompt": {"bytes": len(prompt), "sha256": sha256(prompt), "messages": 2},
            "parameters": parameters,
        }
    ]
    assert returned(store) == [
        {
            "call": "call-1",
            "status": "ok",
            "error": None,
            "attempts": 1,
            "duration_ns": 2 * 10**9,
            "output": {"bytes": 2, "sha256": sha256(b"42"), "chunks": 0},
            "usage": {"input_tokens": 20, "output_tokens": 1, "cached_tokens": 5},
            "cost": None,
            "finish_reason": "stop",
        }
    ]
    assert store.verify("r").ok


@pytest.mark.parametrize(
    ("prompt", "data", "messages"),
    [
        ("grüße", "grüße".encode(), None),
        (b"\xff\0", b"\xff\0", None),
        ({"messages": [1, 2, 3], "$schema": 1}, b'{"$schema":1,"messages":[1,2,3]}', 3),
        ({"a": 1}, b'{"a":1}', None),
        (("a", 1), b'["a",1]', 2),
        ([{"when": float("nan")}], b'[{"when":"NaN"}]', 1),
        ([b"\0"], b'[{"$bytes":"AA=="}]', 1),
        (None, b"null", None),
    ],
)
def test_digests_are_of_the_text_or_of_its_canonical_json(
    store: Store, prompt: Any, data: bytes, messages: int | None
) -> None:
    """Text by its UTF-8, what JSON can hold by its canonical bytes, and the rest as it would be recorded."""
    with store.run("agent", run_id="r") as run, run.model_call("m", prompt) as call:
        call.answered(prompt)
    facts = {"bytes": len(data), "sha256": sha256(data)}
    assert called(store)[0]["prompt"] == {**facts, "messages": messages}
    assert returned(store)[0]["output"] == {**facts, "chunks": 0}


@pytest.mark.parametrize("hostile", ["a cycle", "half a surrogate pair", "an object that cannot be shown"])
def test_a_prompt_that_is_no_json_breaks_nothing(store: Store, hostile: str) -> None:
    """The call is recorded, with some digest."""
    cycle: list[Any] = []
    cycle.append(cycle)

    class Hidden:
        def __str__(self) -> str:
            raise RuntimeError

    prompt = {"a cycle": cycle, "half a surrogate pair": "\ud800", "an object that cannot be shown": Hidden()}[hostile]
    with store.run("agent", run_id="r") as run, run.model_call("m", prompt) as call:
        call.chunk(prompt)
    assert called(store)[0]["prompt"]["bytes"] > 0
    assert returned(store)[0]["status"] == "ok"


def test_chunks_are_the_answer(store: Store) -> None:
    """Together, in their order; how many there were is counted."""
    with store.run("agent", run_id="r") as run, run.model_call("m", "p") as call:
        for piece in ("for", "ty-", "two"):
            call.chunk(piece)
    assert returned(store)[0]["output"] == {"bytes": 9, "sha256": sha256(b"forty-two"), "chunks": 3}


def test_what_was_answered_stands_for_the_chunks(store: Store) -> None:
    """A framework streams, and then hands over the whole message."""
    with store.run("agent", run_id="r") as run, run.model_call("m", "p") as call:
        call.chunk("4")
        call.chunk("2")
        call.answered({"content": "42"}, finish_reason="stop")
    output = {"bytes": 16, "sha256": sha256(b'{"content":"42"}'), "chunks": 2}
    assert (returned(store)[0]["output"], returned(store)[0]["finish_reason"]) == (output, "stop")


def test_no_answer_is_null(store: Store) -> None:
    """And an empty one is not."""
    with store.run("agent", run_id="r") as run:
        with run.model_call("m", "p"):
            pass
        with run.model_call("m", "p") as call:
            call.answered("")
    assert [data["output"] for data in returned(store)] == [None, {"bytes": 0, "sha256": sha256(b""), "chunks": 0}]


def test_another_attempt_begins_anew(store: Store) -> None:
    """What was streamed before is no part of the answer; its tokens were used all the same."""
    with store.run("agent", run_id="r") as run, run.model_call("m", "p") as call:
        call.chunk("half of it")
        call.usage(input_tokens=3, output_tokens=2)
        call.attempt()
        call.chunk("42")
        call.usage("m-2026", input_tokens=3, output_tokens=1)
    (data,) = returned(store)
    assert (data["attempts"], data["model"]) == (2, "m-2026")
    assert data["output"] == {"bytes": 2, "sha256": sha256(b"42"), "chunks": 1}
    assert data["usage"] == {"input_tokens": 6, "output_tokens": 3, "cached_tokens": 0}


def test_tokens_that_are_no_count_are_none(store: Store) -> None:
    """A provider may tell anything."""
    with store.run("agent", run_id="r") as run, run.model_call("m", "p") as call:
        call.usage(input_tokens=None, output_tokens=-1, cached_tokens=4)
    assert returned(store)[0]["usage"] == {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 4}


# who called whom


def test_calls_in_calls(store: Store) -> None:
    """A tracked call in a model's call, and a model's call in a tracked one, in the run around."""

    @track
    def tool(run: Run) -> None:
        with run.model_call("inner", "p"):
            pass

    with store.run("agent", run_id="r") as run:
        with run.model_call("outer", "p"):
            tool(run)
        with run.model_call("next", "p"):
            pass
    assert [(data["model"], data["parent"]) for data in called(store)] == [
        ("outer", None), ("inner", "track-1"), ("next", None),
    ]  # fmt: skip
    assert [data["parent"] for data in of_type(store, "r", "tool.called")] == ["call-1"]


def test_a_parent_that_is_named_goes_before_the_one_around(store: Store) -> None:
    """By the call, or by its id: frameworks know it."""
    with store.run("agent", run_id="r") as run, run.model_call("a", "p") as first:
        with run.model_call("b", "p"), run.model_call("c", "p", parent=first):
            pass
        with run.model_call("d", "p", parent="elsewhere"):
            pass
    assert [data["parent"] for data in called(store)] == [None, "call-1", "call-1", "elsewhere"]


def test_a_call_of_another_run_is_no_parent(store: Store) -> None:
    """Its id means nothing here."""
    with store.run("a") as a, store.run("b", run_id="b") as b, a.model_call("m", "p"), b.model_call("n", "p"):
        pass
    assert called(store, "b")[0]["parent"] is None


def test_tasks_have_parents_of_their_own(store: Store) -> None:
    """Interleaved calls of one loop do not mix."""

    async def agent(run: Run, name: str) -> None:
        async with run.model_call(name, "p"):
            await asyncio.sleep(0)
            async with run.model_call(f"{name}.inner", "p") as call:
                await asyncio.sleep(0)
                call.answered(name)

    async def all_of_them(run: Run) -> None:
        await asyncio.gather(*(agent(run, f"m{number}") for number in range(20)))

    with store.run("agent", run_id="r") as run:
        asyncio.run(all_of_them(run))
    names = {data["call"]: data["model"] for data in called(store)}
    inner = {data["model"]: names[data["parent"]] for data in called(store) if data["parent"]}
    assert inner == {f"m{number}.inner": f"m{number}" for number in range(20)}


def test_a_call_that_ends_elsewhere_leaves_what_is_around_there(store: Store) -> None:
    """A stream that another task ends: the calls of that task keep their parent."""

    async def main(run: Run) -> None:
        async def begin() -> Any:
            stream = run.model_call("stream", "p")
            stream.__enter__()
            return stream

        stream = await asyncio.create_task(begin())
        with run.model_call("outer", "p"):
            stream.__exit__(None, None, None)
            with run.model_call("inner", "p"):
                pass

    with store.run("agent", run_id="r") as run:
        asyncio.run(main(run))
    assert [(data["model"], data["parent"]) for data in called(store)] == [
        ("stream", None), ("outer", None), ("inner", "call-2"),
    ]  # fmt: skip


@in_a_loop
async def test_a_stream_that_is_left_early_is_around_nothing(store: Store) -> None:
    """The loop ends it in another context: what comes later is no part of it, and of many at most one is kept."""

    async def stream(run: Run) -> AsyncIterator[int]:
        async with run.model_call("stream", "p") as call:
            for number in range(5):
                call.chunk("x")
                yield number

    with store.run("agent", run_id="r") as run:
        for _ in range(4):
            async for _number in stream(run):
                break
            await asyncio.sleep(0.01)
        with run.tool_call("later"):
            pass
        gc.collect()
        assert len([one for one in gc.get_objects() if type(one) is Call and one.run is run]) <= 1
    assert [data["parent"] for data in called(store)] == [None] * 4
    assert [data["status"] for data in returned(store)] == ["cancelled"] * 4
    assert [data["parent"] for data in of_type(store, "r", "tool.called")] == [None]


def test_streams_that_end_in_the_order_in_which_they_began(store: Store) -> None:
    """Two that are read side by side: what comes after them is a part of neither, within them of what still goes on."""

    def stream(run: Run, model: str, items: int) -> Iterator[int]:
        with run.model_call(model, "p") as call:
            for number in range(items):
                call.chunk("x")
                yield number

    with store.run("agent", run_id="r") as run:
        for _ in zip_longest(stream(run, "a", 1), stream(run, "b", 3)):
            with run.model_call("beside", "p"):
                pass
        with run.tool_call("later"):
            pass
    parents = [(data["model"], data["parent"]) for data in called(store)]
    assert parents == [("a", None), ("b", "call-1"), *[("beside", "call-2")] * 3]
    assert [data["parent"] for data in of_type(store, "r", "tool.called")] == [None]


@pytest.mark.parametrize("kind", ["plain", "block", "coroutine", "track"])
def test_what_outlives_a_call_is_a_part_of_the_next_one_around(store: Store, kind: str) -> None:
    """Work that goes on in the context of a call: once that is over, by an exception too, what it begins is a part of
    the call around that, or of none."""
    contexts = []

    def work() -> None:
        contexts.append(copy_context())
        raise ValueError("stop")

    async def work_async() -> None:
        work()

    def begin(run: Run, name: str) -> None:
        with run.model_call(name, "p"):
            pass

    with store.run("agent", run_id="r") as run:

        def block() -> None:
            with run.tool_call("work"):
                work()

        ways = {"plain": run.tool()(work), "block": block, "track": track(work)}
        with run.model_call("outer", "p"):
            with pytest.raises(ValueError, match="stop"):
                asyncio.run(run.tool()(work_async)()) if kind == "coroutine" else ways[kind]()
            contexts[0].run(begin, run, "meanwhile")
        contexts[0].run(begin, run, "later")
    assert [(data["model"], data["parent"]) for data in called(store)] == [
        ("outer", None), ("meanwhile", "call-1"), ("later", None),
    ]  # fmt: skip


def test_a_thousand_calls_at_once(store: Store) -> None:
    """Each has an id, a parent and an answer of its own; none is lost."""

    def call(number: int) -> None:
        with run.model_call("m", str(number)) as outer:
            with run.model_call("n", str(number), parent=outer) as inner:
                inner.answered(str(number))
            outer.answered(str(number))

    with store.run("agent", run_id="r") as run, ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(500)))
    answers = {data["call"]: data["output"]["sha256"] for data in returned(store)}
    asked = {data["call"]: data["prompt"]["sha256"] for data in called(store)}
    assert answers == asked
    assert sorted(asked, key=lambda identity: int(identity[5:])) == [f"call-{number}" for number in range(1, 1001)]
    assert all(asked[data["parent"]] == data["prompt"]["sha256"] for data in called(store) if data["model"] == "n")
    assert store.verify("r").ok


# what goes wrong


def test_an_exception_goes_on_and_says_nothing_here(store: Store, phrase: str) -> None:
    """Its class is recorded, and the status that the provider gave; what it says may quote the prompt."""
    with store.run("agent", run_id="r") as run, pytest.raises(ProviderError, match="pelican"):
        fail(run, phrase, phrase[:4], ProviderError(f"bad request: {phrase}"))
    (data,) = returned(store)
    assert data["status"] == "error"
    told = {"type": "ProviderError", "class": f"{__name__}.ProviderError"}
    assert data["error"] == {**told, "message": WITHHELD, "http_status": 429}
    assert data["output"]["chunks"] == 1
    assert phrase.encode() not in on_disk(store)


def _as_its_cause(phrase: str, call: Callable[[], None]) -> None:
    try:
        call()
    except ProviderError as exc:
        raise RuntimeError(f"the model said: {exc}") from exc


def _as_its_context(phrase: str, call: Callable[[], None]) -> None:
    try:
        call()
    except ProviderError:
        raise RuntimeError(phrase) from None


def _in_a_group(phrase: str, call: Callable[[], None]) -> None:
    found: list[Exception] = []
    try:
        call()
    except ProviderError as exc:
        found.append(exc)
    raise ExceptionGroup(phrase, [ValueError(1), *found])


def _as_it_is(phrase: str, call: Callable[[], None]) -> None:
    call()


@pytest.mark.parametrize("raising", [_as_its_cause, _as_its_context, _in_a_group, _as_it_is])
def test_it_says_nothing_further_out(store: Store, phrase: str, raising: Any) -> None:
    """Neither where the run ends by it, nor where a tracked call does, nor as what led to another one."""
    run = store.run("agent", run_id="r")

    @track(args=False)
    def work() -> None:
        raising(phrase, lambda: fail(run, phrase, phrase, ProviderError(phrase)))

    with pytest.raises((ProviderError, RuntimeError, ExceptionGroup), match="pelican"), run:
        work()
    closed = events(store, "r")[-1]["data"]
    assert (closed["status"], closed["error"]["message"]) == ("failed", WITHHELD)
    assert "test_models.py" in closed["error"]["traceback"]
    assert [data["error"]["message"] for data in of_type(store, "r", "tool.returned")] == [WITHHELD]
    assert b"pelican" not in on_disk(store)


def test_an_exception_of_before_or_after_is_told(store: Store) -> None:
    """Only what passed a model's call is withheld."""

    def work() -> None:
        with store.run("agent", run_id="r") as run:
            with run.model_call("m", "p"):
                pass
            raise ValueError("disk full")

    with pytest.raises(ValueError, match="disk full"):
        work()
    assert events(store, "r")[-1]["data"]["error"]["message"] == "disk full"


def test_an_exception_that_lets_nobody_set_anything_is_withheld(store: Store, phrase: str) -> None:
    """Whatever its class says of attributes."""

    class Frozen(Exception):  # noqa: N818  # a name of the test's own
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    with pytest.raises(Frozen), store.run("agent", run_id="r") as run, run.model_call("m", phrase):
        raise Frozen(phrase)
    assert phrase.encode() not in on_disk(store)


def test_withholding_ends_in_a_ring_of_causes() -> None:
    """Two exceptions that name one another as the cause."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert not is_withheld(one)
    withhold(other)
    assert is_withheld(one)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, asyncio.CancelledError])
def test_a_call_that_is_stopped_is_cancelled(store: Store, stop: type[BaseException]) -> None:
    """With what was streamed so far."""
    with pytest.raises(stop), store.run("agent", run_id="r") as run:
        fail(run, "p", "ab", stop())
    (data,) = returned(store)
    assert (data["status"], data["output"]["bytes"], data["error"]["type"]) == ("cancelled", 2, stop.__name__)


def test_a_cancelled_task_is_cancelled(store: Store) -> None:
    """The task ends as asyncio says, and the record says why."""

    async def main(run: Run) -> None:
        begun = asyncio.Event()

        async def call() -> None:
            async with run.model_call("m", "p"):
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(call())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with store.run("agent", run_id="r") as run:
        asyncio.run(main(run))
    assert returned(store)[0]["status"] == "cancelled"


def test_a_secret_in_parameters_goes(store: Store) -> None:
    """They pass the redactor, and so do model, provider, ref and the reason."""
    secret = drawn(Random(), LETTERS, 24)
    with store.run("agent", run_id="r", secrets=[secret]) as run:
        parameters = {"headers": {"x": f"Bearer {secret}"}, "n": [secret]}
        with run.model_call(secret, "p", provider=secret, parameters=parameters, ref=secret, parent=secret) as call:
            call.answered("x", finish_reason=secret)
            call.usage(secret, input_tokens=1)
    assert secret.encode() not in on_disk(store)
    assert called(store)[0]["parameters"]["n"] == ["[REDACTED:declared]"]


def test_no_text_is_on_disk(store: Store, phrase: str) -> None:
    """Of a prompt, an answer, a chunk or an exception, whether the run ends well or not."""

    def work() -> None:
        with store.run("agent", run_id="r") as run:
            with run.model_call("m", [{"role": "user", "content": phrase}]) as call:
                call.answered({"content": phrase})
            fail(run, phrase, phrase, ProviderError(phrase))

    with pytest.raises(ProviderError):
        work()
    assert b"pelican" not in on_disk(store)


def test_a_strict_run_tells_of_the_callers_exception(store: Store) -> None:
    """What the record raises does not stand in its place."""
    run = store.run("agent", run_id="r", strict=True)
    call = run.model_call("m", "p")
    call.__enter__()
    run.finish()
    call.__exit__(ValueError, ValueError("x"), None)
    late = run.model_call("m", "p")
    with pytest.raises(RunstoneError, match="finished"):
        late.__enter__()


def test_after_its_block_a_call_says_nothing_more(store: Store) -> None:
    """A second end is none."""
    with store.run("agent", run_id="r") as run:
        with run.model_call("m", "p") as call:
            pass
        call.answered("late")
        call.__exit__(None, None, None)
    assert [data["output"] for data in returned(store)] == [None]
    assert call.id is None


def test_a_block_is_entered_once(store: Store) -> None:
    """A second time is an error, and no call of a prompt that is not there any more."""
    with store.run("agent", run_id="r") as run:
        call = run.model_call("m", "p")
        with call:
            pass
        with pytest.raises(InvalidInput), call:
            pass
    assert len(called(store)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_a_fork_records_no_call(store: Store) -> None:
    """The run is the parent's; a call that was going on in the fork is not ended there."""
    with store.run("agent", run_id="r") as run, run.model_call("m", "p") as call:
        child = os.fork()
        if child == 0:
            with run.model_call("n", "p"):
                pass
            call.__exit__(None, None, None)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        call.answered("42")
    assert [data["model"] for data in called(store)] == ["m"]
    assert [data["output"]["bytes"] for data in returned(store)] == [2]


def test_a_call_in_a_disabled_run_does_nothing() -> None:
    """The same block, the same words."""

    async def main() -> None:
        async with DISABLED.model_call("m", "p") as call:
            call.attempt()

    with DISABLED.model_call("m", "p", provider="x") as call:
        call.chunk("a")
        call.answered("a", "stop")
        call.usage(input_tokens=1)
    asyncio.run(main())
    DISABLED.govern(debug_key="nothing")
    assert call.id == ""


def test_another_thread_may_end_a_run_meanwhile(store: Store) -> None:
    """The call ends without a record, and without an exception."""
    run = store.run("agent", run_id="r")
    with run.model_call("m", "p"):
        thread = threading.Thread(target=run.finish)
        thread.start()
        thread.join()
    assert returned(store) == []


def test_ids_of_calls_do_not_part_two_runs(store: Store) -> None:
    """The same work under other ids is the same work."""
    for run_id, before in (("a", 0), ("b", 1)):
        with store.run("agent", run_id=run_id) as run:
            for _ in range(before):
                run.model_call("m", "never made")
            with run.model_call("m", "p", parent="x" * (before + 1)) as call:
                call.answered("42")
    assert store.compare("a", "b").differences == []


def test_a_store_in_fixed_surroundings_gives_the_same_bytes(tmp_path: Path) -> None:
    """Twice the same calls, twice the same bundle."""
    digests = []
    for name in ("one", "two"):
        store = open_store(tmp_path / name / "runs", cwd="/srv")
        with store.run("agent", run_id="r") as run, run.model_call("m", MESSAGES) as call:
            call.answered("42")
        digests.append(run.digest)
    assert digests[0] == digests[1] is not None
