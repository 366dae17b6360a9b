"""A sweep: what was tried, against how many at least, and what was found."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Result:
    """What one sweep tried. It passes with no problem and at least `minimum` tries."""

    name: str
    tried: int
    minimum: int
    problems: list[str]

    @property
    def passed(self) -> bool:
        """Whether nothing was found and enough was tried."""
        return not self.problems and self.tried >= self.minimum

    def __str__(self) -> str:
        verdict = "ok" if self.passed else "FAILED"
        return f"{self.name:34} {self.tried:7,} tried (at least {self.minimum:,})  {verdict}"


Sweep = Callable[[Path, bool], Result]
"""A sweep takes a scratch folder and whether only a sample is wanted."""


class CannotTraceError(Exception):
    """System calls cannot be traced here."""


def environment() -> dict[str, str]:
    """The environment of a scene: this project's modules, a fixed hash seed, compiled files kept away."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), str(ROOT / "tools")])
    fixed = {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    dropped = {"RUNSTONE_STORE", "RUNSTONE_DISABLED", "RUNSTONE_PARENT", "RUNSTONE_PARENT_STORE"}
    return {**{name: value for name, value in os.environ.items() if name not in dropped}, **fixed}


def module(*words: str) -> list[str]:
    """The command line of one of this project's modules."""
    return [sys.executable, "-m", *words]
