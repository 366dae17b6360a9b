"""Twenty processes start, seal and recover the same runs at once, round after round.

In each round all of them try to open one id: exactly one wins. The winner seals it or dies with it open; then all
recover at once. One bundle comes out, and it verifies.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import runstone
from faults.mutants import apply_mutant
from faults.scenes import die
from faults.sweep import Result
from runstone.engine.store import Store
from runstone.errors import RunstoneError

PROCESSES = 20
ROUNDS = 100
SAMPLE_ROUNDS = 8


def races(scratch: Path, sample: bool) -> Result:
    """The sweep over rounds; each round counts its processes."""
    return _race(scratch / "races", SAMPLE_ROUNDS if sample else ROUNDS, PROCESSES, None)


def lock_not_checked(scratch: Path, sample: bool) -> Result:
    """Without the lock a run that is being recorded is taken for dead: some round must show it."""
    found = _race(scratch / "unlocked", 6, 6, "lock-not-checked")
    missed = [] if found.problems else ["no round fails without this defence"]
    return Result("mutant lock-not-checked", found.tried, 24, missed)


def _race(place: Path, rounds: int, processes: int, mutant: str | None) -> Result:
    context = multiprocessing.get_context("spawn")
    lines = [context.Pipe() for _ in range(processes)]
    workers = [context.Process(target=_worker, args=(str(place), far, mutant), daemon=True) for _, far in lines]
    for worker in workers:
        worker.start()
    near = [line for line, _ in lines]
    problems: list[str] = []
    for number in range(rounds):
        problems += _round(place, near, number)
    for line in near:
        line.send(None)
    for worker in workers:
        worker.join(30)
    return Result("races of starting, sealing, recovery", rounds * processes, rounds * processes, problems)


def _round(place: Path, lines: list[Connection], number: int) -> list[str]:
    run_id = f"round-{number}"
    winners = [answer for answer in _ask(lines, ("start", run_id, number % 2)) if answer == "won"]
    problems = [] if len(winners) == 1 else [f"{run_id}: {len(winners)} winners"]
    early = [answer for answer in _ask(lines, ("recover", run_id, 0)) if answer not in ("alive", "gone")]
    if early:
        problems.append(f"{run_id}: recovered while its writer was alive: {early}")
    _ask(lines, ("end", run_id, number % 2))
    problems += [f"{run_id}: {answer}" for answer in _ask(lines, ("recover", run_id, 0)) if answer.startswith("error")]
    store = runstone.open(place)
    try:
        report = store.verify(run_id)
        problems += [f"{run_id}: {finding}" for finding in report.findings if finding.level == "fault"]
        status = store.get(run_id).status
        if status != ("success" if number % 2 else "interrupted"):
            problems.append(f"{run_id}: status {status}")
    except RunstoneError as exc:
        problems.append(f"{run_id}: {exc.code}")
    return problems


def _ask(lines: list[Connection], task: tuple[str, str, int]) -> list[str]:
    for line in lines:
        line.send(task)
    return [line.recv() for line in lines]


def _worker(place: str, line: Connection, mutant: str | None) -> None:
    if mutant is not None:
        apply_mutant(mutant)
    store = runstone.open(place)
    runs: dict[str, runstone.Run] = {}
    while (task := line.recv()) is not None:
        verb, run_id, seals = task
        try:
            line.send(_do(store, runs, verb, run_id, seals=bool(seals)))
        except Exception as exc:  # whatever it is, the round must hear of it
            if not isinstance(exc, RunstoneError):
                line.send(f"error {exc!r}")
                continue
            line.send("lost" if exc.code == "run_exists" else f"error {exc.code}: {exc.message}")


def _do(store: Store, runs: dict[str, runstone.Run], verb: str, run_id: str, *, seals: bool) -> str:
    if verb == "start":
        runs[run_id] = store.run("race", run_id=run_id)
        runs[run_id].event("x.round", {"run": run_id})
        return "won"
    if verb == "end":
        run = runs.pop(run_id, None)
        if run is not None and seals:
            run.finish()
        elif run is not None:
            die(run)
        return "ended"
    found = [recovery for recovery in store.recover() if recovery.run_id == run_id]
    return found[0].outcome if found else "gone"
