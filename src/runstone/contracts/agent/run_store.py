"""`RunStore`: states from which an agent's engine goes on, apart from the artifacts by which its runs are inspected.

It is a store of states of the kernel and nothing beside it. A thread is one piece of work that goes on over runs; its
steps are numbers or texts in order.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runstone.engine.states import StateStore
from runstone.locate import open_states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self, TypeAlias

    from runstone.engine.recorder import Run
    from runstone.engine.states import StateCheckpoint

    Checkpoints: TypeAlias = list[StateCheckpoint]


class RunStore:
    """The states at a path or URL, without one `RUNSTONE_STATES`, else `./states.db`; or over a `StateStore` that is
    open. Use it as a context manager, or `close` it. Raises `unsupported_store`, `invalid_state_key`, `missing_extra`.
    """

    def __init__(self, url: str | os.PathLike[str] | StateStore | None = None) -> None:
        if isinstance(url, StateStore):
            self.states = url
        else:
            self.states = open_states(None if url is None else os.fspath(url))

    def put(
        self,
        thread: str,
        step: int | str,
        state: Any,
        *,
        run: Run | str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> StateCheckpoint:
        """Store the state of a step, durable at return: JSON, or bytes. Without a `run` the current one made it.

        Raises as `StateStore.put`.
        """
        return self.states.put(thread, step, state, run=run, metadata=metadata)

    def get(self, thread: str, step: int | str | None = None) -> StateCheckpoint | None:
        """The state of a step, without one of the last; `None` where there is none. Raises as `StateStore.get`."""
        return self.states.get(thread, step)

    def list(self, thread: str, *, before: int | str | None = None, limit: int | None = 50) -> Checkpoints:
        """States of a thread, the last first. Raises as `StateStore.get`."""
        return self.states.list(thread, before=before, limit=limit)

    def delete(self, thread: str, step: int | str | None = None) -> int:
        """Delete a step, or without one the whole thread; how many steps went. Raises as `StateStore.get`."""
        return self.states.delete(thread, step)

    def prune(self, thread: str, *, keep: int = 1, before: int | str | None = None) -> int:
        """Delete all but the last `keep` steps, with `before` only earlier ones than that step; how many went.

        Raises as `StateStore.prune`.
        """
        return self.states.prune(thread, keep=keep, before=before)

    def close(self) -> None:
        """Give back what it holds."""
        self.states.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RunStore {self.states.url}>"
