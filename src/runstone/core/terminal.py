"""Recorded text on a terminal: what it may show, and how many cells it takes.

- Text that somebody recorded must not move the cursor, set a title, fill the clipboard or reorder what stands
  beside it. Control characters, bidirectional marks and separators are shown as escapes; printable text of any
  script is left as it is.
- What nobody sees is shown as an escape, too, so that it hides no words. Joiners, variation selectors and fillers stay
  where they shape what stands beside them.
- Every character that is shown keeps its place; no text is taken away.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

_C0_C1: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_SHORT: Final = {9: "\\t", 10: "\\n", 13: "\\r", 0xAD: "\\xad"}
_FILLERS: Final = "\u034f\u115f\u17b4\u17b5\u3164\uffa0"
"""Letters and marks that show nothing."""
_MARKS: Final = {
    code: f"\\u{code:04x}"
    for code in (
        *map(ord, _FILLERS),
        *(0x061C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070)),
        *(0xFEFF, *range(0xFFF0, 0xFFFC)),
    )
}
_WIDE_MARKS: Final = {
    code: f"\\U{code:08x}"
    for code in (*range(0x13430, 0x13439), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE0100))
}
_VOWEL_FILLER: Final = "\u1160"
_NON_JOINER: Final = "\u200c"
_JOINER: Final = "\u200d"
_EMOJI: Final = "\ufe0f"
"""Behind a symbol: shown as an emoji, which takes two cells."""
_KEYCAP: Final = "\u20e3"
_MODIFIERS: Final = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
"""Colours of skin."""
_JOINING: Final = frozenset((_JOINER, _EMOJI, *_MODIFIERS))
"""What changes the cells of the characters beside it."""
_SELECTORS: Final = frozenset(
    map(chr, (*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_JOINED: Final = frozenset(("Lo", "Lm", "Mn", "Mc"))
"""Categories of letters without case and their marks: where scripts are whose letters join."""
_SHAPING: Final = _SELECTORS | {_VOWEL_FILLER, _NON_JOINER, _JOINER}
"""What is seen by what it does to the characters beside it."""
_UNSEEN: Final = _SHAPING | set(_FILLERS)
_SEEN_FORMATS: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Signs around digits, which Unicode counts among what is not seen."""


class _Shown(dict[int, str]):
    """What a character is shown as: an escape of this table or of half a surrogate pair, or as it is."""

    def __missing__(self, code: int) -> str:
        return f"\\u{code:04x}" if 0xD800 <= code < 0xE000 else chr(code)


_SHOWN: Final = _Shown({**_C0_C1, **_SHORT, **_MARKS, **_WIDE_MARKS})


def safe_text(text: str) -> str:
    r"""`text` with what controls and what nobody sees as escapes: C0, DEL, C1, bidi marks, separators, lone surrogates,
    format characters, tags, and joiners, selectors and fillers that stand beside nothing they could shape.

    `\n`, `\r` and `\t` where the escape has a short form, else `\x1b`, `\u202e`, `\U000e0041`. The result is one line.
    """
    if text.isprintable() and (text.isascii() or _UNSEEN.isdisjoint(text)):
        return text
    if not (text.isascii() or _SHAPING.isdisjoint(text)):
        text = "".join(_shaped(text))
    return text.translate(_SHOWN)


def _shaped(text: str) -> Iterator[str]:
    """The characters of `text`; what shapes and has nothing to shape is an escape."""
    before = ""
    for mark, after in zip(text, f"{text[1:]} ", strict=True):
        if mark not in _SHAPING or _shapes(before, mark, "" if ord(after) in _SHOWN else after):
            yield mark
            before = "" if ord(mark) in _SHOWN else mark
        else:
            yield f"\\u{ord(mark):04x}" if ord(mark) < 0x10000 else f"\\U{ord(mark):08x}"
            before = ""


