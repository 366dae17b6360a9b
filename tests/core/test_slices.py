"""Slices: what is written is found again, what is not whole is not, and a header has one spelling."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.core import layout
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import digest_of, sha256_hex
from runstone.core.slices import Slice, found_again, index_bytes, member_at, members, parse_index, scan, slice_of
from runstone.core.tar import BLOCK, END, header

NAMES = st.text("abcé.x-", min_size=1, max_size=60).filter(lambda name: layout.path_problem(name) is None)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join).filter(lambda path: path != layout.MANIFEST)
FILES = st.dictionaries(PATHS, st.binary(max_size=1500), max_size=5)
LONG = "d" * 90
AT = "2026-01-02T03:04:05.000000Z"


def bundle(run_id: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Files with a manifest that names them."""
    entries = [
        {"path": path, "size": len(data), "sha256": sha256_hex(data), "media_type": "x", "role": "document"}
        for path, data in sorted(files.items())
    ]
    manifest = {
        "format": layout.FORMAT, "run_id": run_id, "kind": "k", "contract": {"name": "n", "version": "1"},
        "status": "success", "opened_at": AT, "closed_at": AT, "links": [], "files": entries,
        "events": {"count": 2, "root": "r"}, "outcome_digest": "o", "ext": {},
    }  # fmt: skip
    return {layout.MANIFEST: canonical_bytes(manifest), **files}


def reading(data: bytes):
    """Reads bytes as a segment."""
    return lambda at, size: data[at : at + size]


def found_in(data: bytes) -> list[tuple[str, bool]]:
    """What a scan finds: run ids, and whether each is sound."""
    return [(found.run_id, found.sound) for found in scan(reading(data), 0, len(data))]


ONE, TWO, THREE = (slice_of(name, bundle(name, {"a": name.encode() * 300, "b": b""})) for name in ("r1", "r2", "r3"))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["r1", "r2", "R-3"]), FILES, min_size=1))
def test_what_is_written_is_found(bundles: dict[str, dict[str, bytes]]) -> None:
    """Every slice, its digest and its files come back, whatever the files are called and hold."""
    whole = {run_id: bundle(run_id, files) for run_id, files in bundles.items()}
    data = b"".join(slice_of(run_id, files) for run_id, files in whole.items())
    found = list(scan(reading(data), 0, len(data)))
    assert [(one.run_id, one.digest) for one in found] == [
        (run_id, digest_of(files[layout.MANIFEST])) for run_id, files in whole.items()
    ]
    for one in found:
        back = {member.path: data[member.start : member.start + member.size] for member in members(reading(data), one)}
        assert back == whole[one.run_id]
    assert sum(one.length for one in found) == len(data)


@settings(max_examples=30, deadline=None)
@given(FILES)
def test_plain_tar_reads_a_slice(files: dict[str, bytes]) -> None:
    """The standard library's tar finds the same names and bytes."""
    whole = bundle("r1", files)
    with tarfile.open(fileobj=io.BytesIO(slice_of("r1", whole) + END)) as archive:
        back = {member.name.partition("/")[2]: archive.extractfile(member).read() for member in archive}
    assert back == whole


def test_every_changed_byte_makes_a_slice_unsound() -> None:
    """Headers, bytes of files, zeros between them: nothing of a slice can be another; a manifest that says something
    else has another digest."""
    (whole, _) = scan(reading(ONE + TWO), 0, len(ONE + TWO))
    for at in range(len(ONE)):
        data = bytearray(ONE + TWO)
        data[at] ^= 1
        *found, last = scan(reading(bytes(data)), 0, len(data))
        assert (last.run_id, last.sound) == ("r2", True)
        assert all(one.digest != whole.digest or not one.sound for one in found), at


