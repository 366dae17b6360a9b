"""Damaged records of Lotus runs: no decision is made of them, and no answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.test_lotus import BLOCKED, READY, REVIEW, engine

import runstone
from runstone.contracts.lotus import LotusRuns
from runstone.errors import Damaged, StoreUnavailable


@pytest.fixture
def runs(tmp_path: Path) -> LotusRuns:
    """The runs of a new store."""
    return LotusRuns(runstone.open(tmp_path / "runs"))


def opened_anew(runs: LotusRuns, *, catalog: bool) -> LotusRuns:
    """The same runs for another process, which finds a catalog or none."""
    root = Path(runs.store.url)
    if not catalog:
        for path in (root / ".runstone").glob("catalog*"):
            path.unlink()
    return LotusRuns(runstone.open(root))


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of a sealed file."""
    path.chmod(0o644)
    data = path.read_bytes()
    assert change(data) != data
    path.write_bytes(change(data))


def spoilt(bundle: Path, how: str) -> None:
    """Damage the bundle of an annotation in one of many ways."""
    bundle.chmod(0o755)
    events, manifest = bundle / "events.jsonl", bundle / "manifest.json"
    if how == "gone":
        shutil.rmtree(bundle)
    elif how == "no journal":
        events.unlink()
    elif how == "torn journal":
        rewritten(events, lambda data: data[: len(data) // 2])
    elif how == "torn manifest":
        rewritten(manifest, lambda data: data[:-2])
    elif how == "no json":
        rewritten(events, lambda data: data.replace(b'"lotus.review":', b'"lotus.review";'))
    elif how == "another target":
        rewritten(events, lambda data: data.replace(b'"amends"', b'"amends "'))
    else:
        for old, new in ((b'"REJECT"', b'"APPROVE"'), (b'"ann"', b'"bob"')):
            rewritten(events, lambda data, old=old, new=new: data.replace(old, new))


READERS: dict[str, Callable[[LotusRuns, str], Any]] = {
    "workflow": lambda runs, run_id: runs.workflow(run_id),
    "decisions": lambda runs, run_id: runs.decisions(run_id),
    "support bundle": lambda runs, run_id: runs.support_bundle(run_id),
    "review": lambda runs, run_id: runs.review(run_id, "APPROVE", reason_code="FINE", actor_id="eve"),
}


@pytest.mark.parametrize("catalog", [True, False])
@pytest.mark.parametrize(
    "how", ["gone", "no journal", "torn journal", "torn manifest", "no json", "another target", "another decision"]
)
def test_a_damaged_rejection_is_no_open_review(runs: LotusRuns, how: str, catalog: bool) -> None:
    """Nor another decision: whatever is left of it, nobody is told of the review, and nobody else can end it."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    said = runs.review(run_id, "REJECT", reason_code="BAD", actor_id="ann")["latest_decision"]
    spoilt(Path(runs.store.url) / said["decision_id"].removeprefix("dwd_"), how)
    again = opened_anew(runs, catalog=catalog)
    for read in READERS.values():
        with pytest.raises(Damaged):
            read(again, run_id)
    assert again.get(run_id)["result"]["status"] == REVIEW


@pytest.mark.parametrize("catalog", [True, False])
@pytest.mark.parametrize("how", ["no journal", "torn manifest", "no json"])
def test_a_damaged_request_for_changes_is_not_left_out(runs: LotusRuns, how: str, catalog: bool) -> None:
    """No claim names it; its manifest or its first line does."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    other = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    said = runs.review(run_id, "REQUEST_CHANGES", reason_code="LESS", actor_id="ann")["latest_decision"]
    spoilt(Path(runs.store.url) / said["decision_id"].removeprefix("dwd_"), how)
    again = opened_anew(runs, catalog=catalog)
    for read in READERS.values():
        with pytest.raises(Damaged):
            read(again, run_id)
    assert again.decisions(other) == []


def test_a_decision_that_was_purged_ends_no_review(runs: LotusRuns) -> None:
    """Its tombstone says that it is not lost."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    said = runs.review(run_id, "REJECT", reason_code="BAD", actor_id="ann")["latest_decision"]
    query = f"id:{said['decision_id'].removeprefix('dwd_')}"
    runs.store.purge({"rules": [{"query": query}]}, grace="0", apply=True, reason="asked by the reviewer")
    assert runs.workflow(run_id)["workflow_status"] == REVIEW


def test_a_review_that_is_purged_while_it_is_read_was_never_said(
    runs: LotusRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is there all the same."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    said = runs.review(run_id, "REQUEST_CHANGES", reason_code="BAD", actor_id="ann")["latest_decision"]
    gone = said["decision_id"].removeprefix("dwd_")
    kind = type(runs.store.objects)
    true = kind.open

    def late(self: Any, one: str) -> Any:
        if one == gone:
            monkeypatch.undo()
            runs.store.purge(
                {"rules": [{"query": f"id:{gone}"}]}, grace="0", apply=True, reason="asked by the reviewer"
            )
        return true(self, one)

    monkeypatch.setattr(kind, "open", late)
    assert runs.workflow(run_id)["workflow_status"] == REVIEW
    assert runs.decisions(run_id) == []


def test_a_damaged_claim_of_a_review_is_the_stores_fault(runs: LotusRuns) -> None:
    """What it has fixed is not known then."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    runs.review(run_id, "REJECT", reason_code="BAD", actor_id="ann")
    (claim,) = (Path(runs.store.url) / ".runstone" / "idem").rglob("*.review*")
    rewritten(claim, lambda data: data[:-1])
    with pytest.raises(StoreUnavailable):
        runs.workflow(run_id)


@pytest.mark.parametrize("status", [READY, BLOCKED])
def test_a_damaged_run_answers_no_key(runs: LotusRuns, status: str) -> None:
    """Though what is left is good JSON; the engine is not asked again either."""
    asked: list[str] = []

    def counted(run_id: str, correlation_id: str) -> dict[str, Any]:
        asked.append(run_id)
        return dict(engine(status)(run_id, correlation_id))

    given: dict[str, Any] = {"portfolio_id": "p1", "idempotency_key": "k1"}
    runs.simulate({}, counted, **given)
    (sealed,) = runs.store.runs()
    rewritten(
        Path(sealed.path) / "events.jsonl",
        lambda data: data.replace(b'\\"quantity\\":\\"3\\"', b'\\"quantity\\":\\"9\\"'),
    )
    with pytest.raises(Damaged):
        opened_anew(runs, catalog=True).simulate({}, counted, **given)
    assert len(asked) == 1
