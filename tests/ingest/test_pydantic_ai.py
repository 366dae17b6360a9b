"""An agent of pydantic-ai whose runs have the capability, against a server of models."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Any

import pytest
from engine.scenes import of_type
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ModelRetry, RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from runstone import track
from runstone.core.tools.approval import Approval
from runstone.engine.disabled import DISABLED
from runstone.engine.store import Store
from runstone.errors import PolicyBlocked
from runstone.ingest.pydantic_ai import ModelCalls, RecordedModel, RunstoneCapability

from .agents import calls, models_called, on_disk, tools_called
from .openai_server import Answer, OpenAIServer


def agent_of(server: OpenAIServer, **facts: Any) -> Agent[None, Any]:
    """An agent as its program writes it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=facts.pop("max_retries", 0))
    agent = Agent(OpenAIChatModel("gpt-test", provider=OpenAIProvider(openai_client=client)), **facts)

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @agent.tool_plain
    def fail(why: str) -> str:
        """Fail."""
        raise ValueError(f"it does not work: {why}")

    return agent


def answer_of(agent: Agent[None, Any], prompt: str | None, **facts: Any) -> Any:
    """What comes of a run of an agent, in an event loop of its own."""
    return asyncio.run(agent.run(prompt, **facts))


def test_an_agent_is_recorded_in_its_order(server: OpenAIServer, store: Store) -> None:
    """Model, tool, model: with references, arguments, results, tokens and reasons."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")]
    with store.run("k", run_id="r") as run:
        answer = answer_of(agent_of(server), "what is it?", capabilities=[RunstoneCapability(run)])
    assert answer.output == "three"
    asked, added, answered = calls(store)
    assert (asked["model"], asked["answered_by"], asked["provider"]) == ("gpt-test", "gpt-test-2026", "openai")
    assert asked["parameters"] == {"tools": ["add", "fail"]}
    assert asked["usage"] == {"input_tokens": 11, "output_tokens": 7, "cached_tokens": 3}
    assert (asked["finish_reason"], answered["finish_reason"]) == ("tool_call", "stop")
    assert (added["name"], added["args"], added["result"], added["ref"]) == ("add", {"a": 1, "b": 2}, 3, "call_1")
    assert (answered["output"]["bytes"], answered["prompt"]["messages"]) == (5, 3)


def test_the_same_prompt_has_the_same_digest(server: OpenAIServer, store: Store) -> None:
    """Times and ids of pydantic-ai, new each time, are no part of it."""
    server.answers = [Answer("a"), Answer("a")]
    agent = agent_of(server)
    with store.run("k", run_id="r") as run:
        for _ in range(2):
            answer_of(agent, "hi", capabilities=[RunstoneCapability(run)])
    first, second = models_called(store)
    assert first["prompt"] == second["prompt"]


def test_a_capability_of_the_agent_serves_as_well(server: OpenAIServer, store: Store) -> None:
    """Given to the agent itself it records all its runs."""
    server.answers = [Answer("a"), Answer("b")]
    with store.run("k", run_id="r") as run:
        agent = agent_of(server, capabilities=[RunstoneCapability(run)])
        answer_of(agent, "hi")
        answer_of(agent, "hi")
    assert [call["status"] for call in models_called(store)] == ["ok", "ok"]


def test_a_streamed_answer_is_no_other(server: OpenAIServer, store: Store) -> None:
    """What was streamed is what was answered; code beside the stream is no part of the call."""

    @track
    def look() -> int:
        return 1

    async def work(agent: Agent[None, Any], capability: RunstoneCapability) -> str:
        async with agent.run_stream("hi", capabilities=[capability]) as stream:
            look()
            return str(await stream.get_output())

    server.answers = [Answer("one two ")]
    with store.run("k", run_id="r") as run:
        text = asyncio.run(work(agent_of(server), RunstoneCapability(run)))
    (call,) = models_called(store)
    assert (call["status"], call["output"]["bytes"], call["usage"]["input_tokens"]) == ("ok", len(text), 11)
    assert tools_called(store)[0]["parent"] is None


def test_a_stream_that_nobody_reads_is_cancelled(server: OpenAIServer, store: Store) -> None:
    """A model whose answer is let go."""

    async def work(model: RecordedModel) -> None:
        messages = [ModelRequest(parts=[UserPromptPart("hi")])]
        async with model.request_stream(list(messages), None, ModelRequestParameters()) as answer:
            async for _ in answer:
                break

    server.answers = [Answer("one two three four")]
    with store.run("k", run_id="r") as run:
        asyncio.run(work(RecordedModel(agent_of(server).model, ModelCalls(run))))
    (call,) = models_called(store)
    assert call["status"] == "cancelled"


def test_what_is_recorded_is_what_is_called(server: OpenAIServer, store: Store) -> None:
    """Another capability may change the arguments; the record has those of the tool."""

    class Larger(AbstractCapability[Any]):
        async def wrap_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Any) -> Any:
            return await handler({**args, "b": 10})

    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("eleven")]
    with store.run("k", run_id="r") as run:
        answer_of(agent_of(server), "hi", capabilities=[RunstoneCapability(run), Larger()])
    assert [(call["args"], call["result"]) for call in tools_called(store)] == [({"a": 1, "b": 10}, 11)]


def test_a_stream_that_is_left_is_cancelled(server: OpenAIServer, store: Store) -> None:
    """Of an answer that nobody reads on there is what was read."""

    async def work(agent: Agent[None, Any], capability: RunstoneCapability) -> None:
        async with agent.run_stream("hi", capabilities=[capability]) as stream:
            async for _ in stream.stream_text(debounce_by=None):
                await stream.cancel()
                break

    server.answers = [Answer("one two three four")]
    with store.run("k", run_id="r") as run:
        asyncio.run(work(agent_of(server), RunstoneCapability(run)))
    (call,) = models_called(store)
    assert call["status"] == "cancelled"


def test_a_tool_that_raises_is_an_error(server: OpenAIServer, store: Store) -> None:
    """Its exception is the agent's, and is recorded."""
    server.answers = [Answer(calls=(("fail", {"why": "rain"}),))]
    with store.run("k", run_id="r") as run, pytest.raises(ValueError, match="rain"):
        answer_of(agent_of(server), "hi", capabilities=[RunstoneCapability(run)])
    (call,) = tools_called(store)
    assert (call["status"], call["error"]["message"]) == ("error", "it does not work: rain")


