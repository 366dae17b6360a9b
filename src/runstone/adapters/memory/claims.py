"""Port `claims` in memory."""

from __future__ import annotations

import _thread


class MemoryClaims:
    """Claims that last as long as this object."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._lock = _thread.allocate_lock()

    def put_new(self, name: str, body: bytes) -> bytes | None:
        with self._lock:
            found = self._bodies.get(name)
            if found is None:
                self._bodies[name] = body
            return found

    def get(self, name: str) -> bytes | None:
        return self._bodies.get(name)
