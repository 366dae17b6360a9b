"""Peak memory of recording little and much: it should be flat.

- `events`: a process that records 10,000 events, and one that records 1,000,000, from opening to sealing.
- `output`: the wrapper around a command that prints 20 MB, and 400 MB.

The value is the peak of the large one in megabytes, and the ratio is to the small one of the same
contender. The floors are those of the other rows, for what an interpreter and a pipe take by themselves;
they fold nothing.
"""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.contenders import load_recorder
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.base import Run
from bench.peers.wrappers import wrap
from bench.processes import peak_rss_mb, run_command, run_forked, user_environment
from bench.rows.wrapper_200mb import log_text
from bench.rows.wrapper_true import check_recorded
from bench.workload import inputs_for, make_events, params_for

FEW_EVENTS, MANY_EVENTS = 10_000, 1_000_000
LITTLE_BYTES, MUCH_BYTES = 20 << 20, 400 << 20
FLAT = Target("ratio", 1.2, "flat: ≤ 1.2 × the peak of the small one")


def peak_of_recording(name: str, scratch: Path, count: int) -> float:
    """Peak megabytes of a process that records so many events."""

    def body(run: Run) -> None:
        events = make_events()
        for _ in range(count // len(events)):
            for event in events:
                run.event(event)

    recorder = load_recorder(name, scratch)
    recorder.record(0, params_for(0), inputs_for(0), body)
    recorder.close()
    return peak_rss_mb()


def measure_events(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Record few and many events, each in a process of its own."""
    found = []
    for name in contenders:
        few, many = (
            run_forked(partial(peak_of_recording, name, scratch / str(count), count))
            for count in (FEW_EVENTS, MANY_EVENTS)
        )
        details = {"small_mb": few, "large_mb": many}
        found.append(Measurement(name, many, "MB", beside=few, details=details))
    return found


def measure_output(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Wrap a command that prints little and one that prints much."""
    found = []
    for name in contenders:
        peaks = []
        for size in (LITTLE_BYTES, MUCH_BYTES):
            store = scratch / f"{name.replace(':', '-')}-{size}"
            finished = run_command(wrap(name, log_text(size, scratch), store), scratch, user_environment())
            check_recorded(name, finished, store, size - 1)
            peaks.append(finished.peak_rss_mb)
            shutil.rmtree(store)
        little, much = peaks
        details = {"small_mb": little, "large_mb": much}
        found.append(Measurement(name, much, "MB", beside=little, details=details))
    return found


ROW = Row(
    "memory",
    "Memory",
    (
        Case(
            measure_events,
            name="events",
            floor="floor:synced",
            targets=(FLAT,),
            ratio_to="small",
            columns=("small_mb",),
            max_reps=1,
            one_process_each=True,
        ),
        Case(
            measure_output,
            name="output",
            floor="floor:wrapper",
            peers=("sacred",),
            targets=(FLAT,),
            ratio_to="small",
            columns=("small_mb",),
            max_reps=1,
            one_process_each=True,
        ),
    ),
)
