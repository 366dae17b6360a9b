"""Replays of models, and of agents of frameworks: what can be answered, and what is called for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runstone.errors import RunstoneError

from .replayed import Program

pyrage = pytest.importorskip("pyrage")

ASKS = """
async def ask_later(prompt):
    return [json.loads(Path("backend.txt").read_text()), prompt]

def ask(prompt, call):
    call.usage(input_tokens=3, output_tokens=2)
    if prompt == "bad":
        raise TimeoutError("the model has said: SECRET PROMPT")
    return Path("backend.txt").read_text() + prompt

call = run.model_call("small-1", "SECRET PROMPT", provider="local")
told = [call.do(ask, "SECRET PROMPT", call)]
told += asyncio.run(run.model_call("small-1", ["b"]).do(ask_later, "b"))
try:
    call = run.model_call("small-1", "bad")
    call.do(ask, "bad", call)
except TimeoutError:
    told.append("timeout")
run.finish(result=told)
"""
IMPORTS = "import json\n"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A program that asks a model, and is recorded in debug mode."""
    found = Program(tmp_path)
    found.backend.write_text('"answer"')
    identity = pyrage.x25519.Identity.generate()
    monkeypatch.setenv("RUNSTONE_DEBUG_KEY", str(identity.to_public()))
    found.identity = identity  # type: ignore[attr-defined]  # for these tests alone
    return found


