"""Values as people read them: durations, sizes, short digests, and what `core.readable` has. Exact ones are in the JSON
answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from runstone.core.readable import count_text, failure_text, number_text, number_texts

__all__ = [
    "count_text",
    "duration_text",
    "failure_text",
    "number_text",
    "number_texts",
    "resource_text",
    "seconds_text",
    "short_sha256",
    "size_text",
    "value_text",
]

SHORT_DIGEST_DIGITS: Final = 12
_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")


def duration_text(duration_ms: int) -> str:
    """`35 ms`, `12.3 s`, `4m 05s`, `3h 20m`, `2d 04h`."""
    if duration_ms < 1000:
        return f"{duration_ms} ms"
    if duration_ms < 59_950:
        return f"{duration_ms / 1000:.1f} s"
    seconds = (duration_ms + 500) // 1000
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 60:
        return f"{minutes}m {seconds % 60:02d}s"
    if hours < 48:
        return f"{hours}h {minutes % 60:02d}m"
    return f"{days}d {hours % 24:02d}h"


def size_text(size_bytes: int | None) -> str:
    """`12 B`, `1.2 kB`, `34.5 MB`, in powers of 1,000; `-` where it is not known."""
    if size_bytes is None:
        return "-"
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in _UNITS:
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size:.0f} {_UNITS[-1]}"


def seconds_text(seconds: float) -> str:
    """As `duration_text`, with a tenth of a millisecond below 10 ms: `0.9 ms`, `0 ms`."""
    if 0 < seconds < 0.01:
        return f"{max(seconds * 1000, 0.1):.1f} ms"
    return duration_text(round(seconds * 1000))


_RESOURCES: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "max_rss_bytes": ("peak memory {}", size_text),
    "user_s": ("CPU {} user", seconds_text),
    "system_s": ("CPU {} system", seconds_text),
}


def resource_text(name: str, value: Any) -> str:
    """`peak memory 10.5 MB`, `CPU 0.9 ms user`; a resource that is not known here by its own name."""
    if name in _RESOURCES and type(value) in (int, float) and value >= 0:
        words, spell = _RESOURCES[name]
        return words.format(spell(value))
    return f"{name} {number_text(value)}"


def short_sha256(sha256: str | None) -> str:
    """The first digits of a digest; `-` where there is none."""
    return "-" if sha256 is None else sha256[:SHORT_DIGEST_DIGITS]


def value_text(value: Any) -> str:
    """Text as it is, any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
