"""An agent of LangChain or LangGraph that has the handler among its callbacks, against a server of models."""

from __future__ import annotations

import asyncio
import hashlib
from contextvars import Context
from threading import Event
from typing import Annotated, Any
from uuid import uuid4

import pytest
from engine.scenes import events, of_type
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.llms import create_base_retry_decorator
from langchain_core.messages import HumanMessage
from langchain_core.outputs import Generation, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from openai import InternalServerError
from typing_extensions import TypedDict

from runstone import track
from runstone.engine.disabled import DISABLED
from runstone.engine.store import Store
from runstone.errors import PolicyBlocked, RunstoneError
from runstone.ingest.langchain import RunstoneHandler

from .agents import calls, chat_model, models_called, on_disk, question, size_of, tool_agent, tools_called
from .openai_server import Answer, OpenAIServer


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def fail(why: str) -> str:
    """Fail."""
    raise ValueError(f"it does not work: {why}")


def test_an_agent_is_recorded_in_its_order(server: OpenAIServer, store: Store) -> None:
    """Model, the tools that it asks for, model: with references, arguments, results, tokens and reasons."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))), Answer("three and seven")]
    agent = tool_agent(server, [add]).compile()
    with store.run("k", run_id="r") as run:
        answer = agent.invoke(question(), {"callbacks": [RunstoneHandler(run)], "max_concurrency": 1})
    assert answer["messages"][-1].content == "three and seven"
    asked, first, second, answered = calls(store)
    assert [call["call"] for call in calls(store)] == ["call-1", "call-2", "call-3", "call-4"]
    assert (asked["model"], asked["answered_by"], asked["provider"]) == ("gpt-test", "gpt-test-2026", "openai")
    assert asked["parameters"] == {"stream": False, "tools": ["add"]}
    assert asked["usage"] == {"input_tokens": 11, "output_tokens": 7, "cached_tokens": 3}
    assert (asked["finish_reason"], answered["finish_reason"]) == ("tool_calls", "stop")
    assert (first["name"], first["args"], first["result"], first["ref"]) == ("add", {"a": 1, "b": 2}, "3", "call_1")
    assert (second["args"], second["result"], second["ref"]) == ({"a": 3, "b": 4}, "7", "call_2")
    assert answered["output"]["bytes"] == len("three and seven")
    assert answered["prompt"]["messages"] == 4


def test_prompts_are_told_by_what_a_model_reads(server: OpenAIServer, store: Store) -> None:
    """The same messages have the same digest, whatever ids they have; it is that of their canonical JSON."""
    server.answers = [Answer("a"), Answer("a")]
    model = chat_model(server)
    with store.run("k", run_id="r") as run:
        for identity in ("one", "two"):
            model.invoke([HumanMessage("hi", id=identity)], {"callbacks": [RunstoneHandler(run)]})
    first, second = models_called(store)
    assert first["prompt"] == second["prompt"]
    assert first["prompt"]["bytes"] == size_of([{"type": "human", "content": "hi"}])


def test_a_streamed_answer_has_chunks_and_tokens(server: OpenAIServer, store: Store) -> None:
    """What was streamed is what was answered, in as many pieces as came, and is no other than without a stream."""
    server.answers = [Answer("one two three ")]
    model = chat_model(server, stream_usage=True)
    with store.run("k", run_id="r") as run:
        text = "".join(str(chunk.content) for chunk in model.stream("hi", {"callbacks": [RunstoneHandler(run)]}))
    (call,) = models_called(store)
    assert call["output"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert call["output"]["chunks"] > 3
    assert call["usage"] == {"input_tokens": 11, "output_tokens": 7, "cached_tokens": 3}
    assert call["finish_reason"] == "stop"


def test_a_stream_that_is_left_is_cancelled(server: OpenAIServer, store: Store) -> None:
    """Of an answer that nobody reads on there is what was read."""
    server.answers = [Answer("one two three")]
    with store.run("k", run_id="r") as run:
        stream = chat_model(server).stream("hi", {"callbacks": [RunstoneHandler(run)]})
        while not next(stream).content:
            pass
        stream.close()
    (call,) = models_called(store)
    assert (call["status"], call["output"]["bytes"]) == ("cancelled", len("one "))


def test_a_completion_is_a_call_of_a_model(store: Store) -> None:
    """A model that completes texts is asked with a text."""
    with store.run("k", run_id="r") as run:
        FakeListLLM(responses=["forty-two"]).invoke("what is it?", {"callbacks": [RunstoneHandler(run)]})
    (call,) = models_called(store)
    assert (call["prompt"]["bytes"], call["prompt"]["messages"]) == (len("what is it?"), None)
    assert call["output"]["bytes"] == len("forty-two")
    assert b"forty-two" not in on_disk(store)  # which this model has among its parameters


def test_several_prompts_are_several_calls(server: OpenAIServer, store: Store) -> None:
    """A batch has a call for each prompt."""
    server.script = lambda body: Answer(body["messages"][0]["content"])
    with store.run("k", run_id="r") as run:
        chat_model(server).batch(["a", "bb", "ccc"], {"callbacks": [RunstoneHandler(run)]})
    assert sorted(call["output"]["bytes"] for call in models_called(store)) == [1, 2, 3]


def test_a_tool_that_raises_is_an_error(server: OpenAIServer, store: Store) -> None:
    """Its exception is recorded, whatever the agent makes of it."""
    server.answers = [Answer(calls=(("fail", {"why": "rain"}),)), Answer("it rains")]
    with store.run("k", run_id="r") as run:
        tool_agent(server, [fail]).compile().invoke(question(), {"callbacks": [RunstoneHandler(run)]})
    (call,) = tools_called(store)
    assert (call["status"], call["error"]) == (
        "error",
        {"type": "ValueError", "message": "it does not work: rain"},
    )


def test_a_tool_that_answers_an_error_is_one(store: Store) -> None:
    """A failure that LangChain gives to the model as a message is recorded as a failure."""

    @tool
    def weak() -> str:
        """Fail, and say so."""
        raise ToolException("no such page")

    weak.handle_tool_error = True
    with store.run("k", run_id="r") as run:
        request = {"name": "weak", "args": {}, "id": "call_9", "type": "tool_call"}
        weak.invoke(request, {"callbacks": [RunstoneHandler(run)]})
    (call,) = tools_called(store)
    assert (call["status"], call["error"]["message"], call["ref"]) == ("error", "no such page", "call_9")


def test_a_server_that_fails_is_an_error_with_its_status(server: OpenAIServer, store: Store) -> None:
    """What the exception says is left out: it may quote the prompt."""
    server.answers = [Answer(status=500, error="you asked: a very private thing")]
    with store.run("k", run_id="r") as run, pytest.raises(InternalServerError):
        chat_model(server).invoke("hi", {"callbacks": [RunstoneHandler(run)]})
    (call,) = models_called(store)
    assert (call["status"], call["error"]["http_status"]) == ("error", 500)
    assert b"private" not in on_disk(store)


def test_a_client_that_tries_again_makes_one_call(server: OpenAIServer, store: Store) -> None:
    """What a client repeats below LangChain is not seen: one call, which succeeds."""
    server.answers = [Answer(status=500), Answer("now")]
    with store.run("k", run_id="r") as run:
        chat_model(server, max_retries=1).invoke("hi", {"callbacks": [RunstoneHandler(run)]})
    (call,) = models_called(store)
    assert (call["status"], call["attempts"], len(server.requests)) == ("ok", 1, 2)


def test_a_retry_of_langchain_is_a_call_of_its_own(server: OpenAIServer, store: Store) -> None:
    """What LangChain repeats is told call by call."""
    server.answers = [Answer(status=500), Answer("now")]
    model = chat_model(server).with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
    with store.run("k", run_id="r") as run:
        model.invoke("hi", {"callbacks": [RunstoneHandler(run)]})
    assert [call["status"] for call in models_called(store)] == ["error", "ok"]


def test_a_retry_within_a_call_is_an_attempt(store: Store) -> None:
    """`on_retry` says that the model is asked once more."""
    with store.run("k", run_id="r") as run:
        handler, identity = RunstoneHandler(run), uuid4()
        handler.on_llm_start({"name": "m"}, ["hi"], run_id=identity)
        handler.on_retry(None, run_id=identity)
        handler.on_llm_error(TimeoutError(), run_id=identity)
    assert models_called(store)[0]["attempts"] == 2


def test_a_retry_is_blocked_where_nothing_is_left(store: Store) -> None:
    """What rules over a model's call rules over its tries: a client of LangChain's own kind does not ask again."""
    asked: list[str] = []

    class Failing(FakeListLLM):
        """A model whose client asks again, by LangChain's own means, while others use up what is left."""

        def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **options: Any) -> str:
            @create_base_retry_decorator([ConnectionError], max_retries=2, run_manager=run_manager)
            def ask() -> str:
                asked.append(prompt)
                with run.tool_call("other") as call:
                    call.usage("m", input_tokens=10)
                raise ConnectionError(f"too long: {prompt}")

            answer: str = ask()
            return answer

    with store.run("k", run_id="r") as run:
        run.govern({"name": "p", "version": "1", "budget": {"tokens": 10}})
        with pytest.raises(PolicyBlocked) as caught:
            Failing(responses=["never"]).invoke("hello", {"callbacks": [RunstoneHandler(run)]})
    assert (asked, caught.value.details["rule"]["id"]) == (["hello"], "budget.tokens")
    (call,) = models_called(store)
    assert (call["status"], call["attempts"], call["error"]["type"]) == ("blocked", 1, "PolicyBlocked")
    assert b"hello" not in on_disk(store)


