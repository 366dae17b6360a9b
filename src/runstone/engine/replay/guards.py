"""What a replay must not do, refused by an audit hook: to reach a network, to start a process, to write outside of the
scratch folder.

- The hook is there before the program's own code, and cannot be taken out again. It sees what Python does: sockets,
  processes, files, SQLite, and by `ctypes` the C functions that do the like. What C code does on its own it does not
  see; a network namespace of its own (`isolation`) keeps that from the network as well.
- What is refused is told at once, with the call of a tool in which it came and the line of code. A socket or a process
  ends the replay; a file that must not be written is a `PermissionError`, as on a disk that is read only. So is all
  that comes while a module is imported, outside of any call: libraries try there what they will find.
- Runstone itself writes in the store of the record as well, and in no other: a program may have any opened. Nothing is
  refused inside of a call that is made for real.
"""

from __future__ import annotations

import _socket
import os
import sys
import threading
from errno import EACCES
from typing import TYPE_CHECKING

from runstone.engine.calls import AROUND, going_on
from runstone.engine.replay.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Final

NETWORK: Final = "network"
PROCESS: Final = "process"
WRITE: Final = "write"

_PROCESSES: Final = frozenset(
    (
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.startfile/2"),
        *("os.fork", "os.forkpty", "pty.spawn", "os.kill", "os.killpg", "signal.pthread_kill"),
    )
)
_ADDRESSES: Final = frozenset(
    (
        *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"),
        *("socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "socket.getservbyname"),
        "syslog.openlog",
    )
)
_WRITES: Final = {
    "os.remove": ((0, 1),), "os.rmdir": ((0, 1),), "os.mkdir": ((0, 2),), "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),), "os.chown": ((0, 3),), "os.utime": ((0, 3),), "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)), "os.symlink": ((1, 2),), "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),), "os.chflags": ((0, None),),
}  # fmt: skip
"""Event → which of its arguments are paths that are changed, and which folders they are relative to."""
_OF_NAMES: Final = frozenset({"os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink", "os.mkdir"})
"""They change a name, and follow no link that stands there."""
_FORKING: Final = frozenset({"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"})
"""Modules that start processes without an audit event."""
_CHANGING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING_MODES: Final = frozenset("wax+")
_HARMLESS: Final = frozenset(
    (
        *(os.devnull, "/dev/tty", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"),
        *("/proc/self/fd/1", "/proc/self/fd/2"),
    )
)
_SHARED_MEMORY: Final = "/dev/shm/"  # noqa: S108  # what has no name but there
_OPEN_FILES: Final = ("/proc/self/fd", "/dev/fd")
"""Folders with the files that a process has open, by number."""
C_FUNCTIONS: Final = {
    **dict.fromkeys(("socket", "connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname"), NETWORK),
    **dict.fromkeys(("system", "popen", "fork", "vfork", "clone", "execl", "execle", "execlp", "execv"), PROCESS),
    **dict.fromkeys(("execve", "execvp", "execvpe", "posix_spawn", "posix_spawnp", "kill", "killpg"), PROCESS),
    **dict.fromkeys(("open", "open64", "openat", "openat64", "creat", "creat64", "fopen", "fopen64"), WRITE),
    **dict.fromkeys(("freopen", "unlink", "unlinkat", "remove", "rename", "renameat", "renameat2", "rmdir"), WRITE),
    **dict.fromkeys(("mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat", "truncate", "mkfifo"), WRITE),
}
"""Function of C's own library → what it does. None but its name is known where `ctypes` looks it up."""
_UNIX: Final = 1
"""AF_UNIX: a pair of such sockets wakes an event loop. To connect one is refused as well."""


class Guards:
    """The guards of one process. `scratch` are the folders that may be written, `own` the folder of the code that may
    write in the folders `stores` as well, `tell` is told of each refusal: what, detail, where, the call around it,
    whether a module is being imported."""

    def __init__(
        self, scratch: list[str], own: str, stores: list[str], tell: Callable[[str, str, str, Any, bool], None]
    ) -> None:
        self._scratch = [os.path.realpath(path) for path in scratch]
        self._stores = [os.path.realpath(path) for path in stores]
        self._own = os.path.join(os.path.realpath(own), "")
        self._kernel = os.path.join(os.path.dirname(os.path.realpath(own)), "")
        self._standard = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")
        self._packages = (os.path.join(self._standard, "site-packages", ""),)
        self._tell = tell
        self._busy = threading.local()
        self.live = 0
        """How many calls are being made for real."""

    def install(self) -> None:
        """From now on, for ever."""
        sys.dont_write_bytecode = True
        sys.addaudithook(self._hook)

    def is_live(self) -> bool:
        """Whether this is asked in a call that is made for real."""
        return self._is_live(going_on(AROUND.get()))

    def keeps(self, folder: str) -> bool:
        """Whether a store in this folder is one that is written in a replay."""
        real = os.path.realpath(folder)
        return _is_below(real, *self._scratch, *self._stores)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            self._opened(*args)
        elif event in _WRITES:
            self._changed([(args[path], None if at is None else args[at]) for path, at in _WRITES[event]], event)
        elif event in _ADDRESSES or (event == "socket.__new__" and args[1] not in (_UNIX, -1)):
            self._refuse(NETWORK, event, tuple(arg for arg in args[:3] if not isinstance(arg, _socket.socket)))
        elif event in _PROCESSES or (event == "import" and args[0] in _FORKING):
            if event != "os.kill" or (args[1] != 0 and args[0] != os.getpid()):
                self._refuse(PROCESS, event, args[:2])
        elif event == "sqlite3.connect":
            self._database(os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else "")
        elif event == "ctypes.dlsym" and args[1] in C_FUNCTIONS and _is_of_c(args[0]):
            self._refuse(C_FUNCTIONS[args[1]], event, args[1:])

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if type(path) is int:
            return
        changing = type(flags) is int and flags & _CHANGING
        if changing or (type(mode) is str and not _CHANGING_MODES.isdisjoint(mode)):
            self._changed([(path, None)], "open")

    def _database(self, name: str) -> None:
        if not _writes_no_file(name):
            self._changed([(_file_of(name), None)], "sqlite3.connect")

    def _changed(self, paths: list[tuple[Any, Any]], event: str) -> None:
        for path, folder in paths:
            try:
                text = _placed(path, folder)
                real = self._written(text, of_name=event in _OF_NAMES, of_open=isinstance(path, int))
            except (TypeError, ValueError, OSError):
                text, real = _shown(path), ""
            if real is not None and not _is_below(real, *self._scratch):
                self._refuse(WRITE, event, (text,), own=_is_below(real, *self._stores))

    def _written(self, text: str, *, of_name: bool, of_open: bool) -> str | None:
        """Where a path leads; `None` where no file is written."""
        real = os.path.realpath(text)
        if of_name:
            real = os.path.join(os.path.realpath(os.path.dirname(text)), os.path.basename(text))
        elif (of_open or os.path.dirname(text) in _OPEN_FILES) and (
            not os.path.exists(real) or real.startswith(_SHARED_MEMORY)
        ):
            return None  # a pipe, a file that has no name any more, memory
        return None if text in _HARMLESS else real

    def _refuse(self, what: str, event: str, args: tuple[Any, ...], *, own: bool = True) -> None:
        """Refuse it, but in a call that is made for real; `own` says whether Runstone itself may do it."""
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            call = going_on(AROUND.get())
            frame = self._frame()
            if (own and self._is_own(frame)) or self._is_live(call):
                return
            frame = self._asking(frame)
            detail = f"{event} {', '.join(map(_shown, args))}"
            where = "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
            importing = call is None and event != "import" and _is_importing(frame)
            self._tell(what, detail, where, call, importing)
        finally:
            self._busy.now = False
        if what == WRITE:
            raise PermissionError(EACCES, "a replay writes nothing outside of its scratch folder", _shown(args[0]))
        if importing:
            raise PermissionError(EACCES, f"a replay refuses {detail}")
        raise Stopped(f"refused: {detail}")

    def _frame(self) -> FrameType | None:
        """The code that asks for it: the first that is not of Python's own library; of that alone, the outermost."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the one way to know who calls
        last = frame
        while frame is not None:
            if frame.f_code.co_filename != __file__ and not self._is_library(frame.f_code.co_filename):
                return frame
            last, frame = frame, frame.f_back
        return last

    def _asking(self, frame: FrameType | None) -> FrameType | None:
        """The program's own code, where Runstone does for it what is refused."""
        asking = frame
        while self._is_own(frame) and asking is not None:
            name = os.path.realpath(asking.f_code.co_filename)
            if not name.startswith(self._kernel) and not self._is_library(asking.f_code.co_filename):
                return asking
            asking = asking.f_back
        return frame

    def _is_library(self, name: str) -> bool:
        return name.startswith("<frozen") or (name.startswith(self._standard) and not name.startswith(self._packages))

    def _is_own(self, frame: FrameType | None) -> bool:
        return frame is not None and os.path.realpath(frame.f_code.co_filename).startswith(self._own)

    def _is_live(self, call: Any) -> bool:
        """Whether it is a part of a call that is made for real; of threads that know no call, while one is."""
        if call is None:
            return self.live > 0 and threading.current_thread() is not threading.main_thread()
        while call is not None:
            replay = call.run.replay
            match = None if replay is None else replay.matched(call.id)
            if match is not None and replay.runs(match.name):
                return True
            call = call.outer
        return False


def _is_below(path: str, *folders: str) -> bool:
    return any(path == folder or path.startswith(os.path.join(folder, "")) for folder in folders)


def _placed(path: Any, folder: Any) -> str:
    """The absolute path of what an event names: a path, perhaps relative to an open folder, or the number of an open
    file. Raises `OSError`, `TypeError`, `ValueError`."""
    if isinstance(path, int):
        return _path_of(path)
    text = os.fsdecode(path)
    if isinstance(folder, int) and folder >= 0 and not os.path.isabs(text):
        text = os.path.join(_path_of(folder), text)
    return os.path.abspath(text)


def _path_of(number: int) -> str:
    """The path of an open file. Raises `OSError`."""
    if sys.platform == "darwin":
        import fcntl

        return os.fsdecode(fcntl.fcntl(number, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"{_OPEN_FILES[0]}/{number}")


def _file_of(database: str) -> str:
    """The file that a name of a database names, be it a path or a URI."""
    if not database.startswith("file:"):
        return database
    from urllib.parse import unquote

    path = unquote(database.removeprefix("file:").partition("#")[0].partition("?")[0])
    return "/" + path.lstrip("/").partition("/")[2] if path.startswith("//") and path[2:3] != "/" else path


def _writes_no_file(database: str) -> bool:
    """Whether a database is in memory, temporary, or opened for reading alone."""
    if database in ("", ":memory:"):
        return True
    if not database.startswith("file:"):
        return False
    asked = database.partition("#")[0].partition("?")[2].split("&")
    return "mode=ro" in asked or "mode=memory" in asked or "immutable=1" in asked or _file_of(database) == ":memory:"


def _is_of_c(library: Any) -> bool:
    """Whether a library that `ctypes` has opened is C's own: the process itself (no name), or by its name."""
    name = os.path.basename(str(getattr(library, "_name", None) or "libc"))
    return name.startswith(("libc.", "libc-", "libSystem")) or name == "libc"


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _shown(value: Any) -> str:
    try:
        text = os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else str(value)
    except Exception:  # a foreign object may raise anything
        return type(value).__name__
    return text[:200]
