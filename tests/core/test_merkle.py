"""The Merkle tree hash, beside the definition in RFC 6962 and published proofs."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.merkle import MerkleTree

# the leaves of the published proofs, and the roots of the trees of their first 1 to 8
LEAVES = [
    bytes.fromhex(text)
    for text in ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
]


def naive(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive(leaves[:split]) + naive(leaves[split:])).digest()


def tree(leaves: list[bytes]) -> MerkleTree:
    result = MerkleTree()
    for leaf in leaves:
        result.extend([leaf])
    return result


@given(st.lists(st.binary(max_size=5), max_size=70))
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    """For any leaves, equal ones and empty ones too."""
    grown = tree(leaves)
    assert grown.root() == naive(leaves).hex()
    assert grown.count == len(leaves)


def test_the_root_can_be_asked_at_any_time() -> None:
    """Asking does not change the tree: every size up to 130 agrees while one tree grows."""
    grown, leaves = MerkleTree(), list[bytes]()
    for number in range(130):
        assert grown.root() == naive(leaves).hex()
        leaves.append(b"%d" % number)
        grown.extend([leaves[-1]])


def test_the_tree_holds_one_hash_a_level() -> None:
    """A million leaves would be held as twenty hashes; here ten thousand as five."""
    grown = tree([b"leaf"] * 10_000)
    assert len(grown._stack) == (10_000).bit_count()


def test_a_node_is_not_a_leaf() -> None:
    """The prefixes keep a pair of leaves apart from one leaf that spells their node (second preimage)."""
    left, right = (sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b"))
    assert tree([b"a", b"b"]).root() != tree([left + right]).root()
    assert tree([b"a", b"b"]).root() != tree([b"\x01" + left + right]).root()


def test_a_large_leaf() -> None:
    """Leaves beyond the built-in hash's size are hashed alike."""
    leaf = b"x" * 300_000
    assert tree([leaf]).root() == sha256(b"\x00" + leaf).hexdigest()


def root_of_proof(leaf_hash: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """RFC 9162, section 2.1.3.2: the root that an inclusion proof leads to, or None if it cannot be one."""
    if index >= size:
        return None
    fn, sn, node = index, size - 1, leaf_hash
    for sibling in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            node = sha256(b"\x01" + sibling + node).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        fn, sn = fn >> 1, sn >> 1
    return node if sn == 0 else None


def accepted(vector: dict[str, Any]) -> bool:
    """Whether a published proof shows that its leaf is in the tree whose root we compute."""
    size = vector["treeSize"]
    proof = [base64.b64decode(node) for node in vector["proof"] or []]
    reached = root_of_proof(base64.b64decode(vector["leafHash"]), vector["leafIdx"], size, proof)
    claimed = base64.b64decode(vector["root"])
    return reached == claimed and tree(LEAVES[:size]).root() == claimed.hex()


@pytest.mark.parametrize("good", [True, False])
def test_published_inclusion_proofs(shared: Path, good: bool) -> None:
    """With our roots every good proof of the published trees is accepted, and every bad one refused."""
    files = sorted((shared / "vectors" / "merkle" / "inclusion").glob("[0-9]/*.json"))
    chosen = [vector for vector in map(json.loads, map(Path.read_bytes, files)) if vector["wantErr"] is not good]
    assert len(chosen) >= (4 if good else 60)
    assert [vector["desc"] for vector in chosen if accepted(vector) is not good] == []


@pytest.mark.parametrize(
    ("size", "root"),
    [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ],
)
def test_known_roots(size: int, root: str) -> None:
    """Roots that Certificate Transparency's implementations share."""
    assert tree(LEAVES[:size]).root() == root
