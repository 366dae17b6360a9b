"""Members of a zip archive (APPNOTE 6.3), stored, deflated or compressed by Zstandard, with zip64.

Strict: the directory is where the end record says and ends where that begins; each entry has a local header that
says the same; members lie before the directory and do not overlap; nothing is encrypted.
"""

from __future__ import annotations

import stat
from struct import Struct

from runstone.adapters.archives.inflate import check_growth
from runstone.adapters.archives.source import Member, Source, decoded, refused
from runstone.core.limits import MAX_ARCHIVE_RECORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.adapters.archives.source import Kind

_END: Final = Struct("<4s4H2LH")
_END64_LOCATOR: Final = Struct("<4sLQL")
_END64: Final = Struct("<4sQ2H2L4Q")
_ENTRY: Final = Struct("<4s6H3L5H2L")
_LOCAL: Final = Struct("<4s5H3L2H")
_MAX_COMMENT: Final = 0xFFFF
_ZIP64: Final = 1
_STORED, _DEFLATED, _ZSTANDARD = 0, 8, 93
_ENCRYPTED: Final = 0x0001 | 0x0040 | 0x2000
_MAX32: Final = 0xFFFFFFFF


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def zip_members(source: Source) -> list[Member]:
    """The members in the order of the directory. Raises `invalid_archive`."""
    start, end, count = _directory(source)
    if count > MAX_ARCHIVE_RECORDS:
        raise refused(f"{count} members; the limit is {MAX_ARCHIVE_RECORDS}")
    members: list[Member] = []
    spans: list[tuple[int, int, str]] = []
    at = start
    for _ in range(count):
        entry = _Entry(source, at, end)
        at = entry.end
        member = entry.member(source)
        spans.append((entry.offset, member.offset + entry.packed, entry.name))
        members.append(member)
    if at != end:
        raise refused("its directory is longer than its members")
    _check_apart(spans, start)
    check_growth(sum(member.size for member in members if member.packed is not None), source.size)
    return members


def _check_apart(spans: list[tuple[int, int, str]], directory: int) -> None:
    last = 0
    for start, end, name in sorted(spans):
        if start < last or end > directory:
            raise refused("its bytes overlap those of another member or of the directory", name)
        last = end


def _directory(source: Source) -> tuple[int, int, int]:
    """Start, end and number of entries of the directory."""
    tail_start = max(0, source.size - _END.size - _MAX_COMMENT)
    tail = source.exactly(tail_start, source.size - tail_start)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        raise refused("it has no end record: it is cut off")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(tail, found)
    if disk or first_disk or here != count or found + _END.size + comment != len(tail):
        raise refused("its end record does not fit: it is cut off, or one part of several")
    end = tail_start + found
    if count == 0xFFFF or size == _MAX32 or start == _MAX32:
        start, size, count, end = _directory64(source, end)
    if start + size != end:
        raise refused("its directory is not where its end record says")
    return start, end, count


def _directory64(source: Source, end: int) -> tuple[int, int, int, int]:
    at = end - _END64_LOCATOR.size
    if at < 0:
        raise refused("it has no zip64 end record")
    mark, _, end64, _ = _END64_LOCATOR.unpack(source.exactly(at, _END64_LOCATOR.size))
    record = source.exactly(end64, _END64.size) if mark == b"PK\x06\x07" and end64 < at else b""
    if record[:4] != b"PK\x06\x06":
        raise refused("it has no zip64 end record")
    fields = _END64.unpack(record)
    return fields[9], fields[8], fields[7], end64


class _Entry:
    """One entry of the directory; `end` is where the next one begins."""

    def __init__(self, source: Source, at: int, limit: int) -> None:
        fields = _ENTRY.unpack(source.exactly(at, _ENTRY.size))
        self.flags, self.method, self.packed, self.size = fields[3], fields[4], fields[8], fields[9]
        self.mode, self.offset = fields[15] >> 16, fields[16]
        name_size, extra_size, comment_size = fields[10:13]
        names = at + _ENTRY.size
        self.end = names + name_size + extra_size + comment_size
        if fields[0] != b"PK\x01\x02" or self.end > limit:
            raise refused(f"no directory entry at byte {at}")
        self.raw_name = source.exactly(names, name_size)
        self.name = decoded(self.raw_name)
        if _MAX32 in (self.packed, self.size, self.offset):
            self._zip64(source.exactly(names + name_size, extra_size))

    def _zip64(self, extra: bytes) -> None:
        for kind, data in _extras(extra):
            if kind == _ZIP64:
                values = iter(int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data) - 7, 8))
                self.size = next(values, 0) if self.size == _MAX32 else self.size
                self.packed = next(values, 0) if self.packed == _MAX32 else self.packed
                self.offset = next(values, 0) if self.offset == _MAX32 else self.offset
                return

    def member(self, source: Source) -> Member:
        """The member, its local header proved to say the same."""
        self._check(source)
        fields = _LOCAL.unpack(source.exactly(self.offset, _LOCAL.size))
        name_at = self.offset + _LOCAL.size
        if (
            fields[0] != b"PK\x03\x04"
            or source.exactly(name_at, fields[9]) != self.raw_name
            or fields[3] != self.method
        ):
            raise refused("its own header does not say what the directory says", self.name)
        offset = name_at + fields[9] + fields[10]
        packed = None if self.method == _STORED else self.packed
        return Member(self.name, self._kind(), self.size, offset, packed, zstandard=self.method == _ZSTANDARD)

    def _check(self, source: Source) -> None:
        if self.flags & _ENCRYPTED:
            raise refused("it is encrypted", self.name)
        if self.method not in (_STORED, _DEFLATED, _ZSTANDARD):
            told = f"compression method {self.method}; what is stored, deflated or Zstandard can be read"
            raise refused(told, self.name)
        if self.offset + self.packed > source.size or (self.method == _STORED and self.packed != self.size):
            raise refused("its sizes cannot be", self.name)

    def _kind(self) -> Kind:
        """By the Unix mode where there is one, else by the slash at the end of a folder's name."""
        kind = stat.S_IFMT(self.mode)
        if self.name.endswith("/") or stat.S_ISDIR(kind):
            if self.size:
                raise refused("a folder with bytes", self.name)
            return "folder"
        if kind in (0, stat.S_IFREG):
            return "file"
        return "link" if stat.S_ISLNK(kind) else "other"


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        yield kind, extra[4 : 4 + size]
        extra = extra[4 + size :]
