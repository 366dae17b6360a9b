"""Spans of time and sizes as people write them: `30d`, `1.5h`; `65536`, `64K`, `10GB`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

UNITS_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds a unit."""
UNITS_BYTES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SPAN_EXAMPLES: Final = "30d, 12h or 2w (ms, s, m, h, d, w); 0 is none"
SIZE_EXAMPLES: Final = "65536, 64K, 10M or 1G"
MAX_SPAN_S: Final = 1e11
"""Some 3,000 years: what is longer was not meant."""


def unit_of(text: str) -> str:
    """The unit of time that a text ends with; empty where it has none."""
    return next((unit for unit in UNITS_S if text.endswith(unit)), "")


def span_s(text: str) -> float | None:
    """Seconds of a span of time with its unit, or of `0`; `None` for other text."""
    unit = unit_of(text)
    number = text.removesuffix(unit)
    whole, _, part = number.partition(".")
    if not (number.isascii() and whole.isdecimal() and (part.isdecimal() or "." not in number)):
        return None
    seconds = float(number) * UNITS_S.get(unit, 1)
    return seconds if (unit or seconds == 0) and seconds <= MAX_SPAN_S else None


def size_bytes(text: str) -> int | None:
    """Bytes of a size; units are powers of 1,024, with or without `B` or `iB`. `None` for other text."""
    upper = text.upper().removesuffix("IB").removesuffix("B")
    number, unit = (upper[:-1], upper[-1]) if upper[-1:] in ("K", "M", "G", "T") else (upper, "")
    return int(number) * UNITS_BYTES[unit] if number.isdecimal() and number.isascii() and len(number) < 20 else None
