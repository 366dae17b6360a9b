"""Something that a disk is to do, for which others wait as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Pending(Protocol):
    """It settles once, done or failed; what came of it is told by the call that it was begun for.

    A disk may do nothing of it before somebody waits for it.
    """

    settled: bool

    def block(self) -> None:
        """Wait until it is settled. Raises nothing of its own."""
        ...

    def then(self, call: Callable[[], None]) -> None:
        """Call it once it is settled, in any thread; here and now if it is."""
        ...
