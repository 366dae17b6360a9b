"""Where rentl keeps its records, and what its files are called. Ids are those of the models, as text."""

from __future__ import annotations

import os

from runstone.core.layout import ARTIFACTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final
    from uuid import UUID

STATE: Final = "state"
LOGS: Final = "logs"
FOLDERS: Final = (STATE, ARTIFACTS, LOGS)
"""Of the three stores, where one place has them all."""

RUNS: Final = "runs/"
INDEX: Final = "index/"
ARTIFACT_INDEX: Final = "index.jsonl"


def state(run_id: str) -> str:
    """The state of a run, below `state`."""
    return f"{RUNS}{run_id}.json"


def is_project(path: str) -> bool:
    """Whether a folder has the states of runs where rentl keeps them."""
    return next(run_ids(path), None) is not None


def run_ids(path: str) -> Iterator[UUID]:
    """The runs of the project in a folder, by the files of their states, in the order of these."""
    from uuid import UUID

    folder = os.path.join(path, STATE, RUNS)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        try:
            run_id = UUID(name.removesuffix(".json"))
        except ValueError:
            continue
        if state(str(run_id)) == f"{RUNS}{name}":
            yield run_id


def index(run_id: str) -> str:
    """What lists show of a run, below `state`."""
    return f"{INDEX}{run_id}.json"


def artifact(run_id: str, artifact_id: str, form: str) -> str:
    """An artifact, below `artifacts`."""
    return f"{run_id}/artifact-{artifact_id}.{form}"


def log(run_id: str) -> str:
    """The log of a run, below `logs`."""
    return f"{run_id}.jsonl"


STATE_DOCUMENT: Final = "run_state.json"
INDEX_DOCUMENT: Final = "run_index.json"
PHASE_DOCUMENT: Final = "phase.json"
ARTIFACTS_DOCUMENT: Final = "artifacts.json"
LOG_DOCUMENT: Final = "log.jsonl"

STATE_EVENT: Final = "x.rentl.state"
INDEX_EVENT: Final = "x.rentl.index"
PHASE_EVENT: Final = "x.rentl.phase"
ARTIFACT_EVENT: Final = "x.rentl.artifact"
"""Events that tell a record as rentl has it, each in its member `record`."""


def output_name(phase: str, language: str | None, form: str) -> str:
    """What an artifact of a phase is called in a run: the same in every run of a pipeline."""
    return ".".join(part for part in (phase, language, form) if part)


def child_id(parent: str, phase: str, language: str | None) -> str:
    """The run of a phase."""
    return f"{parent}.{phase}" if language is None else f"{parent}.{phase}-{language}"
