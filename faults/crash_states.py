"""Every crash and power-loss state of recording, sealing, recovering, importing and purging, and of putting states."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from faults.sweep import CannotTraceError, Result, Sweep, environment, module

MINIMUM = 500
SAMPLE = 60
FULL = 900

SAID = "said.txt"
"""In what a scene starts from: what the one had printed that prepared it."""
CHECK = f"{sys.executable} -m faults.check {{dir}}"


def crash_states(name: str, prepare: str | None = None, told: str | None = None) -> Sweep:
    """The sweep over one scene; `prepare` is the scene that leaves what it starts from, `told` what it is called."""

    def sweep(scratch: Path, sample: bool) -> Result:
        report = explore(scratch, name, prepare, SAMPLE if sample else FULL)
        tried = sum(report["checked"].values())
        problems = [f"{failure['id']}: {failure['output'].strip()[:300]}" for failure in report["failures"]]
        return Result(f"crash states of {told or name}", tried, SAMPLE if sample else MINIMUM, problems)

    return sweep


def caught(name: str, mutant: str, prepare: str | None = None) -> Sweep:
    """The sweep must fail when a defence is taken away."""

    def sweep(scratch: Path, sample: bool) -> Result:
        report = explore(scratch, name, prepare, 120, "--mutant", mutant)
        missed = [] if report["failures"] else [f"no state of {name} fails without this defence"]
        return Result(f"mutant {mutant}", sum(report["checked"].values()), 60, missed)

    return sweep


def explore(scratch: Path, name: str, prepare: str | None, states: int, *more: str) -> dict[str, Any]:
    """Run the crash tool on a scene; its report. Raises `CannotTraceError`."""
    report = scratch / f"{name}{''.join(more)}.json"
    initial: list[str] = []
    if prepare is not None:
        start = scratch / f"{name}-initial"
        start.mkdir()
        command = module("faults.scenes", prepare, str(start))
        done = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE)
        (start / SAID).write_bytes(done.stdout)
        initial = ["--initial", str(start)]
    command = module(
        "crashpoints", "--name", name, "--max-states", str(states), "--max-seconds", "900", "--json", str(report)
    )
    command += ["--ignore", "*-shm", *initial, "--check", CHECK, "--", *module("faults.scenes", name, "{dir}"), *more]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode == 2:
        if "strace" in done.stderr or "trace" in done.stderr.lower():
            raise CannotTraceError(done.stderr.strip()[:300])
        raise RuntimeError(done.stderr.strip()[:2000])
    found: dict[str, Any] = json.loads(report.read_text())
    return found