def test_what_a_tool_does_is_below_it(server: OpenAIServer, store: Store) -> None:
    """A model, a graph and a tracked function within a tool have its call for their parent; what follows has none."""
    server.answers = [Answer("inner"), Answer("outer")]
    model = chat_model(server)
    chain = RunnableLambda(lambda text: model.invoke(text))

    @track
    def look() -> int:
        return 1

    @tool
    def research(text: str) -> str:
        """Ask another model."""
        look()
        return str(chain.invoke(text).content)

    with store.run("k", run_id="r") as run:
        config: RunnableConfig = {"callbacks": [RunstoneHandler(run)]}
        research.invoke({"text": "a"}, config)
        model.invoke("b", config)
        look()
    parents = [(call["kind"], call["parent"]) for call in calls(store)]
    assert parents == [("tool", None), ("tool", "call-1"), ("model", "call-1"), ("model", None), ("tool", None)]


def test_a_tool_whose_end_is_told_elsewhere_is_around_nothing_any_more(store: Store) -> None:
    """What begins where the tool began, after its end in another task or thread, is no part of it."""
    first, second = uuid4(), uuid4()
    with store.run("k", run_id="r") as run:
        handler = RunstoneHandler(run)
        handler.on_tool_start({"name": "t"}, "x", run_id=first)
        Context().run(handler.on_tool_end, "y", run_id=first)
        handler.on_llm_start({"name": "m"}, ["hi"], run_id=second)
        handler.on_llm_end(LLMResult(generations=[[Generation(text="a")]]), run_id=second)
    assert [(call["status"], call["parent"]) for call in calls(store)] == [("ok", None), ("ok", None)]


