"""What differs between two texts, as a unified diff whose work and size are bounded.

Lines that stand once on each side are anchors, and the longest chain of them in order is kept; between two anchors
the lines are matched closely where they are few. So texts in which everything differs cost no more than their length.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, TypeAlias

    Block: TypeAlias = tuple[int, int, int]
    """Where equal lines begin in both texts, and how many they are."""
    Opcode: TypeAlias = tuple[str, int, int, int, int]

CONTEXT: Final = 2
MAX_CLOSE_LINES: Final = 300
"""Lines between two anchors, on each side, up to which they are matched closely."""


def unified(a: list[str], b: list[str]) -> Iterator[str]:
    """The lines of a unified diff, `@@ -1,3 +1,4 @@` before each group. Exchanged sides give exchanged signs."""
    swapped = b < a  # so that of several equally short answers it is the same one both ways
    codes = _opcodes(b, a) if swapped else _opcodes(a, b)
    for group in _grouped([_turned(code) for code in codes] if swapped else codes):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, start, end, other_start, other_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in a[start:end])
            else:
                yield from (f"-{line}" for line in a[start:end])
                yield from (f"+{line}" for line in b[other_start:other_end])


def _turned(code: Opcode) -> Opcode:
    tag, start, end, other_start, other_end = code
    return tag, other_start, other_end, start, end


def _range(start: int, end: int) -> str:
    """As `diff -u` has it: the line before an empty range."""
    return f"{start + 1 if end > start else start},{end - start}"


def _opcodes(a: list[str], b: list[str]) -> list[Opcode]:
    """Equal and other stretches in turn, covering both texts."""
    codes: list[Opcode] = []
    at, other = 0, 0
    for start, other_start, size in [*_joined(_blocks(a, b)), (len(a), len(b), 0)]:
        if start > at or other_start > other:
            codes.append(("replace", at, start, other, other_start))
        if size:
            codes.append(("equal", start, start + size, other_start, other_start + size))
        at, other = start + size, other_start + size
    return codes


def _joined(blocks: Iterator[Block]) -> list[Block]:
    joined: list[Block] = []
    for start, other, size in blocks:
        if joined and start == joined[-1][0] + joined[-1][2] and other == joined[-1][1] + joined[-1][2]:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + size)
        elif size:
            joined.append((start, other, size))
    return joined


def _blocks(a: list[str], b: list[str]) -> Iterator[Block]:
    """Equal lines in order."""
    at, other = 0, 0
    for start, other_start in [*_anchors(a, b), (len(a), len(b))]:
        yield from _between(a, b, at, start, other, other_start)
        if start < len(a):
            yield start, other_start, 1
        at, other = start + 1, other_start + 1


def _anchors(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """The longest chain of lines that stand once in both texts, in the order of both (patience)."""
    from bisect import bisect_left

    places, others = _once(a), _once(b)
    tops: list[int] = []
    piles: list[tuple[int, int, int]] = []  # place, other place, the pair before it in the chain
    ends: list[int] = []
    for line, place in places.items():
        if line not in others:
            continue
        pile = bisect_left(tops, others[line])
        piles.append((place, others[line], ends[pile - 1] if pile else -1))
        tops[pile : pile + 1] = [others[line]]
        ends[pile : pile + 1] = [len(piles) - 1]
    chain = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(piles[at][:2])
        at = piles[at][2]
    return chain[::-1]


def _once(lines: list[str]) -> dict[str, int]:
    """The lines that stand once, in order, and where."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line] = counts.get(line, 0) + 1
    return {line: number for number, line in enumerate(lines) if counts[line] == 1}


def _between(a: list[str], b: list[str], start: int, end: int, other: int, other_end: int) -> Iterator[Block]:
    """Equal lines between two anchors: those at both ends, and of the rest all if it is small."""
    size = _common(a, b, range(start, end), range(other, other_end))
    yield start, other, size
    start, other = start + size, other + size
    size = _common(a, b, range(end - 1, start - 1, -1), range(other_end - 1, other - 1, -1))
    end, other_end = end - size, other_end - size
    if 0 < end - start <= MAX_CLOSE_LINES and 0 < other_end - other <= MAX_CLOSE_LINES:
        from difflib import SequenceMatcher

        matcher = SequenceMatcher(None, a[start:end], b[other:other_end], autojunk=False)
        for at, other_at, count in matcher.get_matching_blocks():
            yield start + at, other + other_at, count
    yield end, other_end, size


def _common(a: list[str], b: list[str], places: range, others: range) -> int:
    """How many of the lines at these places are equal, from the first on."""
    size = 0
    for place, other in zip(places, others, strict=False):
        if a[place] != b[other]:
            break
        size += 1
    return size


def _grouped(codes: list[Opcode]) -> Iterator[list[Opcode]]:
    """Stretches that belong together, with a little of what is equal around them."""
    group: list[Opcode] = []
    for number, (tag, start, end, other, other_end) in enumerate(codes):
        if tag != "equal":
            group.append((tag, start, end, other, other_end))
            continue
        last = number == len(codes) - 1
        if not group:
            cut = max(start, end - CONTEXT)
            group = [] if last else [(tag, cut, end, other + cut - start, other_end)]
        elif not last and end - start <= 2 * CONTEXT:
            group.append((tag, start, end, other, other_end))
        else:
            cut = min(end, start + CONTEXT)
            yield [*group, (tag, start, cut, other, other + cut - start)]
            cut = max(start, end - CONTEXT)
            group = [] if last else [(tag, cut, end, other + cut - start, other_end)]
    if group:
        yield group
