"""The file system adapter keeps the promises of port `objects`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runstone.adapters.fs import durable
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.places import Places
from runstone.testing.objects import DurableObjectsSuite

if TYPE_CHECKING:
    from collections.abc import Iterator


class FsGround:
    """A folder; `watch` listens to the functions of `adapters.fs.durable`."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._monkeypatch = monkeypatch

    def make(self) -> FsObjects:
        return FsObjects(Places(str(self._root)))

    def raw_read(self, run_id: str, path: str) -> bytes | None:
        full = self._root / run_id / path
        return full.read_bytes() if full.is_file() else None

    def raw_write(self, run_id: str, path: str, body: bytes) -> None:
        full = self._root / run_id / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.unlink(missing_ok=True)
        full.write_bytes(body)

    def raw_remove(self, run_id: str) -> None:
        durable.remove_tree(str(self._root / run_id))

    @contextmanager
    def watch(self) -> Iterator[list[tuple[str, str]]]:
        calls: list[tuple[str, str]] = []
        with self._monkeypatch.context() as patch:
            for name in ("sync_file", "sync_folder", "publish_folder"):
                patch.setattr(durable, name, recorded(name, getattr(durable, name), calls))
            relative: list[tuple[str, str]] = []
            yield relative
        stage = next((path for name, path in calls if name == "publish_folder"), "")
        for name, path in calls:
            if name == "publish_folder":
                relative.append(("publish", ""))
            elif path == str(self._root):
                relative.append(("sync", ".."))
            else:
                relative.append(("sync", os.path.relpath(path, stage).removeprefix(".")))


def recorded(name: str, function, calls: list[tuple[str, str]]):
    """The function, with its name and first argument noted once it has succeeded."""

    def call(path: str, *rest: str) -> None:
        if name == "publish_folder":  # it syncs the root itself, after its rename
            calls.append((name, path))
        function(path, *rest)
        if name != "publish_folder":
            calls.append((name, path))

    return call


class TestFsObjects(DurableObjectsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FsGround:
        return FsGround(tmp_path / "runs", monkeypatch)
