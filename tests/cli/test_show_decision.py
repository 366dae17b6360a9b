"""`show` of what was decided at a gate: blocked, overridden, and hostile text in it."""

from __future__ import annotations

import json

import pytest

import runstone
from runstone.engine.store import Store

from .conftest import HOSTILE, Invoke, raw_controls

POLICY = {
    "name": "saw",
    "version": "2026-05",
    "levels": ["GREEN", "YELLOW", "RED"],
    "blocks": "RED",
    "score": 100,
    "rules": [
        {"id": "rim_speed", "fact": "/rim_speed", "max": 80, "level": "RED", "unit": "m/s", "cost": 60},
        {"id": "feed", "fact": "/feed", "min": 0.05, "max": 0.3, "level": "YELLOW", "message": "feed is unusual"},
        {"id": "material", "fact": "/material", "one_of": ["oak", "beech"], "level": "RED"},
    ],
}
DECISION = {
    "call": None, "outcome": "block", "risk_level": None, "score": None, "block_reason": None, "warnings": [],
    "rules": [], "details": None, "policy": None,
}  # fmt: skip
FACTS = {"rim_speed": 91.5, "feed": 0.5, "material": "oak"}


def blocked(store: Store, **facts: object) -> str:
    """The id of a run that a gate has blocked."""
    try:
        runstone.gate("cut", policy=POLICY, facts={**FACTS, **facts}, store=store, run_id="cut-1")(lambda: None)()
    except runstone.PolicyBlocked as exc:
        return exc.run_id
    raise AssertionError("it was not blocked")


def section(page: str, title: str) -> list[str]:
    """The lines below a heading, and the heading."""
    lines = page.split("\n")
    begin = next(number for number, line in enumerate(lines) if line.startswith(title))
    end = next((number for number, line in enumerate(lines) if number > begin and not line), len(lines))
    return [line.rstrip() for line in lines[begin:end]]


def test_a_blocked_run_says_why(store: Store, invoke: Invoke) -> None:
    """Level, reason, warnings, policy, and each rule with what it measured against what."""
    page = invoke("show", blocked(store)).out
    digest = runstone.load_policy(POLICY).sha256[:12]
    assert section(page, "DECISION") == [
        "DECISION  block",
        "  risk level    RED",
        "  score         40",
        "  block reason  rim_speed: over_limit",
        "  warning       feed: feed is unusual",
        f"  policy        saw 2026-05 {digest}",
        "  RULE       STATUS  REASON      MEASURED  THRESHOLD         UNIT",
        "  rim_speed  fail    over_limit  91.5      80                m/s",
        "  feed       fail    over_limit  0.5       [0.05, 0.3]       -",
        '  material   pass    -           oak       ["oak", "beech"]  -',
    ]


def test_an_override_stands_beside_the_decision(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided, and by whom it is another one now; lists find it by that."""
    run_id = blocked(store)
    store.override(run_id, by="ann", reason="a test piece of foam, cut by hand under supervision, once")
    monkeypatch.setenv("COLUMNS", "80")
    page = invoke("show", run_id).out
    assert section(page, "DECISION")[0] == "DECISION  block  overridden by ann: allow"
    told = " ".join(" ".join(section(page, "ANNOTATIONS")[1:]).split())
    assert "decision overridden: allow, “a test piece of foam, cut by hand under supervision, once”" in told
    assert all(len(line) <= 80 for line in section(page, "ANNOTATIONS"))
    assert run_id in invoke("ls", "decision.by:ann decision.outcome:allow decision.risk:RED").out


def test_hostile_facts_are_shown_escaped(store: Store, invoke: Invoke) -> None:
    """A fact is somebody's text."""
    run_id = blocked(store, material=HOSTILE)
    store.override(run_id, by=HOSTILE, reason=HOSTILE)
    assert raw_controls(invoke("show", run_id).out) == []


ODD = [5, 0.5, True, ["m", "s"], {"of": "m"}]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_is_no_text_is_shown_as_it_is_spelled(store: Store, invoke: Invoke, odd: object) -> None:
    """A unit, and the digest of a policy, are anybody's: what was recorded is shown, in verdicts as well."""
    rule = {"id": "r1", "status": "fail", "reason_code": odd, "measured": 5, "threshold": 3, "unit": odd}
    with store.run("x", run_id="odd") as run:
        run.event("decision", {**DECISION, "rules": [rule], "policy": {"name": odd, "version": odd, "sha256": odd}})
        run.writer.record("verdict", {"ok": False, "baseline": {"run_id": odd}, "rules": [rule]})
    assert store.verify("odd").ok
    answer = invoke("show", "odd")
    spelled = json.dumps(odd)
    assert (answer.status, answer.err) == (0, "")
    assert section(answer.out, "DECISION")[-1].endswith(f"  5         3          {spelled}")
    assert section(answer.out, "VERDICT")[-1].endswith(f"  5         3          {spelled}")
    assert any(line.startswith("  policy ") and line.endswith(spelled[:12]) for line in section(answer.out, "DECISION"))
    assert invoke("export", "odd", "--as", "markdown").status == 0


def test_a_unit_that_is_empty_is_none(store: Store, invoke: Invoke) -> None:
    """As one that is not there."""
    with store.run("x", run_id="odd") as run:
        run.event("decision", {**DECISION, "rules": [{"id": "r1", "unit": ""}, {"id": "r2", "unit": None}]})
    assert [line.split()[-1] for line in section(invoke("show", "odd").out, "DECISION")[-2:]] == ["-", "-"]
