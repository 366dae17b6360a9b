"""Make the catalog anew: bundles a second over 10,000 sealed bundles, warm page cache. Higher is better.

A bundle is a small run of `bench.many`: a journal of some nine events, a manifest, documents. `store.reindex()` forgets
the catalog, reads each manifest and journal, and puts a card of some thirty facts.

Floor: `floor:read`, open and read the same manifests and journals, nothing parsed and nothing kept.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.clock import Stopwatch
from bench.many import RUNS, runstone_store
from bench.measurement import Case, Measurement, Row, Target

PASSES = 3
TAKEN_IN_S = 4.0


def read_bare(store: Path) -> int:
    """The floor; how many bundles there are."""
    found = 0
    for bundle in store.iterdir():
        if not bundle.name.startswith("."):
            (bundle / "manifest.json").read_bytes()
            (bundle / "events.jsonl").read_bytes()
            found += 1
    return found


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Contenders take turns on one store."""
    store: Any = runstone_store(scratch / "store", RUNS)
    work: dict[str, Callable[[], int]] = {
        "runstone": store.reindex,
        "floor:read": lambda: read_bare(scratch / "store"),
    }
    watches = {name: Stopwatch() for name in contenders}
    for _ in range(PASSES):
        for name, watch in watches.items():
            with watch:
                done = work[name]()
            if done != RUNS:
                raise RuntimeError(f"{name} read {done} bundles of {RUNS}")
    store._finder.catalogue.close()  # what its log holds goes into the file
    size = (scratch / "store" / ".runstone" / "catalog.sqlite").stat().st_size
    return [
        Measurement(
            name,
            PASSES * RUNS / watch.seconds,
            "bundles/s",
            details={
                "s_a_pass": watch.seconds / PASSES,
                "bundles": RUNS,
                **({"catalog_bytes_a_run": size / RUNS} if name == "runstone" else {}),
            },
        )
        for name, watch in watches.items()
    ]


ROW = Row(
    "reindex",
    "Make the catalog anew",
    (
        Case(
            measure,
            floor="floor:read",
            targets=(Target("s_a_pass", TAKEN_IN_S, f"≤ {TAKEN_IN_S:.0f} s for 10,000 runs"),),
            columns=("s_a_pass", "bundles", "catalog_bytes_a_run"),
            max_reps=1,
            timeout_s=600,
        ),
    ),
)
