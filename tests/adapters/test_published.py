"""Both adapters keep the promises of port `published`, and its suite refuses those that do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from runstone.adapters.fs.places import Places
from runstone.adapters.fs.published import FsPublished
from runstone.adapters.memory.published import MemoryPublished
from runstone.ports.objects import Committed
from runstone.ports.published import Published
from runstone.testing.published import PublishedSuite


class MemoryGround:
    """Every handle is the same object."""

    def __init__(self, copies: Published) -> None:
        self._copies = copies

    def make(self) -> Published:
        return self._copies


class FsGround:
    """A store's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> FsPublished:
        return FsPublished(Places(str(self.root)))


class TestMemoryPublished(PublishedSuite):
    """The suite."""

    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround(MemoryPublished())


class TestFsPublished(PublishedSuite):
    """The suite, in an ordinary store."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> FsGround:
        return FsGround(tmp_path / "runs")


class TestFsPublishedOutside(PublishedSuite):
    """The suite, in a store inside of the folder that others read."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> FsGround:
        return FsGround(tmp_path / ".runstone" / "store")


class Overwrites(MemoryPublished):
    """The last one wins."""

    def put(self, place: str, body: Iterable[bytes]) -> Committed:
        self.remove(place)
        return super().put(place, body)


class KeepsTheFirst(MemoryPublished):
    """Takes other bytes for the same."""

    def put(self, place: str, body: Iterable[bytes]) -> Committed:
        return "identical" if self.read(place) is not None else super().put(place, body)


class NeverRemoves(MemoryPublished):
    """Says that it does."""

    def remove(self, place: str) -> bool:
        self.location(place)
        return self.read(place) is not None


class EmptyIsNone(MemoryPublished):
    """Takes a copy without bytes for none."""

    def read(self, place: str) -> Iterator[bytes] | None:
        found = b"".join(super().read(place) or ())
        return iter((found,)) if found else None


class LooksAnywhere(MemoryPublished):
    """Follows every path."""

    def location(self, place: str) -> str:
        return place


class NeverNotes(MemoryPublished):
    """Forgets that it publishes."""

    def begun(self) -> bool:
        return False


class TakesFolders(MemoryPublished):
    """Does not know of folders."""

    def _is_folder(self, place: str) -> bool:
        return False


ZOO = {
    "test_a_folder_is_no_copy": [TakesFolders],
    "test_a_copy_is_put_once": [Overwrites, KeepsTheFirst],
    "test_a_copy_goes_when_it_is_removed": [NeverRemoves],
    "test_a_copy_is_kept_byte_by_byte": [EmptyIsNone],
    "test_a_place_is_a_path_of_a_bundle": [LooksAnywhere],
    "test_that_a_store_publishes_is_noted": [NeverNotes],
}


@pytest.mark.parametrize(("test", "beast"), [(test, beast) for test, beasts in ZOO.items() for beast in beasts])
def test_the_suite_refuses(test: str, beast: type[MemoryPublished]) -> None:
    """The test that is there for a fault fails on the adapter that has it."""
    with pytest.raises(AssertionError):
        getattr(PublishedSuite(), test)(MemoryGround(beast()))
