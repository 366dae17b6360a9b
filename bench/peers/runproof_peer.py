"""runproof-engine: an event is `observe`, which keeps a summary and a fingerprint of the value only."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import runproof_engine

from bench.peers.base import Body, Recorder
from bench.workload import Event


class RunproofRun:
    """The five calls, on a runproof context."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def event(self, data: Event) -> None:
        self._context.observe(data, name=data["name"])

    def metric(self, name: str, value: float, step: int) -> None:
        self._context.observe(value, name=f"{name}@{step}")

    def check(self, name: str, passed: bool) -> None:
        self._context.assert_true(passed, name=name)

    def attach(self, path: Path) -> None:
        self._context.save_file(path.name, source=str(path))


class Adapter(Recorder):
    """runproof contexts under one root."""

    mapping = "parameters, inputs, metrics, events are observe() (payload lost: summary and fingerprint)"

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        with runproof_engine.RunContext("bench", root=str(self.store)) as context:
            context.observe(dict(params), name="params")
            context.observe(list(inputs), name="inputs")
            body(RunproofRun(context))

    def count_events(self) -> int:
        return sum(
            event["event"] == "value_observed"
            for trace in self.store.glob("*/*/execution/trace.json")
            for event in json.loads(trace.read_bytes())
        )
