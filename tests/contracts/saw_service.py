"""What the tests of `rmos` begin with: a small saw service, whose feasibility and toolpaths are a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runstone.contracts.rmos import RunStore, ToolpathGate
from runstone.contracts.rmos.gate import Answer

GCODE = "G90\nG21\n; kerf 2.4\nG0 X0 Y0\nG1 X120.5 F900\nM2\n"
LIMIT_M_S = 80.0


def feasibility(tool_id: str, req: dict[str, Any]) -> dict[str, Any]:
    """Rim speed against a limit; the client's own feasibility never comes so far."""
    assert "feasibility" not in req
    speed = req["diameter_mm"] * 3.14159 * req["rpm"] / 60_000
    level = "GREEN" if speed < LIMIT_M_S * 0.8 else "YELLOW" if speed < LIMIT_M_S else "RED"
    return {
        "risk_level": req.get("forced", level),
        "score": max(0.0, 100.0 - speed),
        "warnings": [] if level == "GREEN" else ["rim speed is high"],
        "block_reason": "rim speed over 80 m/s" if level == "RED" else None,
        "details": {"rim_speed_m_s": round(speed, 3)},
        "calculator_results": {"rim": {"limit": 80.0, "teeth": 24, "feed": 2.0}},
    }


def build(mode: str, req: dict[str, Any], feasibility: dict[str, Any]) -> dict[str, Any]:
    """A few lines of G-code and a plan."""
    if req.get("fail"):
        raise ValueError(req["fail"])
    plan = {"kind": "saw_opplan", "version": 1, "depth": 2.0, "score": feasibility["score"]}
    return {"mode": mode, "gcode_text": req.get("gcode", GCODE), "opplan_json": plan}


CALM = {"tool_id": "saw:veneer_160", "diameter_mm": 160, "rpm": 3000, "material": "softwood"}
WILD = {**CALM, "tool_id": "saw:kerf_cut_v1", "rpm": 12_000}


class Service:
    """A store in a folder, and a gate before it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.store = RunStore(folder)
        functions: dict[str, Any] = {"feasibility": {"saw": feasibility}, "toolpaths": {"saw": build}, **options}
        self.gate = ToolpathGate(self.store, **functions)

    def ask(self, req: dict[str, Any], **more: Any) -> Answer:
        """The answer to a request."""
        return self.gate.answer({**req, **more})

    def one(self, answer: Answer) -> dict[str, Any]:
        """The document of the run that an answer names, proved: published, equal to the fold, and verified."""
        told = answer.content.get("detail", answer.content)
        run_id = told.get("run_id") or told["_run_id"]
        path = Path(told.get("run_artifact_path") or told["_run_artifact_path"])
        report = self.store.store.verify(run_id)
        assert (report.findings, report.checked[-1]) == ([], "10 published copies")
        assert path == self.store.path(run_id)
        assert path.parent.parent == self.folder
        assert path.read_bytes() == self.store.read(run_id)
        found: dict[str, Any] = json.loads(path.read_bytes())
        assert (found["run_id"], path.stem, path.parent.name) == (run_id, run_id, found["created_at_utc"][:10])
        return found

    def kernel(self, answer: Answer) -> Any:
        """The sealed run that an answer names."""
        told = answer.content.get("detail", answer.content)
        return self.store.store.get(told.get("run_id") or told["_run_id"])

    def statuses(self) -> list[str]:
        """The kernel's statuses of all runs, the newest first."""
        return [sealed.status for sealed in self.store.store.runs()]


def is_run(value: Any) -> bool:
    """Whether a text is an id that is made here."""
    return isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")
