"""Secrets that agents of other frameworks handle reach no file, and what is recorded changes nothing of an agent."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from core.planted import LETTERS, checked, drawn
from langchain_core.tools import tool
from openai import AsyncOpenAI, InternalServerError
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from runstone.engine.store import Store
from runstone.ingest.langchain import RunstoneHandler
from runstone.ingest.pydantic_ai import RunstoneCapability

from .agents import calls, on_disk, question, tool_agent
from .openai_server import Answer, OpenAIServer

RANDOM = Random(6)
OPAQUE = [drawn(RANDOM, LETTERS, 20) for _ in range(4)]
"""Secrets that have no shape: in a header, in a prompt, in the system's prompt and in an answer."""
TOKENS = ["ghp_" + checked(RANDOM) for _ in range(3)]
"""Secrets that have one: in arguments, in a result and in an exception."""


def plant(server: OpenAIServer) -> None:
    """A tool is called with a secret, another fails with one; the answer has one."""
    wanted = (("use", {"token": TOKENS[0]}), ("leak", {}))
    server.answers = [Answer(OPAQUE[3], calls=wanted), Answer(OPAQUE[3])]


def assert_clean(server: OpenAIServer, store: Store, said: str) -> None:
    """All of it was there, and nothing of it is on the disk or was said."""
    sent = str(server.requests) + str(server.headers)
    assert [secret for secret in [*OPAQUE[:3], *TOKENS[:2]] if secret not in sent] == []
    disk = on_disk(store)
    assert [secret for secret in [*OPAQUE, *TOKENS] if secret.encode() in disk or secret in said] == []
    assert [call["status"] for call in calls(store)] == ["ok", "ok", "error", "ok"]


def test_langchain(
    server: OpenAIServer, store: Store, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """An agent of LangGraph: in headers, prompts, arguments, results, exceptions and answers."""

    @tool
    def use(token: str) -> str:
        """Use a token."""
        return f"used {TOKENS[1]}"

    @tool
    def leak() -> str:
        """Fail with one."""
        raise ValueError(f"cannot use {TOKENS[2]}")

    plant(server)
    headers = {"default_headers": {"X-Gate": OPAQUE[0]}, "model_kwargs": {"extra_headers": {"X-Other": OPAQUE[0]}}}
    agent = tool_agent(server, [use, leak], **headers).compile()
    messages = {"messages": [("system", OPAQUE[2]), ("user", OPAQUE[1])]}
    with store.run("k", run_id="r") as run:
        agent.invoke(messages, {"callbacks": [RunstoneHandler(run)], "max_concurrency": 1})
    assert_clean(server, store, capsys.readouterr().err + caplog.text)


def test_pydantic_ai(
    server: OpenAIServer, store: Store, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """An agent of pydantic-ai: the same."""
    client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, default_headers={"X-Gate": OPAQUE[0]})
    model = OpenAIChatModel("gpt-test", provider=OpenAIProvider(openai_client=client))
    agent = Agent(model, instructions=OPAQUE[2], model_settings=ModelSettings(extra_headers={"X-Other": OPAQUE[0]}))

    @agent.tool_plain(sequential=True)
    def use(token: str) -> str:
        """Use a token."""
        return f"used {TOKENS[1]}"

    @agent.tool_plain(sequential=True)
    def leak() -> str:
        """Fail with one."""
        from pydantic_ai import ModelRetry

        raise ModelRetry(f"cannot use {TOKENS[2]}")

    plant(server)
    with store.run("k", run_id="r") as run:
        asyncio.run(agent.run(OPAQUE[1], capabilities=[RunstoneCapability(run)]))
    assert_clean(server, store, capsys.readouterr().err + caplog.text)


def test_an_exception_that_ends_the_run_has_no_prompt(server: OpenAIServer, store: Store) -> None:
    """A provider that quotes the prompt in its error: the run fails with it, and does not repeat it."""
    server.answers = [Answer(status=500, error=f"you asked {OPAQUE[1]}")]

    def work() -> None:
        with store.run("k", run_id="r") as run:
            agent = tool_agent(server, []).compile()
            agent.invoke(question(OPAQUE[1]), {"callbacks": [RunstoneHandler(run)]})

    with pytest.raises(InternalServerError, match="you asked"):
        work()
    assert OPAQUE[1].encode() not in on_disk(store)


def test_an_agent_does_what_it_does_without(server: OpenAIServer, store: Store) -> None:
    """What an agent sends and answers is the same, recorded or not."""

    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    def told(callbacks: list[Any]) -> tuple[list[Any], list[Any]]:
        server.requests, server._calls = [], 0
        server.answers = [Answer(calls=(("add", {"a": 1, "b": 2}),)), Answer("three")]
        found = tool_agent(server, [add]).compile().invoke(question(), {"callbacks": callbacks})
        return server.requests, [(message.type, message.content) for message in found["messages"]]

    with store.run("k", run_id="r") as run:
        assert told([RunstoneHandler(run)]) == told([])
