"""How plain calls are made from an event loop: in threads of an executor of their own, so that the loop goes on.

- A call sees the context of the task that makes it, the run around it too.
- A task that is cancelled while a call is made goes on at once, and the call goes on to its end: what it writes is old
  or new. What must have an end (a run's) is waited for, even so; a second cancellation is not.
- Nothing of this is loaded by a program that has no event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from runstone.engine.current import OfThisProcess
from runstone.errors import error, excerpt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType
    from typing import Self

Params = ParamSpec("Params")
Answer = TypeVar("Answer")
Item = TypeVar("Item")

WORKERS: Final = 4
"""Threads of an executor, unless it is told."""


class Threads:
    """An executor that is made when it is first needed: in a forked child, which has none of these threads, anew."""

    def __init__(self, workers: int = WORKERS) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            found = excerpt(repr(workers), 40)
            raise error("invalid_option", f"`workers` is a whole number of at least 1; found {found}", option="workers")
        self._workers = workers
        self._executor: ThreadPoolExecutor | None = None
        self._pid = os.getpid()

    def submit(self, call: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Make a call in a thread, in the context of whoever asks."""
        executor = self._held()
        if executor is None:
            executor = self._executor = ThreadPoolExecutor(self._workers, thread_name_prefix="runstone")
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(call))

    def _held(self) -> ThreadPoolExecutor | None:
        """The executor of this process, which is not that of the process from which it was forked."""
        if self._pid != os.getpid():
            self._pid, self._executor = os.getpid(), None
        return self._executor

    async def close(self) -> None:
        """Wait for what is being done, and give the threads back. A later call makes new ones."""
        executor, self._executor = self._held(), None
        if executor is not None:
            await asyncio.get_running_loop().run_in_executor(None, executor.shutdown)


class Hopping(OfThisProcess):
    """Something whose methods are those of a plain object, awaited. `sync` is that object."""

    def __init__(self, threads: Threads | None = None) -> None:
        self.threads = threads or Threads()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'sync', None)!r}>"

    async def in_thread(self, call: Callable[Params, Answer], *args: Params.args, **options: Params.kwargs) -> Answer:
        """Make a plain call in a thread of the executor, and wait for its answer."""
        return await self.threads.submit(partial(call, *args, **options))

    async def to_the_end(self, call: Callable[[], Answer]) -> Answer:
        """As `in_thread`; a task that is cancelled meanwhile waits until the call is done, unless it is cancelled once
        more. The call is never given up."""
        future = self.threads.submit(call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            try:
                await asyncio.shield(future)
            except Exception:  # noqa: S110  # whoever is cancelled has no use for it, and what failed has said so
                pass
            raise

    async def each(self, items: Callable[[], Iterator[Item]]) -> AsyncIterator[Item]:
        """What a plain iterator yields, each item made in a thread."""
        iterator = await self.in_thread(items)
        end: Any = object()
        while (item := await self.in_thread(next, iterator, end)) is not end:
            yield item

    async def aclose(self) -> None:
        """Wait for what is being done, and give the threads back."""
        await self.threads.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
