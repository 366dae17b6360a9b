"""A network namespace for this process alone: what no hook of Python sees has no network either. Linux only."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NEW_USER: Final = 0x10000000
NEW_NET: Final = 0x40000000


def isolate() -> str | None:
    """Leave the network for good; answers why it cannot be left, and changes nothing then.

    To be called while the process has one thread. Where the user may not, by a user namespace in which the user is who
    it was.
    """
    if not sys.platform.startswith("linux"):
        return f"no network namespaces on {sys.platform}"
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NET) == 0:
        return None
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(NEW_USER | NEW_NET) != 0:
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    try:
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    except OSError as exc:
        return f"user namespace: {exc.strerror}"
    return None


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def probe() -> str | None:
    """Whether a process can be isolated here: `None`, or why not. A short-lived process tries it."""
    import subprocess

    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    code = (
        f"import sys; sys.path.insert(0, {package!r})\n"
        "from runstone.engine.replay.isolation import isolate\n"
        "print(isolate() or '', end='')"
    )
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, and no words of anybody's
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return type(exc).__name__
    return (done.stdout or None) if done.returncode == 0 else "the probe failed"
