"""The service as `test_toolpath_kill.py` runs it: whoever begins to build toolpaths says so first, in a file."""

from __future__ import annotations

import os
from typing import Any

import builder
from toolpath_service import create_app

import runstone
from runstone.contracts.rmos import RunStore

STARTED = os.open(os.environ["STARTED_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
build_steps = builder._steps


def _told(*job: Any) -> Any:
    run = runstone.current_run()
    assert run is not None
    os.write(STARTED, f"{run.run_id}\n".encode())
    return build_steps(*job)


builder._steps = _told
app = create_app(RunStore())
