"""The command line: parse, record, check, report."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crashpoints import __doc__ as package_documentation
from crashpoints.candidates import Families
from crashpoints.checking import Checker, CheckOptions
from crashpoints.disk import copy_directory, remove_directory
from crashpoints.durability import Model
from crashpoints.errors import ToolError
from crashpoints.explore import Budget, Findings, Sweep
from crashpoints.recording import RecordingOptions, record
from crashpoints.report import Report, operation_lines
from crashpoints.states import CRASHES, Crash, History, State


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit status: 0 passed, 1 failed, 2 no trustworthy answer."""
    options = _parse(argv)
    try:
        report = examine(options)
    except (ToolError, OSError) as exc:
        print(f"crashpoints: {exc}", file=sys.stderr)
        return 2
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            file.write(report.as_json() + "\n")
    for line in report.lines(options.show):
        print(line)
    return 0 if report.passed else 1


def examine(options: argparse.Namespace) -> Report:
    """Record the command, check its undamaged result, sweep the crash states.

    Raises ToolError when one of the first two gives nothing to go by.
    """
    with _directories(options.dir, options.initial) as (work, root):
        history = _recorded(options, work, root)
        if options.print_ops:
            print("\n".join(operation_lines(history)))
        if not any(op.losable for op in history.ops):
            raise ToolError("the command changed nothing in the directory; is {dir} in its arguments?")
        check = CheckOptions(options.check, options.check_timeout, tuple(options.ignore), options.keep)
        checker = Checker(history, work, check)
        _require_undamaged_passes(history, checker)
        findings = _swept(options, history, checker)
    return Report(options.name, history, findings, options.seed, options.min_states)


@contextmanager
def _directories(asked: str | None, initial: str | None) -> Iterator[tuple[str, str]]:
    """A directory for traces and states, and the one under test; both are gone afterwards."""
    if asked and os.path.lexists(asked):
        raise ToolError(f"{asked} exists already")
    if initial and not os.path.isdir(initial):
        raise ToolError(f"{initial} is no directory to start from")
    work = os.path.realpath(tempfile.mkdtemp(prefix="crashpoints-"))
    root = os.path.realpath(asked or os.path.join(work, "dir"))
    try:
        if initial:
            copy_directory(initial, root)
        else:
            os.makedirs(root)
        yield work, root
    finally:
        remove_directory(root)
        remove_directory(work)


def _recorded(options: argparse.Namespace, work: str, root: str) -> History:
    command = [word.replace("{dir}", root) for word in options.command]
    recording_options = RecordingOptions(
        limit_s=options.command_timeout,
        expected_status=options.command_status,
        trace_reads=options.trace_reads,
        max_write_bytes=options.max_write,
        ignore=options.ignore,
    )
    return History(record(command, root, work, recording_options), Model(options.model))


def _require_undamaged_passes(history: History, checker: Checker) -> None:
    final = State("kill", len(history.ops))
    if failure := checker.check(final, *history.rebuild(final)):
        raise ToolError(f"the check fails on the undamaged result:\n{failure.output}")


def _swept(options: argparse.Namespace, history: History, checker: Checker) -> Findings:
    states = Families(history, options.samples, options.seed).states(options.kinds)
    if options.only:
        states = (state for state in states if state.id == options.only)
    budget = Budget(options.max_states, options.max_seconds, options.jobs, options.fail_fast)
    return Sweep(history, checker, budget).run(states)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(argv)
    if not options.command or not options.check:
        parser.error("give --check CMD and, after --, the command to record")
    if options.min_states > options.max_states:
        parser.error("--min-states is more than --max-states lets the tool check")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crashpoints",
        usage="crashpoints [options] --check CMD -- COMMAND...",
        description=package_documentation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="*", help="the command to record, after --")
    _add_recording_options(parser.add_argument_group("recording"))
    _add_state_options(parser.add_argument_group("states"))
    _add_check_options(parser.add_argument_group("checking"))
    _add_report_options(parser.add_argument_group("report"))
    return parser


def _add_recording_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--initial", metavar="DIR", help="start from a copy of this directory (default: empty)")
    add("--dir", metavar="PATH", help="use this path for the directory under test; it must not exist")
    add("--ignore", action="append", default=[], metavar="GLOB", help="leave matching files out (repeatable)")
    add("--command-timeout", type=float, default=120, metavar="S", help="seconds (default: %(default)s)")
    add("--command-status", type=int, default=0, metavar="N", help="exit status expected of it (default: 0)")
    add("--trace-reads", action="store_true", help="also trace read(): for programs that read, then write on")
    add("--max-write", type=_count, default=4 << 20, metavar="BYTES", help="longest write (default: 4 MiB)")


def _add_state_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--kinds", type=_kinds, default=CRASHES, help="kill, power or kill,power (default: both)")
    add("--model", choices=tuple(Model), default=Model.STRICT, help="what survives (default: %(default)s)")
    add("--samples", type=_count, default=32, metavar="N", help="mixtures per crash point (default: 32)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the random states (default: %(default)s)")
    add("--only", metavar="ID", help="check only the state with this id (same --seed and --samples)")
    add("--max-states", type=_count, default=2000, metavar="N", help="check no more (default: %(default)s)")
    add("--min-states", type=_count, default=0, metavar="N", help="fail when fewer were checked (default: 0)")
    add("--max-seconds", type=float, default=300, metavar="S", help="check no longer (default: %(default)s)")
    add("--fail-fast", action="store_true", help="stop at the first failing state")


def _add_check_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--check", metavar="CMD", help="shell command that exits 0 when a state is acceptable")
    add("--check-timeout", type=float, default=30, metavar="S", help="seconds for one check (default: 30)")
    jobs = os.cpu_count() or 1
    add("--jobs", type=_positive, default=jobs, metavar="N", help="checks at once (default: all cores)")
    add("--keep", metavar="DIR", help="save failing states here")


def _add_report_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--name", type=_word, default="sweep", help="its name in the summary (default: %(default)s)")
    add("--json", metavar="FILE", help="write the full report here")
    add("--show", type=_count, default=5, metavar="N", help="failures to print (default: %(default)s)")
    add("--print-ops", action="store_true", help="print the recorded operations and what made each durable")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _positive(text: str) -> int:
    number = _count(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _word(text: str) -> str:
    if not text or any(ch.isspace() for ch in text):
        raise argparse.ArgumentTypeError("must be one word, so that the summary can be split at spaces")
    return text


def _kinds(text: str) -> tuple[Crash, ...]:
    asked = text.split(",")
    if not set(asked) <= set(CRASHES):
        raise argparse.ArgumentTypeError("takes kill, power or kill,power")
    return tuple(crash for crash in CRASHES if crash in asked)
