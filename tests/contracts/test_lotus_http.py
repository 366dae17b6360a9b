"""The routes of Lotus runs: bodies, error bodies and flags, as that service's users know them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.contracts.test_lotus import BLOCKED, READY, REVIEW, engine, nested

import runstone
from runstone.contracts.lotus import LotusRuns, build_artifact, open_runs, router
from runstone.contracts.lotus.api import refused
from runstone.engine.recorder import Run
from runstone.errors import InvalidInput, NotFound, Unanswered, error


@pytest.fixture
def runs(tmp_path: Path) -> LotusRuns:
    """The runs of a new store."""
    return LotusRuns(runstone.open(tmp_path / "runs"))


@pytest.fixture
def client(runs: LotusRuns) -> TestClient:
    """A service that mounts the routes."""
    app = FastAPI()
    app.include_router(router(lambda: runs))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def run(runs: LotusRuns) -> dict[str, Any]:
    """A run to ask for."""
    return runs.simulate({"a": 1}, engine(), portfolio_id="p1", idempotency_key="k 1/2", correlation_id="c1")


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_artifact(client: TestClient, run: dict[str, Any], prefix: str) -> None:
    """The same bytes at every read, below both prefixes."""
    path = f"{prefix}/rebalance/runs/{run['rebalance_run_id']}/artifact"
    answers = [client.get(path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].json() == build_artifact(run)


def test_an_unknown_run(client: TestClient) -> None:
    """By its code."""
    for suffix in ("", "/artifact", "/support-bundle", "/workflow", "/workflow/history"):
        answer = client.get(f"/rebalance/runs/rr_none{suffix}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "DPM_RUN_NOT_FOUND"})


@pytest.mark.parametrize(("said", "on"), [("true", True), ("1", True), ("YES", True), ("on", True), ("", False)])
def test_the_flag_is_looked_at_before_the_run(
    client: TestClient, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch, said: str, on: bool
) -> None:
    """Switched off, nobody learns whether a run exists."""
    monkeypatch.setenv("DPM_ARTIFACTS_ENABLED", said)
    for run_id, expected in ((run["rebalance_run_id"], 200), ("rr_none", 404)):
        answer = client.get(f"/rebalance/runs/{run_id}/artifact")
        assert answer.status_code == (expected if on else 404)
        if not on:
            assert answer.json() == {"detail": "DPM_ARTIFACTS_DISABLED"}


def test_a_store_that_cannot_start() -> None:
    """Is a 503, and the next request tries again."""
    tries: list[int] = []

    def broken() -> LotusRuns:
        tries.append(1)
        raise OSError("no disk")

    app = FastAPI()
    app.include_router(router(broken))
    client = TestClient(app)
    for count in (1, 2):
        answer = client.get("/rebalance/runs/rr_1/artifact")
        assert (answer.status_code, len(tries)) == (503, count)
        assert answer.json() == {"detail": "DPM_RUN_STORE_UNAVAILABLE"}


def test_a_run_that_cannot_be_sealed(runs: LotusRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told as a store that cannot be written."""

    def full(self: Run, *args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "finishing", full)
    with pytest.raises(Unanswered) as caught:
        runs.simulate({}, engine(), portfolio_id="p1", idempotency_key="k1")
    told = refused(caught.value)
    assert (told.status_code, told.detail) == (503, "DPM_RUN_STORE_UNAVAILABLE")
    for code, details in (("answer_withheld", {"reason": "redacted"}), ("bundle_damaged", {"cause": "invalid_json"})):
        assert refused(error(code, "something else", **details)).status_code == 500


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("events.jsonl", "flipped"),
        ("events.jsonl", "last"),
        ("events.jsonl", "missing"),
        ("manifest.json", "flipped"),
        ("manifest.json", "last"),
    ],
)
def test_a_damaged_run_is_a_500_with_its_code(
    client: TestClient, runs: LotusRuns, run: dict[str, Any], name: str, how: str
) -> None:
    """By every route that reads it, also where what is left is good JSON, or it has lost what it is found by."""
    other = runs.simulate({"a": 2}, engine(), portfolio_id="p2")["rebalance_run_id"]
    path = Path(next(runs.store.runs("label.portfolio_id:p1")).path) / name
    path.parent.chmod(0o755)
    path.chmod(0o644)
    data = path.read_bytes()
    at = len(data) // 2 if how == "flipped" else len(data) - 2
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    asked = run["rebalance_run_id"]
    for way in (
        *(f"{asked}{way}" for way in ("", "/artifact", "/support-bundle", "/workflow", "/workflow/history")),
        f"by-correlation/{run['correlation_id']}",
        f"by-request-hash/{quote(run['request_hash'])}",
    ):
        answer = client.get(f"/rebalance/runs/{way}")
        assert (answer.status_code, answer.json()) == (500, {"detail": "DPM_RUN_DAMAGED"}), way
    listed = [item["rebalance_run_id"] for item in client.get("/rebalance/runs").json()["items"]]
    assert other in listed
    assert client.get(f"/rebalance/runs/{other}").status_code == 200
    assert client.get("/rebalance/runs/rr_none").status_code == 404


