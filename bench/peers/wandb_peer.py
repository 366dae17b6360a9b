"""W&B offline: events and metrics are history rows, files one Artifact a run."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.peers.base import Body, Recorder
from bench.workload import Event

BLOCK = 32768
HEADER = 7
WHOLE, FIRST, MIDDLE = 1, 2, 3


class WandbRun:
    """The five calls, on a W&B run."""

    def __init__(self, wandb: Any, run: Any) -> None:
        self._wandb = wandb
        self._run = run
        self.artifact: Any = None

    def event(self, data: Event) -> None:
        self._run.log({"event": data})

    def metric(self, name: str, value: float, step: int) -> None:
        self._run.log({name: value})

    def check(self, name: str, passed: bool) -> None:
        self._run.summary[f"check.{name}"] = passed

    def attach(self, path: Path) -> None:
        if self.artifact is None:
            self.artifact = self._wandb.Artifact("outputs", type="output")
        self.artifact.add_file(str(path))


class Adapter(Recorder):
    """Offline W&B runs in a folder."""

    mapping = "config; events, metrics are rows of log; checks in summary, inputs in config; one Artifact"

    def open(self) -> None:
        os.environ["WANDB_DIR"] = str(self.store)
        for name in ("CACHE", "DATA", "CONFIG", "ARTIFACT"):
            os.environ[f"WANDB_{name}_DIR"] = str(self.store / "aux")
        import wandb

        self._wandb = wandb
        self._settings = wandb.Settings(
            console="off",
            x_disable_stats=True,
            x_disable_meta=True,
            disable_git=True,
            disable_code=True,
            save_code=False,
            silent=True,
        )

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        raw = self._wandb.init(
            project="bench",
            mode="offline",
            dir=str(self.store),
            config={**params, "inputs": list(inputs)},
            settings=self._settings,
            reinit="finish_previous",
        )
        run = WandbRun(self._wandb, raw)
        body(run)
        if run.artifact is not None:
            raw.log_artifact(run.artifact)
        raw.finish(0)

    def close(self) -> None:
        self._wandb.teardown()

    def count_events(self) -> int:
        from wandb.proto import wandb_internal_pb2

        found = 0
        for path in self.store.glob("wandb/offline-run-*/*.wandb"):
            for body in read_records(path.read_bytes()):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(body)
                found += record.WhichOneof("record_type") == "history"
        return found


def read_records(data: bytes) -> Iterator[bytes]:
    """The complete records of a W&B file, a LevelDB log: 32 KiB blocks; crc(4), length(2), kind(1)."""
    offset, begun = HEADER, b""
    while offset + HEADER <= len(data):
        left = BLOCK - offset % BLOCK
        length, kind = int.from_bytes(data[offset + 4 : offset + 6], "little"), data[offset + 6]
        if left < HEADER or (kind == 0 and length == 0):
            offset += left
            continue
        chunk = data[offset + HEADER : offset + HEADER + length]
        offset += HEADER + length
        if len(chunk) < length:
            return
        if kind == WHOLE:
            yield chunk
        elif kind in (FIRST, MIDDLE):
            begun = (b"" if kind == FIRST else begun) + chunk
        else:
            yield begun + chunk
