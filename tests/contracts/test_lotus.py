"""Contract `lotus/1.0`: the artifact of a stored run; runs recorded behind a gate, looked up, reviewed."""

from __future__ import annotations

import copy
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.core.planted import secrets

import runstone
from runstone.contracts.lotus import LotusRuns, artifact_hash, build_artifact, request_hash
from runstone.core.printing import print_json
from runstone.core.times import time_text
from runstone.engine.publishing import publisher_of
from runstone.errors import Conflict, Damaged, InvalidInput, NotFound, RunstoneError, StoreUnavailable, error
from runstone.testing.fakes import FixedClock

READY, REVIEW, BLOCKED = "READY", "PENDING_REVIEW", "BLOCKED"


def result(status: str = READY, **more: Any) -> dict[str, Any]:
    """What an engine answers."""
    broken = {READY: {}, REVIEW: {"soft": "SOFT"}, BLOCKED: {"hard": "HARD"}}[status]
    rules = [{"rule_id": "cash", "severity": "HARD", "status": "PASS", "measured": "1.50", "threshold": {"min": "0"}}]
    rules += [
        {"rule_id": name, "severity": severity, "status": "FAIL", "measured": "2", "threshold": "1", "reason_code": "X"}
        for name, severity in broken.items()
    ]
    return {
        "status": status,
        "before": {"total": {"amount": "100.00", "currency": "EUR"}, "ratio": 2.0},
        "after_simulated": {"total": {"amount": "99.50", "currency": "EUR"}, "ratio": 2},
        "intents": [{"intent_id": "oi_1", "quantity": "3"}],
        "rule_results": rules,
        "diagnostics": {"warnings": []},
        "lineage": {"engine_version": None},
        **more,
    }


def stored(**more: Any) -> dict[str, Any]:
    """A stored run as another service would hand it in."""
    return {
        "rebalance_run_id": "rr_0011aabb",
        "correlation_id": "corr-1",
        "idempotency_key": None,
        "portfolio_id": "p1",
        "request_hash": "sha256:" + "0" * 64,
        "created_at": "2026-05-06 07:08:09.1+02:00",
        "result": result(),
        **more,
    }


def engine(status: str = READY, **more: Any) -> Any:
    """An engine that always comes to the same status."""

    def simulate(run_id: str, correlation_id: str) -> dict[str, Any]:
        return {**result(status, **more), "rebalance_run_id": run_id, "correlation_id": correlation_id}

    return simulate


@pytest.fixture
def runs(tmp_path: Path) -> LotusRuns:
    """The runs of a new store."""
    return LotusRuns(runstone.open(tmp_path / "runs"))


# the artifact


@pytest.mark.parametrize("name", ["01_standard_drift", "05_safety_hard_block_price"])
def test_artifacts_of_the_service_itself(shared: Path, runs: LotusRuns, name: str) -> None:
    """To the byte of the hash: built, and recorded, sealed, opened again and folded."""
    golden = json.loads((shared / "samples" / "lotus" / f"{name}.golden.json").read_bytes())
    run, artifact = golden["run"], golden["artifact"]
    assert build_artifact(run) == artifact
    assert artifact_hash(artifact) == artifact["evidence"]["hashes"]["artifact_hash"]
    answered = runs.simulate({"of": name}, lambda *_: run["result"], portfolio_id=run["portfolio_id"])
    again = LotusRuns(runstone.open(runs.store.url)).get(answered["rebalance_run_id"])
    assert build_artifact({**run, "result": again["result"]}) == artifact


