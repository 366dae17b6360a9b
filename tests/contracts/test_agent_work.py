"""What the methods of `Run` record has valid documents, and journal, `run.json`, `tool_calls.json` and audit agree."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.agent_work import EXPECTED, PRICES, work
from tests.contracts.test_agent_document import check, check_by_second_fold, files_of

from runstone.contracts.agent import AgentRun, ArtifactStore
from runstone.core.audit import audit
from runstone.engine.recorder import Run

LOGS = Path(__file__).resolve().parents[1] / "ingest" / "logs"
TOLD_TWICE = ("parent", "ref", "status", "error", "duration_ns", "attempts", "usage", "cost")
"""What `tool_calls.json` and the audit both tell of a call."""


def proved(store: ArtifactStore, run_id: str) -> dict[str, Any]:
    """The documents of a sealed run, by path: valid by their schemas, and as a second fold has them."""
    files = files_of(store.store, run_id)
    check(files)
    documents = {path: json.loads(body) for path, body in files.items() if path.endswith(".json")}
    check_by_second_fold(documents, files["events.jsonl"])
    return documents


def agree(store: ArtifactStore, run_id: str) -> dict[str, Any]:
    """The audit of a run, which says what its documents say."""
    documents = proved(store, run_id)
    index, calls = documents["run.json"], documents["tool_calls.json"]
    found = audit(store.get(run_id).events())
    rows = {row["call"]: row for row in found["rows"] if row["row"] in ("tool", "model")}
    told = [*calls["calls"], *calls["model_calls"]]
    assert {call["call"] for call in told} == set(rows)
    for call in told:
        row = rows[call["call"]]
        assert {name: call[name] for name in TOLD_TWICE} == {name: row[name] for name in TOLD_TWICE}
        for name in ("decisions", "approvals"):
            assert [one["outcome"] for one in call[name]] == [one["outcome"] for one in row[name]]
    for name in ("tool_calls", "model_calls", "approvals"):
        assert found["totals"][name] == index["counts"][name]
    assert Counter(call["status"] for call in calls["calls"]) == index["counts"]["tool_calls"]
    assert (found["totals"]["tokens"], found["totals"]["cost"]) == (index["tokens"], index["cost"])
    assert found["totals"]["child_runs"] == len(index["children"])
    return found


@pytest.fixture(scope="module")
def worked() -> tuple[ArtifactStore, str]:
    """A store with a run of all that an agent may do."""
    store = ArtifactStore("memory:")
    with store.open(AgentRun("research", request_id="r-17", config={"heat": 0.2}, versions={"sdk": "1"})) as run:
        work(run)
        run.finish("success", result={"found": "granite"})
    return store, run.run_id


def test_all_say_the_same_of_every_call(worked: tuple[ArtifactStore, str]) -> None:
    """Statuses, attempts, tokens, costs, approvals; and they are what was done."""
    store, run_id = worked
    found = agree(store, run_id)
    assert {name: found["totals"][name] for name in EXPECTED} == EXPECTED


def test_the_run_of_a_sub_agent_is_valid_and_told_by_its_call(worked: tuple[ArtifactStore, str]) -> None:
    """Its own documents, and in the audit of its parent the call that began it."""
    store, run_id = worked
    (child,) = proved(store, run_id)["run.json"]["children"]
    agree(store, child["run_id"])
    begun = {row["name"]: row["runs"] for row in audit(store.get(run_id).events())["rows"] if row.get("runs")}
    assert begun == {"research": [child["run_id"]]}


def test_what_was_not_called_was_tried_no_time(worked: tuple[ArtifactStore, str]) -> None:
    """Blocked calls, and one whose arguments do not fit, have no attempt; all others that ended have."""
    store, run_id = worked
    for call in proved(store, run_id)["tool_calls.json"]["calls"]:
        refused = call["status"] in ("blocked", "open") or (call["error"] or {}).get("type") == "invalid_arguments"
        assert bool(call["attempts"]) is not refused, call


def test_a_model_that_is_blocked_was_tried_no_time() -> None:
    """As a tool that is."""
    store = ArtifactStore("memory:")
    with store.open("research") as run:
        run.govern({"name": "poor", "version": "1", "budget": {"tokens": 0}})
        with pytest.raises(Exception, match=r"budget\.tokens"), run.model_call("small-1", "hi"):
            pass
    agree(store, run.run_id)
    (call,) = proved(store, run.run_id)["tool_calls.json"]["model_calls"]
    assert (call["status"], call["attempts"]) == ("blocked", 0)


def by_langchain(run: Run) -> None:
    """A model and a tool, and a tool that fails."""
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.tools import tool

    from runstone.ingest.langchain import RunstoneHandler

    @tool
    def root(of: int) -> float:
        """The square root."""
        if of < 0:
            raise ValueError("it has none")
        return of**0.5

    config: Any = {"callbacks": [RunstoneHandler(run)]}
    list(FakeListChatModel(responses=["forty-two"]).stream("what is it?", config))
    root.invoke({"of": 4}, config)
    with pytest.raises(ValueError, match="none"):
        root.invoke({"of": -1}, config)


def by_pydantic_ai(run: Run) -> None:
    """A model that calls a tool."""
    from pydantic_ai import Agent
    from pydantic_ai.models.test import TestModel

    from runstone.ingest.pydantic_ai import RunstoneCapability

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    asyncio.run(Agent(TestModel(), tools=[add]).run("what is it?", capabilities=[RunstoneCapability(run)]))


@pytest.mark.parametrize("agent", [by_langchain, by_pydantic_ai])
def test_agents_of_frameworks_are_valid(agent: Any) -> None:
    """What handlers record of them."""
    store = ArtifactStore("memory:")
    with store.open("sums") as run:
        run.govern(prices={**PRICES, "models": {"*": {"input": "1", "output": "1"}}})
        agent(run)
    found = agree(store, run.run_id)
    assert found["totals"]["model_calls"]["ok"] > 0
    assert found["totals"]["tool_calls"]["ok"] == 1


@pytest.mark.parametrize("name", ["sums.eval", "zeros.json"])
def test_logs_of_inspect_are_valid(name: str) -> None:
    """A real log is imported as `agent/1`."""
    from runstone.ingest.inspect.importing import import_log

    store = ArtifactStore("memory:")
    run_id, _, _ = import_log(LOGS / name, store.store)
    assert store.get(run_id).run["contract"] == "agent/1"
    agree(store, run_id)
