"""Samples and what they come to, intervals, samples beside a baseline, citations, and the values of documents."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random
from statistics import fmean, stdev
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.evaluation import bootstrap
from runstone.core.evaluation.documents import evidence_document, gate_document, scorecard_document
from runstone.core.evaluation.samples import CHANGES, measured, meets, sample_values, sample_view

from .journals import journal

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | FINITE | st.integers(-(2**53) + 1, 2**53 - 1)
SAMPLES = st.lists(st.fixed_dictionaries({"id": st.sampled_from("abcdefghij"), "value": VALUES}), max_size=12)


def of(*values: Any) -> list[dict[str, Any]]:
    return [{"id": f"s{number}", "value": value} for number, value in enumerate(values)]


@settings(max_examples=60, deadline=None)
@given(SAMPLES, st.sampled_from([0.01, 0.5, 0.95, 0.999]))
@example(of(1.7e308, 1.7e308, -1.7e308), 0.95)
@example(of(5e-324, 0.0), 0.95)
@example(of(*[0.1] * 7), 0.95)
@example(of(*(20, -3, 25, 10, 20, 21)), 0.01)
def test_the_interval_holds_the_mean(samples: list[dict[str, Any]], confidence: float) -> None:
    """Low, mean and high stand in this order between the least and the greatest value, at any confidence."""
    value, interval = measured(samples, confidence)
    known = [found for found in sample_values(samples).values() if found is not None]
    assert (interval is None) == (len(known) < 2)
    if known:
        assert isinstance(value, (int, float))
        assert min(known) <= value <= max(known)
    if interval is not None:
        assert min(known) <= interval["low"] <= value <= interval["high"] <= max(known)


@settings(max_examples=60, deadline=None)
@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(samples: list[dict[str, Any]], random: Random) -> None:
    """The same samples have the same value and the same interval, to the last byte."""
    mixed = list(samples)
    random.shuffle(mixed)
    assert canonical_bytes(list(measured(mixed, 0.95))) == canonical_bytes(list(measured(samples, 0.95)))


def test_the_order_of_many_samples_does_not_matter() -> None:
    """Nor of more than are drawn one by one."""
    random = Random(7)
    samples = of(*(random.random() for _ in range(3_000)))
    expected = measured(samples, 0.95)
    random.shuffle(samples)
    assert measured(samples, 0.95) == expected
    assert expected[1] is not None
    assert expected[1]["method"] == "percentile-bootstrap-1000-groups"


@given(st.lists(FINITE, min_size=1, max_size=40))
def test_the_mean_is_the_exact_one_rounded(values: list[float]) -> None:
    """To a unit in the last place of the exact sum's quotient, however large the values are."""
    exact = float(sum(map(Fraction, values)) / len(values))
    assert math.isclose(bootstrap.mean(values), exact, rel_tol=1e-15, abs_tol=5e-324)


def test_an_interval_is_pinned() -> None:
    """The numbers themselves: another draw would be another method."""
    value, interval = measured([{"id": f"q{n}", "value": n * n / 7} for n in range(20)], 0.9)
    assert (value, interval) == (
        PINNED[0],
        {"low": PINNED[1], "high": PINNED[2], "confidence": 0.9, "method": "percentile-bootstrap", "resamples": 1000},
    )


PINNED = (17.642857142857142, 11.678571428571427, 23.692857142857143)


@pytest.mark.parametrize("count", [200, 1_000, 5_000])
def test_the_interval_is_as_wide_as_it_should_be(count: int) -> None:
    """About 1.96 standard errors to each side, drawn one by one or in groups."""
    random = Random(count)
    values = [random.gauss(10, 2) for _ in range(count)]
    _, interval = measured(of(*values), 0.95)
    assert interval is not None
    half = 1.96 * stdev(values) / math.sqrt(count)
    assert interval["low"] == pytest.approx(fmean(values) - half, abs=0.2 * half)
    assert interval["high"] == pytest.approx(fmean(values) + half, abs=0.2 * half)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), "NaN"),
        ((None, None), "NaN"),
        ((1, None), 1),
        ((1, "NaN"), "NaN"),
        ((1, "Infinity"), "Infinity"),
        (("Infinity", "-Infinity"), "NaN"),
        (("-Infinity", 3), "-Infinity"),
    ],
)
def test_what_is_no_number_is_not_hidden(values: tuple[Any, ...], expected: Any) -> None:
    """`NaN` and infinities decide; null is no value, and counts for nothing. There is no interval."""
    assert measured(of(*values), 0.95) == (expected, None)


