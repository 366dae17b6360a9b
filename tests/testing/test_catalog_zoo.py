"""The suite of port `catalog` accepts what keeps every promise and refuses each that breaks one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

from runstone.testing.catalog import SharedCatalogSuite
from runstone.testing.drawer import Drawer, PlainCatalog
from runstone.testing.misfiling import CATALOG_ZOO, Filing

ACROSS_PROCESSES = {"test_processes_that_update_at_once_lose_nothing"}
"""What a drawer that is a dict cannot have: a child's copy of it is the child's alone."""

TESTS = {name for name in dir(SharedCatalogSuite) if name.startswith("test_")} - ACROSS_PROCESSES


class DrawerGround:
    """One drawer; catalogs of a kind over it."""

    def __init__(self, kind: type[PlainCatalog]) -> None:
        self._kind = kind
        self._drawer = Drawer()

    def make(self) -> PlainCatalog:
        return self._kind(self._drawer)


def fails(name: str, ground: DrawerGround) -> bool:
    """Whether one test of the suite fails."""
    try:
        getattr(SharedCatalogSuite(), name)(ground)
    except Exception:
        return True
    return False


@pytest.mark.parametrize("name", sorted(TESTS))
def test_suite_accepts_the_plain_catalog(name: str) -> None:
    """The one that the zoo is built on passes every test."""
    getattr(SharedCatalogSuite(), name)(DrawerGround(PlainCatalog))


@pytest.fixture
def unshrunk() -> Iterator[None]:
    """That an example fails is enough: half a minute goes by until the smallest one is found."""
    before = settings.get_current_profile_name()
    settings.register_profile("unshrunk", settings.get_profile(before), phases=[Phase.generate])
    settings.load_profile("unshrunk")
    yield
    settings.load_profile(before)


@pytest.mark.usefixtures("unshrunk")
@pytest.mark.parametrize("beast", CATALOG_ZOO.values(), ids=CATALOG_ZOO.keys())
def test_suite_refuses(beast: Filing) -> None:
    """The test that is there for a fault fails on the catalog that has it."""
    assert fails(beast.caught_by, DrawerGround(beast.catalog))


@pytest.mark.parametrize("name", sorted(ACROSS_PROCESSES))
def test_suite_refuses_what_other_processes_do_not_see(name: str) -> None:
    """The tests of several processes can fail as well."""
    assert fails(name, DrawerGround(PlainCatalog))


def test_every_test_of_the_suite_can_fail() -> None:
    """No test of the suite is there for nothing."""
    assert {beast.caught_by for beast in CATALOG_ZOO.values()} == TESTS
