"""What the kernel lets a process write: files below some folders, and nothing else. By Landlock, on Linux alone.

- It holds for C code as for Python, and cannot be taken off. Reading is as it was.
- Making, writing, renaming and removing files are what it knows; rights, owners and times of a file it does not.
- Devices may be written, memory that processes share, and the files behind standard output and error.
"""

from __future__ import annotations

import os
import sys
from stat import S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Calls of the system; the same on every machine."""
_VERSION: Final = 1
_BENEATH: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
LEAST: Final = 2
"""The first version that lets files be moved from folder to folder, as a store does."""
_WRITE: Final = 1 << 1
_TRUNCATE: Final = 1 << 14
TRUNCATES: Final = 3
"""The first version that knows of truncation."""
_FOLDERS: Final = sum(1 << bit for bit in range(4, 14))
"""Remove and make what stands in a folder, and move it to another one."""
_DEVICES: Final = "/dev"
_STREAMS: Final = ("/proc/self/fd/1", "/proc/self/fd/2")
"""Standard output and error, which may be files, and may be opened by these names."""
_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108  # what has no name but there


def confine(folders: Iterable[str]) -> str | None:
    """Let this process write below these folders alone; answers why it cannot be kept to them, and does nothing then.

    To be called while the process has one thread.
    """
    if not sys.platform.startswith("linux"):
        return f"no Landlock on {sys.platform}"
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *words: Any) -> int:
        given = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
        return int(libc.syscall(ctypes.c_long(number), *given))

    version = call(_CREATE, None, 0, _VERSION)
    if version < LEAST:
        why = os.strerror(ctypes.get_errno()) if version < 0 else f"version {version} of Landlock is too old"
        return f"landlock: {why}"
    files = _WRITE | (_TRUNCATE if version >= TRUNCATES else 0)
    handled = (files | _FOLDERS).to_bytes(8, sys.byteorder)
    ruleset = call(_CREATE, handled, len(handled), 0)
    if ruleset < 0:
        return f"landlock: {os.strerror(ctypes.get_errno())}"
    try:
        allowed = [(path, files) for path in (_DEVICES, *_STREAMS)]
        allowed += [(folder, files | _FOLDERS) for folder in (_SHARED_MEMORY, *folders)]
        for path, rights in allowed:
            if (os.path.isdir(path) or path in _STREAMS) and _allow(call, ruleset, path, rights):
                return f"landlock: {path}: {os.strerror(ctypes.get_errno())}"
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or call(_RESTRICT, ruleset, 0):
            return f"landlock: {os.strerror(ctypes.get_errno())}"
    except OSError as exc:
        return f"landlock: {exc.strerror}"
    finally:
        os.close(ruleset)
    return None


def _allow(call: Any, ruleset: int, path: str, rights: int) -> int:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:  # a stream that is closed
        return 0
    try:
        if path in _STREAMS and not S_ISREG(os.fstat(fd).st_mode):
            return 0  # a terminal is a device; a pipe is in no folder
        rule = rights.to_bytes(8, sys.byteorder) + fd.to_bytes(4, sys.byteorder)
        return int(call(_ADD, ruleset, _BENEATH, rule, 0))
    finally:
        os.close(fd)
