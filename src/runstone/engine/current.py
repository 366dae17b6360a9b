"""The run in whose `with` block the program stands, and how another process learns of it.

- The current run is a context variable: each thread and each task has its own, and a thread begins without one.
- A process learns of the run around it by two variables of its environment, `RUNSTONE_PARENT` and
  `RUNSTONE_PARENT_STORE`. The wrapper sets them for its command, a fork for the child; entering a run changes nothing
  in the environment of the process.
"""

from __future__ import annotations

import os
from _contextvars import ContextVar  # `contextvars` without a file to load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Token
    from typing import Final

    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

PARENT: Final = "RUNSTONE_PARENT"
PARENT_STORE: Final = "RUNSTONE_PARENT_STORE"


def place_of(store: Store) -> str:
    """Where another process finds a store; empty for one that this process alone has."""
    return store.url if os.path.isabs(store.url) else ""


_CURRENT: Final[ContextVar[Run | None]] = ContextVar("runstone_current_run", default=None)


def current_run() -> Run | None:
    """The run whose `with` block this context is in, the innermost one; `None` outside of any."""
    return _CURRENT.get()


def enter(run: Run) -> Token[Run | None]:
    """Make `run` the current one; `leave` takes what is answered."""
    return _CURRENT.set(run)


def leave(token: Token[Run | None]) -> None:
    """Make that run the current one again which was it before `enter`."""
    try:
        _CURRENT.reset(token)
    except (ValueError, RuntimeError):  # left in another context than it was entered in, as a generator may, or twice
        return
