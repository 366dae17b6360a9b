"""Runs moved between folders and segments. Port `packs` on a file system.

- The new place is durable before the old one goes, and the lease of a run is held from before the copy to the end: no
  purge comes between. A process that dies leaves the run in both places, which the next move or purge tidies up.
- Only a bundle whose files are those of its manifest is moved: what is damaged stays as it was found.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from zlib import crc32

from runstone.adapters.fs import durable
from runstone.adapters.fs.objects import FsBundle, new_stage
from runstone.adapters.fs.packs.bundle import PackedBundle
from runstone.adapters.fs.packs.rewriting import place_segment, rewrite
from runstone.adapters.fs.packs.segments import MAX_SEGMENT_BYTES, close_own, new_name
from runstone.adapters.fs.packs.shelf import Packed
from runstone.adapters.fs.places import Places, in_use, translated
from runstone.core import layout
from runstone.core.digests import digest_of, new_hash
from runstone.core.ids import is_run_id
from runstone.core.limits import MAX_MANIFEST_BYTES
from runstone.core.manifest import parse_manifest
from runstone.core.slices import Slice
from runstone.core.tar import slice_pieces
from runstone.errors import RunstoneError, error

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # asked for before each use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import Any, Final, Self

    from runstone.ports.objects import Bundle
    from runstone.ports.packs import Moved

MAX_RUNS: Final = 10_000
"""So many runs are moved at once, if so many leases can be held."""


class FsPacks:
    """Port `packs`."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def pack(self, run_ids: Iterable[str]) -> Iterator[Moved]:
        left = iter(run_ids)
        more = True
        while more:
            with _Batch(self._places) as batch:
                more = yield from self._filled(batch, left)
                yield from batch.move()

    def _filled(self, batch: _Batch, run_ids: Iterator[str]) -> Generator[Moved, None, bool]:
        """Add runs to a batch; answers whether it is full before they are all done."""
        for run_id in run_ids:
            if not is_run_id(run_id) or not os.path.lexists(self._places.at(run_id)):
                if not self._places.is_sealed(run_id):
                    yield run_id, _not_found(run_id)
                continue
            try:
                batch.add(run_id)
            except RunstoneError as exc:
                yield run_id, exc
            if batch.is_full:
                return True
        return False

    def unpack(self, run_ids: Iterable[str]) -> Iterator[Moved]:
        shelf = self._places.shelf()
        wanted = dict.fromkeys(run_ids)
        if shelf is None:
            return
        close_own(self._places.root)
        by_segment: dict[str, list[Packed]] = {}
        for packed in list(shelf.all()):
            if packed.run_id in wanted:
                by_segment.setdefault(packed.segment.name, []).append(packed)
        for found in by_segment.values():
            for start in range(0, len(found), _room()):
                yield from self._unpacked(found[start : start + _room()])

    def _unpacked(self, batch: list[Packed]) -> Iterator[Moved]:
        """Move runs of one segment, which is written anew once."""
        done = []
        with ExitStack() as held:
            for packed in batch:
                try:
                    held.enter_context(self._places.leased(packed.run_id))
                    with translated(packed.location):
                        self._to_folder(packed)
                except RunstoneError as exc:
                    yield packed.run_id, exc
                else:
                    done.append(packed.run_id)
            failure: RunstoneError | None = None
            try:
                for segment in self._places.segments():  # another purge or move may have written it anew meanwhile
                    here = [run_id for run_id in done if run_id.lower() in segment.slices]
                    if here and not rewrite(self._places, segment, here):
                        failure = in_use(here[0], "its pack is being written; it is in a folder as well")
            except RunstoneError as exc:
                failure = exc
        yield from ((run_id, failure) for run_id in done)

    def _to_folder(self, packed: Packed) -> None:
        run_id = packed.run_id
        if os.path.lexists(self._places.at(run_id)):  # a move died halfway, or recovery was forced: the folder counts
            return
        try:
            bundle = PackedBundle(packed)
        except FileNotFoundError:
            raise in_use(run_id, "its pack was written anew") from None
        stage = new_stage(self._places, run_id, claim=None)
        try:
            sizes = _sizes(bundle, run_id)
            facts = {path: stage.put(path, bundle.read(path)) for path in sizes}
            if any(facts[path].sha256 != sha256 for path, (_, sha256) in sizes.items() if sha256):
                raise _damaged(run_id, "bytes of it have changed")
            stage.commit()
        finally:
            stage.discard()
            bundle.close()


