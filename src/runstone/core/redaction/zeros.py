"""Text in UTF-16 or UTF-32 is plain text with zeros between, wherever in a file it begins."""

from __future__ import annotations


def without_zeros(data: bytes) -> bytes:
    """The plain text."""
    return data.translate(None, b"\0")  # unlike `replace` as quick where every second byte is one


def narrowed(data: bytes, at: int) -> int:
    """Where a place of `data` is in its plain text."""
    return len(without_zeros(data[:at]))


def widened(data: bytes, at: int) -> int:
    """Where a place of the plain text is in `data`: directly behind what comes before it."""
    low, high = 0, len(data)
    while low < high:
        middle = (low + high) // 2
        before = len(without_zeros(data[low:middle]))
        if before < at:
            at -= before + (data[middle] != 0)
            low = middle + 1
        else:
            high = middle
    return low
