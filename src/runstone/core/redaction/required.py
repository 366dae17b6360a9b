"""What every match of a pattern holds, whatever else it holds: the literals that a rule is looked for by.

Also what a pattern must not do: repeat something without a bound, so that its time stays linear in the text.
"""

from __future__ import annotations

from re import _constants as op  # type: ignore[attr-defined]  # the tree of a pattern has no public name
from re import _parser  # type: ignore[attr-defined]  # as above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    Literals = tuple[str, ...]

MIN_LITERAL: Final = 3
"""Characters of a literal: what is shorter stands in every other line."""
MAX_REPEAT: Final = 4096
_REPEATS: Final = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_GROUPS: Final = (op.SUBPATTERN, op.ATOMIC_GROUP)


def required_literals(pattern: str) -> Literals:
    """Texts in lower case of which each match holds one, in whatever case; empty where there are none of three
    characters and more."""
    found = _best(_candidates(_parser.parse(pattern)))
    return found if found is not None and min(map(len, found)) >= MIN_LITERAL else ()


def has_long_repeat(pattern: str) -> bool:
    """Whether something may be repeated more than `MAX_REPEAT` times."""
    return any(_long_repeats(_parser.parse(pattern)))


def _best(candidates: Iterable[Literals]) -> Literals | None:
    """The candidate whose shortest text is the longest."""
    return max(candidates, key=lambda texts: min(map(len, texts)), default=None)


def _candidates(items: Iterable[tuple[Any, Any]]) -> Iterator[Literals]:
    """Sets of texts of which a match of a sequence holds one each."""
    run = ""
    for code, value in items:
        if code is op.LITERAL and value < 0x80:
            run += chr(value).lower()
            continue
        if run:
            yield (run,)
        run = ""
        if code in _GROUPS:
            yield from _candidates(value[-1] if code is op.SUBPATTERN else value)
        elif code in _REPEATS and value[0] > 0:
            yield from _candidates(value[2])
        elif code is op.BRANCH:
            branches = [_best(_candidates(branch)) for branch in value[1]]
            if None not in branches:
                yield tuple(sorted({text for texts in branches if texts for text in texts}))
    if run:
        yield (run,)


def _long_repeats(items: Iterable[tuple[Any, Any]]) -> Iterator[bool]:
    for code, value in items:
        if code in _REPEATS:
            yield value[1] is op.MAXREPEAT or value[1] > MAX_REPEAT
            yield from _long_repeats(value[2])
        elif code is op.BRANCH:
            for branch in value[1]:
                yield from _long_repeats(branch)
        elif code in _GROUPS:
            yield from _long_repeats(value[-1] if code is op.SUBPATTERN else value)
        elif code in (op.ASSERT, op.ASSERT_NOT):
            yield from _long_repeats(value[1])