def _shapes(before: str, mark: str, after: str) -> bool:
    """Whether `mark` has an effect between these characters; one that is empty is not seen."""
    if not before:
        return False
    from unicodedata import category

    kind, next_kind = category(before), category(after or " ")
    if mark == _VOWEL_FILLER:
        return "\u1100" <= before < "\u115f" or "\ua960" <= before < "\ua97d"
    if mark in (_JOINER, _NON_JOINER):
        if mark == _JOINER and (kind == "So" or before in (_EMOJI, *_MODIFIERS)):
            return next_kind in ("So", "Sm")
        return {kind, next_kind} <= _JOINED and {before, after}.isdisjoint(_SHAPING)
    if before in "0123456789#*":
        return mark == _EMOJI and after == _KEYCAP
    if kind in ("So", "Sm") or (kind[0] == "P" and not before.isascii()):
        return True
    return before == "\u2139" if mark in "\ufe0e\ufe0f" else kind == "Lo"


def text_width(text: str) -> int:
    """Cells of a terminal that `text` takes: 2 for a wide character or an emoji, 0 for what joins the one before it."""
    if text.isascii():
        return len(text)
    if _JOINING.isdisjoint(text):
        return sum(map(_CELLS.__getitem__, text))
    return sum(cells for _, cells in _parts(text))


def beginning(text: str, room: int) -> str:
    """As much of the beginning of `text` as takes `room` cells at most; nothing that is shown as one is parted."""
    if text.isascii():
        return text[: max(0, room)]
    end = 0
    for part, cells in _parts(text):
        room -= cells
        if room < 0:
            break
        end += len(part)
    return text[:end]


def ending(text: str, room: int) -> str:
    """As much of the end of `text` as takes `room` cells at most; nothing that is shown as one is parted."""
    start = len(text)
    for part, cells in reversed(list(_parts(text))):
        room -= cells
        if room < 0:
            break
        start -= len(part)
    return text[start:]


def narrowed(text: str, room: int, more: str) -> str:
    """`text`, or as much of its beginning and its end as fits `room` cells with `more` between them: names often differ
    at their ends alone."""
    if text_width(text) <= room:
        return text
    room = max(0, room - len(more))
    return beginning(text, room // 2) + more + ending(text, room - room // 2)


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """What is shown as one: a character with what joins it, and its cells."""
    part, cells = "", 0
    for mark in text:
        own = _CELLS[mark]
        if part and mark == _EMOJI:
            own = int(cells == 1)
        elif part and own and _joins(part, mark):
            own = 0
        elif part and own:
            yield part, cells
            part, cells = "", 0
        part += mark
        cells += own
    if part:
        yield part, cells


def _joins(part: str, mark: str) -> bool:
    """Whether an emoji becomes a part of the one before it."""
    if mark in _MODIFIERS:
        return _is_symbol(part[0])
    return part[-1] == _JOINER and _is_symbol(mark)


def _is_symbol(mark: str) -> bool:
    from unicodedata import category

    return category(mark) in ("So", "Sm")


class _Cells(dict[str, int]):
    """Cells of characters, each looked up once."""

    def __missing__(self, mark: str) -> int:
        from unicodedata import category, east_asian_width

        joins = category(mark) in ("Mn", "Me", "Cf") and mark != "\xad" and mark not in _SEEN_FORMATS
        if joins or "\u1160" <= mark < "\u1200" or "\ud7b0" <= mark < "\ud800":  # those complete a syllable of Hangul
            cells = 0
        else:
            cells = 2 if east_asian_width(mark) in ("W", "F") else 1
        self[mark] = cells
        return cells


_CELLS: Final = _Cells()


def runs_right_to_left(text: str) -> bool:
    """Whether a terminal that reorders would move what stands beside `text`: it has letters or digits that run so."""
    if text.isascii():
        return False
    from unicodedata import bidirectional

    return any(mark >= "\u0590" and bidirectional(mark) in ("R", "AL", "AN") for mark in text)


def isolated(text: str) -> str:
    """`text` between marks that keep its direction to itself; they take no cell."""
    return f"\u2068{text}\u2069"
