"""The service as its users meet it: over HTTP, with a store on the disk."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import rebalance_service
from engine import VERSION
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from rebalance_service import create_app
from result import result_of

import runstone
from runstone.contracts.lotus import LotusRuns, build_artifact

REQUEST: dict[str, Any] = {
    "portfolio": {
        "portfolio_id": "p1",
        "base_currency": "EUR",
        "cash": {"EUR": "10000.00"},
        "positions": {"HOME": "20"},
    },
    "instruments": {
        "HOME": {"currency": "EUR", "price": "100"},
        "AWAY": {"currency": "USD", "price": "50", "lot_size": "10"},
    },
    "rates": {"USD": "0.9"},
    "targets": {"HOME": "0.5", "AWAY": "0.25"},
}


@pytest.fixture
def runs(tmp_path: Path) -> LotusRuns:
    """The runs of a new store."""
    return LotusRuns(runstone.open(tmp_path / "runs"))


@pytest.fixture
def client(runs: LotusRuns) -> TestClient:
    """The service."""
    return TestClient(create_app(lambda: runs), raise_server_exceptions=False)


def artifact_of(client: TestClient, result: dict[str, Any]) -> Any:
    """The artifact of a plan, as it is served."""
    return client.get(f"/api/v1/rebalance/runs/{result['rebalance_run_id']}/artifact").json()


SHARED = Path(os.environ.get("RUNSTONE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
SCHEMA = SHARED / "samples" / "lotus" / "DpmRunArtifactResponse.schema.json"


@pytest.mark.skipif(not SCHEMA.is_file(), reason="shared samples absent")
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"rates": {}},
        {"instruments": {}},
        {"instruments": {"HOME": {"currency": "EUR"}}, "targets": {}},
        {"targets": {}},
        {"options": {"max_turnover": "0.01"}},
        {"options": {"cash_buffer": "0.9", "min_notional": "100", "max_position": "0.1"}},
        {"targets": {"HOME": "0.171", "AWAY": "0.25"}, "options": {"min_notional": "250"}},
        {"targets": {"HOME": "0.1705"}, "options": {"drift_band": "0"}},
        {"portfolio": {"portfolio_id": "p1", "base_currency": "EUR", "cash": {"USD": "9000.00"}}},
        {"portfolio": {"portfolio_id": "p1", "base_currency": "EUR"}},
    ],
)
def test_an_artifact_is_what_readers_of_lotus_take(client: TestClient, changed: dict[str, Any]) -> None:
    """By the schema of that service, whatever the plan comes to."""
    validator = Draft202012Validator(json.loads(SCHEMA.read_bytes()))
    answer = client.post("/rebalance/simulate", json={**REQUEST, **changed})
    assert answer.status_code == 200
    assert [fault.message for fault in validator.iter_errors(artifact_of(client, answer.json()))] == []


def test_a_simulation_is_recorded(client: TestClient, runs: LotusRuns) -> None:
    """Its answer is that of the run, whose artifact is served and whose record verifies."""
    headers = {"Idempotency-Key": "k1", "X-Correlation-Id": "c1"}
    answer = client.post("/rebalance/simulate", json=REQUEST, headers=headers)
    assert (answer.status_code, answer.headers["X-Correlation-Id"]) == (200, "c1")
    result = answer.json()
    assert (result["status"], result["correlation_id"]) == ("READY", "c1")
    assert sum(Decimal(line["weight"]) for line in result["after_simulated"]["positions"]) < 1
    lineage, request_hash = result["lineage"], artifact_of(client, result)["evidence"]["hashes"]["request_hash"]
    assert (lineage["request_hash"], lineage["idempotency_key"]) == (request_hash, "k1")
    stored = runs.get(result["rebalance_run_id"])
    artifact = artifact_of(client, result)
    assert (stored["result"], artifact) == (result, build_artifact(stored))
    assert artifact["evidence"]["engine_version"] == VERSION
    assert all(runs.store.verify(sealed.run_id).ok for sealed in runs.store.runs())


def test_the_same_key(client: TestClient, runs: LotusRuns) -> None:
    """The same bytes for the same request, however its numbers are spelled as JSON; a conflict for another one."""
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/rebalance/simulate", json=REQUEST, headers=headers)
    again = client.post("/api/v1/rebalance/simulate", json=dict(reversed(REQUEST.items())), headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    other = client.post("/rebalance/simulate", json={**REQUEST, "targets": {}}, headers=headers)
    assert (other.status_code, other.json()) == (409, {"detail": "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch"})
    assert len(list(runs.store.runs())) == 1


def test_a_blocked_plan_is_an_answer(client: TestClient, runs: LotusRuns) -> None:
    """A 200 that says so, and a run that is blocked."""
    answer = client.post("/rebalance/simulate", json={**REQUEST, "rates": {}})
    assert (answer.status_code, answer.json()["status"]) == (200, "BLOCKED")
    assert answer.json()["diagnostics"]["data_quality"]["fx_missing"] == ["USD/EUR"]
    assert [line["reason_code"] for line in answer.json()["universe"]["excluded"]] == ["FX_MISSING"]
    assert [sealed.status for sealed in runs.store.runs()] == ["blocked"]


def test_an_engine_that_raises(client: TestClient, runs: LotusRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a 500 in JSON, as other errors are, which names the sealed run; with a key, whoever asks again is told the
    same."""

    def broken(*_: Any) -> Any:
        raise ArithmeticError("no such curve")

    monkeypatch.setattr(rebalance_service, "plan", broken)
    for headers in ({}, {"Idempotency-Key": "k1"}, {"Idempotency-Key": "k1"}):
        answer = client.post("/rebalance/simulate", json=REQUEST, headers=headers)
        sealed = next(iter(runs.store.runs()))
        assert (answer.status_code, answer.json()) == (500, {"detail": f"INTERNAL_ERROR: run {sealed.run_id}"})
        assert (sealed.status, runs.store.verify(sealed.run_id).ok) == ("failed", True)


