"""The run artifacts of Lotus, contract `lotus/1.0`: a deterministic artifact of every rebalancing run.

    from runstone.contracts.lotus import build_artifact

    artifact = build_artifact(stored_run)

`LotusRuns` records simulations behind a gate and looks them up; `router` serves them (needs FastAPI, the extra `web`).
Names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.lotus.api import router
    from runstone.contracts.lotus.document import artifact_hash, build_artifact, request_hash
    from runstone.contracts.lotus.runs import LotusRuns
    from runstone.contracts.lotus.settings import open_runs

__all__ = ["LotusRuns", "artifact_hash", "build_artifact", "open_runs", "request_hash", "router"]

_HOMES = {
    "LotusRuns": "runstone.contracts.lotus.runs",
    "artifact_hash": "runstone.contracts.lotus.document",
    "build_artifact": "runstone.contracts.lotus.document",
    "open_runs": "runstone.contracts.lotus.settings",
    "request_hash": "runstone.contracts.lotus.document",
    "router": "runstone.contracts.lotus.api",
}


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'runstone.contracts.lotus' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
