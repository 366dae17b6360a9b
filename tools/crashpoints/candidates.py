"""Which crash states to try, in an order that spends any budget well.

- States come from several families in turn, and from crash points spread over the whole run, so that
  a sweep that stops early has still seen a bit of everything.
- The same recording, samples and seed give the same states in the same order.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Collection, Iterator

from crashpoints.effects import Fate, Names, Op, Resize, Write
from crashpoints.states import Crash, History, State

PAGE_BYTES = 4096
_FATES: tuple[Fate, ...] = ("keep", "lost", "half", "zero")
_WEIGHTS = (50, 35, 10, 5)  # a mixture is mostly kept and lost changes, with some damage among them
_DATA = (Write, Resize)


class Families:
    """The families of states of one history."""

    def __init__(self, history: History, samples: int, seed: int) -> None:
        self._history = history
        self._samples = samples
        self._random = random.Random(seed)
        self._points = spread(len(history.ops) + 1)

    def states(self, crashes: Collection[Crash]) -> Iterator[State]:
        """All states to try for these kinds of crash, duplicates among them."""
        families: list[Iterator[State]] = []
        if "kill" in crashes:
            families.append(self.killed())
        if "power" in crashes:
            families += [
                self.all_meet("lost", (*_DATA, Names)),
                self.all_meet("lost", _DATA),  # names without their data
                self.all_meet("zero", _DATA),
                self.all_meet("half", _DATA),
                self.all_meet("lost", (Names,)),  # data without its names
                self.one_lost(),
                self.one_kept(),
                self.one_damaged(),
                self.mixtures(),
            ]
        return interleave(families)

    def killed(self) -> Iterator[State]:
        """The process dies between two calls, or inside a write of more than a page."""
        for at in self._points:
            yield State("kill", at)
            last = self._history.ops[at - 1].effect if at else None
            if isinstance(last, Write) and len(last.data) > PAGE_BYTES:
                yield State("kill", at, ((at - 1, "half"),))

    def all_meet(self, fate: Fate, effects: tuple[type, ...]) -> Iterator[State]:
        """Every pending change of these kinds meets one fate; the others are kept."""
        for at, pending in self._pending():
            met = [op for op in pending if isinstance(op.effect, effects)]
            yield self._history.power_state(at, {op.index: _possible(op, fate) for op in met})

    def one_lost(self) -> Iterator[State]:
        """One pending change is lost."""
        for at, pending in self._pending():
            for op in pending:
                yield self._history.power_state(at, {op.index: "lost"})

    def one_kept(self) -> Iterator[State]:
        """All pending changes but one are lost."""
        for at, pending in self._pending():
            for op in pending:
                yield self._history.power_state(at, {o.index: "lost" for o in pending if o is not op})

    def one_damaged(self) -> Iterator[State]:
        """One pending write is torn or zeroed, with and without what came after it."""
        damages: tuple[Fate, ...] = ("half", "zero")
        for at, pending in self._pending():
            for op in pending:
                later: dict[int, Fate] = {o.index: "lost" for o in pending if o.index > op.index}
                for fate in damages if op.tearable else ():
                    yield self._history.power_state(at, {op.index: fate} | later)
                    yield self._history.power_state(at, {op.index: fate})

    def mixtures(self) -> Iterator[State]:
        """All combinations of fates, or a random sample of them where there are too many."""
        for at, pending in self._pending():
            choices = [_FATES if op.tearable else _FATES[:2] for op in pending]
            if math.prod(map(len, choices)) <= self._samples:
                chosen: Iterator[tuple[Fate, ...]] = itertools.product(*choices)
            else:
                chosen = (self._mixture(pending) for _ in range(self._samples))
            for fates in chosen:
                indexed = {op.index: fate for op, fate in zip(pending, fates, strict=True)}
                yield self._history.power_state(at, indexed)

    def _mixture(self, pending: list[Op]) -> tuple[Fate, ...]:
        return tuple(_possible(op, self._random.choices(_FATES, _WEIGHTS)[0]) for op in pending)

    def _pending(self) -> Iterator[tuple[int, list[Op]]]:
        for at in self._points:
            yield at, self._history.pending(at)


def _possible(op: Op, fate: Fate) -> Fate:
    """The fate, or "keep" for one that this change cannot meet."""
    return fate if fate == "lost" or op.tearable else "keep"


def spread(n: int) -> list[int]:
    """0..n-1 in an order whose every prefix is spread over the whole range."""
    bits = max(1, (n - 1).bit_length())
    return sorted(range(n), key=lambda i: int(f"{i:0{bits}b}"[::-1], 2))


def interleave(sources: list[Iterator[State]]) -> Iterator[State]:
    """One state from each source in turn, until all are used up."""
    while sources:
        for source in list(sources):
            state = next(source, None)
            if state is None:
                sources.remove(source)
            else:
                yield state
