"""Recipes of the golden bundles of contract `agent/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.format.agent_story import SEARCH, answered, asked, called, research, returned, tell

from runstone.contracts.agent import AgentRun, ArtifactStore

if TYPE_CHECKING:
    from typing import Any

    from tests.format.good_bundles import Recipe
    from tests.format.surroundings import Files, Surroundings


def _opened(surroundings: Surroundings, host: dict[str, Any] | None = None, **options: Any) -> Any:
    store = ArtifactStore(surroundings.store(**(host or {})))
    return store.open(AgentRun("research", run_id=surroundings.name, **options))


def agent(surroundings: Surroundings) -> None:
    """An agent's run with everything that its documents tell of."""
    git = {"sha": "0123456789abcdef0123456789abcdef01234567", "ref": "refs/heads/main"}
    run = _opened(
        surroundings,
        {"git": git},
        version="1.2",
        request_id="r-17",
        tenant="acme",
        user="ann",
        config={"model": {"name": "small-1", "temperature": 0.2}, "tools": ["search", "a/b"], "seed": None},
        sources={"/model": "agent.toml", "/model/temperature": "--temperature", "": "default"},
        volatile=["/seed"],
        versions={"example": "2.1", "langgraph": "0.6"},
        labels={"env": "test"},
        links=[{"rel": "derives-from", "run_id": "yesterday", "digest": None}],
    )
    surroundings.clock.advance(0.5)
    research(run)
    run.event("context", {"request_id": None, "tenant": None, "user": "bea", "versions": {"example": "2.2"}})
    run.event("child", {"run_id": "part-1", "digest": "sha256:" + "a" * 64, "status": "success"})
    run.input("prompt", "prompts/research.txt", sha256="a" * 64, size=12)
    run.log("wrote the answer")
    run.check("answer is there", "pass", ["run.log:line:1", "tool_calls.json:$.calls[0].name"])
    surroundings.clock.advance(1.5)
    run.finish(result={"answer": "granite is hard"}, error={"type": "Warning", "message": "m", "traceback": "t"})


def agent_minimal(surroundings: Surroundings) -> None:
    """The least that an agent's run can be: its one document is the index."""
    _opened(surroundings).finish("success")


def agent_odd(surroundings: Surroundings) -> None:
    """What no writer should record: optional members of wrong types, answers and approvals of nothing; it folds."""
    run = _opened(surroundings)
    asked(run, "call-1", prompt={"bytes": -1, "sha256": 3}, ref=7, provider=None)
    returned(run, "call-1", result="of a tool of that id")
    called(run, "call-2", "t", {}, parent="call-3", side_effect="huge", ref=["x"])
    called(run, "call-2", "told twice", {})
    called(run, "call-3", "t", {}, parent="call-2")
    usage = {"input_tokens": -1, "output_tokens": True, "more": 1}
    returned(run, "call-2", cost={"amount": "1e3", "currency": "EUR"}, usage="many", items="x", problems="x", model=3)
    asked(run, "call-2", parent="call-2")
    answered(run, "call-2", model=["no", "text"], child=3)
    called(run, "call-4", "t", {}, parent="call-2")
    called(run, "", "t", {}, parent="")
    called(run, "call-5", "t", {})
    returned(run, "call-5", children=["part-1", 3], child="part-2")
    cost = {"amount": "0.10", "currency": "EUR", "prices_sha256": "x"}
    returned(run, "call-2", "odd", child="part-1", children="part-2", cost=cost, usage=usage)
    asked(run, "call-6", provider="")
    returned(run, "call-9")
    tell(run, "approval", call="call-9", outcome="approved", by="ann", reason=None, rule="nothing")
    tell(run, "contract", sha256=SEARCH, document={"version": 3})
    run.finish("failed", error=["no", "object"])


def agent_interrupted(surroundings: Surroundings, left: dict[str, Files]) -> None:
    """The process died while a tool was at work: the call is open in the documents."""
    run = _opened(surroundings, config={"model": "small-1"})
    called(run, "call-1", "search", {"q": "granite"})
    left[surroundings.name] = surroundings.left_behind(run)
    surroundings.store().recover()


def recipes(left: dict[str, Files]) -> dict[str, Recipe]:
    """Name of the bundle → recipe; what interrupted runs leave goes into `left`."""
    return {
        "agent": agent,
        "agent-interrupted": lambda surroundings: agent_interrupted(surroundings, left),
        "agent-minimal": agent_minimal,
        "agent-odd": agent_odd,
    }