def test_the_ids_of_langchain_tell_what_a_place_does_not(store: Store) -> None:
    """A thread that knows nothing of the tool in which it was begun: its model is below that tool all the same."""
    first, chain, second = uuid4(), uuid4(), uuid4()
    with store.run("k", run_id="r") as run:
        handler = RunstoneHandler(run)
        Context().run(handler.on_tool_start, {"name": "t"}, "x", run_id=first)
        Context().run(handler.on_chain_start, None, {}, run_id=chain, parent_run_id=first)
        Context().run(handler.on_llm_start, {"name": "m"}, ["hi"], run_id=second, parent_run_id=chain)
    assert [call["parent"] for call in calls(store)] == [None, "call-1"]


def test_an_agent_within_a_call_is_below_it(server: OpenAIServer, store: Store) -> None:
    """What is around the agent in the program is around its calls, in the threads of a graph, too."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")]
    agent = tool_agent(server, [add]).compile()
    with store.run("k", run_id="r") as run:
        handler = RunstoneHandler(run)
        with run.tool_call("research"):
            agent.invoke(question(), {"callbacks": [handler]})
    assert {call["parent"] for call in calls(store)[1:]} == {"call-1"}


def test_a_handler_in_the_constructor_serves_as_well(server: OpenAIServer, store: Store) -> None:
    """A handler of the model alone records the model alone."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")]
    with store.run("k", run_id="r") as run:
        tool_agent(server, [add], callbacks=[RunstoneHandler(run)]).compile().invoke(question())
    assert [call["kind"] for call in calls(store)] == ["model", "model"]


