"""A store as plain as can be, over a disk that is a dict: what the suite accepts, and the zoo breaks.

`Disk.operations` notes what would be a sync or a rename; `DiskGround` is the ground it stands on.
"""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import sha256
from threading import RLock
from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.core.digests import digest_of
from runstone.core.ids import check_run_id, fold_id
from runstone.core.manifest import FileFact
from runstone.core.tombstone import PENDING
from runstone.errors import RunstoneError, error
from runstone.ports.objects import Entry, Properties, one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from runstone.core.tombstone import Tombstone
    from runstone.ports.objects import Committed, Objects, Removed
    from runstone.testing.ground import Files, Operation


class Disk:
    """Published bundles, and the durable operations that were asked for."""

    def __init__(self) -> None:
        self.bundles: dict[str, Files] = {}
        self.tombstones: dict[str, Tombstone] = {}
        self.operations: list[Operation] = []
        self.lock = RLock()


class PlainStage:
    """Port `Stage`."""

    def __init__(self, objects: PlainObjects, run_id: str) -> None:
        self.objects = objects
        self.disk = objects.disk
        self.run_id = run_id
        self.files: Files = {}

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Port."""
        layout.check_path(path)
        if path in self.files:
            raise error("file_exists", f"{path!r} is there already", path=path)
        body = b"".join(pieces)
        self.files[path] = body
        return FileFact(path, len(body), sha256(body).hexdigest())

    def keep_only(self, paths: set[str]) -> None:
        """Port."""
        self.files = {path: body for path, body in self.files.items() if path in paths}

    def begin_commit(self) -> None:
        """Port."""
        return

    def commit(self) -> Committed:
        """Port."""
        self.sync_files()
        self.sync_folders()
        answer = self.publish()
        self.sync_root()
        return answer

    def sync_files(self) -> None:
        """Bytes first."""
        self.disk.operations += [("sync", path) for path in self.files]

    def sync_folders(self) -> None:
        """Then names, from the inside out."""
        folders = {path.rsplit("/", depth)[0] for path in self.files for depth in range(1, path.count("/") + 1)}
        self.disk.operations += [("sync", folder) for folder in sorted(folders, key=len, reverse=True)] + [("sync", "")]

    def publish(self) -> Committed:
        """Create-once, without regard to case."""
        with self.disk.lock:
            taken = self.objects.taken(self.run_id)
            if taken is None:
                self.objects.let_back(self.run_id, self.files)
                self.disk.operations.append(("publish", ""))
                self.disk.bundles[self.run_id] = dict(self.files)
                return "created"
            if taken == self.run_id and self.same(self.disk.bundles[taken]):
                return "identical"
        raise error("run_exists", f"{taken} is taken", run_id=self.run_id)

    def same(self, there: Files) -> bool:
        """Whether the bundle that is there is this one."""
        return there.get(layout.MANIFEST) == self.files.get(layout.MANIFEST)

    def sync_root(self) -> None:
        """The bundle's own name last."""
        self.disk.operations.append(("sync", ".."))

    def discard(self) -> None:
        """Port."""
        self.files = {}


class PlainBundle:
    """Port `Bundle`."""

    def __init__(self, location: str, files: Files) -> None:
        self.location = location
        self.files = files

    def entries(self) -> list[Entry]:
        """Port."""
        return [Entry(path, "file", len(self.files[path])) for path in sorted(self.files, key=str.encode)]

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """Port."""
        if path not in self.files:
            raise error("file_not_found", f"no file {path!r}", path=path)
        yield self.files[path][start:end_exclusive]

    def rest(self) -> None:
        """Port."""

    def close(self) -> None:
        """Port."""


