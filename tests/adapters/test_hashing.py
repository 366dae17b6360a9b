"""The digest of what is written: with a thread beside and without, to the end of it."""

from __future__ import annotations

import _thread
import hashlib
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.adapters.fs import durable, hashing
from runstone.adapters.fs.durable import BESIDE_BYTES
from runstone.adapters.fs.hashing import WAITING, Hashing

LARGE = bytes(range(256)) * (BESIDE_BYTES // 256)


def written(path: Path, pieces: list[bytes]) -> tuple[int, str]:
    """What the writer of a new file tells of it, and wrote."""
    path.unlink(missing_ok=True)
    fd = durable.create(str(path))
    with open(fd, "rb") as file:
        facts = durable.write_new(fd, iter(pieces))
        file.seek(0)
        assert file.read() == b"".join(pieces)
    return facts


@given(pieces=st.lists(st.sampled_from([b"", b"a", b"some words", LARGE, LARGE + b"x"]), max_size=8))
def test_digest_of_pieces_of_any_size(pieces: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Small ones before, behind and between large ones; nothing at all."""
    whole = b"".join(pieces)
    path = tmp_path_factory.getbasetemp() / "new"
    assert written(path, pieces) == (len(whole), hashlib.sha256(whole).hexdigest())


def test_no_thread_for_small_pieces_and_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the writing, also where that is left by an exception."""
    work, begun, ended = hashing._work, [], threading.Semaphore(0)

    def counted(*arguments: Any) -> None:
        begun.append(1)
        work(*arguments)
        ended.release()

    monkeypatch.setattr(hashing, "_work", counted)
    written(tmp_path / "small", [b"small" * 1000] * 100)
    assert begun == []

    def stopped() -> Any:
        yield LARGE
        yield b"small"
        raise KeyboardInterrupt

    fd = durable.create(str(tmp_path / "large"))
    with open(fd, "rb"), pytest.raises(KeyboardInterrupt):
        durable.write_new(fd, stopped())
    assert ended.acquire(timeout=10)
    assert begun == [1]


def test_what_waits_is_bounded() -> None:
    """The caller waits for the thread, however far that is behind."""
    hashed, goes_on = [], threading.Semaphore(0)

    class Slow:
        def update(self, _: bytes) -> None:
            assert goes_on.acquire(timeout=10)
            hashed.append(1)

        def hexdigest(self) -> str:
            return f"{len(hashed)}"

    most = 0
    slow: Any = Slow()
    with closing(Hashing(slow)) as digest:
        for number in range(20):
            if number >= WAITING:
                goes_on.release()
            digest.update(LARGE)
            most = max(most, number + 1 - len(hashed))
        for _ in range(20):
            goes_on.release()
        assert digest.hexdigest() == "20"
    assert most <= WAITING + 1


def test_without_a_thread_the_caller_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none can be had, as at the end of a process."""

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    assert written(tmp_path / "new", [LARGE, LARGE]) == (2 * len(LARGE), hashlib.sha256(LARGE * 2).hexdigest())


def test_failure_of_the_thread_is_the_callers() -> None:
    """No digest is told that is not that of all pieces."""

    class Broken:
        def update(self, _: bytes) -> None:
            raise MemoryError

    broken: Any = Broken()
    with closing(Hashing(broken)) as digest:
        digest.update(LARGE)
        with pytest.raises(MemoryError):
            digest.hexdigest()
