"""Both catalogs keep the promises of the port; and what SQLite's does with a file that is not what it should be."""

from __future__ import annotations

from pathlib import Path
from types import GeneratorType

import pytest

from runstone.adapters.fs.places import Places
from runstone.adapters.memory.catalog import MemoryCatalog
from runstone.adapters.sqlite.catalog import SqliteCatalog
from runstone.core import layout
from runstone.core.query import parse_query
from runstone.ports.catalog import Known
from runstone.testing.catalog import CatalogSuite, SharedCatalogSuite, card


class MemoryGround:
    """Every handle is the same object."""

    def __init__(self) -> None:
        self._catalog = MemoryCatalog()

    def make(self) -> MemoryCatalog:
        return self._catalog


class SqliteGround:
    """A file in a store's private folder."""

    def __init__(self, root: Path) -> None:
        self._places = Places(str(root))
        self.path = Path(self._places.at(layout.CATALOG))
        self.path.parent.mkdir(parents=True)
        self._handles: list[SqliteCatalog] = []

    def make(self) -> SqliteCatalog:
        catalog = SqliteCatalog(str(self.path), lambda: self._places.locked(layout.CATALOG_LOCK))
        self._handles.append(catalog)
        return catalog

    def close(self) -> None:
        for handle in self._handles:
            handle.close()


class TestMemoryCatalog(CatalogSuite):
    """The suite."""

    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround()


class TestSqliteCatalog(SharedCatalogSuite):
    """The suite."""

    @pytest.fixture
    def ground(self, tmp_path: Path):
        ground = SqliteGround(tmp_path / "store")
        yield ground
        ground.close()


def test_the_last_catalog_goes_quietly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of an interpreter modules are empty before what is held by one of them goes."""
    ground = SqliteGround(tmp_path / "store")
    catalog = ground.make()
    assert catalog.marks() == {}
    monkeypatch.setattr("runstone.adapters.sqlite.database.os", None)
    catalog._database.__del__()
    ground.close()


def test_an_answer_that_was_left_lets_its_database_be_closed(tmp_path: Path) -> None:
    """As one whose row cannot be read: it goes later, and says nothing on standard error."""
    ground = SqliteGround(tmp_path / "store")
    catalog = ground.make()
    catalog.update([Known("mark", card("r1"))], (), "stamp")
    answer = catalog._found(catalog._database.open(), parse_query(""), None, None)
    next(answer)
    ground.close()
    assert isinstance(answer, GeneratorType)
    answer.close()
