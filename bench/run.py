"""`python -m bench`: measure rows, print medians and ratios, keep every measurement as a JSON line.

- Each repeat measures the floors and Runstone, in turns in one process where a row allows it, then every
  peer with the floor again right before it. A ratio is to the floor of the same moment.
- A worker process measures; it runs in the virtual environment of its contender, and an overrun is
  recorded, not raised.
- The exit status says whether the harness worked, never whether a time was met.
"""

import argparse
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from bench import rows
from bench.contenders import CONTENDERS, PEERS, interpreter
from bench.environment import PROJECT, worker_environment
from bench.machine import describe_machine
from bench.measurement import (
    Case,
    Measurement,
    Row,
    Unmeasured,
    measurement_from,
    write_measurement,
    write_record,
)
from bench.table import case_section

BENCH = PROJECT / "bench"
STDERR_SHOWN = 400
SETTLE_S = 6.0
"""After files were removed: ext4 looks past each inode that was freed in the last five seconds, which makes the
creation of a file four times as slow. No table is measured in the wake of another."""


def load_rows(names: Sequence[str]) -> list[Row]:
    """Rows by name, in the order of `bench.rows.NAMES`."""
    unknown = sorted(set(names) - set(rows.NAMES))
    if unknown:
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are {', '.join(rows.NAMES)}")
    found: list[Row] = [importlib.import_module(f"bench.rows.{name}").ROW for name in rows.NAMES if name in names]
    return found


