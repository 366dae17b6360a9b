"""Blobs of state come back byte by byte from what was stored of them, and little is stored of what was there before."""

from __future__ import annotations

import random
import sys
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runstone.core.state import packing, record
from runstone.core.state.packing import best_packer, deflate
from runstone.core.state.ranges import MAX_STEPS, delta, merged, read_varint, varint
from runstone.errors import InvalidInput, RunstoneError
from runstone.testing.ground import code_of

PIECES = st.binary(max_size=80) | st.sampled_from([b"", b"a" * 40, b"ab" * 300, bytes(range(256)), b"\0" * 17])


@st.composite
def edits(draw: st.DrawFn) -> list[bytes]:
    """Blobs, each made of the one before: cut, moved, changed, put in, or another one altogether."""
    blob = b"".join(draw(st.lists(PIECES, max_size=6)))
    blobs = [blob]
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(blob)))
        end = draw(st.integers(at, len(blob)))
        piece = draw(PIECES)
        blob = draw(
            st.sampled_from(
                [
                    blob[:at] + piece + blob[end:],
                    blob + piece,
                    piece + blob,
                    blob[at:],
                    blob[:at],
                    blob[end:] + blob[:at],
                ]
            )
            | st.just(piece)
        )
        blobs.append(blob)
    return blobs


def stored(blobs: list[bytes], packer=deflate) -> list[bytes]:
    """The records of blobs that follow one another, each beside the one before it where that is worth it."""
    records: list[bytes] = []
    for number, blob in enumerate(blobs):
        made = None
        if number:
            made = record.beside(blob, blobs[number - 1], record.tag_of(records[-1]), packer)
        records.append(record.whole(blob, packer) if made is None else made)
    return records


def restored(records: list[bytes]) -> list[bytes]:
    blobs: list[bytes] = []
    for data in records:
        found = record.read_record(data)
        blobs.append(found.blob(None if found.is_whole else blobs[-1]))
    return blobs


