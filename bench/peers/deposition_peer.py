"""deposition: a hash-chained JSON Lines file a run, written by a thread behind a bounded queue."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import deposition

from bench.peers.base import Body, Recorder, copy_by_hand
from bench.workload import Event


class DepositionRun:
    """The five calls, on a deposition run."""

    def __init__(self, run: Any, files: Path) -> None:
        self._run = run
        self._files = files

    def event(self, data: Event) -> None:
        self._run.emit("tool_call", data)

    def metric(self, name: str, value: float, step: int) -> None:
        self._run.emit("annotation", {"name": name, "value": value, "step": step})

    def check(self, name: str, passed: bool) -> None:
        self._run.emit("annotation", {"check": name, "ok": passed})

    def attach(self, path: Path) -> None:
        copy, sha256 = copy_by_hand(path, self._files / str(self._run.run_id))
        self._run.emit("annotation", {"file": str(copy), "sha256": sha256})


class Adapter(Recorder):
    """A deposition recorder, without its instrumentation."""

    mapping = "config in run_start; events are tool_call; all else annotations; files copied by hand"

    def open(self) -> None:
        self._recorder = deposition.Recorder("bench", directory=str(self.store), instrument=False)
        self._dropped = 0

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        self._recorder.config = dict(params)
        run = self._recorder.start_run("bench")
        run.emit("annotation", {"inputs": list(inputs)})
        body(DepositionRun(run, self.store / "files"))
        self._recorder.finish_run(run, "ok")
        self._dropped += run.exporter.dropped

    def count_events(self) -> int:
        found = 0
        for path in self.store.glob("*.jsonl"):
            for line in path.read_bytes().splitlines():
                try:
                    found += json.loads(line)["type"] == "tool_call"
                except ValueError:
                    continue
        return found

    def notes(self, events: int) -> dict[str, Any]:
        return {"dropped_events": self._dropped}
