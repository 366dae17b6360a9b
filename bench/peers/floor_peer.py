"""The floor: the least that a careful hand-written recorder does. No redaction, no canonical form, no
verification.

Each variant writes a bundle of the same files as Runstone's: `events.jsonl`, three documents, the attached
files, a manifest with the SHA-256 of every file; then a rename into place. They differ in one thing each:

- `bare`: an event is `orjson.dumps` and one `os.write`; nothing is synced.
- `envelope`: an event also gets a sequence number and the clock's nanoseconds, taken under a lock; nothing
  is synced.
- `duties`: as `envelope`, with what an event owes that is canonical and redacted, and nothing else: a look at the type
  of each value and the size of each number, keys in order, one search of the line for all rules by hyperscan. It has
  no answer where one of these says no.
- `synced`: events as `bare`; every file is synced when it is complete, then both folders, the rename, and
  the parent folder.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.peers.base import Body, Recorder
from bench.workload import Event

CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class BareRun:
    """Events by one write each; documents and manifest at the end."""

    def __init__(self, store: Path, run_id: str, head: dict[str, Any]) -> None:
        self._store = store
        self._run_id = run_id
        self._folder = store / ".open" / run_id
        os.mkdir(self._folder)
        os.mkdir(self._folder / "artifacts")
        self._journal = os.open(self._folder / "events.jsonl", CREATE | os.O_APPEND)
        self._head = head
        self._checks: list[dict[str, Any]] = []
        self._files: list[dict[str, Any]] = []

    def event(self, data: Event) -> None:
        os.write(self._journal, orjson.dumps(data) + b"\n")

    def metric(self, name: str, value: float, step: int) -> None:
        self.event({"name": name, "value": value, "step": step})

    def check(self, name: str, passed: bool) -> None:
        self._checks.append({"name": name, "status": "pass" if passed else "fail"})
        self.event(self._checks[-1])

    def attach(self, path: Path) -> None:
        self._keep(f"artifacts/{path.name}", path.read_bytes())

    def finish(self) -> None:
        """Write what is folded from the run and move it into place."""
        self._keep("config.json", orjson.dumps(self._head["config"]))
        self._keep("checks.json", orjson.dumps(self._checks))
        self._keep("run.json", orjson.dumps({**self._head, "status": "success"}))
        self._sync(self._journal)
        os.close(self._journal)
        self._list_journal()
        self._write("manifest.json", orjson.dumps({"run_id": self._run_id, "files": self._files}))
        self._sync_folder(self._folder / "artifacts")
        self._sync_folder(self._folder)
        os.rename(self._folder, self._store / self._run_id)
        self._sync_folder(self._store)

    def _keep(self, name: str, body: bytes) -> None:
        self._write(name, body)
        self._list(name, body)

    def _list(self, name: str, body: bytes) -> None:
        self._files.append({"path": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()})

    def _list_journal(self) -> None:
        with open(self._folder / "events.jsonl", "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._files.append({"path": "events.jsonl", "size": file.tell(), "sha256": digest})

    def _write(self, name: str, body: bytes) -> None:
        descriptor = os.open(self._folder / name, CREATE)
        os.write(descriptor, body)
        self._sync(descriptor)
        os.close(descriptor)

    def _sync(self, descriptor: int) -> None:
        """Nothing, in the floors that do not sync."""

    def _sync_folder(self, folder: Path) -> None:
        """Nothing, in the floors that do not sync."""


class EnvelopeRun(BareRun):
    """Events with sequence number and time, in the order of the file whatever thread they come from."""

    def __init__(self, store: Path, run_id: str, head: dict[str, Any]) -> None:
        super().__init__(store, run_id, head)
        self._lock = threading.Lock()
        self._seq = 0

    def event(self, data: Event) -> None:
        with self._lock:
            seq = self._seq
            self._seq = seq + 1
            line = {"data": data, "seq": seq, "ts": time.time_ns(), "type": "x.bench"}
            os.write(self._journal, orjson.dumps(line) + b"\n")


class DutiesRun(EnvelopeRun):
    """Lines that are canonical and clean, by Runstone's own rules."""

    def __init__(self, store: Path, run_id: str, head: dict[str, Any]) -> None:
        from runstone.core.redaction.gate import Gate
        from runstone.core.redaction.ruleset import DEFAULT

        super().__init__(store, run_id, head)
        gate = Gate(DEFAULT)
        gate.warm()
        self._hit = gate.hit

    def event(self, data: Event) -> None:
        if not is_plain(data.values()):
            raise ValueError("not canonical as it stands")
        body = orjson.dumps(data, None, orjson.OPT_SORT_KEYS)
        with self._lock:
            if self._hit(body):
                raise ValueError("perhaps a secret")
            seq = self._seq
            self._seq = seq + 1
            os.write(self._journal, b'{"data":%b,"seq":%d,"ts":%d,"type":"x.bench"}\n' % (body, seq, time.time_ns()))


def is_plain(items: Iterable[Any]) -> bool:
    """Whether orjson prints values as RFC 8785 asks, as far as their types and numbers go."""
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if abs(item) >> 53:
                return False
        elif kind is float:
            if not (1e-4 <= item < 1e15 and item % 1.0):
                return False
        elif kind is dict:
            if not is_plain(item.values()):
                return False
        elif kind is not list or not is_plain(item):
            return False
    return True


class SyncedRun(BareRun):
    """Every byte and every name survives power loss once `finish` returns."""

    def _sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def _sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


RUNS = {"bare": BareRun, "envelope": EnvelopeRun, "duties": DutiesRun, "synced": SyncedRun}


class Adapter(Recorder):
    """Runs by hand, in one of four degrees of care."""

    mapping = "events, metrics, checks are lines of events.jsonl; three documents, artifacts/, manifest.json"

    def open(self) -> None:
        (self.store / ".open").mkdir(exist_ok=True)
        self._start = RUNS[self.variant]

    def record(self, number: int, params: Mapping[str, Any], inputs: Sequence[Mapping[str, str]], body: Body) -> None:
        run_id = f"r{number:08d}"
        head = {"run_id": run_id, "opened_ns": time.time_ns(), "config": params, "inputs": inputs}
        run = self._start(self.store, run_id, head)
        body(run)
        run.finish()

    def count_events(self) -> int:
        found = 0
        for journal in self.store.glob(".open/*/events.jsonl"):
            for line in journal.read_bytes().split(b"\n"):
                try:
                    orjson.loads(line)
                except ValueError:
                    continue
                found += 1
        return found
