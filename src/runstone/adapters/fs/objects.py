"""Sealed bundles as folders: `<root>/<run_id>/`.

A bundle appears by one rename of a folder whose files and names are synced, and is never written again. Reading
opens every name below a descriptor of its folder and follows no link.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import HoldsDescriptor, Places, read_chunks, translated
from runstone.core import layout
from runstone.core.digests import PREFIX, new_hash, sha256_hex
from runstone.core.ids import check_run_id, is_run_id
from runstone.core.manifest import FileFact
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final, Literal

    from runstone.adapters.fs.packs.packing import Packing
    from runstone.adapters.fs.tombstones import FsTombstones
    from runstone.core.tombstone import Tombstone
    from runstone.ports.objects import Bundle, Committed, Entry, Properties, Removed, Stage


class FsObjects:
    """Port `objects` on a file system."""

    def __init__(self, places: Places, packing: Packing | None = None) -> None:
        self._places = places
        self._packing = packing

    @property
    def _tombstones(self) -> FsTombstones:
        from runstone.adapters.fs.tombstones import FsTombstones  # no recording waits for it to be loaded

        return FsTombstones(self._places)

    @property
    def properties(self) -> Properties:
        from runstone.ports.objects import Properties

        return Properties(survives="power", local=True, grouped=self._packing is not None)

    def stage(self, run_id: str) -> Stage:
        claim = Claim(self, check_run_id(run_id))
        if self._packing is None:
            return new_stage(self._places, run_id, claim=claim)
        self._places.prepare()
        return self._packing.stage(run_id, claim, {})

    def open(self, run_id: str) -> Bundle:
        found = self._found(run_id)
        if self._places.shelf() is None:
            return found
        from runstone.adapters.fs.packs.bundle import Following

        return Following(found, lambda: self._found(run_id))

    def _found(self, run_id: str) -> Bundle:
        if not is_run_id(run_id):
            raise error("run_not_found", f"no run {run_id[:140]!r} in {self._places.root}", run_id=run_id[:140])
        found = self._opened(run_id) or self._packed(run_id) or self._opened(run_id)
        if found is None:  # neither loose, nor packed, nor unpacked between the two looks
            raise self._tombstones.missing(run_id)
        return found

    def _opened(self, run_id: str) -> FsBundle | None:
        if self._wrong_case(run_id):
            return None
        path = self._places.at(run_id)
        with self._places.reading(path):
            return FsBundle(path, lambda: self._tombstones.missing(run_id), shared=True)
        return None

    def _packed(self, run_id: str) -> Bundle | None:
        shelf = self._places.shelf()
        if shelf is None:
            return None
        from runstone.adapters.fs.packs.bundle import PackedBundle

        while (packed := shelf.find(run_id)) is not None and packed.run_id == run_id:
            try:
                return PackedBundle(packed)
            except FileNotFoundError:  # written anew at this moment
                continue
            except OSError as exc:
                reason = exc.strerror or str(exc)
                raise error("store_unavailable", f"{packed.location}: {reason}", reason=reason) from exc
        return None

    def _wrong_case(self, run_id: str) -> bool:
        """A file system without case finds `ABC` under `abc`; that is not the id that was asked for."""
        return _IGNORES_CASE and run_id not in os.listdir(self._places.root)

    def exists(self, run_id: str) -> bool:
        if not is_run_id(run_id):
            return False
        if self._places.is_sealed(run_id):
            return True
        with self._places.reading(self._places.root):
            holder = self._places.holder(run_id)
            if holder == run_id:  # of an open run; where its lease was lost and made anew, a bundle may be beside it
                holder = self._places.named(run_id)
            return holder is not None and self._places.is_sealed(holder)
        return False

    def mark(self, tombstone: Tombstone) -> bool:
        return self._tombstones.mark(tombstone)

    def unmark(self, run_id: str) -> bool:
        return self._tombstones.unmark(run_id)

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        answer = self._tombstones.remove([run_id], at, by)[run_id]
        if isinstance(answer, RunstoneError):
            raise answer
        return answer

    def remove_many(self, run_ids: Iterable[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:
        return self._tombstones.remove(list(run_ids), at, by)

    def tombstone(self, run_id: str) -> Tombstone | None:
        return self._tombstones.read(run_id) if is_run_id(run_id) else None

    def tombstones(self) -> list[Tombstone]:
        return self._tombstones.all()

    def claim(self, run_id: str, digest: str) -> int:
        """Take an id for a bundle that comes from elsewhere, and hold it; -1 where a bundle of it stands already.
        Raises `run_exists`.

        Who claims or imports has the lease for a moment only, after which there is a run: that moment is waited for.
        """
        places = self._places
        for _ in range(_CLAIM_TRIES):
            holder = places.holder(run_id)
            if holder not in (None, run_id):
                raise error("run_exists", f"run id {run_id} is taken, as {holder}", run_id=run_id, taken_as=holder)
            if places.is_sealed(run_id):
                return -1
            lease = places.lock_lease(run_id)
            if os.path.lexists(places.at(layout.open_run(run_id))) or places.spooled_by(run_id) is not None:
                durable.let_go(-1 if lease is None else lease)
                raise error("run_exists", f"run id {run_id} is that of an open run", run_id=run_id)
            if lease is not None:
                return self._admitted(run_id, digest, lease)
            time.sleep(_CLAIM_PAUSE_S)
        raise error("run_exists", f"run id {run_id} is being claimed by another process", run_id=run_id)

    def _admitted(self, run_id: str, digest: str, lease: int) -> int:
        """The lease, unless the id is that of another run that was purged; -1 where a bundle has come meanwhile."""
        try:
            if self._places.is_sealed(run_id):
                durable.let_go(lease)
                return -1
            self._tombstones.admit(run_id, digest)
        except BaseException:
            durable.let_go(lease)
            raise
        return lease

    def lift(self, run_id: str) -> None:
        """The run is back: its tombstone goes."""
        self._tombstones.lift(run_id)

    def run_ids(self) -> Iterator[str]:
        if self._places.shelf() is not None:
            return iter(self.marks())
        return self._loose_ids()

    def _loose_ids(self) -> Iterator[str]:
        for entry in self._scan():
            if _mark(entry):
                yield entry.name

    def marks(self) -> dict[str, str]:
        before = self._packed_marks()  # a run that is moved meanwhile is in one of the three
        loose = self._loose_marks()
        return {**before, **self._packed_marks(), **loose}

    def _packed_marks(self) -> dict[str, str]:
        shelf = self._places.shelf()
        return {} if shelf is None else {packed.run_id: packed.slice.mark for packed in shelf.all()}

    def _loose_marks(self) -> dict[str, str]:
        return {entry.name: mark for entry in self._scan() if (mark := _mark(entry))}

    def stamp(self) -> str | None:
        try:
            facts = os.stat(self._places.root)
        except OSError:
            return None
        if time.time_ns() - facts.st_ctime_ns < _STAMP_NS:
            return None
        shelf = self._places.shelf()
        packs = "" if shelf is None else "-" + sha256_hex(shelf.stamp().encode())
        return f"{facts.st_dev}-{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_ctime_ns}{packs}"

    def foreign(self) -> list[str]:
        return sorted(entry.name for entry in self._scan() if not _mark(entry))

    def _scan(self) -> list[os.DirEntry[str]]:
        with self._places.reading(self._places.root):
            return [entry for entry in os.scandir(self._places.root) if entry.name not in layout.NOT_RUNS]
        return []


def _mark(entry: os.DirEntry[str]) -> str:
    """What changes with a bundle's manifest; empty for what is no bundle. A folder that we may not look into is taken
    for one: who opens it is told why that cannot be, and no run is passed over in silence."""
    if not is_run_id(entry.name):
        return ""
    try:
        facts = os.lstat(os.path.join(entry.path, layout.MANIFEST))
    except PermissionError as exc:
        return f"unread-{exc.errno}"
    except OSError:
        return ""
    return f"{facts.st_ino}-{facts.st_size}-{facts.st_mtime_ns}-{facts.st_ctime_ns}"


_IGNORES_CASE: Final = sys.platform in ("win32", "darwin")
_STAMP_NS: Final = 2_000_000_000
"""A folder that changed so lately may change again and show the same time: file systems count in ticks, up to 2 s."""
_CLAIM_TRIES: Final = 1000
_CLAIM_PAUSE_S: Final = 0.001


class Claim:
    """How the id of a bundle that comes from elsewhere is taken, and what follows once the bundle stands."""

    def __init__(self, objects: FsObjects, run_id: str) -> None:
        self._objects = objects
        self._run_id = run_id

    def take(self, digest: str) -> int:
        """The descriptor of the lease; -1 where a bundle stands already. `digest` is that of the new one."""
        return self._objects.claim(self._run_id, digest)

    def done(self) -> None:
        """The bundle stands; the lease is held still."""
        self._objects.lift(self._run_id)


def new_stage(places: Places, run_id: str, claim: Claim | None) -> FsStage:
    """An empty stage in the temporary folder. `claim` takes the id when it commits, or the id is the caller's."""
    places.prepare()
    folder = places.new_temporary()
    with translated(folder):
        held = durable.make_held_folder(folder)
    return FsStage(places, folder, places.at(run_id), set(), claim=claim, held=held)


