"""Segments written anew: without runs that go, or with an end where their writer died before it.

- A segment is never changed. What is to stay is copied to another one, under a later name; that is durable before the
  old one goes. Who reads the old one reads on. A process that dies between the two leaves both, which say the same.
- Who writes a segment anew has its lock; one that is being written is let be, and a purge waits a moment for it.
- Bytes between slices, in which no bundle is found any more, are copied with the others: nobody knows what they were.
- A copy is durable even where the old segment only seemed to be, as its writer's sync had failed.
"""

from __future__ import annotations

import os
import time

from runstone.adapters.fs import durable
from runstone.adapters.fs.packs.bundle import PackedBundle
from runstone.adapters.fs.packs.segments import close_own, new_name
from runstone.adapters.fs.packs.shelf import Packed, Segment
from runstone.adapters.fs.places import Places, in_use, translated
from runstone.adapters.fs.tombstones import another_bundle
from runstone.core import layout
from runstone.core.digests import digest_of
from runstone.core.ids import fold_id
from runstone.core.slices import Slice, index_bytes
from runstone.core.tar import END
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

_FILE: Final = os.O_RDWR | durable.NO_FOLLOW
WAIT_S: Final = 1.0
"""So long a purge waits for who has the lock of a segment: another purge writes it anew in less."""
PATIENT_AGAIN_S: Final = 30.0
"""So long nobody waits again in a store where that was in vain: a purge goes through its runs in many parts."""
_in_vain: dict[str, float] = {}
"""Until when that is, by the store's folder."""
_PAUSE_S: Final = 0.02


def remove_slices(places: Places, digests: dict[str, str]) -> dict[str, RunstoneError]:
    """Take runs out of every segment that has them, each segment written anew once, durable at return; by run id why
    one is there still. `digests` are those that the bundles must have. The caller has their leases."""
    failures: dict[str, RunstoneError] = {}
    close_own(places.root)
    begun = time.monotonic()
    waits_until = begun if begun < _in_vain.get(places.root, 0.0) else begun + WAIT_S
    while busy := _taken_out(places, digests, failures):
        if time.monotonic() >= waits_until:
            if waits_until > begun:
                _in_vain[places.root] = waits_until + PATIENT_AGAIN_S
            failures.update((run_id, in_use(run_id, "its pack is being written")) for run_id in busy)
            break
        time.sleep(_PAUSE_S)
    return failures


def _taken_out(places: Places, digests: dict[str, str], failures: dict[str, RunstoneError]) -> set[str]:
    """Take runs out of the segments that nobody else has; answers those of the others. `failures` grows."""
    wanted = {fold_id(run_id): run_id for run_id in digests}
    busy: set[str] = set()
    for segment in places.segments():
        here = {wanted[folded] for folded in segment.slices.keys() & wanted.keys()} - failures.keys()
        try:
            for run_id in sorted(here):
                found = _true_digest(Packed(segment, segment.slices[fold_id(run_id)]))
                if found != digests[run_id]:
                    failures[run_id] = another_bundle(run_id, digests[run_id], found)
            here -= failures.keys()
            if here and not rewrite(places, segment, here):
                busy |= here
        except FileNotFoundError:  # somebody has written it anew since it was listed
            busy |= here - failures.keys()
        except RunstoneError as exc:
            failures.update((run_id, exc) for run_id in here)
    return busy


def _true_digest(packed: Packed) -> str:
    """The digest of the bundle as it stands; empty where it cannot be read. Raises `FileNotFoundError`."""
    try:
        bundle = PackedBundle(packed)
    except FileNotFoundError:
        raise
    except OSError:
        return ""
    try:
        return digest_of(b"".join(bundle.read(layout.MANIFEST)))
    except RunstoneError:
        return ""
    finally:
        bundle.close()


def mend(places: Places) -> int:
    """End the segments whose writers died; answers how many bytes behind the last whole slices were left out."""
    torn = 0
    for segment in places.segments():
        if not segment.closed and rewrite(places, segment, ()):
            torn += segment.size - _end_of(segment)
    return torn


def rewrite(places: Places, segment: Segment, without: Iterable[str]) -> bool:
    """Write a segment anew without some runs; `False` if somebody has its lock, or it is gone already. Raises
    `store_unavailable`."""
    with translated(segment.path):
        try:
            old = os.open(segment.path, _FILE)
        except FileNotFoundError:
            return False
        try:
            if not durable.try_lock(old) or not durable.is_named(old, segment.path):
                return False
            segment.look()  # now nothing is added any more
            gone = {fold_id(run_id) for run_id in without} | _elsewhere(places, segment)
            if not segment.slices.keys() <= gone:
                _copy(places, segment, old, gone)
            unlink(segment.path)
            unlink(places.at(layout.segment_index(segment.name)))
            durable.sync_folder(places.packs)
        finally:
            os.close(old)
    return True


def _elsewhere(places: Places, segment: Segment) -> set[str]:
    """The runs that a later segment holds as well: a process died between the two steps of writing anew."""
    later = [other for other in places.segments() if other.name > segment.name]
    return {
        folded
        for folded, found in segment.slices.items()
        if any(folded in other.slices and other.slices[folded].digest == found.digest for other in later)
    }


def _end_of(segment: Segment) -> int:
    return max((found.end for found in segment.slices.values()), default=0)


def _copy(places: Places, segment: Segment, old: int, gone: set[str]) -> None:
    """A later segment with all but the slices that go, ended and indexed."""
    name = new_name(after=segment.name)
    temporary = places.new_temporary()
    new = durable.create(temporary)
    try:
        durable.hold(new, temporary)
        kept: list[Slice] = []
        at = size = 0
        slices = sorted(segment.slices.items(), key=lambda item: item[1].offset)
        for folded, found in slices:
            if folded in gone:
                size += copy_range(old, new, at, found.offset)
                at = found.end
            else:
                offset = size + found.offset - at
                kept.append(Slice(found.run_id, found.digest, offset, found.length, found.crc32))
                size += copy_range(old, new, at, found.end)
                at = found.end
        place_segment(places, name, new, temporary, size, kept)
    except BaseException:
        unlink(temporary)
        raise
    finally:
        os.close(new)


def copy_range(old: int, new: int, start: int, end: int) -> int:
    """Append bytes of one file to another; answers how many."""
    at = start
    while at < end:
        data = os.pread(old, min(durable.CHUNK_BYTES, end - at), at)
        if not data:  # the segment was cut since it was closed: the run that stood there stays, and stays damaged
            data = bytes(min(durable.CHUNK_BYTES, end - at))
        durable.write_all(new, data)
        at += len(data)
    return end - start


def place_segment(places: Places, name: str, fd: int, temporary: str, size: int, slices: list[Slice]) -> None:
    """End a segment that was written to a temporary file, and give it its name, durable at return."""
    durable.write_all(fd, END)
    durable.sync_data(fd)
    durable.place_new(temporary, places.at(layout.segment(name)))
    index = index_bytes(size + len(END), slices)
    durable.replace_file(places.at(layout.segment_index(name)), index, places.new_temporary())


def unlink(path: str) -> None:
    """Remove a file that may be gone."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
