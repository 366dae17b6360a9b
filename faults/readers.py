"""Five processes record and five read, for a minute; readers are killed as they fill the catalog, and it is deleted.

- No reader ever fails.
- Each answer has every run that was there from the question to the answer, once, sealed if it was sealed before the
  question; and none that was gone before the question or came after the answer. What was said of a run counts as well.
- In the end each answer of each reader is that of a reading of every bundle.

Processes say what they did, and when, in a file of their own; the clock is one for all.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import random
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import runstone
from faults.mutants import apply_mutant
from faults.sweep import Result
from runstone.core import layout
from runstone.engine.store import Store
from runstone.errors import NotFound

PROCESSES = 5
SHARDS = 8
QUERIES = (*(f"kind:job label.shard:{shard}" for shard in range(SHARDS)), "label.seen:yes")
PAGE = 7
STOP = "stop"
LONGEST_S = 120.0
"""So long may a process take to end, and the last reader to be killed."""
PATIENCE_S = 5.0
"""So long is a reader waited for that fills the catalog."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is done, and how much of it must be done for the sweep to count."""

    seconds: float
    runs: int
    """Of each writer."""
    every_s: float
    """A catalog is deleted, a reader killed and a run taken away so often."""
    answers: int
    killed: int


MINUTE = Plan(seconds=60, runs=300, every_s=3, answers=500, killed=10)
SHORT = Plan(seconds=5, runs=60, every_s=0.7, answers=50, killed=3)
DENSE = Plan(seconds=5, runs=400, every_s=2, answers=50, killed=1)
"""Runs are sealed all the time, so that some answer meets it."""


def readers(scratch: Path, sample: bool) -> Result:
    """The sweep; an answer counts as a try."""
    return storm(scratch / "readers", SHORT if sample else MINUTE)


def open_runs_asked_last(scratch: Path, sample: bool) -> Result:
    """A run that is sealed between the two looks is in neither: some answer must lack it."""
    found = storm(scratch / "mutant", DENSE, "open-runs-asked-last")
    missed = [] if any("lacks" in problem for problem in found.problems) else ["no answer lacks a run"]
    return Result("mutant open-runs-asked-last", found.tried, DENSE.answers, missed)


def storm(place: Path, plan: Plan, mutant: str | None = None) -> Result:
    """Record, read, kill and delete; then hold what was answered against what was there."""
    (place / "said").mkdir(parents=True)
    writers = [_start(_write, place, f"w{number}", plan) for number in range(PROCESSES)]
    pool = _Pool(place, mutant)
    gone = _disturb(place, plan, pool)
    (place / STOP).touch()
    problems = [f"{one.name} did not end" for one in [*writers, *pool.alive.values()] if not _ended(one)]
    said = {path.stem: list(_lines(path)) for path in sorted((place / "said").iterdir())}
    answers = [line for name in said for line in said[name] if name.startswith("r") and "asked" in line]
    problems += [f"{name}: {line['failed']}" for name in said for line in said[name] if "failed" in line]
    books = _Books([line for lines in said.values() for line in lines], gone)
    problems += [problem for answer in answers for problem in books.problems(answer)]
    problems += _endings(said, list(pool.alive), place / "runs")
    if pool.killed < plan.killed:
        problems.append(f"{pool.killed} readers were killed as they filled the catalog; at least {plan.killed} must be")
    return Result(f"readers, {pool.killed} killed, {len(gone)} runs taken", len(answers), plan.answers, problems)


# the processes


def _start(target: Any, place: Path, name: str, *arguments: Any) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=target, args=(place, name, *arguments), daemon=True)
    process.name = name
    process.start()
    return process


def _ended(process: BaseProcess) -> bool:
    process.join(LONGEST_S)
    return process.exitcode == 0


