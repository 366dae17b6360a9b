"""Jobs that are started again: a run that retries another one goes on where that had come. And ranks of metrics."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runstone
from runstone.engine.resuming import Axis
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .scenes import TOKEN, abandon, of_type, open_store, python


def steps(store: Store, run_id: str) -> list[int | None]:
    """The steps of a run's metrics, in order."""
    return [data["step"] for data in of_type(store, run_id, "metric")]


def refusal(store: Store, name: Any, **options: Any) -> RunstoneError:
    """How `store.run(resume=…)` refuses a run."""
    with pytest.raises(RunstoneError) as caught:
        store.run(resume=name, **options)
    return caught.value


def failed(store: Store, run_id: str = "first", status: str = "failed", **options: Any) -> None:
    """A run that came to step 4, and not to its end."""
    with store.run("train", run_id=run_id, config={"seed": 1}, **options) as run:
        run.metrics({"loss": 1.0}, step=4)
        run.metrics({"loss": 2.0}, step=3)
        run.finish(status)


# what is taken over


def test_resumed_run_retries_the_earlier_one(store: Store) -> None:
    """A new run of the same kind, with a link to the run digest of the earlier one, which stays as it is."""
    failed(store)
    before = store.get("first").digest
    with store.run(resume="first", run_id="second") as run:
        assert run.resumed_step == 4
    sealed = store.get("second")
    assert (sealed.kind, sealed.status) == ("train", "success")
    assert sealed.manifest["links"] == [{"rel": "retries", "run_id": "first", "digest": before}]
    assert sealed.opened["data"]["resumed_step"] == 4
    assert store.get("first").digest == before
    assert store.verify("second").ok


def test_steps_without_a_number_count_on(store: Store) -> None:
    """From the greatest step of the earlier run, and from one that is given and is greater."""
    failed(store)
    with store.run(resume="first", run_id="second") as run:
        for step in (None, None, 3, None, 100, None):
            run.metrics({"loss": 0.5}, step=step)
    assert steps(store, "second") == [5, 6, 3, 7, 100, 101]


def test_without_steps_there_is_no_axis(store: Store) -> None:
    """A run that recorded none is resumed without any: steps are what the program says."""
    store.run("job", run_id="first").finish("failed")
    with store.run(resume="first", run_id="second") as run:
        assert run.resumed_step is None
        run.metrics({"loss": 1})
        run.metrics({"loss": 1}, step=0)
    assert steps(store, "second") == [None, 0]
    assert "resumed_step" not in store.get("second").opened["data"]


def test_a_run_that_resumes_nothing_has_no_axis(store: Store) -> None:
    """Nothing is counted for who did not ask."""
    with store.run("job", run_id="job") as run:
        assert run.resumed_step is None
        run.metrics({"loss": 1}, step=7)
        run.metrics({"loss": 1})
    assert steps(store, "job") == [7, None]


def test_threads_get_a_step_each() -> None:
    """Two calls without a step never get the same one, however often the interpreter changes threads."""
    axis, found = Axis(4), [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda taken=taken: taken.extend(axis.step(None) for _ in range(20_000)))
        for taken in found
    ]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sorted(step for taken in found for step in taken) == list(range(5, 80_005))


@given(st.lists(st.lists(st.none() | st.integers(-5, 30), max_size=5), min_size=1, max_size=5))
def test_a_chain_of_retries_keeps_the_axis(tries: list[list[int | None]]) -> None:
    """However often a job is started again, also before its first step: steps go on from the greatest of all."""
    store = runstone.open("memory:")
    greatest: int | None = None
    for number, given_steps in enumerate(tries):
        resume = None if number == 0 else f"t{number - 1}"
        run = store.run("train", run_id=f"t{number}", resume=resume)
        assert run.resumed_step == greatest
        expected = []
        for step in given_steps:
            run.metrics({"loss": 1}, step=step)
            counted = None if run.resumed_step is None or greatest is None else greatest + 1
            expected.append(counted if step is None else step)
            if expected[-1] is not None:
                greatest = expected[-1] if greatest is None else max(greatest, expected[-1])
        run.finish("failed")
        found = [event["data"]["step"] for event in store.get(f"t{number}").events("metric")]
        assert found == expected


def test_the_earlier_ones_need_not_be_there(store: Store, tmp_path: Path) -> None:
    """Each run tells where it began, so that a chain is resumed from its last run alone."""
    import shutil

    failed(store)
    store.run(resume="first", run_id="second").finish("cancelled")
    shutil.rmtree(tmp_path / "runs/first")
    with store.run(resume="second", run_id="third") as run:
        assert run.resumed_step == 4


