"""The states that a program finds in a replay: those that the recorded run found, in a copy that it may change.

- A store of states is copied into the scratch folder when it is first opened; the store itself stays as it is.
- From the copy go the steps that the recorded run made or a later one, those that rest on them, and what tasks had
  written behind the steps that these went on from.
- What was replaced, pruned or deleted since does not come back, and what no run made stays.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol

from runstone.core.ids import is_run_id
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runstone.engine.reader import Sealed
    from runstone.engine.state_records import StateRecords
    from runstone.engine.store import Store
    from runstone.ports.states import Place


class Copying(Protocol):
    """What copies a store of states that is a file."""

    def copy_file(self, source: str, target: str) -> None:
        """Copy it; nothing where there is none. Raises `store_unavailable`."""
        ...

    def forget_writes(self, path: str, steps: Iterable[tuple[Place, str]]) -> None:
        """Delete the writes behind steps. Raises `store_unavailable`."""
        ...


class StatesThen:
    """The copies of one replay of `recorded`. Safe to share between threads."""

    def __init__(self, store: Store, recorded: Sealed, folder: str) -> None:
        self._store = store
        self._recorded = recorded
        self._folder = folder
        self._copies: dict[str, str] = {}
        self._is_later: dict[str, bool] = {}
        self._lock = threading.Lock()

    def then(self, path: str, copying: Copying, opened: Callable[[str], StateRecords]) -> str:
        """The path of the copy of a store; `opened` opens one. Raises what `copying` and `opened` raise."""
        with self._lock:
            if path not in self._copies:
                copy = os.path.join(self._folder, f"states-{len(self._copies)}.db")
                copying.copy_file(path, copy)
                if os.path.exists(copy):
                    self._take_back(copy, copying, opened(copy))
                self._copies[path] = copy
            return self._copies[path]

    def _take_back(self, copy: str, copying: Copying, records: StateRecords) -> None:
        gone: dict[Place, list[str]] = {}
        gone_on_from = []
        try:
            for place in list(records.all_places()):
                lost: dict[str, str | None] = {}
                for step in reversed([found.step for found in records.all_steps(place)]):
                    if step.parent in lost or any(map(self._later, step.runs)):
                        lost[step.step] = step.parent
                if lost:
                    gone[place] = list(lost)
                    gone_on_from += [(place, parent) for parent in lost.values() if parent and parent not in lost]
            if gone:
                copying.forget_writes(copy, gone_on_from)
                records.remove(gone)
        finally:
            records.states.close()

    def _later(self, name: str) -> bool:
        """Whether a run is the recorded one or was opened after it."""
        if name not in self._is_later:
            self._is_later[name] = name == self._recorded.run_id or self._opened_at(name) >= self._recorded.opened_at
        return self._is_later[name]

    def _opened_at(self, name: str) -> str:
        """When a run was opened, be it sealed, open or purged; empty for another engine's run."""
        try:
            found = self._store.get(name)
        except RunstoneError:
            return self._opened_unsealed(name)
        found.bundle.close()
        return found.opened_at if found.run_id == name else ""

    def _opened_unsealed(self, name: str) -> str:
        stone = self._store.objects.tombstone(name) if is_run_id(name) else None
        if stone is not None:
            return stone.opened_at
        left = next((run.opened for run in self._store.open_runs() if run.run_id == name), None)
        return "" if left is None else left["ts"]