def test_answers_of_models_are_given_back_with_the_key(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text as text, JSON as JSON, an exception as one of its class; tokens are those of then."""
    run_id = program.run(ASKS, before=IMPORTS)
    monkeypatch.delenv("RUNSTONE_DEBUG_KEY")
    found = program.replay(run_id, identities=[program.identity])  # type: ignore[attr-defined]  # see the fixture
    assert (found.divergence, found.ok) == (None, True)
    store = program.store
    result = store.get(found.replayed["run_id"]).document("run.json")["result"]
    assert result == ['"answer"SECRET PROMPT', "answer", "b", "timeout"]
    used = [
        [event["data"]["usage"] for event in store.get(one).events("model.returned")]
        for one in (run_id, found.replayed["run_id"])
    ]
    assert used[0] == used[1]


def test_without_the_key_it_is_said_before(program: Program) -> None:
    """Each answer that would be needed is named; a model that is called for real is asked."""
    run_id = program.run(ASKS, before=IMPORTS)
    with pytest.raises(RunstoneError) as caught:
        program.store.replay(run_id)
    assert caught.value.details["problems"] == [
        f"call-{number} small-1 /output: what a model answered is kept in debug mode alone" for number in (1, 2)
    ]
    assert program.store.replay(run_id, live=["small-1"]).ok
    program.backend.write_text('"another"')
    found = program.store.replay(run_id, live=["small-1"])
    assert found.divergence is not None
    assert found.divergence["reason"] == "result"


def test_no_prompt_is_on_disk_or_in_a_report(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is asked nor what is answered, also where the prompt is another one."""
    (program.folder / "prompt.txt").write_text("SECRET PROMPT")
    body = ASKS.replace("run.finish(result=told)", "").replace('"SECRET PROMPT"', 'Path("prompt.txt").read_text()')
    run_id = program.run(body, before=IMPORTS)
    monkeypatch.delenv("RUNSTONE_DEBUG_KEY")
    (program.folder / "prompt.txt").write_text("SECRET OTHER")
    found = program.replay(run_id, identities=[program.identity])  # type: ignore[attr-defined]  # see the fixture
    assert found.divergence is not None
    assert found.divergence["reason"] == "arguments"
    assert "SECRET" not in str(found.as_dict())
    files = [path for path in Path(program.store.url).rglob("*") if path.is_file()]
    assert not any(b"SECRET" in path.read_bytes() for path in files)


def test_a_model_that_took_too_long_is_cancelled_again(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked, and waits until then."""
    body = """
    async def ask():
        await asyncio.sleep(60)

    async def main():
        try:
            await asyncio.wait_for(run.model_call("m", "hi").do(ask), 0.1)
        except TimeoutError:
            return "timeout"

    run.finish(result=asyncio.run(main()))
    """
    run_id = program.run(body)
    monkeypatch.delenv("RUNSTONE_DEBUG_KEY")
    found = program.replay(run_id, identities=[program.identity])  # type: ignore[attr-defined]  # see the fixture
    assert (found.divergence, found.notes, found.ok) == (None, [], True)


PYDANTIC = """\
import sys
from pathlib import Path
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel
import runstone
from runstone.ingest.pydantic_ai import RunstoneCapability

agent = Agent(TestModel())

@agent.tool_plain
def look(q: str) -> str:
    return Path("backend.txt").read_text()

with runstone.open(sys.argv[1]).run("agent") as run:
    done = agent.run_sync("what?", capabilities=[RunstoneCapability(run)])
    run.finish(result=done.output)
"""


def test_tools_of_pydantic_ai_are_answered(program: Program) -> None:
    """The agent is as it was; its model, a local one, is called for real."""
    pytest.importorskip("pydantic_ai")
    (program.folder / "agent.py").write_text(PYDANTIC)
    command = [sys.executable, "agent.py", program.store.url]
    environment = {name: value for name, value in os.environ.items() if name != "RUNSTONE_DEBUG_KEY"}
    subprocess.run(command, cwd=program.folder, check=True, env=environment)
    found = program.replay(live=["test"])
    assert (found.divergence, found.ok) == (None, True)


LANGCHAIN = """\
import sys
from pathlib import Path
from langchain_core.tools import tool
import runstone
from runstone.ingest.langchain import RunstoneHandler

@tool
def look(q: str) -> str:
    "Looks."
    Path("sent.txt").touch()
    return "found"

with runstone.open(sys.argv[1]).run("agent") as run:
    run.finish(result=look.invoke({"q": "x"}, {"callbacks": [RunstoneHandler(run)]}))
"""


def test_tools_that_are_only_watched_are_not_called(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler of LangChain cannot answer for a tool, so that is not called unless it is named."""
    pytest.importorskip("langchain_core")
    monkeypatch.delenv("RUNSTONE_DEBUG_KEY")
    (program.folder / "agent.py").write_text(LANGCHAIN)
    subprocess.run([sys.executable, "agent.py", program.store.url], cwd=program.folder, check=True)
    sent = program.folder / "sent.txt"
    sent.unlink()
    found: Any = program.replay()
    assert (found.divergence["reason"], found.divergence["found"]["name"]) == ("refused", "look")
    assert not sent.exists()
    assert program.replay(found.run["run_id"], live=["look"]).ok
    assert sent.exists()


ANSWERED = """\
import asyncio, sys
from pathlib import Path
from langchain_core.tools import tool
import runstone
from runstone.ingest.langchain_tools import recorded_tools

@tool
def look(q: str, limit: int = 3) -> dict:
    "Looks."
    return {"found": Path("backend.txt").read_text(), "q": q, "limit": limit}

with runstone.open(sys.argv[1]).run("agent") as run:
    (known,) = recorded_tools(run, [look])
    told = [known.invoke({"q": "x"}), asyncio.run(known.ainvoke({"q": "y", "limit": 1}))]
    told += [known.name, known.description, sorted(known.args)]
    run.finish(result=told)
"""


def test_tools_of_langchain_behind_the_run_are_answered(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain and in a task; to the agent they are the tools that they were made of."""
    pytest.importorskip("langchain_core")
    monkeypatch.delenv("RUNSTONE_DEBUG_KEY")
    (program.folder / "agent.py").write_text(ANSWERED)
    subprocess.run([sys.executable, "agent.py", program.store.url], cwd=program.folder, check=True)
    found: Any = program.replay()
    assert (found.divergence, found.ok) == (None, True)
    calls = program.store.get(found.run["run_id"]).document("tool_calls.json")["calls"]
    assert [call["args"] for call in calls] == [{"q": "x", "limit": 3}, {"q": "y", "limit": 1}]
    result = program.store.get(found.replayed["run_id"]).document("run.json")["result"]
    assert result[0] == {"found": '"answer"', "q": "x", "limit": 3}
    assert result[2:] == ["look", "Looks.", ["limit", "q"]]


def test_an_artifact_beside_the_content_is_refused() -> None:
    """It would be lost in a replay."""
    tools = pytest.importorskip("langchain_core.tools")
    from runstone.ingest.langchain_tools import recorded_tools

    @tools.tool(response_format="content_and_artifact")
    def both(q: str) -> tuple[str, str]:
        """Answers two things."""
        return q, q

    import runstone

    with runstone.open("memory:").run("agent") as run, pytest.raises(RunstoneError, match="both answers an artifact"):
        recorded_tools(run, [both])
