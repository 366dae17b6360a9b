"""Overrides: a sealed decision is overridden by a named person with a reason, and one call passes by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .gated import CALM, ODD, POLICY, WILD, facts_of
from .scenes import of_type


def cut(store: Store, piece: dict[str, Any], of: str | None = None, **options: Any) -> str:
    """One call of the gated work."""
    given = {"policy": POLICY, "facts": facts_of, "store": store, "override_of": of, **options}
    answer: str = runstone.gate("cut", **given)(lambda request: "done")(piece)
    return answer


def refused(call: Callable[[], Any]) -> Any:
    with pytest.raises(RunstoneError) as caught:
        call()
    return caught.value


@pytest.fixture
def blocked(store: Store) -> str:
    """The id of a run that was blocked."""
    return str(refused(lambda: cut(store, WILD, run_id="blocked")).run_id)


def later(store: Store) -> Store:
    store.clock.advance(1)
    return store


def ids(store: Store, query: str) -> list[str]:
    return [row["run_id"] for row in store.rows(query)]


def test_an_override_amends_and_changes_nothing(store: Store, blocked: str) -> None:
    """It is a sealed annotation with a name and a reason; the run keeps its bytes and its status."""
    before = {path: path.read_bytes() for path in (Path(store.url) / blocked).rglob("*") if path.is_file()}
    said = store.override(blocked, by="ann", reason="test piece of foam")
    assert (said.kind, said.status, store.verify(said.run_id).ok) == ("annotation", "success", True)
    assert said.manifest["links"] == [{"rel": "amends", "run_id": blocked, "digest": store.get(blocked).digest}]
    assert of_type(store, said.run_id, "annotation") == [
        {
            "labels": {},
            "aliases": {},
            "by": "ann",
            "override": {"outcome": "allow", "reason": "test piece of foam"},
        }
    ]
    assert {path: path.read_bytes() for path in before} == before
    [told] = store.annotations(blocked)
    assert (told["by"], told["override"]["outcome"]) == ("ann", "allow")


def test_queries_find_what_was_overridden(store: Store, blocked: str) -> None:
    """By the outcome that counts now, and by who said so; the risk is what was measured."""
    assert ids(store, "decision.outcome:block") == [blocked]
    store.override(blocked, by="ann", reason="test piece of foam", outcome="review")
    assert ids(store, "decision.outcome:review") == ids(store, "decision.by:ann") == [blocked]
    assert ids(store, "decision.outcome:block") == []
    assert ids(store, "decision.risk:RED status:blocked") == [blocked]
    later(store).override(blocked, by="bob", reason="it was no foam", outcome="block")
    assert ids(store, "decision.by:bob decision.outcome:block") == [blocked]
    assert ids(store, "decision.by:ann") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": ""},
        {"by": None},
        {"by": " "},
        {"reason": "short"},
        {"reason": "a     "},
        {"reason": None},
        {"outcome": ""},
        {"outcome": 1},
        {"outcome": "x" * 65},
    ],
    ids=str,
)
def test_an_override_has_a_name_and_a_reason(store: Store, blocked: str, wrong: dict[str, Any]) -> None:
    """Six characters or more; nothing is recorded otherwise."""
    given = {"by": "ann", "reason": "test piece of foam", **wrong}
    assert refused(lambda: store.override(blocked, **given)).code == "invalid_option"
    assert store.annotations(blocked) == []


def test_what_has_no_decision_is_not_overridden(store: Store) -> None:
    """There is nothing to say otherwise."""
    with store.run("job", run_id="plain"):
        pass
    assert refused(lambda: store.override("plain", by="ann", reason="because I can")).code == "invalid_option"


# a call that passes


def test_one_call_passes_by_an_override(store: Store, blocked: str) -> None:
    """Its run derives from the blocked one, and its decision names the override; it passes once."""
    said = store.override(blocked, by="ann", reason="test piece of foam")
    assert cut(store, WILD, blocked, run_id="passed") == "done"
    passed = store.get("passed")
    assert passed.status == "success"
    assert passed.manifest["links"] == [{"rel": "derives-from", "run_id": blocked, "digest": store.get(blocked).digest}]
    [decision] = of_type(store, "passed", "decision")
    assert (decision["outcome"], decision["risk_level"], decision["block_reason"]) == ("allow", "RED", None)
    assert decision["warnings"] == ["speed: over_limit; overridden by ann: test piece of foam"]
    assert decision["details"]["override"] == {
        "run_id": said.run_id,
        "of": blocked,
        "by": "ann",
        "outcome": "allow",
        "reason": "test piece of foam",
    }
    assert why(store, WILD, blocked) == "its override was used by another call"


def why(store: Store, piece: dict[str, Any], of: str, **options: Any) -> str:
    """Why an override does not apply."""
    caught = refused(lambda: cut(store, piece, of, **options))
    assert (caught.code, store.get(caught.run_id).status) == ("policy_blocked", "blocked")
    warning = str(caught.decision["warnings"][-1])
    assert warning.startswith(f"no override of {of} applies: ")
    return warning.partition("applies: ")[2]


@pytest.mark.parametrize("outcome", ["block", "allow"])
def test_nobody_passes_by_a_damaged_override(store: Store, blocked: str, outcome: str) -> None:
    """Nor by an earlier one where the last is damaged; the work is not done."""
    store.override(blocked, by="ann", reason="test piece of foam")
    said = later(store).override(blocked, by="bob", reason="it was no foam", outcome=outcome)
    path = Path(said.path) / "events.jsonl"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"it was no foam", b"it was no foa!"))
    store.reindex()
    caught = refused(lambda: cut(store, WILD, blocked))
    assert (caught.code, caught.details["run_id"]) == ("bundle_damaged", said.run_id)
    path.write_bytes(path.read_bytes().replace(b'"bob"', b'"bob";'))
    store.reindex()
    assert refused(lambda: cut(store, WILD, blocked)).code == "bundle_damaged"


def test_an_override_is_renewed_by_another_one(store: Store, blocked: str) -> None:
    """Each lets one call pass."""
    for _ in range(2):
        later(store).override(blocked, by="ann", reason="test piece of foam")
        assert cut(store, WILD, blocked) == "done"


def test_an_override_to_review_leaves_a_partial_run(store: Store, blocked: str) -> None:
    """As a decision to review does."""
    store.override(blocked, by="ann", reason="test piece of foam", outcome="review")
    cut(store, WILD, blocked, run_id="passed")
    assert store.get("passed").status == "partial"


def test_an_override_is_of_what_was_seen(store: Store, blocked: str) -> None:
    """Of this request, measured so; not of a worse one, nor of other work."""
    store.override(blocked, by="ann", reason="test piece of foam")
    assert why(store, {**WILD, "speed": 99}, blocked) == "that run was asked for something else"
    same = {"request": lambda request: "same"}
    first = str(refused(lambda: cut(store, WILD, **same)).run_id)
    store.override(first, by="ann", reason="test piece of foam")
    reasons = "it is blocked for other reasons than that run was"
    assert why(store, {**WILD, "speed": 99}, first, **same) == reasons
    assert why(store, {**WILD, "feed": 0.5}, first, **same) == reasons
    assert cut(store, {**WILD, "feed": 0.2}, first, **same) == "done"
    other = runstone.gate("paint", policy=POLICY, facts=WILD, store=store, override_of=blocked)(lambda: "done")
    assert "asked for something else" in refused(other).decision["warnings"][-1]


def test_only_an_override_that_allows_lets_a_call_pass(store: Store, blocked: str) -> None:
    """None, one that was taken back, one of a run that is not there."""
    assert why(store, WILD, blocked) == "its decision was not overridden"
    store.override(blocked, by="ann", reason="test piece of foam")
    later(store).override(blocked, by="bob", reason="it was no foam", outcome="block")
    assert why(store, WILD, blocked) == "its decision was overridden by 'block'"
    assert why(store, WILD, "nowhere") == "no such run is sealed here"


def test_a_call_that_is_allowed_uses_no_override(store: Store, blocked: str) -> None:
    """It stays for the one that needs it."""
    store.override(blocked, by="ann", reason="test piece of foam")
    assert [cut(store, request, blocked) for request in (CALM, ODD)] == ["done"] * 2
    assert cut(store, WILD, blocked) == "done"


def test_a_comparison_tells_who_overrode(store: Store, blocked: str) -> None:
    """As something that was said after the seal; the outcome of the runs is the same."""
    other = str(refused(lambda: cut(store, WILD, run_id="other")).run_id)
    store.override(blocked, by="ann", reason="test piece of foam")
    [found] = [item for item in store.compare(blocked, other).differences if item.section == "decision"]
    assert (found.name, found.outcome, found.note) == ("override", False, "given after the seal")
