"""How a Python step runs under a record: its checks decide the recorded status and the exit status alike.

- A failed check is exit status 1; a skipped one is recorded (`partial`) and is no failure.
- An error of the data or of a file is recorded, said on stderr in one line and is exit status 1; any other
  exception is recorded and goes on to the caller, an interruption as `cancelled`.
- Without `MARKET_DATA` the step does nothing, and the record says which variable was missing.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from files import DATA_ENV, data_directory
from prices import MarketDataError

from runstone.contracts.ovc import RunWriter

PIPELINE_VERSION = "0.1.0"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a step: its identifier, what a reader calls it, how it ended and the figures."""

    id: str
    name: str
    status: Literal["pass", "fail", "skip"]
    shown: str


def check(check_id: str, name: str, holds: bool, shown: str) -> Check:
    """Return the check that passes if it `holds`."""
    return Check(check_id, name, "pass" if holds else "fail", shown)


def run_step(pipeline_id: str, work: Callable[[RunWriter, Path], Iterable[Check]]) -> int:
    """Run `work` with the writer of a new record and the data directory; return the exit status."""
    checks = []
    try:
        with RunWriter(pipeline_id, PIPELINE_VERSION, [DATA_ENV]) as writer:
            for one in work(writer, data_directory()):
                writer.check(one.name, one.status, evidence=f"{one.id}: {one.shown}", id=one.id)
                checks.append(one)
    except (MarketDataError, OSError) as error:
        print(f"{pipeline_id}: {error}", file=sys.stderr)
        return 1
    return report(checks)


def report(checks: Iterable[Check]) -> int:
    """Print how each check ended; return 1 if one failed, else 0."""
    failed = 0
    for one in checks:
        print(f"{one.status.upper():<4}  {one.id:<22} {one.name}: {one.shown}")
        failed += one.status == "fail"
    return 1 if failed else 0
