"""The run artifacts of OVC pipelines, contract `ovc/0.1`: `run.json`, `checks.json` and `run.log` of every run.

    from runstone.contracts.ovc import RunWriter, detect_trigger

    writer = RunWriter("P2-Backfill", "0.1.0", ["DATABASE_URL"])
    writer.start(*detect_trigger())
    writer.check("row_count", "pass", evidence="rows=12")
    writer.finish("success")

A command is wrapped by `python -m runstone.contracts.ovc … -- CMD` or `runstone run --contract ovc … -- CMD`.
Names are loaded when they are first used.
"""

from __future__ import annotations

from runstone.lazily import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.ovc.trigger import detect_trigger
    from runstone.contracts.ovc.writer import RunWriter

__all__ = ["RunWriter", "detect_trigger"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        ".trigger": ("detect_trigger",),
        ".writer": ("RunWriter",),
    },
)
