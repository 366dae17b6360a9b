"""Fixtures of the engine's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.testing.fakes import FixedClock

from .scenes import full_run, open_store


@pytest.fixture
def clock() -> FixedClock:
    """The clock of `store`."""
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Store:
    """An empty store on disk."""
    return open_store(tmp_path / "runs", clock=clock)


@pytest.fixture
def sealed(store: Store, tmp_path: Path) -> Sealed:
    """A sealed run of twelve files in `store`."""
    return full_run(store, tmp_path)
