"""Which runs made these bytes: milliseconds for `store.find` among 10,000 runs, in a process that has asked before.

- `digest`: the digest is known (`sha256:…`). `file of 1 MB`: the file is hashed first, as `runstone find FILE` does.

Each file was made by one run. Floor: `floor:lookup`, SHA-256 of the file and one statement on an SQLite table that has
an index on the digest of a run's one output; rows as dicts.
"""

import hashlib
import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.cards import Table, chunks
from bench.clock import Stopwatch
from bench.many import RUNS, SmallRun, runstone_store
from bench.measurement import Case, Measurement, Row

TIMES = 300
FILE_BYTES = 1 << 20
DIGEST, FILE = "digest", "file of 1 MB"
Find = Callable[[], Sequence[Any]]


def finders(name: str, scratch: Path) -> dict[str, Find]:
    """What to call, by case."""
    small, path = SmallRun(RUNS // 2), scratch / "made.bin"
    path.write_bytes(os.urandom(FILE_BYTES))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if name == "runstone":
        store = runstone_store(scratch / "store", RUNS, {RUNS // 3: sha256})
        return {DIGEST: lambda: store.find(f"sha256:{small.output_sha256}"), FILE: lambda: store.find(path)}
    table = Table(scratch / "table.sqlite")
    for numbers in chunks(RUNS):
        table.put(numbers)
    table.put_one(RUNS, sha256)
    return {
        DIGEST: lambda: table.ask("output = ?", (small.output_sha256,), -1),
        FILE: lambda: table.ask("output = ?", (file_sha256(path),), -1),
    }


def file_sha256(path: Path) -> str:
    """The floor's digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Ask each contender in turns, one question after the other."""
    all_finders = [finders(name, scratch) for name in contenders]
    found = []
    for case in (DIGEST, FILE):
        took: list[list[float]] = [[] for _ in contenders]
        for _ in range(1 + TIMES):
            for find, calls in zip(all_finders, took, strict=True):
                watch = Stopwatch()
                with watch:
                    rows = len(find[case]())
                if rows != 1:
                    raise RuntimeError(f"{rows} runs were found instead of one")
                calls.append(watch.seconds)
        found += [describe(name, calls[1:], case) for name, calls in zip(contenders, took, strict=True)]
    return found


def describe(name: str, calls: Sequence[float], case: str) -> Measurement:
    """The measurement of one contender."""
    details = {"p99_ms": 1e3 * sorted(calls)[int(0.99 * len(calls))], "runs": RUNS, "calls": len(calls)}
    return Measurement(name, 1e3 * statistics.median(calls), "ms", details=details, case=case)


ROW = Row(
    "find",
    "Find by digest among 10,000 runs",
    tuple(
        Case(
            measure,
            name=name,
            floor="floor:lookup",
            columns=("p99_ms", "runs", "calls"),
            max_reps=1,
            measured_with="" if name == DIGEST else DIGEST,
            timeout_s=600,
        )
        for name in (DIGEST, FILE)
    ),
)
