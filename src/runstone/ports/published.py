"""Port `published`: copies of documents that stand outside of all bundles, where other programs read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from runstone.ports.objects import Committed


class Published(Protocol):
    """Copies by place: a path as inside a bundle, below the store's public folder.

    Visibility: what one process has put or removed, every process sees at its next call. Any number may do so at once.
    """

    def begin(self) -> None:
        """Note, durable at return, that this store publishes: recovery then looks for copies that are missing.

        Raises `store_unavailable`.
        """
        ...

    def begun(self) -> bool:
        """Whether that was noted."""
        ...

    def put(self, place: str, body: Iterable[bytes]) -> Committed:
        """Put a copy at its place, create-once: at return it is whole and survives what a sealed bundle does.

        `identical`: the same bytes were there. Raises `published_conflict` where anything else is, `invalid_path`,
        and `store_unavailable`; the copy may then stand, whole, or not.
        """
        ...

    def stands(self, place: str) -> bool:
        """Whether a copy stands at a place, whatever its bytes. Raises as `read`, and reads no byte."""
        ...

    def read(self, place: str) -> Iterator[bytes] | None:
        """The bytes that stand at a place; `None` where nothing does. Links are never followed. Raises
        `store_unavailable` for what is no copy, as a link, or a folder with copies in it."""
        ...

    def remove(self, place: str) -> bool:
        """Take a copy away, durable at return; `False` where there is none. Raises `store_unavailable`."""
        ...

    def location(self, place: str) -> str:
        """Where a place is, for people: a path or a URL."""
        ...
