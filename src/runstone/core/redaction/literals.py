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

    __slots__ = ("_by_end", "_ends", "_long", "_short", "_width")

    def __init__(self, literals: Iterable[bytes], width: int = _WIDTH) -> None:
        found = list(literals)
        few = len(found) <= FEW
        self._width = width
        self._short = found if few else [literal for literal in found if len(literal) < width]
        self._long = [] if few else [literal for literal in found if len(literal) >= width]
        self._ends = frozenset(self._numbers())
        self._by_end: dict[int, list[bytes]] = {}

    def _numbers(self) -> memoryview:
        """What each long literal ends with, as a number."""
        width = self._width
        return memoryview(b"".join([literal[-width:] for literal in self._long])).cast(_NUMBERS[width])

    def _ending(self, number: int) -> list[bytes]:
        """The long literals that end so. Most processes never find an end, and need no table."""
        if not self._by_end:
            by_end: dict[int, list[bytes]] = {}
            for end, literal in zip(self._numbers(), self._long, strict=True):
                by_end.setdefault(end, []).append(literal)
            self._by_end = by_end  # at once: another thread finds all of it or none
        return self._by_end[number]

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
            for literal in self._ending(number):
                if literal in data:
                    yield literal


class Anchors:
    """What rules are looked for by: `exact` as it stands, `folded` of bytes in lower case; both in one pass, in lower
    case.

    Of two or three letters, which stand everywhere: they begin or divide tokens, which are long, so only long runs of a
    token's characters are looked at for them.
    """

    __slots__ = ("_exact", "_exact_by_lower", "_folded", "_in_tokens", "_lower")

    def __init__(self, exact: Iterable[bytes], folded: Iterable[bytes]) -> None:
        all_exact = frozenset(exact)
        in_tokens = [literal for literal in all_exact if len(literal) < _WIDTH and _is_of_tokens(literal)]
        self._folded = frozenset(folded)
        self._exact = all_exact.difference(in_tokens)
        self._exact_by_lower: dict[bytes, list[bytes]] = {}
        self._in_tokens = Literals(in_tokens, width=2)
        self._lower = Literals(self._folded.union(map(bytes.lower, self._exact)))

    def _spelled(self, lower: bytes) -> Iterable[bytes]:
        """The exact literals that are these in lower case. Made when first asked for, as in `Literals`."""
        if not self._exact_by_lower:
            by_lower: dict[bytes, list[bytes]] = {}
            for literal in self._exact:
                by_lower.setdefault(literal.lower(), []).append(literal)
            self._exact_by_lower = by_lower
        return self._exact_by_lower.get(lower, ())

    def found_in(self, data: bytes, lower: bytes) -> Iterator[bytes]:
        """Those that stand in `data`, or if they fold in `lower`, the same bytes in lower case."""
        tokens = b" ".join([run for run in data.translate(_TOKENS).split() if len(run) >= MIN_TOKEN])
        if tokens:
            yield from self._in_tokens.found_in(tokens)
        for literal in self._lower.found_in(lower):
            if literal in self._folded:
                yield literal
            for exact in self._spelled(literal):
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
