"""The records of rentl, contract `rentl/1`: state, artifacts and logs of a pipeline of phases, as its users know them.

    from runstone.contracts.rentl import PhaseRunner, open_async_stores

    stores = open_async_stores("project")
    state = await stores.states.load_run_state(run_id)

Names are loaded when they are first used; all but the fold need the extra `rentl` (pydantic).
"""

from __future__ import annotations

from runstone.lazily import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.rentl.errors import StorageError
    from runstone.contracts.rentl.importing import import_runs
    from runstone.contracts.rentl.models import (
        ArtifactManifest,
        ArtifactMetadata,
        LogEntry,
        LogFileReference,
        RunIndexRecord,
        RunStateRecord,
        StorageErrorInfo,
    )
    from runstone.contracts.rentl.opening import AsyncStores, Stores, open_async_stores, open_stores
    from runstone.contracts.rentl.phases import Phase, PhaseContext, PhaseOutput
    from runstone.contracts.rentl.protocols import ArtifactStore, LogStore, RunStateStore
    from runstone.contracts.rentl.runner import PhaseRunner
    from runstone.contracts.rentl.sealing import RunSealer, seal_run
    from runstone.contracts.rentl.sinks import LogSink, Progress, ProgressStream

__all__ = [
    "ArtifactManifest",
    "ArtifactMetadata",
    "ArtifactStore",
    "AsyncStores",
    "LogEntry",
    "LogFileReference",
    "LogSink",
    "LogStore",
    "Phase",
    "PhaseContext",
    "PhaseOutput",
    "PhaseRunner",
    "Progress",
    "ProgressStream",
    "RunIndexRecord",
    "RunSealer",
    "RunStateRecord",
    "RunStateStore",
    "StorageError",
    "StorageErrorInfo",
    "Stores",
    "import_runs",
    "open_async_stores",
    "open_stores",
    "seal_run",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        ".errors": ("StorageError",),
        ".importing": ("import_runs",),
        ".models": (
            "ArtifactManifest",
            "ArtifactMetadata",
            "LogEntry",
            "LogFileReference",
            "RunIndexRecord",
            "RunStateRecord",
            "StorageErrorInfo",
        ),
        ".opening": ("AsyncStores", "Stores", "open_async_stores", "open_stores"),
        ".phases": ("Phase", "PhaseContext", "PhaseOutput"),
        ".protocols": ("ArtifactStore", "LogStore", "RunStateStore"),
        ".runner": ("PhaseRunner",),
        ".sealing": ("RunSealer", "seal_run"),
        ".sinks": ("LogSink", "Progress", "ProgressStream"),
    },
    extra="rentl",
)
