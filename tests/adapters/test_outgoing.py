"""Files that leave the store: whole under their name, or not there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.adapters.fs import durable
from runstone.adapters.fs.outgoing import write_new
from runstone.core.digests import sha256_hex
from runstone.errors import RunstoneError, error
from runstone.testing.ground import code_of

PIECES = [b"the beginning", b"", b" and the end"]
WHOLE = b"".join(PIECES)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A name in an empty folder."""
    return tmp_path / "run.tar"


def test_file_is_whole_and_alone(target: Path) -> None:
    """The bytes, their size and digest; nothing beside; readable as any file of the user's."""
    assert write_new(str(target), PIECES) == (len(WHOLE), sha256_hex(WHOLE))
    assert target.read_bytes() == WHOLE
    assert os.listdir(target.parent) == [target.name]
    assert target.stat().st_mode & 0o777 == 0o644 & ~_umask()


def test_name_alone_is_in_the_working_directory(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without a folder."""
    monkeypatch.chdir(target.parent)
    write_new(target.name, PIECES)
    assert target.read_bytes() == WHOLE


@pytest.mark.parametrize("thing", ["file", "folder", "link", "late"])
def test_what_exists_is_never_overwritten(target: Path, thing: str) -> None:
    """Neither what is there before, a link that leads nowhere included, nor what comes while the file is written."""

    def pieces() -> Iterator[bytes]:
        yield b"the beginning"
        target.write_bytes(b"mine")

    if thing == "file":
        target.write_bytes(b"mine")
    elif thing == "folder":
        target.mkdir()
    elif thing == "link":
        target.symlink_to("nowhere")
    before = os.lstat(target) if thing != "late" else None
    assert code_of(lambda: write_new(str(target), pieces())) == "file_exists"
    if before is None:
        assert target.read_bytes() == b"mine"
    else:
        assert os.lstat(target) == before
    assert os.listdir(target.parent) == [target.name]


@pytest.mark.parametrize("failure", [error("changed_while_read", "a file changed"), KeyboardInterrupt()])
def test_half_a_file_is_removed(target: Path, failure: BaseException) -> None:
    """One that fails on the way leaves nothing."""

    def pieces() -> Iterator[bytes]:
        yield b"the beginning"
        raise failure

    with pytest.raises(type(failure)):
        write_new(str(target), pieces())
    assert os.listdir(target.parent) == []


def test_failure_names_the_file(target: Path) -> None:
    """A full disk is told of the name that was given, and a folder that is not there by its own."""

    def pieces() -> Iterator[bytes]:
        yield b"the beginning"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"No space left on device: .*/run\.tar'$"):
        write_new(str(target), pieces())
    assert code_of(lambda: write_new(str(target.parent / "no" / "run.tar"), PIECES)) == "file_not_found"
    assert os.listdir(target.parent) == []


def test_longest_name_is_taken(tmp_path: Path) -> None:
    """The name that a file has until it is whole is no longer than its own may be."""
    write_new(str(tmp_path / ("n" * 255)), PIECES)
    assert os.listdir(tmp_path) == ["n" * 255]


DIE_HALFWAY = """
import os, signal, sys
from runstone.adapters.fs.outgoing import write_new
def pieces():
    yield b"half"
    os.kill(os.getpid(), signal.SIGKILL)
write_new(sys.argv[1], pieces())
"""


def test_killed_process_leaves_no_file_of_that_name(target: Path) -> None:
    """What it leaves is no archive that was cut off: the name is free."""
    done = subprocess.run([sys.executable, "-c", DIE_HALFWAY, str(target)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (left,) = os.listdir(target.parent)
    assert left.startswith(".runstone-")
    write_new(str(target), PIECES)
    assert target.read_bytes() == WHOLE


@pytest.mark.parametrize("taken", [False, True])
def test_disk_without_links(target: Path, monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    """As a stick that an archive is handed over on: the file is named all the same, and none is overwritten."""

    def place_new(temporary: str, path: str) -> None:
        if taken:
            target.write_bytes(b"mine")
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), temporary, None, path)

    monkeypatch.setattr(durable, "place_new", place_new)
    if taken:
        with pytest.raises(RunstoneError, match="exists; nothing was written"):
            write_new(str(target), PIECES)
    else:
        write_new(str(target), PIECES)
    assert target.read_bytes() == (b"mine" if taken else WHOLE)
    assert os.listdir(target.parent) == [target.name]


def test_disk_without_links_that_fails(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The empty file that took the name goes with the rest."""

    def fail(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(durable, "place_new", fail)
    monkeypatch.setattr(durable, "name_own", fail)
    with pytest.raises(PermissionError, match=r"run\.tar'$"):
        write_new(str(target), PIECES)
    assert os.listdir(target.parent) == []


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
