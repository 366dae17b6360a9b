"""Pack and unpack: which runs are moved between folders and packs, and what became of each."""

from __future__ import annotations

from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runstone.core.query import Query
    from runstone.engine.finder import Finder
    from runstone.errors import RunstoneError
    from runstone.ports.objects import Objects
    from runstone.ports.packs import Packs

    Progress = Callable[[int, int], None]
    """Told how many runs are done, of how many at most."""


class Move:
    """What became of one run: moved, or the `problem` that kept it where it was."""

    __slots__ = ("problem", "run_id")

    def __init__(self, run_id: str, problem: RunstoneError | None) -> None:
        self.run_id = run_id
        self.problem = problem

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {"run_id": self.run_id, "problem": None if self.problem is None else self.problem.as_dict()}

    def __repr__(self) -> str:
        return f"<Move {self.run_id} {'done' if self.problem is None else self.problem.code}>"


class Mover:
    """Moves runs of one store. `packs` is `None` where a store has none."""

    def __init__(
        self, url: str, packs: Packs | None, objects: Objects, finder: Finder, query_of: Callable[[str], Query]
    ) -> None:
        self._url = url
        self._packs = packs
        self._objects = objects
        self._finder = finder
        self._query_of = query_of

    def move(self, verb: str, query: str | None, progress: Progress | None) -> list[Move]:
        """`pack` or `unpack` the sealed runs that a query fits; without one all, of every kind, and damaged ones.

        Raises `invalid_query`, `unsupported_store`.
        """
        if self._packs is None:
            raise error("unsupported_store", f"{self._url} has no packs: it is no folder", url=self._url)
        found = self._objects.run_ids() if query is None else self._finder.sealed(self._query_of(query))
        run_ids, done = sorted(found), []
        for run_id, problem in self._packs.pack(run_ids) if verb == "pack" else self._packs.unpack(run_ids):
            if problem is None or self._objects.exists(run_id):  # else a purge was first: nothing is left to be moved
                done.append(Move(run_id, problem))
            if progress is not None:
                progress(len(done), len(run_ids))
        return done