class FsStage:
    """A folder that becomes a bundle. Write order and syncs: files first, each starting its write-back at once,
    so that the syncs at the end have little to wait for; then folders from the inside out; then the rename."""

    def __init__(
        self, places: Places, folder: str, target: str, written: set[str], claim: Claim | None, held: int
    ) -> None:
        self._places = places
        self._folder = folder
        self._target = target
        self._written = written
        self._claim = claim
        self._held = held
        self._lease = -1
        self._done = False

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        layout.check_path(path)
        full = os.path.join(self._folder, *path.split("/"))
        with translated(full):
            try:
                fd = self._create(full)
            except FileExistsError:
                raise error("file_exists", f"the bundle has a file {path!r} already", path=path) from None
            try:
                size, sha256 = durable.write_new(fd, pieces)
            finally:
                os.close(fd)
        self._written.add(path)
        return FileFact(path, size, sha256)

    def _create(self, full: str) -> int:
        try:
            return durable.create(full)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            return durable.create(full)

    def keep_only(self, paths: set[str]) -> None:
        with translated(self._folder):
            _prune(self._folder, "", paths)
        self._written &= paths

    def begin_commit(self) -> None:
        return None

    def commit(self) -> Committed:
        with translated(self._target, "unsealed"):
            files = [os.path.join(self._folder, *path.split("/")) for path in sorted(self._written)]
            for file in files:
                os.chmod(file, durable.SEALED_MODE)
            for file in files:
                durable.sync_file(file)
            for folder in _folders(self._written):
                durable.sync_folder(os.path.join(self._folder, *folder))
            if self._claim is not None:
                self._lease = self._claim.take(f"{PREFIX}{manifest_digest(self._folder)}")
                if self._lease < 0:
                    return self._lost_race()
            try:
                durable.publish_folder(self._folder, self._target)
            except FileExistsError:
                return self._lost_race()
            if self._claim is not None:
                self._claim.done()
        self._done = True
        self._let_go()
        return "created"

    def _lost_race(self) -> Committed:
        """Somebody was first: the same manifest is the same bundle, another one is a conflict."""
        settle_race(self._places, os.path.basename(self._target), f"{PREFIX}{manifest_digest(self._folder)}")
        self.discard()
        return "identical"

    def discard(self) -> None:
        if not self._done:
            self._done = True
            durable.remove_tree(self._folder)
            self._let_go()

    def _let_go(self) -> None:
        held, self._held, self._lease = (self._held, self._lease), -1, -1
        for fd in held:
            durable.let_go(fd)


