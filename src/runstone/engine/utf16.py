"""Text in UTF-16 as UTF-8, piece by piece, and back to the same bytes."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_LE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD_BYTES = len(BOM_UTF32_LE)


class Encoded:
    """The bytes of a file. Where they begin with the byte order mark of UTF-16, `read` answers UTF-8 (half a
    surrogate pair too) and `written` makes UTF-16 of it again; else both answer bytes as they are."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._codec: str | None = None
        self.rest = b""
        """Half a character at the end, which `read` left out."""

    def read(self) -> Iterator[bytes]:
        """The chunks; so much is held back at the start that the mark can be told."""
        held: bytes | None = b""
        for chunk in self._chunks:
            if held is None:
                yield self._decoded(chunk)
                continue
            held += chunk
            if len(held) >= HEAD_BYTES:
                yield self._first(held)
                held = None
        if held:
            yield self._first(held)

    def _first(self, head: bytes) -> bytes:
        if not head.startswith(BOM_UTF32_LE):
            self._codec = {BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}.get(head[:2])
        return self._decoded(head)

    def _decoded(self, chunk: bytes) -> bytes:
        if self._codec is None:
            return chunk
        data = self.rest + chunk
        whole = len(data) & ~1
        self.rest = data[whole:]
        return data[:whole].decode(self._codec, "surrogatepass").encode("utf-8", "surrogatepass")

    def written(self, piece: bytes) -> bytes:
        """A piece of what was read in the encoding of the file."""
        if self._codec is None:
            return piece
        return piece.decode("utf-8", "surrogatepass").encode(self._codec, "surrogatepass")
