"""`runstone judge`: the verdict as a table, as JSON, and as a status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import HOSTILE, Invoke, raw_controls, seal_hostile
from runstone.core.terminal import text_width
from runstone.engine.store import Store

from .test_diff import record, runstone_colours

RULES = ("--baseline", "base", "--max", "metric.loss:+10%", "--require", "check.good", "--require-same", "config")


@pytest.fixture(autouse=True)
def runs(store: Store) -> None:
    """A baseline, a run as good, and a worse one."""
    for run_id, loss in (("base", 0.25), ("good", 0.25), ("worse", 0.375)):
        record(store, run_id, loss)


def test_a_verdict_that_fails(store: Store, invoke: Invoke) -> None:
    """Each rule with what was measured against what, and why it fails; status 1."""
    answer = invoke("judge", "worse", *RULES)
    (verdict,) = store.runs("kind:judge")
    assert answer.status == 1
    assert answer.out == (
        f"worse  fails\nbaseline base\nverdict  {verdict.run_id}\n\n"
        "RESULT  RULE                  BASELINE  MEASURED  LIMIT  WHY\n"
        "fail    max metric.loss:+10%      0.25     0.375  0.275  over_limit\n"
        "pass    require check.good        pass      pass   pass\n"
        "pass    same config                  -         0      0\n"
    )


def test_a_verdict_that_passes(invoke: Invoke) -> None:
    """Status 0."""
    answer = invoke("judge", "good", *RULES)
    assert (answer.status, answer.out.splitlines()[0]) == (0, "good  passes")


def test_json(store: Store, invoke: Invoke) -> None:
    """The verdict as the library has it, with the run that holds it."""
    answer = invoke("judge", "worse", *RULES, "--json")
    (verdict,) = store.runs("kind:judge")
    value = answer.value
    assert (answer.status, value["ok"], value["run_id"], value["digest"]) == (1, False, verdict.run_id, verdict.digest)
    assert [rule["status"] for rule in value["rules"]] == ["fail", "pass", "pass"]
    assert value["run"]["digest"] == store.get("worse").digest


def test_a_baseline_that_lies_elsewhere(store: Store, invoke: Invoke) -> None:
    """An archive; the verdict is recorded in the store all the same."""
    assert invoke("export", "base", "-o", "base.tar").status == 0
    assert invoke("judge", "good", "--baseline", "base.tar", "--max", "metric.loss:+0%").status == 0
    assert len(list(store.runs("kind:judge"))) == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("good",), 2),
        (("good", "--baseline", "base"), 2),
        (("good", "--baseline", "base", "--max", "loss"), 2),
        (("good", "--baseline", "nothing", "--max", "metric.loss:1"), 3),
        (("nothing", "--baseline", "base", "--max", "metric.loss:1"), 3),
    ],
)
def test_wrong_use(store: Store, invoke: Invoke, words: tuple[str, ...], status: int) -> None:
    """It is said, and nothing is recorded."""
    answer = invoke("judge", *words)
    assert (answer.status, answer.out) == (status, "")
    assert answer.err
    assert list(store.runs("kind:judge")) == []


def test_what_fails_is_told_apart_from_its_limit(store: Store, invoke: Invoke) -> None:
    """A measure has as many digits as it takes to see that it is above or below."""
    with store.run("eval", run_id="close") as run:
        run.metrics({"accuracy": 0.9999999, "tokens": 1234567.5})
        run.score("acc", 0.8999999, threshold=0.9)
    rules = ("--min", "metric.accuracy:1", "--max", "metric.tokens:1234567", "--meet", "scores")
    told = [line.split()[3:] for line in invoke("judge", "close", *rules).out.splitlines()[5:]]
    assert told == [
        ["-", "1234568", "1234567", "over_limit"],
        ["-", "0.9999999", "1", "under_limit"],
        ["-", "0.8999999", "0.9", "under_limit"],
    ]
    assert "0.8999999  at least 0.9" in invoke("show", "close").out


@pytest.mark.parametrize(
    ("option", "given"), [("--require", "bad"), ("--max", "metric.loss"), ("--require-same", "x"), ("--meet", "acc")]
)
def test_what_is_found_wrong_is_what_was_given(invoke: Invoke, option: str, given: str) -> None:
    """Without the word that the option stands for."""
    assert invoke("judge", "good", option, given).err.splitlines()[0].endswith(f"; found {given!r}")


def test_hostile_names_on_a_terminal(store: Store, on_terminal: Callable[..., str]) -> None:
    """Recorded and asked ones, in 80 columns."""
    hostile = seal_hostile(store)
    shown = on_terminal(
        "judge", hostile, "--baseline", hostile, "--max", f"metric.{HOSTILE}:+1%", "--require", f"check.{HOSTILE}"
    )
    assert raw_controls(shown) == []
    assert max(map(text_width, runstone_colours(shown).splitlines())) <= 80
    assert Path(store.url).is_dir()
