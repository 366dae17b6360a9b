"""Bytes of a stream on their way into the journal: what may be the middle of a secret or a character waits."""

from __future__ import annotations

from runstone.core.redaction.cutting import Cutter
from runstone.engine.characters import whole_characters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.core.redaction.redactor import Redactor


class Streams:
    """The streams of one run by name. At most 64 KiB of each wait, or as long as a declared value is."""

    def __init__(self, redactor: Redactor) -> None:
        self._cutter = Cutter(redactor)
        self._held: dict[str, bytes] = {}

    def feed(self, stream: str, chunk: bytes) -> bytes:
        """Take in what a stream gave; answers what of it, and of what waited, may be recorded now."""
        held = self._held.get(stream, b"")
        data = held + chunk if held else chunk
        end = whole_characters(data, self._cutter.safe_end(data))
        self._held[stream] = data[end:]
        return data[:end]

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """The end of each stream: what still waits."""
        held, self._held = self._held, {}
        return ((stream, data) for stream, data in held.items() if data)
