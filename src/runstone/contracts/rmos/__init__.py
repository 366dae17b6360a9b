"""Run artifacts of RMOS, contract `rmos/1`: every toolpath request leaves a sealed run, and its document as a file.

    from runstone.contracts.rmos import RunStore, toolpaths_router, runs_router

    store = RunStore()
    app.include_router(toolpaths_router(store, feasibility={"saw": judge}, toolpaths={"saw": build}))
    app.include_router(runs_router(store))

Names are loaded when they are first used; models and routers need the extra `web`.
"""

from __future__ import annotations

from runstone.lazily import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.rmos.api import runs_router, toolpaths_router
    from runstone.contracts.rmos.gate import ToolpathGate
    from runstone.contracts.rmos.hashing import sha256_json, sha256_text, sha256_toolpaths_payload, summarize_request
    from runstone.contracts.rmos.models import Hashes, RunArtifact, RunDecision, RunOutputs
    from runstone.contracts.rmos.policy import SAFETY_POLICY
    from runstone.contracts.rmos.store import RunStore

__all__ = [
    "SAFETY_POLICY",
    "Hashes",
    "RunArtifact",
    "RunDecision",
    "RunOutputs",
    "RunStore",
    "ToolpathGate",
    "runs_router",
    "sha256_json",
    "sha256_text",
    "sha256_toolpaths_payload",
    "summarize_request",
    "toolpaths_router",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        ".api": ("runs_router", "toolpaths_router"),
        ".gate": ("ToolpathGate",),
        ".hashing": ("sha256_json", "sha256_text", "sha256_toolpaths_payload", "summarize_request"),
        ".models": ("Hashes", "RunArtifact", "RunDecision", "RunOutputs"),
        ".policy": ("SAFETY_POLICY",),
        ".store": ("RunStore",),
    },
    extra="web",
)
