"""Run artifacts as pydantic models: what programs of RMOS make, check and hand to `RunStore`.

Behind the extra `web`, and loaded when a model is first asked for: recording, folding and verifying do without.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


class Hashes(BaseModel):
    """Bare hexadecimal SHA-256 of what a run saw and made."""

    feasibility_sha256: str = Field(min_length=64, max_length=64)
    toolpaths_sha256: str | None = None
    gcode_sha256: str | None = None
    opplan_sha256: str | None = None


class RunOutputs(BaseModel):
    """What was made: in the document, or as files of the bundle."""

    gcode_text: str | None = None
    opplan_json: dict[str, Any] | None = None
    gcode_path: str | None = None
    opplan_path: str | None = None
    preview_svg_path: str | None = None


class RunDecision(BaseModel):
    """What the server decided, and why."""

    risk_level: str = "UNKNOWN"
    score: float | None = None
    block_reason: str | None = None
    warnings: list[str] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)


class RunArtifact(BaseModel):
    """One attempt to make toolpaths, whatever came of it."""

    run_id: str
    created_at_utc: datetime = Field(default_factory=utc_now)
    mode: str
    tool_id: str
    status: Literal["OK", "BLOCKED", "ERROR"]
    request_summary: dict[str, Any] = Field(default_factory=dict)
    feasibility: dict[str, Any]
    decision: RunDecision
    hashes: Hashes
    outputs: RunOutputs = Field(default_factory=RunOutputs)
    meta: dict[str, Any] = Field(default_factory=dict)
