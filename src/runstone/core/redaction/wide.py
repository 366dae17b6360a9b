"""Text that was read a byte a character and is UTF-16 or UTF-32: with one zero, or three, beside each plain letter.

- It is read without its zeros; what is found there counts where it begins as such text does. A zero here and there, as
  between the names of files, makes no such text.
- A mark is spelled with the zeros of what it stands for, so the text around it stays readable.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_ZERO: Final = "\0"
_STEPS: Final = (2, 4)
"""Bytes of a plain letter."""
_TELLING: Final = 3
"""So many letters tell how wide a text is."""


class Narrow:
    """A wide text without its zeros: `text`."""

    def __init__(self, whole: str) -> None:
        self._whole = whole
        self.text = whole.replace(_ZERO, "")
        self._kept: list[int] | None = None

    def widened(self, start: int, end: int) -> tuple[int, int]:
        """Where that stands in the whole which stands between `start` and `end` of `text`."""
        kept = self._places()
        return kept[start], kept[end - 1] + 1

    def around(self, start: int, end: int) -> tuple[int, int]:
        """The same with the zeros on both sides of it."""
        kept = self._places()
        return kept[start - 1] + 1 if start else 0, kept[end] if end < len(kept) else len(self._whole)

    def is_wide(self, start: int, end: int) -> bool:
        """Whether that begins as wide text does."""
        first = self._places()[start : min(end, start + _TELLING)]
        step = first[1] - first[0] if len(first) > 1 else 0
        return step in _STEPS and first[-1] - first[0] == step * (len(first) - 1)

    def _places(self) -> list[int]:
        """Where each character of `text` stands in the whole."""
        if self._kept is None:
            self._kept = [at for at, char in enumerate(self._whole) if char != _ZERO]
        return self._kept


def spelled_as(mark: str, secret: str) -> str:
    """A mark in the place of a secret that holds zeros: as wide, where that is wide text."""
    core = secret.strip(_ZERO)
    step = len(core) - len(core[1:].lstrip(_ZERO))
    if step not in _STEPS:
        return mark
    head, _, tail = secret.partition(core)
    wide = head + (_ZERO * (step - 1)).join(mark) + tail
    return wide + _ZERO * ((len(secret) - len(wide)) % step)