class PlainObjects:
    """Port `objects`."""

    stage_type: type[PlainStage] = PlainStage
    bundle_type: type[PlainBundle] = PlainBundle

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    @property
    def properties(self) -> Properties:
        """Port."""
        return Properties(survives="power", local=False)

    def taken(self, run_id: str) -> str | None:
        """The spelling in which an id is taken."""
        return {fold_id(name): name for name in self.disk.bundles}.get(fold_id(run_id))

    def stage(self, run_id: str) -> PlainStage:
        """Port."""
        return self.stage_type(self, check_run_id(run_id))

    def open(self, run_id: str) -> PlainBundle:
        """Port."""
        if run_id not in self.disk.bundles:
            raise self.missing(run_id)
        return self.bundle_type(f"disk:{run_id}", self.disk.bundles[run_id])

    def exists(self, run_id: str) -> bool:
        """Port."""
        return self.taken(run_id) is not None

    def run_ids(self) -> Iterator[str]:
        """Port."""
        yield from [name for name, files in list(self.disk.bundles.items()) if layout.MANIFEST in files]

    def marks(self) -> dict[str, str]:
        """Port."""
        return {name: repr(self.disk.bundles[name][layout.MANIFEST]) for name in self.run_ids()}

    def stamp(self) -> str | None:
        """Port."""
        return repr(sorted(self.marks().items()))

    def missing(self, run_id: str) -> RunstoneError:
        """Why there is no bundle."""
        stone = self.tombstone(run_id)
        if stone is not None and stone.run_id == run_id:
            return stone.error()
        return error("run_not_found", f"no run {run_id!r}", run_id=run_id)

    def let_back(self, run_id: str, files: Files) -> None:
        """Only the run that was purged comes back under its id."""
        stone = self.tombstone(run_id)
        if stone is not None:
            if (stone.run_id, stone.digest) != (run_id, digest_of(files.get(layout.MANIFEST, b""))):
                raise error("run_exists", f"{run_id} was purged", run_id=run_id)
            del self.disk.tombstones[fold_id(run_id)]

    def mark(self, tombstone: Tombstone) -> bool:
        """Port."""
        with self.disk.lock:
            if tombstone.run_id not in self.run_ids():
                raise self.missing(tombstone.run_id)
            if self.tombstone(tombstone.run_id) is not None:
                return False
            self.disk.tombstones[fold_id(tombstone.run_id)] = tombstone
            return True

    def unmark(self, run_id: str) -> bool:
        """Port."""
        with self.disk.lock:
            stone = self.tombstone(run_id)
            if stone is None or stone.state != PENDING:
                return False
            del self.disk.tombstones[fold_id(run_id)]
            return True

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Port."""
        with self.disk.lock:
            stone = self.tombstone(run_id)
            if stone is None:
                return "kept"
            if stone.state != PENDING:
                return "gone"
            if at < stone.not_before:
                return "kept"
            if digest_of(self.disk.bundles[run_id][layout.MANIFEST]) != stone.digest:
                raise error("digest_mismatch", f"{run_id} is another bundle", run_id=run_id)
            self.disk.tombstones[fold_id(run_id)] = stone.ended(at, by)
            self.take_away(run_id)
            return "removed"

    def take_away(self, run_id: str) -> None:
        """The bundle goes; who has it open reads on."""
        del self.disk.bundles[run_id]

    def remove_many(self, run_ids: Iterable[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:
        """Port."""
        return one_by_one(self.remove, run_ids, at, by)

    def tombstone(self, run_id: str) -> Tombstone | None:
        """Port."""
        return self.disk.tombstones.get(fold_id(run_id))

    def tombstones(self) -> list[Tombstone]:
        """Port."""
        return sorted(self.disk.tombstones.values(), key=lambda stone: stone.run_id)

    def foreign(self) -> list[str]:
        """Port."""
        return sorted(name for name, files in list(self.disk.bundles.items()) if layout.MANIFEST not in files)


class DiskGround:
    """The ground of a store over a `Disk`."""

    def __init__(self, open_on: Callable[[Disk], Objects]) -> None:
        self.disk = Disk()
        self._open_on = open_on

    def make(self) -> Objects:
        """The store, opened anew on the same disk."""
        return self._open_on(self.disk)

    def raw_read(self, run_id: str, path: str) -> bytes | None:
        """What the disk holds."""
        return self.disk.bundles.get(run_id, {}).get(path)

    def raw_write(self, run_id: str, path: str, body: bytes) -> None:
        """Put it on the disk."""
        self.disk.bundles.setdefault(run_id, {})[path] = body

    def raw_remove(self, run_id: str) -> None:
        """Take it from the disk."""
        del self.disk.bundles[run_id]

    @contextmanager
    def watch(self) -> Iterator[list[Operation]]:
        """The operations of the `with` block."""
        self.disk.operations = []
        yield self.disk.operations
