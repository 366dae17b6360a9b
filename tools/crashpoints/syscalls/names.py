"""Calls that change the entries of directories."""

from __future__ import annotations

import os

from crashpoints.arguments import integer, string_bytes
from crashpoints.effects import Entry
from crashpoints.errors import ToolError
from crashpoints.paths import Slot
from crashpoints.processes import Process
from crashpoints.recorder import Recorder
from crashpoints.syscalls.descriptors import open_by_link
from crashpoints.syscalls.handler import Handler
from crashpoints.trace import Call


def _rename(recorder: Recorder, process: Process, call: Call) -> None:
    old, new = (recorder.find_entry(process, string_bytes(argument)) for argument in call.args[:2])
    _renamed(recorder, call, old, new)


def _renameat(recorder: Recorder, process: Process, call: Call) -> None:
    old = recorder.find_entry(process, string_bytes(call.args[1]), call.args[0])
    new = recorder.find_entry(process, string_bytes(call.args[3]), call.args[2])
    _renamed(recorder, call, old, new, " ".join(call.args[4:]))


def _renamed(recorder: Recorder, call: Call, old: Slot | None, new: Slot | None, flags: str = "") -> None:
    if old is None and new is None:
        return
    if old is None or old.inode is None:
        raise ToolError("something was moved into the directory under test; this is not modelled")
    vacated = Entry(old.directory, old.name, None)
    label = recorder.locator.slot_label
    if new is None:
        recorder.set_entries(call, f"move away {label(old)}", vacated)
    elif "EXCHANGE" in flags:
        back = Entry(old.directory, old.name, new.inode)
        there = Entry(new.directory, new.name, old.inode)
        recorder.set_entries(call, f"exchange {label(old)} -> {label(new)}", back, there)
    elif old.inode != new.inode:  # a rename between two names of one file does nothing
        there = Entry(new.directory, new.name, old.inode)
        recorder.set_entries(call, f"rename {label(old)} -> {label(new)}", vacated, there)


def _link(recorder: Recorder, process: Process, call: Call) -> None:
    old = recorder.find_entry(process, string_bytes(call.args[0]))
    new = recorder.find_entry(process, string_bytes(call.args[1]))
    _linked(recorder, call, old.inode if old else None, new)


def _linkat(recorder: Recorder, process: Process, call: Call) -> None:
    path = string_bytes(call.args[1])
    new = recorder.find_entry(process, string_bytes(call.args[3]), call.args[2])
    unnamed = open_by_link(process, path) if path else recorder.open_file(process, call.args[0])
    if unnamed is not None:
        _linked(recorder, call, unnamed.inode, new)
        return
    find = recorder.find if "AT_SYMLINK_FOLLOW" in call.args[4] else recorder.find_entry
    old = find(process, path, call.args[0])
    _linked(recorder, call, old.inode if old else None, new)


def _linked(recorder: Recorder, call: Call, source: int | None, new: Slot | None) -> None:
    if new is None:
        return
    if source is None:
        raise ToolError("something was linked into the directory under test; this is not modelled")
    text = f"link {recorder.locator.slot_label(new)}"
    recorder.set_entries(call, text, Entry(new.directory, new.name, source))


def _symlink(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find_entry(process, string_bytes(call.args[1]))
    _symlinked(recorder, call, string_bytes(call.args[0]), slot)


def _symlinkat(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find_entry(process, string_bytes(call.args[2]), call.args[1])
    _symlinked(recorder, call, string_bytes(call.args[0]), slot)


def _symlinked(recorder: Recorder, call: Call, target: bytes, slot: Slot | None) -> None:
    if slot is not None:
        inode = recorder.new_symlink(os.fsdecode(target))
        text = f"symlink {recorder.locator.slot_label(slot)}"
        recorder.set_entries(call, text, Entry(slot.directory, slot.name, inode))


def _unlink(recorder: Recorder, process: Process, call: Call) -> None:
    _removed(recorder, call, recorder.find_entry(process, string_bytes(call.args[0])))


def _unlinkat(recorder: Recorder, process: Process, call: Call) -> None:
    _removed(recorder, call, recorder.find_entry(process, string_bytes(call.args[1]), call.args[0]))


def _removed(recorder: Recorder, call: Call, slot: Slot | None) -> None:
    if slot is not None and slot.inode is not None:
        text = f"remove {recorder.locator.slot_label(slot)}"
        recorder.set_entries(call, text, Entry(slot.directory, slot.name, None))


def _mkdir(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find_entry(process, string_bytes(call.args[0]))
    _made_directory(recorder, process, call, slot, call.args[1])


def _mkdirat(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find_entry(process, string_bytes(call.args[1]), call.args[0])
    _made_directory(recorder, process, call, slot, call.args[2])


def _made_directory(recorder: Recorder, process: Process, call: Call, slot: Slot | None, mode_argument: str) -> None:
    if slot is not None:
        inode = recorder.new_directory(integer(mode_argument) & ~process.surroundings.umask)
        text = f"mkdir {recorder.locator.slot_label(slot)}"
        recorder.set_entries(call, text, Entry(slot.directory, slot.name, inode))


HANDLERS: dict[str, Handler] = {
    "rename": _rename,
    "renameat": _renameat,
    "renameat2": _renameat,
    "link": _link,
    "linkat": _linkat,
    "symlink": _symlink,
    "symlinkat": _symlinkat,
    "unlink": _unlink,
    "rmdir": _unlink,
    "unlinkat": _unlinkat,
    "mkdir": _mkdir,
    "mkdirat": _mkdirat,
}