def test_members_of_an_artifact() -> None:
    """Where each comes from; nothing is reformatted, and an engine without a version is unknown."""
    run = stored()
    artifact = build_artifact(run)
    assert (artifact["artifact_id"], artifact["artifact_version"], artifact["status"]) == ("dra_0011aabb", "1.0", READY)
    assert artifact["request_snapshot"] == {"portfolio_id": "p1", "request_hash": run["request_hash"]}
    assert artifact["before_summary"] is run["result"]["before"]
    assert artifact["after_summary"] is run["result"]["after_simulated"]
    assert artifact["order_intents"] is run["result"]["intents"]
    assert artifact["rule_outcomes"] is run["result"]["rule_results"]
    assert artifact["evidence"]["run_created_at"] == "2026-05-06 07:08:09.1+02:00"
    assert artifact["evidence"]["engine_version"] == "unknown"
    versioned = build_artifact(stored(result=result(lineage={"engine_version": "7"})))
    assert versioned["evidence"]["engine_version"] == "7"


def test_hash_of_an_artifact_by_hand() -> None:
    """SHA-256 of what Python's own encoder prints, sorted, compact and in ASCII, without the hash."""
    artifact = build_artifact(stored(correlation_id="Größe 😀", result=result(note={"artifact_hash": "x", "n": 1e16})))
    bare = copy.deepcopy(artifact)
    del bare["evidence"]["hashes"]["artifact_hash"], bare["result"]["note"]["artifact_hash"]
    printed = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert artifact["evidence"]["hashes"]["artifact_hash"] == f"sha256:{hashlib.sha256(printed.encode()).hexdigest()}"


def test_artifacts_fit_the_schema() -> None:
    """The schema in the package takes every artifact, and nothing that lacks a member or has another."""
    schema = json.loads(
        resources.files("runstone.contracts.lotus").joinpath("schema/artifact.schema.json").read_bytes()
    )
    validator = Draft202012Validator(schema)
    artifact = build_artifact(stored(result=result(BLOCKED)))
    validator.validate(artifact)
    for name in artifact:
        assert not validator.is_valid({key: value for key, value in artifact.items() if key != name})
    assert not validator.is_valid({**artifact, "more": 1})
    assert not validator.is_valid({**artifact, "status": "FINE"})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé😀\x7f\n"),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.sampled_from(["a", "artifact_hash", "ü"]), it, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_the_hash_knows_every_value(value: Any) -> None:
    """The hash of what it hashed is the same; another value of any member but a hash is another hash."""
    artifact = build_artifact(stored(result=result(extra=value)))
    assert artifact_hash(artifact) == artifact["evidence"]["hashes"]["artifact_hash"]
    other = build_artifact(stored(result=result(extra=[value])))
    assert artifact_hash(other) != artifact_hash(artifact)


@pytest.mark.parametrize("missing", ["request_hash", "created_at", "result", "result.before", "result.status"])
def test_a_run_that_lacks_something_is_refused(missing: str) -> None:
    """By the name of what is missing."""
    run = stored()
    outer, _, inner = missing.partition(".")
    if inner:
        del run[outer][inner]
    else:
        del run[outer]
    with pytest.raises(InvalidInput) as refused:
        build_artifact(run)
    assert (refused.value.code, refused.value.details["missing"]) == ("invalid_stored_run", [missing])


# runs


@pytest.mark.parametrize(("status", "kernel"), [(READY, "success"), (REVIEW, "partial"), (BLOCKED, "blocked")])
def test_every_status_leaves_a_run_with_an_artifact(runs: LotusRuns, status: str, kernel: str) -> None:
    """The stored run is answered whatever it came to; its record verifies, and its artifact is folded from it."""
    run = runs.simulate({"a": 1}, engine(status), portfolio_id="p1", correlation_id="c1")
    (sealed,) = runs.store.runs()
    assert (sealed.status, sealed.contract, runs.store.verify(sealed.run_id).ok) == (kernel, "lotus/1.0", True)
    assert run["result"]["status"] == status
    assert run["created_at"] == sealed.opened_at.replace("Z", "+00:00")
    assert runs.artifact(run["rebalance_run_id"]) == print_json(build_artifact(run), "py-compact-ascii")