def choose_peers(text: str) -> set[str]:
    """`all`, `none`, or names; a name without variant stands for all its variants."""
    if text in ("all", "none"):
        return set(PEERS) if text == "all" else set()
    wanted = set(text.split(","))
    unknown = wanted - set(PEERS) - {name.partition(":")[0] for name in PEERS}
    if unknown:
        raise SystemExit(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    return {name for name in PEERS if name in wanted or name.partition(":")[0] in wanted}


class WorkerError(Exception):
    """A worker that ended without its measurements; the text says why."""


class Harness:
    """Runs workers and writes down what they say."""

    def __init__(self, venvs: Path, scratch: Path, out: TextIO) -> None:
        self._venvs = venvs
        self._scratch = scratch
        self._out = out
        self._removed_at = -SETTLE_S

    def measure_case(self, row: Row, case: Case, peers: set[str], reps: int) -> None:
        """All repeats of one table. What they write is removed when the last has ended."""
        time.sleep(max(0.0, self._removed_at + SETTLE_S - time.monotonic()))
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as folder:
            self._repeat(row, case, peers, reps, Path(folder))
        self._removed_at = time.monotonic()

    def _repeat(self, row: Row, case: Case, peers: set[str], reps: int, folder: Path) -> None:
        chosen = [name for name in case.peers if name in peers]
        for rep in range(min(reps, case.max_reps)):
            willing = [name for name in chosen if rep < CONTENDERS[name].max_reps]
            for turn in self._turns(row, case, willing, rep):
                self._take(row, case, rep, turn, folder)

    def _turns(self, row: Row, case: Case, peers: Sequence[str], rep: int) -> Iterator[list[list[str]]]:
        """What belongs together: lists of workers, each a list of contenders."""
        own = [case.floor, *case.references, case.ours]
        yield [[name] for name in own] if case.one_process_each else [own]
        for peer in peers:
            if interpreter(peer, self._venvs).exists():
                yield [[case.floor], [peer]]
            elif rep == 0:
                self._skip(row, case, peer, "no virtual environment: python -m bench.setup_peers")

    def _take(self, row: Row, case: Case, rep: int, turn: Sequence[Sequence[str]], folder: Path) -> None:
        """Run the workers of a turn and write their measurements beside the turn's floor."""
        found: list[Measurement] = []
        for contenders in turn:
            try:
                found += self._work(row, case, contenders, folder)
            except WorkerError as failure:
                found += self._one_by_one(row, case, contenders, folder, str(failure))
        floors = {item.case: item.value for item in found if item.contender == case.floor}
        for item in found:
            item.rep = rep
            item.beside = item.beside or floors.get(item.case)
            write_measurement(self._out, item)

    def _one_by_one(
        self, row: Row, case: Case, contenders: Sequence[str], folder: Path, reason: str
    ) -> list[Measurement]:
        """After a shared worker failed: measure each alone, so that one failure does not hide the others."""
        if len(contenders) == 1:
            self._skip(row, case, contenders[0], reason)
            return []
        found = []
        for name in contenders:
            try:
                found += self._work(row, case, [name], folder)
            except WorkerError as failure:
                self._skip(row, case, name, str(failure))
        return found

    def _work(self, row: Row, case: Case, contenders: Sequence[str], folder: Path) -> list[Measurement]:
        """Run one worker on an empty folder."""
        python = str(interpreter(contenders[0], self._venvs))
        scratch = Path(tempfile.mkdtemp(dir=folder))
        command = [python, "-m", "bench.worker", row.name, case.name, str(scratch), *contenders]
        return [measurement_from(json.loads(line)) for line in run_in_group(command, case.timeout_s).splitlines()]

    def _skip(self, row: Row, case: Case, contender: str, reason: str) -> None:
        """Write down what could not be measured."""
        shown = without_folders(reason.strip().splitlines()[-1])
        print(f"  {contender}: {shown}", file=sys.stderr)
        skipped = Unmeasured(row.name, case.name, contender, shown)
        write_record(self._out, "unmeasured", vars(skipped))


def without_folders(text: str) -> str:
    """A message without this machine's paths; names of files stay."""
    return re.sub(r"(?:/[\w.-]+)+/", "", text)


def run_in_group(command: Sequence[str], timeout_s: int) -> str:
    """Standard output of a command that has a process group of its own, ended as a whole if it overruns."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=worker_environment(),
        start_new_session=True,
    )
    try:
        printed, complaints = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise WorkerError(f"took more than {timeout_s} s") from error
    if process.returncode != 0:
        raise WorkerError(complaints[-STDERR_SHOWN:] or f"ended with {process.returncode}")
    return printed


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(rows.NAMES), help="rows, separated by commas")
    parser.add_argument("--runs", type=int, help="bundles of `newest`, `find`, `reindex` (default 10,000)")
    parser.add_argument("--catalog-runs", type=int, help="runs of the row `catalog` (default 1,000,000)")
    parser.add_argument("--reps", type=int, default=5, help="repeats of each table (default 5)")
    parser.add_argument("--peers", default="all", help="all, none, or names separated by commas")
    parser.add_argument("--out", type=Path, default=BENCH / "results.jsonl", help="written anew")
    parser.add_argument("--venvs", type=Path, default=BENCH / ".venvs", help="the peers' environments")
    parser.add_argument("--scratch", type=Path, default=BENCH / ".scratch", help="on the disk to measure")
    return parser.parse_args()


def main() -> int:
    """Measure what was asked for."""
    arguments = parse_arguments()
    chosen, peers = load_rows(arguments.only.split(",")), choose_peers(arguments.peers)
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    scratch = arguments.scratch.resolve()
    for variable, runs in (("BENCH_RUNS", arguments.runs), ("BENCH_CATALOG_RUNS", arguments.catalog_runs)):
        if runs:
            os.environ[variable] = str(runs)
    with arguments.out.open("w", encoding="utf-8") as out:
        harness = Harness(arguments.venvs.absolute(), scratch, out)
        write_record(out, "machine", describe_machine(scratch))
        for row in chosen:
            for case in row.cases:
                started = time.monotonic()
                if not case.measured_with:
                    harness.measure_case(row, case, peers, arguments.reps)
                print(f"{row.name} {case.name}: took {time.monotonic() - started:.0f} s", file=sys.stderr)
                print(case_section(row, case, [arguments.out]), flush=True)
    return 0
