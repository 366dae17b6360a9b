"""One body for plain and asynchronous calls: a generator yields what it needs done, and a driver does it.

- The body is sent what came of each step, a value and an exception, either of which may be `None`; it answers the
  same. It raises nothing of the caller's.
- What waits for a disk is done in a thread of its own where there is an event loop, and always to its end: a task that
  is cancelled meanwhile is told so afterwards, with what came of it.
"""

from __future__ import annotations

import _thread
import os
import time
from contextlib import suppress
from functools import partial

from runstone.engine.sealer import waited
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator
    from concurrent.futures import Executor
    from typing import Any, Final, Protocol, TypeVar

    from runstone.ports.pending import Pending

    Answer = TypeVar("Answer")
    Doing = Generator[Pending, None, Answer]
    """A call in parts: it yields what is to be waited for, and returns its answer."""
    Done = tuple[Any, BaseException | None]
    Steps = Generator["Step | Body", Done, Done]

    class Step(Protocol):
        """Something to be done between two parts of a body."""

        def perform(self) -> Done:
            """Do it in a plain call."""
            ...

        async def perform_async(self) -> Done:
            """Do it in a task of an event loop."""
            ...


THREADS: Final = 32
"""So many seals of an event loop wait for the disk at once."""

_made: Final[list[Executor]] = []
_lock = _thread.RLock()


class Blocking:
    """A call that may wait for the disk."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def perform(self) -> Done:
        """Here and now."""
        return _caught(self._call)

    async def perform_async(self) -> Done:
        """In a thread; to its end, also if the task is cancelled."""
        import asyncio

        future = asyncio.wrap_future(_executor().submit(_caught, self._call))
        cancelled: BaseException | None = None
        while not future.done():
            try:
                await asyncio.wait({future})
            except asyncio.CancelledError as exc:
                cancelled = exc
        value, failure = future.result()
        return value, failure or cancelled


class Inline:
    """A call that is done at once: it waits for no disk."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def perform(self) -> Done:
        """Here and now."""
        return _caught(self._call)

    async def perform_async(self) -> Done:
        """Here and now."""
        return _caught(self._call)


class Parts:
    """A call that yields what is to be waited for, and answers what came of it.

    `inline` says that it waits for nothing else: then a task needs no thread for it.
    """

    __slots__ = ("_call", "_inline")

    def __init__(self, call: Callable[[], Doing[Done]], *, inline: bool) -> None:
        self._call = call
        self._inline = inline

    def perform(self) -> Done:
        """Here and now."""
        done, failure = _caught(lambda: waited(self._call()))
        return done if failure is None else (None, failure)

    async def perform_async(self) -> Done:
        """To its end, also if the task is cancelled meanwhile."""
        if not self._inline:
            done, failure = await Blocking(self.perform).perform_async()
            return (done[0], done[1] or failure) if done is not None else (None, failure)
        doing, cancelled = self._call(), None
        try:
            while True:
                cancelled = await _settled(doing.send(None)) or cancelled
        except StopIteration as stop:
            value, failure = stop.value
            return value, failure or cancelled
        except BaseException as exc:  # the body decides what becomes of it
            return None, exc


async def _settled(pending: Pending) -> BaseException | None:
    """Wait for others' disk; answers that the task was cancelled meanwhile.

    The waiting begins behind this turn of the loop: until then the other tasks that are ready ask for theirs, and one
    sync serves them all.
    """
    import asyncio

    loop, cancelled = asyncio.get_running_loop(), None
    while not pending.settled:
        future: asyncio.Future[None] = loop.create_future()
        loop.call_soon(pending.then, partial(_wake, loop, future))
        try:
            await future
        except asyncio.CancelledError as exc:
            cancelled = exc
    return cancelled


def _wake(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    """In another thread."""
    with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        loop.call_soon_threadsafe(_resolve, future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Asking:
    """A call of the caller's own function, which may be asynchronous where the gated one is."""

    __slots__ = ("_args", "_function", "_named")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._named = named

    def perform(self) -> Done:
        """Call it."""
        answer, failure = _caught(lambda: self._function(*self._args, **self._named))
        if hasattr(type(answer), "__await__"):
            if hasattr(answer, "close"):
                answer.close()
            name = getattr(self._function, "__qualname__", "what is asked")
            return None, error("invalid_option", f"{name} is asynchronous, and the gated call is not", option=name)
        return answer, failure

    async def perform_async(self) -> Done:
        """Call it, and wait for what is to be waited for."""
        try:
            answer = self._function(*self._args, **self._named)
            return (await answer if hasattr(type(answer), "__await__") else answer), None
        except BaseException as exc:  # the body decides what becomes of it
            return None, exc


class Pause:
    """Some seconds."""

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def perform(self) -> Done:
        """Sleep."""
        return _caught(lambda: time.sleep(self._seconds))

    async def perform_async(self) -> Done:
        """Let other tasks run."""
        import asyncio

        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError as exc:
            return None, exc
        return None, None


class Body:
    """The block of a `with` statement: the driver stops here, and goes on when it is left."""

    __slots__ = ("entered",)

    def __init__(self, entered: Any) -> None:
        self.entered = entered


def drive(steps: Steps) -> Any:
    """Do the steps of a plain call; answers or raises as the body does."""
    return _ended(_advance(steps, None))


async def drive_async(steps: Steps) -> Any:
    """The same in a task."""
    return _ended(await _advance_async(steps, None))


def enter(steps: Steps) -> Any:
    """Do the steps up to the block of a `with` statement; answers what is entered."""
    return _entered(_advance(steps, None))


async def enter_async(steps: Steps) -> Any:
    """The same in a task."""
    return _entered(await _advance_async(steps, None))


def leave(steps: Steps, done: Done) -> None:
    """Do the steps behind the block, of which this came; raises what the body answers unless it is the block's own."""
    _left(_advance(steps, done), done)


async def leave_async(steps: Steps, done: Done) -> None:
    """The same in a task."""
    _left(await _advance_async(steps, done), done)


def _advance(steps: Steps, done: Done | None) -> Body | Done:
    """Go on with what came of the last step (`None`: begin), to the block or to the end."""
    try:
        step = next(steps) if done is None else steps.send(done)
        while not isinstance(step, Body):
            step = steps.send(step.perform())
    except StopIteration as stop:
        ended: Done = stop.value
        return ended
    return step


async def _advance_async(steps: Steps, done: Done | None) -> Body | Done:
    try:
        step = next(steps) if done is None else steps.send(done)
        while not isinstance(step, Body):
            step = steps.send(await step.perform_async())
    except StopIteration as stop:
        ended: Done = stop.value
        return ended
    return step


def _ended(found: Body | Done) -> Any:
    assert not isinstance(found, Body)
    value, failure = found
    if failure is not None:
        raise failure
    return value


def _entered(found: Body | Done) -> Any:
    return found.entered if isinstance(found, Body) else _ended(found)


def _left(found: Body | Done, done: Done) -> None:
    assert not isinstance(found, Body)
    if found[1] is not None and found[1] is not done[1]:
        raise found[1]


def _caught(call: Callable[[], Any]) -> Done:
    try:
        return call(), None
    except BaseException as exc:  # the body decides what becomes of it
        return None, exc


def _executor() -> Executor:
    with _lock:
        if not _made:
            from concurrent.futures import ThreadPoolExecutor

            _made.append(ThreadPoolExecutor(THREADS, thread_name_prefix="runstone-gate"))
        return _made[0]


def _renew() -> None:
    """A forked child has no threads but its own."""
    global _lock
    _lock = _thread.RLock()
    _made.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
