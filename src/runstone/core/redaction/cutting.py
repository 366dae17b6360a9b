"""Where the bytes of a stream can be cut, so that nothing is divided that is found only whole.

- No rule but a private key's reaches over a line end: with its armour, in PuTTY's form, or as bare lines of base64.
- A declared value may hold line ends of its own.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

BLOCKS: Final = ((b"-----BEGIN ", b"-----END "), (b"Private-Lines: ", b"Private-MAC: "))
"""A stream is not cut between these two."""
BARE_KEYS: Final = (b"MII", b"MIG", b"MIH", b"MHcCAQEEI", b"MC4CAQAwBQYDK2V", b"b3BlbnNzaC1rZXktdjE")
"""How a private key begins in base64."""
MIN_KEY_LINE: Final = 20
MAX_KEY_LINE: Final = 100
MAX_KEY_LINES: Final = 400
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def line_end(data: bytes) -> int:
    """Behind the last line that has ended."""
    return _last_end(data, len(data))


def before_keys(data: bytes, end: int, since: int) -> int:
    """`end` (of a line), or where a private key begins that may go on behind it; none that began before `since`."""
    for first, last in BLOCKS:
        if data.find(first, since) >= 0:  # much quicker than `rfind`
            block = data.rfind(first)
            if block < end and data.find(last, block, end) < 0:
                end = block
    return _before_bare_key(data, end)


def _before_bare_key(data: bytes, end: int) -> int:
    tail = data[max(0, end - MAX_KEY_LINES * MAX_KEY_LINE) : end]
    if not any(key in tail for key in BARE_KEYS):  # the common case
        return end
    stop = end
    for _ in range(MAX_KEY_LINES):
        start = _last_end(data, stop - 1, stop - 2 * MAX_KEY_LINE) if stop else 0
        line = data[start:stop].strip()
        if len(line) < MIN_KEY_LINE:
            return end
        if not _is_base64(line) or len(line) > MAX_KEY_LINE or line.startswith(BARE_KEYS):
            return start if any(_begins(line, key) for key in BARE_KEYS) else end
        stop = start
    return end


def _begins(line: bytes, key: bytes) -> bool:
    at = line.rfind(key)
    return at >= 0 and len(line) - at >= MIN_KEY_LINE and _is_base64(line[at:])


def _is_base64(line: bytes) -> bool:
    return not line.translate(None, _BASE64)


def _last_end(data: bytes, stop: int, since: int = 0) -> int:
    """Behind the last line end before `stop`, and no earlier than `since`."""
    since = max(0, since)
    return max(data.rfind(b"\n", since, stop) + 1, data.rfind(b"\r", since, stop) + 1, since)


def before_values(data: bytes, cut: int, values: Iterable[bytes]) -> int:
    """`cut`, or the start of a value that it would divide or that may be unfinished there."""
    for value in values:
        first = value[:1]
        start = data.find(first, max(0, cut - len(value) + 1), cut)
        while start >= 0:
            if value.startswith(data[start : start + len(value)]):
                cut = start
                break
            start = data.find(first, start + 1, cut)
    return cut


def after_spans(cut: int, spans: Iterable[tuple[int, int]]) -> int:
    """`cut`, or the end of what it would divide."""
    for start, stop in sorted(spans):
        if start < cut < stop:
            cut = stop
    return cut
