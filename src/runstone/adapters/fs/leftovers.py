"""What dead processes have left in a store's temporary folder: found, and swept away.

- What takes time is locked by who makes it, until it has its final name or is gone: leases, kept files, stages. So
  what nobody has locked is left over.
- Between the making and the lock there is a moment, and the store's own two small files are made without one. What
  is younger than a minute is therefore let be.
- Asking takes no exclusive lock: a temporary file may be the lease of a run under another name, where a process died
  between the two steps of naming it.
"""

from __future__ import annotations

import os
import time

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.ports.journals import Leftover

MIN_AGE_S: Final = 60.0


def leftovers(places: Places) -> list[Leftover]:
    """Everything in the temporary folder that no living process holds, by name."""
    from runstone.ports.journals import Leftover

    with translated(places.temporary):
        return [Leftover(name, _size(path)) for name, path in _entries(places) if _is_left(path)]


def sweep(places: Places) -> list[Leftover]:
    """Remove what is left over; answers what was removed."""
    found = leftovers(places)
    with translated(places.temporary):
        for left in found:
            durable.remove_tree(os.path.join(places.temporary, left.name))
    return found


def _entries(places: Places) -> list[tuple[str, str]]:
    try:
        return [(name, os.path.join(places.temporary, name)) for name in sorted(os.listdir(places.temporary))]
    except FileNotFoundError:
        return []


def _is_left(path: str) -> bool:
    """Whether nobody holds what is at `path`. What cannot be asked, as on a system without such locks, is held."""
    try:
        if time.time() - os.lstat(path).st_mtime < MIN_AGE_S:
            return False
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | durable.NO_FOLLOW)
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