def test_a_number_stays_the_number_that_it_is(runs: LotusRuns) -> None:
    """2.0 and 2 are two things to whoever hashes them."""
    run = runs.simulate({}, engine(), portfolio_id="p1")
    read = runs.get(run["rebalance_run_id"])["result"]
    assert [repr(read[side]["ratio"]) for side in ("before", "after_simulated")] == ["2.0", "2"]


def test_the_rules_are_those_of_the_decision(runs: LotusRuns) -> None:
    """Of a blocked run the kernel tells which rule did it, and a query finds it."""
    runs.simulate({}, engine(BLOCKED), portfolio_id="p1")
    (sealed,) = runs.store.runs("decision.risk:BLOCKED")
    (event,) = sealed.events("decision")
    assert [(rule["id"], rule["status"], rule["severity"]) for rule in event["data"]["rules"]] == [
        ("cash", "pass", READY),
        ("hard", "fail", BLOCKED),
    ]
    assert [(rule["measured"], rule["threshold"]) for rule in event["data"]["rules"]] == [(1.5, 0), (2, 1)]


def test_an_engine_that_fails_leaves_a_failed_run_without_artifact(runs: LotusRuns) -> None:
    """The error is the caller's, the run is sealed, and no look-up finds an artifact."""

    def broken(*_: str) -> dict[str, Any]:
        raise ZeroDivisionError("no price")

    with pytest.raises(ZeroDivisionError):
        runs.simulate({}, broken, portfolio_id="p1", correlation_id="c1")
    (sealed,) = runs.store.runs()
    assert (sealed.status, runs.store.verify(sealed.run_id).ok, list(sealed.documents())) == ("failed", True, [])
    with pytest.raises(NotFound):
        runs.latest("correlation_id", "c1")
    assert runs.page() == ([], None)


SOFT = {"rule_id": "r", "severity": "SOFT", "status": "FAIL"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"status": "FINE"}, "result.status is one of READY, PENDING_REVIEW, BLOCKED; found 'FINE'"),
        ({"status": None}, "result.status is one of READY, PENDING_REVIEW, BLOCKED; found 'None'"),
        ({"rule_results": [SOFT]}, "result.status is READY, and result.rule_results come to PENDING_REVIEW"),
        (
            {"rule_results": [{**SOFT, "severity": "HARD"}]},
            "result.status is READY, and result.rule_results come to BLOCKED",
        ),
        ({"rule_results": [{}]}, "result.status is READY, and result.rule_results come to BLOCKED"),
    ],
)
def test_a_status_that_is_none_is_refused(runs: LotusRuns, said: dict[str, Any], message: str) -> None:
    """Or that its own rules contradict: a list would say something else than the artifact. The run is failed."""
    with pytest.raises(InvalidInput) as caught:
        runs.simulate({}, lambda *_: {**result(), **said}, portfolio_id="p1")
    assert (caught.value.code, caught.value.message) == ("invalid_stored_run", message)
    (sealed,) = runs.store.runs()
    assert (sealed.status, list(sealed.documents()), runs.page()) == ("failed", [], ([], None))


@pytest.mark.parametrize("status", [READY, REVIEW, BLOCKED])
def test_a_list_says_what_the_artifact_says(runs: LotusRuns, status: str) -> None:
    """Of every status; a rule that only informs changes none."""
    told = result(status)["rule_results"] + [{**SOFT, "severity": "INFO"}]
    run = runs.simulate({}, engine(status, rule_results=told), portfolio_id="p1")
    ((item,), _) = runs.page()
    assert (item["status"], build_artifact(run)["status"]) == (status, status)


def test_the_same_key_is_answered_by_the_same_run(runs: LotusRuns) -> None:
    """Byte for byte, also by another process; another request is a conflict, and the engine is asked once."""
    asked: list[str] = []

    def counted(run_id: str, correlation_id: str) -> dict[str, Any]:
        asked.append(run_id)
        return result(BLOCKED)

    first = runs.simulate({"a": 1}, counted, portfolio_id="p1", idempotency_key="k1", correlation_id="c1")
    other = LotusRuns(runstone.open(runs.store.url))
    again = other.simulate({"a": 1}, counted, portfolio_id="p1", idempotency_key="k1", correlation_id="c2")
    assert print_json(again, "compact-utf8") == print_json(first, "compact-utf8")
    with pytest.raises(Conflict) as conflict:
        runs.simulate({"a": 2}, counted, portfolio_id="p1", idempotency_key="k1")
    assert (conflict.value.code, len(asked)) == ("idempotency_conflict", 1)