def settle_race(places: Places, run_id: str, digest: str) -> None:
    """Make durable the bundle that stands under an id, as it is the same; raises `run_exists` where it is not.

    Whoever was first may not have come so far.
    """
    if os.path.lexists(places.at(run_id)):
        found = f"{PREFIX}{manifest_digest(places.at(run_id))}"
        folder = places.root
    else:
        packed = places.packed(run_id)
        found = "" if packed is None else packed.slice.digest
        folder = places.packs
        if packed is not None:
            durable.sync_file(packed.segment.path)
    if found != digest:
        raise error("run_exists", f"run {run_id} is sealed already, with other bytes", run_id=run_id)
    durable.sync_folder(folder)


def _prune(folder: str, prefix: str, paths: set[str]) -> None:
    """Remove files that are not named, and folders that hold none that is."""
    for entry in list(os.scandir(folder)):
        path = prefix + entry.name
        if entry.is_dir(follow_symlinks=False) and any(named.startswith(path + "/") for named in paths):
            _prune(entry.path, path + "/", paths)
        elif path not in paths:
            durable.remove_tree(entry.path)


def _folders(paths: set[str]) -> list[tuple[str, ...]]:
    """The folders that hold these files, innermost first, the bundle's own last."""
    found: set[tuple[str, ...]] = {()}
    for path in paths:
        parts = tuple(path.split("/")[:-1])
        found.update(parts[:depth] for depth in range(1, len(parts) + 1))
    return sorted(found, key=lambda parts: (-len(parts), parts))


