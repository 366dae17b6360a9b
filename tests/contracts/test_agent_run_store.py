"""`RunStore` of contract `agent` is a store of states: put, get, list, delete, prune."""

from __future__ import annotations

from pathlib import Path

import runstone
from runstone.contracts.agent import RunStore


def test_states_of_a_thread_are_put_and_resumed_from(tmp_path: Path) -> None:
    """By another process as well: what was put is there, the last step first."""
    path = tmp_path / "states.db"
    with RunStore(path) as store:
        for step in range(4):
            store.put("ticket 17", step, {"done": list(range(step))}, run="run-1", metadata={"node": "work"})
    with RunStore(path) as store:
        last = store.get("ticket 17")
        assert last is not None
        assert (last.step, last.parent, last.run_id, last.state) == (3, 2, "run-1", {"done": [0, 1, 2]})
        assert last.metadata == {"node": "work"}
        assert [found.step for found in store.list("ticket 17", limit=2)] == [3, 2]
        assert [found.step for found in store.list("ticket 17", before=2)] == [1, 0]
        assert store.get("ticket 18") is None


def test_states_are_deleted_and_pruned(tmp_path: Path) -> None:
    """A step, all but the last ones, those before a step, or all."""
    with RunStore(f"sqlite:{tmp_path / 'states.db'}") as store:
        for step in range(10):
            store.put("t", step, {"n": step})
        assert store.delete("t", 9) == 1
        assert store.prune("t", keep=1, before=4) == 4
        assert [found.step for found in store.list("t")] == [8, 7, 6, 5, 4]
        assert store.prune("t", keep=2) == 3
        assert store.delete("t") == 2
        assert store.list("t") == []


def test_it_is_the_store_that_is_handed_in() -> None:
    """States that were put by either are the other's."""
    states = runstone.open_states("memory:")
    store = RunStore(states)
    store.put("t", 1, b"\0bytes")
    found = states.get("t")
    assert found is not None
    assert (found.state, repr(store)) == (b"\0bytes", "<RunStore memory:>")
