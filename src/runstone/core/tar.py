"""The tar form of a bundle: POSIX ustar, the same bytes for the same files.

`manifest.json` first, then by path; mode 0644; uid, gid and mtime 0; no names; zero-filled to 512. A name past 100
bytes gets a pax header. Plain `tar` reads it.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
_NAME_BYTES: Final = 100
_FILE: Final = b"0"
_PAX: Final = b"x"


def tar_pieces(run_id: str, sizes: dict[str, int], read: Callable[[str], Iterable[bytes]]) -> Iterator[bytes]:
    """A bundle as tar, in pieces. `sizes` are those of all files; raises `changed_while_read` where one lies."""
    yield from slice_pieces(run_id, sizes, read)
    yield END


def slice_pieces(run_id: str, sizes: dict[str, int], read: Callable[[str], Iterable[bytes]]) -> Iterator[bytes]:
    """As `tar_pieces`, without the end of the archive: another bundle may follow."""
    for path in in_order(sizes):
        yield header(f"{run_id}/{path}", sizes[path])
        size = 0
        for piece in read(path):
            size += len(piece)
            yield piece
        if size != sizes[path]:
            raise error("changed_while_read", f"{path} has {size} bytes, not {sizes[path]}", path=path)
        yield bytes(-size % BLOCK)


def in_order(paths: Iterable[str]) -> list[str]:
    """The paths of a bundle as they stand in an archive: the manifest, then the others by their UTF-8 bytes."""
    return [layout.MANIFEST, *sorted((path for path in paths if path != layout.MANIFEST), key=str.encode)]


def header(name: str, size: int) -> bytes:
    """The header of a regular file, with a pax header before it where the name needs one."""
    encoded = name.encode()
    if len(encoded) <= _NAME_BYTES and size < 8**11:
        return _block(encoded, size, _FILE)
    records = _record("path", name) + (_record("size", str(size)) if size >= 8**11 else b"")
    pax = _block(b"pax/" + encoded[: _NAME_BYTES - 4], len(records), _PAX)
    return pax + records + bytes(-len(records) % BLOCK) + _block(encoded[:_NAME_BYTES], size % 8**11, _FILE)


def _record(key: str, value: str) -> bytes:
    """A pax record: its own length in decimal, a space, `key=value`, LF."""
    body = f" {key}={value}\n".encode()
    size = len(body) + len(str(len(body)))
    size = len(body) + len(str(size))
    return str(size).encode() + body


def _block(name: bytes, size: int, kind: bytes) -> bytes:
    digits = b"%011o" % size
    checksum = _SUM_OF_THE_REST + sum(name) + sum(digits) + kind[0]
    return b"%b%b%b%b%06o\0 %b%b" % (name.ljust(_NAME_BYTES, b"\0"), _OWNER, digits, _TIME, checksum, kind, _TAIL)


_OWNER: Final = b"0000644\0" + b"0000000\0" * 2
_TIME: Final = b"\0" + b"00000000000\0"
_TAIL: Final = bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
_SUM_OF_THE_REST: Final = sum(_OWNER + _TIME + b" " * 8 + _TAIL)
