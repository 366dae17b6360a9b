"""Vectors: the kernel gives what they say, and where somebody else has published the answer, it is the same."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.format.golden_files import VECTORS, vector
from tests.format.vectors import journal_of

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import digest_of, sha256_hex
from runstone.core.merkle import MerkleTree
from runstone.core.outcome import outcome
from runstone.core.parsing import parse_canonical, parse_json
from runstone.core.printing import PROFILES, print_json
from runstone.core.tar import tar_pieces
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from typing import Any

OUTCOMES = sorted(path.name for path in (VECTORS / "outcome").glob("*.json"))

CERTIFICATE_TRANSPARENCY_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Published with the reference implementation of RFC 6962, for these leaves."""


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(name: str) -> None:
    """A golden journal has its outcome object and digest."""
    row = vector(f"outcome/{name}")
    value = outcome(journal_of("".join(line + "\n" for line in row["journal"]).encode()))
    assert value == row["outcome"]
    assert digest_of(canonical_bytes(value)) == row["outcome_digest"]


def test_there_are_twelve_outcomes() -> None:
    """Twelve golden journals."""
    assert len(OUTCOMES) == 12


def test_what_is_left_out_does_not_count() -> None:
    """Two runs that differ in nothing that must reproduce have one outcome digest; all others have their own."""
    digests = [vector(f"outcome/{name}")["outcome_digest"] for name in OUTCOMES]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 11


@pytest.mark.parametrize("row", vector("profiles.json"), ids=lambda row: row["name"])
@pytest.mark.parametrize("profile", list(PROFILES))
def test_print_profile(row: dict[str, Any], profile: str) -> None:
    """A value prints as the vector says, or has no form; what is printed reads back as the same value."""
    value, expected = parse_json(row["text"].encode()), row["printed"][profile]
    if expected is None:
        with pytest.raises(RunstoneError):
            print_json(value, profile)
        return
    assert print_json(value, profile).decode() == expected
    assert parse_json(expected.encode()) == value


@pytest.mark.parametrize("row", vector("profiles.json"), ids=lambda row: row["name"])
def test_python_profiles_are_what_python_prints(row: dict[str, Any]) -> None:
    """The profiles of other people's hashes agree with the program that those people hash with."""
    value = json.loads(row["text"])
    printed = row["printed"]
    assert printed["py-compact-ascii"] == json.dumps(value, sort_keys=True, separators=(",", ":"))
    compact = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert printed["py-compact-utf8"] == compact
    assert printed["py-pretty-utf8"] == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("row", vector("canonical.json")["refused"], ids=lambda row: row["name"])
def test_refused_json(row: dict[str, Any]) -> None:
    """Bytes that are not canonical are refused with their code and place."""
    with pytest.raises(RunstoneError) as refusal:
        parse_canonical(bytes.fromhex(row["hex"]))
    assert (refusal.value.code, refusal.value.details.get("offset")) == (row["code"], row["offset"])


@pytest.mark.parametrize("row", vector("canonical.json")["canonical"], ids=lambda row: row["name"])
def test_canonical_json(row: dict[str, Any]) -> None:
    """The canonical form is accepted, is its own canonical form, and is the value of the text."""
    data = bytes.fromhex(row["canonical_hex"])
    value = parse_canonical(data)
    assert canonical_bytes(value) == data
    assert value == json.loads(row["text"], parse_int=float)


def test_merkle_roots() -> None:
    """Roots are those that others publish for the same leaves."""
    rows = vector("merkle.json")
    assert [row["root"] for row in rows] == CERTIFICATE_TRANSPARENCY_ROOTS
    for row in rows:
        tree = MerkleTree()
        for leaf in row["leaves_hex"]:
            tree.extend([bytes.fromhex(leaf)])
        assert tree.root() == row["root"]


@pytest.mark.parametrize("row", vector("tar.json"), ids=lambda row: row["name"])
def test_tar(row: dict[str, Any]) -> None:
    """The tar form has its bytes, and an ordinary tar reader finds the files in it."""
    files = {path: body.encode() for path, body in row["files"].items()}
    sizes = {path: len(body) for path, body in files.items()}
    body = b"".join(tar_pieces(row["run_id"], sizes, lambda path: [files[path]]))
    assert (len(body), sha256_hex(body)) == (row["size"], row["sha256"])
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        read = {member.name: archive.extractfile(member).read() for member in archive}
        facts = {(member.mode, member.uid, member.gid, member.mtime, member.uname) for member in archive.getmembers()}
    assert read == {f"{row['run_id']}/{path}": content for path, content in files.items()}
    assert facts == {(0o644, 0, 0, 0, "")}