@pytest.mark.parametrize(
    ("one", "other"), [(2, 2.0), (12345678901234567890, "12345678901234567890"), (True, 1), ([], {})]
)
def test_a_key_is_held_against_the_hash_of_its_request(runs: LotusRuns, one: Any, other: Any) -> None:
    """Two requests with two hashes are two requests, however much alike they are."""
    runs.simulate({"a": one}, engine(), portfolio_id="p1", idempotency_key="k1")
    with pytest.raises(Conflict) as conflict:
        runs.simulate({"a": other}, engine(), portfolio_id="p1", idempotency_key="k1")
    assert conflict.value.code == "idempotency_conflict"


def test_published_artifacts_are_those_that_are_derived(tmp_path: Path) -> None:
    """Mode PERSISTED puts a copy beside the bundles, of the same bytes; recovery makes one that is missing again."""
    runs = LotusRuns(runstone.open(tmp_path / "runs"), mode="PERSISTED")
    run = runs.simulate({}, engine(), portfolio_id="p1")
    (sealed,) = runs.store.runs()
    (path,) = map(Path, publisher_of(runs.store).locations(sealed))
    assert path.read_bytes() == runs.artifact(run["rebalance_run_id"])
    path.unlink()
    assert runs.store.verify(sealed.run_id).ok
    runs.store.recover()
    assert path.read_bytes() == runs.artifact(run["rebalance_run_id"])


def test_derived_artifacts_are_nowhere_else(runs: LotusRuns) -> None:
    """Mode DERIVED publishes nothing, and recovery does not either."""
    runs.simulate({}, engine(), portfolio_id="p1")
    runs.store.recover()
    (sealed,) = runs.store.runs()
    assert not any(Path(path).exists() for path in publisher_of(runs.store).locations(sealed))
    assert runs.store.verify(sealed.run_id).findings == []


# look-ups


def test_runs_are_found_by_what_they_are_known_by(runs: LotusRuns) -> None:
    """The newest where there are several."""
    first = runs.simulate({"n": 1}, engine(), portfolio_id="p1", correlation_id="c", idempotency_key="k1")
    second = runs.simulate({"n": 1}, engine(), portfolio_id="p1", correlation_id="c", idempotency_key="k2")
    assert runs.get(first["rebalance_run_id"]) == first
    assert runs.latest("correlation_id", "c") == second
    assert runs.latest("request_hash", first["request_hash"]) == second
    assert runs.latest("idempotency_key", "k1") == first
    assert [line["rebalance_run_id"] for line in runs.history("k2")] == [second["rebalance_run_id"]]


def test_runs_are_found_by_what_they_say_themselves(runs: LotusRuns) -> None:
    """Whatever annotations call them: the run that they are of never changes."""
    run = runs.simulate({}, engine(), portfolio_id="p1", correlation_id="c", idempotency_key="k")
    (sealed,) = runs.store.runs()
    names = ("rebalance_run_id", "correlation_id", "portfolio_id", "request_hash", "idempotency_key")
    runs.store.annotate(sealed.run_id, labels={**dict.fromkeys(names, "other"), "portfolio_id": None}, by="ops")
    for name in names:
        assert runs.latest(name, run[name]) == run
        with pytest.raises(NotFound):
            runs.latest(name, "other")
    assert [item["portfolio_id"] for item in runs.page(portfolio_id="p1")[0]] == ["p1"]
    assert runs.page(portfolio_id="other") == runs.page(request_hash="other") == ([], None)


