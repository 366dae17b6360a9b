"""Canonical JSON and the print profiles by way of `orjson`, where the text that it writes can be had from it.

- `canonical` is `canonical_text`, and a printer of `printer` is its profile, byte for byte, ten to fifty times
  as fast; the plain forms are the oracles of the tests. What orjson cannot spell goes to the plain form.
- Most values are printed after one look at them; only one with a number whose text differs is copied.
- `read_canonical` proves many texts at once: orjson writes again what it read of all of them.

Importing this module imports `orjson` (16 ms): `canonical.warm` decides when.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_text, number_text
from runstone.core.limits import MAX_DEPTH, MAX_SAFE_INTEGER
from runstone.json_library import OPT_INDENT_2, OPT_SORT_KEYS, Fragment, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def _copied(value: Any, number: Callable[[float], Any], depth: int = 0) -> Any:
    """A copy in which each double is what orjson prints right. Raises `ValueError` where there is no such thing."""
    kind = type(value)
    if kind is dict and depth < MAX_DEPTH:
        return {key: _copied(item, number, depth + 1) for key, item in value.items()}
    if kind is list and depth < MAX_DEPTH:
        return [_copied(item, number, depth + 1) for item in value]
    if kind is float and value - value == 0.0:
        return number(value)
    if kind in (dict, list) or not _is_plain((value,), 0):
        raise ValueError
    return value


def _shortest(value: float) -> Any:
    """An integral double as the integer that ECMAScript prints, any other as its text."""
    whole = int(value) if -1e15 < value < 1e15 else None
    return whole if whole == value else Fragment(number_text(value))


def _is_plain(items: Iterable[Any], depth: int) -> bool:
    """Whether orjson prints these values as every profile asks: most data need no more than this look. Hot."""
    if depth >= MAX_DEPTH:
        return False
    for item in items:
        kind = type(item)
        if kind is str:
            continue
        if kind is int:
            if -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                continue
        elif kind is float:
            if (1e-4 <= item < 1e15 or -1e15 < item <= -1e-4) and item % 1.0:
                continue
        elif kind is bool or item is None:
            continue
        elif kind is dict:
            if _is_plain(item.values(), depth + 1):
                continue
        elif kind is list and _is_plain(item, depth + 1):
            continue
        return False
    return True


def canonical(value: Any, depth: int = 0) -> bytes:
    """As `canonical.canonical_bytes`, with its errors."""
    try:
        plain = _is_plain(value.values(), depth) if type(value) is dict else _is_plain((value,), depth - 1)
        data: bytes = dumps(value if plain else _copied(value, _shortest, depth), None, OPT_SORT_KEYS)
    except (TypeError, ValueError):
        return canonical_text(value, depth).encode()  # exact, and names the place of what is wrong
    if data.isascii() or not _has_astral(data) or _sorts_alike((value,)):
        return data
    return canonical_text(value, depth).encode()


def _has_astral(data: bytes) -> bool:
    """Whether UTF-8 holds a character beyond U+FFFF: five looks of a few nanoseconds."""
    return b"\xf0" in data or b"\xf1" in data or b"\xf2" in data or b"\xf3" in data or b"\xf4" in data


def _sorts_alike(items: Iterable[Any]) -> bool:
    """Whether no key in these values is beyond U+FFFF: there, UTF-16 order and code point order differ."""
    for item in items:
        kind = type(item)
        if kind is dict:
            keys = "".join(item)
            if (not keys.isascii() and max(keys) > "\uffff") or not _sorts_alike(item.values()):
                return False
        elif kind is list and not _sorts_alike(item):
            return False
    return True


def read_canonical(texts: list[bytes]) -> list[Any]:
    """The values of texts of canonical JSON. Raises `ValueError` or `RunstoneError` where one of them is none, and for
    a double that is written as a long integer.

    All are compared at once: an array without blanks can be cut into its items in one way only.
    """
    values = [loads(text) for text in texts]
    if canonical(values, -1) != b"[%b]" % b",".join(texts):
        raise ValueError
    return values


def printer(
    number: Callable[[float], str], *, indent: bool, sort: bool, to_ascii: bool
) -> Callable[[Any], bytes | None]:
    """What prints a whole value in a profile (two spaces of `indent`, keys in code point order or as they stand),
    or answers `None` for a value that the plain form must print or refuse."""
    options = (OPT_INDENT_2 if indent else 0) | (OPT_SORT_KEYS if sort else 0)

    def spelled(value: float) -> Fragment:
        return Fragment(number(value))

    def whole(value: Any) -> bytes | None:
        try:
            data: bytes = dumps(value if _is_plain((value,), -1) else _copied(value, spelled), None, options)
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