@pytest.mark.parametrize("cut", [1, BLOCK, len(THREE) // 2 // BLOCK * BLOCK, len(THREE) - 1])
def test_slice_that_is_not_all_there_is_not_seen(cut: int) -> None:
    """Of a tail that was torn anywhere, nothing is seen; what stands before it is."""
    assert found_in(ONE + TWO + THREE[:cut]) == [("r1", True), ("r2", True)]


def test_damaged_slice_is_seen_where_a_sound_one_stands_behind_it() -> None:
    """It is damaged, and not torn: it is found, so that verification can name the fault."""
    data = bytearray(ONE + TWO)
    at = data.index(b"r1r1r1")
    data[at] ^= 1
    assert found_in(bytes(data)) == [("r1", False), ("r2", True)]
    assert found_in(bytes(data[: len(ONE)])) == []


def test_slice_whose_manifest_is_gone_hides_no_other() -> None:
    """The scan goes on behind it, block by block."""
    assert found_in(ONE + bytes(BLOCK * 2) + TWO[BLOCK:] + THREE) == [("r1", True), ("r3", True)]


@pytest.mark.parametrize("at", range(0, len(TWO), BLOCK))
def test_a_block_that_is_gone_hides_no_other_slice(at: int) -> None:
    """Wherever in a slice it was, also in its last file: what stands behind it begins earlier, and is found."""
    two = TWO[:at] + TWO[at + BLOCK :]
    found = [run_id for run_id, sound in found_in(ONE + two + THREE) if sound]
    assert found == ["r1", "r3"]


@pytest.mark.parametrize("start", range(0, len(ONE + TWO + THREE), BLOCK))
@pytest.mark.parametrize("blocks", [1, 2, len(TWO) // BLOCK])
def test_segment_that_was_cut_keeps_what_is_sound(start: int, blocks: int) -> None:
    """Each slice of the index is there: sound where it is whole, wherever it stands now, else damaged; none overlaps
    another."""
    data = ONE + TWO + THREE + END
    indexed = list(scan(reading(data), 0, len(data)))
    left = data[:start] + data[start + blocks * BLOCK :]
    again = found_again(indexed, reading(left), len(left))
    whole = {name for name, part in (("r1", ONE), ("r2", TWO), ("r3", THREE)) if part in left}
    assert {one.run_id: one.sound for one in again} == {name: name in whole for name in ("r1", "r2", "r3")}
    places = sorted((one.offset, one.end) for one in again)
    assert all(one[1] <= other[0] for one, other in pairwise(places))
    assert all(one.length >= BLOCK for one in again)


def test_archive_in_a_file_is_no_slice() -> None:
    """A bundle that keeps a segment as an artifact is one run, also where it is torn."""
    outer = slice_of("outer", bundle("outer", {"artifacts/pack.tar": ONE + TWO}))
    assert found_in(outer) == [("outer", True)]
    assert found_in(outer[: len(outer) - BLOCK]) == []


@pytest.mark.parametrize("size", [0, 1, 511, 512, 8**11 - 1, 8**11])
@pytest.mark.parametrize("path", ["a", LONG, f"{LONG}/{LONG}/é"])
def test_header_comes_back(size: int, path: str) -> None:
    """Name and size, also past 100 bytes and 8 GiB."""
    data = header(f"run/{path}", size)
    found = member_at(reading(data), 0)
    assert found is not None
    assert (found[0], found[1].path, found[1].size, found[1].start) == ("run", path, size, len(data))


@pytest.mark.parametrize("at", [0, 99, 101, 110, 130, 140, 150, 156, 160, 260, 300, 330, 400, 511])
def test_header_in_another_spelling_is_none(at: int) -> None:
    """Names of owners, times, other types and checksums: what tar would let pass is no header here."""
    data = bytearray(header("run/manifest.json", 5))
    data[at] ^= 1
    assert member_at(reading(bytes(data)), 0) is None


@pytest.mark.parametrize("data", [b"", b"\0" * 512, b"x" * 512, b"9" * 1024, header("run", 3), header("../x/y", 3)])
def test_what_is_no_header_is_none(data: bytes) -> None:
    """Nothing, zeros, noise, a name without a folder or with one that is no run id."""
    assert member_at(reading(data), 0) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_read_without_an_error(noise: bytes) -> None:
    """Whatever a disk holds, a scan ends and raises nothing."""
    assert list(scan(reading(noise), 0, len(noise))) == []
    assert found_in(noise[: len(noise) // BLOCK * BLOCK] + ONE) == [("r1", True)]


def test_index_comes_back_for_its_size_only() -> None:
    """What was indexed is read; an index of a smaller size, another form or order is none. That of a larger size is
    one: the segment has lost bytes."""
    slices = [Slice("r1", digest_of(b"1"), 0, 512, 7), Slice("r2", digest_of(b"2"), 512, 1024, 8)]
    data = index_bytes(2560, slices)
    back = parse_index(data, 2560)
    assert back is not None
    assert ([one.row() for one in back[0]], back[1]) == ([one.row() for one in slices], 2560)
    assert parse_index(data, 2561) is None
    cut = parse_index(data, 700)
    assert cut is not None
    assert ([one.row() for one in cut[0]], cut[1]) == ([one.row() for one in slices], 2560)
    assert [parse_index(data[:cut], 2560) for cut in range(len(data))] == [None] * len(data)
    assert parse_index(index_bytes(2560, reversed(slices)), 2560) is None
    assert parse_index(index_bytes(1000, slices), 1000) is None
