"""How far long work is: on a terminal's standard error, and nowhere else."""

from __future__ import annotations

import os
import sys


class Progress:
    """One line that is written over."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown: int | None = None

    def show(self, text: str, step: int) -> None:
        """Show `text` once a step: a number that changes when something is to be shown."""
        if self._on and step != self._shown:
            self._shown = step
            sys.stderr.write(f"\r{text}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave nothing of it, so that something else can be printed."""
        if self._on and self._shown is not None:
            self._shown = None
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
