"""Gates around the handlers of a web framework, which know nothing of them: every request leaves a sealed run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient

import runstone

POLICY = {
    "name": "saw",
    "version": "1",
    "levels": ["GREEN", "RED"],
    "blocks": "RED",
    "rules": [{"id": "rim_speed", "fact": "/rim_speed", "max": 80, "level": "RED", "unit": "m/s"}],
}


def rim_speed(diameter_m: float, rpm: float, **_: Any) -> dict[str, float]:
    """What the server computes; `risk` in the body is what the caller claims, and nobody looks at it."""
    return {"rim_speed": round(diameter_m * 3.14159 * rpm / 60, 3)}


@pytest.fixture
def store(tmp_path: Path) -> runstone.Store:
    """An empty store on disk."""
    return runstone.open(tmp_path / "runs")


@pytest.fixture
def client(store: runstone.Store) -> TestClient:
    """A service whose handlers are written as if there were no gate."""
    app = FastAPI()

    @app.exception_handler(runstone.PolicyBlocked)
    def refused(_: Request, exc: runstone.PolicyBlocked) -> JSONResponse:
        return JSONResponse({"error": "SAFETY_BLOCKED", "run_id": exc.run_id, "reason": exc.reason}, 409)

    @app.exception_handler(runstone.Conflict)
    def conflict(_: Request, exc: runstone.Conflict) -> JSONResponse:
        return JSONResponse(exc.as_dict(), 409)

    @app.exception_handler(ZeroDivisionError)
    def broken(_: Request, exc: ZeroDivisionError) -> JSONResponse:
        return JSONResponse({"run_id": exc.run_id}, 500)

    @app.post("/sync")
    @runstone.gate("sync", policy=POLICY, facts=rim_speed, store=store)
    def plain(diameter_m: Annotated[float, Body()], rpm: Annotated[float, Body()]) -> dict[str, float]:
        return {"feed": 1 / (rpm - 1)}

    @app.post("/async")
    @runstone.gate(
        "async",
        policy=POLICY,
        facts=rim_speed,
        store=store,
        idempotency_key=lambda idempotency_key=None, **_: idempotency_key,
        request=lambda diameter_m, rpm, **_: [diameter_m, rpm],
    )
    async def asynchronous(
        diameter_m: Annotated[float, Body()],
        rpm: Annotated[float, Body()],
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        run = runstone.current_run()
        assert run is not None
        return {"feed": 1 / (rpm - 1), "run_id": run.run_id}

    return TestClient(app, raise_server_exceptions=False)


def statuses(store: runstone.Store) -> list[str]:
    assert all(store.verify(sealed.run_id).ok for sealed in store.runs())
    return [sealed.status for sealed in store.runs()]


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_every_request_leaves_a_sealed_run(client: TestClient, store: runstone.Store, path: str) -> None:
    """Allowed, blocked and failed; the caller's own word on the risk changes nothing."""
    assert client.post(path, json={"diameter_m": 0.3, "rpm": 3001}).json()["feed"] == 1 / 3000
    assert statuses(store) == ["success"]
    answer = client.post(path, json={"diameter_m": 0.3, "rpm": 9000, "risk": "GREEN"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "rim_speed: over_limit")
    assert store.get(answer.json()["run_id"]).status == "blocked"
    answer = client.post(path, json={"diameter_m": 0.3, "rpm": 1})
    assert (answer.status_code, store.get(answer.json()["run_id"]).status) == (500, "failed")
    assert sorted(statuses(store)) == ["blocked", "failed", "success"]


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_the_framework_sees_the_handler(client: TestClient, path: str) -> None:
    """Parameters are read, checked and documented as without a gate."""
    assert client.post(path, json={"rpm": "many"}).status_code == 422
    documented = client.get("/openapi.json").json()["paths"][path]["post"]
    assert "requestBody" in documented


def test_a_repeated_request_has_the_same_answer(client: TestClient, store: runstone.Store) -> None:
    """Byte for byte, from the one run; another body under the key is a conflict."""
    key, body = {"Idempotency-Key": "abc"}, {"diameter_m": 0.3, "rpm": 3001}
    first = client.post("/async", json=body, headers=key)
    assert first.status_code == 200
    assert client.post("/async", json=body, headers=key).content == first.content
    assert statuses(store) == ["success"]
    other = client.post("/async", json={**body, "rpm": 3002}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
