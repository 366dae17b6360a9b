"""What the files of an agent's bundle are called, and by which word `run.json` points at each."""

from __future__ import annotations

from runstone.core import layout as bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

RUN: Final = "run.json"
CONFIG: Final = "config.snapshot.json"
EVIDENCE: Final = "evidence.json"
TOOL_CALLS: Final = "tool_calls.json"
SCORECARD: Final = "eval/scorecard.json"
GATE: Final = "eval/gate.json"
LOG: Final = "run.log"

POINTERS: Final = {
    "events": bundle.JOURNAL,
    "config": CONFIG,
    "evidence": EVIDENCE,
    "tool_calls": TOOL_CALLS,
    "scorecard": SCORECARD,
    "gate": GATE,
}
"""Member of `files` in `run.json` → path in the bundle."""