def test_each_kind_can_be_left_out(server: OpenAIServer, store: Store) -> None:
    """What is not asked for is not recorded, and nothing else changes."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")] * 2
    agent = tool_agent(server, [add]).compile()
    with store.run("k", run_id="r") as run:
        agent.invoke(question(), {"callbacks": [RunstoneHandler(run, tools=False)]})
        agent.invoke(question(), {"callbacks": [RunstoneHandler(run, models=False)]})
    assert [call["kind"] for call in calls(store)] == ["model", "model", "tool"]


def test_an_asynchronous_agent_is_recorded_alike(server: OpenAIServer, store: Store) -> None:
    """With an event loop there are the same calls in the same order."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")]
    agent = tool_agent(server, [add]).compile()
    with store.run("k", run_id="r") as run:
        asyncio.run(agent.ainvoke(question(), {"callbacks": [RunstoneHandler(run)]}))
    assert [(call["kind"], call["status"]) for call in calls(store)] == [
        ("model", "ok"),
        ("tool", "ok"),
        ("model", "ok"),
    ]


def test_an_asynchronous_tool_is_around_what_it_does(store: Store) -> None:
    """In a task as well, what is recorded in a tool is below it, and what follows is not."""

    @track
    def look() -> int:
        return 1

    @tool
    async def research(text: str) -> str:
        """Look."""
        await asyncio.sleep(0)
        look()
        return text

    async def work(handler: RunstoneHandler) -> None:
        await research.ainvoke({"text": "a"}, {"callbacks": [handler]})
        look()

    with store.run("k", run_id="r") as run:
        asyncio.run(work(RunstoneHandler(run)))
    assert [call["parent"] for call in calls(store)] == [None, "call-1", None]


