"""Members of a tar archive: POSIX ustar, with pax and GNU records for what a plain header cannot hold.

Strict: a header's checksum holds, an archive ends with two blocks of zeros and nothing but zeros follows, a name
is said once. What no bundle needs (sparse members, volumes, global names) is refused.
"""

from __future__ import annotations

from runstone.adapters.archives.source import Member, Source, decoded, refused
from runstone.core.limits import MAX_ARCHIVE_RECORDS, MAX_NAME_RECORD_BYTES
from runstone.core.readable import count_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.adapters.archives.source import Kind

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_MAGIC: Final = b"ustar"
_POSIX: Final = b"ustar\0"
_RECORDS: Final = b"xgLK"
_KINDS: Final[dict[bytes, Kind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "link",
    b"2": "link",
    b"3": "other",
    b"4": "other",
    b"5": "folder",
    b"6": "other",
}


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so (512 bytes) is a tar archive."""
    return head[257:262] == _MAGIC or (head == _ZEROS)


def tar_members(source: Source) -> Iterator[Member]:
    """The members in the order of the archive. Raises `invalid_archive`."""
    at, records = 0, _Records()
    for _ in range(MAX_ARCHIVE_RECORDS):
        block = source.exactly(at, _BLOCK)
        if block == _ZEROS:
            _check_end(source, at, records)
            return
        _check_header(block, at)
        kind, size = block[156:157], _number(block[124:136], at)
        at += _BLOCK
        if kind in _RECORDS:
            if size > MAX_NAME_RECORD_BYTES:
                raise refused(f"a name record of {size} bytes; the limit is {MAX_NAME_RECORD_BYTES}")
            records.add(kind, source.exactly(at, size))
        else:
            member = records.member(block, size, at)
            size = member.size
            if at + size > source.size:
                raise refused(f"it claims {size} bytes, the archive ends before", member.name)
            yield member
            records = _Records()
        at += size + -size % _BLOCK
    raise refused(f"more than {MAX_ARCHIVE_RECORDS} headers")


class _Records:
    """What the records before a member say of it."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._size: int | None = None
        self._any = False

    def add(self, kind: bytes, data: bytes) -> None:
        self._any = True
        if kind == b"L":
            self._named(decoded(data.removesuffix(b"\0")))
        elif kind in b"xg":
            for key, value in _pax(data):
                self._pax(key, value, everywhere=kind == b"g")

    def _pax(self, key: bytes, value: bytes, *, everywhere: bool) -> None:
        if key.startswith(b"GNU.sparse.") or key == b"hdrcharset":
            raise refused(f"a pax record {decoded(key)!r}, which no bundle needs")
        if key not in (b"path", b"size"):
            return
        if everywhere:
            raise refused("a global pax record renames or resizes every member")
        if key == b"path":
            self._named(decoded(value))
        elif self._size is not None or not value.isdigit() or len(value) > 18:
            raise refused("a pax record of the size is no number, or stands there twice")
        else:
            self._size = int(value)

    def _named(self, name: str) -> None:
        if self._name is not None:
            raise refused("two records name one member", name)
        self._name = name

    def member(self, block: bytes, size: int, offset: int) -> Member:
        name = self._name if self._name is not None else _header_name(block)
        kind = _KINDS.get(block[156:157])
        if kind is None:
            raise refused(f"a member of kind {block[156:157]!r}, which no bundle needs", name)
        size = size if self._size is None else self._size
        if kind != "file" and size:
            raise refused(f"a {kind} that claims {count_text(size, 'byte')}", name)
        return Member(name, kind, size, offset)

    @property
    def waiting(self) -> bool:
        """Whether there are records whose member has not come."""
        return self._any


def _check_end(source: Source, at: int, records: _Records) -> None:
    if records.waiting:
        raise refused("it ends after the records of a member that does not come")
    source.exactly(at, 2 * _BLOCK)  # one block of zeros is what a torn archive may end with
    for chunk in source.chunks(at, source.size):
        if chunk.count(0) != len(chunk):
            raise refused("bytes follow the end of the archive")


def _check_header(block: bytes, at: int) -> None:
    expected = _number(block[148:156], at)
    if block[257:262] != _MAGIC or sum(block[:148]) + sum(block[156:]) + 8 * 32 != expected:
        raise refused(f"no header at byte {at}")


def _number(field: bytes, at: int) -> int:
    """Octal digits, or (GNU) a binary number with the highest bit set."""
    if field[0] & 0x80:
        if field[0] != 0x80 or any(field[1:4]):  # negative, or beyond any disk
            raise refused(f"the header at byte {at} has a size that cannot be")
        return int.from_bytes(field[4:], "big")
    digits = field.strip(b" \0")
    if not digits:
        return 0
    if set(digits) - set(b"01234567"):
        raise refused(f"the header at byte {at} has a number that is not octal")
    return int(digits, 8)


def _header_name(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == _POSIX else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    text, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise refused("a name with a NUL in it", decoded(text))
    return decoded(text)


def _pax(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records `length key=value LF`, the length counting itself (POSIX.1-2001, pax)."""
    while data:
        digits, _, _ = data.partition(b" ")
        size = int(digits) if digits.isdigit() and len(digits) < 9 else 0
        key, mark, value = data[len(digits) + 1 : max(0, size - 1)].partition(b"=")
        if not mark or size > len(data) or data[size - 1 : size] != b"\n":
            raise refused("a pax record that is not one")
        yield key, value
        data = data[size:]
