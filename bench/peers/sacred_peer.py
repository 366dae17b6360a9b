"""Sacred with its FileStorageObserver: no event call, so events are appended to `run.info`, saved every 10 s
and at the end.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sacred import SETTINGS, Experiment
from sacred.observers import FileStorageObserver

from bench.peers.base import Body, Recorder
from bench.workload import Event, inputs_for, params_for

HEARTBEAT_S = 30


class SacredRun:
    """The five calls, on a sacred run."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._events: list[Event] = []
        self._checks: dict[str, bool] = {}
        run.info.update(events=self._events, checks=self._checks)

    def event(self, data: Event) -> None:
        # A fresh dict each time: sacred's encoder writes a repeated object as a reference to the first.
        self._events.append({**data, "payload": {**data["payload"]}})

    def metric(self, name: str, value: float, step: int) -> None:
        self._run.log_scalar(name, value, step)

    def check(self, name: str, passed: bool) -> None:
        self._checks[name] = passed

    def attach(self, path: Path) -> None:
        self._run.add_artifact(str(path))


class Adapter(Recorder):
    """One sacred experiment, run again and again."""

    mapping = "config; inputs in config; events and checks in run.info; metrics log_scalar; files add_artifact"

    def open(self) -> None:
        SETTINGS.CAPTURE_MODE = "no"
        SETTINGS.DISCOVER_SOURCES = "none"
        SETTINGS.DISCOVER_DEPENDENCIES = "none"
        SETTINGS.HOST_INFO.INCLUDE_GPU_INFO = False
        SETTINGS.CONFIG.READ_ONLY_CONFIG = False
        self._experiment = Experiment("bench", save_git_info=False, interactive=True)
        self._experiment.observers.append(FileStorageObserver(str(self.store / "runs")))
        self._experiment.logger = logging.getLogger("bench.sacred")
        self._experiment.logger.setLevel(logging.CRITICAL)
        self._experiment.add_config({**params_for(0), "inputs": inputs_for(0)})

        # sacred calls this with the run because the parameter has that name.
        def main(_run: Any) -> None:
            self._body(SacredRun(_run))

        self._experiment.main(main)

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        self._body = body
        self._experiment.run(config_updates={**params, "inputs": list(inputs)})

    def close(self) -> None:
        """Wait for the thread that saves `info`: sacred itself waits for two seconds only."""
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(timeout=HEARTBEAT_S)

    def count_events(self) -> int:
        return sum(len(json.loads(info.read_bytes()).get("events", [])) for info in self.store.glob("runs/*/info.json"))
