"""Many small runs, the same for every contender: what lists, queries and searches are measured on.

A run has a kind (one of 10), a team (of 100), a status (every seventh failed), a loss, a line of log, ten parameters,
three inputs, and one output whose bytes no other run made. How long it takes to make them is not measured.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.workload import inputs_for, params_for

PAGE = 50
RUNS = int(os.environ.get("BENCH_RUNS") or 10_000)
"""As `--runs` said."""
SETTLE_S = 2.2
"""A folder that changed within two seconds may change again unseen: Runstone looks at every bundle until then."""


@dataclass(frozen=True)
class SmallRun:
    """What is recorded of run `number`."""

    number: int

    @property
    def run_id(self) -> str:
        return f"run-{self.number:08d}"

    @property
    def kind(self) -> str:
        return f"kind-{self.number % 10}"

    @property
    def team(self) -> str:
        return f"t{self.number * 7 % 100}"

    @property
    def failed(self) -> bool:
        return self.number % 7 == 0

    @property
    def loss(self) -> float:
        return (self.number * 7919 % 10_007) / 10_007

    @property
    def text(self) -> str:
        return f"shard {self.number % 13} of step w{self.number % 317}"

    @property
    def output_sha256(self) -> str:
        return hashlib.sha256(f"output of {self.number}".encode()).hexdigest()


@dataclass(frozen=True)
class Question:
    """A list that is asked for: by whom it fits, and in the words of Runstone."""

    name: str
    query: str
    fits: Callable[[SmallRun], bool]

    def hits(self, runs: int) -> int:
        """How many rows the first page has among so many runs."""
        found = 0
        for number in range(runs):
            found += self.fits(SmallRun(number))
            if found == PAGE:
                break
        return found


QUESTIONS = (
    Question("newest 50", "", lambda run: True),
    Question("kind", "kind:kind-3", lambda run: run.kind == "kind-3"),
    Question("label", "label.team:t42", lambda run: run.team == "t42"),
    Question("status", "status:failed", lambda run: run.failed),
    Question("metric bound", "metric.loss<0.01", lambda run: run.loss < 0.01),
    Question("words", '"w42"', lambda run: run.text.endswith(" w42")),
)


@contextmanager
def without_syncs() -> Iterator[None]:
    """Nothing is synced in the body: for making what is measured later."""
    kept = os.fsync, os.posix_fadvise
    os.fsync = lambda descriptor: None  # type: ignore[assignment]
    os.posix_fadvise = lambda *_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fsync, os.posix_fadvise = kept


def record_small(store: Any, small: SmallRun, output_sha256: str) -> None:
    """A sealed bundle of Runstone; what fails fails by an exception, as it does in life."""
    labels, config = {"team": small.team}, params_for(small.number)
    try:
        with store.run(small.kind, version="1", run_id=small.run_id, config=config, labels=labels) as run:
            for item in inputs_for(small.number):
                run.input("table", item["uri"], sha256=item["sha256"])
            run.metrics({"loss": small.loss}, step=0)
            run.log(small.text)
            run.output("table", "result", sha256=output_sha256)
            if small.failed:
                raise ValueError("every seventh")
    except ValueError:
        pass


def runstone_store(folder: Path, count: int, outputs: Mapping[int, str] = MappingProxyType({})) -> Any:
    """A store of so many sealed runs, its catalog warm. `outputs` are SHA-256 of some runs' outputs, by number."""
    import runstone

    store = runstone.open(str(folder))
    with without_syncs():
        for number in range(count):
            small = SmallRun(number)
            record_small(store, small, outputs.get(number, small.output_sha256))
    store.page(limit=1)
    time.sleep(SETTLE_S)
    store.page(limit=1)
    return store
