"""What a text has of the beginnings of others.

- One automaton (Aho and Corasick) is led over the text by all of them at once. Only those of its states are made that
  the text leads to: the work is linear in what is read, however many others there are and however they repeat
  themselves.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Beginnings:
    """The beginnings of texts. Safe to share between threads."""

    __slots__ = ("_longest", "_texts")

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted({"", *texts})  # one at least begins as nothing does
        self._longest = max(map(len, self._texts))

    def windows(self, ends: Iterable[int]) -> list[tuple[int, int]]:
        """What to read of a text so that each beginning is found which has one of these ends, and nothing twice: from
        where to where, in order."""
        windows: list[tuple[int, int]] = []
        for end in sorted(ends):
            start = max(0, end - self._longest)
            if windows and start <= windows[-1][1]:
                start, _ = windows.pop()
            windows.append((start, end))
        return windows

    def sizes(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Each place within windows of a text, behind their starts, and how long the longest beginning is that ends
        there and does not begin before its window."""
        states = _States(self._texts)
        for start, end in windows:
            state = 0
            for at in range(start, end):
                state = states.behind(state, text[at])
                yield at + 1, states.sizes[state]


class _States:
    """Those of one reading. Each stands for a beginning, 0 for the one without a character."""

    __slots__ = ("_longer", "_ranges", "_shorter", "_texts", "sizes")

    def __init__(self, texts: Sequence[str]) -> None:
        self.sizes = [0]
        self._texts = texts
        self._ranges = [(0, len(texts))]
        """Which of the texts, that are in order, begin so."""
        self._shorter = [0]
        """The state of the longest other beginning that this one ends with."""
        self._longer: dict[tuple[int, str], int] = {}

    def behind(self, state: int, mark: str) -> int:
        """The state behind one more character."""
        found: list[int] = []
        while (known := self._longer.get((state, mark))) is None:
            if made := self._made(state, mark):
                found.append(made)
            if not state:
                known = 0
                self._longer.setdefault((0, mark), 0)
                break
            state = self._shorter[state]
        for made in reversed(found):
            self._shorter[made] = known
            known = made
        return known

    def _made(self, state: int, mark: str) -> int:
        """A new state, of what one stands for and one more character; 0 where no text begins so."""
        size = self.sizes[state]
        first, behind = self._ranges[state]
        if self._texts[first][size : size + 1] != mark:
            first = bisect_left(self._texts, mark, first, behind, key=lambda text: text[size : size + 1])
            if first == behind or self._texts[first][size] != mark:
                return 0
        if self._texts[behind - 1][size] != mark:
            behind = bisect_right(self._texts, mark, first, behind, key=lambda text: text[size : size + 1])
        made = self._longer[state, mark] = len(self.sizes)
        self.sizes.append(size + 1)
        self._ranges.append((first, behind))
        self._shorter.append(0)
        return made
