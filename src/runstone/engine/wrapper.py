"""Wrap: run a command as it would run alone, and record what it writes.

- Output is shown live, byte for byte, before it is recorded, or redacted on request; standard input is the command's
  own.
- No pseudo-terminal unless asked for. Where there is no terminal the command has a process group of its own, and
  signals go to the whole group; where there is one it shares ours: the terminal signals both, and the shell stops both,
  moves them to the foreground and goes on with them.
- The end of the command is the end of the run: a child of it that keeps the pipe open does not hold up the seal.
- Input for a pseudo-terminal is handed on while output is read: neither waits for the other.
- A signal that may not be passed on, as to a command of another user, is said when the command has ended; it is
  waited for all the same.
- A reader of our own output that goes away is passed on: the command gets the broken pipe. Output that cannot be
  shown for another reason, as on a full disk, is recorded all the same, and that is said.
- An error of the recorder, of a strict one, too, is said when the command has ended, and does not change its status.
"""

from __future__ import annotations

import os
import select
import sys

from runstone.core.words import CANCELLED, FAILED
from runstone.engine.output import DEFAULT_MAX_OUTPUT, Recording
from runstone.engine.saying import say

try:
    import _signal as signal  # type: ignore[import-not-found]  # `signal` without its enumerations: 3 ms of start-up
except ImportError:
    import signal
try:
    import fcntl
except ImportError:  # Windows has no pipes that grow
    fcntl = None  # type: ignore[assignment]  # asked for before each use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.pseudo_terminal import Terminal
    from runstone.engine.recorder import Run
    from runstone.engine.redacted_view import RedactedView

