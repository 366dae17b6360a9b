"""`runstone alias`: a verb of its own, made where annotations are."""

from __future__ import annotations

from runstone.cli.annotate import alias as command

__all__ = ["command"]
