"""Port `debug` in memory."""

from __future__ import annotations

import _thread

from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryDebug:
    """Files that last as long as this object."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, bytes]] = {}
        self._lock = _thread.allocate_lock()

    def put(self, run_id: str, name: str, data: bytes) -> None:
        with self._lock:
            files = self._files.setdefault(run_id, {})
            if name in files:
                raise error("file_exists", f"debug mode has kept a file {name!r} already", path=name)
            files[name] = data

    def names(self, run_id: str) -> list[str]:
        with self._lock:
            return sorted(self._files.get(run_id, ()))

    def read(self, run_id: str, name: str) -> Iterator[bytes] | None:
        data = self._files.get(run_id, {}).get(name)
        return None if data is None else iter((data,))

    def remove(self, run_id: str) -> None:
        with self._lock:
            self._files.pop(run_id, None)
