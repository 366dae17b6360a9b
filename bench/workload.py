"""The one workload that goes through every contender: the same events, parameters, inputs, checks and files.

Everything is made from fixed seeds, so that two measurements record the same bytes. Files get new content
before every run, outside the timed part, so that a store that keeps equal content once gains nothing.
"""

import hashlib
import itertools
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]

EVENTS_PER_RUN = 100
METRICS_PER_RUN = 20
CHECKS = (("schema", True), ("nonempty", True), ("hash_match", True), ("range", False), ("unique", True))
FILE_SIZES = {"out_a.txt": 4096, "out_b.txt": 4096, "out_big.bin": 1 << 20}
LINE = b"x" * 79 + b"\n"
"""One line of the output of the wrapped command: 80 bytes."""


def make_events(count: int = 1000) -> list[Event]:
    """Distinct events without secrets; with an envelope (seq, ts, type) about 320 bytes a line."""
    rng = random.Random(7)
    kinds = ("tool.call", "tool.result", "rule.eval", "state")
    return [
        {
            "name": f"step_{index:04d}",
            "kind": kinds[index % len(kinds)],
            "payload": {
                "tool": "search",
                "k": index % 17,
                "ok": index % 9 != 0,
                "score": round(rng.uniform(0.01, 1), 6),
                "text": "".join(rng.choices("abcdefghij klmnop", k=125)),
            },
        }
        for index in range(count)
    ]


def event_bodies(count: int = 1000) -> list[bytes]:
    """The same events as canonical JSON, about 240 bytes each: what is looked through before a line is written."""
    return [json.dumps(event, sort_keys=True, separators=(",", ":")).encode() for event in make_events(count)]


def cycle_blocks(events: list[Event], size: int) -> Iterator[list[Event]]:
    """Blocks of events without end; the list's length must be a multiple of the block's."""
    return itertools.cycle([events[start : start + size] for start in range(0, len(events), size)])


def params_for(number: int) -> dict[str, Any]:
    """Ten parameters of a run."""
    texts = {f"k{index}": f"v{(number * 7 + index) % 100}" for index in range(9)}
    return {**texts, "lr": 0.01 + number % 10}


def inputs_for(number: int) -> list[dict[str, str]]:
    """Three inputs by reference."""
    return [
        {
            "name": f"in{index}",
            "uri": f"s3://bucket/in{index}/{number}",
            "sha256": hashlib.sha256(f"{number}/{index}".encode()).hexdigest(),
        }
        for index in range(3)
    ]


class Sources:
    """The output files that a run attaches."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        rng = random.Random(11)
        self.paths = []
        for name, size in FILE_SIZES.items():
            path = folder / name
            path.write_bytes(rng.randbytes(size // 2).hex().encode())
            self.paths.append(path)

    def refresh(self, number: int) -> None:
        """Make the content unique to a run."""
        for path in self.paths:
            descriptor = os.open(path, os.O_WRONLY)
            os.pwrite(descriptor, f"{number:016d}".encode(), 0)
            os.close(descriptor)


def log_lines(count: int = 10_000) -> list[str]:
    """Lines of 79 characters that look like a log: times, levels, words, numbers. No line end."""
    rng = random.Random(13)
    words = ("reading", "block", "table", "scan", "tool", "result", "cache", "state", "index", "merge")
    lines = []
    for index in range(count):
        head = f"2026-01-{1 + index % 28:02d} 10:{index % 60:02d}:07 INFO worker-{index % 8} "
        text = head + " ".join(rng.choices(words, k=12)) + f" {rng.randrange(10**6)}"
        lines.append(text[:79].ljust(79))
    return lines


def write_log_text(path: Path, size_bytes: int) -> None:
    """A file of such lines."""
    block = b"".join(line.encode() + b"\n" for line in log_lines())
    with path.open("wb") as file:
        while size_bytes > 0:
            file.write(block[:size_bytes])
            size_bytes -= len(block)
