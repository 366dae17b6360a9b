"""The tar form, read back by two other programs."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.layout import path_problem
from runstone.core.tar import BLOCK, header, tar_pieces
from runstone.errors import RunstoneError

FILES = {
    "manifest.json": b"{}",
    "events.jsonl": b"line\n" * 300,
    "artifacts/empty": b"",
    "artifacts/block": bytes(BLOCK),
    "artifacts/é \U0001f600.txt": b"unicode",
    "artifacts/" + "d" * 60 + "/" + "f" * 60: b"long",
    "artifacts/" + "é" * 100 + ".bin": b"long and not ascii",
    "/".join(["deep" * 40] * 6): b"longest",
    "a.json": b"before events.jsonl",
}


def archive(files: dict[str, bytes], run_id: str = "run-1") -> bytes:
    return b"".join(tar_pieces(run_id, {path: len(body) for path, body in files.items()}, lambda path: [files[path]]))


def members(data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]  # all are files


def test_python_reads_it() -> None:
    """`tarfile` finds every file with its bytes: the manifest first, then by path."""
    found = members(archive(FILES))
    assert {member.name.removeprefix("run-1/"): body for member, body in found} == FILES
    names = [member.name.removeprefix("run-1/") for member, _ in found]
    assert names == ["manifest.json", *sorted(set(FILES) - {"manifest.json"}, key=str.encode)]


def test_the_archive_ends_with_two_empty_blocks() -> None:
    """No more, so that the size follows from the files."""
    assert archive({"manifest.json": b"{}"}) == header("run-1/manifest.json", 2) + b"{}".ljust(BLOCK, b"\0") + bytes(
        2 * BLOCK
    )


def test_nothing_of_the_machine_is_in_it() -> None:
    """Mode 0644; owner, group and time 0; no names: regular files only."""
    for member, _ in members(archive(FILES)):
        assert (member.mode, member.uid, member.gid, member.mtime) == (0o644, 0, 0, 0)
        assert (member.uname, member.gname, member.linkname) == ("", "", "")
        assert member.isreg()


def test_the_tar_program_reads_it(tmp_path: Path) -> None:
    """Plain `tar` unpacks it without a word."""
    program = shutil.which("tar")
    if program is None:
        pytest.skip("other OS: no tar")
    (tmp_path / "x.tar").write_bytes(archive(FILES))
    shown = subprocess.run([program, "-xf", "x.tar"], cwd=tmp_path, capture_output=True, check=True)
    assert shown.stderr == b""
    root = tmp_path / "run-1"
    assert {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()} == FILES


def test_same_files_same_bytes() -> None:
    """Whatever order they were named in, and in whatever pieces they were read."""
    other = dict(reversed(FILES.items()))
    pieces = tar_pieces("run-1", {path: len(body) for path, body in other.items()}, lambda path: in_pieces(other[path]))
    assert b"".join(pieces) == archive(FILES)


def in_pieces(body: bytes) -> Iterable[bytes]:
    return (body[at : at + 7] for at in range(0, len(body), 7))


paths = (
    st.text(st.sampled_from("ab/é\U0001f600.-"), min_size=1, max_size=40)
    .map(lambda text: text * 8)
    .filter(lambda path: path_problem(path) is None)
)


@given(st.dictionaries(paths, st.binary(max_size=1200), max_size=4))
def test_any_paths_come_back(files: dict[str, bytes]) -> None:
    """Names of every length and in every script, sizes about the block."""
    files = {"manifest.json": b"{}", **files}
    data = archive(files)
    assert len(data) % BLOCK == 0
    assert {member.name.removeprefix("run-1/"): body for member, body in members(data)} == files


@pytest.mark.parametrize(
    "size", [98, 99, 100, 101, 102, 155, 254, 255, 256, 257, 990, 996, 997, 998, 999, 1000, 1001, 1023, 1024]
)
def test_names_of_every_length(size: int) -> None:
    """At 100 bytes the pax header begins; its record counts its own length, also where that gains a digit."""
    name = "x" * size
    data = header(name, 0)
    assert (len(data) == BLOCK) is (size <= 100)
    found = members(data + bytes(2 * BLOCK))
    assert [member.name for member, _ in found] == [name]


@pytest.mark.parametrize("size", [0, 1, 8**11 - 1, 8**11, 8**11 + 5, 2**40])
def test_sizes_past_the_field(size: int) -> None:
    """A file past 8 GiB has its size in the pax header."""
    with tarfile.open(fileobj=io.BytesIO(header("big", size) + bytes(2 * BLOCK)), mode="r:", ignore_zeros=True) as tar:
        member = tar.next()
    assert member is not None
    assert (member.name, member.size) == ("big", size)


@pytest.mark.parametrize("change", [b"", b"shorter", b"longer than it was said to be"])
def test_a_file_that_changed_is_refused(change: bytes) -> None:
    """The header has left already; the archive ends with an error, not with a lie."""
    with pytest.raises(RunstoneError) as caught:
        list(tar_pieces("r", {"manifest.json": 10}, lambda path: [change]))
    assert (caught.value.code, caught.value.details) == ("changed_while_read", {"path": "manifest.json"})
