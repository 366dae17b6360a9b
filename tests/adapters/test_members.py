"""Zip archives of other programs: their files by name, compressed by Zstandard, too; and what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from runstone.adapters.archives.members import ZipMembers
from runstone.core.digests import sha256_hex
from runstone.errors import RunstoneError

zstandard = pytest.importorskip("zstandard")

BODY = b"a line of text\n" * 40_000
_STORED, _ZSTANDARD = b"\0\0", b"\x5d\0"


def frames(body: bytes, count: int = 1) -> bytes:
    """A body in so many frames."""
    step = -(-len(body) // count)
    engine = zstandard.ZstdCompressor()
    return b"".join(engine.compress(body[at : at + step]) for at in range(0, len(body), step))


def archive(path: Path, packed: bytes, size: int) -> ZipMembers:
    """An archive whose one member says that it is compressed by Zstandard and has `size` bytes."""
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("a.txt", packed)
    body = bytearray(path.read_bytes())
    for at, method, sizes in ((0, 8, 22), (body.index(b"PK\x01\x02"), 10, 24)):
        assert body[at + method : at + method + 2] == _STORED
        body[at + method : at + method + 2] = _ZSTANDARD
        body[at + sizes : at + sizes + 4] = size.to_bytes(4, "little")
    path.write_bytes(body)
    return ZipMembers(str(path))


@pytest.mark.parametrize("count", [1, 3])
def test_zstandard(tmp_path: Path, count: int) -> None:
    """In one frame or several, whole."""
    members = archive(tmp_path / "a.zip", frames(BODY, count), len(BODY))
    assert (members.names, members.read("a.txt", len(BODY))) == (["a.txt"], BODY)
    assert members.sha256() == sha256_hex((tmp_path / "a.zip").read_bytes())
    members.close()


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_a_size_that_is_a_lie(tmp_path: Path, size: int) -> None:
    """More or less than it says."""
    members = archive(tmp_path / "a.zip", frames(BODY), size)
    with pytest.raises(RunstoneError, match="claims"):
        members.read("a.txt", 1 << 30)
    members.close()


@pytest.mark.parametrize("cut", [1, 20])
def test_torn_frames(tmp_path: Path, cut: int) -> None:
    """A frame that ends too early, and bytes that are none."""
    for packed in (frames(BODY)[:-cut], b"\x28\xb5\x2f\xfd" + b"\xff" * 40):
        members = archive(tmp_path / "a.zip", packed, len(BODY))
        with pytest.raises(RunstoneError) as caught:
            members.read("a.txt", 1 << 30)
        assert caught.value.code == "invalid_archive"
        members.close()


def test_a_limit(tmp_path: Path) -> None:
    """Is looked at before anything is unpacked."""
    members = archive(tmp_path / "a.zip", b"no frame", 1000)
    with pytest.raises(RunstoneError) as caught:
        members.read("a.txt", 999)
    assert caught.value.code == "too_large"
    members.close()


def test_of_two_of_one_name_the_last(tmp_path: Path) -> None:
    """As every reader of zip has it; and names are whatever they are."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("../A", b"1")
        out.writestr("../a", b"2")
        with pytest.warns(UserWarning, match="Duplicate"):
            out.writestr("../A", b"3")
    members = ZipMembers(str(path))
    assert {name: members.read(name, 9) for name in members.names} == {"../A": b"3", "../a": b"2"}
    with pytest.raises(RunstoneError) as caught:
        members.read("b", 9)
    assert caught.value.code == "file_not_found"
    members.close()


def test_what_is_no_zip(tmp_path: Path) -> None:
    """Is refused."""
    (tmp_path / "a").write_bytes(b"text")
    with pytest.raises(RunstoneError, match="no zip"):
        ZipMembers(str(tmp_path / "a"))
