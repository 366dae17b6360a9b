"""What the calls of one run have in common: their numbers, and what they cost."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from runstone.engine.recorder import Run

_calls: Final[WeakKeyDictionary[Run, Calls]] = WeakKeyDictionary()


class Calls:
    """The calls of tools and models of one run, under one counter."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def next_id(self) -> str:
        """The id of the next call: `call-1`, `call-2`, …"""
        return f"call-{next(self._numbers)}"

    def cost_of(self, model: str | None, usage: Mapping[str, int] | None) -> dict[str, Any] | None:  # noqa: ARG002  # no table of prices is known
        """What a use of a model costs; `None` where no price is known."""
        return None


def calls_of(run: Run) -> Calls:
    """The calls of a run."""
    found = _calls.get(run)
    return _calls.setdefault(run, Calls()) if found is None else found
