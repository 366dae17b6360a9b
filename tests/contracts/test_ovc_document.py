"""The fold of contract `ovc` over journals that no `RunWriter` wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.contracts.ovc.document import STATUSES, git_facts
from runstone.core.words import FINAL_STATUSES
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.locate import open_store

ID = "20260117T143052Z__P2-Backfill__a1b2c3d"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def opened() -> tuple[Store, Run]:
    """A store in memory, and a run of the contract in it that no `RunWriter` started."""
    store = open_store("memory:")
    return store, store.run("P2-Backfill", contract="ovc", run_id=ID)


def folded(store: Store) -> tuple[dict[str, Any], dict[str, Any]]:
    """`run.json` and `checks.json` of the only run, verified."""
    assert store.verify(ID).ok
    sealed = store.get(ID)
    return sealed.document("run.json"), sealed.document("checks.json")


def test_a_run_that_told_nothing_has_all_keys() -> None:
    """A process that died behind the first line leaves whole documents with known stand-ins."""
    store, run = opened()
    run.finish()
    document, checks = folded(store)
    assert document["trigger"] == {"type": "local_cli", "source": "cli", "actor": "unknown"}
    assert document["env"] == {"present": [], "missing": []}
    assert document["started_utc"] == store.get(ID).opened_at[:19] + "Z"
    assert document["pipeline_version"] == "unknown"
    assert checks == {"run_id": ID, "checks": [], "summary": {"pass": 0, "fail": 0, "skip": 0}}
    assert store.get(ID).document("run.log") == f"RUN_ID={ID}\n"


@pytest.mark.parametrize(
    ("given_status", "checks", "expected"),
    [
        ("success", [], "success"),
        ("success", ["pass"], "success"),
        ("success", ["pass", "skip"], "partial"),
        ("success", ["skip", "fail"], "failed"),
        ("partial", [], "partial"),
        ("partial", ["fail"], "partial"),
        ("failed", ["pass"], "failed"),
        ("blocked", [], "failed"),
        ("cancelled", [], "failed"),
    ],
)
def test_the_status_follows_the_table(given_status: str, checks: list[str], expected: str) -> None:
    """A given success yields to checks; every other status is translated."""
    store, run = opened()
    for number, status in enumerate(checks):
        run.check(f"check {number}", status)
    run.finish(given_status)
    assert folded(store)[0]["status"] == expected


@pytest.mark.parametrize("given_status", ["success", "partial"])
def test_a_missing_variable_is_a_failure(given_status: str) -> None:
    """Whatever else the journal says."""
    store, run = opened()
    run.event("x.ovc.started", {"env": {"present": [], "missing": ["DATABASE_URL"]}})
    run.finish(given_status)
    assert folded(store)[0]["status"] == "failed"


def test_a_run_never_ends_before_it_started() -> None:
    """A clock that went back between the start and the first line is not shown as such."""
    store, run = opened()
    run.event("x.ovc.started", {"started_utc": "2999-01-01T00:00:00Z"})
    run.finish()
    assert folded(store)[0]["finished_utc"] == "2999-01-01T00:00:00Z"


def test_every_kernel_status_has_its_word() -> None:
    """No status of the kernel is left out, `interrupted` included."""
    assert set(STATUSES) == set(FINAL_STATUSES)


def test_keys_beyond_the_contract_stay_in_the_journal() -> None:
    """Inputs and outputs have exactly the contract's keys, whatever an event holds."""
    store, run = opened()
    run.input("csv", "a.csv", extra={"range": "1..2", "rows_written": 3, "colour": "red"})
    run.output("csv", "b.csv", extra={"range": "1..2", "rows_written": 3, "rows_updated": 0, "extra": {"x": None}})
    run.finish()
    document = folded(store)[0]
    assert document["inputs"] == [{"type": "csv", "ref": "a.csv", "range": "1..2"}]
    assert document["outputs"] == [
        {"type": "csv", "ref": "b.csv", "rows_written": 3, "rows_updated": 0, "extra": {"x": None}}
    ]


@given(st.dictionaries(st.sampled_from(["started_utc", "trigger", "env"]), JSON), JSON, JSON)
def test_no_event_breaks_the_fold(started: dict[str, Any], extra: Any, output: Any) -> None:
    """Whatever stands in the contract's own events, the run is sealed and verifies."""
    store, run = opened()
    run.event("x.ovc.started", started)
    run.event("x.ovc.output", {"type": output, "ref": output, "extra": extra, "path": output})
    run.output("table", None, extra={"extra": extra})
    assert run.finish() is not None
    assert set(json.loads(store.get(ID).file("run.json"))) == set(folded(store)[0])


@pytest.mark.parametrize(
    ("git", "expected"),
    [
        (None, ("0" * 40, "refs/heads/unknown")),
        ({"sha": None, "ref": "refs/heads/new"}, ("0" * 40, "refs/heads/new")),
        ({"sha": "AB" * 20, "ref": None}, ("ab" * 20, "refs/heads/unknown")),
        ({"sha": "not a commit", "ref": ""}, ("0" * 40, "refs/heads/unknown")),
        ({"sha": "ab" * 32, "ref": "refs/tags/v1"}, ("ab" * 32, "refs/tags/v1")),
    ],
)
def test_git_always_has_three_facts(git: dict[str, Any] | None, expected: tuple[str, str]) -> None:
    """Without a commit zeros, without a ref an unknown branch; `sha7` are the first digits."""
    sha, ref = expected
    assert git_facts(git) == {"sha": sha, "sha7": sha[:7], "ref": ref}
