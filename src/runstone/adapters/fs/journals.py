"""Open runs as folders: `.runstone/open/<run_id>/`, each with a locked lease file.

- An id is claimed by linking a file that is locked already to `lease/<id>`: there is no moment in which a claimed
  id looks dead. The file holds the id as it is spelled, as its name has no case.
- A writer's descriptors are closed in a forked child, so the lock ends with the writer and not with a child.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.durable import other_threads
from runstone.adapters.fs.objects import FsBundle, FsStage, new_stage
from runstone.adapters.fs.places import Places, is_held, read_chunks, translated
from runstone.core import layout
from runstone.core.ids import check_run_id, is_random_id, is_run_id
from runstone.core.manifest import FileFact
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

    from runstone.adapters.fs.claims import FsClaims
    from runstone.adapters.fs.debug import FsDebug
    from runstone.adapters.fs.packs.packing import Packing
    from runstone.adapters.fs.published import FsPublished
    from runstone.ports.journals import Leftover, LeftRun, OpenRun


class FsJournals:
    """Port `journals` on a file system."""

    def __init__(self, places: Places, packing: Packing | None = None) -> None:
        self._places = places
        self._packing = packing

    @property
    def claims(self) -> FsClaims:
        from runstone.adapters.fs.claims import FsClaims  # a run that claims nothing does not wait for it

        return FsClaims(self._places)

    @property
    def published(self) -> FsPublished:
        from runstone.adapters.fs.published import FsPublished  # most contracts publish nothing

        return FsPublished(self._places)

    @property
    def debug(self) -> FsDebug:
        from runstone.adapters.fs.debug import FsDebug  # few runs are debugged

        return FsDebug(self._places)

    def pseudonym_key(self, fresh: bytes) -> bytes:
        places = self._places
        path = places.at(layout.PSEUDONYM_KEY)
        places.prepare()
        with translated(path):
            if not os.path.lexists(path):
                try:
                    durable.create_once(path, fresh, places.new_temporary(), KEY_MODE)
                except FileExistsError:
                    pass  # another process was first: its key is the store's
            fd = os.open(path, durable.READ)
            try:
                key = os.read(fd, len(fresh) + 1)
            finally:
                os.close(fd)
        if len(key) != len(fresh):
            raise error("store_unavailable", f"{path} is no key of {len(fresh)} bytes", reason="not a key", path=path)
        return key

    def create(self, run_id: str, *, fresh: bool = False) -> OpenRun:
        check_run_id(run_id)
        if fresh and self._packing is not None:
            return self._packing.open_run(run_id)
        places = self._places
        places.prepare()
        lease_path = places.at(layout.lease(run_id))
        with translated(lease_path):
            if os.path.lexists(places.at(run_id)) or (not is_random_id(run_id) and places.holder(run_id) is not None):
                raise _taken(run_id)
            if not fresh and (places.packed(run_id) is not None or places.spooled_by(run_id) is not None):
                raise _taken(run_id)
            if os.path.lexists(places.at(layout.tombstone(run_id))):  # asked last: it stands before the bundle goes
                raise _was_purged(places, run_id)
            lease = fd = -1
            try:
                lease = durable.claim(lease_path, places.new_temporary(), run_id.encode())
                folder = places.at(layout.open_run(run_id))
                os.mkdir(folder)
                fd = os.open(
                    os.path.join(folder, layout.JOURNAL),
                    os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | durable.NO_FOLLOW,
                    durable.FILE_MODE,
                )
                return FsOpenRun(places, run_id, lease, fd)
            except BaseException as exc:  # a signal handler's, too
                durable.let_go(fd)
                if lease >= 0:
                    self._give_up(run_id, lease)
                if isinstance(exc, FileExistsError):
                    raise _taken(run_id) from None
                raise

    def _give_up(self, run_id: str, lease: int) -> None:
        """Nothing was recorded: leave the id free, unless an open run of that id stands there."""
        folder = self._places.at(layout.open_run(run_id))
        try:
            if not os.path.lexists(os.path.join(folder, layout.JOURNAL)):
                durable.remove_tree(folder)
                os.unlink(self._places.at(layout.lease(run_id)))
        finally:
            os.close(lease)

    def open_ids(self) -> list[str]:
        spooled = self._places.spooled_ids()
        with self._places.reading(self._places.open):
            return sorted({*spooled, *(name for name in os.listdir(self._places.open) if is_run_id(name))})
        return spooled

    def alive(self, run_id: str) -> bool:
        spool = self._places.spooled_by(run_id)
        if spool is not None:
            return is_held(spool)
        with translated(self._places.leases):
            return is_held(self._places.at(layout.lease(run_id)))

    def take(self, run_id: str, *, force: bool = False) -> LeftRun | None:
        spool, spools = self._places.spooled_by(run_id), self._places.spools()
        if spool is not None and spools is not None:
            from runstone.adapters.fs.packs.open_run import take_spooled

            return take_spooled(self._places, spools, run_id, spool, force=force)
        if self.read(run_id) is None:  # before the lease is made anew, which would take the id
            return None
        with translated(self._places.leases):
            lease = self._places.lock_lease(run_id)  # one that power loss took is made anew
        if lease is None and not force:
            return None
        left = FsLeftRun(self._places, run_id, lease)
        if not os.path.isdir(left.folder):  # recovered by somebody else a moment ago
            left.release()
            return None
        return left

    def read(self, run_id: str) -> LeftRun | None:
        if not is_run_id(run_id):
            return None
        spool, spools = self._places.spooled_by(run_id), self._places.spools()
        if spool is not None and spools is not None:
            from runstone.adapters.fs.packs.open_run import SpooledRun

            return SpooledRun(self._places, spools, run_id, spool)
        left = FsLeftRun(self._places, run_id, None)
        return left if os.path.isdir(left.folder) else None

    def adopt(self, parent: str, child: str) -> None:
        if not is_run_id(parent):
            return
        if not os.path.isdir(self._places.at(layout.open_run(parent))) and self._places.spooled_by(parent) is None:
            return
        folder = self._places.at(layout.children(parent))
        try:
            os.makedirs(folder, exist_ok=True)
            os.close(durable.create(os.path.join(folder, child)))
        except OSError:  # a parent that does not know of the child is found by the child's link
            return

    def adopted(self, parent: str) -> list[str]:
        folder = self._places.at(layout.children(parent))
        if not os.access(folder, os.F_OK):  # as nearly always
            return []
        try:
            found = [name for name in os.listdir(folder) if is_run_id(name)]
        except OSError:  # nobody has left word
            return []
        try:
            durable.remove_tree(folder)
        except OSError:  # one more comes at this moment: the sweep takes it
            return found
        return found

    def leftovers(self) -> list[Leftover]:
        from runstone.adapters.fs.leftovers import leftovers  # no recording waits for it to be loaded

        return leftovers(self._places)

    def sweep(self) -> list[Leftover]:
        from runstone.adapters.fs.leftovers import sweep

        return sweep(self._places)

    def unkept(self) -> list[Leftover]:
        from runstone.adapters.fs.leftovers import unkept

        return [left for left in unkept(self._places) if not self.alive(left.name)]


def _taken(run_id: str) -> RunstoneError:
    return error("run_exists", f"run id {run_id!r} is taken", run_id=run_id)


def _was_purged(places: Places, run_id: str) -> RunstoneError:
    from runstone.adapters.fs.tombstones import FsTombstones

    stone = FsTombstones(places).read(run_id)
    return _taken(run_id) if stone is None else stone.taken(run_id)


def _kept_already(path: str) -> RunstoneError:
    return error("file_exists", f"the run keeps a file {path!r} already", path=path)


LARGE_LINE_BYTES: Final = 64 * 1024
KEY_MODE: Final = 0o600
WRITE_BACK_BYTES: Final = 16 << 20
"""Of bulk output so much waits in memory before the disk is asked to begin."""


class KeptFiles:
    """The files that an open run keeps, in its folder. Whoever holds its lease alone writes there: no name in it is
    taken by somebody else, and a file that does not arrive goes with the folder."""

    def __init__(self, places: Places, run_id: str) -> None:
        self._places = places
        self._run_id = run_id
        self._folder = places.at(layout.open_run(run_id))
        self._arriving = 0
        self._names: dict[str, tuple[str, bool]] = {}
        self.paths: set[str] = set()

    def keep(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        """Port."""
        names = self._free_names(layout.check_path(path))
        full = os.path.join(self._folder, *path.split("/"))
        arriving = self._places.at(layout.arriving(self._run_id, self._arriving))
        self._arriving += 1
        with translated(full):
            fd = durable.create(arriving)
            try:
                size, sha256 = durable.write_new(fd, pieces)
                durable.name_own(arriving, full)
            except BaseException:
                durable.remove_tree(arriving)
                raise
            finally:
                os.close(fd)
        self.paths.add(path)
        self._names |= names
        return FileFact(path, size, sha256)

    def _free_names(self, path: str) -> dict[str, tuple[str, bool]]:
        """The names that a file takes; raises `file_exists` if one of a kept file or folder is the same on some file
        system that a bundle may go to."""
        parts = path.split("/")
        spelled = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        needed = {layout.fold_path(name): (name, name == path) for name in spelled}
        for folded, (name, is_file) in needed.items():
            if folded in self._names and (is_file or self._names[folded] != (name, False)):
                raise _kept_already(path)
        return needed

    def contents(self) -> dict[str, bytes]:
        """All of them, read."""
        with translated(self._folder):
            bundle = FsBundle(self._folder)
        try:
            return {path: b"".join(bundle.read(path)) for path in self.paths}
        finally:
            bundle.close()


def kept_in(folder: str) -> list[str]:
    """The files that a run whose folder this is has kept; what was arriving is none."""
    with translated(folder):
        bundle = FsBundle(folder)
    try:
        return [
            entry.path
            for entry in bundle.entries()
            if entry.path.startswith(layout.ARTIFACTS + "/") and entry.kind == "file"
        ]
    finally:
        bundle.close()


class FsOpenRun:
    """Port `OpenRun`: the writer's descriptors of the journal and the lease."""

    def __init__(self, places: Places, run_id: str, lease: int, fd: int, files: KeptFiles | None = None) -> None:
        self._places = places
        self._run_id = run_id
        self._lease = lease
        self._fd = fd
        self._folder = places.at(layout.open_run(run_id))
        self._unasked = 0
        self._files = files or KeptFiles(places, run_id)

    def append(self, line: bytes) -> None:
        size = len(line)
        try:
            if size > LARGE_LINE_BYTES:
                self._append_large(line)
                return
            written = durable.write_keeping_lock(self._fd, line) if other_threads() else os.write(self._fd, line)
            if written != size:
                durable.write_all(self._fd, line[written:])
        except OSError as exc:
            if exc.errno is None:  # no disk's: a timeout, say, that a signal handler raises
                raise
            reason = exc.strerror or str(exc)
            raise error(
                "store_unavailable", f"cannot write the journal: {reason}", reason=reason, errno=exc.errno
            ) from exc

    def _append_large(self, line: bytes) -> None:
        """Bulk output: other threads run during the write, and the disk begins before the seal asks for it."""
        durable.write_all(self._fd, line)
        self._unasked += len(line)
        if self._unasked >= WRITE_BACK_BYTES:
            durable.start_write_back(self._fd, -self._unasked)
            self._unasked = 0

    def sync(self) -> None:
        with translated(self._folder):
            durable.sync(self._fd)
            durable.sync_folder(self._folder)
            durable.sync_folder(self._places.open)

    def begin_sync(self) -> None:
        return None

    def repair(self, size: int) -> int:
        path = os.path.join(self._folder, layout.JOURNAL)
        with translated(path):
            fd, found = durable.reopen_cut(path, size)
            before, self._fd = self._fd, fd
            durable.let_go(before)
        return found

    def set_aside(self) -> Callable[[], None]:
        fd, self._fd = self._fd, -1
        durable.divert(fd)
        return lambda: durable.let_go(fd)

    def keep(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        return self._files.keep(path, pieces)

    def read(self, start: int, end_exclusive: int) -> Iterator[bytes]:
        with translated(self._folder):
            yield from read_chunks(self._fd, start, end_exclusive)

    def stage(self) -> FsStage:
        durable.start_write_back(self._fd)  # it goes to the disk while documents are made of it
        written = {layout.JOURNAL, *self._files.paths}
        return FsStage(self._places, self._folder, self._places.at(self._run_id), written, claim=None, held=-1)

    def sealed_elsewhere(self) -> bool:
        return os.path.isdir(self._folder) and os.path.lexists(self._places.at(self._run_id))

    def close(self) -> None:
        held, self._fd, self._lease = (self._fd, self._lease), -1, -1
        for fd in held:
            durable.let_go(fd)

    inherit = close


class FsLeftRun:
    """Port `LeftRun`: an open run's folder, with the lease's descriptor if it was taken."""

    def __init__(self, places: Places, run_id: str, lease: int | None) -> None:
        self._places = places
        self.run_id = run_id
        self.folder = places.at(layout.open_run(run_id))
        self._lease_path = places.at(layout.lease(run_id))
        self._lease = lease

    def read(self, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        return self._read(layout.JOURNAL, start, end_exclusive)

    def _read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        with translated(self.folder):
            bundle = FsBundle(self.folder)
        try:
            yield from bundle.read(path, start, end_exclusive)
        except RunstoneError as exc:
            if path != layout.JOURNAL or exc.code != "file_not_found":
                raise
        finally:
            bundle.close()

    def kept(self) -> list[str]:
        return kept_in(self.folder)

    def read_kept(self, path: str) -> Iterator[bytes]:
        return self._read(path)

    def stage(self) -> FsStage:
        return new_stage(self._places, self.run_id, claim=None)

    def remove(self, *, free_id: bool) -> None:
        if self._lease is None:
            return
        with translated(self.folder):
            durable.remove_tree(self.folder)
            if free_id:
                durable.remove_tree(self._lease_path)

    def release(self) -> None:
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None
