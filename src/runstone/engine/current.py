"""What was entered last and is still open, told for the context (thread, asyncio task) that asks; and how another
process learns of the run around it.

- In a context in which something was entered, or that was copied from one, it is the innermost that is open.
- In any other context (a thread that somebody else started) it is the innermost of all, if all that is open is
  nested in one another; where two stand side by side it is neither, as a guess would mix two runs.
- A process learns of the run around it by two variables of its environment, `RUNSTONE_PARENT` and
  `RUNSTONE_PARENT_STORE`. The wrapper sets them for its command, a fork for the child; entering a run changes nothing
  in the environment of the process. What is pickled to be handed on says so (`OfThisProcess`).
"""

from __future__ import annotations

import _thread
import os
from _contextvars import ContextVar  # `contextvars` is a file that only names it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Generic, NoReturn, Self, TypeVar

    from runstone.engine.recorder import Run
    from runstone.engine.replay.session import Session
    from runstone.engine.store import Store
    from runstone.ports.host import Host

    Item = TypeVar("Item")
else:

    class Generic:
        """`typing` costs a short process milliseconds."""

        def __class_getitem__(cls, _: object) -> type:
            return cls

    Item = None


SWITCHED_OFF: Final = "RUNSTONE_DISABLED"
_YES: Final = frozenset({"1", "true", "yes", "on"})
PARENT: Final = "RUNSTONE_PARENT"
PARENT_STORE: Final = "RUNSTONE_PARENT_STORE"


def says_yes(setting: str | None) -> bool:
    """Whether a variable of the environment says `1`, `true`, `yes` or `on`, in any case."""
    return setting is not None and setting.strip().lower() in _YES


def is_switched_off(host: Host) -> bool:
    """Whether the environment says that nothing is recorded, by `RUNSTONE_DISABLED`."""
    return says_yes(host.setting(SWITCHED_OFF))


def place_of(store: Store) -> str:
    """Where another process finds a store; empty for one that this process alone has."""
    return store.url if os.path.isabs(store.url) else ""


class OfThisProcess:
    """What writes or reads for this process alone: a copy of it is itself, and none is pickled."""

    _elsewhere = "open it there"
    """What another process does that wants the same."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} stays in its process: {self._elsewhere}")


class Entered(Generic[Item]):
    """One that was entered, and what was open around it in the same context."""

    __slots__ = ("item", "open", "outer")

    def __init__(self, item: Item, outer: Entered[Item] | None) -> None:
        self.item = item
        self.outer = outer
        self.open = True


class Innermost(Generic[Item]):
    """Items that are entered and left, in any order and from any thread."""

    def __init__(self, name: str) -> None:
        self._here: ContextVar[Entered[Item] | None] = ContextVar(name, default=None)
        self._open: list[Entered[Item]] = []
        self._lock = _thread.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = _thread.RLock()

    def enter(self, item: Item) -> None:
        """Make `item` the innermost of this context."""
        with self._lock:
            entered = Entered(item, self._found())
            self._open.append(entered)
        self._here.set(entered)

    def leave(self, item: Item) -> None:
        """Undo the last `enter` of `item`, wherever that was; nothing where there was none."""
        here = self._found()
        while here is not None and here.item is not item:
            here = _opened(here.outer)
        with self._lock:
            entered = here or next((other for other in reversed(self._open) if other.item is item), None)
            if entered is None or not entered.open:
                return
            entered.open = False
            self._open.remove(entered)
        if self._here.get() is entered:
            self._here.set(_opened(entered.outer))

    def get(self) -> Item | None:
        """The innermost one for who asks, or `None`."""
        entered = self._found() or self._alone()
        return None if entered is None else entered.item

    def _found(self) -> Entered[Item] | None:
        return _opened(self._here.get())

    def _alone(self) -> Entered[Item] | None:
        """The innermost of all that is open, where all is nested; looked for when somebody asks from outside."""
        with self._lock:
            around = {id(_opened(entered.outer)) for entered in self._open}
            inner = [entered for entered in self._open if id(entered) not in around]
        return inner[0] if len(inner) == 1 else None


def _opened(entered: Entered[Item] | None) -> Entered[Item] | None:
    while entered is not None and not entered.open:
        entered = entered.outer
    return entered


class Replaying:
    """What opens runs in a process that replays one; `None` in any other."""

    __slots__ = ("session",)

    def __init__(self) -> None:
        self.session: Session | None = None


REPLAY: Final = Replaying()


def not_in_a_replay(what: str) -> None:
    """What changes a store for good is not done a second time: raises `Stopped` in a process that replays a run."""
    if REPLAY.session is not None:
        REPLAY.session.changes_store(what)


RUNS: Final[Innermost[Run]] = Innermost("runstone_run")
"""Runs whose `with` block is open."""


def current_run() -> Run | None:
    """The run whose `with` block this is called in, or `None`.

    It is known in the block's own thread, in asyncio tasks that were begun there, and in other threads as long as
    the runs that are open in this process are nested in one another.
    """
    return RUNS.get()
