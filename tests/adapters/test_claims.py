"""Both adapters keep the promises of port `claims`, and its suite refuses those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.adapters.fs import durable
from runstone.adapters.fs.claims import FsClaims
from runstone.adapters.fs.places import Places
from runstone.adapters.memory.claims import MemoryClaims
from runstone.errors import StoreUnavailable
from runstone.ports.claims import Claims
from runstone.testing.claims import KEY, ClaimsSuite
from runstone.testing.ground import code_of


class MemoryGround:
    """Every handle is the same object."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    def make(self) -> Claims:
        return self._claims


class FsGround:
    """A store's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> FsClaims:
        return FsClaims(Places(str(self.root)))


class TestMemoryClaims(ClaimsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround(MemoryClaims())


class TestFsClaims(ClaimsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> FsGround:
        return FsGround(tmp_path / "store")


class LastWins(MemoryClaims):
    """Lets who comes later replace a claim."""

    def put_new(self, name: str, body: bytes) -> bytes | None:
        before, self._bodies[name] = self._bodies.get(name), body
        return before


class SameIsNew(MemoryClaims):
    """Takes the same body for a claim of one's own: a retry of the same request would work again."""

    def put_new(self, name: str, body: bytes) -> bytes | None:
        found = super().put_new(name, body)
        return None if found == body else found


class CutsNames(MemoryClaims):
    """Takes a name for another one that it begins with."""

    def put_new(self, name: str, body: bytes) -> bytes | None:
        return super().put_new(name.partition(".")[0], body)


class EmptyIsNone(MemoryClaims):
    """Takes a claim without a body for none."""

    def put_new(self, name: str, body: bytes) -> bytes | None:
        return super().put_new(name, body) or None


class AskingClaims(MemoryClaims):
    """Makes a claim of whatever it is asked for."""

    def get(self, name: str) -> bytes | None:
        return self._bodies.setdefault(name, b"")


ZOO = {
    "test_a_claim_is_made_once": [LastWins, SameIsNew],
    "test_a_claim_can_be_read": [AskingClaims],
    "test_names_are_apart": [CutsNames],
    "test_a_body_is_kept_byte_by_byte": [EmptyIsNone],
}


@pytest.mark.parametrize(("test", "beast"), [(test, beast) for test, beasts in ZOO.items() for beast in beasts])
def test_the_suite_refuses(test: str, beast: type[MemoryClaims]) -> None:
    """The test that is there for a fault fails on the adapter that has it."""
    with pytest.raises(AssertionError):
        getattr(ClaimsSuite(), test)(MemoryGround(beast()))


def test_the_suite_refuses_claims_that_others_do_not_see() -> None:
    """A handle for each, and nothing between them."""

    class Apart:
        def make(self) -> Claims:
            return MemoryClaims()

    with pytest.raises(AssertionError):
        ClaimsSuite().test_a_claim_is_seen_by_others(Apart())
    with pytest.raises((AssertionError, ValueError)):
        ClaimsSuite().test_threads_racing_for_a_claim_have_one_winner(Apart())


# on disk


def test_a_claim_is_a_file_that_nobody_writes_again(tmp_path: Path) -> None:
    """Read-only, and nothing of its making is left."""
    FsGround(tmp_path).make().put_new(KEY, b"one")
    path = tmp_path / ".runstone" / "idem" / KEY
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o444)
    assert list((tmp_path / ".runstone" / "tmp").iterdir()) == []


def test_a_claim_that_may_not_be_durable_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that fails is an error, as the disk's are: nobody works on the strength of it."""
    claims = FsGround(tmp_path).make()
    claims.put_new("first", b"")

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync", failing)
    assert code_of(lambda: claims.put_new(KEY, b"one")) == "store_unavailable"


def test_a_link_in_the_place_of_a_claim_is_not_followed(tmp_path: Path) -> None:
    """It is an error: somebody put it there."""
    claims = FsGround(tmp_path).make()
    claims.put_new("first", b"")
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (tmp_path / ".runstone" / "idem" / KEY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable):
        claims.get(KEY)
    with pytest.raises(StoreUnavailable):
        claims.put_new(KEY, b"one")
