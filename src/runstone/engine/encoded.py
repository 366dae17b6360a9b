"""Text in UTF-16 and UTF-32 as UTF-8, piece by piece, and back to the same bytes."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE, getincrementaldecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Iterable, Iterator
    from typing import Final

KEPT: Final = "surrogatepass"
"""Half a surrogate pair stays what it is; what is no character in any way is an error."""
STRICT: Final = "strict"
REPLACED: Final = "replace"

HEAD_BYTES: Final = 4
_MARKS: Final = (
    (BOM_UTF32_LE, "utf-32-le"),  # begins like the one of UTF-16
    (BOM_UTF32_BE, "utf-32-be"),
    (BOM_UTF16_LE, "utf-16-le"),
    (BOM_UTF16_BE, "utf-16-be"),
)


class Encoded:
    """The bytes of a file. Where they begin with the byte order mark of UTF-16 or UTF-32, `feed` answers UTF-8 (of half
    a surrogate pair too) and `written` makes of it what it was; else both answer bytes as they are. `errors` says what
    becomes of what is no text of its encoding."""

    def __init__(self, errors: str = KEPT) -> None:
        self._errors = errors
        self._head: bytes | None = b""
        self._decoder: IncrementalDecoder | None = None
        self.codec: str | None = None
        """What the byte order mark says."""

    def feed(self, chunk: bytes) -> bytes:
        """What comes next; at the start so much is held back that the mark can be told.

        Raises `UnicodeDecodeError` for what is no text of the encoding, if `errors` let it.
        """
        if self._head is None:
            return self._decoded(chunk)
        self._head += chunk
        return self._begun() if len(self._head) >= HEAD_BYTES else b""

    def end(self) -> bytes:
        """What is left when nothing more comes, but for `rest`. Raises as `feed` does, if `errors` are strict."""
        data = b"" if self._head is None else self._begun()
        if self._decoder is not None and self._errors == STRICT:
            self._decoder.decode(b"", final=True)
        return data

    def read(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """All that comes. Raises as `feed` and `end` do."""
        for chunk in chunks:
            yield self.feed(chunk)
        yield self.end()

    @property
    def rest(self) -> bytes:
        """The beginning of a character, of which the rest did not come."""
        return b"" if self._decoder is None else self._decoder.getstate()[0]

    def written(self, piece: bytes) -> bytes:
        """A piece of what was read in the encoding of the file."""
        if self.codec is None:
            return piece
        return piece.decode("utf-8", "surrogatepass").encode(self.codec, "surrogatepass")

    def _begun(self) -> bytes:
        head, self._head = self._head or b"", None
        self.codec = next((codec for mark, codec in _MARKS if head.startswith(mark)), None)
        if self.codec is not None:
            self._decoder = getincrementaldecoder(self.codec)(self._errors)
        return self._decoded(head)

    def _decoded(self, chunk: bytes) -> bytes:
        return chunk if self._decoder is None else self._decoder.decode(chunk).encode("utf-8", "surrogatepass")
