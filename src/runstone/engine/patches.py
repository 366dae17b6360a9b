"""Hooks that stand in a place of this process (`sys.stdout`, a method of `logging`) for what was found there.

- A hook passes everything on to what it found. It is taken out when nobody uses it any more, if it still stands
  there; where somebody has put something else over it, it stays below that and only passes on.
- While one passes something on, or records, no other says anything of it in the same thread: what a logging handler
  prints is not recorded twice, and recording never leads to recording.
"""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Final


class Patch:
    """One hook in one place. `found` is what it stands for; it is live as long as it has users."""

    __slots__ = ("found", "hook", "name", "owner", "users")

    def __init__(self, owner: Any, name: str, hook_of: Callable[[Patch], Any]) -> None:
        self.owner = owner
        self.name = name
        self.users = 0
        self.found = getattr(owner, name)
        self.hook = hook_of(self)

    def attach(self) -> None:
        """One more uses it."""
        self.users += 1
        setattr(self.owner, self.name, self.hook)

    def detach(self) -> None:
        """One less uses it; the last puts back what was found."""
        with _state.lock:
            self.users = max(0, self.users - 1)
            if not self.users and getattr(self.owner, self.name, None) is self.hook:
                setattr(self.owner, self.name, self.found)
                _state.known.remove(self)


class _State:
    def __init__(self) -> None:
        self.lock = _thread.RLock()
        self.known: list[Patch] = []

    def renew(self) -> None:
        """In a forked child nothing is recorded: hooks that stand there pass on."""
        self.lock = _thread.RLock()
        for patch in self.known:
            patch.users = 0


_state: Final = _State()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_state.renew)


def attached(owner: Any, name: str, hook_of: Callable[[Patch], Any]) -> Patch:
    """A hook in a place: the one that stands there, or a new one over what stands there. `detach` it once."""
    with _state.lock:
        there = getattr(owner, name)
        patch = next((known for known in _state.known if known.owner is owner and known.hook is there), None)
        if patch is None:
            patch = Patch(owner, name, hook_of)
            _state.known.append(patch)
        patch.attach()
        return patch


class Depth(_thread._local):  # noqa: SLF001  # `threading` only names it
    """How deep this thread is in a block of the kind."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.depth -= 1


PASSING: Final = Depth()
"""A hook passes something on, or records it."""
SAYING: Final = Depth()
"""Runstone says something of its own: it is no output of the program, and waits for nobody who records."""
