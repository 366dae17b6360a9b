"""Every byte of a bundle is changed, one at a time; verification must find each."""

from __future__ import annotations

import os
from pathlib import Path

import runstone
from faults.mutants import without
from faults.sweep import Result

MINIMUM = 4_000
SAMPLE = 400


def make_bundle(place: Path) -> Path:
    """A sealed bundle of eight files or more."""
    store = runstone.open(place / "runs")
    kept = place / "kept.txt"
    kept.write_text("kept\n" * 20)
    decision = {"call": None, "outcome": "allow", "risk_level": "GREEN", "score": 1.5, "block_reason": None}
    with store.run("flips", config={"a": [1, 2.5]}, labels={"env": "test"}) as run:
        run.output("file", kept, name="kept.txt", keep=True)
        run.output("file", kept, name="deep/er.txt", keep=True)
        run.check("rows", "pass", evidence=run.log("three rows"))
        run.event("decision", {**decision, "warnings": [], "rules": [], "details": {}, "policy": None})
        run.event("score", {"name": "accuracy", "value": 0.75})
        run.event("evidence", {"query": "q", "corpus": "c", "passages": []})
    return Path(store.get(run.run_id).path)


def flips(scratch: Path, sample: bool) -> Result:
    """The sweep over every file and every byte of it."""
    tried, problems = _flip(scratch, SAMPLE if sample else None)
    return Result("flipped bytes", tried, SAMPLE if sample else MINIMUM, problems)


def bytes_not_read(scratch: Path, sample: bool) -> Result:
    """Flips must be missed where verification does not read every file."""
    tried, problems = without("bytes-not-read", _flip, scratch, SAMPLE)
    missed = [] if any("is not found" in problem for problem in problems) else ["every flip is found all the same"]
    return Result("mutant bytes-not-read", tried, SAMPLE, missed)


def _flip(scratch: Path, most: int | None) -> tuple[int, list[str]]:
    """How many bytes were changed, one after the other, and which changes were not found."""
    bundle = make_bundle(scratch)
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    problems = [] if len(files) >= 8 else [f"the bundle has {len(files)} files"]
    step = max(1, sum(path.stat().st_size for path in files) // most) if most else 1
    tried = 0
    for path in files:
        body = path.read_bytes()
        os.chmod(path, 0o644)
        for at in range(0, len(body), step):
            path.write_bytes(body[:at] + bytes([body[at] ^ (1 << at % 8)]) + body[at + 1 :])
            tried += 1
            if runstone.verify(bundle).ok:
                problems.append(f"{path.relative_to(bundle)}: a change of byte {at} is not found")
        path.write_bytes(body)
    if not runstone.verify(bundle).ok:
        problems.append("the bundle does not verify once it is whole again")
    return tried, problems
