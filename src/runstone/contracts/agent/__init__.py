"""The run artifacts of agents, contract `agent/1`: what an agent was asked, did, was allowed, cost and was worth.

    from runstone.contracts.agent import AgentRun, ArtifactStore

    store = ArtifactStore("runs")
    with store.open(AgentRun("research", version="1.2", request_id="r-17", config={"model": "small"})) as run:
        ...
    print(store.get(run.run_id).run["status"])

Names are loaded when they are first used.
"""

from __future__ import annotations

from runstone.lazily import lazily

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

__getattr__, __dir__ = lazily(
    __name__,
    {
        ".run_store": ("RunStore",),
        ".schemas": ("schema_of",),
        ".store": ("AgentRun", "ArtifactStore", "RunArtifact"),
        "runstone.core.tools.approval": ("Approval", "ApprovalRequest"),
        "runstone.core.tools.contract": ("ToolContract",),
        "runstone.core.tools.makers": ("contract_of_model", "contracts_of_mcp", "contracts_of_openai"),
        "runstone.core.tools.prices": ("PriceTable",),
        "runstone.core.tools.rules": ("CallPolicy",),
        "runstone.engine.functions": ("contract_of_function",),
        "runstone.engine.governing": ("load_call_policy", "load_price_table"),
    },
)
