"""`runstone unpack`: see `cli.packing`."""

from __future__ import annotations

from runstone.cli.packing import unpack as command

__all__ = ["command"]
