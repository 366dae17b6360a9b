"""witness-log: one journal a run, every fact an `append_result` leaf of its Merkle tree.

Variant `nopay` keeps hashes only.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import witness_log

from bench.peers.base import Body, Recorder, copy_by_hand
from bench.workload import Event


class WitnessRun:
    """The five calls, on a witness log."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def event(self, data: Event) -> None:
        self._log.append_result(witness_log.canonical_json(data))

    def metric(self, name: str, value: float, step: int) -> None:
        self.event({"name": name, "value": value, "step": step})

    def check(self, name: str, passed: bool) -> None:
        self.event({"check": name, "ok": passed})

    def attach(self, path: Path) -> None:
        copy, sha256 = copy_by_hand(path, Path(self._log.path() + ".files"))
        self.event({"file": str(copy), "sha256": sha256})


class Adapter(Recorder):
    """A folder of witness logs."""

    mapping = "parameters, inputs, metrics, checks and events are leaves of one journal; files copied by hand"

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        path = str(self.store / f"r{number}.jsonl")
        log = witness_log.open(path, store_payloads=self.variant != "nopay")
        log.append_intent(witness_log.canonical_json({"params": dict(params), "inputs": list(inputs)}))
        body(WitnessRun(log))
        log.checkpoint()
        log.close()

    def count_events(self) -> int:
        path = str(next(self.store.glob("r*.jsonl")))
        witness_log.JournaledLog.force_unlock(path)
        log, _dropped = witness_log.JournaledLog.resume(path)
        opening_leaf = 1
        return int(log.tree_size()) - opening_leaf
