"""Checks distinct crash states until they or the budget run out.

- Two states with the same tree and the same printed lines are one: only the first is checked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from crashpoints.checking import Checker, Failure
from crashpoints.states import Crash, History, State


@dataclass(frozen=True)
class Budget:
    """When a sweep ends before its states do, and how many checks run at once."""

    max_states: int = 2000
    max_s: float = 300
    jobs: int = 1
    fail_fast: bool = False


@dataclass
class Findings:
    """What a sweep has tried and found; `stopped_by` is None when every state was tried."""

    checked: dict[Crash, int] = field(default_factory=lambda: {"kill": 0, "power": 0})
    visited: set[int] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    stopped_by: str | None = None
    seconds: float = 0

    @property
    def states(self) -> int:
        """How many distinct states were checked."""
        return sum(self.checked.values())


class Sweep:
    """One pass over candidate states, with checks running side by side."""

    def __init__(self, history: History, checker: Checker, budget: Budget) -> None:
        self._history = history
        self._checker = checker
        self._budget = budget
        self._findings = Findings()
        self._seen: set[tuple[str, bytes]] = set()
        self._running: set[Future[Failure | None]] = set()

    def run(self, candidates: Iterator[State]) -> Findings:
        """Check the candidates in order; the simplest failures come first in what is found."""
        began = time.monotonic()
        tried: set[State] = set()
        with ThreadPoolExecutor(self._budget.jobs) as pool:
            for state in candidates:
                if state in tried:
                    continue
                tried.add(state)
                self._findings.stopped_by = self._exhausted(time.monotonic() - began)
                if self._findings.stopped_by:
                    break
                self._submit(pool, state)
                self._drain(self._budget.jobs * 2)  # enough waiting to keep every worker busy
            self._drain(0)
        self._findings.failures.sort(key=lambda f: (f.kind, len(f.changes), f.at, f.id))
        self._findings.seconds = round(time.monotonic() - began, 2)
        return self._findings

    def _exhausted(self, elapsed_s: float) -> str | None:
        if elapsed_s > self._budget.max_s:
            return f"time budget of {self._budget.max_s} s"
        if self._findings.states >= self._budget.max_states:
            return f"budget of {self._budget.max_states} states"
        if self._budget.fail_fast and self._findings.failures:
            return "first failure (--fail-fast)"
        return None

    def _submit(self, pool: ThreadPoolExecutor, state: State) -> None:
        tree, printed = self._history.rebuild(state)
        self._findings.visited.add(state.at)
        key = (tree.digest(self._checker.ignore), printed)
        if key not in self._seen:
            self._seen.add(key)
            self._findings.checked[state.crash] += 1
            self._running.add(pool.submit(self._checker.check, state, tree, printed))

    def _drain(self, limit: int) -> None:
        while len(self._running) > limit:
            done, self._running = wait(self._running, return_when=FIRST_COMPLETED)
            results = [future.result() for future in done]
            self._findings.failures += [failure for failure in results if failure]