def manifest_digest(folder: str) -> str | None:
    """The SHA-256 of the manifest in a folder; `None` where there is none that can be read."""
    try:
        bundle = FsBundle(folder)
    except OSError:
        return None
    digest = new_hash()
    try:
        for chunk in bundle.read(layout.MANIFEST):
            digest.update(chunk)
    except RunstoneError:
        return None
    finally:
        bundle.close()
    return digest.hexdigest()


_NO_SUCH_FILE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
"""Answers of the system that say something of the bundle, and not of the process or the disk."""


def _kind(mode: int) -> Literal["file", "link", "other"]:
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "other"


def _by_bytes(entry: Entry) -> bytes:
    return entry.path.encode("utf-8", "surrogateescape")


def _failed(full: str, exc: OSError, path: str) -> RunstoneError:
    reason = exc.strerror or str(exc)
    return error("store_unavailable", f"{full}: {reason}", path=path, errno=exc.errno, reason=reason)


def no_file(location: str, path: str) -> RunstoneError:
    """What is raised for a file that a bundle does not have."""
    return error("file_not_found", f"{location} has no file {path[:1024]!r}", path=path[:1024])


class FsBundle(HoldsDescriptor):
    """Port `Bundle`: a folder held open by descriptor, so that a swapped link or folder cannot lead elsewhere.

    While one that is `shared` is open, no purge takes it; `gone` makes the error where one took it while it rested.
    Raises `OSError` from the constructor where the path is no folder (or is a link).
    """

    def __init__(self, path: str, gone: Callable[[], RunstoneError] | None = None, *, shared: bool = False) -> None:
        self.location = path
        self._gone = gone
        self._shared = shared
        self._take()

    def _take(self) -> None:
        self._fd = os.open(self.location, durable.READ_FOLDER)
        if self._shared:
            try:
                durable.share(self._fd, self.location)
            except FileNotFoundError:
                self.close()
                raise

    def _folder(self) -> int:
        if self._fd < 0:
            with translated(self.location):
                try:
                    self._take()
                except FileNotFoundError:
                    if self._gone is None:
                        raise
                    raise self._gone() from None
        return self._fd

    def _check_gone(self) -> None:
        """Tell what is missing because the bundle is purged at this moment from what was never there."""
        if self._gone is not None and not durable.is_named(self._fd, self.location):
            raise self._gone()

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        with translated(self.location):
            self._walk(self._folder(), "", found)
            self._check_gone()
        found.sort(key=None if "".join([entry.path for entry in found]).isascii() else _by_bytes)
        return found

    def _walk(self, folder: int, prefix: str, found: list[Entry]) -> None:
        from runstone.ports.objects import Entry

        with os.scandir(folder) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if path.count("/") >= layout.MAX_FOLDERS:
                        found.append(Entry(path, "other", 0))
                        continue
                    inner = os.open(entry.name, durable.READ_FOLDER, dir_fd=folder)
                    try:
                        self._walk(inner, path + "/", found)
                    finally:
                        os.close(inner)
                    continue
                facts = entry.stat(follow_symlinks=False)
                found.append(Entry(path, _kind(facts.st_mode), facts.st_size))

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        fd, size = self._open(path)
        try:
            yield from read_chunks(fd, start, end_exclusive, size=size)
        except OSError as exc:
            raise _failed(f"{self.location}/{path}", exc, path) from exc
        finally:
            os.close(fd)

    def _open(self, path: str) -> tuple[int, int]:
        if layout.path_problem(path):
            raise no_file(self.location, path)
        parts = path.split("/")
        folder = self._folder()
        try:
            for part in parts[:-1]:
                inner = os.open(part, durable.READ_FOLDER, dir_fd=folder)
                if folder != self._fd:
                    os.close(folder)
                folder = inner
            fd = os.open(parts[-1], durable.READ, dir_fd=folder)
        except OSError as exc:
            if exc.errno in _NO_SUCH_FILE:
                self._check_gone()
                raise no_file(self.location, path) from exc
            raise _failed(f"{self.location}/{path}", exc, path) from exc
        finally:
            if folder != self._fd:
                os.close(folder)
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            os.close(fd)
            raise no_file(self.location, path)
        return fd, facts.st_size