@pytest.mark.parametrize("value", ["", "nobody", "*", 'a"b', "a\\", "x" * 5000, "\0", "a,b", "-x:y"])
def test_what_is_not_there_is_not_found(runs: LotusRuns, value: str) -> None:
    """Whatever is asked for: no value is taken for a pattern or a query."""
    runs.simulate({}, engine(), portfolio_id="p1", correlation_id="c", idempotency_key="k")
    for label in ("rebalance_run_id", "correlation_id", "idempotency_key", "request_hash"):
        with pytest.raises(NotFound):
            runs.latest(label, value)


def damage(path: Path) -> None:
    """Change a journal behind its first line."""
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])


@pytest.mark.parametrize("value", ["x86_64", "runstone", "lotus", "rebalance", "job", "p1", "corr-of-another"])
def test_a_damaged_run_stands_for_no_other(runs: LotusRuns, value: str) -> None:
    """Whatever else stands on its first line, also another label; nor does one of another contract or kind."""
    runs.simulate({}, engine(), portfolio_id="p1", correlation_id="mine")
    runs.store.run("job", labels={"correlation_id": "corr-of-another"}, config={"arch": "x86_64"}).finish()
    runs.store.run("rebalance", labels={"correlation_id": "corr-of-another"}).finish()
    for sealed in list(runs.store.runs("")):
        damage(Path(sealed.path) / "events.jsonl")
    runs.store.reindex()
    assert {row["state"] for row in runs.store.page("").rows} == {"damaged"}
    with pytest.raises(NotFound) as caught:
        runs.latest("correlation_id", value)
    assert caught.value.code == "run_not_found"
    with pytest.raises(Damaged):
        runs.latest("correlation_id", "mine")