def test_tries_of_one_sample_count_once() -> None:
    """By their mean; one that has no value is left out."""
    samples = [("a", 1), ("a", 0), ("a", None), ("b", 1)]
    found, interval = measured([{"id": name, "value": value} for name, value in samples], 0.95)
    assert found == 0.75
    assert interval is not None


VIEW = {
    "higher": {"worse": "down", "better": "up"},
    "lower": {"worse": "up", "better": "down"},
}


@pytest.mark.parametrize("direction", VIEW)
def test_samples_beside_a_baseline(direction: str) -> None:
    """By the direction of the score; what is no number on one side, or has no value, is unclear."""
    score = {"direction": direction, "samples": [*named(up=2, down=0, same=1, nan="NaN", none=None, new=1)]}
    rows = sample_view(score, {"samples": [*named(up=1, down=1, same=1, nan=1, none=1, gone=1)]})
    assert [row["change"] for row in rows] == sorted((row["change"] for row in rows), key=CHANGES.index)
    found = {row["id"]: row["change"] for row in rows}
    changed = {name: change for change, name in VIEW[direction].items()}
    assert found == {**changed, "same": "same", "nan": "unclear", "none": "unclear", "new": "new", "gone": "gone"}


def test_without_a_direction_a_change_is_unclear() -> None:
    """Nobody said what is better."""
    (row,) = sample_view({"samples": [*named(a=2)]}, {"samples": [*named(a=1)]})
    assert (row["change"], row["difference"]) == ("unclear", 1)


def test_the_worst_come_first() -> None:
    """Those that differ most; then by id."""
    base = {"samples": [*named(a=1, b=1, c=1, d=1)]}
    rows = sample_view({"direction": "higher", "samples": [*named(d=0, b=0.5, c=-1, a=0.5)]}, base)
    assert [row["id"] for row in rows] == ["c", "d", "a", "b"]


def named(**values: Any) -> list[dict[str, Any]]:
    return [{"id": name, "value": value} for name, value in values.items()]


@pytest.mark.parametrize(
    ("value", "direction", "expected"),
    [(1, "higher", True), (0.9, "higher", False), (1, "lower", True), (1.1, "lower", False), ("NaN", "lower", False)],
)
def test_a_threshold(value: Any, direction: str, expected: bool) -> None:
    """On it is good enough; what is no number is not. Here it is 1."""
    assert meets(value, 1, direction) is expected
    assert meets(value, None, direction) is None


def evidence(*ids: str) -> tuple[str, dict[str, Any]]:
    return "evidence", {"query": "q", "corpus": "c", "passages": [{"id": name} for name in ids]}


def test_the_evidence_document() -> None:
    """Citations may stand before the retrieval; what has no id cannot be cited."""
    odd = ("evidence", {"query": None, "corpus": None, "passages": ["text", {"id": 7}]})
    found = evidence_document(journal(("citation", {"ids": ["b", "x"]}), evidence("a", "b"), odd, evidence("b")))
    assert found is not None
    assert found["citations"] == ["b", "x"]
    assert found["cited_but_not_retrieved"] == ["x"]
    assert found["retrieved_but_not_used"] == ["a"]
    assert [retrieval["version"] for retrieval in found["retrievals"]] == [None, None, None]


def test_the_scorecard() -> None:
    """Of scores of one name the last; what was not told is null."""
    scores = [("score", {"name": "f1", "value": 0.25}), ("score", {"name": "f1", "value": 0.5, "threshold": 0.5})]
    samples = ("score", {"name": "acc", "value": 1, "samples": named(a=1, b=None)})
    found = scorecard_document(journal(*scores, samples))
    assert found is not None
    assert [(row["name"], row["value"], row["meets_threshold"], row["counts"]) for row in found["scores"]] == [
        ("f1", 0.5, True, None),
        ("acc", 1, None, {"samples": 2, "without_value": 1}),
    ]


def test_no_verdict_takes_back_another() -> None:
    """The gate is passed if all of them are good."""
    verdicts = [("verdict", {"ok": ok, "baseline": None, "rules": []}) for ok in (False, True)]
    found = gate_document(journal(*verdicts))
    assert found is not None
    assert (found["ok"], [verdict["ok"] for verdict in found["verdicts"]]) == (False, [False, True])


def test_a_run_that_says_nothing_has_no_such_document() -> None:
    """Absent means that it did not happen."""
    quiet = journal()
    assert (evidence_document(quiet), scorecard_document(quiet), gate_document(quiet)) == (None, None, None)
