"""Unpack deflated bytes, and those of Zstandard: never more than was said, never more in memory than a chunk."""

from __future__ import annotations

import zlib

from runstone.adapters.archives.source import CHUNK_BYTES, Member, Source, refused
from runstone.core.limits import MAX_UNPACK_RATIO, MAX_UNPACKED_BYTES, MIN_RATIO_BYTES
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO, Final

_RAW: Final = -zlib.MAX_WBITS
_GZIP: Final = 16 + zlib.MAX_WBITS
_INSTALL: Final = "pip install 'runstone[inspect]'"


def check_growth(unpacked: int, packed: int) -> None:
    """Raise `invalid_archive` if so many bytes must not come out of so few."""
    if unpacked > MAX_UNPACKED_BYTES:
        raise refused(f"it unpacks to {unpacked} bytes or more; the limit is {MAX_UNPACKED_BYTES}")
    if unpacked > MIN_RATIO_BYTES and unpacked > MAX_UNPACK_RATIO * packed:
        raise refused(f"{packed} bytes unpack to {unpacked} or more; the limit is {MAX_UNPACK_RATIO} for 1")


def inflated(source: Source, member: Member) -> Iterator[bytes]:
    """A compressed member of a zip, whole. Raises `invalid_archive` unless it has exactly the size that it claims, and
    `missing_extra`."""
    assert member.packed is not None
    left, end = member.size, member.offset + member.packed
    form = _decompressed(source, member, end) if member.zstandard else None
    for piece in form or _unpack(source, member.offset, end, _RAW, member.name):
        left -= len(piece)
        if left < 0:
            raise refused(f"it unpacks to more than the {member.size} bytes that it claims", member.name)
        yield piece
    if left:
        raise refused(f"it unpacks to {left} bytes less than the {member.size} that it claims", member.name)


def _decompressed(source: Source, member: Member, end: int) -> Iterator[bytes]:
    """The frames of Zstandard that fill the bytes up to `end`, in pieces of up to a chunk."""
    try:
        import zstandard
    except ImportError as exc:
        message = f"{member.name[:200]!r}: compressed by Zstandard, which is not installed: {_INSTALL}"
        raise error("missing_extra", message, extra="inspect", package="zstandard", member=member.name[:1024]) from exc
    engine = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    try:
        packed: IO[bytes] = _Pieces(source, member.offset, end)  # type: ignore[assignment]  # all that is read of it
        with engine.stream_reader(packed, read_across_frames=True) as reader:
            while piece := reader.read(CHUNK_BYTES):
                yield piece
    except zstandard.ZstdError as exc:
        raise refused(f"its compressed bytes are damaged: {exc}", member.name) from exc


MAX_WINDOW_BYTES: Final = 128 << 20
"""What a frame may have the decompressor hold."""


class _Pieces:
    """The bytes between two positions, as a file to read from."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self._source = source
        self._at = start
        self._end = end

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end."""
        data = b"".join(self._source.chunks(self._at, min(self._end, self._at + size)))
        self._at += len(data)
        return data


def ungzipped(source: Source) -> Iterator[bytes]:
    """The unpacked bytes of a gzip file."""
    size = 0
    for piece in _unpack(source, 0, source.size, _GZIP, None):
        size += len(piece)
        check_growth(size, source.size)
        yield piece


def spooled(pieces: Iterable[bytes]) -> Source:
    """Bytes in a file without a name that goes away when it is closed: to be read by position, and again."""
    from tempfile import TemporaryFile

    file = TemporaryFile()  # noqa: SIM115 - the answer owns it
    try:
        for piece in pieces:
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
