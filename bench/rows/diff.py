"""Compare two sealed runs of 100,000 events: seconds.

- `alike`: the journals differ in times and ids only, so both are read to their ends. `last event`: the last of one has
  another value. `first event`: the first has, after which nothing else must agree.

Floor: `floor:parse`, read both journals and parse every line with orjson; nothing is compared.
"""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.clock import Stopwatch
from bench.many import without_syncs
from bench.measurement import Case, Measurement, Row
from bench.workload import make_events

EVENTS = 100_000
PASSES = 3
CASES = {"alike": None, "last event": EVENTS - 1, "first event": 0}


def record_long(store: Any, run_id: str, changed: int | None) -> None:
    """A run of so many events, one of them with another value."""
    events = make_events()
    with without_syncs(), store.run("long", version="1", run_id=run_id) as run:
        for number in range(EVENTS):
            event = events[number % len(events)]
            run.event("x.bench", {**event, "kind": "changed"} if number == changed else event)


def parse_both(journals: Sequence[Path]) -> int:
    """The floor: how many events there are."""
    found = 0
    for journal in journals:
        with journal.open("rb") as file:
            for line in file:
                orjson.loads(line)
                found += 1
    return found


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Contenders take turns on the same runs."""
    import runstone

    store: Any = runstone.open(str(scratch / "store"))
    record_long(store, "baseline", None)
    for case, changed in CASES.items():
        record_long(store, named(case), changed)
    return [item for case in CASES for item in measure_pair(case, contenders, store, scratch / "store")]


def named(case: str) -> str:
    """The id of the run of a case."""
    return case.replace(" ", "-")


def measure_pair(case: str, contenders: Sequence[str], store: Any, folder: Path) -> list[Measurement]:
    """The baseline and the run of a case."""
    journals = [folder / run_id / "events.jsonl" for run_id in ("baseline", named(case))]
    work: dict[str, Callable[[], Any]] = {
        "runstone": lambda: store.compare("baseline", named(case)),
        "floor:parse": lambda: parse_both(journals),
    }
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(PASSES):
        for name, calls in took.items():
            watch = Stopwatch()
            with watch:
                work[name]()
            calls.append(watch.seconds)
    megabytes = sum(journal.stat().st_size for journal in journals) / 1e6
    return [
        Measurement(name, statistics.median(calls), "s", details={"MB": megabytes, "events": EVENTS}, case=case)
        for name, calls in took.items()
    ]


ROW = Row(
    "diff",
    "Compare two runs of 100,000 events",
    tuple(
        Case(
            measure,
            name=case,
            floor="floor:parse",
            columns=("MB", "events"),
            max_reps=2,
            measured_with="" if case == "alike" else "alike",
            timeout_s=600,
        )
        for case in CASES
    ),
)
