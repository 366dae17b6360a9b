"""Ports `objects` and `journals` in memory. Nothing survives the process; everything else is as on disk."""

from __future__ import annotations

import _thread

from runstone.adapters.memory.claims import MemoryClaims
from runstone.adapters.memory.debug import MemoryDebug
from runstone.adapters.memory.published import MemoryPublished
from runstone.core import layout
from runstone.core.digests import digest_of, new_hash
from runstone.core.ids import check_run_id, fold_id
from runstone.core.manifest import FileFact
from runstone.core.tombstone import PENDING, Tombstone
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from runstone.ports.journals import Leftover
    from runstone.ports.objects import Committed, Entry, Properties, Removed

    Files = dict[str, bytes | bytearray]
    """A journal that grows is a `bytearray`; everything else is `bytes`."""


class MemoryObjects:
    """Port `objects` over a dict of dicts."""

    def __init__(self) -> None:
        self.bundles: dict[str, Files] = {}
        self.open_runs: dict[str, Files] = {}
        """Those of `MemoryJournals`: their ids are taken."""
        self.debug = MemoryDebug()
        """That of `MemoryJournals`: what it keeps of a run goes with the run."""
        self._tombstones: dict[str, Tombstone] = {}
        self.lock = _thread.allocate_lock()

    @property
    def properties(self) -> Properties:
        from runstone.ports.objects import Properties

        return Properties(survives="nothing", local=False)

    def stage(self, run_id: str) -> MemoryStage:
        return MemoryStage(self, check_run_id(run_id), {})

    def open(self, run_id: str) -> MemoryBundle:
        files = self.bundles.get(run_id)
        if files is None:
            raise self._missing(run_id)
        return MemoryBundle(f"memory:{run_id}", files)

    def exists(self, run_id: str) -> bool:
        return fold_id(run_id) in {fold_id(name) for name in list(self.bundles)}

    def run_ids(self) -> Iterator[str]:
        yield from [name for name, files in list(self.bundles.items()) if layout.MANIFEST in files]

    def marks(self) -> dict[str, str]:
        bundles = list(self.bundles.items())
        return {
            name: new_hash(bytes(files[layout.MANIFEST])).hexdigest()
            for name, files in bundles
            if layout.MANIFEST in files
        }

    def stamp(self) -> str | None:
        return None

    def foreign(self) -> list[str]:
        return sorted(name for name, files in list(self.bundles.items()) if layout.MANIFEST not in files)

    def mark(self, tombstone: Tombstone) -> bool:
        run_id = tombstone.run_id
        with self.lock:
            self._check_idle(run_id)
            if layout.MANIFEST not in self.bundles.get(run_id, {}):
                raise self._missing(run_id)
            before = self.tombstone(run_id)
            if before is not None and before.state == PENDING and before.digest == tombstone.digest:
                return False
            self._tombstones[fold_id(run_id)] = tombstone
        return True

    def unmark(self, run_id: str) -> bool:
        with self.lock:
            self._check_idle(run_id)
            stone = self.tombstone(run_id)
            if stone is None or stone.state != PENDING or run_id not in self.bundles:
                return False
            del self._tombstones[fold_id(run_id)]
        return True

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        with self.lock:
            self._check_idle(run_id)
            stone = self.tombstone(run_id)
            if stone is None or stone.run_id != run_id:
                return "kept"
            if stone.state != PENDING:
                return "gone"
            if at < stone.not_before:
                return "kept"
            found = digest_of(bytes(self.bundles[run_id].get(layout.MANIFEST, b"")))
            if found != stone.digest:
                message = f"run {run_id} is not the bundle that was marked; it stays"
                raise error("digest_mismatch", message, run_id=run_id, expected=stone.digest, found=found)
            self._tombstones[fold_id(run_id)] = stone.ended(at, by)
            del self.bundles[run_id]
            self.debug.remove(run_id)
        return "removed"

    def remove_many(self, run_ids: Iterable[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:
        from runstone.ports.objects import one_by_one

        return one_by_one(self.remove, run_ids, at, by)

    def tombstone(self, run_id: str) -> Tombstone | None:
        return self._tombstones.get(fold_id(run_id))

    def tombstones(self) -> list[Tombstone]:
        return sorted(self._tombstones.values(), key=lambda stone: stone.run_id)

    def _check_idle(self, run_id: str) -> None:
        if run_id in self.open_runs:
            raise error("run_in_use", f"run {run_id} is in use: it is open, too", run_id=run_id, reason="it is open")

    def _missing(self, run_id: str) -> RunstoneError:
        stone = self.tombstone(run_id)
        if stone is not None and stone.run_id == run_id:
            return stone.error()
        return error("run_not_found", f"no run {run_id[:140]!r} in memory", run_id=run_id[:140])

    def commit(self, run_id: str, files: Files, *, own: str | None = None) -> Committed:
        """Create-once of a whole bundle. `own` is the open run that it comes from, and takes no id from it."""
        with self.lock:
            if fold_id(run_id) in {fold_id(name) for name in self.open_runs if name != own}:
                raise error("run_exists", f"run id {run_id} is that of an open run", run_id=run_id)
            taken = {fold_id(name): name for name in self.bundles}.get(fold_id(run_id))
            if taken is None:
                self._let_back(run_id, digest_of(bytes(files.get(layout.MANIFEST, b""))))
                self.bundles[run_id] = _copy(files)
                return "created"
            if taken == run_id and self.bundles[taken].get(layout.MANIFEST) == files.get(layout.MANIFEST):
                return "identical"
        raise error("run_exists", f"run {run_id} is sealed already, with other bytes", run_id=run_id)

    def _let_back(self, run_id: str, digest: str) -> None:
        """A run that was purged may come back, and nothing else in its place."""
        stone = self.tombstone(run_id)
        if stone is not None and (stone.run_id != run_id or stone.digest != digest):
            raise stone.taken(run_id)
        self._tombstones.pop(fold_id(run_id), None)


class MemoryStage:
    """Port `Stage`."""

    def __init__(self, objects: MemoryObjects, run_id: str, files: Files, own: str | None = None) -> None:
        self._objects = objects
        self._run_id = run_id
        self._files = files
        self._own = own

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        return _put(self._files, path, pieces)

    def keep_only(self, paths: set[str]) -> None:
        for path in set(self._files) - paths:
            del self._files[path]

    def begin_commit(self) -> None:
        return None

    def commit(self) -> Committed:
        return self._objects.commit(self._run_id, self._files, own=self._own)

    def discard(self) -> None:
        self._files = {}


def _copy(files: Files) -> Files:
    return {path: bytes(body) for path, body in files.items()}


def _put(files: Files, path: str, pieces: Iterable[bytes]) -> FileFact:
    layout.check_path(path)
    body = b"".join(pieces)
    if path in files:
        raise error("file_exists", f"the bundle has a file {path!r} already", path=path)
    files[path] = body
    return FileFact(path, len(body), new_hash(body).hexdigest())


class MemoryBundle:
    """Port `Bundle`."""

    def __init__(self, location: str, files: Files) -> None:
        self.location = location
        self._files = files

    def entries(self) -> list[Entry]:
        from runstone.ports.objects import Entry

        return [Entry(path, "file", len(self._files[path])) for path in sorted(self._files, key=str.encode)]

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        body = self._files.get(path)
        if body is None:
            raise error("file_not_found", f"{self.location} has no file {path!r}", path=path)
        yield bytes(body[start:end_exclusive])

    def rest(self) -> None:
        return None

    def close(self) -> None:
        return None


class MemoryJournals:
    """Port `journals`. A run whose writer is gone is one whose `MemoryOpenRun.close` was called unsealed."""

    def __init__(self, objects: MemoryObjects) -> None:
        self._objects = objects
        self._claimed: set[str] = set()
        self._open = objects.open_runs
        self._held: set[str] = set()
        self._lock = objects.lock
        self._pseudonym_key = b""
        self._children: dict[str, set[str]] = {}
        self.claims = MemoryClaims()
        self.debug = objects.debug
        self.published = MemoryPublished()

    def create(self, run_id: str, *, fresh: bool = False) -> MemoryOpenRun:  # noqa: ARG002  # claimed all the same
        folded = fold_id(check_run_id(run_id))
        with self._lock:
            if folded in self._claimed or self._objects.exists(run_id):
                raise error("run_exists", f"run id {run_id!r} is taken", run_id=run_id)
            stone = self._objects.tombstone(run_id)
            if stone is not None:
                raise stone.taken(run_id)
            files: Files = {layout.JOURNAL: bytearray()}
            opened = MemoryOpenRun(self, run_id, files)
            try:
                self._claimed.add(folded)
                self._held.add(run_id)
                self._open[run_id] = files
            except BaseException:  # a signal handler's
                self._open.pop(run_id, None)
                self._held.discard(run_id)
                self._claimed.discard(folded)
                raise
            return opened

    def pseudonym_key(self, fresh: bytes) -> bytes:
        with self._lock:
            self._pseudonym_key = self._pseudonym_key or fresh
            return self._pseudonym_key

    def open_ids(self) -> list[str]:
        return sorted(self._open)

    def alive(self, run_id: str) -> bool:
        return run_id in self._held

    def take(self, run_id: str, *, force: bool = False) -> MemoryLeftRun | None:
        with self._lock:
            if run_id not in self._open or (run_id in self._held and not force):
                return None
            leased = run_id not in self._held
            if leased:
                self._held.add(run_id)
            return MemoryLeftRun(self, run_id, _copy(self._open[run_id]), leased=leased)

    def read(self, run_id: str) -> MemoryLeftRun | None:
        files = self._open.get(run_id)
        return None if files is None else MemoryLeftRun(self, run_id, _copy(files), leased=False)

    def adopt(self, parent: str, child: str) -> None:
        with self._lock:
            if parent in self._open:
                self._children.setdefault(parent, set()).add(child)

    def adopted(self, parent: str) -> list[str]:
        with self._lock:
            return list(self._children.pop(parent, ()))

    def leftovers(self) -> list[Leftover]:
        return []

    sweep = unkept = leftovers

    def is_sealed(self, run_id: str) -> bool:
        """Whether a bundle of this id is there."""
        return self._objects.exists(run_id)

    def release(self, run_id: str) -> None:
        """The lease of a run is free again."""
        self._held.discard(run_id)

    def drop(self, run_id: str, *, free_id: bool) -> None:
        """The open run is gone; with `free_id` as if it had never been."""
        self._open.pop(run_id, None)
        if free_id:
            self._claimed.discard(fold_id(run_id))

    def empty_stage(self, run_id: str) -> MemoryStage:
        """A stage for the bundle that recovery makes of an open run."""
        return MemoryStage(self._objects, run_id, {}, own=run_id)

    def stage(self, run_id: str, files: Files) -> MemoryStage:
        """A stage over the open run's own files; it is dropped from the open runs when the stage commits."""
        return _OpenStage(self, self._objects, run_id, files)


class _OpenStage(MemoryStage):
    def __init__(self, journals: MemoryJournals, objects: MemoryObjects, run_id: str, files: Files) -> None:
        super().__init__(objects, run_id, files, own=run_id)
        self._journals = journals

    def commit(self) -> Committed:
        committed = super().commit()
        self._journals.drop(self._run_id, free_id=False)
        return committed

    def discard(self) -> None:
        self._journals.drop(self._run_id, free_id=False)


class MemoryOpenRun:
    """Port `OpenRun`."""

    def __init__(self, journals: MemoryJournals, run_id: str, files: Files) -> None:
        self._journals = journals
        self._run_id = run_id
        self._files = files

    def append(self, line: bytes) -> None:
        self._files[layout.JOURNAL] += line

    def sync(self) -> None:
        """Nothing survives the process."""

    def begin_sync(self) -> None:
        return None

    def repair(self, size: int) -> int:
        journal = self._files[layout.JOURNAL]
        self._files[layout.JOURNAL] = journal[: size if len(journal) >= size else journal.rfind(b"\n") + 1]
        return len(self._files[layout.JOURNAL])

    def set_aside(self) -> Callable[[], None]:
        return lambda: None  # the bundle is a copy

    def keep(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        try:
            layout.check_distinct([*self._files, path])
        except RunstoneError:
            raise error("file_exists", f"the run keeps a file {path!r} already", path=path) from None
        return _put(self._files, path, pieces)

    def read(self, start: int, end_exclusive: int) -> Iterator[bytes]:
        yield bytes(self._files[layout.JOURNAL][start:end_exclusive])

    def stage(self) -> MemoryStage:
        return self._journals.stage(self._run_id, self._files)

    def sealed_elsewhere(self) -> bool:
        return self._run_id in self._journals.open_ids() and self._journals.is_sealed(self._run_id)

    def close(self) -> None:
        self._journals.release(self._run_id)

    def inherit(self) -> None:
        """A fork has a copy of this memory; nothing in it is shared."""


class MemoryLeftRun:
    """Port `LeftRun`: a copy of the open run's files."""

    def __init__(self, journals: MemoryJournals, run_id: str, files: Files, *, leased: bool) -> None:
        self._journals = journals
        self.run_id = run_id
        self._files = files
        self._leased = leased

    def read(self, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        yield bytes(self._files.get(layout.JOURNAL, b"")[start:end_exclusive])

    def kept(self) -> list[str]:
        return [path for path in self._files if path.startswith(layout.ARTIFACTS + "/")]

    def read_kept(self, path: str) -> Iterator[bytes]:
        if path not in self._files:
            raise error("file_not_found", f"the open run has no file {path!r}", path=path)
        yield bytes(self._files[path])

    def stage(self) -> MemoryStage:
        return self._journals.empty_stage(self.run_id)

    def remove(self, *, free_id: bool) -> None:
        if self._leased:
            self._journals.drop(self.run_id, free_id=free_id)

    def release(self) -> None:
        if self._leased:
            self._journals.release(self.run_id)
            self._leased = False
