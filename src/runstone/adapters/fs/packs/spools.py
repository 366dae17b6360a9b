"""The spools of a store as readers see them: events of open packed runs, by run.

- A line that is not whole, or not of the one form, is passed over: power loss leaves such.
- A line whose `seq` an earlier line of its run has stands in the place of that one and of all behind it: its writer did
  not know whether the earlier one was written.
- A run that stands in a segment or a folder, or whose tombstone does, is not open, whatever a spool says.
"""

from __future__ import annotations

import _thread
import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, is_held, locked, read_chunks, translated
from runstone.core import layout
from runstone.core.ids import is_run_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_BEGIN: Final = b'{"event":'
_RUN: Final = b',"run_id":"'
_SEQ: Final = b',"seq":'


class Spooled:
    """What one spool holds: the journal of each run, as far as it was recorded there."""

    __slots__ = ("path", "runs", "size")

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.size = len(data)
        self.runs: dict[str, list[bytes]] = {}
        numbers: dict[str, list[int]] = {}
        for text in data.split(b"\n")[:-1]:
            run_id, line, seq = _parts(text)
            if run_id is None:
                continue
            lines, known = self.runs.setdefault(run_id, []), numbers.setdefault(run_id, [])
            while known and known[-1] >= seq:
                known.pop()
                lines.pop()
            lines.append(line)
            known.append(seq)

    def journal(self, run_id: str) -> bytes:
        """The lines of a run."""
        return b"".join(self.runs.get(run_id, ()))


def _parts(text: bytes) -> tuple[str | None, bytes, int]:
    at = text.rfind(_RUN)
    if at < 0 or not text.startswith(_BEGIN) or not text.endswith(b'"}'):
        return None, b"", 0
    run_id, line = text[at + len(_RUN) : -2].decode("ascii", "replace"), text[len(_BEGIN) : at]
    begin = line.rfind(_SEQ) + len(_SEQ)
    number = line[begin : line.find(b",", begin)]
    if not is_run_id(run_id) or not number.isdigit():
        return None, b"", 0
    return run_id, line + b"\n", int(number)


class Spools:
    """All spools of one store. Safe to share between threads, and with a signal handler that looks meanwhile."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: dict[str, Spooled] = {}
        self._lock = _thread.RLock()
        self._pid = os.getpid()

    def folders(self) -> list[str]:
        """Where spools are: in the store, and where else it was told to put them."""
        own = self._places.spooled
        found = [own]
        try:
            moved = [name for name in os.listdir(own) if name.endswith(layout.MOVED_END)]
        except FileNotFoundError:
            return found
        for name in sorted(moved):
            with open(os.path.join(own, name), "rb") as told:
                found.append(os.fsdecode(told.read()))
        return found

    def paths(self) -> list[str]:
        """Every spool, the oldest first in each folder."""
        found = []
        for folder in self.folders():
            try:
                names = sorted(os.listdir(folder))
            except FileNotFoundError:
                continue
            found += [os.path.join(folder, name) for name in names if name.endswith(layout.SPOOL_END)]
        return found

    def all(self) -> list[Spooled]:
        """What every spool holds now."""
        if self._pid != os.getpid():  # a forked child: whoever had the lock is not here
            self._lock, self._pid = _thread.RLock(), os.getpid()
        with translated(self._places.spooled), self._lock:
            read = [self._read(path) for path in self.paths()]
            found = [spooled for spooled in read if spooled is not None]
            self._known = {spooled.path: spooled for spooled in found}
        return found

    def _read(self, path: str) -> Spooled | None:
        known = self._known.get(path)
        try:
            fd = os.open(path, durable.READ)
        except FileNotFoundError:
            return None
        try:
            if known is not None and known.size == os.fstat(fd).st_size:
                return known
            return Spooled(path, b"".join(read_chunks(fd)))
        finally:
            os.close(fd)

    def open_ids(self) -> list[str]:
        """The runs that are open in a spool."""
        return sorted({run_id for spooled in self.all() for run_id in spooled.runs if self.is_open(run_id)})

    def is_open(self, run_id: str) -> bool:
        """Whether a run of which a spool tells is not sealed, nor recorded in a folder of its own by now."""
        places = self._places
        return not (
            os.path.lexists(places.at(f"{layout.open_run(run_id)}/{layout.JOURNAL}"))
            or places.is_sealed(run_id)
            or os.path.lexists(places.at(layout.tombstone(run_id)))
        )

    def spooled(self, run_id: str) -> Spooled | None:
        """The spool in which a run is open."""
        for spooled in self.all():
            if run_id in spooled.runs:
                return spooled if self.is_open(run_id) else None
        return None

    def holder(self, run_id: str) -> str | None:
        """As `spooled`, the path."""
        found = self.spooled(run_id)
        return None if found is None else found.path

    def journal(self, path: str, run_id: str) -> bytes:
        """What a run has recorded in a spool, as it is now."""
        return next((spooled.journal(run_id) for spooled in self.all() if spooled.path == path), b"")

    def dead(self) -> list[Spooled]:
        """Spools in which no run is open, and which nobody writes."""
        found = [spooled for spooled in self.all() if not is_held(spooled.path)]
        return [spooled for spooled in found if not any(self.is_open(run_id) for run_id in spooled.runs)]

    def remove_if_done(self, path: str) -> None:
        """Remove a spool in which no run is open any more; the caller has its lock."""
        found = next((spooled for spooled in self.all() if spooled.path == path), None)
        if found is not None and not any(self.is_open(run_id) for run_id in found.runs):
            durable.remove_file(path)

    def sweep(self, spooled: Spooled) -> bool:
        """Remove a spool of a dead process in which no run is open, unless somebody has its lock."""
        held = lock(spooled.path)
        if held is None:
            return False
        try:
            self.remove_if_done(spooled.path)
        finally:
            os.close(held)
        return True


def lock(path: str) -> int | None:
    """The locked descriptor of a spool; `None` where somebody else has the lock, or it is gone."""
    try:
        fd = os.open(path, os.O_RDWR | durable.NO_FOLLOW)
    except FileNotFoundError:
        return None
    return locked(fd, path)
