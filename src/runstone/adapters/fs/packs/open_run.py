"""A packed run while it is open: its events go to the spool of the process, its files stand where loose runs have
theirs, and its bundle becomes a slice.

One that grows too large goes on as a loose run: a folder that has its events so far, durable before the spool's stop to
count.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.journals import FsOpenRun, KeptFiles, kept_in
from runstone.adapters.fs.objects import FsBundle, FsStage, new_stage, no_file
from runstone.adapters.fs.packs.rewriting import mend
from runstone.adapters.fs.packs.spools import Spools, lock
from runstone.adapters.fs.packs.stage import PackedStage
from runstone.adapters.fs.places import Places, translated
from runstone.core import layout
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

    from runstone.adapters.fs.packs.packing import Packing
    from runstone.adapters.fs.packs.spooling import Spool, Sync
    from runstone.core.manifest import FileFact
    from runstone.ports.objects import Stage

MAX_HELD_BYTES: Final = 1 << 20
"""A run with more in its journal, or in the files that it keeps, goes on as a loose one."""


class PackedOpenRun:
    """Port `OpenRun`."""

    def __init__(self, places: Places, packing: Packing, run_id: str, spool: Spool) -> None:
        self._places = places
        self._packing = packing
        self._run_id = run_id
        self._spool: Spool | None = spool
        self._line = b'\n{"event":%%b,"run_id":"%b"}\n' % run_id.encode()
        self._lines: list[bytes] = []
        self._size = 0
        self._files: KeptFiles | None = None
        self._kept_bytes = 0
        self._loose: FsOpenRun | None = None
        self._lease = -1  # while it becomes loose
        self._stage: PackedStage | None = None
        self._begun: Sync | None = None

    def append(self, line: bytes) -> None:
        if self._loose is None and self._size + len(line) > MAX_HELD_BYTES:
            self._loosen()
        loose, spool = self._loose, self._spool
        if loose is not None:
            loose.append(line)
            return
        if spool is None:
            raise self._is_closed()
        spool.append(self._line % line[:-1])
        self._lines.append(line)
        self._size += len(line)

    def sync(self) -> None:
        if self._loose is not None:
            self._loose.sync()
        else:
            begun, self._begun = self._begun or self.begin_sync(), None
            if begun is not None:
                begun.wait()

    def begin_sync(self) -> Sync | None:
        spool = self._spool
        if self._loose is None and spool is not None:
            self._begun = self._packing.synced(spool)
        return self._begun

    def repair(self, size: int) -> int:
        if self._loose is not None:
            return self._loose.repair(size)
        self._size = sum(map(len, self._lines))
        while self._size > size:  # the spool is not cut: a line with a number that was there counts in its place
            self._size -= len(self._lines.pop())
        return self._size

    def set_aside(self) -> Callable[[], None]:
        if self._loose is not None:
            return self._loose.set_aside()
        return self._spool.stay() if self._spool is not None else lambda: None

    def keep(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        if self._loose is not None:
            return self._loose.keep(path, pieces)
        files, folder = self._kept(), self._places.at(layout.open_run(self._run_id))
        with translated(folder):
            os.makedirs(folder, exist_ok=True)
        fact = files.keep(path, pieces)
        self._kept_bytes += fact.size
        return fact

    def _kept(self) -> KeptFiles:
        """The one that has all files: a signal handler may keep the first in the middle of another."""
        made = self._files or KeptFiles(self._places, self._run_id)
        self._files = self._files or made
        return self._files

    def read(self, start: int, end_exclusive: int) -> Iterator[bytes]:
        if self._loose is not None:
            yield from self._loose.read(start, end_exclusive)
        else:
            yield b"".join(self._lines)[start:end_exclusive]

    def stage(self) -> Stage:
        if self._loose is None and self._kept_bytes > MAX_HELD_BYTES:
            self._loosen()
        if self._loose is not None:
            return self._loose.stage()
        self._stay_packed()
        files = {layout.JOURNAL: b"".join(self._lines)}
        if self._files is not None and self._files.paths:
            files.update(self._files.contents())
        self._stage = self._packing.stage(self._run_id, None, files)
        return self._stage

    def sealed_elsewhere(self) -> bool:
        if self._loose is not None:
            return self._loose.sealed_elsewhere()
        committed = self._stage is not None and self._stage.committed
        return not committed and os.path.lexists(self._places.at(self._run_id))

    def close(self) -> None:
        spool, self._spool = self._spool, None
        if self._loose is not None:
            self._loose.close()
            if spool is not None:  # it was interrupted as it became loose
                spool.leave(self._run_id, sealed=True)
        elif spool is not None:
            sealed = self._stage is not None and self._stage.committed
            if sealed and self._files is not None:
                durable.remove_tree(self._places.at(layout.open_run(self._run_id)))
            spool.leave(self._run_id, sealed=sealed or not self._lines)

    def inherit(self) -> None:
        self._spool = None
        lease, self._lease = self._lease, -1
        durable.let_go(lease)
        if self._loose is not None:
            self._loose.inherit()

    def _is_closed(self) -> RunstoneError:
        return error("store_unavailable", f"run {self._run_id} is closed", run_id=self._run_id)

    def _loosen(self) -> None:
        """Go on as a loose run. Raises `store_unavailable`; then the spool goes on to count."""
        places, folder = self._places, self._places.at(layout.open_run(self._run_id))
        path, temporary = os.path.join(folder, layout.JOURNAL), places.new_temporary()
        lease, fd, loose = -1, -1, None
        self._stay_packed()
        with translated(path):
            try:
                os.makedirs(folder, exist_ok=True)
                lease = self._lease = durable.create(temporary)
                durable.place_held(lease, places.at(layout.lease(self._run_id)), temporary, self._run_id.encode())
                durable.create_once(path, b"".join(self._lines), places.new_temporary())
                durable.sync_folder(places.open)
                fd, _ = durable.reopen_cut(path, self._size)
                loose = FsOpenRun(places, self._run_id, lease, fd, self._kept())
                # all at once: no handler finds half of it
                self._loose = loose if self._loose is None and self._spool is not None else self._loose
                if self._loose is not loose:  # a handler has finished the run meanwhile
                    raise self._is_closed()
                self._lease = -1
            except BaseException:
                if loose is None or self._loose is not loose:
                    self._undo(lease)
                    durable.let_go(lease)
                    durable.let_go(fd)
                    durable.remove_tree(temporary)
                self._lease = -1
                raise
        self._lines = []
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.leave(self._run_id, sealed=True)  # nothing of it is needed: the folder is durable

    def _stay_packed(self) -> None:
        """Where a signal handler has come into a call that makes the run loose."""
        if self._lease >= 0 and self._loose is None:
            self._undo(self._lease)

    def _undo(self, lease: int) -> None:
        """A journal in the folder would count in place of the spool, and the seal would wait for the lease."""
        folder = self._places.at(layout.open_run(self._run_id))
        if self._loose is None:  # else it is that one's
            durable.remove_tree(os.path.join(folder, layout.JOURNAL))
        durable.remove_own(lease, self._places.at(layout.lease(self._run_id)))
        try:
            os.rmdir(folder)
        except OSError:  # there is none, or files are kept in it
            return


class SpooledRun:
    """Port `LeftRun`: a run in a spool, with the lock of the spool if it was taken."""

    def __init__(self, places: Places, spools: Spools, run_id: str, path: str, held: int = -1) -> None:
        self._places = places
        self._spools = spools
        self._path = path
        self._held = held
        self._lease = -1
        self.run_id = run_id
        self.folder = places.at(layout.open_run(run_id))

    def read(self, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        yield self._spools.journal(self._path, self.run_id)[start:end_exclusive]

    def kept(self) -> list[str]:
        return kept_in(self.folder) if os.path.isdir(self.folder) else []

    def read_kept(self, path: str) -> Iterator[bytes]:
        try:
            bundle = FsBundle(self.folder)
        except OSError:
            raise no_file(self.folder, path) from None
        try:
            yield from bundle.read(path)
        finally:
            bundle.close()

    def stage(self) -> FsStage:
        return new_stage(self._places, self.run_id, claim=None)

    def remove(self, *, free_id: bool) -> None:  # noqa: ARG002  # no id was claimed
        if self._held < 0:
            return
        with translated(self.folder):
            durable.remove_tree(self.folder)
            self._spools.remove_if_done(self._path)

    def hold_id(self) -> None:
        """Take the lease of the id as well."""
        lease = self._places.lock_lease(self.run_id)
        self._lease = -1 if lease is None else lease

    def release(self) -> None:
        held, self._held, self._lease = (self._held, self._lease), -1, -1
        for fd in held:
            durable.let_go(fd)


def take_spooled(places: Places, spools: Spools, run_id: str, path: str, *, force: bool) -> SpooledRun | None:
    """The run for recovery, with the lock of its spool; `None` if its writer is alive or it is sealed by now.

    Where the writer is dead, its segment is ended first: what is whole in it, and no more, is sealed.
    """
    with translated(path):
        held = lock(path)
        if held is None and not force:
            return None
        left = SpooledRun(places, spools, run_id, path, -1 if held is None else held)
        try:
            if held is not None:
                mend(places)
            else:  # before the look for a slice: a writer that is alive looks for the lease behind its own
                left.hold_id()
            if spools.is_open(run_id):
                return left
        except BaseException:
            left.release()
            raise
    left.release()
    return None
