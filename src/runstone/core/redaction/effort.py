"""In how many ways a pattern may be tried at one place of a text before it is given up.

A repeat whose next character tells whether it goes on is tried in one way. One that may end at any place is tried at
each; within another such repeat, or behind one, the numbers multiply, and a short text takes years.
"""

from __future__ import annotations

from re import _constants as op  # type: ignore[attr-defined]  # the tree of a pattern has no public name
from re import _parser  # type: ignore[attr-defined]  # as above

from runstone.core.redaction.expression import set_points

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    Item = tuple[Any, Any]

MAX_WAYS: Final = 1_000
"""A rule may not be tried in more; numbers beyond are told as this and one more."""
_BEYOND: Final = 0x80
_ANY: Final = frozenset(range(_BEYOND + 1))
_NONE: Final[frozenset[int]] = frozenset()
_REPEATS: Final = (op.MAX_REPEAT, op.MIN_REPEAT)
_DECIDED: Final = (op.ATOMIC_GROUP, op.POSSESSIVE_REPEAT)
_LOOKS: Final = (op.ASSERT, op.ASSERT_NOT, op.AT)


def ways(pattern: str) -> int:
    """The number of ways, or `MAX_WAYS + 1` for more."""
    return _sequence(list(_parser.parse(pattern)), _NONE)


def _sequence(items: list[Item], follow: frozenset[int]) -> int:
    total = 1
    for number, item in enumerate(items):
        total *= _item(item, _first(items[number + 1 :], follow))
        if total > MAX_WAYS:
            return MAX_WAYS + 1
    return total


def _item(item: Item, follow: frozenset[int]) -> int:
    code, value = item
    if code in _REPEATS:
        return _repeat(value[0], value[1], list(value[2]), follow)
    if code is op.BRANCH:
        firsts = [_first(list(branch), follow) for branch in value[1]]
        apart = sum(map(len, firsts)) == len(frozenset().union(*firsts))
        found = [_sequence(list(branch), follow) for branch in value[1]]
        return max(found) if apart else min(sum(found), MAX_WAYS + 1)
    if code is op.SUBPATTERN:
        return _sequence(list(value[-1]), follow)
    if code in _DECIDED:
        return _sequence(list(value if code is op.ATOMIC_GROUP else value[2]), _NONE)
    if code in (op.ASSERT, op.ASSERT_NOT):
        return _sequence(list(value[1]), _NONE)
    return 1


def _repeat(least: int, most: int, inner: list[Item], follow: frozenset[int]) -> int:
    first = _first(inner, _NONE)
    lengths = 1 if first.isdisjoint(follow) else min(most - least + 1, MAX_WAYS + 1)
    again = _sequence(inner, first) if most > 1 else 1
    before_last = again ** min(most - 1, MAX_WAYS.bit_length()) if again > 1 else 1
    return min(before_last * lengths * _sequence(inner, follow), MAX_WAYS + 1)


def _first(items: list[Item], follow: frozenset[int]) -> frozenset[int]:
    """With which characters a sequence may begin that `follow` comes behind."""
    found = _NONE
    for code, value in items:
        characters, empty = _begins(code, value)
        found |= characters
        if not empty:
            return found
    return found | follow


def _begins(code: Any, value: Any) -> tuple[frozenset[int], bool]:
    """The first characters of an item, in either case, and whether it may be empty."""
    if code is op.LITERAL:
        return _both_cases({min(value, _BEYOND)}), False
    if code is op.IN:
        points, beyond = set_points(value)
        return _both_cases(points | ({_BEYOND} if beyond else set())), False
    if code in (*_REPEATS, op.POSSESSIVE_REPEAT):
        inner = list(value[2])
        return _first(inner, _NONE), value[0] == 0 or _may_be_empty(inner)
    if code is op.BRANCH:
        branches = [list(branch) for branch in value[1]]
        return frozenset().union(*(_first(branch, _NONE) for branch in branches)), any(map(_may_be_empty, branches))
    if code in (op.SUBPATTERN, op.ATOMIC_GROUP):
        inner = list(value[-1] if code is op.SUBPATTERN else value)
        return _first(inner, _NONE), _may_be_empty(inner)
    if code in _LOOKS:  # what they refuse, anything before them may be tried again for
        return _ANY, True
    return _ANY, False


def _may_be_empty(items: list[Item]) -> bool:
    return all(_begins(*item)[1] for item in items)


def _both_cases(points: set[int]) -> frozenset[int]:
    text = "".join(map(chr, points - {_BEYOND}))
    return frozenset(map(ord, text.lower() + text.upper())) | (points & {_BEYOND})
