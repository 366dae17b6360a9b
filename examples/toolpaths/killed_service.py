"""The service as `test_toolpath_kill.py` runs it: whoever begins to build toolpaths says so first, in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import builder
from saw import Blade, Job
from toolpath_service import create_app

import runstone
from runstone.contracts.rmos import RunStore

STARTED = os.open(os.environ["STARTED_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
build_steps = builder.steps_of


def _told(job: Job, blade: Blade) -> Iterator[dict[str, Any]]:
    run = runstone.current_run()
    assert run is not None
    os.write(STARTED, f"{run.run_id}\n".encode())
    return build_steps(job, blade)


builder.steps_of = _told
app = create_app(RunStore())
