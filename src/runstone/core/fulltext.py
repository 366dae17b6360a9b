"""Text as words, for search: the same words from a query as from what it searches.

- A word is a run of letters and digits, in lower case; a character of a script that is written without spaces is a
  word by itself. Everything else parts words.
- Words of different texts are kept apart, so that a phrase is found within one text only.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

BORDER: Final = "\ue000"
"""Stands between two texts; it is in no text's words."""
_UNSPACED: Final = (
    (0x0E00, 0x0EDF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Thai, Lao, Burmese, Khmer, and the scripts of Chinese and Japanese."""


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    text = text.lower()
    if text.isascii():
        return "".join([mark if mark.isalnum() else " " for mark in text]).split()
    return "".join([_spaced(mark) for mark in text]).split()


def _spaced(mark: str) -> str:
    if not mark.isalnum():
        return " "
    code = ord(mark)
    return f" {mark} " if code > 0x0E00 and any(first <= code <= last for first, last in _UNSPACED) else mark


def searchable(texts: Iterable[str]) -> str:
    """What is kept of texts to be searched by `holds`."""
    return f" {BORDER} ".join(" ".join(words) for text in texts if (words := words_of(text)))


def holds(searched: str, phrase: str, *, unfinished: bool = False) -> bool:
    """Whether words stand one behind another in what `searchable` made; the last may go on where it is `unfinished`."""
    return f" {phrase}{'' if unfinished else ' '}" in f" {searched} "
