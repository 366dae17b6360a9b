"""trackio, local SQLite: events and metrics are rows of `log`, written by a thread."""

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.peers.base import Body, Recorder
from bench.workload import Event


class TrackioRun:
    """The five calls, on trackio's current run."""

    def __init__(self, trackio: Any) -> None:
        self._trackio = trackio
        self.checks: dict[str, bool] = {}

    def event(self, data: Event) -> None:
        self._trackio.log({"event": data})

    def metric(self, name: str, value: float, step: int) -> None:
        self._trackio.log({name: value})

    def check(self, name: str, passed: bool) -> None:
        self.checks[f"check.{name}"] = passed

    def attach(self, path: Path) -> None:
        self._trackio.log_artifact(str(path), name=path.name.replace(".", "_"), type="output")


class Adapter(Recorder):
    """A local trackio project."""

    mapping = "config; events and metrics are log rows; checks in the last row; files one Artifact each"

    def open(self) -> None:
        os.environ["TRACKIO_DIR"] = str(self.store)  # read when the package is imported
        import trackio

        self._trackio = trackio

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        self._trackio.init(
            project="bench",
            name=f"r{number}",
            config={**params, "inputs": json.dumps(list(inputs))},
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        run = TrackioRun(self._trackio)
        body(run)
        self._trackio.log({**run.checks, "status": "ok"})
        self._trackio.finish()

    def count_events(self) -> int:
        found = 0
        for path in self.store.glob("*.db"):
            database = sqlite3.connect(path)
            try:
                found += database.execute("select count(*) from metrics").fetchone()[0]
            except sqlite3.Error:
                continue
            finally:
                database.close()
        return found + sum(
            len(path.read_bytes().splitlines())
            for path in self.store.glob("**/*")
            if path.is_file() and ("fragment" in str(path) or "inbox" in str(path))
        )
