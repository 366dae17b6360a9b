"""Merkle tree hash of RFC 6962, section 2.1: SHA-256, leaf prefix 0x00, node prefix 0x01.

`MerkleTree` is fed leaf by leaf and holds one hash for each level, never the leaves.
"""

from __future__ import annotations

from runstone.core.digests import sha256_raw, small_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LEAF: Final = b"\x00"
NODE: Final = b"\x01"


class MerkleTree:
    """A growing tree: `add` appends a leaf, `root` answers at any time."""

    __slots__ = ("_stack", "count")

    def __init__(self) -> None:
        self.count = 0
        self._stack: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append one leaf (its bytes, not its hash)."""
        stack = self._stack
        node: bytes = sha256_raw(LEAF + leaf)
        count = self.count
        while count & 1:  # two complete subtrees of one height become one
            node = small_sha256(NODE + stack.pop() + node).digest()
            count >>= 1
        stack.append(node)
        self.count += 1

    def root(self) -> str:
        """The tree hash of all leaves so far, 64 lower-case hexadecimal digits."""
        if not self._stack:
            return sha256_raw(b"").hex()
        node = self._stack[-1]
        for left in reversed(self._stack[:-1]):
            node = small_sha256(NODE + left + node).digest()
        return node.hex()