MISSING_VARIABLE: Final = 1
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
READ_BYTES: Final = 512 * 1024
PIPE_BYTES: Final = 1 << 20
_POLL_MS: Final = 20
_STREAM_NAMES: Final = {"stdout": "standard output", "stderr": "standard error"}
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)
FORWARDED: Final = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
_CONTINUE: Final = getattr(signal, "SIGCONT", 0)
_ENDING: Final = frozenset(getattr(signal, name, 0) for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"))
CANCELLING: Final = frozenset({int(signal.SIGINT), int(signal.SIGTERM)})


class Wrapped:
    """How a wrapped command ended.

    `exit_status` is what the wrapper ends with: the command's own, 128+n for signal n, 127 not found, 126 not
    executable. `status` is the run's, or `None` where the checks decide. `unfinished` are the streams whose last
    recorded line has no end, in the order in which these lines were begun.
    """

    __slots__ = ("error", "exit_status", "resources", "status", "unfinished")

    def __init__(
        self,
        exit_status: int,
        status: str | None,
        error: dict[str, Any] | None,
        resources: dict[str, Any] | None,
        unfinished: tuple[str, ...] = (),
    ) -> None:
        self.exit_status = exit_status
        self.status = status
        self.error = error
        self.resources = resources
        self.unfinished = unfinished


def occupy_standard_descriptors() -> None:
    """Put the null device where our own input, output or error is closed.

    Else the next file to be opened, the journal perhaps, gets its number, and the command's output is shown there.
    To be called before anything is opened.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def wrap(
    run: Run,
    command: list[str],
    *,
    live: bool = True,
    redactor: Redactor | None = None,
    max_output: int = DEFAULT_MAX_OUTPUT,
    pty: bool = False,
    env: dict[str, str] | None = None,
    chosen: dict[str, str] | None = None,
    shown: tuple[int, int] = (1, 2),
    before: Callable[[dict[str, str]], list[str]] | None = None,
) -> Wrapped:
    """Run `command` to its end, record its streams into `run`; the caller finishes the run.

    Without `live` nothing is shown; with `redactor` what is shown has passed it, a line at a time. `max_output` bounds
    the recorded bytes of both streams together. `env` is set for the command, `chosen` too and recorded.
    `shown` are the descriptors on which the two streams are shown, `before` gives the words of a program that becomes
    the command, in the environment that it is given.
    """
    environment = {**os.environ, **(env or {}), **(chosen or {}), **run.environ}
    if chosen:
        from runstone.engine.deterministic import tell

        tell(run, chosen)
    recording = Recording(run, max_output)
    child = _Child([*(before(environment) if before else ()), *command], environment, pty=pty)
    signals = _Signals(child)
    try:
        child.start()
        signals.deliver()
        recording.begin()
        try:
            _Loop(run, child, recording, shown=shown if live else (), redactor=redactor).run()
        finally:
            recording.finish()
    except OSError as exc:
        if child.pid:
            raise
        return _not_started(run, command, exc)
    finally:
        child.close()
        signals.restore()
    for number in sorted(child.refused):
        say(f"{_signal_name(number)} could not be passed on: the command belongs to another user", run.redactor)
    if recording.problem is not None:
        say(f"run {run.run_id} does not hold all of its command: {recording.problem}", run.redactor)
    return _ended(child, signals, recording.unfinished)


def _not_started(run: Run, command: list[str], exc: OSError) -> Wrapped:
    missing = isinstance(exc, (FileNotFoundError, NotADirectoryError))
    message = f"{command[0] or repr('')}: {'command not found' if missing else exc.strerror}"
    say(message, run.redactor)
    status = NOT_FOUND if missing else NOT_EXECUTABLE
    return Wrapped(status, FAILED, {"type": type(exc).__name__, "message": message}, None)


def _ended(child: _Child, signals: _Signals, unfinished: tuple[str, ...]) -> Wrapped:
    code = os.waitstatus_to_exitcode(child.wait_status)
    if code == 0:
        return Wrapped(0, None, None, child.resources, unfinished)
    cancelled = -code in CANCELLING or not CANCELLING.isdisjoint(signals.received)
    if code < 0:
        error = {"type": "Signal", "message": f"the command was ended by {_signal_name(-code)}"}
    else:
        error = {"type": "ExitStatus", "message": f"the command ended with status {code}"}
    status = CANCELLED if cancelled else FAILED
    return Wrapped(code if code > 0 else 128 - code, status, error, child.resources, unfinished)


def _signal_name(number: int) -> str:
    for name in dir(signal):
        if name.startswith("SIG") and not name.startswith("SIG_") and getattr(signal, name) == number:
            return name
    return f"signal {number}"


class _Child:
    """The command's process, its pipes or terminal, and how it ended."""

    def __init__(self, command: list[str], environment: dict[str, str], *, pty: bool) -> None:
        self._command = command
        self._environment = environment
        self.pty = pty
        self.pid = 0
        self.pidfd = -1
        self.streams: dict[int, str] = {}
        self.wait_status = 0
        self.resources: dict[str, Any] | None = None
        self.refused: set[int] = set()
        """Signals that we may not send to it."""
        self.own_group = not pty and _terminals_group() is None

    def start(self) -> None:
        """Spawn it. Raises `OSError` where it cannot be started."""
        theirs: list[int] = []
        options: dict[str, Any] = {"setsigdef": [signal.SIGPIPE, getattr(signal, "SIGXFSZ", signal.SIGPIPE)]}
        try:
            if self.pty:
                master, slave = os.openpty()
                theirs.append(slave)
                self.streams[master] = "stdout"
                name = os.ttyname(slave)
                actions: list[Any] = [(os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0)]
                actions += [(os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
                options["setsid"] = True
            else:
                actions = []
                for number, stream in ((1, "stdout"), (2, "stderr")):
                    ours, end = os.pipe()
                    theirs.append(end)
                    self.streams[ours] = stream
                    actions.append((os.POSIX_SPAWN_DUP2, end, number))
                    _grow(ours)
                if self.own_group:
                    options["setpgroup"] = 0
            self.pid = os.posix_spawnp(
                self._command[0], self._command, self._environment, file_actions=actions, **options
            )
        except ValueError as exc:  # an empty name, which names nothing; a zero within a word, which ends it
            raise (OSError(0, str(exc)) if self._command[0] else FileNotFoundError()) from exc
        finally:
            for fd in theirs:
                os.close(fd)
        if hasattr(os, "pidfd_open"):
            try:
                self.pidfd = os.pidfd_open(self.pid)
            except OSError:  # an older kernel, a sandbox, no descriptor left: it is looked for now and then
                pass

    def reap(self) -> bool:
        """Whether the command has ended; its status and resources are kept."""
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.wait_status = status
        self.resources = {
            "user_s": round(usage.ru_utime, 6),
            "system_s": round(usage.ru_stime, 6),
            "max_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }
        return True

    def send(self, number: int) -> None:
        """Pass a signal on, to the whole group where the command has its own."""
        try:
            if self.own_group or self.pty:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            self.refused.add(number)

    def close(self) -> None:
        """Close our ends."""
        for fd in (*self.streams, self.pidfd):
            if fd >= 0:
                os.close(fd)
        self.streams.clear()
        self.pidfd = -1


def _terminals_group() -> int | None:
    """The foreground group of our terminal; `None` where we have none."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return os.tcgetpgrp(terminal)
    except OSError:
        return None
    finally:
        os.close(terminal)


def _grow(fd: int) -> None:
    """A larger pipe: fewer wake-ups for the same bytes. A hint only."""
    if _SET_PIPE_SIZE is not None:
        try:
            fcntl.fcntl(fd, _SET_PIPE_SIZE, PIPE_BYTES)
        except OSError:
            pass  # the user's share of pipe memory is used up


def _redacted_view(redactor: Redactor) -> RedactedView:
    from runstone.engine.redacted_view import RedactedView

    return RedactedView(redactor)


class _Loop:
    """Reads, shows and records until the command has ended, while signals are passed on."""

    def __init__(
        self, run: Run, child: _Child, recording: Recording, *, shown: tuple[int, ...], redactor: Redactor | None
    ) -> None:
        self._run = run
        self._child = child
        self._recording = recording
        self._view = None if redactor is None else _redacted_view(redactor)
        self._shown = dict(zip(("stdout", "stderr"), shown, strict=False))
        self._poll = select.poll()
        self._terminal: Terminal | None = None
        self._typing = False
        self._hung_up = False

    def run(self) -> None:
        """Until the command has ended and what it wrote is read."""
        child = self._child
        try:
            for fd in child.streams:
                self._poll.register(fd, select.POLLIN)
            if child.pty:
                from runstone.engine.pseudo_terminal import Terminal

                self._terminal = Terminal(next(iter(child.streams)))
                self._attend(self._terminal)
            if child.pidfd >= 0:
                self._poll.register(child.pidfd, select.POLLIN)
            while not self._turn():
                pass
            self._drain()
            for stream, rest in self._view.rest() if self._view is not None else ():
                self._write(stream, rest)
        finally:
            if self._terminal is not None:
                self._terminal.restore()

    def _turn(self) -> bool:
        """One wait; answers whether the command has ended."""
        child = self._child
        ended = False
        for fd, event in self._poll.poll(None if child.pidfd >= 0 else _POLL_MS):
            if fd == child.pidfd:
                ended = True
            elif self._terminal is not None and (fd == 0 or event & select.POLLOUT):
                self._type(self._terminal, fd)
            if fd in child.streams and event & ~select.POLLOUT:
                self._read(fd)
        return (ended or child.pidfd < 0) and child.reap()

    def _type(self, terminal: Terminal, fd: int) -> None:
        """Read input, or hand on what was read: one of them, as the other would have to wait."""
        if fd == 0:
            terminal.read()
        if self._child.streams:
            terminal.write()
        self._attend(terminal)

    def _attend(self, terminal: Terminal) -> None:
        """Ask for what can be done next: output always; input, or room for it."""
        masters = () if self._hung_up else tuple(self._child.streams)
        for master in masters:
            self._poll.register(master, select.POLLIN | (select.POLLOUT if terminal.waiting else 0))
        typing = bool(masters) and not (terminal.waiting or terminal.ended)
        if typing != self._typing:
            self._typing = typing
            if typing:
                self._poll.register(0, select.POLLIN)
            else:
                self._poll.unregister(0)

    def _read(self, fd: int) -> int:
        """Read once; answers how much, 0 where the stream does not go on."""
        stream = self._child.streams[fd]
        try:
            chunk = os.read(fd, READ_BYTES)
        except BlockingIOError:  # a pseudo-terminal had room for input, and no output
            return 0
        except OSError:  # a pseudo-terminal says EIO when its last user is gone
            chunk = b""
        if not chunk and self._child.pty:
            self._hang_up(fd)
            return 0
        if not chunk or not self._show(stream, chunk):
            if not self._hung_up:
                self._poll.unregister(fd)
            os.close(fd)
            del self._child.streams[fd]
            if chunk:
                self._recording.feed(stream, chunk)
            return 0
        self._recording.feed(stream, chunk)
        return len(chunk)

    def _hang_up(self, master: int) -> None:
        """Nobody has the pseudo-terminal open. Ours is closed later: who is about to end would be killed by that."""
        if not self._hung_up:
            self._hung_up = True
            self._poll.unregister(master)
            if self._terminal is not None:
                self._attend(self._terminal)

    def _show(self, stream: str, chunk: bytes) -> bool:
        """Show what was read, or what may be shown of it; `False` when nobody reads it any more."""
        return self._write(stream, chunk if self._view is None else self._view.feed(stream, chunk))

    def _write(self, stream: str, chunk: bytes) -> bool:
        target = self._shown.get(stream)
        if target is None:
            return True
        view = memoryview(chunk)
        while view:
            try:
                view = view[os.write(target, view) :]
            except BlockingIOError:
                select.select([], [target], [])
            except BrokenPipeError:
                return False
            except OSError as exc:  # a full target: the record still takes it
                self._show_no_more(stream, exc)
                return True
        return True

    def _show_no_more(self, stream: str, exc: OSError) -> None:
        """Give up on what a stream is shown on, and say so: the command itself is told nothing of it."""
        del self._shown[stream]
        kept = "is recorded, and not shown" if self._run.recording else "is not shown"
        say(
            f"{_STREAM_NAMES[stream]}: {exc.strerror}; the rest of what the command writes there {kept}",
            self._run.redactor,
        )

    def _drain(self) -> None:
        """What is in the pipes when the command has ended; more may come for ever from a child it left behind."""
        for fd in list(self._child.streams):
            os.set_blocking(fd, False)
            left = PIPE_BYTES
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            while left > 0 and poll.poll(0):
                size = self._read(fd)
                if not size:
                    break
                left -= size


class _Signals:
    """Signals that reach us are passed on to the command; what is ignored stays ignored.

    But for the one that tells of a child's end: where our parent ignores it, the kernel would throw the command's
    status away.
    """

    def __init__(self, child: _Child) -> None:
        self._child = child
        self._previous: dict[int, Any] = {}
        self.received: list[int] = []
        try:
            for name in FORWARDED:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._forward)
            ended = getattr(signal, "SIGCHLD", None)
            if ended is not None and signal.getsignal(ended) == signal.SIG_IGN:
                self._previous[ended] = signal.signal(ended, signal.SIG_DFL)
        except ValueError:  # not in the main thread: the caller's handlers stay
            return

    def _forward(self, number: int, _: object) -> None:
        self.received.append(number)
        if self._child.pid:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        shared = not self._child.own_group and not self._child.pty
        if shared and number in (signal.SIGINT, signal.SIGQUIT) and _terminals_group() == os.getpgrp():
            return  # the terminal has sent it to both
        self._child.send(number)
        if number in _ENDING:
            self._child.send(_CONTINUE)  # one that is stopped would not hear of it

    def deliver(self) -> None:
        """Pass on what came before the command was there."""
        for number in self.received:
            self._pass_on(number)

    def restore(self) -> None:
        """Put the handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