def read_by_the_page(data: bytes, base: bytes) -> bytes:
    """A record, read by docs/format/state-1.md alone."""
    assert (data[0], zlib.crc32(data[:-4])) == (1, int.from_bytes(data[-4:], "big"))
    numbers, offset = [], 11
    for _ in range(2):
        number, shift = 0, 0
        while True:
            number |= (data[offset] & 127) << shift
            shift += 7
            offset += 1
            if data[offset - 1] < 128:
                break
        numbers.append(number)
    body = data[offset:-4]
    if data[2] == 1:
        body = zlib.decompress(body)
    assert len(body) == numbers[1]
    if data[1] == 0:
        return body
    out = bytearray()
    offset = 0
    while len(out) < numbers[0]:
        step = []
        for _ in range(3):
            number, shift = 0, 0
            while body[offset] >= 128:
                number |= (body[offset] & 127) << shift
                shift, offset = shift + 7, offset + 1
            step.append(number | body[offset] << shift)
            offset += 1
        start = len(out) + (step[1] // 2 if step[1] % 2 == 0 else -(step[1] + 1) // 2)
        out += base[start : start + step[0]] if step[0] else b""
        out += body[offset : offset + step[2]]
        offset += step[2]
    assert (offset, len(out)) == (len(body), numbers[0])
    return bytes(out)


@given(edits())
@example([b"", b"x", b"", b"x" * 16, b"y" * 16])
@settings(max_examples=300, deadline=None)
def test_every_blob_comes_back_byte_by_byte(blobs: list[bytes]) -> None:
    """Whatever was cut, moved, changed or emptied in between."""
    for packer in (deflate, best_packer()):
        assert restored(stored(blobs, packer)) == blobs


@given(edits())
@settings(max_examples=150, deadline=None)
def test_the_page_is_enough_to_read_a_record(blobs: list[bytes]) -> None:
    """A reader that was written by it reads what this one does."""
    before = b""
    for data, blob in zip(stored(blobs), blobs, strict=True):
        assert read_by_the_page(data, before) == blob
        before = blob


@given(st.binary(max_size=300), st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_a_delta_is_exact_for_blobs_that_have_nothing_in_common(new: bytes, old: bytes) -> None:
    """Also where one of them is empty."""
    assert merged(old, delta(new, old), len(new)) == new


def text(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


OLD = text(100_000, 1)
CHANGES = {
    "appended": (OLD + text(500, 2), 700),
    "a counter at the front, and appended": (b"\x91" + OLD[1:] + text(500, 2), 700),
    "the header grew by two bytes": (b"\xdc\0\x10" + OLD[1:] + text(500, 2), 700),
    "trimmed at the front, and appended": (OLD[2000:] + text(500, 2), 700),
    "put in between": (OLD[:40_000] + text(300, 2) + OLD[40_000:], 500),
    "taken out": (OLD[:40_000] + OLD[47_000:], 100),
    "changed in thirty places": (
        b"".join(OLD[at : at + 3000] + text(8, at) for at in range(0, 100_000, 3008)),
        34 * 50,
    ),
    "nothing": (OLD, 20),
    "cut": (OLD[:70_000], 20),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_stored_is_what_is_new(name: str) -> None:
    """Beside what was added or changed a delta has a few bytes for each place."""
    new, most = CHANGES[name]
    steps = delta(new, OLD)
    assert merged(OLD, steps, len(new)) == new
    assert len(steps) <= most


def test_a_delta_that_gains_nothing_is_none() -> None:
    """Then the blob is stored whole."""
    assert record.beside(text(5000, 3), text(5000, 4), bytes(4), deflate) is None


def test_a_row_of_deltas_ends() -> None:
    """At 256, and where they come to four times the keyframe and to 64 KB; not before."""
    assert not record.due(255, 65_535, 10)
    assert record.due(256, 0, 10)
    assert record.due(0, 65_536, 10)
    assert not record.due(0, 79_999, 20_000)
    assert record.due(0, 80_000, 20_000)


def test_many_changes_end_in_a_literal() -> None:
    """The steps of a delta have a limit: what is behind it is told as new, and is exact."""
    old = text(200_000, 5)
    new = bytes(byte ^ (index % 100 == 50) for index, byte in enumerate(old))
    steps = delta(new, old)
    assert merged(old, steps, len(new)) == new
    assert len(steps) > len(new) - MAX_STEPS * 200


# what is refused


def one_record() -> bytes:
    made = record.beside(b"a" * 200 + b"new", b"a" * 200, b"base", deflate)
    assert made is not None
    return made


def test_every_changed_byte_of_a_record_is_found() -> None:
    """And every cut: no damaged record is read as another blob."""
    data = one_record()
    for at in range(len(data)):
        changed = data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]
        assert code_of(lambda changed=changed: record.read_record(changed)) in ("state_damaged", "unsupported_format")
        assert code_of(lambda at=at: record.read_record(data[:at])) == "state_damaged"


def test_a_delta_without_its_base_is_damaged() -> None:
    """It is not read as something else."""
    assert code_of(lambda: record.read_record(one_record()).blob(None)) == "state_damaged"
    assert code_of(lambda: record.read_record(one_record()).blob(b"short")) == "state_damaged"


def signed(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "big")


LIES = {
    "a kind that is none": bytes((1, 2, 0)) + bytes(8) + b"\1\1x",
    "a packing that is none": bytes((1, 0, 9)) + bytes(8) + b"\1\1x",
    "another size": bytes((1, 0, 0)) + bytes(8) + b"\2\2x",
    "a size without an end": bytes((1, 0, 0)) + bytes(8) + b"\xff" * 12,
    "a size over the limit": bytes((1, 0, 0)) + bytes(8) + varint(1 << 30) * 2 + b"x",
    "no zlib": bytes((1, 0, 1)) + bytes(8) + b"\2\2xx",
    "a bomb of zlib": bytes((1, 0, 1)) + bytes(8) + b"\2\2" + zlib.compress(bytes(1 << 20)),
    "no Zstandard": bytes((1, 0, 2)) + bytes(8) + b"\2\2xx",
    "a step of nothing": bytes((1, 1, 0)) + bytes(8) + b"\1\3\0\0\0",
    "a step outside": bytes((1, 1, 0)) + bytes(8) + b"\x63\3\x63\0\0",
    "a step before": bytes((1, 1, 0)) + bytes(8) + b"\2\3\2\1\0",
    "more than the size": bytes((1, 1, 0)) + bytes(8) + b"\1\5\0\0\2xx",
    "steps behind the end": bytes((1, 1, 0)) + bytes(8) + b"\1\5\0\0\1xx",
}


@pytest.mark.parametrize("name", LIES)
def test_a_record_that_lies_is_damaged(name: str) -> None:
    """With its check right: each rule of the page is held by itself."""
    assert code_of(lambda: record.read_record(signed(LIES[name])).blob(b"base")) == "state_damaged"


def test_a_bomb_of_zstandard_is_not_unpacked() -> None:
    """What a frame says of its size is compared before memory is taken."""
    content = best_packer()(bytes(1 << 20))[1]
    lie = bytes((1, 0, 2)) + bytes(8) + b"\2\2" + content
    assert code_of(lambda: record.read_record(signed(lie)).blob(None)) == "state_damaged"


def test_what_is_too_large_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is told."""
    monkeypatch.setattr(record, "MAX_BLOB_BYTES", 200)
    assert code_of(lambda: record.whole(bytes(201), deflate)) == "too_large"
    assert code_of(lambda: record.beside(b"a" * 201, b"a" * 200, bytes(4), deflate)) == "too_large"


def test_numbers_come_back() -> None:
    """Of any size that a blob can have."""
    for number in (0, 1, 127, 128, 300, 1 << 29, (1 << 63) - 1):
        assert read_varint(varint(number), 0) == (number, len(varint(number)))


# the library


def test_without_zstandard_records_are_deflated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing goes on; what Zstandard packed is asked for by the name of the extra."""
    blob = b"some state " * 50
    by_zstandard = record.whole(blob, best_packer())
    assert by_zstandard[2] == packing.ZSTANDARD
    monkeypatch.setitem(sys.modules, "zstandard", None)
    data = record.whole(blob, best_packer())
    assert (data[2], record.read_record(data).blob(None)) == (packing.DEFLATE, blob)
    with pytest.raises(InvalidInput, match=r"runstone\[state\]") as raised:
        record.read_record(by_zstandard).blob(None)
    assert (raised.value.code, raised.value.details["package"]) == ("missing_extra", "zstandard")


def test_what_does_not_shrink_is_not_packed() -> None:
    """Noise is stored as it is, and read without any library."""
    assert record.whole(text(400, 9), best_packer())[2] == packing.PLAIN


def test_errors_are_of_the_family() -> None:
    """A handler that knows `Damaged` knows these."""
    with pytest.raises(RunstoneError):
        read_varint(b"", 0)
