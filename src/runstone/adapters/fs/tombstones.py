"""Runs that are marked to be purged, and how they go: `.runstone/tombstones/<run_id in lower case>.json`.

- Whatever is done to a run is done with its lease, so that a writer, a recovery, an import or another purge of the
  same run is not met halfway; whoever has the lease keeps it.
- A bundle goes in this order: the tombstone is durable long before; the folder takes an exclusive lock, which no
  reader may share; one rename takes its name; the store's folder is synced; the tombstone says `purged`; the files are
  removed. A process that dies on the way leaves the run whole and marked, or gone with its tombstone.
- What debug mode kept of the run goes between the name and the tombstone's last word.
- The lock is kept to the end: until then no sweep takes the folder, and if the process dies one will.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from runstone.adapters.fs import durable
from runstone.adapters.fs.debug import FsDebug
from runstone.adapters.fs.places import Places, in_use, read_chunks, translated
from runstone.core import layout
from runstone.core.digests import PREFIX, new_hash
from runstone.core.tombstone import MAX_TOMBSTONE_BYTES, PENDING, Tombstone, parse_tombstone
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.adapters.fs.packs.shelf import Packed
    from runstone.ports.objects import Removed


class FsTombstones:
    """The tombstones of one store on disk."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def _path(self, run_id: str) -> str:
        return self._places.at(layout.tombstone(run_id))

    def read(self, run_id: str) -> Tombstone | None:
        """The tombstone that takes an id, in any case. Raises `store_unavailable` for a file that is none."""
        path = self._path(run_id)
        with translated(path):
            try:
                found = _read(path)
            except FileNotFoundError:
                return None
        if found is None:
            raise error("store_unavailable", f"{path} is no tombstone", reason="not a tombstone", path=path)
        return found

    def all(self) -> list[Tombstone]:
        """Every tombstone that can be read, by run id."""
        folder = self._places.at(layout.TOMBSTONES)
        found = []
        with self._places.reading(folder):
            for name in os.listdir(folder):
                try:
                    stone = _read(os.path.join(folder, name))
                except OSError:  # taken back at this moment, or nothing that was put here
                    continue
                if stone is not None and os.path.basename(layout.tombstone(stone.run_id)) == name:
                    found.append(stone)
        return sorted(found, key=lambda stone: stone.run_id)

    def mark(self, stone: Tombstone) -> bool:
        """Port."""
        path = self._path(stone.run_id)
        with translated(path), self._places.leased(stone.run_id):
            loose = os.path.join(self._places.at(stone.run_id), layout.MANIFEST)
            if not os.path.lexists(loose) and self._packed(stone.run_id) is None:
                raise self.missing(stone.run_id)
            before = self.read(stone.run_id)
            if before is not None and before.state == PENDING and before.digest == stone.digest:
                return False
            durable.make_folders(os.path.dirname(path))
            if before is None:
                durable.create_once(path, stone.data(), self._places.new_temporary())
            else:  # of a run that came back
                durable.replace_file(path, stone.data(), self._places.new_temporary())
        return True

    def unmark(self, run_id: str) -> bool:
        """Port."""
        path = self._path(run_id)
        with translated(path), self._places.leased(run_id):
            stone = self.read(run_id)
            if stone is None or stone.state != PENDING or not self._stands(run_id):
                return False
            durable.remove_file(path)
        return True

    def remove(self, run_ids: list[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:
        """Port, for many runs at once, so that a segment is written anew but once. What is raised for one is its
        answer."""
        answers: dict[str, Removed | RunstoneError] = {}
        with ExitStack() as held:
            due: dict[str, Tombstone] = {}
            for run_id in run_ids:
                try:
                    with translated(self._places.at(run_id)):
                        held.enter_context(self._places.leased(run_id))
                        found = self._due(run_id, at)
                except RunstoneError as exc:
                    answers[run_id] = exc
                else:
                    if isinstance(found, str):
                        answers[run_id] = found
                    else:
                        due[run_id] = found
            packed = {stone.run_id: stone.digest for stone in due.values() if self._packed(stone.run_id) is not None}
            answers.update(self._without_slices(packed))
            for run_id, stone in due.items():
                if run_id not in answers:
                    answers[run_id] = self._end(stone, at, by, packed)
        return answers

    def _due(self, run_id: str, at: str) -> Tombstone | Removed:
        """The mark of a run that is to go; or how it is answered, where it is not."""
        stone = self.read(run_id)
        stands = self._stands(run_id)
        if stone is None or stone.run_id != run_id:
            return "kept"
        if stone.state != PENDING:
            if stands:  # it came back, and whoever brought it died before the tombstone went
                durable.remove_file(self._path(run_id))
            return "kept" if stands else "gone"
        return "kept" if stands and at < stone.not_before else stone

    def _without_slices(self, digests: dict[str, str]) -> dict[str, RunstoneError]:
        if not digests:
            return {}
        from runstone.adapters.fs.packs.rewriting import remove_slices

        return remove_slices(self._places, digests)

    def _end(self, stone: Tombstone, at: str, by: str, packed: dict[str, str]) -> Removed | RunstoneError:
        """Take away what stands as a folder, and say that the run is gone."""
        run_id = stone.run_id
        try:
            with translated(self._places.at(run_id)):
                if os.path.lexists(self._places.at(run_id)):
                    self._withdraw(stone, at, by)
                else:
                    if run_id not in packed:  # a purge died halfway
                        self._sync_names()
                    self._say_purged(stone, at, by)
                os.unlink(self._places.at(layout.lease(run_id)))
        except RunstoneError as exc:
            return exc
        return "removed"

    def _sync_names(self) -> None:
        durable.sync_folder(self._places.root)
        if os.path.isdir(self._places.packs):
            durable.sync_folder(self._places.packs)

    def _packed(self, run_id: str) -> Packed | None:
        """Where the run of exactly this id is packed."""
        packed = self._places.packed(run_id)
        return packed if packed is not None and packed.run_id == run_id else None

    def _withdraw(self, stone: Tombstone, at: str, by: str) -> None:
        path = self._places.at(stone.run_id)
        fd = os.open(path, durable.READ_FOLDER)
        try:
            if not durable.lock_unshared(fd):
                raise in_use(stone.run_id, "it is being read")
            found = _manifest_digest(fd)
            if found != stone.digest or not durable.is_named(fd, path):
                raise another_bundle(stone.run_id, stone.digest, found)
            taken = self._places.new_temporary()
            durable.withdraw_folder(path, taken)
            self._say_purged(stone, at, by)
            durable.remove_tree(taken)
        finally:
            os.close(fd)

    def _say_purged(self, stone: Tombstone, at: str, by: str) -> None:
        """Nothing that debug mode kept of the run is there when its tombstone says that it is purged."""
        FsDebug(self._places).remove(stone.run_id)
        self._say(stone.ended(at, by))

    def _say(self, stone: Tombstone) -> None:
        durable.replace_file(self._path(stone.run_id), stone.data(), self._places.new_temporary())

    def _stands(self, run_id: str) -> bool:
        return self._places.is_sealed(run_id)

    def missing(self, run_id: str) -> RunstoneError:
        """Why there is no bundle of an id: it was purged, or it never was."""
        stone = self.read(run_id)
        if stone is not None and stone.run_id == run_id:
            return stone.error()
        return error("run_not_found", f"no run {run_id[:140]!r} in {self._places.root}", run_id=run_id[:140])

    # a run that comes back

    def admit(self, run_id: str, digest: str) -> None:
        """Let a purged run come back, and nothing else in its place; the caller has the lease, and no bundle stands.

        Raises `run_exists`. A purge that died halfway is ended first, so that none takes up again what comes back.
        """
        stone = self.read(run_id)
        if stone is None:
            return
        if stone.run_id != run_id or stone.digest != digest:
            raise stone.taken(run_id)
        if stone.state == PENDING:
            self._say(stone.ended(None, None))

    def lift(self, run_id: str) -> None:
        """Take away the tombstone of a run that has come back. One that stays is passed over by every reader."""
        try:
            durable.remove_file(self._path(run_id))
        except OSError:
            return


def another_bundle(run_id: str, expected: str, found: str) -> RunstoneError:
    """What is raised where the bundle is not the one that was marked."""
    message = f"run {run_id} is not the bundle that was marked; it stays"
    return error("digest_mismatch", message, run_id=run_id, expected=expected, found=found)


def _read(path: str) -> Tombstone | None:
    fd = os.open(path, durable.READ)
    try:
        return parse_tombstone(os.read(fd, MAX_TOMBSTONE_BYTES + 1))
    finally:
        os.close(fd)


def _manifest_digest(folder: int) -> str:
    fd = os.open(layout.MANIFEST, durable.READ, dir_fd=folder)
    try:
        digest = new_hash()
        for chunk in read_chunks(fd):
            digest.update(chunk)
    finally:
        os.close(fd)
    return PREFIX + digest.hexdigest()
