"""Lists of 1,000 pipelines of seven phases, contract `rentl/1`: milliseconds for the newest 50 of their 8,000 runs.

Each pipeline is worked off by `PhaseRunner` over stores in memory, and sealed: a run, and a child for each phase. Every
seventh ends with a failed export. How long that takes is not measured. Then each question is asked again and again, in
a process that has the store open and has asked before; the value is the median, and the number of rows is checked.

- `newest 50`: no filter. `status`: those that failed, a pipeline of seven and its export. `phase and status`: failed
  exports. `index`: the same pipelines by rentl's own `list_run_index` on files, which reads every record of the index.

Floor: `floor:table`, one SQLite table with an index for each of these, filled with the same 8,000 rows.
"""

import asyncio
import statistics
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import runstone
from bench.cards import Table
from bench.clock import Stopwatch
from bench.many import PAGE, without_syncs
from bench.measurement import Case, Measurement, Row, Target

PIPELINES = 1_000
PHASES = ("ingest", "context", "pretranslation", "translate", "qa", "edit", "export")
FAILED_OF = 7
TIMES = 200
Ask = Callable[[], Sequence[Any]]
CASES = ("newest 50", "status", "phase and status", "index")
QUERIES = {"newest 50": "", "status": "status:failed", "phase and status": "kind:export status:failed"}


async def work(context: Any) -> Any:
    """A phase that makes one line; every seventh pipeline fails at its end."""
    from runstone.contracts.rentl import PhaseOutput

    number = context.run_id.int & 0xFFFF
    if context.phase.value == PHASES[-1] and number % FAILED_OF == 0:
        raise ValueError("nowhere to export to")
    return PhaseOutput([{"text": f"{context.phase.value} {number}"}])


async def work_off(number: int, store: runstone.Store, index: Path) -> None:
    """A pipeline, from its first phase to its seal; its record in the index stays as a file."""
    from runstone.contracts.rentl import Phase, PhaseRunner, RunSealer, open_async_stores
    from runstone.contracts.rentl.models import PhaseName

    run_id = UUID(int=(0x01890A5C91C87B2A9F51 << 48) | number)
    kept = open_async_stores(index)
    stores = open_async_stores("memory:")
    runner = PhaseRunner(
        [Phase(PhaseName(name), work) for name in PHASES],
        project_name="script",
        source_language="ja",
        target_languages=["en"],
        states=stores.states,
        artifacts=stores.artifacts,
        logs=None,
        seal=RunSealer(stores, store),
    )
    with suppress(ValueError):  # the seventh: its failure is in the record
        await runner.run(run_id)
    for record in await stores.states.list_run_index():
        await kept.states.save_run_index(record)
    await stores.aclose()
    await kept.aclose()


def fill(folder: Path) -> runstone.Store:
    """The sealed pipelines, and `index` beside them."""
    store = runstone.open(folder / "runs")

    async def go() -> None:
        for number in range(PIPELINES):
            await work_off(number, store, folder / "index")

    with without_syncs():
        asyncio.run(go())
    return store


def asks_of(name: str, store: runstone.Store, folder: Path) -> dict[str, Ask]:
    """What to call for the rows of a question, by its name."""
    if name == "runstone":
        from runstone.contracts.rentl import open_stores
        from runstone.contracts.rentl.models import RunStatus

        states = open_stores(folder / "index").states
        pages = {case: page_of(store, query) for case, query in QUERIES.items()}
        return {**pages, "index": lambda: states.list_run_index(status=RunStatus.FAILED, limit=PAGE)}
    table = Table(folder / "table.sqlite")
    for number in range(PIPELINES * (1 + len(PHASES))):
        table.put([number])
    failed = dict.fromkeys(CASES[1:], ("status = ?", ("failed",)))
    return {case: ask_of(table, *where) for case, where in {CASES[0]: ("1", ()), **failed}.items()}


def page_of(store: runstone.Store, query: str) -> Ask:
    """A page of Runstone's."""
    return lambda: store.page(query, limit=PAGE).rows


def ask_of(table: Table, where: str, values: tuple[Any, ...]) -> Ask:
    """A page of the table."""
    return lambda: table.ask(where, values, PAGE)


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Make the pipelines, then ask everything, the contenders in turns."""
    store = fill(scratch)
    asks = {name: asks_of(name, store, scratch) for name in contenders}
    return [item for case in CASES for item in _asked(case, asks)]


def _asked(case: str, asks: dict[str, dict[str, Ask]]) -> list[Measurement]:
    took: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(1 + TIMES):
        for name, known in asks.items():
            watch = Stopwatch()
            with watch:
                rows = len(known[case]())
            if rows != PAGE:
                raise RuntimeError(f"{name} {case}: an answer has {rows} rows instead of {PAGE}")
            took[name].append(watch.seconds)
    runs = PIPELINES * (1 + len(PHASES))
    return [
        Measurement(
            name,
            1e3 * statistics.median(calls[1:]),
            "ms",
            details={"p99_ms": 1e3 * sorted(calls[1:])[int(0.99 * TIMES)], "runs": runs},
            case=case,
        )
        for name, calls in took.items()
    ]


ROW = Row(
    "phases",
    "Newest 50 of 1,000 pipelines of seven phases",
    tuple(
        Case(
            measure,
            name=case,
            floor="floor:table",
            targets=(Target("value", 0.3, "≤ 0.3 ms, as of any 10,000 runs"),) if case in CASES[:2] else (),
            columns=("p99_ms", "runs"),
            max_reps=1,
            measured_with="" if case == CASES[0] else CASES[0],
            timeout_s=900,
        )
        for case in CASES
    ),
)
