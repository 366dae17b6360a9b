"""What differs in the configuration, by JSON Pointer."""

from __future__ import annotations

from runstone.core.diff.difference import ABSENT, Difference
from runstone.core.diff.values import value_differences
from runstone.core.outcome import without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runstone.core.diff.facts import RunFacts


def config(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Settings that differ. Those on which the outcome does not depend (`volatile`) are told, and do not count for it;
    that other ones are volatile is a difference of its own."""
    raw = list(value_differences(*(_value(side) for side in (a, b))))
    bound = [at for at, _, _ in value_differences(*(_stable(side) for side in (a, b)))]
    counted = False
    for at, left, right in raw:
        counts = any(_related(at, other) for other in bound)
        counted = counted or counts
        yield Difference("config", at, left, right, outcome=counts)
    lists = [sorted(set(side.config["volatile"])) if side.config else [] for side in (a, b)]
    if lists[0] != lists[1]:
        yield Difference("config", "volatile", *lists, outcome=bool(bound) and not counted)


def config_sources(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """Where settings came from."""
    sources = [side.config["sources"] if side.config else {} for side in (a, b)]
    for at, left, right in value_differences(*sources):
        yield Difference("config sources", at, left, right)


def _value(side: RunFacts) -> Any:
    return ABSENT if side.config is None else side.config["value"]


def _stable(side: RunFacts) -> Any:
    """The configuration as the outcome digest covers it."""
    value = _value(side)
    for pointer in side.config["volatile"] if side.config else ():
        value = without(value, pointer)
    return value


def _related(one: str, other: str) -> bool:
    """Whether two pointers lead to the same place, or one into what the other leads to."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
