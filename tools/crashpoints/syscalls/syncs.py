"""Calls that make earlier changes durable."""

from __future__ import annotations

from crashpoints.processes import Process
from crashpoints.recorder import Recorder
from crashpoints.syscalls.handler import Handler
from crashpoints.trace import Call


def _fsync(recorder: Recorder, process: Process, call: Call) -> None:
    if found := recorder.file_under_test(process, call.args[0]):
        recorder.sync(call, found[1])


def _sync(recorder: Recorder, _process: Process, call: Call) -> None:
    recorder.sync(call, None)


def _syncfs(recorder: Recorder, process: Process, call: Call) -> None:
    # A descriptor outside may be on another file system, so it promises nothing.
    if recorder.file_under_test(process, call.args[0]):
        recorder.sync(call, None)


HANDLERS: dict[str, Handler] = {"fsync": _fsync, "fdatasync": _fsync, "sync": _sync, "syncfs": _syncfs}
