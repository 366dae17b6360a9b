"""What of a blob is new: its ranges that stand in the blob before it, and the bytes that do not.

- The answer is exact: `merged(old, delta(new, old))` is `new`, whatever the two are.
- It is looked for where state grows and changes: at the same offset, at the offset by which a part was moved, and from
  the end. It is never worth more than a few passes over the blobs, so an edit that moves many parts may be told as new.
- A delta is a row of steps: so many bytes of the old blob, so far from the own offset, and then so many new bytes.
"""

from __future__ import annotations

import re

from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

HEAD: Final = 16
"""A change in so many first bytes is a counter or a length: they are told anew, and what is behind them is compared."""
SAMPLE: Final = 32
"""So many equal bytes are a place to go on from."""
SMALL: Final = 2048
"""So much is compared as one number."""
NEAREST: Final = 256
NEAR: Final = 4096
"""How far behind a change the same offset is tried: first so far, then so far."""
MAX_STEPS: Final = 64
"""What is behind so many is told as new."""
MAX_SEARCHES: Final = 12
"""Searches through the old blob, each a pass over it."""
_PROBES: Final = (0, SAMPLE, 4 * SAMPLE, 16 * SAMPLE)
_LONGEST: Final = 1 << 16
_EQUAL: Final = bytes(SAMPLE)
_SAME: Final = re.compile(rb"\0{%d,}" % SAMPLE)


class _Edit:
    """The steps of a delta while they are found: `at` and `there` are offsets in the new and in the old blob."""

    def __init__(self, new: bytes, old: bytes) -> None:
        self.new = new
        self.old = old
        self.at = 0
        self.there = 0
        self.out = bytearray()
        self.steps = 0
        self.searches = 0

    def step(self, length: int, literal_end: int) -> None:
        """Take `length` bytes of the old blob, and the new ones up to `literal_end`."""
        shift = self.there - self.at if length else 0
        self.at += length
        self.out += varint(length)
        self.out += varint(shift << 1 if shift >= 0 else (-shift << 1) - 1)
        self.out += varint(literal_end - self.at)
        self.out += self.new[self.at : literal_end]
        self.there += length + literal_end - self.at
        self.at = literal_end
        self.steps += 1


def delta(new: bytes, old: bytes) -> bytes:
    """The steps by which `new` is made of `old`: see docs/format/state-1.md, 3."""
    if len(new) <= SMALL and old:
        steps = _aligned(new, old)
        if len(steps) * 4 <= len(new):
            return steps
    edit = _Edit(new, old)
    if new[:HEAD] != old[:HEAD] and new:
        edit.step(0, min(HEAD, len(new)))
    while edit.at < len(new):
        length = _equal(new, old, edit.at, edit.there)
        place = edit.at + length, edit.there + length
        found = _next(edit, *place) if edit.steps < MAX_STEPS else None
        if found is None:
            edit.step(length, len(new))
        else:
            if length or found[0] > edit.at:
                edit.step(length, found[0])
            edit.there = found[1]
    return bytes(edit.out)


def _aligned(new: bytes, old: bytes) -> bytes:
    """The steps for what stands at the same offset alone, found at once: of small blobs that is all, mostly."""
    size = min(len(new), len(old))
    changed = (_number(new, 0, size) ^ _number(old, 0, size)).to_bytes(size, "big")
    edit, length = _Edit(new, old), 0
    for same in _SAME.finditer(changed):
        start, end = same.span()
        if start or length:
            edit.step(length, start)
        length = end - start
    edit.step(length, len(new))
    return bytes(edit.out)


def merged(old: bytes, steps: bytes, size: int) -> bytes:
    """The blob of `size` bytes that a delta makes of `old`. Raises `state_damaged`."""
    out: list[bytes] = []
    at = offset = 0
    while at < size:
        length, offset = read_varint(steps, offset)
        shift, offset = read_varint(steps, offset)
        literal, offset = read_varint(steps, offset)
        start = at + (-((shift + 1) >> 1) if shift & 1 else shift >> 1)
        outside = length > 0 and (start < 0 or start + length > len(old))
        if outside or offset + literal > len(steps) or length + literal == 0:
            raise error("state_damaged", "a stored delta reaches outside of what it is made of", offset=offset)
        out.append(old[start : start + length])
        out.append(steps[offset : offset + literal])
        at += length + literal
        offset += literal
    if at != size or offset != len(steps):
        raise error(
            "state_damaged", f"a stored delta makes {at} bytes, and should make {size}", expected=size, found=at
        )
    return b"".join(out)


