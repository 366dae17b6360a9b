"""Runstone: runs, carved in stone.

    import runstone

    store = runstone.open("runs")
    with store.run("backfill", version="0.1.0") as run:
        run.output("file", "prices.csv")
    print(runstone.verify(store.get(run.run_id).path))

Names are loaded when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.api import child, compare, gate, load_policy, open, open_async, parse_canonical, verify
    from runstone.core.canonical import canonical_bytes
    from runstone.core.diff.comparison import Comparison
    from runstone.core.diff.difference import Difference
    from runstone.core.judgement.verdict import Verdict
    from runstone.core.policy.decision import Decision
    from runstone.core.policy.policy import Policy
    from runstone.engine.async_run import AsyncRun
    from runstone.engine.async_store import AsyncStore
    from runstone.engine.current import current_run
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store
    from runstone.engine.tracking import track
    from runstone.engine.verifier import Finding, Report
    from runstone.errors import (
        Conflict,
        Damaged,
        InProgress,
        InvalidInput,
        NotFound,
        PolicyBlocked,
        RunstoneError,
        StoreUnavailable,
        Unanswered,
    )
    from runstone.locate import VERSION as __version__  # noqa: N811  # the name that Python's tools look for

__all__ = [
    "AsyncRun",
    "AsyncStore",
    "Comparison",
    "Conflict",
    "Damaged",
    "Decision",
    "Difference",
    "Finding",
    "InProgress",
    "InvalidInput",
    "NotFound",
    "Policy",
    "PolicyBlocked",
    "Report",
    "Run",
    "RunstoneError",
    "Sealed",
    "Store",
    "StoreUnavailable",
    "Unanswered",
    "Verdict",
    "__version__",
    "canonical_bytes",
    "child",
    "compare",
    "current_run",
    "gate",
    "load_policy",
    "open",
    "open_async",
    "parse_canonical",
    "track",
    "verify",
]

_HOMES = {
    "AsyncRun": "runstone.engine.async_run",
    "AsyncStore": "runstone.engine.async_store",
    "Comparison": "runstone.core.diff.comparison",
    "Conflict": "runstone.errors",
    "Damaged": "runstone.errors",
    "Decision": "runstone.core.policy.decision",
    "Difference": "runstone.core.diff.difference",
    "Finding": "runstone.engine.verifier",
    "InProgress": "runstone.errors",
    "InvalidInput": "runstone.errors",
    "NotFound": "runstone.errors",
    "Policy": "runstone.core.policy.policy",
    "PolicyBlocked": "runstone.errors",
    "Report": "runstone.engine.verifier",
    "Run": "runstone.engine.recorder",
    "RunstoneError": "runstone.errors",
    "Sealed": "runstone.engine.reader",
    "Store": "runstone.engine.store",
    "StoreUnavailable": "runstone.errors",
    "Unanswered": "runstone.errors",
    "Verdict": "runstone.core.judgement.verdict",
    "canonical_bytes": "runstone.core.canonical",
    "child": "runstone.api",
    "current_run": "runstone.engine.current",
    "compare": "runstone.api",
    "gate": "runstone.api",
    "load_policy": "runstone.api",
    "open": "runstone.api",
    "open_async": "runstone.api",
    "parse_canonical": "runstone.api",
    "track": "runstone.engine.tracking",
    "verify": "runstone.api",
}


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    if name == "__version__":
        from runstone.locate import VERSION

        return VERSION
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'runstone' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
