"""Port `published` in memory."""

from __future__ import annotations

import _thread

from runstone.core import layout
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runstone.ports.objects import Committed


class MemoryPublished:
    """Copies that last as long as this object."""

    def __init__(self) -> None:
        self._copies: dict[str, bytes] = {}
        self._begun = False
        self._lock = _thread.allocate_lock()

    def begin(self) -> None:
        self._begun = True

    def begun(self) -> bool:
        return self._begun

    def put(self, place: str, body: Iterable[bytes]) -> Committed:
        self.location(place)
        data = b"".join(body)
        self._begun = True
        with self._lock:
            found = None if self._is_folder(place) else self._copies.setdefault(place, data)
        if found is data:
            return "created"
        if found != data:
            message = f"{place} is not what is to be published there; nothing is written over"
            raise error("published_conflict", message, path=self.location(place), place=place)
        return "identical"

    def stands(self, place: str) -> bool:
        return self._at(place) is not None

    def read(self, place: str) -> Iterator[bytes] | None:
        found = self._at(place)
        return None if found is None else iter((found,))

    def remove(self, place: str) -> bool:
        with self._lock:
            return self._at(place) is not None and self._copies.pop(place, None) is not None

    def _at(self, place: str) -> bytes | None:
        found = self._copies.get(layout.check_path(place))
        if found is None and self._is_folder(place):
            location = self.location(place)
            raise error("store_unavailable", f"{location}: no regular file", path=location, reason="no regular file")
        return found

    def _is_folder(self, place: str) -> bool:
        return any(known.startswith(f"{place}/") for known in list(self._copies))

    def location(self, place: str) -> str:
        return f"memory:{layout.check_path(place)}"
