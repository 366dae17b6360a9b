"""Port `entropy`."""

from __future__ import annotations

from typing import Protocol


class Entropy(Protocol):
    """A source of unguessable bytes."""

    def random_bytes(self, count: int) -> bytes:
        """`count` bytes; two processes, or a process and its fork, never get the same."""
        ...
