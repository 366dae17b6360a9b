"""Port `records` in memory."""

from __future__ import annotations

import _thread

from runstone.core.digests import digest_of
from runstone.ports.records import (
    ANY,
    Added,
    Lines,
    RecordProperties,
    check_expected,
    check_key,
    joined,
    mended,
    split,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runstone.core.digests import Digest
    from runstone.ports.records import Answer, Expected


class MemoryRecords:
    """Records that last as long as this object."""

    def __init__(self) -> None:
        self._bodies: dict[str, tuple[bytes, int, int]] = {}
        """Body, last change, and the change since which nothing but lines were added."""
        self._changes = 0
        self._lock = _thread.RLock()

    @property
    def properties(self) -> RecordProperties:
        return RecordProperties("nothing", "custom")

    def read(self, key: str) -> bytes | None:
        found = self._bodies.get(check_key(key))
        return None if found is None else found[0]

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        with self._lock:
            self._check(key, expected)
            self._put(key, bytes(body), None)
        return digest_of(body)

    def append(self, key: str, lines: list[bytes]) -> bytes:
        with self._lock:
            old, data = self._bodies.get(check_key(key)), joined(lines)
            if not data:
                return b""
            body, _, made = old or (b"", 0, None)
            kept, torn = mended(body)
            self._put(key, kept + data, made)
        return torn

    def lines(self, key: str) -> Lines:
        return split(self.read(key) or b"")

    def added(self, key: str, since: str = "") -> Added:
        body, _, made = self._bodies.get(check_key(key)) or (b"", 0, 0)
        number, _, seen = since.partition("-")
        anew = number != str(made)
        lines = split(body if anew else body[int(seen) :]).whole
        end = body.rfind(b"\n") + 1
        return Added(lines, f"{made}-{end}" if body else "", anew)

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in list(self._bodies) if key.startswith(prefix))

    def marks(self, prefix: str = "") -> dict[str, str]:
        with self._lock:
            return {key: str(change) for key, (_, change, _) in self._bodies.items() if key.startswith(prefix)}

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        with self._lock:
            self._check(key, expected)
            return self._bodies.pop(key, None) is not None

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        check_key(key)
        with self._lock:
            return work()

    def place(self, key: str) -> str:
        return f"memory:{check_key(key)}"

    def _check(self, key: str, expected: Expected) -> None:
        check_expected(key, expected, self.read(key))

    def _put(self, key: str, body: bytes, made: int | None) -> None:
        self._changes += 1
        self._bodies[key] = body, self._changes, self._changes if made is None else made
