"""The memory adapter keeps the promises of port `objects`."""

from __future__ import annotations

import pytest

from runstone.adapters.memory.adapter import MemoryObjects
from runstone.testing.objects import ObjectsSuite


class MemoryGround:
    """One store; every handle is the same object, as nothing else can see its memory."""

    def __init__(self) -> None:
        self._store = MemoryObjects()

    def make(self) -> MemoryObjects:
        return self._store

    def raw_read(self, run_id: str, path: str) -> bytes | None:
        return self._store.bundles.get(run_id, {}).get(path)

    def raw_remove(self, run_id: str) -> None:
        del self._store.bundles[run_id]

    def raw_write(self, run_id: str, path: str, body: bytes) -> None:
        self._store.bundles.setdefault(run_id, {})[path] = body


class TestMemoryObjects(ObjectsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround()
