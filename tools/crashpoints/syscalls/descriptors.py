"""Calls that make, share, move and close descriptors; opening is also what creates and empties files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from crashpoints.arguments import descriptor, integer, string_bytes
from crashpoints.effects import Entry
from crashpoints.paths import Slot
from crashpoints.processes import OpenFile, Process
from crashpoints.recorder import Recorder
from crashpoints.syscalls.handler import Handler
from crashpoints.trace import Call


@dataclass(frozen=True)
class _Opening:
    """The arguments that all the open calls share."""

    directory: str | None
    path: bytes
    flags: str
    mode: int


def open_by_link(process: Process, path: bytes) -> OpenFile | None:
    """The open file that a path such as /proc/self/fd/3 stands for, whether or not it has a name."""
    link = re.fullmatch(rb"/proc/(?:self|thread-self|\d+)/fd/(\d+)|/dev/fd/(\d+)", path)
    return process.files.get(int(link[1] or link[2])) if link else None


def _open(recorder: Recorder, process: Process, call: Call) -> None:
    mode = integer(call.args[2]) if len(call.args) > 2 else 0
    _opened(recorder, process, call, _Opening(None, string_bytes(call.args[0]), call.args[1], mode))


def _creat(recorder: Recorder, process: Process, call: Call) -> None:
    path, mode = string_bytes(call.args[0]), integer(call.args[1])
    _opened(recorder, process, call, _Opening(None, path, "O_WRONLY|O_CREAT|O_TRUNC", mode))


def _openat(recorder: Recorder, process: Process, call: Call) -> None:
    mode = integer(call.args[3]) if len(call.args) > 3 else 0
    _opened(recorder, process, call, _Opening(call.args[0], string_bytes(call.args[1]), call.args[2], mode))


def _openat2(recorder: Recorder, process: Process, call: Call) -> None:
    how = call.args[2]
    flags, mode = re.search(r"flags=([A-Z_|0-9x]+)", how), re.search(r"mode=(0[0-7]*)", how)
    opening = _Opening(
        directory=call.args[0],
        path=string_bytes(call.args[1]),
        flags=flags[1] if flags else "",
        mode=integer(mode[1]) if mode else 0,
    )
    _opened(recorder, process, call, opening)


def _opened(recorder: Recorder, process: Process, call: Call, opening: _Opening) -> None:
    noted = call.opened.path or os.fsdecode(opening.path)
    process.files[call.ret] = OpenFile(noted, _inode(recorder, process, call, opening), opening.flags)


def _inode(recorder: Recorder, process: Process, call: Call, opening: _Opening) -> int | None:
    """The inode that was opened, created or emptied first if so asked; None when it is outside."""
    mode = opening.mode & ~process.surroundings.umask
    slot = _slot(recorder, process, call, opening)
    if "O_TMPFILE" in opening.flags:
        return recorder.new_file(mode) if slot is not None else None
    reopened = open_by_link(process, opening.path)
    inode = reopened.inode if reopened else slot.inode if slot else None
    if inode is not None:
        if "O_TRUNC" in opening.flags and inode in recorder.live.contents:
            recorder.resize(call, inode, 0)
        return inode
    if slot is None:
        return None
    if "O_CREAT" not in opening.flags:
        recorder.warn(f"opened a file that was never seen being made: {recorder.locator.slot_label(slot)}")
        return None
    inode = recorder.new_file(mode)
    text = f"create {recorder.locator.slot_label(slot)}"
    recorder.set_entries(call, text, Entry(slot.directory, slot.name, inode))
    return inode


def _slot(recorder: Recorder, process: Process, call: Call, opening: _Opening) -> Slot | None:
    """The place of the opened file; None when it is outside."""
    find = recorder.find_entry if "O_NOFOLLOW" in opening.flags else recorder.find
    slot = find(process, opening.path, opening.directory)
    if slot is None and call.opened.path and not call.opened.deleted:
        # A link outside may lead into the directory under test; strace's note says where it ended.
        return recorder.locator.locate_entry("/", call.opened.path)
    return slot


def _close(_recorder: Recorder, process: Process, call: Call) -> None:
    number = descriptor(call.args[0]).number
    if number is not None:
        process.files.pop(number, None)


def _duplicate(recorder: Recorder, process: Process, call: Call) -> None:
    opened = recorder.open_file(process, call.args[0])
    process.files.pop(call.ret, None)
    if opened is not None:
        process.files[call.ret] = opened


def _fcntl(recorder: Recorder, process: Process, call: Call) -> None:
    if "F_DUPFD" in call.args[1]:
        _duplicate(recorder, process, call)


def _lseek(recorder: Recorder, process: Process, call: Call) -> None:
    if opened := recorder.open_file(process, call.args[0]):
        opened.offset = call.ret


def _read(recorder: Recorder, process: Process, call: Call) -> None:
    if opened := recorder.open_file(process, call.args[0]):
        opened.offset += call.ret


HANDLERS: dict[str, Handler] = {
    "open": _open,
    "creat": _creat,
    "openat": _openat,
    "openat2": _openat2,
    "close": _close,
    "dup": _duplicate,
    "dup2": _duplicate,
    "dup3": _duplicate,
    "fcntl": _fcntl,
    "lseek": _lseek,
}
READ_HANDLERS: dict[str, Handler] = {"read": _read, "readv": _read}
