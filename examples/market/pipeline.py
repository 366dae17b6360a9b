"""Run the three steps in order: backfill, derive, validate. The first one that fails ends the pipeline.

    python pipeline.py [--work DIR] [--trend-threshold X] [--volatility-threshold Y]
                       [--symbols A,B] [--from DAY] [--to DAY]

Data stand in `DIR/data`, records in `DIR/reports/runs` unless `RUNSTONE_STORE` says otherwise. Run again with
another threshold in the same directory, it copies no price a second time.
Exit status: that of the step that failed, else 0; 2 wrong use.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from files import DATA_ENV
from step import PIPELINE_VERSION

HERE = Path(__file__).resolve().parent
DATA = "data"
VALIDATION_ID = "B2-DerivedValidation"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps in the work directory and return the exit status."""
    options = parse_options(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, DATA_ENV: DATA}
    for name, command in steps(options):
        print(f"== {name}", flush=True)
        status = subprocess.run(command, cwd=options.work, env=environment, check=False).returncode
        if status:
            print(f"pipeline: {name} ended with status {status}", file=sys.stderr)
            return status
    return 0


def steps(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """Yield each step's name and command; an option that was not given is left to the step's own default."""
    days = [*given("--from", options.first_day), *given("--to", options.last_day)]
    scope = [*given("--symbols", options.symbols), *days]
    thresholds = [
        *given("--trend-threshold", options.trend_threshold),
        *given("--volatility-threshold", options.volatility_threshold),
    ]
    yield "backfill", [sys.executable, str(HERE / "backfill.py"), *scope]
    yield "derive", [sys.executable, str(HERE / "derive.py"), *thresholds]
    yield "validate", [*wrapper(), "--", "bash", str(HERE / "validate.sh"), *scope]


def wrapper() -> list[str]:
    """Return the command that records another command as the validation run."""
    identity = ["--pipeline-id", VALIDATION_ID, "--pipeline-version", PIPELINE_VERSION]
    return [sys.executable, "-m", "runstone.contracts.ovc", *identity, "--required-env", DATA_ENV]


def given(option: str, value: str | None) -> list[str]:
    """Return the option with its value, or nothing when it was not given."""
    return [] if value is None else [option, value]


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; wrong use ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="pipeline.py", description="Backfill, derive and validate, in order.")
    parser.add_argument("--work", type=Path, default=Path(), metavar="DIR", help="where data and records go")
    parser.add_argument("--trend-threshold", metavar="X")
    parser.add_argument("--volatility-threshold", metavar="Y")
    parser.add_argument("--symbols", metavar="A,B")
    parser.add_argument("--from", dest="first_day", metavar="DAY")
    parser.add_argument("--to", dest="last_day", metavar="DAY")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
