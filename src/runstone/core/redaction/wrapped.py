"""Known values in base64 whose lines have ends: of mail (76 characters), of PEM (64).

A line end stands at any place of such a form, so the form is found by its halves: of the characters that one line
holds, one half is whole. What stands before the half and behind it must then go on as the form does.
"""

from __future__ import annotations

from runstone.core.redaction.names import compiled
from runstone.core.redaction.spellings import base64_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    Half = tuple[str, int, str]
    """A form, where in it a half begins, and the rule of the value."""

MIN_LINE: Final = 60
"""Characters of the shortest line that is ended for its length."""
MAX_LINE: Final = 100
MIN_HALF: Final = 4
MIN_CUT: Final = 12
"""Of a form of which the text shows the beginning or the end only."""
_MAX_GAP: Final = 32
_GAP: Final = r"(?:\r?\n|(?:\\{1,4}r)?\\{1,4}n)[ \t]{0,16}"
_GAP_TO_END: Final = rf"{_GAP}\Z"
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Wrapped:
    """The forms of values, each with its rule."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        self.halves: dict[bytes, list[Half]] = {}
        """What bytes hold in which a form stands that a line end divides."""
        self._forms: list[bytes] = []
        for value, rule in values:
            for form in base64_parts(value):
                size = min(len(form), MIN_LINE)
                if size < 2 * MIN_HALF:
                    continue
                self._forms.append(form.encode())
                for first, last in ((0, size // 2), (size // 2, size)):
                    self.halves.setdefault(form[first:last].encode(), []).append((form, first, rule))

    def found(self, text: str, half: bytes) -> Iterator[tuple[int, int, str]]:
        """Where a form of this half stands, divided or at an end of the text; with its rule."""
        literal = half.decode()
        at = text.find(literal)
        while at >= 0:
            behind = at + 1
            for form, offset, rule in self.halves[half]:
                if at >= offset and text.startswith(form, at - offset):  # in one line: that is one of the spellings
                    behind = max(behind, at - offset + len(form))
                    continue
                end = _end(text, at, form, offset)
                start = None if end is None else _start(text, at, form, offset)
                if start is not None and end is not None:
                    yield start, end, rule
                    behind = max(behind, end)
            at = text.find(literal, behind)

    def before(self, data: bytes, end: int) -> int:
        """`end` (of a line), or the start of the lines before it in which a form may have begun."""
        stop = end
        while self._forms and stop:
            start = data.rfind(b"\n", max(0, stop - 2 * MAX_LINE), stop - 1) + 1
            line = data[start:stop].strip()
            if not MIN_LINE <= len(line) <= MAX_LINE or not any(_may_go_on(line, form) for form in self._forms):
                break
            stop = start
        return stop


def _may_go_on(line: bytes, form: bytes) -> bool:
    """Whether a line ends with the beginning of a form, or is a part of it."""
    if line[-MIN_HALF:].translate(None, _BASE64):
        return False
    at = line.find(form[:1], max(0, len(line) - len(form) + 1))
    while at >= 0:
        if form.startswith(line[at:]):
            return True
        at = line.find(form[:1], at + 1)
    return line in form


def _end(text: str, at: int, form: str, offset: int) -> int | None:
    """Where the form ends of which the characters from `offset` on stand at `at`; `None` where others do."""
    done = at
    while offset < len(form):
        if text[at : at + 1] == form[offset]:
            at += 1
            offset += 1
            done = at
            continue
        gap = compiled(_GAP).match(text, at)
        if gap is not None:
            at = gap.end()
        elif at < len(text) or offset < MIN_CUT:
            return None
        else:
            break
    return done


def _start(text: str, at: int, form: str, offset: int) -> int | None:
    """The same backwards: where it begins of which the characters before `offset` stand before `at`."""
    done, left = at, len(form) - offset
    while offset:
        if at and text[at - 1] == form[offset - 1] and not text.endswith("\\n", 0, at):
            at -= 1
            offset -= 1
            done = at
            continue
        gap = compiled(_GAP_TO_END).search(text[max(0, at - _MAX_GAP) : at])
        if gap is not None:
            at -= len(gap[0])
        elif text[max(0, at - _MAX_GAP) : at].strip(" \t") or left < MIN_CUT:
            return None
        else:
            break
    return done
