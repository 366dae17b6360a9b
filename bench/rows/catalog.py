"""The catalog by itself, among 1,000,000 runs (or as `--catalog-runs` says): cards put through its port, no bundles.

Runs have a time, a kind, a status, a label, a metric, two values of a configuration, an output with a digest, and some
words. They are put a thousand at a time; then the file is opened anew and asked, each question 500 times, each time
about another value or another place. Value: the median of a page of 50; `p99 ms` is what the target is about.

- `put`: microseconds a run, synced as SQLite's WAL is under `synchronous = NORMAL`; and the size of the file, a run.
- `newest 50`: no filter. `one filter`: one label of a hundred. `deep inside`: the page behind a run somewhere in the
  middle, by its cursor. `a filter deep inside`: both. `metric bound`: a range that one run of a thousand is in.
  `words`: two words, the second in one run of 317.

Floor: `floor:table`, one SQLite table by hand with an index for each question, rows in columns, words by FTS5.
"""

import os
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

from bench.cards import Table, card_of, chunks, opened_at
from bench.clock import Stopwatch
from bench.many import PAGE, SmallRun
from bench.measurement import Case, Measurement, Row, Target

RUNS = int(os.environ.get("BENCH_CATALOG_RUNS") or 1_000_000)
CALLS = 500
MAX_SECONDS = 20.0
HOURS = 3600
CASES = ("newest 50", "one filter", "deep inside", "a filter deep inside", "metric bound", "words")
Ask = Callable[[], Sequence[Any]]


class Put(ABC):
    """Rows that can be put and asked for."""

    path: Path

    @abstractmethod
    def put(self, numbers: list[int]) -> Callable[[], None]:
        """Prepares what is put; what is answered puts it."""

    @abstractmethod
    def ask(self, case: str, number: int) -> Ask:
        """A question, about run `number`."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held."""


class PutCatalog(Put):
    """Runstone's catalog, through the port."""

    def __init__(self, scratch: Path) -> None:
        from runstone.adapters.sqlite.catalog import SqliteCatalog

        self.path = scratch / "catalog.sqlite"
        self._catalog = SqliteCatalog(str(self.path), nullcontext)

    def put(self, numbers: list[int]) -> Callable[[], None]:
        from runstone.ports.catalog import Known

        known = [Known(f"mark-{number}", card_of(number)) for number in numbers]
        return lambda: self._catalog.update(known, (), None)

    def ask(self, case: str, number: int) -> Ask:
        from runstone.core.query import Cursor, parse_query

        small, low = SmallRun(number), number % 997 / 1000
        queries = {
            "one filter": f"label.team:{small.team}",
            "a filter deep inside": f"label.team:{small.team}",
            "metric bound": f"metric.loss>={low:.3f} metric.loss<{low + 0.001:.3f}",
            "words": f'"step w{number % 317}"',
        }
        query = parse_query(queries.get(case, ""))
        after = Cursor(None, opened_at(number), small.run_id) if case.endswith("deep inside") else None
        return lambda: self._catalog.rows(query, after, PAGE)

    def close(self) -> None:
        self._catalog.close()


class PutTable(Put):
    """The floor."""

    def __init__(self, scratch: Path) -> None:
        self.path = scratch / "table.sqlite"
        self._table = Table(self.path)

    def put(self, numbers: list[int]) -> Callable[[], None]:
        return lambda: self._table.put(numbers)

    def ask(self, case: str, number: int) -> Ask:
        small, low = SmallRun(number), number % 997 / 1000
        place = (opened_at(number), small.run_id)
        where, values = {
            "newest 50": ("1", ()),
            "one filter": ("team = ?", (small.team,)),
            "deep inside": ("(opened_at, run_id) < (?, ?)", place),
            "a filter deep inside": ("team = ? AND (opened_at, run_id) < (?, ?)", (small.team, *place)),
            "metric bound": ("loss >= ? AND loss < ?", (low, low + 0.001)),
            "words": ("run IN (SELECT rowid FROM search WHERE search MATCH ?)", (f'"step w{number % 317}"',)),
        }[case]
        return lambda: self._table.ask(where, values, PAGE)

    def close(self) -> None:
        self._table.close()


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Put all runs, then ask, contender by contender."""
    found = []
    for name in contenders:
        make = PutCatalog if name == "runstone" else PutTable
        found += [*measure_put(name, make(scratch)), *measure_asking(name, make(scratch))]
    return found


def measure_put(name: str, held: Put) -> Iterator[Measurement]:
    """Microseconds a run; `us_last` is that of the last tenth, when the file is largest."""
    watch, last = Stopwatch(), Stopwatch()
    for numbers in chunks(RUNS):
        put = held.put(numbers)
        with watch, last if numbers[0] >= 0.9 * RUNS else nullcontext():
            put()
    held.close()
    details = {
        "us_wall": 1e6 * watch.wall_s / RUNS,
        "us_last": 1e6 * last.seconds / (RUNS / 10),
        "bytes_a_run": held.path.stat().st_size / RUNS,
        "runs": RUNS,
    }
    yield Measurement(name, 1e6 * watch.seconds / RUNS, "µs", details=details, case="put")


def measure_asking(name: str, held: Put) -> Iterator[Measurement]:
    """Milliseconds a page, of each question."""
    for case in CASES:
        random, took = Random(case), list[float]()
        ends = time.monotonic() + MAX_SECONDS
        while len(took) <= CALLS and time.monotonic() < ends:
            ask = held.ask(case, random.randrange(RUNS // 4, RUNS * 3 // 4))
            watch = Stopwatch()
            with watch:
                rows = len(ask())
            took.append(watch.seconds)
        calls = sorted(took[1:])
        details = {"p99_ms": 1e3 * calls[int(0.99 * len(calls))], "rows": rows, "calls": len(calls), "runs": RUNS}
        yield Measurement(name, 1e3 * statistics.median(calls), "ms", details=details, case=case)
    held.close()


ROW = Row(
    "catalog",
    "The catalog by itself",
    (
        Case(
            measure,
            name="put",
            floor="floor:table",
            columns=("us_wall", "us_last", "bytes_a_run", "runs"),
            max_reps=1,
            timeout_s=12 * HOURS,
        ),
        *(
            Case(
                measure,
                name=case,
                floor="floor:table",
                targets=(Target("p99_ms", 10.0, "p99 ≤ 10 ms"),) if case in CASES[:4] else (),
                columns=("p99_ms", "rows", "runs", "calls"),
                measured_with="put",
            )
            for case in CASES
        ),
    ),
)
