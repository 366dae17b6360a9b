"""What bytes of a file may say: the texts that they may be, and what is found in them.

- Text is UTF-8, or else read as Latin-1 and as UTF-8 with foreign bytes in it.
- What holds zeros, as they are or as JSON escapes them, is also read without them: it may be text in UTF-16 or UTF-32.
- In bytes that are no text a name stands before something by chance: that counts if somebody may have typed it.
"""

from __future__ import annotations

from runstone.core.redaction import names
from runstone.core.redaction.zeros import without_zeros

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.core.redaction.redactor import Place, Redactor

MIN_CONTROLS: Final = 100
"""Of so many bytes of text less than one is a control character."""
MIN_TYPED: Final = 6
"""The length of what a name must be given in a file that is no text, to be taken for a secret."""
ESCAPED: Final = rb"\u0000"
"""A zero, as JSON has it: such text may be UTF-16 or UTF-32 too."""
_CONTROLS: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\x1b") + b"\x7f"


class Reading:
    """One text that bytes may be; `around` are the bytes among which they stand."""

    __slots__ = ("_around", "text")

    def __init__(self, text: str, around: bytes) -> None:
        self.text = text
        self._around = around

    @property
    def is_text(self) -> bool:
        """Whether what stands around is text: less than one of a hundred bytes of it is a control character."""
        around = self._around
        return len(around) - len(around.translate(None, _CONTROLS)) <= len(around) // MIN_CONTROLS

    def places(self, redactor: Redactor) -> list[Place]:
        """The secrets in it, in order of what tells them."""
        places = redactor.places(self.text)
        if any(place.rule == names.RULE for place in places) and not self.is_text:
            places = [place for place in places if place.rule != names.RULE or self._is_typed(place)]
        return sorted(places, key=lambda place: place.begin)

    def _is_typed(self, place: Place) -> bool:
        """Whether somebody may have typed it: three random bytes stand behind some `pwd=` in every large file."""
        value = self.text[place.start : place.end]
        return len(value) >= MIN_TYPED and value.isascii() and value.isprintable()


def readings(piece: bytes, around: bytes) -> list[Reading]:
    """The texts that bytes are likely to be, the likeliest first."""
    try:
        found = [Reading(piece.decode("utf-8", "surrogatepass"), around)]
    except UnicodeDecodeError:
        found = [Reading(piece.decode("latin-1"), around), Reading(piece.decode("utf-8", "surrogateescape"), around)]
    if b"\0" in piece:
        found.append(narrow(piece, around))
    if holds_escaped_zeros(piece):
        plain = without_escaped_zeros(piece)
        found.append(Reading(plain.decode("latin-1"), plain))
    return found


def every_reading(piece: bytes, around: bytes) -> list[Reading]:
    """The same, and UTF-8 also as Latin-1: for who must be sure."""
    found = readings(piece, around)
    if len(found[0].text) != len(piece):
        found.append(Reading(piece.decode("latin-1"), around))
    return found


def narrow(piece: bytes, around: bytes) -> Reading:
    """Text in UTF-16 or UTF-32, which is plain text with zeros between."""
    return Reading(without_zeros(piece).decode("latin-1"), without_zeros(around))


def holds_escaped_zeros(data: bytes) -> bool:
    """Whether JSON in these bytes escapes a zero. One byte is looked for in a thirtieth of the time of six."""
    return b"\\" in data and ESCAPED in data


def without_escaped_zeros(data: bytes) -> bytes:
    """Text in UTF-16 or UTF-32 that stands in JSON, as plain text."""
    return data.replace(ESCAPED, b"")
