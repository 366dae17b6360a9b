"""Inspect's log API used directly: events go to its live buffer database, then into one `.eval` file at the
end.

Variant `nobuf` leaves the buffer out, so that events stay in memory until the end.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import inspect_ai.log as log_api
from inspect_ai.event import InfoEvent
from inspect_ai.log._recorders.buffer.database import SampleBufferDatabase
from inspect_ai.log._recorders.types import SampleEvent
from inspect_ai.scorer import Score

from bench.peers.base import Body, Recorder, copy_by_hand
from bench.workload import Event


class InspectRun:
    """The five calls, on one sample of an evaluation log."""

    def __init__(self, buffer: Any, files: Path) -> None:
        self._buffer = buffer
        self._files = files
        self.events: list[Any] = []
        self.scores: dict[str, Any] = {}
        self.attached: list[dict[str, str]] = []

    def event(self, data: Event) -> None:
        event = InfoEvent(source="bench", data=data)
        self.events.append(event)
        if self._buffer is not None:
            self._buffer.log_events([SampleEvent(id=1, epoch=1, event=event)])

    def metric(self, name: str, value: float, step: int) -> None:
        self.event({"name": name, "value": value, "step": step})

    def check(self, name: str, passed: bool) -> None:
        self.scores[name] = Score(value=1 if passed else 0)

    def attach(self, path: Path) -> None:
        copy, sha256 = copy_by_hand(path, self._files)
        self.attached.append({"path": str(copy), "sha256": sha256})


class Adapter(Recorder):
    """A folder of evaluation logs."""

    mapping = "parameters are task_args; events and metrics InfoEvent; checks Score; files copied by hand"

    def open(self) -> None:
        (self.store / "logs").mkdir(exist_ok=True)
        self._created = datetime.now(UTC).isoformat()

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        location = str(self.store / "logs" / f"2026-01-01T00-00-00+00-00_bench_{number:08d}.eval")
        buffer = None
        if self.variant != "nobuf":
            buffer = SampleBufferDatabase(location, db_dir=self.store / "buffer")
            buffer.start_sample(log_api.EvalSampleSummary(id=1, epoch=1, input="x", target="y"))
        run = InspectRun(buffer, self.store / "files" / str(number))
        body(run)
        spec = log_api.EvalSpec(
            created=self._created,
            task="bench",
            dataset=log_api.EvalDataset(name="bench"),
            model="none/none",
            config=log_api.EvalConfig(),
            task_args=dict(params),
            metadata={"inputs": list(inputs), "files": run.attached},
            run_id=str(number),
            eval_id=f"e{number}",
        )
        sample = log_api.EvalSample(id=1, epoch=1, input="x", target="y", events=run.events, scores=run.scores)
        log = log_api.EvalLog(status="success", eval=spec, samples=[sample], location=location)
        log_api.write_eval_log(log, location)
        if buffer is not None:
            buffer.cleanup()

    def count_events(self) -> int:
        import sqlite3

        found = 0
        for path in self.store.glob("buffer/**/*.db"):
            database = sqlite3.connect(path)
            found += database.execute("select count(*) from events").fetchone()[0]
            database.close()
        return found
