"""`runstone show --samples`, and what `show`, `diff` and `judge` say of scores, samples and verdicts."""

from __future__ import annotations

import pytest

from cli.conftest import HOSTILE, Invoke, raw_controls
from runstone.engine.store import Store


@pytest.fixture(autouse=True)
def runs(store: Store) -> None:
    """A baseline, and a run in which one sample got worse, one better, one is new and one is gone."""
    with store.run("eval", run_id="base") as run:
        run.score("acc", samples={"a": 1, "b": 0, "c": 1, "d": 1}, threshold=0.5)
    with store.run("eval", run_id="new") as run:
        run.score("acc", samples={"a": 0, "b": 1, "c": 1, "e": None}, threshold=0.5, unit="share")
        run.score("latency", 2.5, direction="lower", unit="s", threshold=2)
        run.cite("p1")
        run.judge("meet scores", baseline="base")


def test_samples(invoke: Invoke) -> None:
    """Each with its value, as recorded; one that has none says so."""
    answer = invoke("show", "new", "--samples", "acc")
    assert (answer.status, answer.out) == (
        0,
        "new  acc 0.666667 (0 to 1, 95 %)\n4 samples\n\n"
        "SAMPLE     VALUE\na              0\nb              1\nc              1\ne       no value\n",
    )


@pytest.mark.parametrize(("confidence", "text"), [(0.07, "7 %"), (0.9999999, "99.99999 %")])
def test_no_confidence_is_shown_as_certainty(store: Store, invoke: Invoke, confidence: float, text: str) -> None:
    """It has as many digits as it takes to be less than 100 %."""
    with store.run("eval", run_id="sure") as run:
        run.score("acc", samples={"a": 1, "b": 1}, confidence=confidence)
    assert invoke("show", "sure", "--samples", "acc").out.startswith(f"sure  acc 1 (1 to 1, {text})\n")


def test_samples_beside_a_baseline(invoke: Invoke) -> None:
    """What got worse first; what is the same is only counted."""
    answer = invoke("show", "new", "--samples", "acc", "--baseline", "base")
    assert answer.out == (
        "new  acc 0.666667 (0 to 1, 95 %)\nbaseline  base  0.75\n1 worse, 1 gone, 1 new, 1 better, 1 same\n\n"
        "SAMPLE  BASELINE     VALUE  CHANGE  BY\n"
        "a              1         0  worse   -1\n"
        "d              1         -  gone\n"
        "e              -  no value  new\n"
        "b              0         1  better  +1\n"
    )


def test_samples_as_json(invoke: Invoke) -> None:
    """Every sample, with what became of it."""
    value = invoke("show", "new", "--samples", "acc", "--baseline", "base", "--json").value
    assert (value["run_id"], value["baseline"], value["baseline_value"], value["meets_threshold"]) == (
        "new",
        "base",
        0.75,
        True,
    )
    assert value["counts"] == {"samples": 4, "without_value": 1}
    assert value["samples"][0] == {"id": "a", "value": 0, "baseline": 1, "change": "worse", "difference": -1}
    assert [row["change"] for row in value["samples"]] == ["worse", "gone", "new", "better", "same"]


@pytest.mark.parametrize("name", ["latency", "nothing"])
def test_a_score_without_samples(invoke: Invoke, name: str) -> None:
    """Is refused, with those that there are."""
    answer = invoke("show", "new", "--samples", name)
    assert (answer.status, "of: acc" in answer.err) == (2, True)


@pytest.mark.parametrize("options", [("--baseline", "base"), ("--samples", "acc", "--plot", "loss")])
def test_options_that_do_not_go_together(invoke: Invoke, options: tuple[str, ...]) -> None:
    """Wrong use."""
    assert invoke("show", "new", *options).status == 2


def test_the_page_has_scores_and_verdicts(invoke: Invoke) -> None:
    """Interval, what is wanted, how many samples; the rules of the verdict."""
    page = invoke("show", "new").out
    assert "  acc      0.666667 share  0 to 1, 95 %  at least 0.5        4\n" in page
    assert "  latency           2.5 s             -     at most 2        -\n" in page
    assert "VERDICT  fails  beside base\n" in page
    assert "  meet score.latency  fail    over_limit  2.5       2          s\n" in page


def test_the_page_of_plain_scores_is_as_it_was(store: Store, invoke: Invoke) -> None:
    """No column for what nobody said."""
    with store.run("eval", run_id="plain") as run:
        run.event("score", {"name": "f1", "value": 0.5})
    assert "SCORES\n  NAME  VALUE\n  f1      0.5\n" in invoke("show", "plain").out


def test_diff_names_the_samples(invoke: Invoke) -> None:
    """A line a sample, with what became of it."""
    page = invoke("diff", "base", "new").out
    assert "SAMPLES\n  ~ acc a  1 -> 0  -1 worse\n  - acc d  1\n  + acc e  null\n  ~ acc b  0 -> 1  +1 better\n" in page


def test_judge_by_scores(invoke: Invoke) -> None:
    """Thresholds, samples, citations; without a baseline, too."""
    answer = invoke("judge", "new", "--meet", "scores", "--cited", "--max", "worse.acc:1", "--json")
    assert answer.status == 1
    assert answer.value["baseline"] is None
    assert [(rule["id"], rule["reason_code"]) for rule in answer.value["rules"]] == [
        ("max worse.acc:1", "no_baseline"),
        ("meet score.acc", None),
        ("meet score.latency", "over_limit"),
        ("cited", "not_retrieved"),
    ]
    assert invoke("judge", "new", "--meet", "score.acc").status == 0
    assert invoke("judge", "new", "--baseline", "base", "--max", "worse.acc:2").status == 0


def test_hostile_names_are_escaped(store: Store, invoke: Invoke) -> None:
    """Of scores, samples and units."""
    with store.run("eval", run_id="hostile") as run:
        run.score(HOSTILE, samples={HOSTILE: 1}, unit=HOSTILE, threshold=0)
        run.judge("meet scores")
    for arguments in (("show", "hostile"), ("show", "hostile", "--samples", HOSTILE), ("diff", "base", "hostile")):
        answer = invoke(*arguments)
        assert (answer.status, raw_controls(answer.out)) == (0, [])
