"""The bytes of a file without its secrets, piece by piece, in memory that does not grow with the file.

- Pieces are cut where no secret is divided, as those of a stream are; what is clean is not touched.
- A byte order mark tells UTF-16 and UTF-32: such text is decoded, redacted, and encoded as it was.
- What is not UTF-8 is read twice: as UTF-8 with foreign bytes in it, and each byte for itself.
- It is no proof: who keeps the copy searches it again.
"""

from __future__ import annotations

import codecs

from runstone.engine.streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.core.redaction.redactor import Redactor

PART_BYTES: Final = 16 * 1024
"""Redaction takes a hundred times as long as the look whether it is needed: of a large piece only parts that hit."""
SEAM_BYTES: Final = 4 * 1024
"""So much around a cut within a piece must be clean: some secrets stand on the line behind their name."""

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like the one of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def redacted(chunks: Iterator[bytes], redactor: Redactor, rules: dict[str, None]) -> Iterator[bytes]:
    """The chunks with marks in the place of secrets; adds to `rules` those that hit.

    Raises `UnicodeDecodeError` for text that is not what its byte order mark says.
    """
    first = next(chunks, b"")
    coding = next((coding for mark, coding in _BYTE_ORDER_MARKS if first.startswith(mark)), None)
    copy = _Copy(redactor, rules)
    if coding is None:
        yield from copy.pieces(_behind(first, chunks))
    else:
        for piece in copy.pieces(_in_utf8(_behind(first, chunks), coding)):
            yield piece.decode().encode(coding)


def _behind(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _in_utf8(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(coding)()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


class _Copy:
    def __init__(self, redactor: Redactor, rules: dict[str, None]) -> None:
        self._redactor = redactor
        self._scanner = redactor.gate.scanner()
        self._rules = rules

    def pieces(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        streams = Streams(self._redactor)
        for chunk in chunks:
            yield self._clean(streams.feed("", chunk))
        for _, rest in streams.rest():
            yield self._clean(rest)

    def _clean(self, data: bytes) -> bytes:
        if not self._scanner.hit(data):
            return data
        return b"".join(self._redacted(part) if self._scanner.hit(part) else part for part in self._parts(data))

    def _parts(self, data: bytes) -> Iterator[bytes]:
        """The data cut at line ends around which nothing is suspicious."""
        start, at = 0, PART_BYTES
        while 0 < (end := data.find(b"\n", at) + 1) < len(data):
            at = end
            if not self._scanner.hit(data[max(start, end - SEAM_BYTES) : end + SEAM_BYTES]):
                yield data[start:end]
                start, at = end, end + PART_BYTES
        yield data[start:]

    def _redacted(self, data: bytes) -> bytes:
        try:
            return self._text(data.decode()).encode()
        except UnicodeDecodeError:
            data = self._text(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            return self._text(data.decode("latin-1")).encode("latin-1")

    def _text(self, text: str) -> str:
        clean, hits = self._redactor.text(text)
        self._rules.update(dict.fromkeys(hits))
        return clean
