"""Large values, whose forms are made only where they stand.

A form of a megabyte is one, or six; there are dozens. So they are looked for by what they begin with, and of a value
of which one does begin somewhere more is made than stands there, but not much more.
"""

from __future__ import annotations

from runstone.core.redaction.literals import Literals
from runstone.core.redaction.spellings import spellings
from runstone.core.redaction.wrapped import Wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Final

BEGINNING: Final = 100
"""Characters of a value whose forms are looked for first."""
_STEP: Final = 10
"""So many times more are looked for next where those stand."""


class Large:
    """Values in all their forms, also in base64 of several lines. Safe to share between threads."""

    __slots__ = ("_beginnings", "_forms", "_literals", "_wrapped")

    def __init__(self, values: Collection[str]) -> None:
        self._beginnings: dict[bytes, list[str]] = {}
        """Values by what their forms begin with."""
        for value in values:
            for form in spellings(value, BEGINNING):
                self._beginnings.setdefault(form.encode(), []).append(value)
        self._forms: dict[str, list[str]] = {}
        """All forms of those that stood somewhere."""
        self._wrapped = Wrapped((value, "") for value in values)
        self._literals = Literals({**self._beginnings, **self._wrapped.halves})

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they stand in a text."""
        sought = set(self._literals.found_in(text.encode("utf-8", "surrogatepass")))
        for value in {value for form in sought for value in self._beginnings.get(form, ())}:
            for form in self._standing(value, text):
                start = text.find(form)
                while start >= 0:
                    end = start + len(form)
                    yield start, end
                    start = text.find(form, end)
        for half in sought & self._wrapped.halves.keys():
            for start, end, _ in self._wrapped.found(text, half):
                yield start, end

    def _standing(self, value: str, text: str) -> list[str]:
        """The forms of a value that stand in a text."""
        forms = self._forms.get(value)
        if forms is None:
            size = BEGINNING * _STEP
            while size < len(value):
                if not any(form in text for form in spellings(value, size)):
                    return []
                size *= _STEP
            forms = self._forms[value] = spellings(value)
        return [form for form in forms if form in text]
