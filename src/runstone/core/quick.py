"""Canonical JSON and the print profiles by way of `orjson`, where the text that it writes can be had from it.

- `canonical` is `canonical_text`, and a printer of `printer` is its profile, byte for byte, ten to fifty times
  as fast; the plain forms are the oracles of the tests. What orjson cannot spell goes to the plain form.
- A value is copied only around the numbers whose text differs.

Importing this module imports `orjson` (16 ms): `canonical.warm` decides when.
"""

from __future__ import annotations

from orjson import OPT_INDENT_2, OPT_SORT_KEYS, Fragment, dumps

from runstone.core.canonical import canonical_text, number_text
from runstone.core.limits import MAX_DEPTH, MAX_SAFE_INTEGER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def _normaliser(  # noqa: C901  # one closure over local names: the hot path pays for each look-up
    number: Callable[[float], Any],
) -> Callable[[Any, int], Any]:
    def normal(value: Any, depth: int) -> Any:  # noqa: C901  # the types of JSON, unrolled: a call a type would double the time
        """`value`, copied only where orjson would print a number otherwise. The hottest loop there is."""
        if depth >= MAX_DEPTH:
            raise ValueError
        copy: Any = None
        if type(value) is dict:
            items: Iterable[tuple[Any, Any]] = value.items()
        elif type(value) is list:
            items = enumerate(value)
        else:
            return scalar(value)
        for key, item in items:
            kind = type(item)
            if kind is str or kind is bool or item is None:
                continue
            if kind is int:
                if -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                    continue
                raise ValueError
            if kind is float:
                if (1e-4 <= item < 1e15 or -1e15 < item <= -1e-4) and item % 1.0:
                    continue
                new: Any = spelled(item)
            elif kind is dict or kind is list:
                new = normal(item, depth + 1)
                if new is item:
                    continue
            else:
                raise ValueError
            if copy is None:
                copy = value.copy()
            copy[key] = new
        return value if copy is None else copy

    def scalar(value: Any) -> Any:
        """A value that stands alone."""
        kind = type(value)
        if kind is float:
            return spelled(value)
        if kind is int and not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise ValueError
        if kind is int or kind is str or kind is bool or value is None:
            return value
        raise ValueError

    def spelled(value: float) -> Any:
        """A double whose text may differ from orjson's, as what orjson prints right."""
        if value - value != 0.0:
            raise ValueError
        return number(value)

    return normal


def _shortest(value: float) -> Any:
    """An integral double as the integer that ECMAScript prints, any other as its text."""
    whole = int(value) if -1e15 < value < 1e15 else None
    return whole if whole == value else Fragment(number_text(value))


_canonical_normal = _normaliser(_shortest)


def _is_plain(items: Iterable[Any], depth: int) -> bool:
    """Whether orjson prints these values as RFC 8785 asks: most data need no more than this look. Hot."""
    if depth >= MAX_DEPTH:
        return False
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                continue
            return False
        if kind is float:
            if (1e-4 <= item < 1e15 or -1e15 < item <= -1e-4) and item % 1.0:
                continue
            return False
        if kind is dict:
            if _is_plain(item.values(), depth + 1):
                continue
        elif kind is list and _is_plain(item, depth + 1):
            continue
        return False
    return True


def canonical(value: Any) -> bytes:
    """As `canonical.canonical_bytes`, with its errors."""
    try:
        plain = type(value) is dict and _is_plain(value.values(), 0)
        data: bytes = dumps(value if plain else _canonical_normal(value, 0), None, OPT_SORT_KEYS)
    except (TypeError, ValueError):
        return canonical_text(value).encode()  # exact, and names the place of what is wrong
    if data.isascii() or not _has_astral(data):
        return data
    return canonical_text(value).encode()  # beyond U+FFFF, UTF-16 order and code point order differ


def printer(
    number: Callable[[float], str], *, indent: bool, sort: bool, to_ascii: bool
) -> Callable[[Any], bytes | None]:
    """What prints a whole value in a profile (two spaces of `indent`, keys in code point order or as they stand),
    or answers `None` for a value that the plain form must print or refuse."""
    normal = _normaliser(lambda value: Fragment(number(value)))
    options = (OPT_INDENT_2 if indent else 0) | (OPT_SORT_KEYS if sort else 0)

    def whole(value: Any) -> bytes | None:
        try:
            data: bytes = dumps(normal(value, 0), None, options)
        except (TypeError, ValueError):
            return None
        if not to_ascii or (data.isascii() and b"\x7f" not in data):
            return data
        return data.decode().translate(_ESCAPES).encode()

    return whole


class _Escapes(dict[int, str | int]):
    """DEL and what is beyond ASCII as `\\uXXXX`, a pair of them beyond U+FFFF. They stand in strings only."""

    def __missing__(self, point: int) -> str | int:
        if point < 0x7F:
            self[point] = point
            return point
        if point < 0x10000:
            return f"\\u{point:04x}"
        return f"\\u{0xD7C0 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"


_ESCAPES = _Escapes()


def _has_astral(data: bytes) -> bool:
    text = data.decode()
    return len(text.encode("utf-16-le")) != 2 * len(text)
