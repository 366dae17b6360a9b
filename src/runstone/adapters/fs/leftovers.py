"""What dead processes have left in a store's temporary folder, and ids that they claimed for nothing: swept away.

- What takes time is locked by who makes it, until it has its final name or is gone: leases, stages. So what nobody
  has locked is left over. A file on its way into a run is in the run's own folder, and goes with that.
- Between the making and the lock there is a moment, and the store's own two small files are made without one. What
  is younger than a minute is therefore let be.
- A lease is left over that nobody has locked, with no open run and no bundle: an import was killed between the
  claim and the name. It goes with its lock held, so that nobody who takes the id meanwhile loses it.
- What children left for a parent that died, or that was sealed at that moment, is read by nobody.
- What debug mode kept of a run goes where the run is gone: a purge died halfway.
- Asking takes no exclusive lock: a temporary file may be the lease of a run under another name, where a process died
  between the two steps of naming it.
"""

from __future__ import annotations

import os
import time

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, translated
from runstone.core import layout
from runstone.core.ids import fold_id, is_run_id
from runstone.ports.journals import Leftover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MIN_AGE_S: Final = 60.0


def leftovers(places: Places) -> list[Leftover]:
    """Everything in the temporary folder that no living process holds, and leases of nothing, by name."""
    with translated(places.temporary):
        beside = _unread_words(places) + _lost_debug(places)
        return _found(places.temporary) + _empty_leases(places) + beside + _dead_spools(places)


def _found(folder: str) -> list[Leftover]:
    return [Leftover(name, _size(path)) for name, path in _entries(folder) if _is_left(path)]


def _empty_leases(places: Places) -> list[Leftover]:
    leases = [(name, path) for name, path in _entries(places.leases) if is_run_id(name)]
    runs = {fold_id(name) for folder in (places.root, places.open) for name, _ in _entries(folder)}
    runs.update(map(fold_id, places.spooled_ids()), *(segment.slices for segment in places.segments()))
    return [
        Leftover(layout.lease(name), _size(path))
        for name, path in leases
        if fold_id(name) not in runs and _is_left(path)
    ]


def _unread_words(places: Places) -> list[Leftover]:
    """Ids that children left for a run which is not open any more. Asked in this order: a run is open before its
    children can leave anything."""
    left = _entries(places.at(layout.CHILDREN))
    still_open = _still_open(places)
    return [Leftover(layout.children(name), _size(path)) for name, path in left if name not in still_open]


def _lost_debug(places: Places) -> list[Leftover]:
    """What debug mode kept of runs that are neither open nor sealed here any more. Asked in this order: a run is open
    before anything of it is kept, and until its bundle stands."""
    kept = _entries(places.at(layout.DEBUG))
    still_open = _still_open(places) if kept else set()
    lost = [entry for entry in kept if entry[0] not in still_open and not places.is_sealed(entry[0])]
    return [Leftover(layout.debug(name), _size(path)) for name, path in lost]


def _still_open(places: Places) -> set[str]:
    """The runs that are open. Folders are asked twice: a run may go on from a spool to one, and back if that fails."""
    before, spooled, after = _entries(places.open), places.spooled_ids(), _entries(places.open)
    return {*spooled, *(name for name, _ in before + after)}


def _dead_spools(places: Places) -> list[Leftover]:
    spools = places.spools()
    dead = [] if spools is None else spools.dead()
    return [Leftover(f"{layout.SPOOLS}/{os.path.basename(spool.path)}", spool.size) for spool in dead]


def _end_packs(places: Places) -> list[Leftover]:
    """End the segments of dead writers, then remove spools in which no run is open."""
    swept = []
    if places.shelf() is not None:
        from runstone.adapters.fs.packs.rewriting import mend

        torn = mend(places)
        swept = [Leftover(layout.PACKS, torn)] if torn else []
    spools = places.spools()
    for dead in [] if spools is None else filter(spools.sweep, spools.dead()):
        swept.append(Leftover(f"{layout.SPOOLS}/{os.path.basename(dead.path)}", dead.size))
    return swept


def sweep(places: Places) -> list[Leftover]:
    """Remove what is left over; answers what was removed."""
    swept = []
    with translated(places.temporary):
        swept += _end_packs(places)
        found = _found(places.temporary)
        if found:  # of a bundle that was being purged, whose name must not come back without its files
            durable.sync_folder(places.root)
        for left in found:
            durable.remove_tree(os.path.join(places.temporary, left.name))
            swept.append(left)
        swept += [left for left in _empty_leases(places) if _free(places, os.path.basename(left.name))]
        for left in _unread_words(places) + _lost_debug(places):
            durable.remove_tree(places.at(left.name))
            swept.append(left)
    return swept


def _free(places: Places, name: str) -> bool:
    """Free an id that nothing has, unless somebody takes it at this moment."""
    lease = places.lock_lease(name)
    if lease is None:
        return False
    try:
        if places.named(name) is not None or places.spooled_by(name) is not None:
            return False
        os.unlink(places.at(layout.lease(name)))
        return True
    finally:
        os.close(lease)


def unkept(places: Places) -> list[Leftover]:
    """What stands in the folder of files that are not kept yet, by run id."""
    folder = places.at(layout.UNKEPT)
    with translated(folder):
        return [Leftover(name, _size(path)) for name, path in _entries(folder)]


def _entries(folder: str) -> list[tuple[str, str]]:
    try:
        return [(name, os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
    except FileNotFoundError:
        return []


def _is_left(path: str) -> bool:
    """Whether nobody holds what is at `path`. What cannot be asked, as on a system without such locks, is held."""
    try:
        if time.time() - os.lstat(path).st_mtime < MIN_AGE_S:
            return False
        fd = os.open(path, durable.READ)
    except OSError:  # gone, or a thing that nobody here has made
        return False
    try:
        return not durable.is_locked(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def _size(path: str) -> int:
    """Bytes of a file, or of all files below a folder; links are not followed."""
    total = 0
    try:
        if not os.path.isdir(path) or os.path.islink(path):
            return os.lstat(path).st_size
        for folder, _, names in os.walk(path):
            total += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
    except FileNotFoundError:  # swept by somebody else meanwhile
        pass
    return total