class _Batch:
    """Runs that go into one new segment. Leave its block, and nothing is held: what was not moved stays."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._held = ExitStack()
        self._temporary = ""
        self._fd = -1
        self._size = 0
        self._slices: list[Slice] = []
        self._there: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
            durable.remove_tree(self._temporary)

    @property
    def is_full(self) -> bool:
        """Whether no more is to be added."""
        return self._size >= MAX_SEGMENT_BYTES or len(self._slices) + len(self._there) >= _room()

    def add(self, run_id: str) -> None:
        """Copy a run. Raises what keeps it where it is."""
        places = self._places
        with translated(places.at(run_id)), ExitStack() as lease:
            lease.enter_context(places.leased(run_id))
            try:
                bundle = FsBundle(places.at(run_id), shared=True)
            except FileNotFoundError:
                raise _not_found(run_id) from None
            try:
                packed = places.packed(run_id)
                digest = digest_of(b"".join(bundle.read(layout.MANIFEST)))
                if packed is None:
                    self._copy(run_id, bundle, digest)
                elif packed.slice.digest == digest and packed.segment.closed:  # a move died halfway
                    self._there.append(run_id)
                else:
                    raise in_use(run_id, "another bundle of this id is in a pack, and this one counts")
            finally:
                bundle.close()
            self._held.push(lease.pop_all())

    def _copy(self, run_id: str, bundle: Bundle, digest: str) -> None:
        if self._fd < 0:
            self._temporary = self._places.new_temporary()
            self._fd = durable.create(self._temporary)
            durable.hold(self._fd, self._temporary)
        sizes = _sizes(bundle, run_id)
        checked = _Checked(bundle, sizes, run_id)
        crc, length = 0, 0
        try:
            for piece in slice_pieces(run_id, {path: size for path, (size, _) in sizes.items()}, checked.read):
                durable.write_all(self._fd, piece)
                crc, length = crc32(piece, crc), length + len(piece)
        except BaseException:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise
        self._slices.append(Slice(run_id, digest, self._size, length, crc))
        self._size += length

    def move(self) -> Iterator[Moved]:
        """Give the segment its name, and take the folders away."""
        with self._held:
            run_ids = [*(found.run_id for found in self._slices), *self._there]
            failures: dict[str, RunstoneError] = {}
            try:
                with translated(self._places.packs):
                    self._place()
                    self._withdraw(run_ids, failures)
            except RunstoneError as exc:
                failures = dict.fromkeys(run_ids, exc)
        yield from ((run_id, failures.get(run_id)) for run_id in run_ids)

    def _place(self) -> None:
        if self._fd < 0:
            return
        try:
            if self._slices:
                durable.make_folders(self._places.packs)
                place_segment(self._places, new_name(), self._fd, self._temporary, self._size, self._slices)
            else:
                os.unlink(self._temporary)
        finally:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _withdraw(self, run_ids: list[str], failures: dict[str, RunstoneError]) -> None:
        """Take folders away that nobody reads: their names first, all durable, then their files."""
        places, taken = self._places, []
        for run_id in run_ids:
            target = places.new_temporary()
            if durable.withdraw_unread(places.at(run_id), target):
                taken.append(target)
            else:
                failures[run_id] = in_use(run_id, "it is being read; it is in a pack as well")
        if taken:
            durable.sync_folder(places.root)
        for folder in taken:
            durable.remove_tree(folder)


class _Checked:
    """Reads the files of a bundle, each of which must be what the manifest says."""

    def __init__(self, bundle: Bundle, sizes: dict[str, tuple[int, str]], run_id: str) -> None:
        self._bundle = bundle
        self._sizes = sizes
        self._run_id = run_id

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of a file. Raises `bundle_damaged`."""
        size, sha256 = self._sizes[path]
        digest = new_hash(size=size)
        for piece in self._bundle.read(path):
            digest.update(piece)
            yield piece
        if sha256 and digest.hexdigest() != sha256:
            raise _damaged(self._run_id, f"{path} is not what was sealed")


def _sizes(bundle: Bundle, run_id: str) -> dict[str, tuple[int, str]]:
    """Path → size and SHA-256 of all files of a bundle, that of the manifest empty. Raises `bundle_damaged`."""
    there: dict[str, Any] = {entry.path: entry for entry in bundle.entries()}
    try:
        data = b"".join(bundle.read(layout.MANIFEST, 0, MAX_MANIFEST_BYTES + 1))
        manifest = parse_manifest(data)
    except RunstoneError as exc:
        raise _damaged(run_id, exc.message) from exc
    sizes = {entry["path"]: (entry["size"], entry["sha256"]) for entry in manifest["files"]}
    if manifest["run_id"] != run_id or there.keys() != {layout.MANIFEST, *sizes}:
        raise _damaged(run_id, "its files are not those of its manifest")
    if any(entry.kind != "file" for entry in there.values()):
        raise _damaged(run_id, "it holds what is no file")
    return {layout.MANIFEST: (len(data), ""), **sizes}


def _damaged(run_id: str, why: str) -> RunstoneError:
    return error("bundle_damaged", f"run {run_id} is not moved: {why}", run_id=run_id, reason=why)


def _not_found(run_id: str) -> RunstoneError:
    return error("run_not_found", f"no run {run_id[:140]!r}", run_id=run_id[:140])


def _room() -> int:
    """How many leases may be held at once."""
    if resource is None:
        return 400  # type: ignore[unreachable]  # Windows
    return max(16, min(MAX_RUNS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
