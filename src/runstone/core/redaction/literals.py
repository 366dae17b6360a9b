"""Which of many literals stand in bytes, where no matcher of many is at hand."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final, Literal

FEW: Final = 48
"""So many are looked for one by one: each costs about as much as eight windows of the pass over all."""
_WIDTH: Final = 4
_NUMBERS: Final[dict[int, Literal["H", "I"]]] = {2: "H", 4: "I"}
"""How a `memoryview` calls numbers of so many bytes."""


class Literals:
    """Hundreds are found by the `width` bytes that each ends with, two or four, as numbers: in one pass, however many
    there are."""

    __slots__ = ("_by_end", "_ends", "_short", "_width")

    def __init__(self, literals: Iterable[bytes], width: int = _WIDTH) -> None:
        found = list(literals)
        few = len(found) <= FEW
        self._width = width
        self._short = [literal for literal in found if few or len(literal) < width]
        self._by_end: dict[int, list[bytes]] = {}
        long = [] if few else [literal for literal in found if len(literal) >= width]
        ends = memoryview(b"".join([literal[-width:] for literal in long])).cast(_NUMBERS[width])
        for end, literal in zip(ends, long, strict=True):
            self._by_end.setdefault(end, []).append(literal)
        self._ends = frozenset(self._by_end)

    def found_in(self, data: bytes) -> Iterator[bytes]:
        """Those that stand in `data`."""
        for literal in self._short:
            if literal in data:
                yield literal
        if not self._ends:
            return
        width = self._width
        view, numbers = memoryview(data), _NUMBERS[width]
        found: set[int] = set()
        for at in range(min(width, len(data))):
            end = len(data) - (len(data) - at) % width
            found.update(self._ends.intersection(view[at:end].cast(numbers)))
        for number in found:
            for literal in self._by_end[number]:
                if literal in data:
                    yield literal


class Anchors:
    """What rules are looked for by: `exact` as it stands, `folded` of bytes in lower case; both in one pass, in lower
    case.

    Of two or three letters, which stand everywhere: they begin or divide tokens, which are long, so only long runs of a
    token's characters are looked at for them.
    """

    __slots__ = ("_exact", "_folded", "_in_tokens", "_lower")

    def __init__(self, exact: Iterable[bytes], folded: Iterable[bytes]) -> None:
        in_tokens = []
        self._folded = frozenset(folded)
        self._exact: dict[bytes, list[bytes]] = {}
        for literal in set(exact):
            if len(literal) < _WIDTH and _is_of_tokens(literal):
                in_tokens.append(literal)
            else:
                self._exact.setdefault(literal.lower(), []).append(literal)
        self._in_tokens = Literals(in_tokens, width=2)
        self._lower = Literals(self._folded | self._exact.keys())

    def found_in(self, data: bytes, lower: bytes) -> Iterator[bytes]:
        """Those that stand in `data`, or if they fold in `lower`, the same bytes in lower case."""
        tokens = b" ".join([run for run in data.translate(_TOKENS).split() if len(run) >= MIN_TOKEN])
        if tokens:
            yield from self._in_tokens.found_in(tokens)
        for literal in self._lower.found_in(lower):
            if literal in self._folded:
                yield literal
            for exact in self._exact.get(literal, ()):
                if exact in data and _WITH.get(exact, b"") in data:
                    yield exact


def _is_of_tokens(literal: bytes) -> bool:
    return literal.translate(_TOKENS) == literal and bool(literal.translate(None, _SIGNS))


MIN_TOKEN: Final = 20
"""The length of the shortest token that begins with two or three telling letters only."""
_SIGNS: Final = b"+/=_-.~:!$,@%*"
_OF_TOKENS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + _SIGNS
_TOKENS: Final = bytes(byte if byte in _OF_TOKENS else 32 for byte in range(256))
_WITH: Final = {b"://": b"@"}
"""What must stand somewhere beside an anchor."""
