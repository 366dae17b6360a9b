"""The service as its users meet it: over HTTP, with its runs on the disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import builder
import pytest
from fastapi.testclient import TestClient
from test_saw import GOOD
from toolpath_service import create_app

from runstone.contracts.rmos import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty store of runs."""
    return RunStore(tmp_path / "runs")


@pytest.fixture
def client(store: RunStore) -> TestClient:
    """The service."""
    return TestClient(create_app(store), raise_server_exceptions=False)


def documents(store: RunStore) -> list[dict[str, Any]]:
    """Every published run; each verifies."""
    assert all(store.store.verify(sealed.run_id).ok for sealed in store.store.runs())
    return [json.loads(path.read_bytes()) for path in sorted(Path(store.runs_dir).glob("*/*.json"))]


def test_a_feasible_cut(client: TestClient, store: RunStore) -> None:
    """Toolpaths, with the run that tells where they are from."""
    answer = client.post("/api/rmos/toolpaths", json=GOOD)
    assert answer.status_code == 200
    made = answer.json()
    (document,) = documents(store)
    assert (document["status"], document["run_id"]) == ("OK", made["_run_id"])
    assert document["hashes"]["gcode_sha256"] == hashlib.sha256(made["gcode_text"].encode()).hexdigest()
    assert document["decision"]["risk_level"] == "GREEN"


def test_a_dangerous_cut(client: TestClient, store: RunStore) -> None:
    """Is blocked by what the server has computed, whatever the client says of it, and leaves a run."""
    answer = client.post("/api/rmos/toolpaths", json={**GOOD, "rpm": 9000, "feasibility": {"risk_level": "GREEN"}})
    assert (answer.status_code, answer.json()["detail"]["error"]) == (409, "SAFETY_BLOCKED")
    (document,) = documents(store)
    assert document["status"] == "BLOCKED"
    assert document["decision"]["block_reason"] == "spindle_speed: 9000 1/min"
    assert document["decision"]["warnings"] == [
        "rim_speed: 141.4 m/s",
        "feed_per_tooth: 0.01852 mm",
        "temperature: 312.6 °C",
    ]


@pytest.mark.parametrize("changed", [{"material": "oak"}, {"tool_id": "saw:unknown"}, {"tool_id": "laser:1"}])
def test_what_nobody_knows_is_blocked(client: TestClient, store: RunStore, changed: dict[str, Any]) -> None:
    """A blade, a material or a machine without data."""
    assert client.post("/api/rmos/toolpaths", json={**GOOD, **changed}).status_code == 409
    assert [document["decision"]["risk_level"] for document in documents(store)] == ["UNKNOWN"]


def test_a_cut_to_be_looked_at(client: TestClient, store: RunStore) -> None:
    """Is allowed, and its record says that it is partial."""
    assert client.post("/api/rmos/toolpaths", json={**GOOD, "depth_mm": 12}).status_code == 200
    assert [sealed.status for sealed in store.store.runs()] == ["partial"]


def test_a_builder_that_fails(client: TestClient, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a 500 with its run."""

    def broken(*_: Any) -> Any:
        raise ArithmeticError("no room for the blade")

    monkeypatch.setattr(builder, "steps_of", broken)
    answer = client.post("/api/rmos/toolpaths", json=GOOD)
    assert (answer.status_code, answer.json()["detail"]["error"]) == (500, "TOOLPATHS_ERROR")
    (document,) = documents(store)
    assert document["meta"]["exception"] == {"type": "ArithmeticError", "message": "no room for the blade"}


def test_a_file_leads_to_its_run(client: TestClient, store: RunStore, tmp_path: Path) -> None:
    """Whoever has the program finds the run that made it, with its decision."""
    made = client.post("/api/rmos/toolpaths", json=GOOD).json()
    (tmp_path / "part.nc").write_bytes(made["gcode_text"].encode())
    (use,) = store.store.find(tmp_path / "part.nc")
    assert use.row["run_id"] == made["_run_id"]
    assert use.decision is not None
    assert (use.decision["outcome"], use.decision["risk_level"]) == ("allow", "GREEN")
    assert use.decision["facts_sha256"] == made["_hashes"]["feasibility_sha256"]
    (event,) = store.store.get(made["_run_id"]).events("decision")
    assert event["data"]["risk_level"] == "GREEN"
    assert len(event["data"]["rules"]) == 7
