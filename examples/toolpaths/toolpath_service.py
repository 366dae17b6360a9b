"""A saw-cutting service: no toolpath leaves it that its own feasibility does not allow, and every request leaves a run.

    uvicorn --app-dir examples/toolpaths toolpath_service:app

Runs stand in `RMOS_RUNS_DIR`, a file for each in a folder for its day.
"""

from __future__ import annotations

from builder import build
from fastapi import FastAPI
from saw import feasibility
from saw_policy import POLICY

from runstone.contracts.rmos import RunStore, runs_router, toolpaths_router


def create_app(store: RunStore) -> FastAPI:
    """The service over a store of runs."""
    app = FastAPI(title="Toolpaths, recorded", version="1.0.0")
    modes = {"saw": feasibility}
    app.include_router(toolpaths_router(store, feasibility=modes, toolpaths={"saw": build}, policy=POLICY))
    app.include_router(runs_router(store))
    return app


app = create_app(RunStore())
