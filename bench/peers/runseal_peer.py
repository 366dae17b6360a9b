"""runseal: a registry of artifact records.

It has no events: they are kept in memory and go into the run's one record.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import runseal

from bench.peers.base import Body, Recorder, copy_by_hand
from bench.workload import Event


class RunsealRun:
    """The five calls, collected for one record."""

    def __init__(self, files: Path, hashes: Any) -> None:
        self.events: list[Event] = []
        self.metrics: list[tuple[str, float, int]] = []
        self.checks: dict[str, bool] = {}
        self.attached: list[tuple[str, str]] = []
        self._files = files
        self._hashes = hashes

    def event(self, data: Event) -> None:
        self.events.append(data)

    def metric(self, name: str, value: float, step: int) -> None:
        self.metrics.append((name, value, step))

    def check(self, name: str, passed: bool) -> None:
        self.checks[name] = passed

    def attach(self, path: Path) -> None:
        copy, _sha256 = copy_by_hand(path, self._files)
        self.attached.append((path.name, self._hashes.hash_data_snapshot(copy.read_bytes())))


class Adapter(Recorder):
    """A runseal registry."""

    mapping = "one Artifact a run (all but files in its metadata), one a file; files copied by hand"

    def open(self) -> None:
        logging.disable(logging.CRITICAL)
        self._registry = runseal.ArtifactRegistry(str(self.store / "reg"))
        self._hashes = runseal.HashGenerator()

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        run_id = f"{number:08d}"
        run = RunsealRun(self.store / "files" / run_id, self._hashes)
        body(run)
        config_hash = self._hashes.hash_config(dict(params))
        self._registry.register(
            runseal.Artifact(
                id=run_id,
                type="run",
                layer="run",
                source_hash=self._hashes.hash_data_snapshot(str(list(inputs))),
                code_hash="c",
                config_hash=config_hash,
                metrics={"loss": run.metrics},
                metadata={"params": dict(params), "events": run.events, "checks": run.checks, "status": "ok"},
            )
        )
        for name, sha256 in run.attached:
            self._registry.register(
                runseal.Artifact(
                    id=f"{run_id}/{name}",
                    type="file",
                    layer="out",
                    source_hash=sha256,
                    code_hash="c",
                    config_hash=config_hash,
                    parent=run_id,
                )
            )

    def count_events(self) -> int:
        found = 0
        for path in self.store.glob("reg/**/*.json"):
            try:
                found += len(json.loads(path.read_bytes())["metadata"].get("events", []))
            except ValueError:
                continue
        return found
