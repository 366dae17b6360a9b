"""Calls that change what is in a file, and those that change it unseen."""

from __future__ import annotations

from crashpoints.arguments import integer, pointed_integer, string_bytes, vector_bytes
from crashpoints.processes import OpenFile, Process
from crashpoints.recorder import Recorder
from crashpoints.syscalls.handler import Handler
from crashpoints.trace import Call


def _write(recorder: Recorder, process: Process, call: Call) -> None:
    target = recorder.open_file(process, call.args[0])
    if target is not None and recorder.takes_data(target):
        recorder.write(call, target, string_bytes(call.args[1])[: call.ret], None)


def _writev(recorder: Recorder, process: Process, call: Call) -> None:
    target = recorder.open_file(process, call.args[0])
    if target is not None and recorder.takes_data(target):
        recorder.write(call, target, vector_bytes(call.args[1])[: call.ret], None)


def _pwrite(recorder: Recorder, process: Process, call: Call) -> None:
    if found := recorder.file_under_test(process, call.args[0]):
        recorder.write(call, found[0], string_bytes(call.args[1])[: call.ret], integer(call.args[3]))


def _pwritev(recorder: Recorder, process: Process, call: Call) -> None:
    if found := recorder.file_under_test(process, call.args[0]):
        offset = integer(call.args[3])
        data = vector_bytes(call.args[1])[: call.ret]
        # pwritev2 takes -1 for "at the file's own offset".
        recorder.write(call, found[0], data, None if offset == -1 else offset, " ".join(call.args[4:]))


def _source_bytes(recorder: Recorder, source: OpenFile | None, offset: int, size: int | None) -> bytes:
    """Up to `size` bytes of a copy's source, a file under test or any other; all of it for None."""
    end = None if size is None else offset + size
    if source is not None and source.inode is not None:
        return bytes(recorder.live.contents.get(source.inode, b"")[offset:end])
    path = source.path or "" if source else ""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError:
        recorder.warn(f"cannot read the source of a copy: {path}")
        return bytes(size or 0)


def _copy(recorder: Recorder, process: Process, call: Call, ends: tuple[str, str, str, str]) -> None:
    """A copy inside the kernel; `ends` are target, its offset, source, its offset."""
    target_argument, target_offset, source_argument, source_offset = ends
    target = recorder.file_under_test(process, target_argument)
    source = recorder.open_file(process, source_argument)
    if target is None or call.ret == 0:
        return
    begin = pointed_integer(source_offset)
    if begin is None:
        begin = source.offset if source else 0
        if source:
            source.offset += call.ret
    data = _source_bytes(recorder, source, begin, call.ret)
    recorder.write(call, target[0], data, pointed_integer(target_offset))


def _sendfile(recorder: Recorder, process: Process, call: Call) -> None:
    target, source, source_offset = call.args[:3]
    _copy(recorder, process, call, (target, "NULL", source, source_offset))


def _copy_file_range(recorder: Recorder, process: Process, call: Call) -> None:
    source, source_offset, target, target_offset = call.args[:4]
    _copy(recorder, process, call, (target, target_offset, source, source_offset))


def _ioctl(recorder: Recorder, process: Process, call: Call) -> None:
    if len(call.args) < 3 or "CLONE" not in call.args[1]:
        return
    target = recorder.file_under_test(process, call.args[0])
    if target is None:
        return
    if "CLONERANGE" in call.args[1] or "CLONE_RANGE" in call.args[1]:
        recorder.warn("a range was cloned by ioctl(), which is not modelled")
        return
    source = recorder.open_file(process, call.args[2])
    recorder.write(call, target[0], _source_bytes(recorder, source, 0, None), 0)


def _truncate(recorder: Recorder, process: Process, call: Call) -> None:
    slot = recorder.find(process, string_bytes(call.args[0]))
    if slot is not None and slot.inode is not None:
        recorder.resize(call, slot.inode, integer(call.args[1]))


def _ftruncate(recorder: Recorder, process: Process, call: Call) -> None:
    if found := recorder.file_under_test(process, call.args[0]):
        recorder.resize(call, found[1], integer(call.args[1]))


def _fallocate(recorder: Recorder, process: Process, call: Call) -> None:
    found = recorder.file_under_test(process, call.args[0])
    if found is None:
        return
    opened, inode = found
    mode, begin, size = call.args[1], integer(call.args[2]), recorder.live.size(inode)
    end = begin + integer(call.args[3])
    if "PUNCH_HOLE" in mode or "ZERO_RANGE" in mode:
        end = min(size, end) if "KEEP_SIZE" in mode else end
        recorder.write(call, opened, bytes(max(0, end - begin)), begin)
    elif mode == "0":
        recorder.resize(call, inode, max(size, end))
    elif mode != "FALLOC_FL_KEEP_SIZE":
        recorder.warn(f"fallocate mode {mode} is not modelled")


def _splice(recorder: Recorder, process: Process, call: Call) -> None:
    if recorder.file_under_test(process, call.args[2]):
        recorder.warn("data arrived by splice(), which cannot be recorded")


def _mmap(recorder: Recorder, process: Process, call: Call) -> None:
    if "MAP_SHARED" not in call.args[3] or "PROT_WRITE" not in call.args[2]:
        return
    if found := recorder.file_under_test(process, call.args[4]):
        name = recorder.locator.label(found[1])
        recorder.warn(f"shared writable mapping of {name}: changes through it are not seen")


def _io_uring(recorder: Recorder, _process: Process, _call: Call) -> None:
    recorder.warn("io_uring is in use: changes through it are not seen")


HANDLERS: dict[str, Handler] = {
    "write": _write,
    "writev": _writev,
    "pwrite64": _pwrite,
    "pwritev": _pwritev,
    "pwritev2": _pwritev,
    "sendfile": _sendfile,
    "copy_file_range": _copy_file_range,
    "ioctl": _ioctl,
    "truncate": _truncate,
    "ftruncate": _ftruncate,
    "fallocate": _fallocate,
    "splice": _splice,
    "mmap": _mmap,
    "io_uring_setup": _io_uring,
}
