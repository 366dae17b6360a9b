"""Graphs of LangGraph whose state is saved: a chat, a graph that fails once, one that asks, one with a graph in it."""

from __future__ import annotations

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from runstone.ingest.langgraph import RunstoneSaver

ONE_BY_ONE = {"max_concurrency": 1}
"""In a config: the first of two tasks has ended, and was saved, when the second begins."""


class Cipher:
    """What `EncryptedSerializer` asks for."""

    def __init__(self) -> None:
        self._aead = AESGCM(bytes(range(32)))
        self._number = 0

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        self._number += 1
        nonce = self._number.to_bytes(12, "big")
        return "test", nonce + self._aead.encrypt(nonce, plaintext, None)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "test"
        return self._aead.decrypt(ciphertext[:12], ciphertext[12:], None)


class ClosedCipher(Cipher):
    """One with another key, which opens nothing."""

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        raise ValueError("the key does not fit")


class Counted(TypedDict):
    """What was done, in order."""

    done: Annotated[list[str], operator.add]


def conformance(url: str, **options: Any) -> dict[str, tuple[bool, bool | None, int]]:
    """What the suite says of each capability: whether it is there, whether it passed, how many tests failed."""

    @checkpointer_test("RunstoneSaver")
    async def savers():
        async with RunstoneSaver.open(url, **options) as opened:
            yield opened

    report = asyncio.run(validate(savers))
    return {name: (one.detected, one.passed, one.tests_failed) for name, one in report.results.items()}


WHOLE = {capability.value: (True, True, 0) for capability in Capability}


def thread(name: str = "t", **more: Any) -> dict[str, Any]:
    """The config of a thread."""
    return {"configurable": {"thread_id": name, **more}}


def chat(saver: Any) -> Any:
    """Answers each message with how many there are."""

    def answer(state: MessagesState) -> dict[str, Any]:
        number = len(state["messages"])
        return {"messages": [AIMessage(f"answer {number}", id=f"a{number}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=saver)


def say(graph: Any, text: str, config: dict[str, Any]) -> list[str]:
    """All messages once a text was answered."""
    state = graph.invoke({"messages": [HumanMessage(text, id=f"h {text}")]}, config)
    return [message.content for message in state["messages"]]


def steps(saver: Any, *names: str, calls: list[str] | None = None) -> Any:
    """A graph of nodes in a row, each of which says that it was there."""
    graph = StateGraph(Counted)
    for before, name in zip((START, *names), names, strict=False):

        def node(_: Counted, name: str = name) -> dict[str, Any]:
            if calls is not None:
                calls.append(name)
            return {"done": [name]}

        graph.add_node(name, node)
        graph.add_edge(before, name)
    return graph.compile(checkpointer=saver)


def fails_once(saver: Any, calls: list[str]) -> Any:
    """Two nodes side by side, of which one fails the first time; then a last one. Begin it with `ONE_BY_ONE`: LangGraph
    drops what a task wrote that ends just when another one fails."""

    def good(_: Counted) -> dict[str, Any]:
        calls.append("good")
        return {"done": ["good"]}

    def bad(_: Counted) -> dict[str, Any]:
        calls.append("bad")
        if calls.count("bad") == 1:
            raise ZeroDivisionError("the first time")
        return {"done": ["bad"]}

    graph = StateGraph(Counted)
    graph.add_node("good", good)
    graph.add_node("bad", bad)
    graph.add_node("last", lambda _: {"done": ["last"]})
    graph.add_edge(START, "good")
    graph.add_edge(START, "bad")
    graph.add_edge(["good", "bad"], "last")
    return graph.compile(checkpointer=saver)


def asks(saver: Any) -> Any:
    """A node that asks and goes on with what it is told, in a graph within a graph."""
    inner = StateGraph(Counted)
    inner.add_node("before", lambda _: {"done": ["before"]})
    inner.add_node("ask", lambda _: {"done": [f"told {interrupt('may I?')}"]})
    inner.add_edge(START, "before")
    inner.add_edge("before", "ask")
    graph = StateGraph(Counted)
    graph.add_node("inner", inner.compile())
    graph.add_node("last", lambda _: {"done": ["last"]})
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "last")
    graph.add_edge("last", END)
    return graph.compile(checkpointer=saver)


def appended(state: list[str], writes: list[list[str]]) -> list[str]:
    """The reducer of a delta channel, for which order matters."""
    return [*state, *(item for write in writes for item in write)]


class Delta(TypedDict):
    """A state whose one channel is a delta channel."""

    log: Annotated[list[str], DeltaChannel(appended, snapshot_frequency=5)]


def delta(saver: Any) -> Any:
    """Two nodes side by side that write to a delta channel."""
    graph = StateGraph(Delta)
    for name in ("left", "right"):
        graph.add_node(name, lambda state, name=name: {"log": [f"{name} {len(state['log'])}"]})
        graph.add_edge(START, name)
    return graph.compile(checkpointer=saver)


def saver_at(path: Path, **options: Any) -> RunstoneSaver:
    """A saver of a file."""
    return RunstoneSaver.open(path, **options)


def history(saver: Any, config: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a saver says of a thread: each checkpoint whole, in the order of their ids."""
    found = [
        (
            one.config["configurable"]["checkpoint_id"],
            one.parent_config and one.parent_config["configurable"]["checkpoint_id"],
            one.checkpoint,
            {name: value for name, value in one.metadata.items() if name != "thread_id"},
            [(task, channel, repr(value)) for task, channel, value in one.pending_writes or ()],
        )
        for one in saver.list(config)
    ]
    return sorted(found, key=lambda one: one[0])
