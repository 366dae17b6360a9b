"""The same agent behind HTTP: `POST /research` answers when the run is sealed; `GET /runs/{run_id}` has its index.

uvicorn --app-dir examples/agent agent_service:app --port 8000
"""

import os
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from research import described, research

from runstone import RunstoneError
from runstone.contracts.agent import ArtifactStore
from runstone.errors import CODES

OUT = Path(os.environ.get("RESEARCH_OUT") or "research-out")


class Asked(BaseModel):
    """A request."""

    model_config = ConfigDict(extra="forbid")
    prompt: Literal["baseline", "candidate"]
    baseline: str | None = None
    request_id: str | None = None


app = FastAPI(title="Research agent")


@app.post("/research")
def ask(asked: Asked) -> dict[str, Any]:
    """Record one evaluation of the agent."""
    try:
        with ArtifactStore().open(described(asked.prompt, asked.request_id)) as run:
            verdict = research(run, asked.prompt, OUT, asked.baseline)
    except RunstoneError as exc:
        raise HTTPException(CODES[exc.code].http_status, {"code": exc.code, "message": exc.message}) from exc
    return {"run_id": run.run_id, "digest": run.digest, "verdict": None if verdict is None else verdict.as_dict()}


@app.get("/runs/{run_id}")
def show(run_id: str) -> dict[str, Any]:
    """The index of a run."""
    try:
        return ArtifactStore().get(run_id).run
    except RunstoneError as exc:
        raise HTTPException(CODES[exc.code].http_status, {"code": exc.code, "message": exc.message}) from exc
