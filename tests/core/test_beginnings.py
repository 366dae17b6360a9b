"""Beginnings of some texts in another one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runstone.core.redaction.beginnings import Beginnings

TEXTS = st.lists(st.text("ab", min_size=1, max_size=8), max_size=6)


def longest(texts: list[str], before: str) -> int:
    """The length of the longest beginning of any of the texts that stands at the end of another one."""
    return max((size for text in texts for size in range(len(text) + 1) if before.endswith(text[:size])), default=0)


@given(TEXTS, st.text("ab", max_size=30))
def test_the_longest_beginning_is_found_at_each_place(texts: list[str], read: str) -> None:
    """As by trying all of them."""
    found = Beginnings(texts).sizes(read, [(0, len(read))])
    assert list(found) == [(end, longest(texts, read[:end])) for end in range(1, len(read) + 1)]


@given(TEXTS, st.text("ab", max_size=30), st.sets(st.integers(0, 30)))
def test_windows_are_all_that_is_to_be_read(texts: list[str], read: str, places: set[int]) -> None:
    """What ends at the places is found in them as in the whole, and none of them reads what another one has read."""
    ends = {end for end in places if end <= len(read)}
    windows = Beginnings(texts).windows(ends)
    assert all(before[1] < after[0] for before, after in pairwise(windows))
    found = dict(Beginnings(texts).sizes(read, windows))
    assert {end: found.get(end, 0) for end in ends} == {end: longest(texts, read[:end]) for end in ends}
