"""How far long work is: on a terminal's standard error, and nowhere else."""

from __future__ import annotations

import os
import sys
from typing import Self

from runstone.cli.rendering import Screen


class Progress:
    """One line that is written over."""

    def __init__(self) -> None:
        self._screen = Screen(sys.stderr)
        self._on = self._screen.terminal and os.environ.get("TERM") != "dumb"
        self._shown: int | None = None

    def show(self, text: str, step: int) -> None:
        """Show `text` once a step: a number that changes when something is to be shown.

        It may name a file: what controls a terminal is shown, and what does not fit its line is cut.
        """
        if self._on and step != self._shown:
            self._shown = step
            self._screen.write_over(text)

    def clear(self) -> None:
        """Leave nothing of it, so that something else can be printed."""
        if self._on and self._shown is not None:
            self._shown = None
            self._screen.write_over("")


class Reading:
    """Says how many runs have been read into the catalog, as `Store.page` tells; a context manager."""

    def __init__(self) -> None:
        self._progress = Progress()

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Told after each run."""
        if total >= _MANY_RUNS:
            self._progress.show(f"reading {done} of {total} new runs", done // _RUNS_A_STEP)

    def __exit__(self, *_: object) -> None:
        self._progress.clear()


_RUNS_A_STEP = 100
_MANY_RUNS = 500
