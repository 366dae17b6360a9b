"""What this process prints and logs, recorded while it goes where it would have gone.

- Standard output and standard error become output of the run, records of `logging` and warnings its messages. None
  of them is changed, held back or lost by it, and nothing here raises into the program.
- What is written belongs to the innermost capture of the context that writes (`engine.current`), and to no other.
- With `descriptors` it also takes what is written past Python: the descriptors belong to the process, so this goes
  to the innermost capture that takes them, whoever writes.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings

from runstone.engine.current import Innermost
from runstone.engine.descriptors import DESCRIPTORS, NAMES
from runstone.engine.facts import is_withheld, kept_out_of, text_of, trace_of, without_heard
from runstone.engine.patches import PASSING, SAYING, attached
from runstone.engine.sealer import is_amid
from runstone.engine.tee import Tee

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Final, Self

    from runstone.engine.patches import Patch
    from runstone.engine.recorder import Run


class Capture:
    """Records what its context prints and logs, until it ends: by `end`, with its block, or with its run."""

    def __init__(self, run: Run, *, descriptors: bool) -> None:
        self._run = run
        self._descriptors = descriptors
        self._patches: list[Patch] = []
        self._lock = threading.RLock()
        self._open = False

    def begin(self) -> Self:
        """Record from now on; a run that records nothing has nothing captured."""
        if self._run.recording:
            self._open = True
            self._run.writer.at_end(self.end)
            CAPTURES.enter(self)
            self._patches = [patch for hook in _HOOKS if (patch := hook()) is not None]
            if self._descriptors and not DESCRIPTORS.attach(self.stream):
                self._descriptors = False
        return self

    def end(self) -> None:
        """Record no more, and put back what was found. A second call changes nothing."""
        if not self._open:
            return
        if self._run.writer.inherited:
            self._lock = threading.RLock()  # in a forked child: whoever had it is not here
        if self._descriptors:
            DESCRIPTORS.detach(self.stream)
        if is_amid():  # who has the lock may wait for this thread
            self._open = False
        else:
            with self._lock:  # what a thread is recording now gets in
                self._open = False
        self._run.writer.not_at_end(self.end)
        CAPTURES.leave(self)
        patches, self._patches = self._patches, []
        for patch in patches:
            patch.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def printed(self, name: str, data: bytes) -> None:
        """Record what Python wrote to a stream, but for what comes by the descriptor as well."""
        if not (self._descriptors and DESCRIPTORS.pipe(name)):
            self.stream(name, data)

    def stream(self, name: str, data: bytes) -> None:
        """Record output."""
        self._record(lambda run: run.stream(name, data))

    def message(self, message_of: Callable[[], dict[str, Any]]) -> None:
        """Record a message."""
        self._record(lambda run: run.writer.record("log", message_of()))

    def _record(self, record: Callable[[Run], Any]) -> None:
        if not self._open or not self._run.recording:
            return
        try:
            with PASSING:
                if self._run.writer.is_held_here:  # who has the lock may wait for this line
                    record(self._run)
                    return
                with self._lock:
                    if self._open:
                        record(self._run)
        except Exception:  # of a strict run, of a message that cannot be told: the program has no part in it
            return


CAPTURES: Final[Innermost[Capture]] = Innermost("runstone_capture")


def _stream_hook(name: str) -> Patch | None:
    stream = getattr(sys, name)
    if stream is None:
        return None
    backed = _is_descriptor(stream, NAMES[name])

    def told(data: bytes) -> None:
        capture = CAPTURES.get()
        if capture is not None:
            (capture.printed if backed else capture.stream)(name, data)

    return attached(
        sys, name, lambda patch: Tee(patch.found, patch, told, lambda: DESCRIPTORS.pipe(name) if backed else None)
    )


def _is_descriptor(stream: Any, fd: int) -> bool:
    try:
        return bool(stream.fileno() == fd)
    except Exception:  # it has none
        return False


def _logging_hook() -> Patch:
    def hook(patch: Patch) -> Callable[[logging.Logger, logging.LogRecord], None]:
        def callHandlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802  # the name it replaces
            if patch.users and not PASSING.depth and not SAYING.depth:
                capture = CAPTURES.get()
                if capture is not None:
                    capture.message(lambda: _logged(record))
            with PASSING:
                patch.found(self, record)

        return callHandlers

    return attached(logging.Logger, "callHandlers", hook)


def _warnings_hook() -> Patch | None:
    if not hasattr(warnings, "_showwarnmsg"):
        return None
    shown_by = getattr(warnings, "_showwarnmsg_impl", None)

    def hook(patch: Patch) -> Callable[[warnings.WarningMessage], None]:
        def _showwarnmsg(message: warnings.WarningMessage) -> None:
            collected = getattr(warnings, "_showwarnmsg_impl", None) is not shown_by
            if patch.users and not PASSING.depth and not collected:
                capture = CAPTURES.get()
                if capture is not None:
                    capture.message(lambda: _warned(message))
            with PASSING:
                patch.found(message)

        return _showwarnmsg

    return attached(warnings, "_showwarnmsg", hook)


_HOOKS: Final[tuple[Callable[[], Patch | None], ...]] = (
    lambda: _stream_hook("stdout"),
    lambda: _stream_hook("stderr"),
    _logging_hook,
    _warnings_hook,
)

_LEVELS: Final = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"))


def _logged(record: logging.LogRecord) -> dict[str, Any]:
    """The message of a log record, with its traceback; no handler has formatted it, so none sees a trace of this."""
    text = _message_of(record)
    if record.exc_info and record.exc_info[1] is not None:
        exc = record.exc_info[1]
        text += "\n" + without_heard(trace_of(exc), kept_out_of(exc)).rstrip("\n")
    if record.stack_info:
        text += "\n" + text_of(record.stack_info)
    level = next((name for number, name in _LEVELS if record.levelno >= number), "debug")
    return {"level": level, "text": text, "logger": text_of(record.name)}


def _message_of(record: logging.LogRecord) -> str:
    """The message; where it would quote an exception of which nothing may be recorded, without its arguments."""
    values = record.args.values() if isinstance(record.args, dict) else record.args or ()
    quoted = [value for value in (record.msg, *values) if isinstance(value, BaseException)]
    if any(map(is_withheld, quoted)):
        return text_of(record.msg)
    try:
        text = record.getMessage()
    except Exception:  # arguments that do not fit: `logging` says so where it shows the record
        text = text_of(record.msg)
    return without_heard(text, [redactor for exc in quoted for redactor in kept_out_of(exc)])


def _warned(message: warnings.WarningMessage) -> dict[str, Any]:
    """A warning as Python shows its first line."""
    category = getattr(message.category, "__name__", "Warning")
    text = f"{message.filename}:{message.lineno}: {category}: {text_of(message.message)}"
    return {"level": "warning", "text": text, "category": category}
