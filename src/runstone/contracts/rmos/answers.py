"""What the routes of run artifacts answer, as their OpenAPI document tells it.

Nothing is checked against these models: answers are made of what is recorded. What an imported document tells may be of
any type, and stands here as such.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runstone.contracts.rmos.models import Hashes


class Made(BaseModel):
    """A toolpaths payload, and which run tells of it."""

    model_config = ConfigDict(extra="allow")

    run_id: str = Field(alias="_run_id")
    run_artifact_path: str = Field(alias="_run_artifact_path")
    hashes: Hashes = Field(alias="_hashes", description="Taken before these three members are added.")


class Document(BaseModel):
    """A run artifact; one that was imported has the members of its original."""

    model_config = ConfigDict(extra="allow")

    run_id: str
    created_at_utc: str
    status: Literal["OK", "BLOCKED", "ERROR"]


class Row(BaseModel):
    """A run in a list."""

    run_id: str
    created_at_utc: str
    status: Literal["OK", "BLOCKED", "ERROR"]
    mode: Any
    tool_id: Any
    risk_level: Any
    score: Any
    feasibility_sha256: Any
    toolpaths_sha256: Any
    artifact_path: str


class Page(BaseModel):
    """Runs, the newest first."""

    items: list[Row]
    next_cursor: str | None
    runs_dir: str


class Difference(BaseModel):
    """What changed at one place; `a` and `b` are there where the value is."""

    path: str = Field(description="A JSON Pointer.")
    change: Literal["added", "removed", "changed"]
    a: Any = None
    b: Any = None


class Compared(BaseModel):
    """What changed from run `a` to run `b`."""

    a: str
    b: str
    same: bool
    differences: list[Difference]


class Lineage(BaseModel):
    """What led to a run, and what came of it."""

    run_id: str
    before: list[Row]
    after: list[Row]


class Amendments(BaseModel):
    """What was said of a run, the oldest first."""

    run_id: str
    items: list[dict[str, Any]]


class Attached(BaseModel):
    """A file that is kept with a run."""

    sha256: str
    kind: Any
    mime: Any
    filename: Any
    size_bytes: Any
    created_at_utc: Any


class AttachedFiles(BaseModel):
    """The files of a run, the oldest first."""

    items: list[Attached]


class CheckedFile(Attached):
    """A file that was read again, and of what its digest is."""

    ok: bool
    matched: Literal["bytes", "json"] | None
    problem: str | None


class CheckedFiles(BaseModel):
    """Whether every file of a run holds."""

    ok: bool
    items: list[CheckedFile]


class Overridden(BaseModel):
    """Which run tells of an override."""

    run_id: str
    override_run_id: str


class Deleted(BaseModel):
    """Which run tells that another one was deleted."""

    run_id: str
    audit_run_id: str
    deleted: bool


class Purged(BaseModel):
    """Which run tells that another one was purged."""

    run_id: str
    audit_run_id: str
    purged: bool
