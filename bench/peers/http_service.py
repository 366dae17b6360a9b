"""A service that makes toolpaths, twice: as it is (`bare`), and behind the gate of contract `rmos` (`recorded`).

Run by `bench.rows.services` with uvicorn; runs go to `RMOS_RUNS_DIR`.
"""

import os
from typing import Any

from fastapi import FastAPI

from runstone.contracts.rmos import RunStore, ToolpathGate, toolpaths_router

REQUEST = {"tool_id": "saw:one", "speed": 40, "cuts": [[0, 0, 100, 0]]}


def judge(*, tool_id: str, req: dict[str, Any]) -> dict[str, Any]:
    """What the policy decides on."""
    return {"risk_level": "GREEN" if req["speed"] < 80 else "RED", "score": 90.0, "tool_id": tool_id}


def build(*, mode: str, req: dict[str, Any], feasibility: dict[str, Any]) -> dict[str, Any]:
    """Toolpaths of a few lines."""
    lines = ["G21 G90", *(f"G1 X{cut[2]} Y{cut[3]} F600" for cut in req["cuts"]), "M30"]
    return {"mode": mode, "gcode_text": "\n".join(lines), "opplan_json": {"risk": feasibility["risk_level"]}}


def gate(folder: str | os.PathLike[str]) -> ToolpathGate:
    """The gate without a service around it."""
    return ToolpathGate(RunStore(folder, packed=True), {"saw": judge}, {"saw": build})


def bare() -> FastAPI:
    """The service without a record."""
    app = FastAPI()

    @app.post("/api/rmos/toolpaths")
    def toolpaths(req: dict[str, Any]) -> dict[str, Any]:
        return build(mode="saw", req=req, feasibility=judge(tool_id=req["tool_id"], req=req))

    return app


def recorded() -> FastAPI:
    """The service whose every request is a sealed run with a published document."""
    app = FastAPI()
    app.include_router(toolpaths_router(RunStore(packed=True), feasibility={"saw": judge}, toolpaths={"saw": build}))
    return app
