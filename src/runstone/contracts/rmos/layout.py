"""Where `rmos` runs stand, what their files and events are called, and how much stands where."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

DEFAULT_RUNS_DIR: Final = "services/api/data/runs/rmos"
RUN: Final = "run.json"
GCODE: Final = "gcode.nc"
OPPLAN: Final = "opplan.json"
TOOLPATHS: Final = "toolpaths.json"
ATTACHMENTS: Final = "attachments"

REQUEST: Final = "x.rmos.request"
BUILT: Final = "x.rmos.toolpaths"
ARTIFACT: Final = "x.rmos.artifact"
ATTACHED: Final = "x.rmos.attachment"

TOOL_LABEL: Final = "tool_id"
MAX_LABEL_CHARACTERS: Final = 200

MAX_INLINE_GCODE: Final = 200_000
"""Characters of G-code that stand in the document; longer ones are a file of the bundle."""
MAX_INLINE_PAYLOAD: Final = 1_000_000
"""Bytes of a toolpaths payload, and of its plan, that stand in the journal; larger ones are files of the bundle."""
MAX_REQUEST_BYTES: Final = 2 << 20
"""A request may be so large: what is recorded of it must fit into one line of the journal, however it is escaped."""


def place(run_id: str, opened_at: str) -> str:
    """Where the document of a run is published: `<YYYY-MM-DD>/<run_id>.json`."""
    return f"{opened_at[:10]}/{run_id}.json"
