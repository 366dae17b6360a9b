"""The JSON Schemas (draft 2020-12) of an agent's bundle, which come with the package: `schema/*.schema.json`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from runstone.contracts.agent import layout
from runstone.core import layout as bundle
from runstone.errors import error

if TYPE_CHECKING:
    from typing import Any, Final

TOOL_CONTRACT: Final = "tool-contract"
SCHEMAS: Final = {
    layout.RUN: "run",
    layout.CONFIG: "config.snapshot",
    layout.EVIDENCE: "evidence",
    layout.TOOL_CALLS: "tool_calls",
    layout.SCORECARD: "scorecard",
    layout.GATE: "gate",
    bundle.JOURNAL: "event",
}
"""Path in the bundle → name of its schema; that of the journal is of one line."""


def schema_of(path: str) -> dict[str, Any]:
    """The schema of the document at a path of the bundle; of `events.jsonl` that of a line; of
    `tool-contract` that of a tool contract. Raises `file_not_found`."""
    known = {**SCHEMAS, TOOL_CONTRACT: TOOL_CONTRACT}
    if path not in known:
        raise error("file_not_found", f"contract agent/1 has no schema of {path!r}", path=path, known=sorted(known))
    file = files("runstone.contracts.agent").joinpath("schema", f"{known[path]}.schema.json")
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found
