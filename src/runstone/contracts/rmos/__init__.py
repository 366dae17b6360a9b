"""Run artifacts of RMOS, contract `rmos/1`: every toolpath request leaves a sealed run, and its document as a file.

    from runstone.contracts.rmos import RunStore, toolpaths_router, runs_router

    store = RunStore()
    app.include_router(toolpaths_router(store, feasibility={"saw": judge}, toolpaths={"saw": build}))
    app.include_router(runs_router(store))

Names are loaded when they are first used; models and routers need the extra `web`.
"""

from __future__ import annotations

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

_HOMES = {
    "SAFETY_POLICY": "policy",
    "Hashes": "models",
    "RunArtifact": "models",
    "RunDecision": "models",
    "RunOutputs": "models",
    "RunStore": "store",
    "ToolpathGate": "gate",
    "runs_router": "api",
    "sha256_json": "hashing",
    "sha256_text": "hashing",
    "sha256_toolpaths_payload": "hashing",
    "summarize_request": "hashing",
    "toolpaths_router": "api",
}


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'runstone.contracts.rmos' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"runstone.contracts.rmos.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
