"""Two JSON values side by side, by JSON Pointer (RFC 6901).

Numbers are compared as canonical JSON spells them: 1 and 1.0 are the same number; true is none.
"""

from __future__ import annotations

from runstone.core.canonical import pointer
from runstone.core.diff.difference import ABSENT, is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    Place: TypeAlias = tuple[str, Any, Any]
    """A JSON Pointer, and what stands there on both sides; `ABSENT` where nothing does."""


def value_differences(a: Any, b: Any, at: str = "") -> Iterator[Place]:
    """The places at which two values differ: a member or element of one side alone is one place, however large."""
    if type(a) is dict and type(b) is dict:
        for key in sorted(a.keys() | b.keys()):
            left, right = a.get(key, ABSENT), b.get(key, ABSENT)
            if not _same(left, right):
                yield from value_differences(left, right, at + pointer([key]))
    elif type(a) is list and type(b) is list:
        for index in range(max(len(a), len(b))):
            left, right = (items[index] if index < len(items) else ABSENT for items in (a, b))
            if not _same(left, right):
                yield from value_differences(left, right, f"{at}/{index}")
    elif not _same(a, b):
        yield at, a, b


def _same(a: Any, b: Any) -> bool:
    """Whether two values are the same scalar; of objects and arrays it is not looked at here."""
    if type(a) is not type(b):
        return is_number(a) and is_number(b) and bool(a == b)
    return type(a) is not dict and type(a) is not list and bool(a == b)


def equal(a: Any, b: Any) -> bool:
    """Whether two values have the same canonical JSON."""
    return next(value_differences(a, b), None) is None
