"""Unpack deflated bytes: never more than was said, never more in memory than a chunk."""

from __future__ import annotations

import zlib

from runstone.adapters.archives.source import CHUNK_BYTES, Member, Source, refused
from runstone.core.limits import MAX_UNPACK_RATIO, MAX_UNPACKED_BYTES, MIN_RATIO_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

_RAW: Final = -zlib.MAX_WBITS
_GZIP: Final = 16 + zlib.MAX_WBITS


def check_growth(unpacked: int, packed: int, member: str | None = None) -> None:
    """Raise `invalid_archive` if so many bytes must not come out of so few."""
    if unpacked > MAX_UNPACKED_BYTES:
        raise refused(f"it unpacks to {unpacked} bytes or more; the limit is {MAX_UNPACKED_BYTES}", member)
    if unpacked > MIN_RATIO_BYTES and unpacked > MAX_UNPACK_RATIO * packed:
        raise refused(f"{packed} bytes unpack to {unpacked} or more; the limit is {MAX_UNPACK_RATIO} for 1", member)


def inflated(source: Source, member: Member) -> Iterator[bytes]:
    """A deflated member of a zip, whole. Raises `invalid_archive` unless it has exactly the size that it claims."""
    assert member.packed is not None
    left = member.size
    for piece in _unpack(source, member.offset, member.offset + member.packed, _RAW, member.name):
        left -= len(piece)
        if left < 0:
            raise refused(f"it unpacks to more than the {member.size} bytes that it claims", member.name)
        yield piece
    if left:
        raise refused(f"it unpacks to {left} bytes less than the {member.size} that it claims", member.name)


def ungzipped(source: Source) -> Source:
    """The unpacked bytes of a gzip file, in a file without a name that goes away when it is closed."""
    from tempfile import TemporaryFile

    file = TemporaryFile()  # noqa: SIM115 - the answer owns it
    try:
        size = 0
        for piece in _unpack(source, 0, source.size, _GZIP, None):
            size += len(piece)
            check_growth(size, source.size)
            file.write(piece)
        file.flush()
    except BaseException:
        file.close()
        raise
    return Source(file.fileno(), file)


def _unpack(source: Source, start: int, end: int, form: int, member: str | None) -> Iterator[bytes]:
    """One deflate stream that fills the bytes between two positions, in pieces of up to a chunk."""
    engine = zlib.decompressobj(form)
    while not engine.eof:
        data = engine.unconsumed_tail
        if not data:
            data = b"".join(source.chunks(start, min(end, start + CHUNK_BYTES)))
            start += len(data)
        try:
            piece = engine.decompress(data, CHUNK_BYTES)
        except zlib.error as exc:
            raise refused(f"its compressed bytes are damaged: {exc}", member) from exc
        if piece:
            yield piece
        elif not data:
            raise refused("its compressed bytes end too early", member)
    if engine.unused_data or start != end:
        raise refused("bytes follow the end of its compressed ones", member)
