"""A writer is stopped (SIGSTOP), its run is recovered by force, the writer goes on: the sealed bytes do not change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import runstone
from faults.mutants import without
from faults.sweep import Result, environment

MINIMUM = 10
SAMPLE = 3

_WRITER = """
import sys, runstone
from runstone.errors import RunstoneError
run = runstone.open(sys.argv[1]).run("stopped", run_id=sys.argv[2])
for number in range(50):
    run.event("x.before", {"number": number})
print("ready", flush=True)
sys.stdin.readline()
for number in range(50):
    run.event("x.after", {"number": number})
try:
    print(run.finish(), flush=True)
except RunstoneError as exc:
    print(f"{exc.code}: {exc.message}", flush=True)
"""


def stopped_writer(scratch: Path, sample: bool) -> Result:
    """The sweep: rounds of stop, forced recovery, go on, write, finish."""
    rounds = SAMPLE if sample else MINIMUM
    problems: list[str] = []
    for number in range(rounds):
        problems += _round(scratch / "stopped", f"stopped-{number}")
    return Result("stopped writer, forced recovery", rounds, rounds, problems)


def journal_not_copied(scratch: Path, sample: bool) -> Result:
    """A round must find the change where recovery seals the writer's own file."""
    problems = without("journal-not-copied", _round, scratch / "mutant", "mutant")
    missed = [] if any("bytes changed" in problem for problem in problems) else ["the change is not noticed"]
    return Result("mutant journal-not-copied", 1, 1, missed)


def _round(place: Path, run_id: str) -> list[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(place), run_id],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdout.readline()
    store = runstone.open(place)
    os.kill(writer.pid, signal.SIGSTOP)
    problems = []
    plain = store.recover(run_id)
    if plain[0].outcome != "alive":
        problems.append(f"{run_id}: recovered without force: {plain[0].outcome}")
    forced = store.recover(run_id, force=True)[0]
    before = _bytes(place / run_id)
    os.kill(writer.pid, signal.SIGCONT)
    answer, said = (text.strip() for text in writer.communicate("\n", timeout=60))
    if not answer.startswith(f"recovered_elsewhere: recovery sealed run {run_id}") or said:
        problems.append(f"{run_id}: the writer was answered {answer!r} and told {said!r}")
    if _bytes(place / run_id) != before:
        problems.append(f"{run_id}: the sealed bytes changed")
    if not store.verify(run_id, digest=forced.digest).ok:
        problems.append(f"{run_id}: does not verify")
    if [recovery.outcome for recovery in store.recover(run_id)] != ["already_sealed"]:
        problems.append(f"{run_id}: what the writer left was not taken away")
    return problems


def _bytes(bundle: Path) -> dict[str, bytes]:
    return {str(path.relative_to(bundle)): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