def test_the_document_declares_every_error(client: TestClient) -> None:
    """Of each route: 404, 500 and 503, with a body."""
    paths = client.get("/openapi.json").json()["paths"]
    for path, ways in paths.items():
        for way in ways.values():
            assert all("content" in way["responses"][status] for status in ("404", "500", "503")), path


@pytest.mark.parametrize(
    ("request_", "options", "code"),
    [
        ({}, {"idempotency_key": "k" * 1025}, "invalid_option"),
        ({}, {"idempotency_key": ""}, "invalid_option"),
        ({}, {"correlation_id": "c" * 1025}, "invalid_label"),
        ({}, {"portfolio_id": "p" * 1025}, "invalid_label"),
        ({"a": float("nan")}, {}, "not_json"),
        ({"a": "\ud800"}, {}, "lone_surrogate"),
        (nested(70), {}, "too_deep"),
        (nested(500), {"idempotency_key": "k"}, "too_deep"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_wrong_with_a_request_is_told(
    runs: LotusRuns, request_: Any, options: dict[str, Any], code: str
) -> None:
    """422 in the form of FastAPI; no engine is asked, and no run is left."""
    with pytest.raises(InvalidInput) as caught:
        runs.simulate(request_, engine(), **{"portfolio_id": "p1", **options})
    told = refused(caught.value)
    assert told.status_code == 422
    assert told.detail == [{"type": code, "loc": ["request"], "msg": caught.value.message}]
    assert list(runs.store.runs()) == []


def test_what_an_engine_raises_is_no_fault_of_the_request(runs: LotusRuns) -> None:
    """The same error of a result is a 500 with its run."""
    with pytest.raises(InvalidInput) as caught:
        runs.simulate({}, engine(odd=nested(70)), portfolio_id="p1")
    (sealed,) = runs.store.runs()
    assert caught.value.code == "too_deep"
    told = refused(caught.value)
    assert (told.status_code, told.detail) == (500, f"INTERNAL_ERROR: run {sealed.run_id}")


def test_a_key_whose_run_was_purged(runs: LotusRuns, run: dict[str, Any]) -> None:
    """Is a conflict of its own: the request is not simulated again under it."""
    policy = {"rules": [{"query": "kind:rebalance"}]}
    runs.store.purge(policy, grace="0", apply=True, reason="retention")
    with pytest.raises(NotFound) as caught:
        runs.simulate({"a": 1}, engine(), portfolio_id="p1", idempotency_key="k 1/2")
    told = refused(caught.value)
    assert (told.status_code, told.detail) == (409, "IDEMPOTENCY_KEY_RUN_PURGED")
    assert list(runs.store.runs("kind:rebalance")) == []


def test_look_ups(client: TestClient, run: dict[str, Any]) -> None:
    """By id, correlation id, request hash and idempotency key, whatever signs they have."""
    for path in (
        run["rebalance_run_id"],
        f"by-correlation/{run['correlation_id']}",
        f"by-request-hash/{quote(run['request_hash'])}",
    ):
        answer = client.get(f"/rebalance/runs/{path}")
        assert (answer.status_code, answer.json()) == (200, run)
    assert client.get("/rebalance/runs/idempotency/unknown").status_code == 404


@pytest.mark.parametrize("name", ["a/b", "a//b", "/", "a/artifact", "a/workflow", "a?x=1#y", "a/../b", "é/ü"])
def test_a_look_up_takes_whatever_a_client_may_have_called_it(client: TestClient, runs: LotusRuns, name: str) -> None:
    """A slash, too: who calls a service chooses correlation id and idempotency key."""
    run = runs.simulate({"a": 3}, engine(), portfolio_id="p1", idempotency_key=name, correlation_id=name)
    by_correlation = client.get(f"/rebalance/runs/by-correlation/{quote(name, safe='')}")
    by_key = client.get(f"/api/v1/rebalance/runs/idempotency/{quote(name, safe='')}")
    assert (by_correlation.status_code, by_correlation.json()) == (200, run)
    assert (by_key.status_code, by_key.json()["rebalance_run_id"]) == (200, run["rebalance_run_id"])


def test_a_body_that_is_too_large_is_not_read(client: TestClient, run: dict[str, Any]) -> None:
    """It is told in few words, whatever was sent."""
    path = f"/rebalance/runs/{run['rebalance_run_id']}/workflow/actions"
    body = b'{"comment": "' + b"x" * (3 << 20) + b'"}'
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")
    assert len(answer.content) < 1000


def test_which_run_a_key_is_answered_by(client: TestClient, runs: LotusRuns) -> None:
    """Its id, and the hash of its request."""
    run = runs.simulate({"a": 2}, engine(BLOCKED), portfolio_id="p1", idempotency_key="k-2")
    answer = client.get("/api/v1/rebalance/runs/idempotency/k-2").json()
    assert answer == {
        "idempotency_key": "k-2",
        **{name: run[name] for name in ("request_hash", "rebalance_run_id", "created_at")},
    }


def test_lists(client: TestClient, runs: LotusRuns) -> None:
    """Filters and pages; a cursor that no page has given is refused."""
    made = [runs.simulate({}, engine(status), portfolio_id="p1") for status in (READY, REVIEW, BLOCKED)]
    first = client.get("/rebalance/runs", params={"limit": 2}).json()
    rest = client.get("/rebalance/runs", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    found = [item["rebalance_run_id"] for item in first["items"] + rest["items"]]
    assert (found, rest["next_cursor"]) == ([run["rebalance_run_id"] for run in reversed(made)], None)
    waiting = client.get("/rebalance/runs", params={"status_filter": "PENDING_REVIEW"}).json()["items"]
    assert [item["status"] for item in waiting] == [REVIEW]
    since = client.get("/rebalance/runs", params={"created_from": made[1]["created_at"]}).json()["items"]
    until = client.get("/rebalance/runs", params={"created_to": made[1]["created_at"]}).json()["items"]
    assert (len(since), len(until)) == (2, 2)
    refused = client.get("/rebalance/runs", params={"cursor": "nonsense"})
    assert (refused.status_code, refused.json()) == (404, {"detail": "DPM_CURSOR_NOT_FOUND"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 201},
        {"status_filter": "FINE"},
        {"created_from": "yesterday"},
        {"created_to": "2026-01-01"},
    ],
)
def test_wrong_filters_are_told(client: TestClient, wrong: dict[str, Any]) -> None:
    """By name, and no list is answered."""
    answer = client.get("/rebalance/runs", params=wrong)
    assert (answer.status_code, answer.json()["detail"][0]["loc"][1]) == (422, next(iter(wrong)))


def test_times_at_the_ends_of_the_calendar(client: TestClient, run: dict[str, Any]) -> None:
    """A bound that no run can reach is none."""
    asked = {"created_from": "0001-01-01T00:00:00+14:00", "created_to": "9999-12-31T23:59:59-12:00"}
    assert len(client.get("/rebalance/runs", params=asked).json()["items"]) == 1


def test_a_review(client: TestClient, runs: LotusRuns) -> None:
    """Asked for changes, approved, and no more; what is no action is told."""
    run_id = runs.simulate({}, engine(REVIEW), portfolio_id="p1")["rebalance_run_id"]
    path = f"/rebalance/runs/{run_id}/workflow"
    said = {"reason_code": "LOOKS_FINE", "actor_id": "ann"}
    asked = client.post(f"{path}/actions", json={**said, "action": "REQUEST_CHANGES", "comment": "less"})
    assert (asked.status_code, asked.json()["workflow_status"]) == (200, REVIEW)
    done = client.post(f"{path}/actions", json={**said, "action": "APPROVE"}, headers={"X-Correlation-Id": "c7"})
    assert done.json() == client.get(path).json()
    assert (done.json()["workflow_status"], done.json()["latest_decision"]["correlation_id"]) == ("APPROVED", "c7")
    late = client.post(f"{path}/actions", json={**said, "action": "REJECT"})
    assert (late.status_code, late.json()) == (409, {"detail": "DPM_WORKFLOW_INVALID_TRANSITION"})
    history = client.get(f"{path}/history").json()
    assert [one["action"] for one in history["decisions"]] == ["REQUEST_CHANGES", "APPROVE"]
    for wrong in (
        {"action": "PERHAPS"},
        {"action": "APPROVE", "reason_code": "not so"},
        {"action": "APPROVE", "actor_id": " "},
    ):
        assert client.post(f"{path}/actions", json={**said, **wrong}).status_code == 422


@pytest.mark.parametrize("body", [b'{"action":NaN}', b'{"action":1e999}', b'{"action":"\\ud800"}', b'{"a":1,"a":2}'])
def test_a_review_that_is_no_json_is_told(client: TestClient, run: dict[str, Any], body: bytes) -> None:
    """422, though FastAPI itself takes it."""
    path = f"/rebalance/runs/{run['rebalance_run_id']}/workflow/actions"
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")


def test_a_support_bundle(client: TestClient, runs: LotusRuns, run: dict[str, Any]) -> None:
    """With and without its parts."""
    path = f"/rebalance/runs/{run['rebalance_run_id']}/support-bundle"
    whole = client.get(path).json()
    assert (whole["run"], whole["artifact"], whole["record"]["verified"]) == (run, build_artifact(run), True)
    bare = client.get(path, params={"include_artifact": False, "include_idempotency_history": False}).json()
    assert (bare["artifact"], bare["idempotency_history"]) == (None, None)


@pytest.mark.parametrize(
    ("mode", "days", "expected"),
    [
        ("PERSISTED", "30", ("PERSISTED", 30)),
        ("persisted ", " 7 ", ("PERSISTED", 7)),
        ("FILES", "-1", ("DERIVED", 0)),
        ("", "many", ("DERIVED", 0)),
        ("DERIVED", "²", ("DERIVED", 0)),
    ],
)
def test_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, days: str, expected: tuple[str, int]
) -> None:
    """What cannot be meant is what is not said."""
    monkeypatch.setenv("DPM_ARTIFACT_STORE_MODE", mode)
    monkeypatch.setenv("DPM_SUPPORTABILITY_RETENTION_DAYS", days)
    runs = open_runs(str(tmp_path / "runs"))
    assert (runs.mode, runs.retention_days) == expected


def test_settings_are_those_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One store, asked at each request: what is set meanwhile counts."""
    store = runstone.open(tmp_path / "runs")
    for mode in ("PERSISTED", "DERIVED", "PERSISTED"):
        monkeypatch.setenv("DPM_ARTIFACT_STORE_MODE", mode)
        runs = open_runs(store)
        assert (runs.mode, runs.store) == (mode, store)


def test_the_document_of_the_routes_is_whole(client: TestClient) -> None:
    """Every route, below both prefixes, with its error answers."""
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) == 2 * 10
    assert all({"404", "503"} <= method["responses"].keys() for path in paths.values() for method in path.values())
