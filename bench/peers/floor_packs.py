"""The least that seals a decision into a shared segment: four events, three documents and a manifest as tar, one sync
for all who wait. No redaction, no policy, no canonical numbers, no error paths."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

BLOCK = 512


def header(name: bytes, size: int) -> bytes:
    """A ustar header."""
    block = b"%b0000644\0" % name.ljust(100, b"\0") + b"0000000\0" * 2
    block += b"%011o\0" % size + b"00000000000\0" + b" " * 8 + b"0" + bytes(100) + b"ustar\x0000"
    block = block.ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def line(seq: int, kind: str, data: Any) -> bytes:
    """A journal line."""
    event = {"data": data, "seq": seq, "ts": time.time_ns(), "type": kind}
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS) + b"\n"


class Segment:
    """Slices appended by one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._fd = os.open(folder / "segment.tar", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._waiting: list[tuple[bytes, Callable[[], None]]] = []
        self._lock = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, data: bytes, done: Callable[[], None]) -> None:
        """Append a slice; `done` is called when it is synced."""
        with self._lock:
            self._waiting.append((data, done))
            self._lock.notify()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                batch, self._waiting = self._waiting, []
            os.write(self._fd, b"".join([data for data, _ in batch]))
            os.fdatasync(self._fd)
            for _, done in batch:
                done()


class Spool:
    """Lines of open runs, for the same syncs as those of a gate: before the work, and behind it."""

    def __init__(self, folder: Path) -> None:
        self._segment = Segment(folder)

    def decide(self, lines: list[bytes], done: Callable[[], None]) -> None:
        """Write what was decided; `done` is called when it is synced."""
        self._segment.put(b"".join(lines), done)


def opened(number: int) -> list[bytes]:
    """The first two lines of a run."""
    facts = {"kind": "cut", "run_id": f"{number:032x}", "argv": ["x"] * 3, "platform": {"os": "linux"}, "labels": {}}
    decision = {"outcome": "allow", "rules": [{"id": "speed", "status": "pass", "measured": number % 80}]}
    return [line(0, "run.opened", facts), line(1, "decision", decision)]


def slice_of(number: int, lines: list[bytes]) -> bytes:
    """The run as tar, with a digest of each file and a tree of the lines."""
    run_id = b"%032x" % number
    lines = [*lines, line(2, "note", {"text": "done"}), line(3, "run.closed", {"status": "success", "result": number})]
    tree = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in lines)).hexdigest()
    files = {
        b"events.jsonl": b"".join(lines),
        b"run.json": orjson.dumps({"run_id": number, "status": "success"}, option=orjson.OPT_INDENT_2),
        b"decision.json": orjson.dumps({"outcome": "allow"}, option=orjson.OPT_INDENT_2),
    }
    entries = [
        {"path": name.decode(), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    ]
    manifest = {"files": entries, "root": tree, "run_id": run_id.decode()}
    files = {b"manifest.json": orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS), **files}
    return b"".join(
        header(run_id + b"/" + name, len(data)) + data + bytes(-len(data) % BLOCK) for name, data in files.items()
    )
