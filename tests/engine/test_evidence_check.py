"""Evidence that leads nowhere, found before a run is closed."""

from __future__ import annotations

from typing import Any

import pytest

import runstone
from runstone.engine import evidence_check
from runstone.engine.evidence_check import check_evidence
from runstone.engine.store import Store

CLOSED: dict[str, Any] = {
    **dict.fromkeys(("exit", "error", "result", "resources")),
    "status": "success",
    "duration_ns": 0,
    "redactions": 0,
    "dropped": 0,
    "torn_bytes": 0,
    "lost": [],
}


def checked(store: Store, *evidence: str, **closed: Any) -> bool:
    """Record a run whose one check has this evidence, look at it, and seal it; whether something was found."""
    with store.run("kind", run_id="r") as run:
        run.log("one line")
        run.stream("stdout", b"two\n")
        run.check("a", "pass", evidence)
        found = check_evidence(run, store.contract_of("runstone", None), {**CLOSED, **closed})
        run.finish(**closed)
    return found


@pytest.mark.parametrize("text", ["run.log:line:99", "artifacts/none.txt", "run.json:$.nothing", "none.json:$.a"])
def test_what_leads_nowhere_is_a_failed_check(text: str) -> None:
    """The run says so itself, is failed, and verifies."""
    store = runstone.open("memory:")
    assert checked(store, text)
    assert store.verify("r").ok
    assert store.get("r").status == "failed"


DEEP: Any = None
for _ in range(80):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "closed",
    [{"result": b"\0"}, {"error": b"\0"}, {"result": {"a": [b"\0"]}}, {"result": DEEP}, {"result": "a" * 9_000_000}],
    ids=["bytes", "bytes as error", "bytes within", "too deep", "too large"],
)
def test_whatever_the_run_ends_with_its_evidence_is_looked_up(closed: dict[str, Any]) -> None:
    """What the door changes or leaves out of `run.closed` hides no reference that leads nowhere."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        run.check("a", "pass", "run.log:line:99")
        run.finish(**closed)
    assert (store.get("r").status, store.verify("r").ok) == ("failed", True)


def test_a_reference_into_what_was_left_out_leads_nowhere() -> None:
    """A result that does not fit is not in the bundle."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        run.check("a", "pass", "run.json:$.result.a")
        run.finish(result={"a": DEEP})
    assert (store.get("r").status, store.verify("r").ok) == ("failed", True)


@pytest.mark.parametrize("text", ["run.log:line:2", "rows=12", "no such thing"])
def test_what_leads_somewhere_is_left_alone(text: str) -> None:
    """As is free text."""
    store = runstone.open("memory:")
    assert not checked(store, text)
    assert store.verify("r").ok
    assert store.get("r").status == "success"


@pytest.mark.parametrize("status", ["pass", "skip"])
def test_a_check_of_that_name_that_does_not_fail_hides_nothing(status: str) -> None:
    """Only a failed one tells what is wrong; a caller's own that passes switches nothing off."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        run.check("a", "pass", "run.log:line:7")
        run.check("Evidence resolves", status)
    assert (store.get("r").status, store.verify("r").ok) == ("failed", True)


@pytest.mark.parametrize(("evidence", "looks"), [(["rows=12", "run.log:line:1"], 1), (["rows=12"], 0), ([], 0)])
def test_only_a_reference_is_worth_a_look(evidence: list[str], looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Free text costs nothing at the end."""
    found: list[str] = []
    monkeypatch.setattr(evidence_check, "check_evidence", lambda run, *_: found.append(run.run_id))
    with runstone.open("memory:").run("kind") as run:
        run.log("one line")
        run.check("a", "pass", evidence)
        run.check("b", "pass")
    assert len(found) == looks