def _next(edit: _Edit, at: int, there: int) -> tuple[int, int] | None:
    """Where the blobs are equal again behind a change: an offset in the new one, and one in the old one."""
    new, old = edit.new, edit.old
    if len(new) - at < SAMPLE or len(old) - there < SAMPLE:
        return None  # the end of one of them: what is behind it is new
    near = _near(new, old, at, there)
    if near > 0:
        return at + near, there + near
    tail = _equal_from_end(new, old, len(new) - at, len(old) - there)
    if tail >= SAMPLE:
        return len(new) - tail, len(old) - tail
    for probe in _PROBES:
        sample = new[at + probe : at + probe + SAMPLE]
        if len(sample) < SAMPLE or edit.searches >= MAX_SEARCHES:
            return None
        edit.searches += 1
        found = old.find(sample, there)
        if found < 0:
            found = old.find(sample, 0, there + SAMPLE)
        if found >= 0:
            return at + probe, found
    return None


def _near(new: bytes, old: bytes, at: int, there: int) -> int:
    """How far on both are equal again at the same distance, for a sample at least; 0 if they are not."""
    for window in (NEAREST, NEAR):
        most = min(len(new) - at, len(old) - there, window)
        changed = (_number(new, at, at + most) ^ _number(old, there, there + most)).to_bytes(most, "big")
        found = changed.find(_EQUAL)
        if found >= 0:
            return found
    return 0


def _equal(new: bytes, old: bytes, at: int, there: int) -> int:
    """How many bytes are equal from two offsets on: pieces that grow are compared, and the last one as numbers."""
    most = min(len(new) - at, len(old) - there)
    done, piece = 0, NEAREST
    while done < most:
        end = min(done + piece, most)
        if new[at + done : at + end] != old[there + done : there + end]:
            while end - done > 512:
                middle = (done + end) >> 1
                if new[at + done : at + middle] == old[there + done : there + middle]:
                    done = middle
                else:
                    end = middle
            changed = _number(new, at + done, at + end) ^ _number(old, there + done, there + end)
            return end - ((changed.bit_length() + 7) >> 3)
        done = end
        piece = min(piece << 1, _LONGEST)
    return max(done, 0)


def _equal_from_end(new: bytes, old: bytes, new_most: int, old_most: int) -> int:
    """How many of the last bytes are equal, at most as many as either may give."""
    most = min(new_most, old_most)
    done, piece = 0, NEAREST
    while done < most:
        end = min(done + piece, most)
        starts = len(new) - end, len(old) - end
        size = end - done
        if new[starts[0] : starts[0] + size] != old[starts[1] : starts[1] + size]:
            changed = _number(new, starts[0], starts[0] + size) ^ _number(old, starts[1], starts[1] + size)
            return done + (((changed & -changed).bit_length() - 1) >> 3)
        done = end
        piece = min(piece << 1, _LONGEST)
    return max(done, 0)


def _number(blob: bytes, start: int, end: int) -> int:
    """Some bytes as one number: two of them differ by XOR where the bytes do."""
    return int.from_bytes(blob[start:end], "big")


# numbers

_SMALL: Final = [bytes((number,)) for number in range(0x80)]


def varint(number: int) -> bytes:
    """A number of at least 0 in groups of seven bits, the lowest first; all but the last have the high bit (LEB128)."""
    if number < 0x80:
        return _SMALL[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """The number at an offset, and the offset behind it. Raises `state_damaged`."""
    number = 0
    for place in range(0, 64, 7):
        if offset >= len(data):
            break
        byte = data[offset]
        offset += 1
        number |= (byte & 0x7F) << place
        if byte < 0x80:
            return number, offset
    raise error("state_damaged", "a stored number has no end", offset=offset)
