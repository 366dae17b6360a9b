"""The process that measures: `python -m bench.worker ROW CASE SCRATCH CONTENDER...`, one JSON line a
measurement.

Started by `bench.run` in the interpreter of its contenders. Several contenders are measured interleaved, in
this process.
"""

import argparse
import importlib
import os
from pathlib import Path
from typing import TextIO

from bench.contenders import installed_version
from bench.measurement import Case, Row, write_measurement


def find_case(row: str, name: str) -> Case:
    """A case by the names of row and case. Imports that row only, to stay small."""
    found: Row = importlib.import_module(f"bench.rows.{row}").ROW
    return next(case for case in found.cases if case.name == name)


def take_stdout() -> TextIO:
    """Keep standard output for our lines; what contenders print goes nowhere."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return kept


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.worker")
    parser.add_argument("row")
    parser.add_argument("case")
    parser.add_argument("scratch", type=Path)
    parser.add_argument("contenders", nargs="+")
    arguments = parser.parse_args()
    out = take_stdout()
    os.chdir(arguments.scratch)
    case = find_case(arguments.row, arguments.case)
    for measurement in case.measure(arguments.contenders, arguments.scratch):
        measurement.row, measurement.case = arguments.row, measurement.case or arguments.case
        measurement.version = installed_version(measurement.contender)
        write_measurement(out, measurement)


if __name__ == "__main__":
    main()