class _Said:
    """What a process says it did: a line each, there once it is written."""

    def __init__(self, place: Path, name: str) -> None:
        self._file = (place / "said" / f"{name}.jsonl").open("a", encoding="utf-8", buffering=1)

    def line(self, **facts: Any) -> None:
        self._file.write(json.dumps(facts) + "\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def _write(place: Path, name: str, plan: Plan) -> None:
    """Record run after run, and say something of every third one."""
    said, store = _Said(place, name), runstone.open(place / "runs")
    for number in range(plan.runs):
        if (place / STOP).exists():
            return
        run_id, began = f"{name}-{number}", time.monotonic()
        run = store.run("job", run_id=run_id, labels={"shard": str(number % SHARDS)})
        opened = time.monotonic()
        run.metrics({"number": number})
        run.log(f"line of {run_id}")
        run.finish()
        query = QUERIES[number % SHARDS]
        said.line(run=run_id, query=query, began=began, there=opened, sealed=time.monotonic())
        if number % 3 == 0:
            began = time.monotonic()
            with suppress(NotFound):  # it was taken away already
                store.annotate(run_id, labels={"seen": "yes"})
            said.line(run=run_id, query=QUERIES[-1], began=began, there=time.monotonic(), sealed=0)
        time.sleep(plan.seconds / plan.runs / 2)


def _read(place: Path, name: str, mutant: str | None) -> None:
    """Ask until it is time to stop; then answer every query once more."""
    if mutant is not None:
        apply_mutant(mutant)
    said, store = _Said(place, name), runstone.open(place / "runs")
    number = 0
    while not (place / STOP).exists():
        number += 1
        try:
            _ask(said, store, QUERIES[number % len(QUERIES)], paged=number % 2 == 0)
        except Exception:  # whatever it is, the sweep must hear of it
            said.line(failed=traceback.format_exc())
    said.line(last={query: [row["run_id"] for row in store.rows(query)] for query in QUERIES})


def _ask(said: _Said, store: Store, query: str, *, paged: bool) -> None:
    def filling(done: int, total: int) -> None:
        if done % 20 == 1:
            said.line(filling=done, of=total)

    asked, rows, after = time.monotonic(), [], None
    while True:
        page = store.page(query, limit=PAGE if paged else None, after=after, progress=filling)
        rows += page.rows
        after = page.next
        if after is None:
            break
    unsealed = [row["run_id"] for row in rows if row["state"] != "sealed"]
    found = [row["run_id"] for row in rows]
    said.line(asked=asked, answered=time.monotonic(), query=query, found=found, unsealed=unsealed)


# what happens to them


class _Pool:
    """The readers; for one that is killed another one begins."""

    def __init__(self, place: Path, mutant: str | None) -> None:
        self._place = place
        self._mutant = mutant
        self._begun = 0
        self.killed = 0
        self.alive: dict[str, BaseProcess] = {}
        for _ in range(PROCESSES):
            self._begin()

    def _begin(self) -> None:
        name = f"r{self._begun}"
        self._begun += 1
        self.alive[name] = _start(_read, self._place, name, self._mutant)

    def kill_one_that_fills(self) -> bool:
        """Kill a reader that reads bundles just now, if there is one."""
        for name, process in self.alive.items():
            path = self._place / "said" / f"{name}.jsonl"
            last = path.read_text(encoding="utf-8")[-1000:].splitlines()[-1:] if path.exists() else []
            if last and last[0].startswith('{"filling"'):
                process.kill()
                process.join()
                del self.alive[name]
                self.killed += 1
                self._begin()
                return True
        return False


def _disturb(place: Path, plan: Plan, pool: _Pool) -> dict[str, tuple[float, float]]:
    """Until the time is over and enough was killed; answers the runs that were taken away, and from when to when."""
    chance = random.Random(1)  # no secret
    gone: dict[str, tuple[float, float]] = {}
    (place / "gone").mkdir()
    end = time.monotonic() + plan.seconds
    due = time.monotonic() + plan.every_s
    while time.monotonic() < end or (not _enough(place, plan, pool) and time.monotonic() < end + LONGEST_S):
        time.sleep(0.005)
        if time.monotonic() < due:
            continue
        catalog = place / "runs" / layout.CATALOG
        for suffix in chance.choice([("",), ("", "-wal", "-shm")]):
            Path(f"{catalog}{suffix}").unlink(missing_ok=True)
        gone |= _take_away(place, chance)
        late = time.monotonic() + PATIENCE_S
        while not pool.kill_one_that_fills() and time.monotonic() < late:
            time.sleep(0.001)
        due = time.monotonic() + plan.every_s
    return gone


def _enough(place: Path, plan: Plan, pool: _Pool) -> bool:
    answers = sum(path.read_text(encoding="utf-8").count('"answered"') for path in (place / "said").glob("r*"))
    return pool.killed >= plan.killed and answers >= plan.answers


def _take_away(place: Path, chance: random.Random) -> dict[str, tuple[float, float]]:
    """A sealed run is taken out of the store at once, as what is purged."""
    sealed = sorted(path.parent for path in (place / "runs").glob("w*/manifest.json"))
    if not sealed:
        return {}
    folder, began = chance.choice(sealed), time.monotonic()
    folder.rename(place / "gone" / folder.name)
    return {folder.name: (began, time.monotonic())}


# what was to be answered


class _Books:
    """By query, the runs that were in its answer: from when on, surely; and until when."""

    def __init__(self, lines: list[dict[str, Any]], gone: dict[str, tuple[float, float]]) -> None:
        self._gone = gone
        self._there: dict[str, list[dict[str, Any]]] = {query: [] for query in QUERIES}
        for line in lines:
            if "there" in line:
                self._there[line["query"]].append(line)

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """What an answer lacks, and what it has that cannot be."""
        asked, answered, found = answer["asked"], answer["answered"], answer["found"]
        must, may, sealed = set(), set(), set()
        for line in self._there[answer["query"]]:
            leaving, left = self._gone.get(line["run"], (answered + 1, answered + 1))
            if line["there"] <= asked and leaving > answered:
                must.add(line["run"])
            if line["began"] <= answered and left >= asked:
                may.add(line["run"])
            if line["sealed"] <= asked:
                sealed.add(line["run"])
        problems = [f"{answer['query']}: lacks {sorted(must - set(found))}"] if must - set(found) else []
        if set(found) - may:
            problems.append(f"{answer['query']}: has {sorted(set(found) - may)}, which cannot be")
        if len(set(found)) < len(found):
            problems.append(f"{answer['query']}: a run is there twice")
        if sealed & set(answer["unsealed"]):
            problems.append(f"{answer['query']}: {sorted(sealed & set(answer['unsealed']))} was sealed before")
        return problems


def _endings(said: dict[str, list[dict[str, Any]]], names: list[str], root: Path) -> list[str]:
    """Readers whose last answers are not what every bundle says."""
    expected = _by_reading(root)
    problems = []
    for name in names:
        last = said[name][-1].get("last", {})
        problems += [
            f"{name}: the last answer to {query} is wrong" for query in QUERIES if last.get(query) != expected[query]
        ]
    return problems


def _by_reading(root: Path) -> dict[str, list[str]]:
    """The answers to all queries, newest first, by reading every bundle."""
    runs, seen = [], set()
    for path in root.glob("*/" + layout.MANIFEST):
        manifest = json.loads(path.read_bytes())
        opened = json.loads((path.parent / layout.JOURNAL).read_bytes().splitlines()[0])["data"]
        if manifest["kind"] == "annotation":
            seen |= {link["run_id"] for link in opened["links"]}
        else:
            runs.append((manifest["opened_at"], manifest["run_id"], opened["labels"]["shard"]))
    runs.sort(reverse=True)
    answers = {query: [run_id for _, run_id, shard in runs if query.endswith(f":{shard}")] for query in QUERIES}
    return {**answers, QUERIES[-1]: [run_id for _, run_id, _ in runs if run_id in seen]}
