"""The digest of what is written: with a thread beside and without, to the end of it."""

from __future__ import annotations

import _thread
import hashlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.adapters.fs import hashing
from runstone.adapters.fs.hashing import BESIDE_BYTES, WAITING, Hashing

LARGE = bytes(range(256)) * (BESIDE_BYTES // 256)


@given(st.lists(st.sampled_from([b"", b"a", b"some words", LARGE, LARGE + b"x"]), max_size=8))
def test_digest_of_pieces_of_any_size(pieces: list[bytes]) -> None:
    """Small ones before, behind and between large ones; nothing at all."""
    with Hashing() as digest:
        for piece in pieces:
            digest.update(piece)
        assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_no_thread_for_small_pieces_and_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the block, also where that is left by an exception."""
    work, begun, ended = hashing._work, [], threading.Semaphore(0)

    def counted(*arguments) -> None:
        begun.append(1)
        work(*arguments)
        ended.release()

    monkeypatch.setattr(hashing, "_work", counted)
    with Hashing() as digest:
        for _ in range(100):
            digest.update(b"small" * 1000)
    assert begun == []

    def stopped() -> None:
        with Hashing() as digest:
            digest.update(LARGE)
            digest.update(b"small")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert ended.acquire(timeout=10)
    assert begun == [1]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller waits for the thread, however far that is behind."""
    hashed, goes_on = [], threading.Semaphore(0)

    class Slow:
        def update(self, _: bytes) -> None:
            assert goes_on.acquire(timeout=10)
            hashed.append(1)

        def hexdigest(self) -> str:
            return f"{len(hashed)}"

    monkeypatch.setattr(hashing, "new_hash", lambda **_: Slow())
    most = 0
    with Hashing() as digest:
        for number in range(20):
            if number >= WAITING:
                goes_on.release()
            digest.update(LARGE)
            most = max(most, number + 1 - len(hashed))
        for _ in range(20):
            goes_on.release()
        assert digest.hexdigest() == "20"
    assert most <= WAITING + 1


def test_without_a_thread_the_caller_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none can be had, as at the end of a process."""

    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    with Hashing() as digest:
        digest.update(LARGE)
        digest.update(LARGE)
        assert digest.hexdigest() == hashlib.sha256(LARGE * 2).hexdigest()


def test_failure_of_the_thread_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No digest is told that is not that of all pieces."""

    class Broken:
        def update(self, _: bytes) -> None:
            raise MemoryError

    monkeypatch.setattr(hashing, "new_hash", lambda **_: Broken())
    with Hashing() as digest:
        digest.update(LARGE)
        with pytest.raises(MemoryError):
            digest.hexdigest()
