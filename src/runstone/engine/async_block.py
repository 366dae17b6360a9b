"""A run that is opened and sealed in a thread, while what it records is recorded where it is said: one `write` each."""

from __future__ import annotations

import asyncio
import warnings
from functools import partial
from typing import TYPE_CHECKING

from runstone.core.words import CANCELLED
from runstone.engine.current import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType
    from typing import Any

    from runstone.engine.async_run import AsyncRun
    from runstone.engine.hopping import Hopping
    from runstone.engine.recorder import Run


class AsyncRunBlock:
    """A run that is about to be opened: `async with store.run(…) as run`, or `run = await store.run(…)`.

    Leaving the block finishes the run as `Run` does, in a thread; cancellation of the task makes it `cancelled`. A task
    that is cancelled while the run is sealed waits for the seal; one that is cancelled again does not, and the seal
    goes on: the run is sealed, or left to recovery. One that is never opened is a `RuntimeWarning`, as is a coroutine
    that nobody awaits.
    """

    def __init__(self, hopping: Hopping, open_run: Callable[[], Run]) -> None:
        self._hopping = hopping
        self._open = open_run
        self._run: Run | None = None
        self._begun = False

    def __del__(self) -> None:
        if not self._begun:  # as a coroutine says it, which this stands among
            said = "a run was asked for and never opened: `async with store.run(…)`, or `await` it"
            warnings.warn(said, RuntimeWarning, stacklevel=2, source=self)

    def __await__(self) -> Generator[Any, None, AsyncRun]:
        return self._opened().__await__()

    async def _opened(self) -> AsyncRun:
        from runstone.engine.async_run import AsyncRun

        self._begun = True
        opened: list[Run] = []
        try:
            await self._hopping.to_the_end(lambda: opened.append(self._open()))
        except asyncio.CancelledError:
            for run in opened:  # nobody else knows of it
                await self._hopping.to_the_end(partial(run.finish, CANCELLED))
            raise
        return AsyncRun(opened[0], self._hopping.threads)

    async def __aenter__(self) -> AsyncRun:
        opened = await self._opened()
        self._run = opened.sync
        RUNS.enter(self._run)
        return opened

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        run = self._run
        assert run is not None
        RUNS.leave(run)
        await self._hopping.to_the_end(lambda: run.__exit__(kind, exc, trace))
