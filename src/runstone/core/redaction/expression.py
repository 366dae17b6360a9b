"""A rule's pattern as an expression over the final bytes of a journal line, for a matcher of many at once.

The expression is derived, not written: wherever the pattern matches in some text, the expression matches in the bytes
of a line that holds this text, however JSON escapes it there. It may match elsewhere, too.

- What looks around for a character (`(?<![a-z])`, `(?=\\s)`) takes it, or the end of the text: in a line a quotation
  mark stands there. Other looks (`\\b`) are left out, and where a repetition is long it has no upper bound.
- `"`, `\\`, control characters and all beyond ASCII may stand escaped, more than once where JSON holds JSON.
"""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]  # the tree of a pattern has no public name
from re import _parser  # type: ignore[attr-defined]  # as above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

LONG: Final = 64
WIDE: Final = 8
"""Repetitions beyond this are counted no further: a matcher has a state for each."""

ESCAPED: Final = r"\\+(?:u[0-9a-fA-F]{4}|[^u])"
BEYOND: Final = r"[\x80-\xff]"
_ESCAPED: Final = frozenset([*range(0x20), 0x22, 0x5C, 0x7F])
_ASCII: Final = range(0x80)
_LOOKS: Final = (op.ASSERT, op.ASSERT_NOT, op.AT)


def expression(pattern: str) -> str:
    """The expression of a pattern over text, as a pattern over bytes."""
    items = list(_parser.parse(pattern))
    inner = _sequence(items)
    if len(items) < 2 or _begins_with_set(items[1:]):
        return inner
    return _border(items[0], "^") + inner + _border(items[-1], "$")


def _begins_with_set(items: list[tuple[Any, Any]]) -> bool:
    """Whether a set of characters comes first, once or repeated: what stands around it is not looked at then, as a
    matcher would have to follow every run of such characters, and be three times as slow."""
    first = next((item for item in items if item[0] not in _LOOKS), None)
    if first is not None and first[0] in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        first = first[1][2][0]
    return first is not None and first[0] is op.IN


def _border(item: tuple[Any, Any], end: str) -> str:
    """What a look around at the beginning or the end of a pattern takes; nothing for anything else."""
    characters = _looked_at(*item)
    return f"(?:{end}|\\x22|{'|'.join(characters)})" if characters else ""


def _looked_at(code: Any, value: Any) -> list[str]:
    """The alternatives of a look around; none where it is no such thing, or looks for more than characters."""
    if code is op.SUBPATTERN and len(value[3]) == 1:
        return _looked_at(*value[3][0])
    if code is op.BRANCH:
        found = [_looked_at(*items[0]) if len(items) == 1 else [] for items in value[1]]
        return [form for forms in found for form in forms] if all(found) else []
    if code is op.ASSERT:
        return [_sequence(value[1])]
    if code is op.ASSERT_NOT and len(value[1]) == 1 and value[1][0][0] in (op.IN, op.LITERAL):
        kind, inside = value[1][0]
        points = set_points(inside)[0] if kind is op.IN else {inside}
        return [_one_of(set(_ASCII) - points, beyond=True)]
    return []


def _sequence(items: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_item(code, value) for code, value in items)


def _item(code: Any, value: Any) -> str:
    return _KINDS[code](value)


def _one_of(points: set[int], beyond: bool) -> str:
    """A character of a set: as it stands, which it does in a file, or in whatever form JSON gives it."""
    forms = [_class(sorted(points))] if points else []
    if beyond or not points.isdisjoint(_ESCAPED):
        forms.append(ESCAPED)
    if beyond:
        forms.append(BEYOND)
    return forms[0] if len(forms) == 1 else f"(?:{'|'.join(forms)})"


def _class(points: list[int]) -> str:
    if len(points) == 1:
        return f"\\x{points[0]:02x}"
    ranges: list[list[int]] = []
    for point in points:
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return (
        "["
        + "".join(f"\\x{first:02x}" if first == last else f"\\x{first:02x}-\\x{last:02x}" for first, last in ranges)
        + "]"
    )


def _literal(point: int) -> str:
    return _one_of({point} if point < 0x80 else set(), point >= 0x80)


def _not_literal(point: int) -> str:
    return _one_of(set(_ASCII) - {point}, beyond=True)


def _any(_: Any) -> str:
    return _one_of(set(_ASCII), beyond=True)


def _set(items: list[tuple[Any, Any]]) -> str:
    return _one_of(*set_points(items))


def set_points(items: list[tuple[Any, Any]]) -> tuple[set[int], bool]:
    """The ASCII members of a set of a pattern, and whether it has members beyond."""
    negated = items[0][0] is op.NEGATE
    points: set[int] = set()
    beyond = negated
    for code, value in items[negated:]:
        if code is op.LITERAL:
            points.add(value)
        elif code is op.RANGE:
            points.update(range(value[0], min(value[1], 0x7F) + 1))
            beyond |= value[1] > 0x7F
        else:
            points.update(_category(value))
            beyond = True  # `\w`, `\s`, `\d` have members beyond ASCII
    beyond |= any(point > 0x7F for point in points)
    points = {point for point in points if point < 0x80}
    return set(_ASCII) - points if negated else points, beyond


def _category(category: Any) -> set[int]:
    spelled = _CATEGORIES[category]
    return {point for point in _ASCII if re.match(spelled, chr(point), re.ASCII)}


_CATEGORIES: Final = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def _branch(value: tuple[Any, list[Any]]) -> str:
    return f"(?:{'|'.join(map(_sequence, value[1]))})"


def _group(value: tuple[Any, int, int, Any]) -> str:
    _, added, _, items = value
    inner = _sequence(items)
    return f"(?i:{inner})" if added & re.IGNORECASE else f"(?:{inner})"


def _repeat(value: tuple[int, Any, Any]) -> str:
    least, most, items = value
    inner = _sequence(items)
    wide = ESCAPED in inner or BEYOND in inner  # a character of the text may be several of the line
    unbounded = most is op.MAXREPEAT or most > LONG or wide
    count = f"{{{min(least, WIDE if wide else LONG)},{'' if unbounded else most}}}"
    return f"(?:{inner}){count}"


def _nothing(_: Any) -> str:
    return ""


_KINDS: Final[dict[Any, Callable[[Any], str]]] = {
    op.LITERAL: _literal,
    op.NOT_LITERAL: _not_literal,
    op.ANY: _any,
    op.IN: _set,
    op.BRANCH: _branch,
    op.SUBPATTERN: _group,
    op.ATOMIC_GROUP: _sequence,
    op.MAX_REPEAT: _repeat,
    op.MIN_REPEAT: _repeat,
    op.POSSESSIVE_REPEAT: _repeat,
    op.ASSERT: _nothing,
    op.ASSERT_NOT: _nothing,
    op.AT: _nothing,
}
