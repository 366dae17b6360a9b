"""The run artifacts of Lotus, contract `lotus/1.0`: a deterministic artifact of every rebalancing run.

    from runstone.contracts.lotus import build_artifact

    artifact = build_artifact(stored_run)

`LotusRuns` records simulations behind a gate and looks them up; `router` serves them (needs FastAPI, the extra `web`).
Names are loaded when they are first used.
"""

from __future__ import annotations

from runstone.lazily import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.lotus.api import router
    from runstone.contracts.lotus.document import artifact_hash, build_artifact, request_hash
    from runstone.contracts.lotus.runs import LotusRuns
    from runstone.contracts.lotus.settings import open_runs

__all__ = ["LotusRuns", "artifact_hash", "build_artifact", "open_runs", "request_hash", "router"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        ".api": ("router",),
        ".document": ("artifact_hash", "build_artifact", "request_hash"),
        ".runs": ("LotusRuns",),
        ".settings": ("open_runs",),
    },
    extra="web",
)
