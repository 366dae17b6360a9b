"""Looks for secrets in bytes of any length and kind, and takes them out.

- Bytes go by in blocks that divide neither a secret nor a character, so memory is bounded however long a line is.
- What the gate proves clean is not looked at; of the rest only the lines that hit.
- Text is UTF-8, or else read as Latin-1 and as UTF-8 with foreign bytes in it. Text in UTF-16 is told by its
  byte order mark; without one it is still found, as text with zeros between, but not taken out.
- What is found by its name in a piece that is no text counts if somebody may have typed it.
"""

from __future__ import annotations

from io import BytesIO

from runstone.core.redaction import names
from runstone.core.redaction.explain import Reason, near_misses, reason
from runstone.core.redaction.redactor import FAILED, MARK, is_binary, is_typed
from runstone.engine.characters import whole_characters
from runstone.engine.utf16 import Encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    from runstone.core.redaction.redactor import Place, Redactor

SLICE_BYTES: Final = 8 * 1024
"""So much of a block goes through the gate at once, before its lines do."""
PIECE_BYTES: Final = 64 * 1024
"""So much of a block that may hold a secret of several lines is looked at closely at once."""


class Found:
    """Something in line `line` of a file; `reason` says by which rule it is a secret, or why it is none.

    `first_column` and `last_column`, in characters of the line from 1, are those of what tells (`Reason.begin`); there
    is no last one where nothing tells but the value.
    """

    __slots__ = ("first_column", "last_column", "line", "reason")

    def __init__(self, text: str, line: int, why: Reason) -> None:
        start = text.rfind("\n", 0, why.begin) + 1
        self.line = line
        self.first_column = why.begin - start + 1
        self.last_column = why.end_exclusive - start if why.end_exclusive > why.begin else None
        self.reason = why


class Search:
    """Searches streams, one at a time, by what a redactor knows."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._scanner = redactor.gate.scanner()
        self.left = False
        """Whether `cleaned` saw a secret that it could not take out."""

    def found(self, chunks: Iterable[bytes]) -> Iterator[Found]:
        """The secrets of a stream, in order of their lines. Raises what reading the chunks raises."""
        line = 1
        for block in self._blocks(Encoded(chunks).read()):
            binary = is_binary(block)
            for part in self._parts(block):
                if self._suspicious(part):
                    yield from self._closely(part, line, binary=binary)
                line += part.count(b"\n")

    def cleaned(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The stream with marks in the place of its secrets, every other byte as it was."""
        encoded = Encoded(chunks)
        for block in self._blocks(encoded.read()):
            parts = [self._clean(part) if self._suspicious(part) else part for part in self._parts(block)]
            yield encoded.written(b"".join(parts))
        if encoded.rest:
            yield encoded.rest

    def _suspicious(self, data: bytes) -> bool:
        return self._scanner.hit(data) or (b"\0" in data and self._scanner.hit(_without_zeros(data)))

    def _blocks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        held = b""
        for chunk in chunks:
            data = held + chunk if held else chunk
            end = whole_characters(data, self._redactor.safe_end(data))
            held = data[end:]
            if end:
                yield data[:end]
        if held:
            yield held

    def _parts(self, block: bytes) -> Iterator[bytes]:
        """A block in parts, of which few must be looked at closely: lines, where no secret reaches over their ends."""
        if not self._suspicious(block):
            yield block
        elif self._redactor.spans_lines(_without_zeros(block)):
            yield from self._pieces(block)
        else:
            yield from self._lines(block)

    def _lines(self, block: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(block):
            end = block.find(b"\n", at + SLICE_BYTES) + 1 or len(block)
            part = block[at:end]
            yield from BytesIO(part) if self._suspicious(part) else (part,)
            at = end

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        at = 0
        while len(block) - at > PIECE_BYTES + self._redactor.overlap_bytes:
            window = block[at : at + PIECE_BYTES + self._redactor.overlap_bytes]
            cut = self._redactor.safe_end(window[:PIECE_BYTES]) or PIECE_BYTES
            cut = whole_characters(window, self._redactor.after_matches(window, cut))
            yield window[:cut]
            at += cut
        yield block[at:]

    def _closely(self, piece: bytes, line: int, *, binary: bool) -> Iterator[Found]:
        told: set[tuple[int, str]] = set()
        for text in _readings(piece):
            known = frozenset(told)
            at = 0
            here = line
            for place in self._places(text, binary=binary):
                here += text.count("\n", at, place.begin) if place.begin > at else 0
                at = max(at, place.begin)
                if (here, place.rule) not in known:
                    told.add((here, place.rule))
                    yield Found(text, here, reason(self._redactor, text, place))

    def _places(self, text: str, *, binary: bool) -> list[Place]:
        places = self._redactor.places(text)
        if binary:
            places = [place for place in places if place.rule != names.RULE or is_typed(text[place.start : place.end])]
        return sorted(places, key=lambda place: place.begin)

    def _clean(self, piece: bytes) -> bytes:
        try:
            piece = _cleaned(self._redactor, piece)
            if b"\0" in piece:
                wide = _without_zeros(piece).decode("latin-1")
                self.left = self.left or bool(self._places(wide, binary=is_binary(piece)))
        except Exception:  # whatever went wrong, nothing unredacted may get past this line
            return f"{MARK}{FAILED}]".encode() + (b"\n" if piece.endswith(b"\n") else b"")
        return piece


class ExplainedSearch(Search):
    """A search that also finds what is nearly a secret, in lines without one. It looks at every line closely."""

    def _suspicious(self, data: bytes) -> bool:  # noqa: ARG002  # whatever it is
        return True

    def _closely(self, piece: bytes, line: int, *, binary: bool) -> Iterator[Found]:
        found = list(super()._closely(piece, line, binary=binary))
        if not binary:
            whole = _readings(piece)[0]
            taken = {one.line for one in found} | self._taken(whole, line)
            for number, text in enumerate(whole.split("\n"), line):
                if number not in taken:
                    found += [Found(text, number, miss) for miss in near_misses(self._redactor, text)]
        yield from sorted(found, key=lambda one: one.line)

    def _taken(self, text: str, line: int) -> set[int]:
        """Lines in which something is taken out; a key takes many."""
        taken: set[int] = set()
        for place in self._redactor.places(text) if text.count("\n") > 1 else ():
            first = line + text.count("\n", 0, place.begin)
            taken.update(range(first, first + text.count("\n", place.begin, place.close) + 1))
        return taken


def _readings(piece: bytes) -> list[str]:
    """The texts that bytes may be."""
    try:
        readings = [piece.decode("utf-8", "surrogatepass")]
    except UnicodeDecodeError:
        readings = [piece.decode("latin-1"), piece.decode("utf-8", "surrogateescape")]
    if b"\0" in piece:
        readings.append(_without_zeros(piece).decode("latin-1"))
    return readings


def _without_zeros(piece: bytes) -> bytes:
    """Text in UTF-16 or UTF-32, which is plain text with zeros between."""
    return piece.replace(b"\0", b"")


def _cleaned(redactor: Redactor, piece: bytes) -> bytes:
    try:
        return redactor.text(piece.decode("utf-8", "surrogatepass"))[0].encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        narrow = redactor.text(piece.decode("latin-1"))[0].encode("latin-1")
        return redactor.text(narrow.decode("utf-8", "surrogateescape"))[0].encode("utf-8", "surrogateescape")
