"""That runs are packed as they are recorded: what a store opened with `packed` hands out."""

from __future__ import annotations

from runstone.adapters.fs.packs.segments import MAX_SEGMENT_S
from runstone.adapters.fs.packs.spooling import spooler_of
from runstone.adapters.fs.packs.stage import PackedStage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.adapters.fs.objects import Claim
    from runstone.adapters.fs.packs.open_run import PackedOpenRun
    from runstone.adapters.fs.packs.spooling import Spool, Sync
    from runstone.adapters.fs.places import Places


class Packing:
    """How one store packs. A segment is open for `open_for_s` seconds at most; `spool` is another folder for events."""

    def __init__(self, places: Places, spool: str | None = None, open_for_s: float = MAX_SEGMENT_S) -> None:
        self._places = places
        self._spool = spool
        self._open_for_s = open_for_s

    def stage(self, run_id: str, claim: Claim | None, files: dict[str, bytes]) -> PackedStage:
        """A stage that becomes a slice."""
        return PackedStage(self._places, run_id, claim, files, self._open_for_s)

    def open_run(self, run_id: str) -> PackedOpenRun:
        """A run whose events are spooled. Raises `store_unavailable`."""
        from runstone.adapters.fs.packs.open_run import PackedOpenRun

        return PackedOpenRun(self._places, self, run_id, spooler_of(self._places, self._spool).spool(run_id))

    def synced(self, spool: Spool) -> Sync:
        """Have a spool synced; the ticket tells when it is."""
        return spooler_of(self._places, self._spool).synced(spool)
