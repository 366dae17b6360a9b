"""What a handler of a system call looks like."""

from __future__ import annotations

from collections.abc import Callable

from crashpoints.processes import Process
from crashpoints.recorder import Recorder
from crashpoints.trace import Call

Handler = Callable[[Recorder, Process, Call], None]
"""Replays one successful call of one process. Raises ToolError for what cannot be modelled."""
