"""Stores of the zoo that find wrongly: what they break is said in a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.core.ids import fold_id
from runstone.ports.objects import Properties
from runstone.testing.disk import PlainBundle, PlainObjects, PlainStage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.testing.disk import Disk
    from runstone.testing.ground import Files


class StaleList(PlainObjects):
    """Lists what was there when it was first asked."""

    _listed: list[str] | None = None

    def run_ids(self) -> Iterator[str]:
        """Broken."""
        self._listed = self._listed or list(super().run_ids()) or [""]
        yield from filter(None, self._listed)


class CachesBundles(PlainObjects):
    """Remembers the files of a bundle that it has opened."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self._opened: dict[str, Files] = {}

    def open(self, run_id: str) -> PlainBundle:
        """Broken."""
        bundle = super().open(run_id)
        bundle.files = self._opened.setdefault(run_id, dict(bundle.files))
        return bundle


class RemembersAbsence(PlainObjects):
    """Remembers that a run was not there."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self._absent: set[str] = set()

    def exists(self, run_id: str) -> bool:
        """Broken."""
        if run_id in self._absent or not super().exists(run_id):
            self._absent.add(run_id)
            return False
        return True


class IgnoresCase(PlainObjects):
    """Takes ids that differ in case for two."""

    def taken(self, run_id: str) -> str | None:
        """Broken."""
        return run_id if run_id in self.disk.bundles else None


class OpensAnyCase(PlainObjects):
    """Opens a run under an id that is not its own."""

    def open(self, run_id: str) -> PlainBundle:
        """Broken."""
        return super().open(self.taken(run_id) or run_id)


class ListsInLowerCase(PlainObjects):
    """Lists ids in a spelling that was not given."""

    def run_ids(self) -> Iterator[str]:
        """Broken."""
        yield from map(fold_id, super().run_ids())


class TakesAnyId(PlainObjects):
    """Asks nobody whether an id can leave the store."""

    def stage(self, run_id: str) -> PlainStage:
        """Broken."""
        return self.stage_type(self, run_id)


class FindsTheRoot(PlainObjects):
    """Takes the store's own folder for a run."""

    def exists(self, run_id: str) -> bool:
        """Broken."""
        return run_id in ("", ".", "..") or super().exists(run_id)


class MarksByName(PlainObjects):
    """Takes another bundle for the one that had its name."""

    def marks(self) -> dict[str, str]:
        """Broken."""
        return {name: name for name in self.run_ids()}


class MarksForeign(PlainObjects):
    """Takes what has no manifest for a bundle."""

    def marks(self) -> dict[str, str]:
        """Broken."""
        return {name: repr(files.get(layout.MANIFEST)) for name, files in self.disk.bundles.items()}


class StampsForGood(PlainObjects):
    """Says that nothing has come or gone."""

    def stamp(self) -> str | None:
        """Broken."""
        return "as ever"


class StampsByCount(PlainObjects):
    """Does not see that one bundle went and another came."""

    def stamp(self) -> str | None:
        """Broken."""
        return str(len(self.disk.bundles))


class HidesForeign(PlainObjects):
    """Says nothing of what is no bundle."""

    def foreign(self) -> list[str]:
        """Broken."""
        return []


class PromisesByMood(PlainObjects):
    """Declares something that is no answer."""

    @property
    def properties(self) -> Properties:
        """Broken."""
        return Properties(survives="most things", local=False)  # type: ignore[arg-type]  # the fault itself


class PromisesNothing(PlainObjects):
    """Declares that nothing survives, where bundles must."""

    @property
    def properties(self) -> Properties:
        """Broken."""
        return Properties(survives="nothing", local=False)
