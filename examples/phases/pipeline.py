"""Translate the script: seven phases that can be killed at any moment, and go on where they were.

    python pipeline.py [--project DIR] [--run-id ID] [--again PHASE]... [--until PHASE]

State, artifacts and logs are files of rentl in the project's folder; the finished run is sealed in the store that
`RUNSTONE_STORE` names, else `./runs`. Exit status: 0 done; 1 a phase failed; 4 another one works on this run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from phases import ScriptPhases
from translation import Tables

import runstone
from runstone.contracts.rentl import (
    LogSink,
    PhaseRunner,
    ProgressStream,
    RunSealer,
    StorageError,
    open_async_stores,
)
from runstone.contracts.rentl.models import PhaseName, RunState

HERE = Path(__file__).resolve().parent


def script() -> str:
    """The script's text."""
    return (HERE / "script.csv").read_text(encoding="utf-8")


async def translate(
    project: Path, store: runstone.Store, run_id: UUID | None, again: Sequence[PhaseName], until: PhaseName | None
) -> RunState:
    """Work the phases off, in a project and a store."""
    stores = open_async_stores(project, checksums=True)
    try:
        async with LogSink(stores.logs) as logs:
            runner = PhaseRunner(
                ScriptPhases(script, Tables.load(HERE / "tables.json")).phases(),
                project_name="lighthouse",
                source_language="ja",
                target_languages=["en"],
                states=stores.states,
                artifacts=stores.artifacts,
                logs=logs,
                progress=ProgressStream(logs),
                seal=RunSealer(stores, store),
            )
            return await runner.run(run_id, again=again, until=until)
    finally:
        await stores.aclose()


def main(words: Sequence[str] | None = None) -> int:
    """Run it, and say what came of it."""
    parser = argparse.ArgumentParser(prog="pipeline.py", description="Translate the script.")
    parser.add_argument("--project", type=Path, default=Path("project"), metavar="DIR")
    parser.add_argument("--run-id", type=UUID, metavar="ID", help="go on with this run")
    parser.add_argument(
        "--again", type=PhaseName, action="append", default=[], choices=list(PhaseName), metavar="PHASE"
    )
    parser.add_argument("--until", type=PhaseName, choices=list(PhaseName), metavar="PHASE")
    given = parser.parse_args(words)
    try:
        state = asyncio.run(translate(given.project, runstone.open(), given.run_id, given.again, given.until))
    except StorageError as error:
        print(f"pipeline: {error.message}", file=sys.stderr)
        return error.exit_status
    except (ValueError, TimeoutError) as error:
        print(f"pipeline: {error}", file=sys.stderr)
        return 1
    print(f"run {state.metadata.run_id}: {state.metadata.status.value}")
    for record in state.phase_history or []:
        values = {one.metric_key: one.value for one in record.summary.metrics} if record.summary else {}
        told = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in values.items())
        stale = ", stale" if record.stale else ""
        print(f"  {record.phase.value:15} {record.status.value}, revision {record.revision}{stale}: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
