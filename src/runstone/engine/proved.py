"""A file that is read more than once while it is proved: what is used is what was hashed.

A file can change between two readings. The first reading takes a digest of each block; every later one compares,
and gives out no byte of a block that is not what it was.
"""

from __future__ import annotations

from runstone.core.digests import new_hash
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    Read = Callable[[int, int | None], Iterator[bytes]]

BLOCK_BYTES: Final = 1 << 20


class ProvedFile:
    """Bytes from `read(start, end_exclusive)`. A file of up to one block is held after its first reading.

    `digest` is the running SHA-256 of what the first reading has given.
    """

    def __init__(self, read: Read, path: str) -> None:
        self._read = read
        self._path = path
        self.digest = new_hash()
        self._blocks: list[bytes] = []
        self._block = bytearray()
        self.size = 0

    def first(self) -> Iterator[bytes]:
        """The first reading, from beginning to end, once."""
        for chunk in self._read(0, None):
            self.digest.update(chunk)
            self.size += len(chunk)
            self._block += chunk
            while len(self._block) > BLOCK_BYTES:
                self._blocks.append(new_hash(bytes(self._block[:BLOCK_BYTES])).digest())
                del self._block[:BLOCK_BYTES]
            yield chunk
        if self._blocks:
            self._blocks.append(new_hash(bytes(self._block)).digest())
            self._block.clear()

    def sha256(self) -> str:
        """Digest of what the first reading gave, 64 hexadecimal digits."""
        return self.digest.hexdigest()

    def again(self, start: int, end_exclusive: int) -> Iterator[bytes]:
        """Bytes between two offsets, proved; raises `changed_while_read`."""
        if not self._blocks:
            yield bytes(self._block[start:end_exclusive])
            return
        for number in range(start // BLOCK_BYTES, -(-min(end_exclusive, self.size) // BLOCK_BYTES)):
            at = number * BLOCK_BYTES
            block = b"".join(self._read(at, min(at + BLOCK_BYTES, self.size)))
            if new_hash(block).digest() != self._blocks[number]:
                raise error("changed_while_read", f"{self._path} changed while it was verified", path=self._path)
            yield block[max(0, start - at) : end_exclusive - at]
