"""Runs that this process is recording, for what happens at a fork and at the end of the process.

- `os.fork` waits for imports that other threads are in the middle of.
- After it the child's copies are inert, no thread of its parent's compiles rules for it or holds a lock of its
  calls, and `RUNSTONE_PARENT` names the current run of the thread that forked, or where it has none the run that was
  opened last.
- At exit a run that nobody finished is sealed as failed. A signal that ends the process at once leaves it open;
  recovery then seals it as interrupted. What was left unsaid is said behind that.
"""

from __future__ import annotations

import atexit
import os
import sys

from runstone.engine.current import current_run
from runstone.engine.imports import wait_for_imports
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from runstone.engine.recorder import Run

LIVE: Final[dict[int, Run]] = {}
_behind: list[Callable[[], None]] = []
"""What is called when all runs are finished at the end."""
_state = {"registered": False}


def watch(run: Run) -> None:
    """Take part in forks and the end of the process until the run is finished."""
    _register()
    LIVE[id(run)] = run


def at_exit(call: Callable[[], None]) -> None:
    """Call this once at the end of the process, when all runs are finished."""
    _register()
    if call not in _behind:
        _behind.append(call)


def _register() -> None:
    if not _state["registered"]:
        _state["registered"] = True
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=wait_for_imports, after_in_child=_after_fork)


def forget(run: Run) -> None:
    """The run is finished, or nothing of it is recorded."""
    LIVE.pop(id(run), None)


def _after_fork() -> None:
    from runstone.core.redaction.gate import forget_compiling  # whoever watches a run has it; most never fork

    forget_compiling()
    calls = sys.modules.get("runstone.engine.calls")  # whoever calls tools has it
    if calls is not None:
        calls.renew_locks()
    around = current_run()
    for run in LIVE.values():
        run.writer.become_inert()
    runs = [run for run in LIVE.values() if not run.writer.ended]
    if runs:
        os.environ.update((around if around in runs else runs[-1]).environ)
    LIVE.clear()


def _at_exit() -> None:
    _finish_all()
    for call in _behind:
        call()


def _finish_all() -> None:
    failure = {"type": "NotFinished", "message": "the process ended before the run was finished"}
    for run in list(LIVE.values()):
        if run.writer.ended:  # whoever seals it may be stopped by now: recovery seals what is not sealed
            continue
        try:
            run.finish("failed", error=failure)
        except RunstoneError:
            pass  # the run has said it; the others are still to be sealed
