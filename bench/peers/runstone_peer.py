"""Runstone through its public API, redacting and sealing as by default."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import runstone
from bench.peers.base import Body, Recorder

EVENT_TYPE = "x.bench"


class RunstoneRun:
    """The five calls, on Runstone's run."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self.event = partial(run.event, EVENT_TYPE)

    def metric(self, name: str, value: float, step: int) -> None:
        self._run.metrics({name: value}, step=step)

    def check(self, name: str, passed: bool) -> None:
        self._run.check(name, "pass" if passed else "fail")

    def attach(self, path: Path) -> None:
        self._run.output("file", str(path), keep=True, name=path.name)


class Adapter(Recorder):
    """A Runstone store in a folder."""

    mapping = "config; inputs by reference; events of a type of the user's own; outputs kept in the bundle"

    def open(self) -> None:
        self._store: Any = runstone.open(str(self.store))

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        with self._store.run("bench", version="1", config=dict(params)) as run:
            for item in inputs:
                run.input("table", item["uri"], sha256=item["sha256"])
            body(RunstoneRun(run))

    def count_events(self) -> int:
        """Recovers the store first, as a user would, then reads the sealed journals without Runstone."""
        self._store.recover()
        return sum(
            json.loads(line)["type"] == EVENT_TYPE
            for bundle in self.bundles()
            for line in (bundle / "events.jsonl").read_bytes().splitlines()
        )

    def status_after_kill(self) -> str | None:
        statuses = {str(self._store.get(bundle.name).status) for bundle in self.bundles()}
        return ", ".join(sorted(statuses)) or None

    def notes(self, events: int) -> dict[str, Any]:
        return {"dropped_events": events - self.count_events()}

    def bundles(self) -> list[Path]:
        """The sealed runs."""
        return sorted(path for path in self.store.iterdir() if not path.name.startswith("."))
