"""Looks for secrets in bytes of any length and kind, and takes them out.

- Bytes go by in blocks that divide neither a secret nor a character, so memory is bounded however long a line is.
- What the gate proves clean is not looked at; of the rest only the lines that hit, in each of their `readings`.
- Text in UTF-16 and UTF-32 is told by its byte order mark; without one it is plain text with zeros between.
"""

from __future__ import annotations

from io import BytesIO

from runstone.core.faults import FaultError, attempt
from runstone.core.redaction.cutting import Cutter
from runstone.core.redaction.explain import Reason, near_misses, reason
from runstone.core.redaction.redactor import FAILED, MARK
from runstone.engine.characters import whole_characters
from runstone.engine.encoded import KEPT, REPLACED, Encoded
from runstone.engine.readings import every_reading, holds_escaped_zeros, narrow, readings, without_escaped_zeros
from runstone.engine.streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

    from runstone.core.redaction.redactor import Redactor

    Part = tuple[bytes, bytes]
    """Bytes, and those among which they stand; none where the gate proves them clean."""

SLICE_BYTES: Final = 8 * 1024
"""So much of a block goes through the gate at once, before its lines do."""
PIECE_BYTES: Final = 64 * 1024
"""So much of a block that may hold a secret of several lines is looked at closely at once."""
SPAN_BYTES: Final = 16 * 1024
"""And so much of a long line."""


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
        self._cutter = Cutter(redactor)
        self._scanner = redactor.gate.scanner()
        self.rules: dict[str, None] = {}
        """By which rules `cleaned` took something out."""
        self.left = False
        """Whether `cleaned` saw a secret that it could not take out."""

    def found(self, chunks: Iterable[bytes]) -> Iterator[Found]:
        """The secrets of a stream, in order of their lines. Raises what reading the chunks raises; `FaultError`."""
        line = 1
        for block in self._blocks(Encoded(REPLACED).read(chunks)):
            for part, around in self._parts(block):
                if around:
                    yield from self._closely(part, around, line)
                line += part.count(b"\n")

    def cleaned(self, chunks: Iterable[bytes], errors: str = KEPT) -> Iterator[bytes]:
        """The stream with marks in the place of its secrets, every other byte as it was.

        Raises `UnicodeDecodeError` where, by `errors`, it is not the text that its byte order mark says, and
        `FaultError`.
        """
        encoded = Encoded(errors)
        for block in self._blocks(encoded.read(chunks)):
            parts = [self._clean(part, around) if around else part for part, around in self._parts(block)]
            yield encoded.written(b"".join(parts))
        if encoded.rest:
            yield encoded.rest

    def watched(self, chunks: Iterable[bytes], tell: Callable[[str], None]) -> Iterator[bytes]:
        """The stream as it is, block by block. Before one is handed on `tell` is told the rules by which any reading
        of it shows a secret; what it raises ends the stream. Raises `FaultError`."""
        streams, encoded = Streams(self._redactor), Encoded(REPLACED)
        for chunk in chunks:
            text = encoded.feed(chunk)
            if encoded.codec is not None:
                self._tell(attempt(streams.feed, "text", text), tell)
            block = attempt(streams.feed, "bytes", chunk)
            self._tell(block, tell)
            yield block
        for name, rest in streams.rest():
            self._tell(rest, tell)
            if name == "bytes":
                yield rest

    def _tell(self, block: bytes, tell: Callable[[str], None]) -> None:
        for part, around in self._parts(block):
            for rule in attempt(self._rules_of, part, around) if around else ():
                tell(rule)

    def _rules_of(self, part: bytes, around: bytes) -> list[str]:
        return [place.rule for reading in every_reading(part, around) for place in reading.places(self._redactor)]

    def _suspicious(self, data: bytes) -> bool:
        return attempt(self._seen, data)

    def _seen(self, data: bytes) -> bool:
        scanner = self._scanner
        return scanner.sees(data) or (holds_escaped_zeros(data) and scanner.hit(without_escaped_zeros(data)))

    def _blocks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        streams = Streams(self._redactor)
        for chunk in chunks:
            if block := attempt(streams.feed, "", chunk):
                yield block
        for _, rest in streams.rest():
            yield rest

    def _parts(self, block: bytes) -> Iterator[Part]:
        """A block in parts, of which few must be looked at closely: lines, where no secret reaches over their ends."""
        if not self._suspicious(block):
            yield block, b""
        elif attempt(self._cutter.spans_lines, block):
            yield from self._pieces(block, PIECE_BYTES)
        else:
            yield from self._lines(block)

    def _lines(self, block: bytes) -> Iterator[Part]:
        at = 0
        while at < len(block):
            end = block.find(b"\n", at + SLICE_BYTES) + 1 or len(block)
            part = block[at:end]
            at = end
            if not self._suspicious(part):
                yield part, b""
            elif len(part) > PIECE_BYTES:
                yield from self._pieces(part, SPAN_BYTES)
            else:
                for line in BytesIO(part):
                    yield line, part if self._suspicious(line) else b""

    def _pieces(self, block: bytes, size: int) -> Iterator[Part]:
        at = 0
        while at < len(block):
            end = attempt(self._end_of_piece, block, at, size)
            piece = block[at:end]
            yield piece, piece if self._suspicious(piece) else b""
            at = end

    def _end_of_piece(self, block: bytes, at: int, size: int) -> int:
        window = block[at : at + size + self._cutter.overlap_bytes]
        if at + len(window) == len(block):
            return len(block)
        cut = self._cutter.safe_end(window[:size]) or size
        return at + whole_characters(window, self._cutter.after_matches(window, cut))

    def _closely(self, piece: bytes, around: bytes, line: int) -> Iterator[Found]:
        told: set[tuple[int, str]] = set()
        for reading in readings(piece, around):
            known = frozenset(told)
            at = 0
            here = line
            for place in reading.places(self._redactor):
                here += reading.text.count("\n", at, place.begin) if place.begin > at else 0
                at = max(at, place.begin)
                if (here, place.rule) not in known:
                    told.add((here, place.rule))
                    yield Found(reading.text, here, reason(self._redactor, reading.text, place))

    def _clean(self, piece: bytes, around: bytes) -> bytes:
        try:
            return attempt(self._cleaned, piece, around)
        except FaultError:  # whatever went wrong, nothing unredacted may get past this line
            self.rules.setdefault(FAILED)
            return f"{MARK}{FAILED}]".encode() + (b"\n" if piece.endswith(b"\n") else b"")

    def _cleaned(self, piece: bytes, around: bytes) -> bytes:
        piece = self._without_secrets(piece)
        self.left = self.left or (b"\0" in piece and bool(narrow(piece, around).places(self._redactor)))
        return piece

    def _without_secrets(self, piece: bytes) -> bytes:
        try:
            return self._text(piece.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            piece = self._text(piece.decode("latin-1")).encode("latin-1")
            return self._text(piece.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def _text(self, text: str) -> str:
        clean, hits = self._redactor.text(text)
        self.rules.update(dict.fromkeys(hits))
        return clean


class ExplainedSearch(Search):
    """A search that also finds what is nearly a secret, in lines without one. It looks at every line closely."""

    def _suspicious(self, data: bytes) -> bool:  # noqa: ARG002  # whatever it is
        return True

    def _closely(self, piece: bytes, around: bytes, line: int) -> Iterator[Found]:
        found = list(super()._closely(piece, around, line))
        likeliest = readings(piece, around)[0]
        if likeliest.is_text:
            taken = {one.line for one in found} | self._taken(likeliest.text, line)
            for number, text in enumerate(likeliest.text.split("\n"), line):
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