def test_a_tool_that_wants_another_try_is_called_twice(server: OpenAIServer, store: Store) -> None:
    """A retry that a tool asks of the model is a failed call and a new one."""
    tries: list[int] = []
    agent = agent_of(server)

    @agent.tool_plain
    def guess(n: int) -> str:
        """Guess."""
        tries.append(n)
        if len(tries) == 1:
            raise ModelRetry("higher")
        return "right"

    server.answers = [Answer(calls=(("guess", {"n": 1}),)), Answer(calls=(("guess", {"n": 2}),)), Answer("done")]
    with store.run("k", run_id="r") as run:
        answer_of(agent, "hi", capabilities=[RunstoneCapability(run)])
    assert [(call["args"], call["status"]) for call in tools_called(store)] == [({"n": 1}, "error"), ({"n": 2}, "ok")]


def test_arguments_that_do_not_fit_are_no_call(server: OpenAIServer, store: Store) -> None:
    """What pydantic-ai refuses is not called; an event says so, without the arguments."""
    wrong = {"a": "a private word", "b": 2}
    server.answers = [Answer(calls=(("add", wrong),)), Answer("done")]
    with store.run("k", run_id="r") as run:
        answer_of(agent_of(server), "hi", capabilities=[RunstoneCapability(run)])
    assert tools_called(store) == []
    (refused,) = of_type(store, "r", "x.pydantic_ai.refused")
    assert (refused["tool"], refused["ref"]) == ("add", "call_1")
    assert b"a private word" not in on_disk(store)


