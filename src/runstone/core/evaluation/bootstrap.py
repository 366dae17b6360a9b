"""The mean of samples, and between which numbers it lies: a percentile bootstrap that comes out the same everywhere.

- No random numbers: positions are drawn from SHAKE-256 of a seed, four bytes each, little-endian; a word w picks number
  w * n >> 32 of n. The seed is the SHA-256 of the samples' canonical bytes, so the same samples give the same interval.
- A sum is the exact one, rounded once, so no order of values and no Python changes it. Values are scaled by a power of
  two before they are added: no sum overflows.
- More than 1,000 values are dealt into 1,000 groups, by the same bytes, and groups are drawn. So time and memory of the
  draws are bounded, and the spread of the mean is that of drawing single values.
"""

from __future__ import annotations

import hashlib
from math import floor, frexp, fsum, ldexp
from struct import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

METHOD: Final = "percentile-bootstrap"
GROUPED_METHOD: Final = "percentile-bootstrap-1000-groups"
RESAMPLES: Final = 1_000
MAX_UNITS: Final = 1_000
"""Values, or groups of values, that a resample draws from."""
CONFIDENCE: Final = 0.95


def mean(values: Sequence[float]) -> float:
    """The mean of finite numbers, at least one; in whatever order they stand."""
    scaled, exponent = _scaled(values)
    return ldexp(_between(fsum(scaled) / len(scaled), min(scaled), max(scaled)), exponent)


def interval(values: Sequence[float], seed: bytes, confidence: float = CONFIDENCE) -> dict[str, Any] | None:
    """Where the mean of finite `values` lies: `low`, `high`, `confidence`, `method`, `resamples`.

    `values` stand in an order that depends on nothing but the samples. The interval always holds the mean. `None` for
    fewer than two values, which say nothing of their spread.
    """
    if len(values) < 2:
        return None
    scaled, exponent = _scaled(values)
    sums, sizes = _units(scaled, seed)
    means = sorted(_drawn(sums, sizes, seed, number) for number in range(RESAMPLES))
    cut = floor((1 - confidence) / 2 * RESAMPLES)
    least, most, middle = min(scaled), max(scaled), mean(values)
    low, high = (ldexp(_between(means[at], least, most), exponent) for at in (cut, RESAMPLES - 1 - cut))
    return {
        "low": min(low, middle),
        "high": max(high, middle),
        "confidence": confidence,
        "method": METHOD if sizes is None else GROUPED_METHOD,
        "resamples": RESAMPLES,
    }


def _scaled(values: Sequence[float]) -> tuple[list[float], int]:
    """Values within -1 and 1, and the power of two that they were divided by."""
    exponent = frexp(max(map(abs, values)))[1]
    if abs(exponent) < _PLAIN:
        return list(values), 0
    return [ldexp(value, -exponent) for value in values], exponent


_PLAIN: Final = 512
"""Between these exponents a sum of as many values as there can be neither overflows nor loses digits."""


def _between(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _units(values: list[float], seed: bytes) -> tuple[list[float], list[int] | None]:
    """What is drawn: values, or the sums of groups of them with their sizes."""
    if len(values) <= MAX_UNITS:
        return values, None
    keys = _words(seed + b"deal", len(values))
    order = sorted(range(len(values)), key=lambda at: (keys[at], at))
    groups = [order[start::MAX_UNITS] for start in range(MAX_UNITS)]
    return [fsum([values[at] for at in group]) for group in groups], [len(group) for group in groups]


def _drawn(sums: list[float], sizes: list[int] | None, seed: bytes, number: int) -> float:
    """The mean of one resample."""
    count = len(sums)
    drawn = [word * count >> 32 for word in _words(seed + b"%d" % number, count)]
    size = count if sizes is None else sum([sizes[at] for at in drawn])
    return fsum([sums[at] for at in drawn]) / size


def _words(seed: bytes, count: int) -> tuple[int, ...]:
    return unpack(f"<{count}I", hashlib.shake_256(seed).digest(4 * count))
