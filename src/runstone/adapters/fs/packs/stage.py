"""A bundle that becomes a slice: its files wait in memory, and are written at once.

One that grows too large for that goes on as a folder.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.objects import FsStage, new_stage, settle_race
from runstone.adapters.fs.packs.segments import segment_writer
from runstone.adapters.fs.places import Places, translated
from runstone.core import layout
from runstone.core.digests import PREFIX, sha256_hex
from runstone.core.manifest import FileFact
from runstone.core.slices import slice_of
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    from runstone.adapters.fs.objects import Claim
    from runstone.adapters.fs.packs.segments import Commit
    from runstone.ports.objects import Committed

MAX_SLICE_BYTES: Final = 8 << 20
"""A bundle with more bytes in its files is written loose."""


class PackedStage:
    """Port `Stage`. `claim` takes an id that came from elsewhere; without one it is of this process's own making."""

    def __init__(
        self, places: Places, run_id: str, claim: Claim | None, files: dict[str, bytes], open_for_s: float
    ) -> None:
        self._places = places
        self._run_id = run_id
        self._claim = claim
        self._files = files
        self._size = sum(map(len, files.values()))
        self._open_for_s = open_for_s
        self._digest = ""
        self._loose: FsStage | None = None
        self._lease = -1
        self._begun: Commit | None = None
        self.committed = False

    def put(self, path: str, pieces: Iterable[bytes]) -> FileFact:
        if self._loose is not None:
            return self._loose.put(path, pieces)
        layout.check_path(path)
        if path in self._files:
            raise error("file_exists", f"the bundle has a file {path!r} already", path=path)
        found: list[bytes] = []
        waiting = iter(pieces)
        for piece in waiting:
            found.append(piece)
            self._size += len(piece)
            if self._size > MAX_SLICE_BYTES:
                return self._loosened().put(path, _chain(found, waiting))
        data = b"".join(found)
        sha256 = sha256_hex(data)
        if path == layout.MANIFEST:
            self._digest = PREFIX + sha256
        self._files[path] = data
        return FileFact(path, len(data), sha256)

    def _loosened(self) -> FsStage:
        """The stage that takes over: a folder."""
        self._loose = new_stage(self._places, self._run_id, claim=self._claim)
        for path, data in self._files.items():
            self._loose.put(path, [data])
        self._files = {}
        return self._loose

    def keep_only(self, paths: set[str]) -> None:
        if self._loose is not None:
            self._loose.keep_only(paths)
        elif not paths >= self._files.keys():
            self._files = {path: data for path, data in self._files.items() if path in paths}

    def commit(self) -> Committed:
        if self._loose is not None:
            answer = self._loose.commit()
            self.committed = True
            return answer
        with translated(self._places.packs, "unsealed"):
            if self._claim is not None:
                self._lease = self._claim.take(self._digest)
                if self._lease < 0:
                    settle_race(self._places, self._run_id, self._digest)
                    self.discard()
                    return "identical"
            (self._begun or self._begin()).wait()
            if self._claim is not None:
                self._claim.done()
            else:
                self._check_own()
        self.committed = True
        self.discard()
        return "created"

    def begin_commit(self) -> Commit | None:
        if self._claim is None and self._loose is None:  # else the id is to be claimed first
            self._begun = self._begin()
        return self._begun

    def _begin(self) -> Commit:
        """Have the slice written; the ticket tells when it is durable."""
        writer = segment_writer(self._places, self._open_for_s)
        return writer.put(self._run_id, self._digest, slice_of(self._run_id, self._files))

    def _check_own(self) -> None:
        """Raise `run_exists` if recovery was told to seal this run (`force`). It takes the lease before it looks for
        the slice, which was written before this looks for the lease: one of the two sees the other."""
        if not os.path.lexists(self._places.at(layout.lease(self._run_id))):
            return
        with self._places.locked(layout.lease(self._run_id)):  # it is held as long as that one is at work
            if os.path.lexists(self._places.at(self._run_id)):
                settle_race(self._places, self._run_id, self._digest)

    def discard(self) -> None:
        if self._loose is not None:
            self._loose.discard()
        lease, self._lease = self._lease, -1
        durable.let_go(lease)
        self._files = {}


def _chain(found: list[bytes], waiting: Iterator[bytes]) -> Iterator[bytes]:
    yield from found
    yield from waiting
