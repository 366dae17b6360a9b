"""Stores of the zoo that purge wrongly: what they break is said in a line each."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.core.ids import fold_id
from runstone.core.tombstone import PENDING, Tombstone
from runstone.errors import RunstoneError, error
from runstone.testing.disk import PlainObjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runstone.ports.objects import Removed
    from runstone.testing.ground import Files


class HidesMarked(PlainObjects):
    """Lists no run that is marked."""

    def run_ids(self) -> Iterator[str]:
        """Broken."""
        yield from [name for name in super().run_ids() if self.tombstone(name) is None]


class MarksAgain(PlainObjects):
    """Takes the last of two marks."""

    def mark(self, tombstone: Tombstone) -> bool:
        """Broken."""
        marked = super().mark(tombstone)
        self.disk.tombstones[fold_id(tombstone.run_id)] = tombstone
        return marked


class MarksNothing(PlainObjects):
    """Puts a tombstone where no run is."""

    def mark(self, tombstone: Tombstone) -> bool:
        """Broken."""
        self.disk.tombstones.setdefault(fold_id(tombstone.run_id), tombstone)
        return super().mark(tombstone)


class KeepsTheMark(PlainObjects):
    """Says that a mark is taken back, and leaves it."""

    def unmark(self, run_id: str) -> bool:
        """Broken."""
        return self.tombstone(run_id) is not None


class ForgetsThePurged(PlainObjects):
    """Takes any tombstone back."""

    def unmark(self, run_id: str) -> bool:
        """Broken."""
        return self.disk.tombstones.pop(fold_id(run_id), None) is not None


class RemovesUnmarked(PlainObjects):
    """Removes whatever it is told to."""

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Broken."""
        if self.tombstone(run_id) is None:
            self.disk.bundles.pop(run_id, None)
            return "removed"
        return super().remove(run_id, at, by)


class RemovesAtOnce(PlainObjects):
    """Gives no time to think it over."""

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Broken."""
        stone = self.tombstone(run_id)
        return super().remove(run_id, at if stone is None else max(at, stone.not_before), by)


class LeavesTheManifest(PlainObjects):
    """Removes all files but one."""

    def take_away(self, run_id: str) -> None:
        """Broken."""
        files = self.disk.bundles[run_id]
        self.disk.bundles[run_id] = {layout.MANIFEST: files[layout.MANIFEST]}


class ForgetsWhy(PlainObjects):
    """Has never heard of a run that it removed."""

    def missing(self, run_id: str) -> RunstoneError:
        """Broken."""
        return error("run_not_found", f"no run {run_id!r}", run_id=run_id)


class RemovesTwice(PlainObjects):
    """Says again that it has removed what was gone."""

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Broken."""
        stone = self.tombstone(run_id)
        if stone is not None and stone.state != PENDING:
            self.disk.tombstones[fold_id(run_id)] = stone.ended(at, by)
            return "removed"
        return super().remove(run_id, at, by)


class RemovesByName(PlainObjects):
    """Does not look whether it is the bundle that was marked."""

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Broken."""
        try:
            return super().remove(run_id, at, by)
        except RunstoneError:
            del self.disk.bundles[run_id]
            return "removed"


class RemovesAll(PlainObjects):
    """Removes many by emptying the store."""

    def remove_many(self, run_ids: Iterable[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:  # noqa: ARG002  # as the one that it stands for
        """Broken."""
        self.disk.bundles.clear()
        return {}


class StopsAtTheFirst(PlainObjects):
    """Raises what is wrong with one of many, and leaves the others."""

    def remove_many(self, run_ids: Iterable[str], at: str, by: str) -> dict[str, Removed | RunstoneError]:
        """Broken."""
        return {run_id: self.remove(run_id, at, by) for run_id in run_ids}


class GivesTheIdAway(PlainObjects):
    """Lets any bundle have the id of a purged run."""

    def let_back(self, run_id: str, files: Files) -> None:  # noqa: ARG002  # as the one that it stands for
        """Broken."""
        self.disk.tombstones.pop(fold_id(run_id), None)


class LetsNobodyBack(PlainObjects):
    """Refuses the very run that was purged."""

    def let_back(self, run_id: str, files: Files) -> None:  # noqa: ARG002  # as the one that it stands for
        """Broken."""
        stone = self.tombstone(run_id)
        if stone is not None:
            raise stone.taken(run_id)


class EmptiesOpenBundles(PlainObjects):
    """Takes the files from under who reads them."""

    def take_away(self, run_id: str) -> None:
        """Broken."""
        self.disk.bundles.pop(run_id).clear()


class ChecksThenRemoves(PlainObjects):
    """Looks whether the run is there, and removes it a moment later; in between another does the same."""

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Broken."""
        stone = self.tombstone(run_id)
        if stone is None or stone.state != PENDING or at < stone.not_before:
            return super().remove(run_id, at, by)
        Event().wait(0.05)
        self.disk.tombstones[fold_id(run_id)] = stone.ended(at, by)
        self.disk.bundles.pop(run_id, None)
        return "removed"


class BuriesLate(PlainObjects):
    """Removes the bundle first and says so later: in between the id is anybody's."""

    def remove(self, run_id: str, at: str, by: str) -> Removed:
        """Broken."""
        stone = self.disk.tombstones.pop(fold_id(run_id), None)
        if stone is None or stone.state != PENDING:
            return "kept"
        self.disk.bundles.pop(run_id)
        Event().wait(0.05)
        self.disk.tombstones[fold_id(run_id)] = stone.ended(at, by)
        return "removed"