def test_a_result_that_contradicts_itself(client: TestClient, runs: LotusRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is the engine's failure, too."""
    told = result_of
    monkeypatch.setattr(rebalance_service, "result_of", lambda *args: {**told(*args), "status": "FINE"})
    answer = client.post("/rebalance/simulate", json=REQUEST)
    (sealed,) = runs.store.runs()
    assert (answer.status_code, answer.json()) == (500, {"detail": f"INTERNAL_ERROR: run {sealed.run_id}"})
    assert client.get("/rebalance/runs").json()["items"] == []


def test_a_plan_to_be_looked_at(client: TestClient) -> None:
    """It waits for a review, which somebody gives."""
    answer = client.post("/rebalance/simulate", json={**REQUEST, "options": {"max_turnover": "0.01"}}).json()
    assert answer["status"] == "PENDING_REVIEW"
    path = f"/rebalance/runs/{answer['rebalance_run_id']}/workflow"
    client.post(f"{path}/actions", json={"action": "APPROVE", "reason_code": "ONCE", "actor_id": "ann"})
    assert client.get(path).json()["workflow_status"] == "APPROVED"


@pytest.mark.parametrize(
    "wrong",
    [
        {"portfolio": None},
        {"targets": {"HOME": "1.5"}},
        {"targets": {"HOME": 0.5}},
        {"rates": {"dollar": "1"}},
        {"instruments": {"HOME": {"currency": "EUR", "price": "NaN"}}},
        {"instruments": {"HOME": {"currency": "EUR", "price": "0.00"}}},
        {"unknown": 1},
    ],
)
def test_a_wrong_request_is_no_run(client: TestClient, runs: LotusRuns, wrong: dict[str, Any]) -> None:
    """It is refused before anything is planned."""
    assert client.post("/rebalance/simulate", json={**REQUEST, **wrong}).status_code == 422
    assert list(runs.store.runs()) == []


@pytest.mark.parametrize("body", [b'{"targets":NaN}', b'{"targets":"\\ud800"}', b'{"targets":{},"targets":{}}'])
def test_what_is_no_json_is_no_run(client: TestClient, runs: LotusRuns, body: bytes) -> None:
    """Nor is what says a thing twice."""
    answer = client.post("/rebalance/simulate", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")
    assert list(runs.store.runs()) == []


def test_a_store_that_cannot_start() -> None:
    """Keeps no service from starting: each route says so."""

    def broken() -> LotusRuns:
        raise OSError("no disk")

    with TestClient(create_app(broken), raise_server_exceptions=False) as client:
        answer = client.post("/rebalance/simulate", json=REQUEST)
        assert (answer.status_code, answer.json()) == (503, {"detail": "DPM_RUN_STORE_UNAVAILABLE"})


def test_settings_are_read_at_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether an artifact is published is what is set when its run is made."""
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "runs"))
    rebalance_service.store.cache_clear()
    client = TestClient(rebalance_service.app, raise_server_exceptions=False)
    for mode, count in (("DERIVED", 0), ("PERSISTED", 1), ("DERIVED", 1)):
        monkeypatch.setenv("DPM_ARTIFACT_STORE_MODE", mode)
        assert client.post("/rebalance/simulate", json=REQUEST).status_code == 200
        assert len(list((tmp_path / "runs").rglob("published/lotus/*.json"))) == count
    rebalance_service.store.cache_clear()
