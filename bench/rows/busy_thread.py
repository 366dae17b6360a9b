"""Append one event while another thread computes in pure Python: milliseconds a call, mean.

A call that releases the interpreter's lock has to ask for it back, and then may wait a whole switch
interval (5 ms). How often that happens is what is measured. It depends on the scheduler and on what else
runs, so the contenders take turns in short slices of time beside the same thread, and only the ratio
counts. Wall time of each call, run-queue wait included. With both cores free a bare write hands the lock
over in about one call of four; on a loaded machine hardly ever, and then `back to back` compares little but
the calls' own lengths.

- `back to back`: nothing between two calls, so that a contender's own length decides how often its interval
  ends.
- `between work`: the recording thread computes for about 0.1 ms between two calls, as a program does.

Each contender has appended some hundred events before, beside nobody: what it loads once is not measured here (beside
the thread Runstone takes 0.1 to 0.3 seconds for its matcher, once in a process).

Floor: `floor:bare`, `orjson.dumps` and one `os.write`, which gives the lock away once. The switch interval
is left as it is.
"""

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.contenders import load_recorder
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.base import Run
from bench.rows.append import Tally, append_block, with_open_runs
from bench.workload import Event, make_events

WARM_UP = 500
SLICE_S = 0.05
ROUNDS = 20


class BusyThread:
    """A thread that counts in pure Python for the body of a `with`."""

    def __init__(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._count, daemon=True)

    def _count(self) -> None:
        turns = 0
        while not self._stopping:
            turns += 1

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stopping = True
        self._thread.join()


def nothing() -> None:
    """No work between two calls."""


def compute() -> None:
    """About 0.1 ms of pure Python."""
    turns = 2000
    while turns:
        turns -= 1


def append_for(slice_s: float, run: Run, events: Iterator[Event], between: Callable[[], None]) -> list[float]:
    """Append for a slice of time; the wall seconds of each call."""
    append, now, took = run.event, time.perf_counter, []
    ends = now() + slice_s
    while now() < ends:
        between()
        event = next(events)
        started = now()
        append(event)
        took.append(now() - started)
    return took


def measure(between: Callable[[], None], contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Append beside the busy thread, in turns."""
    recorders = [load_recorder(name, scratch) for name in contenders]
    calls: list[list[float]] = [[] for _ in recorders]

    def take_turns(runs: Sequence[Run]) -> None:
        events = itertools.cycle(make_events())
        for run in runs:
            append_block(run, make_events(WARM_UP))
        with BusyThread():
            for _ in range(ROUNDS):
                for run, took in zip(runs, calls, strict=True):
                    took += append_for(SLICE_S, run, events, between)

    with_open_runs(recorders, [Tally() for _ in recorders], take_turns)
    return [describe(name, took) for name, took in zip(contenders, calls, strict=True)]


def describe(name: str, took: Sequence[float]) -> Measurement:
    """The measurement of one contender."""
    waited = sum(call > sys.getswitchinterval() / 2 for call in took)
    return Measurement(
        name,
        1e3 * statistics.mean(took),
        "ms",
        details={
            "p50_ms": 1e3 * statistics.median(took),
            "p99_ms": 1e3 * statistics.quantiles(took, n=100)[98],
            "waited_%": 100 * waited / len(took),
            "calls": len(took),
        },
    )


ROW = Row(
    "busy_thread",
    "Append beside one busy pure-Python thread",
    tuple(
        Case(
            partial(measure, between),
            name=name,
            floor="floor:bare",
            references=("floor:envelope",),
            targets=(Target("ratio", 1.2, "≤ 1.2 × a bare write beside the same thread"),),
            columns=("p50_ms", "p99_ms", "waited_%", "calls"),
        )
        for name, between in (("back to back", nothing), ("between work", compute))
    ),
)
