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
    from runstone.contracts.agent.run_store import RunStore
    from runstone.contracts.agent.schemas import schema_of
    from runstone.contracts.agent.store import AgentRun, ArtifactStore, RunArtifact
    from runstone.core.tools.approval import Approval, ApprovalRequest
    from runstone.core.tools.contract import ToolContract
    from runstone.core.tools.makers import contract_of_model, contracts_of_mcp, contracts_of_openai
    from runstone.core.tools.prices import PriceTable
    from runstone.core.tools.rules import CallPolicy
    from runstone.engine.functions import contract_of_function
    from runstone.engine.governing import load_call_policy, load_price_table

__all__ = [
    "AgentRun",
    "Approval",
    "ApprovalRequest",
    "ArtifactStore",
    "CallPolicy",
    "PriceTable",
    "RunArtifact",
    "RunStore",
    "ToolContract",
    "contract_of_function",
    "contract_of_model",
    "contracts_of_mcp",
    "contracts_of_openai",
    "load_call_policy",
    "load_price_table",
    "schema_of",
]

_HOMES = {
    "AgentRun": "runstone.contracts.agent.store",
    "Approval": "runstone.core.tools.approval",
    "ApprovalRequest": "runstone.core.tools.approval",
    "ArtifactStore": "runstone.contracts.agent.store",
    "CallPolicy": "runstone.core.tools.rules",
    "PriceTable": "runstone.core.tools.prices",
    "RunArtifact": "runstone.contracts.agent.store",
    "RunStore": "runstone.contracts.agent.run_store",
    "ToolContract": "runstone.core.tools.contract",
    "contract_of_function": "runstone.engine.functions",
    "contract_of_model": "runstone.core.tools.makers",
    "contracts_of_mcp": "runstone.core.tools.makers",
    "contracts_of_openai": "runstone.core.tools.makers",
    "load_call_policy": "runstone.engine.governing",
    "load_price_table": "runstone.engine.governing",
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
