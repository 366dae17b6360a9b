"""Records of rentl under crashes: what writes them, and what must hold of them afterwards.

1. A state that was said to be stored is there, or a later one; so is what lists show; both are whole.
2. An artifact that was said to be written is listed and read; one that is listed is read.
3. The lines of a log that were said to be added are there, each whole, in their order.
4. Everything can be written again, and a torn line heals.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from runstone.contracts.rentl import (
    ArtifactMetadata,
    LogEntry,
    RunIndexRecord,
    RunStateRecord,
    StorageError,
    Stores,
    open_stores,
)

ROUNDS = 6
RUNS = [UUID(int=0x01890A5C_91C8_7B2A_9F51_9B40D0CF0001 + number) for number in range(2)]


def moment(number: int) -> str:
    """The time of a round."""
    return f"2026-02-03T04:05:{number:02d}Z"


def keep(directory: Path, say: Callable[..., None]) -> None:
    """Write each kind of record, round by round, and say what was promised."""
    stores = open_stores(directory / "project", redact=False)
    expected = ""
    for number in range(ROUNDS):
        for run in RUNS:
            stores.states.save_run_state(state(run, number), expected_updated_at=expected)
            say("state", run, number)
            stores.states.save_run_index(index(run, number))
            say("index", run, number)
            stores.artifacts.write_artifact_jsonl(artifact(run, number), body(number))
            say("artifact", run, number)
            stores.logs.append_logs([entry(run, 2 * number + more) for more in (0, 1)])
            say("log", run, 2 * number + 2)
        expected = moment(number)


def check(directory: Path, printed: str) -> list[str]:
    """What is wrong, as lines; none is good."""
    promised = [line.split() for line in printed.splitlines() if line]
    last = {(words[0], UUID(words[1])): int(words[2]) for words in promised if len(words) == 3}
    stores = open_stores(directory / "project", redact=False)
    try:
        problems = [problem for run in RUNS for problem in _run(stores, run, last)]
        listed = {one.metadata.run_id: one for one in stores.states.list_run_index()}
        problems += [
            f"index of {run}: promised {last['index', run]}"
            for run in RUNS
            if ("index", run) in last and (run not in listed or listed[run].updated_at < moment(last["index", run]))
        ]
        _write_again(stores)
    except StorageError as exc:
        return [f"{exc.code}: {exc.message}"]
    return problems


def _run(stores: Stores, run: UUID, last: dict[tuple[str, UUID], int]) -> list[str]:
    problems = []
    stored = stores.states.load_run_state(run)
    if ("state", run) in last and (stored is None or stored.stored_at < moment(last["state", run])):
        problems.append(f"state of {run}: promised {last['state', run]}, found {stored and stored.stored_at}")
    there = {one.artifact_id for one in stores.artifacts.list_artifacts(run)}
    wanted = {artifact(run, number).artifact_id for number in range(last.get(("artifact", run), -1) + 1)}
    problems += [f"artifact {one} was promised" for one in wanted - there]
    for number in range(ROUNDS):
        one = artifact(run, number).artifact_id
        if one in there and stores.artifacts.read_artifact(one).count(b"\n") != len(body(number)):
            problems.append(f"artifact {one} is another one")
    lines = [line.message for line in stores.logs.load_logs(run)]
    if lines != [f"line {number}" for number in range(len(lines))] or len(lines) < last.get(("log", run), 0):
        problems.append(f"log of {run}: promised {last.get(('log', run))}, found {lines}")
    return problems


def _write_again(stores: Stores) -> None:
    """Everything, as a pipeline does that goes on; raises what does not work."""
    for run in RUNS:
        stores.states.save_run_state(state(run, 50))
        stores.states.save_run_index(index(run, 50))
        for number in range(ROUNDS):
            stores.artifacts.write_artifact_jsonl(artifact(run, number), body(number))
        stores.logs.append_log(entry(run, 50))
        assert len(stores.artifacts.list_artifacts(run)) == ROUNDS
        assert stores.logs.load_logs(run)[-1].message == "line 50"


def state(run: UUID, number: int) -> RunStateRecord:
    """The state of a round: longer in each."""
    summary = {"percent_mode": "unavailable", "notes": "so " * 60 * number}
    progress = {"phases": [{"phase": "ingest", "status": "pending", "summary": summary}], "summary": summary}
    value = {"metadata": metadata(run), "progress": progress, "artifacts": []}
    return RunStateRecord.model_validate({"run_id": run, "stored_at": moment(number), "state": value})


def metadata(run: UUID) -> dict[str, Any]:
    """Which run it is."""
    version = {"major": 0, "minor": 1, "patch": 0}
    return {"run_id": run, "schema_version": version, "status": "running", "created_at": moment(0)}


def index(run: UUID, number: int) -> RunIndexRecord:
    """What a list shows in a round."""
    return RunIndexRecord.model_validate(
        {
            "metadata": metadata(run),
            "project_name": "p" * (number + 1),
            "source_language": "ja",
            "target_languages": ["en"],
            "updated_at": moment(number),
        }
    )


def artifact(run: UUID, number: int) -> ArtifactMetadata:
    """What is known of the artifact of a round."""
    return ArtifactMetadata.model_validate(
        {
            "artifact_id": UUID(int=run.int + 0x1000 * (number + 1)),
            "run_id": run,
            "role": "phase_output",
            "format": "jsonl",
            "created_at": moment(number),
            "location": {},
        }
    )


def body(number: int) -> list[Any]:
    """What it holds."""
    return [{"line": line} for line in range(number + 1)]


def entry(run: UUID, number: int) -> LogEntry:
    """A line of the log."""
    return LogEntry.model_validate(
        {"timestamp": moment(0), "level": "info", "event": "e", "run_id": run, "message": f"line {number}"}
    )
