"""Runstone: runs, carved in stone.

    import runstone

    store = runstone.open("runs")
    with store.run("backfill", version="0.1.0") as run:
        run.output("file", "prices.csv")
    print(runstone.verify(store.get(run.run_id).path))

Names are loaded when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

from runstone.lazily import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runstone.api import (
        child,
        compare,
        gate,
        load_policy,
        open,
        open_async,
        open_states,
        parse_canonical,
        seed,
        verify,
    )
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
    from runstone.engine.states import StateCheckpoint, StateStore
    from runstone.engine.store import Store
    from runstone.engine.tracking import track
    from runstone.engine.verifier import Finding, Report
    from runstone.errors import (
        Conflict,
        Damaged,
        InProgress,
        InvalidInput,
        MissingExtra,
        NotFound,
        PolicyBlocked,
        RunstoneError,
        StoreUnavailable,
        Unanswered,
    )
    from runstone.locate import __version__

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
    "MissingExtra",
    "NotFound",
    "Policy",
    "PolicyBlocked",
    "Report",
    "Run",
    "RunstoneError",
    "Sealed",
    "StateCheckpoint",
    "StateStore",
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
    "open_states",
    "parse_canonical",
    "seed",
    "track",
    "verify",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "runstone.api": (
            "child",
            "compare",
            "gate",
            "load_policy",
            "open",
            "open_async",
            "open_states",
            "parse_canonical",
            "seed",
            "verify",
        ),
        "runstone.core.canonical": ("canonical_bytes",),
        "runstone.core.diff.comparison": ("Comparison",),
        "runstone.core.diff.difference": ("Difference",),
        "runstone.core.judgement.verdict": ("Verdict",),
        "runstone.core.policy.decision": ("Decision",),
        "runstone.core.policy.policy": ("Policy",),
        "runstone.engine.async_run": ("AsyncRun",),
        "runstone.engine.async_store": ("AsyncStore",),
        "runstone.engine.current": ("current_run",),
        "runstone.engine.reader": ("Sealed",),
        "runstone.engine.recorder": ("Run",),
        "runstone.engine.states": ("StateCheckpoint", "StateStore"),
        "runstone.engine.store": ("Store",),
        "runstone.engine.tracking": ("track",),
        "runstone.engine.verifier": ("Finding", "Report"),
        "runstone.errors": (
            "Conflict",
            "Damaged",
            "InProgress",
            "InvalidInput",
            "MissingExtra",
            "NotFound",
            "PolicyBlocked",
            "RunstoneError",
            "StoreUnavailable",
            "Unanswered",
        ),
        "runstone.locate": ("__version__",),
    },
)