@pytest.mark.parametrize("where", ["open", "read"])
def test_a_store_that_cannot_be_read_is_told_as_such(
    runs: LotusRuns, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """It is not known then that there is no such run."""
    runs.simulate({}, engine(), portfolio_id="p1", correlation_id="mine")
    (sealed,) = runs.store.runs()
    damage(Path(sealed.path) / "events.jsonl")
    runs.store.reindex()
    assert [row["state"] for row in runs.store.page("").rows] == ["damaged"]

    def broken(*_: Any) -> Any:
        raise error("store_unavailable", "Input/output error")

    target = type(runs.store.objects) if where == "open" else type(sealed.bundle)
    monkeypatch.setattr(target, where, broken)
    with pytest.raises(StoreUnavailable):
        runs.latest("correlation_id", "other")


def test_pages(runs: LotusRuns) -> None:
    """Newest first, each run once, filtered by all that is given; both bounds of time are included."""
    made = [
        runs.simulate({"n": number % 2}, engine(status), portfolio_id=f"p{number % 3}")
        for number, status in enumerate([READY, REVIEW, BLOCKED, READY, READY, REVIEW, BLOCKED])
    ]
    ids = [run["rebalance_run_id"] for run in reversed(made)]
    seen, cursor = [], None
    while True:
        items, cursor = runs.page(limit=3, cursor=cursor)
        seen += [item["rebalance_run_id"] for item in items]
        if cursor is None:
            break
    assert seen == ids

    def found(**asked: Any) -> list[int]:
        return sorted(len(ids) - 1 - ids.index(item["rebalance_run_id"]) for item in runs.page(**asked)[0])

    assert found(status=REVIEW) == [1, 5]
    assert found(portfolio_id="p0", status=READY) == [0, 3]
    assert found(request_hash=made[1]["request_hash"]) == [1, 3, 5]
    assert found(status="FINE") == []
    at = [run["created_at"].replace("+00:00", "Z") for run in made]
    assert found(created_from=at[2], created_to=at[4]) == [2, 3, 4]
    with pytest.raises(RunstoneError) as refused:
        runs.page(cursor="nonsense")
    assert refused.value.code == "invalid_cursor"


# reviews


def test_a_review(runs: LotusRuns) -> None:
    """Changes may be asked for until somebody approves or rejects; the run itself stays what it is."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1", correlation_id="c")["rebalance_run_id"]
    (sealed,) = runs.store.runs()
    digest = sealed.digest
    assert runs.workflow(run_id)["workflow_status"] == REVIEW
    asked = runs.review(run_id, "REQUEST_CHANGES", reason_code="TOO_MUCH", actor_id="ann", comment="less of it")
    assert (asked["workflow_status"], asked["latest_decision"]["comment"]) == (REVIEW, "less of it")
    done = runs.review(run_id, "APPROVE", reason_code="FINE", actor_id="bob", correlation_id="c9")
    assert (done["workflow_status"], done["run_status"], done["requires_review"]) == ("APPROVED", REVIEW, True)
    assert [(one["actor_id"], one["action"], one["correlation_id"]) for one in runs.decisions(run_id)] == [
        ("ann", "REQUEST_CHANGES", "c"),
        ("bob", "APPROVE", "c9"),
    ]
    with pytest.raises(Conflict) as late:
        runs.review(run_id, "REJECT", reason_code="NO", actor_id="ann")
    assert late.value.code == "not_under_review"
    assert runs.store.get(sealed.run_id).digest == digest


@pytest.mark.parametrize("status", [READY, BLOCKED])
def test_what_needs_no_review_has_none(runs: LotusRuns, status: str) -> None:
    """Only a run that waits for a review can have one."""
    run_id = runs.simulate({}, engine(status), portfolio_id="p1")["rebalance_run_id"]
    assert runs.workflow(run_id)["workflow_status"] == "NOT_REQUIRED"
    with pytest.raises(Conflict):
        runs.review(run_id, "APPROVE", reason_code="FINE", actor_id="ann")


def test_of_two_reviews_at_once_one_counts(runs: LotusRuns) -> None:
    """Each of many is told whether it was the one, and all agree on which it was."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]

    def decide(number: int) -> str | None:
        action = "APPROVE" if number % 2 else "REJECT"
        try:
            return str(runs.review(run_id, action, reason_code="R", actor_id=f"a{number}")["workflow_status"])
        except Conflict:
            return None

    with ThreadPoolExecutor(6) as pool:
        told = [status for status in pool.map(decide, range(6)) if status is not None]
    assert told
    assert set(told) == {runs.workflow(run_id)["workflow_status"]}
    assert len(runs.decisions(run_id)) == 1


def test_a_review_that_began_earlier_and_ends_later_counts_no_more(
    runs: LotusRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told that the review is ended was told the truth."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    told = runs.review(run_id, "APPROVE", reason_code="R", actor_id="ann")
    (kernel,) = (sealed.run_id for sealed in runs.store.runs("kind:rebalance"))
    clock, now = type(runs.store.clock), runs.store.clock.time_ns()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "time_ns", lambda _: now - 10**9)
        runs.store.annotate(kernel, labels={"lotus.review": "REJECT"}, by="bob")
    assert [said["by"] for said in runs.store.annotations(kernel)] == ["bob", "ann"]
    assert [one["actor_id"] for one in runs.decisions(run_id)] == ["ann"]
    assert runs.workflow(run_id) == told


def said_earlier(runs: LotusRuns, monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    """A rejection by bob that was begun before all others, and is sealed only now."""
    clock, now = type(runs.store.clock), runs.store.clock.time_ns()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "time_ns", lambda _: now - 60 * 10**9)
        runs.store.annotate(kernel, labels={"lotus.review": "REJECT"}, by="bob")


def test_nobody_is_told_of_an_end_that_is_not_fixed(runs: LotusRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the reviewer died behind the seal: whoever asks first fixes it, and all others are told the same."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    (kernel,) = (sealed.run_id for sealed in runs.store.runs("kind:rebalance"))
    runs.store.annotate(kernel, labels={"lotus.review": "APPROVE"}, by="ann")
    told = runs.workflow(run_id)
    said_earlier(runs, monkeypatch, kernel)
    assert (told["workflow_status"], runs.workflow(run_id)) == ("APPROVED", told)
    assert [one["actor_id"] for one in runs.decisions(run_id)] == ["ann"]


def test_who_asks_while_an_end_is_fixed_is_told_of_that_one(runs: LotusRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at what is fixed and the own word somebody else was quicker."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    told = runs.review(run_id, "APPROVE", reason_code="R", actor_id="ann")
    (kernel,) = (sealed.run_id for sealed in runs.store.runs("kind:rebalance"))
    said_earlier(runs, monkeypatch, kernel)
    monkeypatch.setattr(type(runs.store.journals.claims), "get", lambda *_: None)
    assert runs.workflow(run_id) == told


# support and retention


def test_a_support_bundle_has_everything(runs: LotusRuns) -> None:
    """The run, its artifact, its reviews, what it is known by, and the record that proves it."""
    run = runs.simulate({}, engine(REVIEW), portfolio_id="p1", correlation_id="c", idempotency_key="k")
    run_id = run["rebalance_run_id"]
    runs.review(run_id, "APPROVE", reason_code="FINE", actor_id="ann")
    bundle = runs.support_bundle(run_id)
    assert (bundle["run"], bundle["artifact"]) == (run, build_artifact(run))
    assert [one["action"] for one in bundle["workflow_history"]["decisions"]] == ["APPROVE"]
    assert {edge["source"] for edge in bundle["lineage"]["edges"]} == {"c", "k"}
    assert bundle["idempotency_history"]["history"][0]["rebalance_run_id"] == run_id
    assert bundle["record"]["verified"] is True
    bare = runs.support_bundle(run_id, artifact=False, idempotency_history=False)
    assert (bare["artifact"], bare["idempotency_history"]) == (None, None)


def test_retention(tmp_path: Path) -> None:
    """What is too old is not found, and goes when it is purged; without a retention all stays."""
    runs = LotusRuns(runstone.open(tmp_path / "runs"))
    now_ns = runs.store.clock.time_ns()
    run_id = runs.simulate({}, engine(), portfolio_id="p1")["rebalance_run_id"]
    assert runs.purge() == 0
    later = LotusRuns(runstone.open(tmp_path / "runs"), retention_days=2)
    later.store.clock = FixedClock(time_text(now_ns + 3 * 86_400 * 10**9))
    with pytest.raises(NotFound):
        later.get(run_id)
    assert later.page() == ([], None)
    assert later.purge() == 1
    with pytest.raises(NotFound):
        runs.get(run_id)


def test_what_could_not_be_purged_is_not_counted(runs: LotusRuns) -> None:
    """A run that somebody reads at this moment stays, for the next purge."""
    ids = [runs.simulate({}, engine(), portfolio_id="p1")["rebalance_run_id"] for _ in range(2)]
    runs.retention_days = 1
    read = next(runs.store.runs(f"label.rebalance_run_id:{ids[0]}"))
    read.journal()
    runs.store.clock = FixedClock(time_text(runs.store.clock.time_ns() + 2 * 86_400 * 10**9))
    assert runs.purge() == 1
    read.bundle.rest()
    assert runs.purge() == 1


def test_a_secret_in_a_result_is_not_answered_either(runs: LotusRuns) -> None:
    """What is answered is what is recorded, by the digest of which somebody may hold us."""
    token = secrets()["github-token"][0].secret
    answered: Any = runs.simulate({}, engine(note=f"of {token}"), portfolio_id="p1")
    assert token not in json.dumps(answered)
    assert runs.get(answered["rebalance_run_id"]) == answered


def test_retention_is_that_of_this_contract(tmp_path: Path) -> None:
    """Somebody else's runs of the same kind stay, however old they are."""
    runs = LotusRuns(runstone.open(tmp_path / "runs"), retention_days=1)
    runs.store.run("rebalance", run_id="theirs").finish()
    runs.simulate({}, engine(), portfolio_id="p1")
    runs.store.clock = FixedClock(time_text(runs.store.clock.time_ns() + 2 * 86_400 * 10**9))
    assert runs.purge() == 1
    assert [sealed.run_id for sealed in runs.store.runs()] == ["theirs"]


def nested(levels: int) -> list[Any]:
    """Arrays within one another."""
    found: list[Any] = []
    for _ in range(levels - 1):
        found = [found]
    return found


@pytest.mark.parametrize(
    "value", [float("nan"), "\ud800", (1, 2), Decimal("1.0"), {1: 2}, nested(63), nested(5000), 10**1100]
)
def test_a_result_that_is_no_json_is_the_engines_failure(runs: LotusRuns, value: Any) -> None:
    """Or that cannot be read back: a failed run, and the key is free again: it was no success whose artifact is
    missing."""
    for _ in range(2):
        with pytest.raises(InvalidInput) as caught:
            runs.simulate({}, engine(odd=value), portfolio_id="p1", idempotency_key="k1")
        assert caught.value.code != "answer_withheld"
    assert [sealed.status for sealed in runs.store.runs()] == ["failed", "failed"]


@pytest.mark.parametrize("value", [nested(62), 10**1099])
def test_a_result_at_the_limit_is_read_back(runs: LotusRuns, value: Any) -> None:
    """64 levels with what stands around it, numbers of 1,100 digits."""
    run = runs.simulate({}, engine(odd=value), portfolio_id="p1", idempotency_key="k1")
    assert runs.get(run["rebalance_run_id"])["result"]["odd"] == value
    assert json.loads(runs.artifact(run["rebalance_run_id"])) == build_artifact(run)


@pytest.mark.parametrize("levels", [65, 500, 100_000])
def test_what_is_too_deep_has_no_hash(levels: int) -> None:
    """No request, no artifact: one error, however deep it is."""
    for asked in (
        lambda: request_hash(nested(levels)),
        lambda: artifact_hash({"a": nested(levels)}),
        lambda: build_artifact(stored(result=result(x=nested(levels)))),
    ):
        with pytest.raises(InvalidInput) as refused:
            asked()
        assert refused.value.code == "too_deep"
    assert request_hash(nested(64)).startswith("sha256:")


@pytest.mark.parametrize("value", [None, 5, [], "run"])
def test_what_is_no_object_is_no_stored_run(value: Any) -> None:
    """It is refused as one that lacks something is."""
    with pytest.raises(InvalidInput) as refused:
        build_artifact(value)
    assert refused.value.code == "invalid_stored_run"


def test_a_damaged_run_never_breaks_a_list(runs: LotusRuns) -> None:
    """The others are listed, and a page has as many as it was asked for."""
    made = [runs.simulate({}, engine(), portfolio_id="p1") for _ in range(4)]
    newest = next(runs.store.runs())
    events = Path(newest.path) / "events.jsonl"
    events.chmod(0o644)
    events.write_bytes(b"{")
    items, cursor = runs.page(limit=2)
    assert [item["rebalance_run_id"] for item in items] == [made[2]["rebalance_run_id"], made[1]["rebalance_run_id"]]
    assert cursor is not None


def test_a_run_that_is_purged_meanwhile_never_breaks_a_list(runs: LotusRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out."""
    first, second = (runs.simulate({}, engine(), portfolio_id="p1") for _ in range(2))
    gone = next(runs.store.runs()).run_id
    found = runs.store.page

    def late(*args: Any, **more: Any) -> Any:
        page = found(*args, **more)
        runs.store.purge({"rules": [{"query": f"id:{gone}"}]}, grace="0", apply=True, reason="purged meanwhile")
        return page

    monkeypatch.setattr(runs.store, "page", late)
    assert second["rebalance_run_id"] != first["rebalance_run_id"]
    assert [item["rebalance_run_id"] for item in runs.page()[0]] == [first["rebalance_run_id"]]
