"""What Runstone says of itself while a program is recorded: on standard error, or where the program logs.

- A full disk loses every run of a busy service, and a line for each would fill its logs. So of one topic a process
  says `LINES` in `PERIOD_S`. What is more is counted: the next line of the topic has the number, and where none comes,
  the last one is said with it at the end of the process.
- A program that gives the logger `runstone` a handler of its own is told there.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

from runstone.core.terminal import safe_text
from runstone.engine.live import at_exit
from runstone.engine.patches import SAYING

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Final

    from runstone.core.redaction.redactor import Redactor

LINES: Final = 20
PERIOD_S: Final = 10.0
LOGGER: Final = "runstone"


def say(message: str, redactor: Redactor) -> None:
    """Say a thing: one line, redacted, and without what control characters do to a terminal."""
    try:
        clean = safe_text(redactor.text(message)[0])
        logger = _logger()
        with SAYING:
            if logger is None:
                sys.stderr.write(f"runstone: {clean}\n")
            else:
                logger.warning("%s", clean)
    except Exception:  # a closed standard error, or a redactor that fails, must not break the work
        return


def _logger() -> logging.Logger | None:
    """The logger of Runstone, where the program has given it a handler."""
    module = sys.modules.get("logging")  # a program that has not loaded it has no handler
    if module is None:
        return None
    logger: logging.Logger = module.getLogger(LOGGER)
    return logger if logger.handlers and logger.isEnabledFor(module.WARNING) else None


class _Topic:
    """Lines of one topic in the period that `began`; of those that were left out the number and the last."""

    __slots__ = ("began", "last", "left_out", "said")

    def __init__(self, now: float) -> None:
        self.began = now
        self.said = 0
        self.left_out = 0
        self.last: tuple[str, Redactor] | None = None

    def take(self, message: str, redactor: Redactor, now: float) -> str | None:
        """The message as it is said; `None` where it is one too many."""
        if now - self.began >= PERIOD_S:
            self.began, self.said = now, 0
        if self.said >= LINES:
            self.left_out += 1
            self.last = message, redactor
            return None
        self.said += 1
        left_out, self.left_out, self.last = self.left_out, 0, None
        return _counted(message, left_out)


def _counted(message: str, left_out: int) -> str:
    if not left_out:
        return message
    return f"{message} ({left_out:,} more like it {'was' if left_out == 1 else 'were'} not said)"


_topics: dict[str, _Topic] = {}
_lock = _thread.RLock()


def say_some(topic: str, message: str, redactor: Redactor) -> None:
    """Say a thing, unless much was said of its topic just now."""
    now = time.monotonic()
    with _lock:
        if topic not in _topics:
            _topics[topic] = _Topic(now)
        line = _topics[topic].take(message, redactor, now)
    if line is None:
        at_exit(say_rest)
    else:
        say(line, redactor)


def say_rest() -> None:
    """Say how much was left out, of each topic with its last line."""
    with _lock:
        rest = [(topic.last, topic.left_out - 1) for topic in _topics.values() if topic.last is not None]
        _topics.clear()
    for (message, redactor), more in rest:
        say(_counted(message, more), redactor)


def _renew() -> None:
    """A forked child has said nothing yet, and none of its threads holds the lock."""
    global _lock
    _lock = _thread.RLock()
    _topics.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
