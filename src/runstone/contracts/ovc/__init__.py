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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.contracts.ovc.trigger import detect_trigger
    from runstone.contracts.ovc.writer import RunWriter

__all__ = ["RunWriter", "detect_trigger"]

_HOMES = {
    "RunWriter": "runstone.contracts.ovc.writer",
    "detect_trigger": "runstone.contracts.ovc.trigger",
}


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'runstone.contracts.ovc' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