def test_a_server_that_fails_is_an_error_with_its_status(server: OpenAIServer, store: Store) -> None:
    """What the exception says is left out: it may quote the prompt."""
    server.answers = [Answer(status=500, error="you asked: a very private thing")]
    with store.run("k", run_id="r") as run, pytest.raises(ModelHTTPError):
        answer_of(agent_of(server), "hi", capabilities=[RunstoneCapability(run)])
    (call,) = models_called(store)
    assert (call["status"], call["error"]["http_status"]) == ("error", 500)
    assert b"private" not in on_disk(store)


def test_a_client_that_tries_again_makes_one_call(server: OpenAIServer, store: Store) -> None:
    """What a client repeats below pydantic-ai is not seen."""
    server.answers = [Answer(status=500), Answer("now")]
    with store.run("k", run_id="r") as run:
        answer_of(agent_of(server, max_retries=1), "hi", capabilities=[RunstoneCapability(run)])
    assert [(call["status"], call["attempts"]) for call in models_called(store)] == [("ok", 1)]


def test_a_cancelled_agent_leaves_cancelled_calls(server: OpenAIServer, store: Store) -> None:
    """A task that is cancelled while its model is asked."""
    going = Event()
    server.script = lambda body: Answer("late", until=going)

    async def work(agent: Agent[None, Any], capability: RunstoneCapability) -> None:
        task = asyncio.create_task(agent.run("hi", capabilities=[capability]))
        await asyncio.to_thread(server.asked.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with store.run("k", run_id="r") as run:
        asyncio.run(work(agent_of(server), RunstoneCapability(run)))
        told = models_called(store)
    going.set()
    assert [call["status"] for call in told] == ["cancelled"]


def test_what_a_tool_does_is_below_it(server: OpenAIServer, store: Store) -> None:
    """An agent within a tool, and a tracked function, have its call for their parent; parallel tools are kept apart."""
    inner = agent_of(server)
    outer = agent_of(server)

    @track
    def look(text: str) -> str:
        return text

    server.script = lambda body: (
        Answer(calls=(("research", {"text": "a"}), ("research", {"text": "b"})))
        if body["messages"][-1]["content"] == "both"
        else Answer(body["messages"][0]["content"])
    )
    with store.run("k", run_id="r") as run:

        @outer.tool
        async def research(ctx: RunContext[None], text: str) -> str:
            """Ask another agent."""
            look(text)
            return str((await inner.run(text, capabilities=[RunstoneCapability(run)])).output)

        answer_of(outer, "both", capabilities=[RunstoneCapability(run)])
    outside = {call["call"]: call for call in tools_called(store) if call["name"] == "research"}
    looked = [call for call in tools_called(store) if call["name"].endswith("look")]
    models = [call for call in models_called(store) if call["parent"]]
    assert {outside[call["parent"]]["args"]["text"] for call in looked} == {"a", "b"}
    assert {call["parent"] for call in models} == set(outside)
    assert [call["parent"] for call in models_called(store)].count(None) == 2


def test_each_kind_can_be_left_out(server: OpenAIServer, store: Store) -> None:
    """What is not asked for is not recorded, and nothing else changes."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")] * 2
    agent = agent_of(server)
    with store.run("k", run_id="r") as run:
        answer_of(agent, "hi", capabilities=[RunstoneCapability(run, tools=False)])
        answer_of(agent, "hi", capabilities=[RunstoneCapability(run, models=False)])
    assert [call["kind"] for call in calls(store)] == ["model", "model", "tool"]


def test_a_tool_that_waits_for_an_approval_is_no_error(server: OpenAIServer, store: Store) -> None:
    """What the agent's run ends to wait for is told; with the approval the tool is called."""
    agent = agent_of(server, output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def delete(path: str) -> str:
        """Delete."""
        return f"{path} is gone"

    server.answers = [Answer(calls=(("delete", {"path": "a"}),)), Answer("done")]
    with store.run("k", run_id="r") as run:
        capability = RunstoneCapability(run)
        waiting = answer_of(agent, "hi", capabilities=[capability])
        assert tools_called(store) == []
        results = DeferredToolResults(approvals={waiting.output.approvals[0].tool_call_id: True})
        history = waiting.all_messages()
        answer_of(agent, None, message_history=history, deferred_tool_results=results, capabilities=[capability])
    assert of_type(store, "r", "x.pydantic_ai.deferred") == [
        {"approvals": [{"ref": "call_1", "tool": "delete"}], "calls": []}
    ]
    assert [(call["status"], call["result"]) for call in tools_called(store)] == [("ok", "a is gone")]


def test_a_tool_that_puts_itself_off_is_cancelled(server: OpenAIServer, store: Store) -> None:
    """A tool that finds only at work that it needs an approval has been cancelled."""
    from pydantic_ai import ApprovalRequired

    agent = agent_of(server, output_type=[str, DeferredToolRequests])

    @agent.tool
    def delete(ctx: RunContext[None], path: str) -> str:
        """Delete."""
        if not ctx.tool_call_approved:
            raise ApprovalRequired
        return "gone"

    server.answers = [Answer(calls=(("delete", {"path": "a"}),))]
    with store.run("k", run_id="r") as run:
        answer_of(agent, "hi", capabilities=[RunstoneCapability(run)])
    (call,) = tools_called(store)
    assert (call["status"], call["error"]["type"]) == ("cancelled", "ApprovalRequired")


def test_a_policy_stops_a_tool(server: OpenAIServer, store: Store) -> None:
    """A tool that a policy denies is not called; the error is the agent's."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),))]
    with store.run("k", run_id="r") as run:
        run.govern({"name": "careful", "version": "1", "deny": ["add"]})
        with pytest.raises(PolicyBlocked):
            answer_of(agent_of(server), "hi", capabilities=[RunstoneCapability(run)])
    assert [call["status"] for call in tools_called(store)] == ["blocked"]


def test_an_approver_may_be_asynchronous(server: OpenAIServer, store: Store) -> None:
    """Who approves may take the time of a task."""

    async def approve(request: Any) -> Approval:
        await asyncio.sleep(0)
        return Approval(approved=True, by="ada")

    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")]
    with store.run("k", run_id="r") as run:
        run.govern({"name": "careful", "version": "1", "approval": {"tools": ["add"]}}, approver=approve)
        answer_of(agent_of(server), "hi", capabilities=[RunstoneCapability(run)])
    assert [(found["outcome"], found["by"]) for found in of_type(store, "r", "approval")] == [("approved", "ada")]


def test_what_fails_in_the_capability_breaks_no_agent(
    server: OpenAIServer, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said once, on standard error and in the record, without what the exception says."""

    def broken(_: Any) -> None:
        raise RuntimeError("with a secret in it")

    monkeypatch.setattr("runstone.ingest.pydantic_ai.output_of", broken)
    server.answers = [Answer("a"), Answer("b")]
    agent = agent_of(server)
    with store.run("k", run_id="r") as run:
        capability = RunstoneCapability(run)
        answers = [answer_of(agent, "hi", capabilities=[capability]).output for _ in range(2)]
    said = capsys.readouterr().err
    assert answers == ["a", "b"]
    assert (said.count("RunstoneCapability failed at response (RuntimeError)"), "with a secret" in said) == (1, False)
    assert [call["status"] for call in models_called(store)] == ["ok", "ok"]


def test_a_run_that_is_over_breaks_no_agent(server: OpenAIServer, store: Store) -> None:
    """What is called after the end of the run, or while recording is off, is called all the same."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")] * 2
    agent = agent_of(server)
    with store.run("k", run_id="r") as run:
        capability = RunstoneCapability(run)
    for one in (capability, RunstoneCapability(DISABLED)):
        assert answer_of(agent, "hi", capabilities=[one]).output == "three"
    assert calls(store) == []
