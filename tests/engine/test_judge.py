"""A verdict is a sealed run: what was judged beside what, by which rules, with which result."""

from __future__ import annotations

from pathlib import Path

import pytest

import runstone
from runstone.engine.store import Store

from .scenes import TOKEN, events, of_type, open_store


def pair(store: Store) -> None:
    for run_id, loss in (("base", 0.5), ("new", 0.75)):
        with store.run("train", run_id=run_id) as run:
            run.metrics({"loss": loss})
            run.check("rows", "pass")


def test_the_verdict_is_recorded(store: Store) -> None:
    """With a check for each rule, the decision, and links to both runs with their digests; and it verifies."""
    pair(store)
    verdict = store.judge(
        "new", baseline="base", limits=["max metric.loss:+10%"], require=["check.rows"], same=["config"]
    )
    assert not verdict.ok
    assert verdict.run_id is not None
    sealed = store.get(verdict.run_id)
    assert (sealed.kind, sealed.status, sealed.digest) == ("judge", "failed", verdict.digest)
    assert sorted((link["rel"], link["run_id"], link["digest"]) for link in sealed.manifest["links"]) == [
        ("derives-from", run_id, store.get(run_id).digest) for run_id in ("base", "new")
    ]
    assert [(data["id"], data["status"]) for data in of_type(store, verdict.run_id, "check")] == [
        ("max metric.loss:+10%", "fail"),
        ("require check.rows", "pass"),
        ("same config", "pass"),
    ]
    (decision,) = of_type(store, verdict.run_id, "decision")
    assert decision["outcome"] == "fail"
    assert decision["rules"] == verdict.rules
    assert store.verify(verdict.run_id)


def test_a_verdict_that_passes(store: Store) -> None:
    """Its run is a success; a list leaves it out, and `@latest` does."""
    pair(store)
    verdict = store.judge(store.get("new"), baseline=store.get("base"), limits=["max metric.loss:+50%"])
    assert verdict
    assert verdict.run_id is not None
    assert store.get(verdict.run_id).status == "success"
    assert store.resolve("@latest") == "new"
    assert [sealed.run_id for sealed in store.runs("kind:judge")] == [verdict.run_id]


def test_the_same_rule_twice_is_one(store: Store) -> None:
    """Checks have their rules' names."""
    pair(store)
    assert len(store.judge("new", baseline="base", require=["check.rows", "check.rows"]).rules) == 1


def test_nothing_is_recorded_of_what_is_refused(store: Store) -> None:
    """No rule, a rule that is none, a run that is not there."""
    pair(store)
    for rules, name in (([], "new"), (["max loss"], "new"), (["max metric.loss:1"], "other")):
        with pytest.raises((runstone.InvalidInput, runstone.NotFound)):
            store.judge(name, baseline="base", limits=rules)
    assert sorted(sealed.run_id for sealed in store.runs("kind:*")) == ["base", "new"]


def test_a_damaged_run_is_not_judged(store: Store) -> None:
    """Neither as it is nor as it was."""
    pair(store)
    journal = Path(store.url, "new", "events.jsonl")
    journal.chmod(0o644)
    journal.write_bytes(journal.read_bytes().replace(b"0.75", b"0.45"))
    with pytest.raises(runstone.Damaged) as caught:
        store.judge("new", baseline="base", limits=["max metric.loss:+10%"])
    assert caught.value.details["run_id"] == "new"
    assert list(store.runs("kind:judge")) == []


def test_a_verdict_is_recorded_or_not_given(tmp_path: Path) -> None:
    """With recording switched off there is none."""
    store = open_store(tmp_path / "runs")
    pair(store)
    off = open_store(tmp_path / "runs", settings={"RUNSTONE_DISABLED": "1"})
    with pytest.raises(runstone.StoreUnavailable):
        off.judge("new", baseline="base", limits=["max metric.loss:+50%"])


def test_events_of_a_verdict_name_no_place(store: Store) -> None:
    """What was judged is told by id and digest, not by where the bundle lay."""
    pair(store)
    verdict = store.judge("new", baseline="base", require=["check.rows"])
    assert verdict.run_id is not None
    data = [event["data"] for event in events(store, verdict.run_id)[1:]]
    assert str(store.url) not in str(data)


@pytest.mark.parametrize("live", [False, True])
def test_a_secret_in_a_rule_goes_no_further(store: Store, live: bool) -> None:
    """What a verdict says of its rules, to a program or to a record, is without it; what is judged is as given."""
    with store.run("train", run_id="new") as run:
        run.metrics({TOKEN: 0.5})
        open_verdict = run.judge(f"max metric.{TOKEN}:0.3") if live else None
    verdict = open_verdict or store.judge("new", limits=[f"max metric.{TOKEN}:0.3"], require=[f"check.{TOKEN}"])
    assert TOKEN not in repr(verdict.as_dict())
    assert verdict.rules[0]["id"].startswith("max metric.[REDACTED:")
    assert verdict.rules[0]["status"] == "fail"
