"""Facts of two runs set side by side: what both have goes, the rest is paired by what it is about, in order.

The answer is the same whichever run stands first, but for the sides.
"""

from __future__ import annotations

from runstone.core.diff.difference import ABSENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
    from typing import Any, TypeVar

    Fact = TypeVar("Fact")


def matched(
    a: Sequence[Fact], b: Sequence[Fact], key: Callable[[Fact], Hashable]
) -> tuple[list[tuple[Fact, Fact]], list[Fact], list[Fact]]:
    """Pairs with the same key, each fact in one at most; and what is left of `a` and of `b`, in order."""
    waiting: dict[Hashable, list[Fact]] = {}
    for fact in b:
        waiting.setdefault(key(fact), []).append(fact)
    pairs: list[tuple[Fact, Fact]] = []
    rest_a: list[Fact] = []
    taken: dict[Hashable, int] = {}
    for fact in a:
        own = key(fact)
        at = taken.get(own, 0)
        if at < len(waiting.get(own, ())):
            pairs.append((fact, waiting[own][at]))
            taken[own] = at + 1
        else:
            rest_a.append(fact)
    rest_b: list[Fact] = []
    for fact in b:
        own = key(fact)
        if taken.get(own, 0):
            taken[own] -= 1
        else:
            rest_b.append(fact)
    return pairs, rest_a, rest_b


def paired(a: Iterable[Fact], b: Iterable[Fact], about: Callable[[Fact], Any]) -> Iterator[tuple[Any, Any, Any]]:
    """What facts are about, sorted, and the fact of each side, in order; `ABSENT` where one side has fewer."""
    groups: dict[Any, tuple[list[Fact], list[Fact]]] = {}
    for side, facts in enumerate((a, b)):
        for fact in facts:
            groups.setdefault(about(fact), ([], []))[side].append(fact)
    for thing in sorted(groups):
        left, right = groups[thing]
        for at in range(max(len(left), len(right))):
            yield thing, left[at] if at < len(left) else ABSENT, right[at] if at < len(right) else ABSENT