def test_kind_and_configuration_may_be_others(store: Store) -> None:
    """What the caller says stands."""
    failed(store)
    store.run("tune", resume="first", run_id="second", config={"seed": 2}).finish()
    assert store.get("second").kind == "tune"
    assert [data["value"] for data in of_type(store, "second", "config")] == [{"seed": 2}]


def test_the_configuration_is_taken_over_as_it_was_recorded(store: Store) -> None:
    """With its sources, its volatile members and its marks, keys of the format too: both have the same document."""
    value = {"raw": b"\x00\xff", "$mine": 1, "odd": {1, 2}, "token": TOKEN, "deep": {"a": [None, 1.5]}}
    with store.run("train", run_id="first") as run:
        run.config({"seed": 0})
        run.config(value, sources={"raw": "file"}, volatile=["/odd"])
        run.finish("failed")
    store.run(resume="first", run_id="second").finish()
    events = [next(iter(list(store.get(name).events("config"))[-1:])) for name in ("first", "second")]
    assert events[0]["data"] == events[1]["data"]
    assert events[0]["marks"] == events[1]["marks"]
    assert store.get("first").document("config.snapshot.json") == store.get("second").document("config.snapshot.json")
    assert store.verify("second").ok


def test_a_secret_of_today_is_taken_out_of_yesterdays_configuration(store: Store) -> None:
    """What is recorded once more is redacted once more."""
    with store.run("train", run_id="first", config={"password_hint": "plain words 17"}) as run:
        run.finish("failed")
    store.run(resume="first", run_id="second", secrets=["plain words 17"]).finish()
    assert b"plain words 17" not in store.get("second").file("events.jsonl")
    assert store.verify("second").ok


# which runs can be resumed


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_these_can_be_resumed(store: Store, status: str) -> None:
    """And `interrupted`, which recovery gives."""
    failed(store, status=status)
    assert store.run(resume="first").resumed_step == 4


@pytest.mark.parametrize("status", ["success", "partial", "blocked"])
def test_a_run_that_came_to_its_end_is_refused(store: Store, status: str) -> None:
    """Before anything is recorded."""
    failed(store, status=status)
    refused = refusal(store, "first", run_id="second")
    assert (refused.code, refused.details["status"]) == ("not_resumable", status)
    assert refused.details["expected"] == ["interrupted", "failed", "cancelled"]
    assert store.journals.open_ids() == []


def test_a_dead_run_is_recovered_first(store: Store) -> None:
    """Open, its process gone: it is sealed as interrupted, then resumed."""
    run = store.run("train", run_id="first")
    run.metrics({"loss": 1}, step=9)
    abandon(run)
    with store.run(resume="first", run_id="second") as second:
        assert second.resumed_step == 9
    assert store.get("first").status == "interrupted"
    [link] = store.get("second").manifest["links"]
    assert link["digest"] == store.get("first").digest


def test_a_living_run_is_left_alone(store: Store) -> None:
    """Two writers of one piece of work are not what was meant."""
    run = store.run("train", run_id="first")
    assert refusal(store, "first").code == "run_is_open"
    run.log("goes on")
    assert run.finish() is not None


def test_a_run_that_recorded_nothing_cannot_be_resumed(store: Store, tmp_path: Path) -> None:
    """Recovery frees its id."""
    abandon(store.run("train", run_id="first"))
    (tmp_path / "runs/.runstone/open/first/events.jsonl").write_bytes(b"")
    assert refusal(store, "first").code == "run_not_found"


def test_a_run_that_cannot_be_recovered_says_why(store: Store, tmp_path: Path) -> None:
    """The reason of recovery is the answer."""
    abandon(store.run("train", run_id="first"))
    (tmp_path / "runs/.runstone/open/first/events.jsonl").write_bytes(b"damaged\n")
    assert refusal(store, "first").code == "bundle_damaged"


@pytest.mark.parametrize("name", ["nobody", "", None, 5])
def test_no_such_run(store: Store, name: Any) -> None:
    """A run that is not there is not found; without RUN and without kind there is nothing to record."""
    assert refusal(store, name).code == ("invalid_option" if name is None else "run_not_found")


@pytest.mark.parametrize("name", ["fir", "@latest", "digest"])
def test_every_form_of_run(store: Store, name: str) -> None:
    """A prefix, a digest and `@latest` name the same run."""
    failed(store)
    assert store.run(resume=store.get("first").digest if name == "digest" else name).resumed_step == 4


# real processes