def test_a_cancelled_agent_leaves_cancelled_calls(server: OpenAIServer, store: Store) -> None:
    """LangChain says nothing of a model whose task is cancelled; the graph around it does."""
    going = Event()
    server.script = lambda body: Answer("late", until=going)
    agent = tool_agent(server, [add]).compile()

    async def work(handler: RunstoneHandler) -> list[dict[str, Any]]:
        task = asyncio.create_task(agent.ainvoke(question(), {"callbacks": [handler]}))
        await asyncio.to_thread(server.asked.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return calls(store)

    with store.run("k", run_id="r") as run:
        told = asyncio.run(work(RunstoneHandler(run)))
    going.set()
    assert [call["status"] for call in told] == ["cancelled"]


def test_a_call_whose_end_nobody_tells_ends_with_the_run(server: OpenAIServer, store: Store) -> None:
    """A model that was asked alone, and cancelled, is cancelled when the run ends."""
    going = Event()
    server.script = lambda body: Answer("late", until=going)

    async def work(handler: RunstoneHandler) -> None:
        task = asyncio.create_task(chat_model(server).ainvoke("hi", {"callbacks": [handler]}))
        await asyncio.to_thread(server.asked.wait, 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with store.run("k", run_id="r") as run:
        asyncio.run(work(RunstoneHandler(run)))
    going.set()
    assert [call["status"] for call in models_called(store)] == ["cancelled"]


class Branches(TypedDict):
    """The state of a graph whose branches each add a text."""

    texts: Annotated[list[str], lambda before, new: before + new]


def test_parallel_branches_are_kept_apart(server: OpenAIServer, store: Store) -> None:
    """Of twenty branches, each a model and a tool around a model, every call has its own parent and answer."""
    server.script = lambda body: Answer(body["messages"][0]["content"])
    model = chat_model(server)

    @tool
    def repeat(text: str, config: RunnableConfig) -> str:
        """Have a model repeat it."""
        return str(model.invoke(text, config).content)

    graph = StateGraph(Branches)
    for number in range(20):
        text = "x" * (number + 1)
        graph.add_node(text, lambda _, config, text=text: {"texts": [repeat.invoke({"text": text}, config)]})
        graph.add_edge(START, text)
    with store.run("k", run_id="r") as run:
        graph.compile().invoke({"texts": []}, {"callbacks": [RunstoneHandler(run)]})
    tools = {call["call"]: call for call in tools_called(store)}
    models = models_called(store)
    assert (len(tools), len(models)) == (20, 20)
    assert {tools[call["parent"]]["result"] for call in models} == {"x" * (number + 1) for number in range(20)}
    assert all(len(tools[call["parent"]]["result"]) == call["output"]["bytes"] for call in models)


def ask_first(handler: RunstoneHandler, tools: list[Any], server: OpenAIServer) -> tuple[Any, RunnableConfig]:
    """An agent with a memory, so that it can wait for somebody."""
    agent = tool_agent(server, tools).compile(checkpointer=InMemorySaver())
    return agent, {"callbacks": [handler], "configurable": {"thread_id": "t"}}


@tool
def write(path: str) -> str:
    """Write a file, if somebody says so."""
    answer = interrupt({"question": f"write {path}?"})
    return f"written: {answer}"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_interrupt_is_no_error(server: OpenAIServer, store: Store, asynchronous: bool) -> None:
    """The tool has been cancelled, what was asked is recorded, and after the resume the tool is called once more."""
    server.answers = [Answer(calls=(("write", {"path": "a.txt"}),)), Answer("done")]
    with store.run("k", run_id="r") as run:
        agent, config = ask_first(RunstoneHandler(run), [write], server)
        if asynchronous:

            async def work() -> None:
                await agent.ainvoke(question(), config)
                await agent.ainvoke(Command(resume="yes"), config)

            asyncio.run(work())
        else:
            agent.invoke(question(), config)
            agent.invoke(Command(resume="yes"), config)
    first, again = tools_called(store)
    assert (first["status"], first["error"]["type"]) == ("cancelled", "GraphInterrupt")
    assert (again["status"], again["result"], again["ref"]) == ("ok", "written: yes", first["ref"])
    (asked,) = of_type(store, "r", "x.langgraph.interrupted")
    assert [one["value"] for one in asked["asked"]] == [{"question": "write a.txt?"}]
    assert len(of_type(store, "r", "x.langgraph.resumed")) == 1
    assert events(store, "r")[-1]["data"]["status"] == "success"


def test_an_interrupt_of_a_node_is_told_as_well(store: Store) -> None:
    """A node that asks is no call; what it asks is recorded, and where."""

    def ask(_: Branches) -> dict[str, list[str]]:
        return {"texts": [interrupt("go on?")]}

    graph = StateGraph(Branches)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    with store.run("k", run_id="r") as run:
        config: Any = {"callbacks": [RunstoneHandler(run)], "configurable": {"thread_id": "t"}}
        graph.compile(checkpointer=InMemorySaver()).invoke({"texts": []}, config)
    assert calls(store) == []
    (asked,) = of_type(store, "r", "x.langgraph.interrupted")
    assert (asked["asked"][0]["value"], asked["call"], asked["status"]) == ("go on?", None, "pending")


def test_what_a_contract_takes_out_is_not_asked_in_the_record(server: OpenAIServer, store: Store) -> None:
    """Where a contract masks an argument, an interrupt that repeats it is told by size and digest."""
    handling = {"arguments": {"/path": "mask"}}
    contract = {"name": "write", "version": "1", "arguments": {"type": "object"}, "handling": handling}
    server.answers = [Answer(calls=(("write", {"path": "my-own-place.txt"}),))]
    with store.run("k", run_id="r") as run:
        agent, config = ask_first(RunstoneHandler(run, contracts=[contract]), [write], server)
        agent.invoke(question(), config)
    (call,) = tools_called(store)
    assert call["args"] == {"path": "[REDACTED:tool-mask]"}
    (asked,) = of_type(store, "r", "x.langgraph.interrupted")
    assert set(asked["asked"][0]["value"]) == {"bytes", "sha256"}
    assert b"my-own-place" not in on_disk(store)


class Library(BaseRetriever):
    """Finds the same two passages."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        if query == "fail":
            raise LookupError("no index of secret things")
        return [
            Document("the text of a book", id="b1", metadata={"source": "a.txt", "start_index": 7, "score": 0.5}),
            Document("another", metadata={"source": "b.txt"}),
        ]


def test_a_retriever_gives_evidence_without_text(store: Store) -> None:
    """Each passage has its source, span, score, digest and size; its text is nowhere."""
    library = Library(metadata={"corpus": "books", "corpus_version": "3"})
    with store.run("k", run_id="r") as run:
        library.invoke("which?", {"callbacks": [RunstoneHandler(run)]})
    (found,) = of_type(store, "r", "evidence")
    text = b"the text of a book"
    assert (found["query"], found["corpus"], found["version"]) == ("which?", "books", "3")
    assert found["passages"][0] == {
        "id": "b1",
        "source": "a.txt",
        "span": {"start": 7, "end": 25},
        "score": 0.5,
        "sha256": hashlib.sha256(text).hexdigest(),
        "bytes": 18,
    }
    assert text not in on_disk(store)


def test_a_retriever_without_a_corpus_is_one(store: Store) -> None:
    """Its name stands for what it searches."""
    with store.run("k", run_id="r") as run:
        asyncio.run(Library().ainvoke("which?", {"callbacks": [RunstoneHandler(run)]}))
        Library().invoke("which?", {"callbacks": [RunstoneHandler(run, retrievers=False)]})
    assert [found["corpus"] for found in of_type(store, "r", "evidence")] == ["Library"]


def test_a_retriever_that_fails_found_nothing(store: Store) -> None:
    """An event says that it failed, and nothing of what it says."""
    with store.run("k", run_id="r") as run, pytest.raises(LookupError):
        Library().invoke("fail", {"callbacks": [RunstoneHandler(run)]})
    assert of_type(store, "r", "evidence") == []
    assert of_type(store, "r", "x.retrieval.failed") == [{"corpus": "Library", "version": None, "error": "LookupError"}]


def test_a_policy_stops_a_tool(server: OpenAIServer, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A tool that a policy denies is not called; the agent sees the error as one of the tool."""
    ran: list[str] = []

    @tool
    def delete(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return "gone"

    server.answers = [Answer(calls=(("delete", {"path": "a"}),)), Answer("I may not")]
    with store.run("k", run_id="r") as run:
        run.govern({"name": "careful", "version": "1", "deny": ["delete"]})
        answer = tool_agent(server, [delete]).compile().invoke(question(), {"callbacks": [RunstoneHandler(run)]})
    assert (ran, answer["messages"][-1].content) == ([], "I may not")
    assert "blocked" in answer["messages"][-2].content
    assert [call["status"] for call in tools_called(store)] == ["blocked"]
    assert [decision["outcome"] for decision in of_type(store, "r", "decision")] == ["block"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_policy_stops_a_tool_that_is_called_alone(store: Store, asynchronous: bool) -> None:
    """The error is the caller's."""
    with store.run("k", run_id="r") as run:
        run.govern({"name": "careful", "version": "1", "deny": ["add"]})
        config: RunnableConfig = {"callbacks": [RunstoneHandler(run)]}

        async def work() -> None:
            await add.ainvoke({"a": 1, "b": 2}, config)

        with pytest.raises(PolicyBlocked):
            asyncio.run(work()) if asynchronous else add.invoke({"a": 1, "b": 2}, config)


def test_who_approves_may_be_asked_by_an_interrupt(server: OpenAIServer, store: Store) -> None:
    """An approver that interrupts the graph is answered by the resume; the tool runs once."""
    ran: list[int] = []

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        ran.append(amount)
        return "paid"

    server.answers = [Answer(calls=(("pay", {"amount": 5}),)), Answer("done")]
    with store.run("k", run_id="r") as run:
        policy = {"name": "careful", "version": "1", "approval": {"tools": ["pay"]}}
        run.govern(policy, approver=lambda request: interrupt(request.tool) == "yes")
        agent, config = ask_first(RunstoneHandler(run), [pay], server)
        agent.invoke(question(), config)
        before = list(ran)
        agent.invoke(Command(resume="yes"), config)
    assert (before, ran) == ([], [5])
    assert [call["status"] for call in tools_called(store)] == ["cancelled", "ok"]
    assert [approval["outcome"] for approval in of_type(store, "r", "approval")] == ["unanswered", "approved"]


def test_arguments_that_do_not_fit_a_contract_stop_a_tool(store: Store) -> None:
    """The contract of a tool is asked before LangChain is."""
    schema = {"type": "object", "required": ["a", "b", "c"]}
    handler_of = {"name": "add", "version": "1", "arguments": schema}
    with store.run("k", run_id="r") as run, pytest.raises(RunstoneError) as raised:
        add.invoke({"a": 1, "b": 2}, {"callbacks": [RunstoneHandler(run, contracts=[handler_of])]})
    assert raised.value.code == "invalid_arguments"


def test_what_fails_in_the_handler_breaks_no_agent(
    server: OpenAIServer, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said once, on standard error and in the record, without what the exception says."""

    def broken(_: Any) -> None:
        raise RuntimeError("with a secret in it")

    monkeypatch.setattr("runstone.ingest.langchain.answer_of", broken)
    server.answers = [Answer("a"), Answer("b")]
    with store.run("k", run_id="r") as run:
        config: RunnableConfig = {"callbacks": [RunstoneHandler(run)]}
        answers = [chat_model(server).invoke("hi", config).content for _ in range(2)]
    said = capsys.readouterr().err
    assert answers == ["a", "b"]
    assert (said.count("RunstoneHandler failed at on_llm_end (RuntimeError)"), "with a secret" in said) == (1, False)
    assert [call["status"] for call in models_called(store)] == ["ok", "ok"]
    assert len(of_type(store, "r", "log")) == 1


def test_a_run_that_is_over_breaks_no_agent(server: OpenAIServer, store: Store) -> None:
    """What is called after the end of the run, or while recording is off, is called all the same."""
    server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")] * 2
    agent = tool_agent(server, [add]).compile()
    with store.run("k", run_id="r") as run:
        handler = RunstoneHandler(run)
    for one in (handler, RunstoneHandler(DISABLED)):
        assert agent.invoke(question(), {"callbacks": [one]})["messages"][-1].content == "three"
    assert calls(store) == []
