"""How the bytes of a record are packed: as they are, by deflate, or by Zstandard where the library is there.

Whoever writes takes what it has; a reader needs the library for what was packed by it, and says so.
"""

from __future__ import annotations

import zlib

from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeAlias

    Packer: TypeAlias = Callable[[bytes], tuple[int, bytes]]
    """How a writer packs, and the name of the packing. Not to be used by two threads at once."""

PLAIN, DEFLATE, ZSTANDARD = range(3)
MIN_BYTES: Final = 192
"""Less is not packed: it gains tens of bytes, and costs as much time as the row that holds it."""
ZSTANDARD_LEVEL: Final = 3
DEFLATE_LEVEL: Final = 3
NEEDS: Final = "this state was stored by Zstandard, which is not installed: pip install 'runstone[state]'"


def best_packer() -> Packer:
    """Zstandard where it is installed, else deflate."""
    try:
        import zstandard
    except ImportError:
        return deflate
    compressor = zstandard.ZstdCompressor(level=ZSTANDARD_LEVEL, write_checksum=False)
    return lambda body: (ZSTANDARD, compressor.compress(body))


def deflate(body: bytes) -> tuple[int, bytes]:
    """Packed by what every Python has."""
    return DEFLATE, zlib.compress(body, DEFLATE_LEVEL)


def packed(body: bytes, packer: Packer) -> tuple[int, bytes]:
    """The packing that was taken, and what comes of it: the bytes themselves where nothing is gained."""
    if len(body) >= MIN_BYTES:
        packing, content = packer(body)
        if len(content) < len(body):
            return packing, content
    return PLAIN, body


def unpacked(content: bytes, packing: int, size: int) -> bytes:
    """The `size` bytes that were packed. Raises `state_damaged`, `missing_extra`."""
    if packing == PLAIN:
        body = content
    elif packing == DEFLATE:
        body = _inflated(content, size)
    elif packing == ZSTANDARD:
        body = _decompressed(content, size)
    else:
        raise error("state_damaged", f"a stored record is packed in a way that none is: {packing}", found=packing)
    if len(body) != size:
        message = f"a stored record holds {len(body)} bytes, and says {size}"
        raise error("state_damaged", message, expected=size, found=len(body))
    return body


def _inflated(content: bytes, size: int) -> bytes:
    engine = zlib.decompressobj()
    try:
        return engine.decompress(content, size + 1)
    except zlib.error as exc:
        raise error("state_damaged", f"a stored record cannot be unpacked: {exc}") from exc


def _decompressed(content: bytes, size: int) -> bytes:
    try:
        import zstandard
    except ImportError as exc:
        raise error("missing_extra", NEEDS, extra="state", package="zstandard") from exc
    try:
        told = zstandard.frame_content_size(content)
        if told != size:  # asked before so much memory is taken
            raise error("state_damaged", f"a stored record holds {told} bytes, and says {size}")
        return zstandard.ZstdDecompressor().decompress(content, max_output_size=size + 1)
    except zstandard.ZstdError as exc:
        raise error("state_damaged", f"a stored record cannot be unpacked: {exc}") from exc
