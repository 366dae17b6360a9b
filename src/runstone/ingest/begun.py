"""Calls that begin in one callback and end in another, in whatever thread or task that comes.

- What a call is a part of is told by the ids of the framework, as the nearest call of a tool above it, and by the
  place from which it is called: whichever is further within.
- While a tool is at work, its call is also around what the program itself records there.
- A call whose end nobody tells ends with the work around it that was cancelled, or with the run.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from contextlib import suppress

from runstone.engine.calls import AROUND, Call, Within, call_around, going_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import TracebackType
    from typing import Any, Protocol

    from runstone.engine.recorder import Run

    class Block(Protocol):
        """A call of a tool or model, as `Run` gives it."""

        def __enter__(self) -> Any:
            """It begins."""

        def __exit__(
            self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None, /
        ) -> object:
            """It is over."""


class Begun:
    """The work of one run that has begun, by the ids that a framework gives it. Safe to share between threads."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parents: dict[Hashable, Hashable | None] = {}
        self._around: dict[Hashable, Call | None] = {}
        """What is around the parts of this work."""
        self._open: dict[Hashable, _Open] = {}
        if run.recording:
            run.writer.at_end(self._end_of_run)

    def work(self, key: Hashable, parent: Hashable | None) -> None:
        """Some work begins that is no call, but may have calls in it."""
        self._around[key] = self.around(parent)
        self._parents[key] = parent

    def over(self, key: Hashable) -> None:
        """It is over."""
        self._around.pop(key, None)
        self._parents.pop(key, None)

    def around(self, key: Hashable | None) -> Call | None:
        """The call around the parts of this work: as the ids tell, or one within that which is around this place."""
        told = going_on(self._around.get(key))
        here = call_around(self._run)
        return here if told is None or _is_within(here, told) else told

    def begin(self, key: Hashable, parent: Hashable | None, block: Block, *, has_parts: bool) -> None:
        """A call begins; raises what its block raises. With parts it is around all that is done in it."""
        around = self.around(parent)
        with Within(around):
            call = block.__enter__()
        opened = _Open(block, call)
        if has_parts:
            opened.surround()
        self._parents[key] = parent
        self._around[key] = call if has_parts and isinstance(call, Call) else around
        self._open[key] = opened

    def call(self, key: Hashable) -> Any:
        """The call that is going on, to tell more of it; `None` where there is none."""
        opened = self._open.get(key)
        return None if opened is None else opened.call

    def end(self, key: Hashable, exc: BaseException | None = None) -> None:
        """A call is over, by an exception or without one. What has ended has ended."""
        opened = self._open.pop(key, None)
        self.over(key)
        if opened is not None:
            opened.recede()
            opened.end(exc)

    def cancel(self, work: Hashable, exc: BaseException) -> None:
        """Some work was cancelled, and with it the calls in it that have not ended."""
        for key in list(self._open):
            if self._is_in(key, work):
                self.end(key, exc)

    def _is_in(self, key: Hashable | None, work: Hashable) -> bool:
        while key is not None and key != work:
            key = self._parents.get(key)
        return key == work

    def _end_of_run(self) -> None:
        for key in list(self._open):
            with suppress(Exception):  # of a strict run, which ends all the same
                self.end(key, CancelledError("the run has ended, and nobody told the end of this call"))


class _Open:
    """A call that is going on."""

    __slots__ = ("_before", "_block", "_surrounds", "call")

    def __init__(self, block: Block, call: Any) -> None:
        self._block = block
        self.call = call
        self._surrounds = False

    def surround(self) -> None:
        """It is around what is done in this thread or task from now on."""
        if isinstance(self.call, Call):
            self._before = AROUND.get()
            self._surrounds = True
            AROUND.set(self.call)

    def recede(self) -> None:
        """What was around this place before is around it again, if this is where it began."""
        if self._surrounds and AROUND.get() is self.call:
            AROUND.set(self._before)

    def end(self, exc: BaseException | None) -> None:
        """It is over. What is around this place stays."""
        with Within(AROUND.get()):
            self._block.__exit__(None if exc is None else type(exc), exc, None if exc is None else exc.__traceback__)


def _is_within(call: Call | None, outer: Call) -> bool:
    while call is not None and call is not outer:
        call = call.outer
    return call is not None
