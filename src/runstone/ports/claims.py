"""Port `claims`: small objects that are made once, by one of all who try."""

from __future__ import annotations

from typing import Protocol


class Claims(Protocol):
    """Claims by name: 1 to 200 digits, small letters and dots. Safe for any number of threads and processes."""

    def put_new(self, name: str, body: bytes) -> bytes | None:
        """Make a claim, create-once: `None` if it is made now, else the body of the one that stands.

        What it answers is whole. At return a claim that was made survives power loss; one that stands is as durable
        as its maker's call has made it. Raises `store_unavailable`; the claim may then stand, or not.
        """
        ...

    def get(self, name: str) -> bytes | None:
        """The body of a claim; `None` where there is none. Raises `store_unavailable`."""
        ...
