"""Merkle tree hash of RFC 6962, section 2.1: SHA-256, leaf prefix 0x00, node prefix 0x01.

`MerkleTree` is fed leaves in order and holds one hash for each level, never the leaves.
"""

from __future__ import annotations

from runstone.core.digests import LARGE_BYTES, new_hash, quickest_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

LEAF: Final = b"\x00"
NODE: Final = b"\x01"


class MerkleTree:
    """A growing tree: `extend` appends leaves, `root` answers at any time."""

    __slots__ = ("_sha256", "_stack", "count")

    def __init__(self) -> None:
        self.count = 0
        self._sha256 = quickest_sha256()
        self._stack: list[bytes] = []

    def extend(self, leaves: Iterable[bytes | memoryview]) -> None:
        """Append leaves (their bytes, not their hashes)."""
        stack, sha256, count = self._stack, self._sha256, self.count
        for leaf in leaves:
            node = sha256(LEAF + leaf).digest() if len(leaf) < LARGE_BYTES else _large_leaf(leaf)
            complete = count
            while complete & 1:  # two complete subtrees of one height become one
                node = sha256(NODE + stack.pop() + node).digest()
                complete >>= 1
            stack.append(node)
            count += 1
        self.count = count

    def root(self) -> str:
        """The tree hash of all leaves so far, 64 lower-case hexadecimal digits."""
        if not self._stack:
            return new_hash(size=0).hexdigest()
        node = self._stack[-1]
        for left in reversed(self._stack[:-1]):
            node = self._sha256(NODE + left + node).digest()
        return node.hex()


def _large_leaf(leaf: bytes | memoryview) -> bytes:
    digest = new_hash(LEAF)
    digest.update(leaf)
    return digest.digest()
