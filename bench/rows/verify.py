"""Verify sealed bundles, warm page cache. Higher is better.

- `big files`: a bundle with two kept files of 64 MB; gigabytes a second of their bytes. Floor: read in
  pieces of 64 KB and SHA-256, one file after the other.
- `small bundles`: 600 bundles of four parameters, four events, a metric and two checks; bundles a second
  with the process held to one core. Floor: read every file of each bundle and hash it, which is less than a
  verification: nothing is parsed or compared.

The floor's bundles are those of `floor:synced`, with the same kinds of files. The reference `floor:proof` reads
Runstone's bundles: a verification written by hand for these files alone (`bench.by_hand` says what it leaves out).
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.by_hand import prove_by_hand
from bench.clock import Stopwatch
from bench.contenders import load_recorder
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.base import Run
from bench.workload import inputs_for, make_events, params_for

BIG_FILES = 2
BIG_BYTES = 64 << 20
SMALL_BUNDLES = 600
PASSES = 3
PIECE = 1 << 16


def hash_files(bundle: Path) -> None:
    """The floor: SHA-256 of every file."""
    for folder, _folders, names in os.walk(bundle):
        for name in names:
            digest = hashlib.sha256()
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
            while piece := os.read(descriptor, PIECE):
                digest.update(piece)
            os.close(descriptor)
            digest.hexdigest()


def verify_bundle(bundle: Path) -> None:
    """Runstone's full verification; a bundle that does not pass ends the measurement."""
    import runstone

    report = runstone.verify(bundle)
    if not getattr(report, "ok", True):
        raise RuntimeError(f"a bundle that was just sealed does not verify: {report}")


def verifier(name: str) -> Callable[[Path], None]:
    """What a contender does to a bundle."""
    return {"runstone": verify_bundle, "floor:proof": prove_by_hand}.get(name, hash_files)


def bundles_in(store: Path) -> list[Path]:
    """Sealed bundles of a store."""
    return sorted(path for path in store.iterdir() if not path.name.startswith("."))


def record_small(run: Run) -> None:
    """A small run."""
    for event in make_events(4):
        run.event(event)
    run.metric("loss", 0.5, 0)
    run.check("schema", passed=True)
    run.check("range", passed=False)


def seconds_for(name: str, bundles: Sequence[Path]) -> float:
    """Verify some to warm up, then all of them in several passes; the seconds of a pass."""
    verify = verifier(name)
    for bundle in bundles[:50]:
        verify(bundle)
    watch = Stopwatch()
    with watch:
        for _ in range(PASSES):
            for bundle in bundles:
                verify(bundle)
    return watch.seconds / PASSES


def measure_big(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Gigabytes a second over big kept files."""
    sources = []
    for number in range(BIG_FILES):
        path = scratch / f"big-{number}.bin"
        path.write_bytes(os.urandom(1 << 20) * (BIG_BYTES >> 20))
        sources.append(path)

    def attach_big(run: Run) -> None:
        for path in sources:
            run.attach(path)

    found = []
    for name in contenders:
        recorder = load_recorder(name, scratch)
        recorder.record(0, params_for(0), inputs_for(0), attach_big)
        took = seconds_for(name, bundles_in(recorder.store))
        found.append(Measurement(name, BIG_FILES * BIG_BYTES / took / 1e9, "GB/s"))
    return found


def measure_small(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Small bundles a second, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = []
    for name in contenders:
        by_hand = name == "floor:proof"
        recorder = load_recorder("runstone", scratch / "proof") if by_hand else load_recorder(name, scratch)
        for number in range(SMALL_BUNDLES):
            recorder.record(number, params_for(number), inputs_for(number), record_small)
        bundles = bundles_in(recorder.store)
        took = seconds_for(name, bundles)
        details = {"us_per_bundle": 1e6 * took / len(bundles), "bundles": len(bundles)}
        found.append(Measurement(name, len(bundles) / took, "bundles/s", details=details))
    return found


ROW = Row(
    "verify",
    "Verify",
    (
        Case(
            measure_big,
            name="big files",
            floor="floor:synced",
            targets=(Target("ratio", 0.85, "≥ 0.85 × SHA-256", at_least=True),),
            max_reps=3,
        ),
        Case(
            measure_small,
            name="small bundles",
            floor="floor:synced",
            references=("floor:proof",),
            targets=(Target("value", 12_000, "≥ 12,000 small bundles/s a core (on a quiet machine)", at_least=True),),
            columns=("us_per_bundle", "bundles"),
            max_reps=3,
        ),
    ),
)
