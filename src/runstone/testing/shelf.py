"""Records as plain as can be, over a shelf that is a dict: what the suite accepts, and the zoo breaks."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from runstone.core.digests import digest_of
from runstone.ports.records import (
    ANY,
    Added,
    Lines,
    RecordProperties,
    WholeRecords,
    check_expected,
    check_key,
    joined,
    mended,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from runstone.core.digests import Digest
    from runstone.ports.records import Answer, Expected


class Shelf:
    """What a crash leaves: bodies by key, and how often each was changed."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.changes: dict[str, int] = {}
        self.lock = RLock()


class PlainRecords:
    """Keeps every promise, over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    @property
    def properties(self) -> RecordProperties:
        """As the port says."""
        return RecordProperties("kill", "custom")

    def read(self, key: str) -> bytes | None:
        """As the port says."""
        return self.shelf.bodies.get(check_key(key))

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        """As the port says."""
        with self.shelf.lock:
            self.check(key, expected)
            self.put(check_key(key), body)
        return digest_of(body)

    def append(self, key: str, lines: list[bytes]) -> bytes:
        """As the port says."""
        with self.shelf.lock:
            body, data = self.read(key) or b"", joined(lines)
            if not data:
                return b""
            kept, torn = mended(body)
            self.put(key, kept + data)
            return torn

    def lines(self, key: str) -> Lines:
        """As the port says."""
        return split(self.read(key) or b"")

    def added(self, key: str, since: str = "") -> Added:
        """As the port says."""
        return WholeRecords.added(self, key, since)

    def keys(self, prefix: str = "") -> list[str]:
        """As the port says."""
        return sorted(key for key in list(self.shelf.bodies) if key.startswith(prefix))

    def marks(self, prefix: str = "") -> dict[str, str]:
        """As the port says."""
        return {key: str(self.shelf.changes[key]) for key in self.keys(prefix)}

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        """As the port says."""
        with self.shelf.lock:
            self.check(key, expected)
            return self.shelf.bodies.pop(check_key(key), None) is not None

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        """As the port says."""
        check_key(key)
        with self.shelf.lock:
            return work()

    def place(self, key: str) -> str:
        """As the port says."""
        return f"shelf:{check_key(key)}"

    def check(self, key: str, expected: Expected) -> None:
        """Raise where what is there is not what is expected."""
        check_expected(key, expected, self.read(key))

    def put(self, key: str, body: bytes) -> None:
        """Put a body on the shelf."""
        self.shelf.bodies[key] = body
        self.shelf.changes[key] = self.shelf.changes.get(key, 0) + 1
