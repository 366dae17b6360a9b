"""Append one event to an open run: microseconds a call.

The same clean events (about 320 bytes as a line with its envelope) go to every contender in blocks;
contenders of one process take turns block by block, so that what the machine does besides hits them alike.
Opening and finishing the run are outside; `us_with_finish` adds the finish, for contenders that keep events
in memory until then.

Floors: `floor:bare` is `orjson.dumps` and one `os.write` to a file opened for appending. `floor:envelope`
also takes a sequence number and the clock under a lock and puts them into the line, as a recorder must that
keeps the order of threads; ratios are to it. Neither redacts nor brings the line into canonical form; the
reference `floor:duties` does both by Runstone's own rules, and nothing else: it gives up on what is not clean and
canonical as it stands, knows no signal, no fork, no limit, no loss and no thread beside it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.clock import Stopwatch
from bench.contenders import RECORDER_PEERS, load_recorder
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.base import Recorder, Run
from bench.processes import folder_bytes, peak_rss_mb
from bench.workload import Event, cycle_blocks, inputs_for, make_events, params_for

BLOCK = 250
WARM_UP = 5
MAX_EVENTS = 100_000
MAX_SECONDS = 1.5


@dataclass
class Tally:
    """What one contender took."""

    watch: Stopwatch = field(default_factory=Stopwatch)
    events: int = 0
    finish_s: float = 0.0

    @property
    def done(self) -> bool:
        """Whether a bound is reached."""
        return self.events >= MAX_EVENTS or self.watch.wall_s >= MAX_SECONDS


def append_block(run: Run, block: list[Event]) -> None:
    """The timed loop."""
    append = run.event
    for event in block:
        append(event)


def take_turns(runs: Sequence[Run], tallies: Sequence[Tally]) -> None:
    """Block by block, until every contender has reached a bound."""
    blocks: Iterator[list[Event]] = cycle_blocks(make_events(), BLOCK)
    for run in runs:
        append_block(run, next(blocks)[:WARM_UP])
    while not all(tally.done for tally in tallies):
        block = next(blocks)
        for run, tally in zip(runs, tallies, strict=True):
            if not tally.done:
                with tally.watch:
                    append_block(run, block)
                tally.events += len(block)


def with_open_runs(
    recorders: Sequence[Recorder],
    tallies: Sequence[Tally],
    then: Callable[[Sequence[Run]], None],
    opened: tuple[Run, ...] = (),
) -> None:
    """Open one run a recorder, one inside the other, call `then` with all of them, and time each finish."""
    if len(opened) == len(recorders):
        then(opened)
        return
    tally = tallies[len(opened)]
    ended = 0.0

    def body(run: Run) -> None:
        nonlocal ended
        with_open_runs(recorders, tallies, then, (*opened, run))
        ended = time.perf_counter()

    recorders[len(opened)].record(0, params_for(0), inputs_for(0), body)
    tally.finish_s = time.perf_counter() - ended


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Append to one run of each contender, in turns."""
    recorders = [load_recorder(name, scratch) for name in contenders]
    tallies = [Tally() for _ in recorders]
    with_open_runs(recorders, tallies, lambda runs: take_turns(runs, tallies))
    for recorder in recorders:
        recorder.close()
    rss = {"peak_rss_mb": round(peak_rss_mb(), 1)} if len(recorders) == 1 else {}
    return [
        Measurement(
            name,
            1e6 * tally.watch.seconds / tally.events,
            "µs",
            details={
                "us_with_finish": 1e6 * (tally.watch.seconds + tally.finish_s) / tally.events,
                "us_wall": 1e6 * tally.watch.wall_s / tally.events,
                "us_cpu": 1e6 * tally.watch.cpu_s / tally.events,
                "events": tally.events,
                "bytes_per_event": round(folder_bytes(recorder.store) / tally.events),
                "mapping": recorder.mapping,
                **rss,
                **recorder.notes(tally.events + WARM_UP),
            },
        )
        for name, recorder, tally in zip(contenders, recorders, tallies, strict=True)
    ]


ROW = Row(
    "append",
    "Append one clean event of 300 bytes",
    (
        Case(
            measure,
            floor="floor:envelope",
            references=("floor:bare", "floor:duties"),
            peers=RECORDER_PEERS,
            targets=(
                Target("value", 2.5, "≤ 2.5 µs (on a quiet machine)"),
                Target("ratio", 2.0, "≤ 2 × the floor that builds the envelope under a lock"),
            ),
            peer_number="us_with_finish",
            columns=("us_with_finish", "bytes_per_event", "events", "peak_rss_mb", "dropped_events"),
        ),
    ),
)
