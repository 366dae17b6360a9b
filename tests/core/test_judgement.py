"""Rules of a verdict: what they say, and what they come to. What is not known fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.events import data_problem
from runstone.core.journal import Journal
from runstone.core.judgement.rule import parse_rule
from runstone.core.judgement.verdict import judge
from runstone.errors import InvalidInput

from .comparing import side
from .journals import check, journal
from .test_diff import config, metric


def score(name: str, value: Any) -> tuple[str, dict[str, Any]]:
    return "score", {"name": name, "value": value}


def answer(rule: str, run: Journal, baseline: Journal) -> dict[str, Any]:
    (found,) = judge(side(run), side(baseline), [parse_rule(rule)]).rules
    return found


@pytest.mark.parametrize(
    ("rule", "value", "status", "threshold"),
    [
        ("max metric.loss:+2%", 0.51, "pass", 0.51),
        ("max metric.loss:+2%", 0.5101, "fail", 0.51),
        ("max metric.loss:-2%", 0.49, "pass", 0.49),
        ("max metric.loss:+0.25", 0.75, "pass", 0.75),
        ("max metric.loss:+0.25", 0.76, "fail", 0.75),
        ("max metric.loss:0.25", 0.26, "fail", 0.25),
        ("max metric.loss:+0%", 0.5, "pass", 0.5),
        ("min metric.loss:-2%", 0.49, "pass", 0.49),
        ("min metric.loss:-2%", 0.48, "fail", 0.49),
        ("min metric.loss:1e-3", 0.5, "pass", 0.001),
    ],
)
def test_limits(rule: str, value: float, status: str, threshold: float) -> None:
    """In parts of the baseline, from it, or as they stand; a value on the limit passes. The baseline is 0.5."""
    found = answer(rule, journal(metric(loss=9), metric(loss=value)), journal(metric(loss=0.5)))
    assert (found["status"], found["threshold"], found["measured"], found["baseline"]) == (
        status,
        threshold,
        value,
        0.5,
    )
    assert (
        found["reason_code"]
        == {"pass": None, "fail": "over_limit" if rule.startswith("max") else "under_limit"}[status]
    )


@pytest.mark.parametrize(
    ("rule", "base", "limit"),
    [
        ("max metric.loss:+0.1", 0.7, 0.8),
        ("max metric.loss:+10%", 0.7, 0.77),
        ("max metric.loss:-0.1", 0.8, 0.7),
        ("min metric.loss:-0.1", 0.4, 0.3),
        ("min metric.loss:+0.1", 0.2, 0.3),
        ("min metric.loss:-7%", 3, 2.79),
        ("max metric.loss:+1e-300", 1e300, 1e300),
        ("max metric.loss:+1e-322%", 5e-324, 5e-324),
    ],
)
def test_a_value_on_its_limit_passes(rule: str, base: float, limit: float) -> None:
    """The limit is that of the decimals as they are written, wherever the floats beside them lie."""
    found = answer(rule, journal(metric(loss=limit)), journal(metric(loss=base)))
    assert (found["status"], found["threshold"]) == ("pass", limit)


def test_every_limit_of_two_digits_can_be_stood_on() -> None:
    """Hundredths added to, taken from, and parts of hundredths: none is off by the last bit."""
    off = [
        (base, step)
        for base in range(100)
        for step in range(100)
        for text, limit in ((f"+{step / 100}", (base + step) / 100), (f"+{step}%", base * (100 + step) / 10_000))
        if parse_rule(f"max metric.m:{text}").bound.threshold(base / 100) != limit  # type: ignore[union-attr]  # it is a limit
    ]
    assert off == []


def test_parts_of_a_negative_baseline() -> None:
    """Of its absolute value: more is more."""
    assert answer("max metric.loss:+10%", journal(metric(loss=-1)), journal(metric(loss=-10)))["threshold"] == -9


NUMBERS = [0.5, None, "NaN", "Infinity"]


@pytest.mark.parametrize("value", NUMBERS, ids=str)
@pytest.mark.parametrize("base", NUMBERS, ids=str)
@pytest.mark.parametrize("rule", ["max metric.loss:+1000%", "min metric.loss:-1000%", "max metric.loss:9"])
def test_what_is_not_known_fails(value: Any, base: Any, rule: str) -> None:
    """A metric that is missing, or no number, on either side, whichever way the limit looks."""
    sides = [journal(*([] if number is None else [metric(loss=number)])) for number in (value, base)]
    found = answer(rule, *sides)
    known = value == 0.5 and (base == 0.5 or rule.endswith(":9"))
    assert found["status"] == ("pass" if known else "fail")
    assert (found["reason_code"] is None) == known


def test_a_limit_that_no_number_holds_fails() -> None:
    """Twice the largest double is no threshold."""
    found = answer("max metric.loss:+100%", journal(metric(loss=1)), journal(metric(loss=1.5e308)))
    assert (found["status"], found["reason_code"], found["threshold"]) == ("fail", "baseline_not_a_number", None)


def test_scores_and_names_with_colons_and_dots() -> None:
    """The last score of a name counts; the limit stands behind the last colon."""
    run = journal(score("a:b.c", 1), score("a:b.c", 3))
    assert answer("min score.a:b.c:+0", run, journal(score("a:b.c", 2)))["status"] == "pass"


@pytest.mark.parametrize(
    ("results", "status", "reason"),
    [
        (["pass"], "pass", None),
        (["pass", "pass"], "pass", None),
        (["fail", "pass"], "fail", "check_fail"),
        (["pass", "skip"], "fail", "check_skip"),
        ([], "fail", "missing"),
    ],
)
def test_a_required_check(results: list[str], status: str, reason: str | None) -> None:
    """It is there, and passed each time."""
    found = answer("require check.rows", journal(*(check("rows", result) for result in results)), journal())
    assert (found["status"], found["reason_code"]) == (status, reason)


def test_a_section_that_must_be_the_same() -> None:
    """Its differences are counted; `outcome` is what the digest covers."""
    a, b = journal(config(1), metric(loss=1)), journal(config(2), metric(loss=1))
    assert [answer(f"same {name}", b, a)["measured"] for name in ("config", "metrics", "outcome", "journal")] == [
        1,
        0,
        1,
        1,
    ]
    assert answer("same outcome", journal(metric(loss=2)), journal(metric(loss=1)))["status"] == "pass"


@pytest.mark.parametrize(
    "text",
    [
        "", "max", "max loss:1", "max metric.:1", "max metric.loss", "max metric.loss:", "max metric.loss:2%",
        "max metric.loss:+%", "max metric.loss:nan", "max metric.loss:+inf", "max metric.loss:1e999",
        "max metric.loss:1_0", "max metric.loss:+-1", "max metric.loss:\u0661", "max check.rows:1", "require",
        "require rows", "require check.", "same", "same nothing", "least metric.loss:1",
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_rule(text: str) -> None:
    """It is refused, and what stands behind its first word is shown."""
    with pytest.raises(InvalidInput) as caught:
        parse_rule(text)
    assert (caught.value.code, caught.value.details["found"]) == ("invalid_option", text)
    wrong = text if text.startswith("least ") else text.partition(" ")[2] or text
    assert caught.value.message.endswith(f"; found {wrong!r}")


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 500))
def test_max_and_min_are_mirrors(value: float, base: float, percent: float) -> None:
    """What a maximum lets through, the minimum of both numbers with the other sign does."""
    upper = answer(f"max metric.x:+{percent:f}%", journal(metric(x=value)), journal(metric(x=base)))
    lower = answer(f"min metric.x:-{percent:f}%", journal(metric(x=-value)), journal(metric(x=-base)))
    assert upper["status"] == lower["status"]


def test_a_verdict_is_a_decision() -> None:
    """One rule that fails is enough, and the first one is the reason."""
    rules = [parse_rule(text) for text in ("require check.a", "require check.b", "require check.c")]
    verdict = judge(side(journal(check("a", "pass"))), side(journal()), rules)
    found = verdict.decision()
    assert not verdict
    assert (found["outcome"], found["block_reason"]) == ("fail", "require check.b: missing")
    assert data_problem("decision", found) is None
    assert {"id", "status", "severity", "reason_code", "measured", "threshold", "unit"} <= found["rules"][0].keys()
    assert judge(side(journal(check("a", "pass"))), side(journal()), rules[:1])
