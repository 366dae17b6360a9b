"""How far long work is: on a terminal's standard error, and nowhere else."""

from __future__ import annotations

import sys
from typing import Final, Self

from runstone.cli.rendering import Screen

RUNS_A_STEP: Final = 100


class Progress:
    """One line that is written over."""

    def __init__(self) -> None:
        self._screen = Screen(sys.stderr)
        self._shown: int | None = None

    def show(self, text: str, step: int) -> None:
        """Show `text` once a step: a number that changes when something is to be shown.

        It may name a file: what controls a terminal is shown, and what does not fit its line is cut.
        """
        if self._screen.moves and step != self._shown:
            self._shown = step
            self._screen.write_over(text)

    def clear(self) -> None:
        """Leave nothing of it, so that something else can be printed."""
        if self._screen.moves and self._shown is not None:
            self._shown = None
            self._screen.write_over("")


class Runs:
    """Says of how many runs the work is done, where they are `least` or more; a context manager.

    `text` has a place for either number.
    """

    def __init__(self, text: str, least: int = 0) -> None:
        self._progress, self._text, self._least = Progress(), text, least

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Told after each run."""
        if total >= self._least:
            self._progress.show(self._text.format(done, total), done // RUNS_A_STEP)

    def __exit__(self, *_: object) -> None:
        self._progress.clear()


def reading() -> Runs:
    """How many runs have been read into the catalog, as `Store.page` tells."""
    return Runs("reading {} of {} new runs", least=500)
