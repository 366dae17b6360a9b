"""Where bytes of a stream can be cut without dividing a character. Bytes that are no UTF-8 can be cut anywhere."""

from __future__ import annotations


def whole_characters(data: bytes, end: int) -> int:
    """`end`, moved back over the beginning of a UTF-8 sequence that it would divide."""
    if not 0 < end < len(data) or data[end] & 0xC0 != 0x80:
        return end
    start = end - 1
    while start > max(0, end - 4) and data[start] & 0xC0 == 0x80:
        start -= 1
    return start if data[start] >= 0xC0 else end
