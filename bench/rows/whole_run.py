"""Record a whole run: milliseconds.

A run is 10 parameters, 3 inputs, 100 events, 20 metrics, 5 checks, and files of 4 KB, 4 KB and 1 MB,
from opening it to the return of its finish. Each run's files have new content, written outside the
timed part. Contenders of one process record in turns, run by run, and the order turns around every time.

Floor: `floor:synced` writes the same kinds of files by hand (journal, three documents, three attached
files, manifest with SHA-256s) and syncs everything that it writes: each file as it is complete,
`artifacts/`, the run's folder, then the rename, then the parent folder. `floor:bare` is the same without
any sync. The second table counts the syncs of each contender with `strace`: most peers leave most of what
they write to the page cache.
"""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.clock import Stopwatch
from bench.contenders import RECORDER_PEERS, load_recorder
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.base import Recorder, Run
from bench.processes import folder_bytes, folder_files
from bench.syncs import syncs_per_run
from bench.workload import (
    CHECKS,
    EVENTS_PER_RUN,
    FILE_SIZES,
    METRICS_PER_RUN,
    Sources,
    inputs_for,
    make_events,
    params_for,
)

MAX_RUNS = 60
MAX_SECONDS = 1.5


def body_with(sources: Sources) -> Callable[[Run], None]:
    """What is recorded into each run."""
    events = make_events(EVENTS_PER_RUN)

    def body(run: Run) -> None:
        for event in events:
            run.event(event)
        for step in range(METRICS_PER_RUN):
            run.metric("loss", 1.0 / (step + 1), step)
        for name, passed in CHECKS:
            run.check(name, passed)
        for path in sources.paths:
            run.attach(path)

    return body


class Timing:
    """Records runs and keeps their times."""

    def __init__(self, recorder: Recorder, sources: Sources) -> None:
        self.recorder = recorder
        self._sources = sources
        self._body = body_with(sources)
        self.first_ms = 0.0
        self.times: list[float] = []
        self.walls: list[float] = []
        self.cpus: list[float] = []

    @property
    def done(self) -> bool:
        """Whether a bound is reached."""
        return len(self.times) >= MAX_RUNS or sum(self.walls) >= MAX_SECONDS

    def record(self, number: int) -> Stopwatch:
        """Record one run; only the recording is timed."""
        self._sources.refresh(number)
        params, inputs, watch = params_for(number), inputs_for(number), Stopwatch()
        with watch:
            self.recorder.record(number, params, inputs, self._body)
        return watch

    def keep(self, watch: Stopwatch) -> None:
        """Add a run to the figures."""
        self.times.append(1e3 * watch.seconds)
        self.walls.append(watch.wall_s)
        self.cpus.append(1e3 * watch.cpu_s)


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Record runs with each contender, in turns; the first of each warms up and is not counted."""
    sources = Sources(scratch / "sources")
    timings = [Timing(load_recorder(name, scratch), sources) for name in contenders]
    for timing in timings:
        timing.first_ms = 1e3 * timing.record(0).seconds
    number = 0
    while not all(timing.done for timing in timings):
        number += 1
        for timing in timings if number % 2 else reversed(timings):
            if not timing.done:
                timing.keep(timing.record(number))
    for timing in timings:
        timing.recorder.close()
    return [describe(name, timing) for name, timing in zip(contenders, timings, strict=True)]


def describe(name: str, timing: Timing) -> Measurement:
    """The measurement of one contender."""
    runs = len(timing.times) + 1
    store = timing.recorder.store
    return Measurement(
        name,
        statistics.median(timing.times),
        "ms",
        details={
            "p95_ms": sorted(timing.times)[int(0.95 * (len(timing.times) - 1))],
            "wall_ms": 1e3 * statistics.median(timing.walls),
            "cpu_ms": statistics.median(timing.cpus),
            "first_ms": timing.first_ms,
            "runs": runs - 1,
            "files_per_run": round(folder_files(store) / runs, 1),
            "bytes_over_files": round(folder_bytes(store) / runs) - sum(FILE_SIZES.values()),
            "mapping": timing.recorder.mapping,
        },
    )


def measure_syncs(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Count the syncs of a run; nothing is timed."""
    return [Measurement(name, syncs_per_run(name, scratch), "syncs") for name in contenders]


ROW = Row(
    "whole_run",
    "Record a whole run, everything synced",
    (
        Case(
            measure,
            floor="floor:synced",
            references=("floor:bare",),
            peers=RECORDER_PEERS,
            targets=(Target("ratio", 1.2, "≤ 1.2 × the floor with the same syncs"),),
            columns=("p95_ms", "cpu_ms", "files_per_run", "bytes_over_files"),
        ),
        Case(
            measure_syncs,
            name="syncs",
            floor="floor:synced",
            peers=RECORDER_PEERS,
            max_reps=1,
            one_process_each=True,
        ),
    ),
)
