"""The file system adapter keeps the promises of port `objects` where its bundles are packed."""

from __future__ import annotations

import os
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from runstone.adapters.fs import durable
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.packs.packing import Packing
from runstone.adapters.fs.packs.segments import close_own, new_name
from runstone.adapters.fs.places import Places
from runstone.core import layout
from runstone.core.digests import digest_of
from runstone.core.slices import Slice, index_bytes, slice_of
from runstone.core.tar import END
from runstone.testing.ground import ONE
from runstone.testing.objects import DurableObjectsSuite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.testing.ground import Files


class PackedGround:
    """A folder of segments, each closed as soon as it is written; what goes round the store reads and writes them with
    the tar of the standard library."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, open_for_s: float) -> None:
        self._root = root
        self._monkeypatch = monkeypatch
        self._open_for_s = open_for_s

    def make(self) -> FsObjects:
        places = Places(str(self._root))
        return FsObjects(places, Packing(places, open_for_s=self._open_for_s))

    def _bundles(self) -> dict[str, Files]:
        close_own(str(self._root))
        found: dict[str, Files] = {}
        for path in sorted(self._root.glob(".runstone/packs/*.tar")):
            with tarfile.open(path) as archive:
                for member in archive:
                    run_id, _, name = member.name.partition("/")
                    found.setdefault(run_id, {})[name] = archive.extractfile(member).read()
        return found

    def _write(self, bundles: dict[str, Files]) -> None:
        packs = self._root / ".runstone/packs"
        packs.mkdir(parents=True, exist_ok=True)
        for path in packs.iterdir():
            path.unlink()
        data, slices = b"", []
        for run_id, files in bundles.items():
            added = slice_of(run_id, files)
            slices.append(Slice(run_id, digest_of(files[layout.MANIFEST]), len(data), len(added), crc32(added)))
            data += added
        name = new_name()
        (packs / f"{name}.tar").write_bytes(data + END)
        (packs / f"{name}.idx").write_bytes(index_bytes(len(data + END), slices))

    def raw_read(self, run_id: str, path: str) -> bytes | None:
        return self._bundles().get(run_id, {}).get(path)

    def raw_write(self, run_id: str, path: str, body: bytes) -> None:
        bundles = self._bundles()
        if path != layout.MANIFEST and run_id not in bundles:  # what is no bundle cannot be in a pack
            full = self._root / run_id / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(body)
            return
        bundles.setdefault(run_id, {})[path] = body
        self._write(bundles)

    def raw_remove(self, run_id: str) -> None:
        bundles = self._bundles()
        bundles.pop(run_id)
        self._write(bundles)

    @contextmanager
    def watch(self) -> Iterator[list[tuple[str, str]]]:
        """One sync of a segment makes every file and name of a slice durable; what is not whole is not there, so it
        also gives the bundle its name."""
        calls: list[str] = []
        with self._monkeypatch.context() as patch:
            for name in ("sync_data", "sync_file"):
                patch.setattr(durable, name, noted(name, getattr(durable, name), calls))
            seen: list[tuple[str, str]] = []
            yield seen
        folders = ["", "artifacts", "artifacts/deep", "artifacts/deep/er"]
        if "sync_data" in calls:
            seen += [*(("sync", path) for path in [*ONE, *folders]), ("publish", "")]
        seen += [("sync", "..")] if calls else []


def noted(name: str, function, calls: list[str]):
    """The function, noted once it has succeeded."""

    def call(*arguments) -> None:
        function(*arguments)
        calls.append(name)

    return call


class TestPackedObjects(DurableObjectsSuite):
    """The suite, over segments that are closed at once, so that other processes may write them anew."""

    @pytest.fixture
    def ground(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackedGround:
        return PackedGround(tmp_path / "runs", monkeypatch, 0)


def test_the_suite_runs_over_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the ground of the suite seals stands in a segment, and nowhere else."""
    from runstone.testing.ground import contents, seal

    ground = PackedGround(tmp_path / "runs", monkeypatch, 0)
    seal(ground.make(), "run", ONE)
    assert (ground.raw_read("run", "run.json"), contents(ground.make(), "run")) == (b"{}", ONE)
    assert sorted(os.listdir(tmp_path / "runs")) == [".gitattributes", ".runstone"]
