"""Calls that change permission bits."""

from __future__ import annotations

from crashpoints.arguments import integer, string_bytes
from crashpoints.effects import Mode
from crashpoints.paths import Slot
from crashpoints.processes import Process
from crashpoints.recorder import Recorder
from crashpoints.syscalls.handler import Handler
from crashpoints.trace import Call


def _set_mode(recorder: Recorder, call: Call, inode: int | None, argument: str) -> None:
    if inode is not None:
        text = f"chmod {argument} {recorder.locator.label(inode)}"
        recorder.emit(call, text, Mode(inode, integer(argument)))


def _inode(slot: Slot | None) -> int | None:
    return slot.inode if slot else None


def _chmod(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find(process, string_bytes(call.args[0]))
    _set_mode(recorder, call, _inode(slot), call.args[1])


def _fchmod(recorder: Recorder, process: Process, call: Call) -> None:
    if found := recorder.file_under_test(process, call.args[0]):
        _set_mode(recorder, call, found[1], call.args[1])


def _fchmodat(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find(process, string_bytes(call.args[1]), call.args[0])
    _set_mode(recorder, call, _inode(slot), call.args[2])


HANDLERS: dict[str, Handler] = {
    "chmod": _chmod,
    "fchmod": _fchmod,
    "fchmodat": _fchmodat,
    "fchmodat2": _fchmodat,
}
