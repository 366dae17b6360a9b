"""Port `packs`: sealed bundles moved between folders and packs. Not one byte of a bundle changes, nor its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from runstone.errors import RunstoneError

Moved = tuple[str, RunstoneError | None]
"""A run id, and what kept the run where it was."""


class Packs(Protocol):
    """At every moment, and after a crash at any point, each run is there: in one of the two places or in both."""

    def pack(self, run_ids: Iterable[str]) -> Iterator[Moved]:
        """Move runs into packs, many at once; tells each when its move is durable, or why it was not moved.

        Nothing is told of a run that is in a pack already. Why: `run_not_found`, `run_in_use` while somebody reads or
        changes it, `bundle_damaged` where the files are not those of the manifest, `store_unavailable`.
        """
        ...

    def unpack(self, run_ids: Iterable[str]) -> Iterator[Moved]:
        """The same the other way."""
        ...
