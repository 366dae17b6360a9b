"""Contract `rmos` against the seed's own goldens, schema and stored runs, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from saw_service import CALM, WILD, Service

from runstone.contracts.rmos import RunStore, runs_router, sha256_json
from runstone.contracts.rmos.hashing import stable_json


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    """The seed's samples."""
    return shared / "samples" / "rmos"


@pytest.fixture(scope="session")
def goldens(samples: Path) -> Any:
    """Objects with their stable text and their hash."""
    return json.loads((samples / "hash_goldens.json").read_bytes())


def test_goldens_hold(goldens: Any) -> None:
    """Text and hash of each."""
    for golden in goldens:
        assert stable_json(golden["obj"]).decode() == golden["stable_json"]
        assert sha256_json(golden["obj"]) == golden["sha256"]


def test_goldens_hold_through_the_bundle(tmp_path: Path, goldens: Any) -> None:
    """Record, seal, reopen, fold: as feasibility, as a toolpaths payload and as a plan."""
    for number, golden in enumerate(goldens):
        judged = golden["obj"] if "risk_level" in golden["obj"] else {"risk_level": "GREEN", "golden": golden["obj"]}
        payload = {"opplan": golden["obj"], **({} if number else {"x": 1})}
        service = Service(
            tmp_path / f"runs-{number}",
            feasibility={"saw": lambda judged=judged, **_: judged},
            toolpaths={"saw": lambda payload=payload, **_: payload},
        )
        answer = service.ask(CALM)
        found = json.loads(RunStore(service.folder).read(answer.content["_run_id"]))
        assert service.one(answer) == found
        assert found["hashes"]["feasibility_sha256"] == sha256_json(judged)
        assert found["hashes"]["toolpaths_sha256"] == sha256_json(payload)
        if golden["obj"]:
            assert found["hashes"]["opplan_sha256"] == golden["sha256"]
        if judged is golden["obj"]:
            assert found["hashes"]["feasibility_sha256"] == golden["sha256"]


def test_goldens_hold_as_whole_payloads(tmp_path: Path, goldens: Any) -> None:
    """The hash of the answer itself."""
    for number, golden in enumerate(goldens):
        service = Service(tmp_path / f"runs-{number}", toolpaths={"saw": lambda golden=golden, **_: golden["obj"]})
        assert service.one(service.ask(CALM))["hashes"]["toolpaths_sha256"] == golden["sha256"]


def test_documents_fit_the_seeds_schema(tmp_path: Path, samples: Path) -> None:
    """Whatever came of the request."""
    validator = Draft202012Validator(json.loads((samples / "RunArtifact.v2.schema.json").read_bytes()))
    service = Service(tmp_path / "runs")
    for answer in (service.ask(CALM), service.ask(WILD), service.ask(CALM, fail="x"), service.ask({})):
        validator.validate(service.one(answer))


def test_the_seeds_runs_are_imported_listed_and_served(tmp_path: Path, samples: Path) -> None:
    """All of them, each as it was, verified, and found again."""
    path = samples / "legacy_runs.json"
    originals = json.loads(path.read_bytes())
    store = RunStore(tmp_path / "runs")
    imported = store.import_runs(path)
    assert [run_id for run_id, _, _ in imported] == list(originals)
    assert [committed for _, _, committed in store.import_runs(path)] == ["identical"] * len(originals)
    app = FastAPI()
    app.include_router(runs_router(store))
    client = TestClient(app)
    rows = {row["run_id"]: row for row in client.get("/api/rmos/runs", params={"limit": 200}).json()["items"]}
    assert set(rows) == set(originals)
    for run_id, original in originals.items():
        assert client.get(f"/api/rmos/runs/{run_id}").json() == original
        assert (rows[run_id]["status"], rows[run_id]["tool_id"]) == (original["status"], original["tool_id"])
        assert rows[run_id]["toolpaths_sha256"] == original["toolpaths_hash"]
        report = store.store.verify(run_id)
        assert report.findings == []
        assert any(text.startswith("imported: not recorded here") for text in report.not_checked)
        assert store.store.get(run_id).file("artifacts/original/legacy_runs.json") == path.read_bytes()
    blocked = client.get("/api/rmos/runs", params={"status": "BLOCKED", "risk_level": "UNKNOWN"}).json()["items"]
    assert {row["run_id"] for row in blocked} == {one for one in originals if originals[one]["status"] == "BLOCKED"}