TRAIN = """
import os, runstone, signal, sys
store = runstone.open(sys.argv[1])
store.recover()
earlier = next(store.runs("kind:train status:interrupted,failed,cancelled"), None)
with store.run("train", resume=earlier and earlier.run_id, run_id=sys.argv[2]) as run:
    first = 0 if run.resumed_step is None else run.resumed_step + 1
    for step in range(first, 10):
        run.metrics({"loss": 1 / (step + 1)}, step=step)
        if step == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """Killed at steps 3 and 4, then let run: three runs in a chain, every step of the axis recorded once."""
    statuses = [python(TRAIN, tmp_path / "runs", f"t{number}", at).returncode for number, at in enumerate((3, 4, -1))]
    assert statuses == [-signal.SIGKILL, -signal.SIGKILL, 0]
    store = open_store(tmp_path / "runs")
    assert [store.get(f"t{number}").status for number in range(3)] == ["interrupted", "interrupted", "success"]
    assert [steps(store, f"t{number}") for number in range(3)] == [[0, 1, 2, 3], [4], [5, 6, 7, 8, 9]]
    links = [store.get(f"t{number}").manifest["links"] for number in (1, 2)]
    assert [[link["run_id"] for link in found] for found in links] == [["t0"], ["t1"]]


def test_two_that_resume_one_dead_run_both_go_on(tmp_path: Path) -> None:
    """One of them recovers it, and neither is in the other's way; who comes too early is told that it is open."""
    store = open_store(tmp_path / "runs")
    run = store.run("train", run_id="first")
    run.metrics({"loss": 1}, step=2)
    abandon(run)
    answers: list[Any] = []

    def again() -> None:
        try:
            with open_store(tmp_path / "runs").run(resume="first") as second:
                answers.append(second.resumed_step)
        except RunstoneError as exc:
            answers.append(exc.code)

    threads = [threading.Thread(target=again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 2 in answers
    assert set(answers) <= {2, "run_is_open"}


# ranks


@pytest.mark.parametrize(
    ("settings", "rank"),
    [
        ({}, None),
        ({"RANK": "0"}, 0),
        ({"RANK": "3", "SLURM_PROCID": "4"}, 3),
        ({"SLURM_PROCID": "4", "PMI_RANK": "5"}, 4),
        ({"OMPI_COMM_WORLD_RANK": "6"}, 6),
        ({"PMI_RANK": "7"}, 7),
        ({"RANK": "first", "PMI_RANK": "7"}, 7),
        ({"RANK": "-1"}, None),
        ({"RANK": "٣"}, None),
        ({"RANK": "9" * 30}, None),
    ],
)
def test_rank_of_the_environment(tmp_path: Path, settings: dict[str, str], rank: int | None) -> None:
    """The first variable that holds a number, as it was when the run was opened; without one no metric has a rank."""
    store = open_store(tmp_path / "runs", settings=settings)
    with store.run("train", run_id="r") as run:
        run.metrics({"loss": 1})
    [data] = of_type(store, "r", "metric")
    assert data.get("rank") == rank
    assert ("rank" in data) == (rank is not None)


@pytest.mark.parametrize(("given_rank", "recorded"), [(0, 0), (5, 5), (True, 1), ("7", 7), (-1, None), ("x", None)])
def test_rank_of_the_call(tmp_path: Path, given_rank: Any, recorded: int | None) -> None:
    """It stands before that of the environment; what is no rank is recorded as null, and marked."""
    store = open_store(tmp_path / "runs", settings={"RANK": "3"})
    with store.run("train", run_id="r") as run:
        run.metrics({"loss": 1}, rank=given_rank)
    [event] = store.get("r").events("metric")
    assert event["data"]["rank"] == recorded
    assert event.get("marks", []) == (
        [] if type(given_rank) is int and recorded is not None else [["/rank", "coerced"]]
    )
    assert store.verify("r").ok


def test_ranks_change_neither_fold_nor_outcome(tmp_path: Path) -> None:
    """`run.json` tells the last value of a name, whoever measured it; the outcome does not depend on metrics at all."""
    digests = []
    for name, ranks in (("plain", [None, None]), ("ranked", [1, 0])):
        store = open_store(tmp_path / name)
        with store.run("train", run_id="r") as run:
            for value, rank in zip((1, 2), ranks, strict=True):
                run.metrics({"loss": value}, rank=rank)
        assert store.get("r").document("run.json")["metrics"] == {"loss": {"last": 2, "min": 1, "max": 2, "count": 2}}
        digests.append(store.get("r").outcome_digest)
    assert digests[0] == digests[1]
