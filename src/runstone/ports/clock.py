"""Port `clock`."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two readings. The recorder copes with a wall clock that jumps; it never waits on either."""

    def time_ns(self) -> int:
        """Wall clock: nanoseconds since 1970-01-01 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds since some moment; never goes back while the process lives."""
        ...
