"""The records of rentl, contract `rentl/1`: state, artifacts and logs of a pipeline of phases, as its users know them.

    from runstone.contracts.rentl import PhaseRunner, open_async_stores

    stores = open_async_stores("project")
    state = await stores.states.load_run_state(run_id)

Names are loaded when they are first used; all but the fold need the extra `rentl` (pydantic).
"""

from __future__ import annotations

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

_HOMES = {
    "ArtifactStore": "protocols",
    "AsyncStores": "opening",
    "LogSink": "sinks",
    "LogStore": "protocols",
    "Phase": "phases",
    "PhaseContext": "phases",
    "PhaseOutput": "phases",
    "PhaseRunner": "runner",
    "Progress": "sinks",
    "ProgressStream": "sinks",
    "RunSealer": "sealing",
    "RunStateStore": "protocols",
    "StorageError": "errors",
    "Stores": "opening",
    "import_runs": "importing",
    "open_async_stores": "opening",
    "open_stores": "opening",
    "seal_run": "sealing",
}
"""The others are models, which all have their name here."""


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    if name.startswith("_"):
        raise AttributeError(f"module 'runstone.contracts.rentl' has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(f"runstone.contracts.rentl.{_HOMES.get(name, 'models')}"), name)
    except AttributeError:
        raise AttributeError(f"module 'runstone.contracts.rentl' has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
