"""Which of many literals stand in bytes, where no matcher of many is at hand."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

FEW: Final = 256
"""So many are looked for one by one."""
_WIDTH: Final = 4


class Literals:
    """Hundreds are found by the four bytes that each ends with, as numbers: in one pass, however many there are."""

    __slots__ = ("_by_end", "_ends", "_short")

    def __init__(self, literals: Iterable[bytes]) -> None:
        found = list(literals)
        few = len(found) <= FEW
        self._short = [literal for literal in found if few or len(literal) < _WIDTH]
        self._by_end: dict[int, list[bytes]] = {}
        for literal in () if few else found:
            if len(literal) >= _WIDTH:
                self._by_end.setdefault(memoryview(literal[-_WIDTH:]).cast("I")[0], []).append(literal)
        self._ends = frozenset(self._by_end)

    def found_in(self, data: bytes) -> Iterator[bytes]:
        """Those that stand in `data`."""
        for literal in self._short:
            if literal in data:
                yield literal
        if not self._ends:
            return
        found: set[int] = set()
        for at in range(min(_WIDTH, len(data))):
            end = len(data) - (len(data) - at) % _WIDTH
            found.update(self._ends.intersection(memoryview(data)[at:end].cast("I")))
        for number in found:
            for literal in self._by_end[number]:
                if literal in data:
                    yield literal


class Anchors(Literals):
    """Of two or three letters, which stand everywhere: they begin or divide tokens, which are long, so only long runs
    of a token's characters are looked at for them. Few or many."""

    __slots__ = ("_in_tokens",)

    def __init__(self, literals: Iterable[bytes]) -> None:
        found = list(literals)
        self._in_tokens = [literal for literal in found if len(literal) < _WIDTH and _is_of_tokens(literal)]
        in_tokens = frozenset(self._in_tokens)
        super().__init__(literal for literal in found if literal not in in_tokens)

    def found_in(self, data: bytes) -> Iterator[bytes]:
        """Those that stand in `data`."""
        if self._in_tokens:
            tokens = b" ".join([run for run in data.translate(_TOKENS).split() if len(run) >= MIN_TOKEN])
            for literal in self._in_tokens if tokens else ():
                if literal in tokens:
                    yield literal
        for literal in super().found_in(data):
            if _WITH.get(literal, b"") in data:
                yield literal


def _is_of_tokens(literal: bytes) -> bool:
    return literal.translate(_TOKENS) == literal and any(chr(byte).isalnum() for byte in literal)


MIN_TOKEN: Final = 20
"""The length of the shortest token that begins with two or three telling letters only."""
_OF_TOKENS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~:!$,@%*"
_TOKENS: Final = bytes(byte if byte in _OF_TOKENS else 32 for byte in range(256))
_WITH: Final = {b"://": b"@"}
"""What must stand somewhere beside an anchor."""
