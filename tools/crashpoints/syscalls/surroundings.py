"""Calls that change what a process has around it: its birth, working directory and umask."""

from __future__ import annotations

import os

from crashpoints.arguments import integer, string_bytes
from crashpoints.processes import Process
from crashpoints.recorder import Recorder
from crashpoints.syscalls.handler import Handler
from crashpoints.trace import Call

BIRTHS = frozenset({"clone", "clone3", "fork", "vfork"})


def _birth(recorder: Recorder, _process: Process, call: Call) -> None:
    # Looked up now, so that the child copies descriptors as they are at its birth.
    if call.ret > 0:
        recorder.processes.get(call.ret)


def _chdir(recorder: Recorder, process: Process, call: Call) -> None:
    path = os.fsdecode(string_bytes(call.args[0]))
    process.surroundings.cwd = recorder.locator.directory(process.surroundings.cwd, path)


def _fchdir(recorder: Recorder, process: Process, call: Call) -> None:
    process.surroundings.cwd = recorder.start_of(process, call.args[0])


def _umask(_recorder: Recorder, process: Process, call: Call) -> None:
    process.surroundings.umask = integer(call.args[0])


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(BIRTHS, _birth),
    "chdir": _chdir,
    "fchdir": _fchdir,
    "umask": _umask,
}
