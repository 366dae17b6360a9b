"""The run artifacts of agents, contract `agent/1`: what an agent was asked, did, was allowed, cost and was worth.

    from runstone.contracts.agent import AgentRun, ArtifactStore

    store = ArtifactStore("runs")
    with store.open(AgentRun("research", version="1.2", request_id="r-17", config={"model": "small"})) as run:
        ...
    print(store.get(run.run_id).run["status"])

Names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.agent.schemas import schema_of
    from runstone.contracts.agent.store import AgentRun, ArtifactStore, RunArtifact

__all__ = ["AgentRun", "ArtifactStore", "RunArtifact", "schema_of"]

_HOMES = {
    "AgentRun": "runstone.contracts.agent.store",
    "ArtifactStore": "runstone.contracts.agent.store",
    "RunArtifact": "runstone.contracts.agent.store",
    "schema_of": "runstone.contracts.agent.schemas",
}


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'runstone.contracts.agent' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
