"""What a caller declares as secret, in all its forms: made once for all runs with the same values.

To make them takes a third of a millisecond for each value, which a service with some secrets in its environment would
pay for every run. Of one set of values at a time: secrets are not kept longer than that.
"""

from __future__ import annotations

from runstone.core.redaction.gate import Sought
from runstone.core.redaction.literals import Literals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from runstone.core.redaction.wrapped import Half, Wrapped

MAX_CHANCE: Final = 16
HEX: Final = "0123456789abcdef"
_NUMBER_CHARACTERS: Final = "0123456789+-.e"


class Known:
    """Values with their rules. It holds no state, and may be shared between runs and threads."""

    __slots__ = ("encoded", "forms", "halves", "literals", "numbers", "short", "sought", "wrapped")

    def __init__(self, secrets: Mapping[str, str]) -> None:
        values = sorted(secrets.items(), key=lambda item: (-len(item[0]), item[0]))
        self.forms: dict[bytes, list[tuple[str, str]]] = {}
        """Forms of values by their bytes in UTF-8, with their rules."""
        self.wrapped: Wrapped | None = None
        """The values in base64 of several lines."""
        self.halves: dict[bytes, list[Half]] = {}
        """What bytes hold in which one of those stands."""
        if values:
            self._spell(values)
        self.literals = Literals({**self.forms, **self.halves})
        self.numbers = [(value, rule_id) for value, rule_id in values if not value.strip(_NUMBER_CHARACTERS)]
        """The values that a number may spell, with their rules."""
        self.short = frozenset(value for value, _ in values if len(value) < MAX_CHANCE and not value.strip(HEX))
        """Values that stand in a long row of hexadecimal digits by chance."""
        forms = [form for found in self.forms.values() for form, _ in found]
        self.encoded = [data for form in forms for data in _encodings(form)]
        """All bytes that are read as one of the values."""
        self.sought = Sought([*forms, *(half.decode() for half in self.halves)])
        """What a gate looks for of them."""

    def _spell(self, values: list[tuple[str, str]]) -> None:
        from runstone.core.redaction.spellings import spellings  # most processes have no such value
        from runstone.core.redaction.wrapped import Wrapped

        for value, rule_id in values:
            for form in spellings(value):
                self.forms.setdefault(form.encode(), []).append((form, rule_id))
        self.wrapped = Wrapped(values)
        self.halves = self.wrapped.halves


_latest: list[tuple[dict[str, str], Known]] = []


def known_values(secrets: Mapping[str, str]) -> Known:
    """The forms of values, of which each has its rule; the latest ones are not made anew."""
    for values, known in _latest[:1]:
        if values == secrets:
            return known
    known = Known(secrets)
    _latest[:] = [(dict(secrets), known)]
    return known


def _encodings(form: str) -> list[bytes]:
    """The bytes that are read as `form`: as UTF-8, or each byte for itself."""
    found = [form.encode()]
    if not form.isascii() and max(form) <= "\xff":
        found.append(form.encode("latin-1"))
    return found
