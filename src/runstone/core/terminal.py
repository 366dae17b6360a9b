"""Recorded text on a terminal: what it may show, and how many cells it takes.

- Text that somebody recorded must not move the cursor, set a title, fill the clipboard or reorder what stands
  beside it. Control characters, bidirectional marks and separators are shown as escapes; printable text of any
  script is left as it is.
- Every character that is shown keeps its place; no text is taken away.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_C0_C1: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_SHORT: Final = {9: "\\t", 10: "\\n", 13: "\\r"}
_MARKS: Final = {
    code: f"\\u{code:04x}"
    for code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


class _Shown(dict[int, str]):
    """What a character is shown as: an escape of this table or of half a surrogate pair, or as it is."""

    def __missing__(self, code: int) -> str:
        return f"\\u{code:04x}" if 0xD800 <= code < 0xE000 else chr(code)


_SHOWN: Final = _Shown({**_C0_C1, **_SHORT, **_MARKS})


def safe_text(text: str) -> str:
    r"""`text` with C0, DEL, C1, bidi marks, line and paragraph separators and lone surrogates shown as escapes.

    `\n`, `\r` and `\t` where the escape has a short form, else `\x1b` or `\u202e`. The result is one line.
    """
    return text if text.isprintable() else text.translate(_SHOWN)


def text_width(text: str) -> int:
    """Cells of a terminal that `text` takes: 2 for a wide character, 0 for one that joins the one before it."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(mark) in ("Mn", "Me", "Cf") else 2 if east_asian_width(mark) in ("W", "F") else 1 for mark in text
    )
