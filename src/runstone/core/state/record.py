"""The record that is stored of a blob: whole (a keyframe), or what is new beside the blob before it.

- A record says by itself what it is, how it is packed and, in `tag`, which blob it is of; a delta names the tag of the
  blob that it is made of, so it can be made of no other.
- The last four bytes are a CRC-32 of all before them: a changed bit is found.
- A delta is made where it is worth it and its row is not long: see `due`. docs/format/state-1.md is the rule.
"""

from __future__ import annotations

from zlib import crc32

from runstone.core.readable import count_text
from runstone.core.state.packing import packed, unpacked
from runstone.core.state.ranges import delta, merged, read_varint, varint
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.core.state.packing import Packer

VERSION: Final = 1
WHOLE, DELTA = range(2)
KEYFRAME_FLOOR_BYTES: Final = 64 * 1024
"""Deltas come to so much at least before the next keyframe."""
KEYFRAME_SHARE: Final = 4
"""And to so many times their keyframe: of a state that grows, keyframes are then a quarter of what is stored."""
MAX_DEPTH: Final = 256
"""Deltas in a row."""
MAX_BLOB_BYTES: Final = 512 * 1024 * 1024
TAG_BYTES: Final = 4
_HEAD: Final = 3 + 2 * TAG_BYTES
_CHECK: Final = 4


class Record:
    """A record that has been read: everything but the blob itself."""

    __slots__ = ("base_tag", "body", "body_size", "kind", "packing", "size", "tag")

    def __init__(self, kind: int, packing: int, tag: bytes, base_tag: bytes, size: int, body_size: int, body: bytes):
        self.kind = kind
        self.packing = packing
        self.tag = tag
        self.base_tag = base_tag
        self.size = size
        self.body_size = body_size
        self.body = body

    @property
    def is_whole(self) -> bool:
        """Whether it needs no other record."""
        return self.kind == WHOLE

    def blob(self, base: bytes | None) -> bytes:
        """The blob, made of `base` where it is a delta. Raises `state_damaged`, `missing_extra`."""
        body = unpacked(self.body, self.packing, self.body_size)
        if self.is_whole:
            return body
        if base is None:
            raise error("state_damaged", "a stored delta has nothing that it is made of")
        return merged(base, body, self.size)


def due(depth: int, weight: int, keyframe: int) -> bool:
    """Whether the next blob is to be stored whole: behind a keyframe of so many bytes stand `depth` deltas that come to
    `weight` bytes."""
    return depth >= MAX_DEPTH or weight >= max(KEYFRAME_FLOOR_BYTES, KEYFRAME_SHARE * keyframe)


def whole(blob: bytes, packer: Packer, tag: bytes | None = None) -> bytes:
    """The record of a blob that needs no other. `tag` is that of the blob where it has one. Raises `too_large`."""
    return _record(WHOLE, blob, blob, bytes(TAG_BYTES), packer, tag)


def beside(blob: bytes, base: bytes, base_tag: bytes, packer: Packer, tag: bytes | None = None) -> bytes | None:
    """The record of a blob as what is new beside `base`; `None` where that is not worth it. Raises `too_large`."""
    steps = delta(blob, base)
    if len(steps) * 4 > len(blob) * 3:
        return None
    return _record(DELTA, blob, steps, base_tag, packer, tag)


def tag_of(record: bytes) -> bytes:
    """The tag of a record that `whole` or `beside` has made."""
    return record[3 : 3 + TAG_BYTES]


def read_record(data: bytes) -> Record:
    """What a record says. Raises `state_damaged`, `unsupported_format`."""
    if len(data) < _HEAD + 2 + _CHECK:
        raise error("state_damaged", f"a stored record is torn: {count_text(len(data), 'byte')}", found=len(data))
    if data[0] != VERSION:
        message = f"a stored record is of form {data[0]}; this version reads {VERSION}"
        raise error("unsupported_format", message, expected=VERSION, found=data[0])
    if crc32(data[:-_CHECK]).to_bytes(_CHECK, "big") != data[-_CHECK:]:
        raise error("state_damaged", "a stored record has other bytes than were written")
    size, offset = read_varint(data, _HEAD)
    body_size, offset = read_varint(data, offset)
    known = data[1] == DELTA or (data[1] == WHOLE and size == body_size)
    if not known or max(size, body_size) > MAX_BLOB_BYTES:
        raise error("state_damaged", "a stored record says something that no writer means")
    tag, base_tag = data[3 : 3 + TAG_BYTES], data[3 + TAG_BYTES : _HEAD]
    return Record(data[1], data[2], tag, base_tag, size, body_size, data[offset:-_CHECK])


def _record(kind: int, blob: bytes, body: bytes, base_tag: bytes, packer: Packer, tag: bytes | None) -> bytes:
    if len(blob) > MAX_BLOB_BYTES:
        message = f"a state is over its limit: at most {MAX_BLOB_BYTES} bytes; found {len(blob)}"
        raise error("too_large", message, limit=MAX_BLOB_BYTES, found=len(blob))
    packing, content = packed(body, packer)
    own = crc32(content).to_bytes(TAG_BYTES, "big") if tag is None else tag
    head = bytes((VERSION, kind, packing)) + own + base_tag + varint(len(blob)) + varint(len(body))
    record = head + content
    return record + crc32(record).to_bytes(_CHECK, "big")
