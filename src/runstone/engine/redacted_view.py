"""What a command prints, as it is recorded: for a terminal that may show no more than the record.

- Shown is what may be recorded by now: an unfinished line waits for its end, as the journal's does.
- It does not depend on the record: not on a limit of it, nor on whether there is one.
- What the redactor fails on is not shown.
"""

from __future__ import annotations

from runstone.core.redaction.redactor import FAILED, MARK
from runstone.engine.streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.core.redaction.redactor import Redactor

_NOT_SHOWN: Final = f"{MARK}{FAILED}]".encode()


class RedactedView:
    """`feed` what was read of a stream, `rest` at the end; never raises. For one thread."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._scanner = redactor.gate.scanner()
        self._streams = Streams(redactor)

    def feed(self, stream: str, chunk: bytes) -> bytes:
        """What can be shown now."""
        try:
            return self._clean(self._streams.feed(stream, chunk))
        except Exception:  # whatever went wrong, the raw bytes must not get past this line
            return _in_place_of(chunk)

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """What was held back of each stream: nothing more comes."""
        for stream, data in self._streams.rest():
            try:
                clean = self._clean(data)
            except Exception:  # as in `feed`
                clean = _in_place_of(data)
            yield stream, clean

    def _clean(self, data: bytes) -> bytes:
        if not self._scanner.sees(data):
            return data
        try:
            return self._redactor.text(data.decode())[0].encode()
        except UnicodeDecodeError:
            return self._redactor.text(data.decode("latin-1"))[0].encode("latin-1")


def _in_place_of(data: bytes) -> bytes:
    return _NOT_SHOWN + (b"\n" if data.endswith(b"\n") else b"")
