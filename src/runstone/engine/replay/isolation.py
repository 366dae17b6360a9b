"""A network namespace for a process alone: what no hook of Python sees has no network either. Linux only.

The process of a replay leaves the network itself; a command is started by a process that leaves it first. For a command
the loopback interface is up, so it may talk to itself.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

NEW_USER: Final = 0x10000000
NEW_NET: Final = 0x40000000
SET_FLAGS: Final = 0x8914
UP: Final = 0x41
"""An interface that is up, and running."""
_LOCALE: Final = "LC_CTYPE"
"""The variable that Python sets for itself, and for what it becomes, where the locale is C."""
PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
"""The folder in which this very package lies: a process that is started has it, whatever its environment has."""
_BEGIN: Final = (
    f"import sys; sys.path.insert(0, {PACKAGE!r})\n"
    "from runstone.engine.replay.isolation import become, isolate, loopback\n"
)


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

    code = f"{_BEGIN}print(isolate() or loopback() or '', end='')"
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, and no words of anybody's
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return type(exc).__name__
    return (done.stdout or None) if done.returncode == 0 else "the probe failed"


def words_before(environment: Mapping[str, str]) -> list[str]:
    """What stands before the words of a command so that it is started without the network, in this environment."""
    kept = [f"{name}={value}" for name, value in environment.items() if name == _LOCALE]
    return [sys.executable, "-I", "-S", "-c", f"{_BEGIN}become()", *(kept or [""])]


def become() -> None:
    """In a process that was started for it: leave the network, and become the command that its words name.

    What Python has changed in it is as it was. Ends with 127 for a command that is not there, with 126 for one that
    cannot be executed, or where the network cannot be left.
    """
    import signal

    kept, *command = sys.argv[1:]
    environment = {name: value for name, value in os.environ.items() if name != _LOCALE}
    if kept:
        environment[_LOCALE] = kept.partition("=")[2]
    problem = isolate() or loopback()
    if problem is None:
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        try:
            os.execvpe(command[0], command, environment)  # noqa: S606  # the command of the record: that is what a replay is
        except OSError as exc:
            problem = exc.strerror
            status = 127 if isinstance(exc, FileNotFoundError | NotADirectoryError) else 126
    else:
        status = 126
    sys.stderr.write(f"runstone: {command[0]}: {problem}\n")
    raise SystemExit(status)


def loopback() -> str | None:
    """A command may talk to itself by 127.0.0.1; answers why it cannot."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh", b"lo", UP))
        except OSError as exc:
            return f"loopback: {exc.strerror}"
    return None
