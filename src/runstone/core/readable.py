"""Values as people read them: numbers rounded, but never until they say something else; counts; failures.

Exact ones are in the JSON answers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

DIGITS: Final = 6
"""Digits of a number that stands alone."""
MAX_DIGITS: Final = 16
"""A double that needs more is shown by all that it has."""
MAX_WHOLE: Final = 2**53
"""A double from this on may not be exact to the unit: it is shown with an exponent."""


def number_text(value: Any, digits: int = DIGITS, sign: str = "") -> str:
    """A number of up to so many digits, before the point of all of them; text as it is, any other value as JSON; `-`
    for none. `sign` is that of a format: `+` shows one before every number."""
    if value is None:
        return "-"
    if type(value) is float:
        whole = abs(value) < MAX_WHOLE and (value.is_integer() or abs(value) >= 10**digits)
        return f"{value:{sign}{'.0f' if whole else f'.{digits}g'}}"
    if type(value) is int:
        return f"{value:{sign}d}"
    if isinstance(value, str):
        return value
    from json import dumps

    return dumps(value, ensure_ascii=False)


def number_texts(values: Sequence[Any]) -> list[str]:
    """`number_text` of values that are compared: with as many digits as it takes until the texts have their order."""
    numbers = [at for at, value in enumerate(values) if type(value) in (int, float)]
    for digits in range(DIGITS, MAX_DIGITS + 1):
        texts = [number_text(value, digits) for value in values]
        if all(
            _order(values[one], values[other]) == _order(float(texts[one]), float(texts[other]))
            for one in numbers
            for other in numbers
        ):
            return texts
    return [repr(value) if type(value) is float else number_text(value) for value in values]


def _order(one: float, other: float) -> int:
    return (one > other) - (one < other)


def count_text(count: int, one: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {one if count == 1 else one + 's'}"


def failure_text(told: Mapping[str, Any]) -> str:
    """`type: message`, as far as they are there."""
    return ": ".join(str(told[name]) for name in ("type", "message") if told.get(name))
