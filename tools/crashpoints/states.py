"""The states a crash can leave, and the trees they are.

- A state is a crash point (after the first `at` ops) and the fate of changes that were not durable.
- A killed process loses nothing that the kernel had; only its last write may be cut short.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crashpoints.durability import Model, durable_since
from crashpoints.effects import Fate, Names, Op, Output
from crashpoints.recording import Recording
from crashpoints.tree import Tree

Crash = Literal["kill", "power"]
"""How a program ends: its process is killed, or the machine loses power."""

CRASHES: tuple[Crash, ...] = ("kill", "power")


@dataclass(frozen=True)
class State:
    """A crash after the first `at` ops, with some of them lost or damaged."""

    crash: Crash
    at: int
    changes: tuple[tuple[int, Fate], ...] = ()  # (op index, fate), in order

    @property
    def id(self) -> str:
        """A name that is the same in every run over the same recording."""
        raw = json.dumps([self.crash, self.at, self.changes]).encode()
        return f"{self.crash}-{self.at}-{hashlib.sha256(raw).hexdigest()[:8]}"


class History:
    """A recording under a model of what survives."""

    def __init__(self, recording: Recording, model: Model) -> None:
        self.ops: Sequence[Op] = recording.ops
        self.warnings = recording.warnings
        self.model = model
        self.durable_since = durable_since(recording.ops, model)
        self._base = recording.base

    def pending(self, at: int) -> list[Op]:
        """Changes before a crash point that nothing has made durable by then."""
        return [op for op in self.ops[:at] if op.losable and self.durable_since.get(op.index, at) >= at]

    def power_state(self, at: int, fates: dict[int, Fate]) -> State:
        """The state after a power loss in which pending changes met these fates, the others none."""
        if self.model is Model.JOURNAL:
            fates = fates | self._later_names_lost(at, fates)
        return State("power", at, tuple(sorted((i, fate) for i, fate in fates.items() if fate != "keep")))

    def _later_names_lost(self, at: int, fates: dict[int, Fate]) -> dict[int, Fate]:
        """A journal is replayed up to some point: entries are lost from there on, never in a gap."""
        names = [op.index for op in self.pending(at) if isinstance(op.effect, Names)]
        lost = [i for i in names if fates.get(i) == "lost"]
        return {i: "lost" for i in names if lost and i >= lost[0]}

    def rebuild(self, state: State) -> tuple[Tree, bytes]:
        """The tree of a state, and the complete lines that had been printed by then."""
        tree, printed = self._base.copy(), b""
        fates = dict(state.changes)
        for op in self.ops[: state.at]:
            if isinstance(op.effect, Output):
                printed += op.effect.data
            else:
                tree.apply(op.effect, fates.get(op.index, "keep"))
        return tree, printed[: printed.rfind(b"\n") + 1]

    def describe(self, state: State) -> tuple[str, list[str]]:
        """In words: the last op before the crash, and what became of each change that was not kept."""
        last = self.ops[state.at - 1].text if state.at else "(before the first change)"
        return last, [f"{fate}: op {i}: {self.ops[i].text}" for i, fate in state.changes]
