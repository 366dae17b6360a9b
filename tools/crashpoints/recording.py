"""Runs a command under strace and returns everything it did to one directory.

- A recording that does not explain what is on disk at the end is refused: crash states made from it
  would be states of another program.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from crashpoints.bounded import run_bounded
from crashpoints.disk import read_tree
from crashpoints.effects import Op, Output
from crashpoints.errors import ToolError
from crashpoints.processes import Surroundings
from crashpoints.recorder import Recorder
from crashpoints.syscalls import HANDLERS, READS
from crashpoints.syscalls.surroundings import BIRTHS
from crashpoints.trace import Call, parse_trace
from crashpoints.tree import Tree


@dataclass(frozen=True)
class RecordingOptions:
    """How a command is recorded."""

    limit_s: float = 120
    expected_status: int = 0
    trace_reads: bool = False
    max_write_bytes: int = 4 << 20
    ignore: Sequence[str] = ()


@dataclass(frozen=True)
class Recording:
    """The directory before the run and after it, what happened between, and what could not be seen."""

    base: Tree
    final: Tree
    ops: Sequence[Op]
    warnings: Sequence[str]


def record(command: Sequence[str], root: str, work: str, options: RecordingOptions) -> Recording:
    """Run a command that changes the directory `root`; traces go to the directory `work`.

    `root` is an absolute path without symbolic links. Raises ToolError when the command cannot be
    traced, ends otherwise than expected, or did what the recording does not explain.
    """
    base = read_tree(root)
    trace, stdout_path = os.path.join(work, "trace"), os.path.join(work, "stdout")
    _run_traced(command, root, trace, stdout_path, options)
    recorder = Recorder(root, base, stdout_path, Surroundings(os.getcwd(), _umask()))
    with open(trace, encoding="ascii", errors="replace") as log:
        replay(recorder, parse_trace(log))
    _note_late_output(recorder)
    _compare(recorder, read_tree(root), options.ignore)
    return Recording(base, recorder.live, recorder.ops, recorder.warnings)


def replay(recorder: Recorder, calls: Sequence[Call]) -> None:
    """Tell the recorder every call, in order. Raises ToolError for a call it cannot make sense of."""
    for call in calls:
        if call.name in BIRTHS and call.ret > 0:
            recorder.processes.born(call.ret, call.pid, " ".join(call.args))
    for call in calls:
        if handler := HANDLERS.get(call.name):
            try:
                handler(recorder, recorder.processes.get(call.pid), call)
            except (ValueError, IndexError, KeyError) as exc:
                raise ToolError(f"cannot make sense of a traced call: {call}") from exc


def _run_traced(command: Sequence[str], root: str, trace: str, stdout_path: str, options: RecordingOptions) -> None:
    if shutil.which("strace") is None:
        raise ToolError("strace is not installed (Debian: apt-get install strace)")
    traced = sorted(HANDLERS if options.trace_reads else HANDLERS.keys() - READS)
    argv = ["strace", "-f", "-qq", "-y", "-xx", "-v", "-s", str(options.max_write_bytes), "-o", trace]
    # "?": not every kernel and machine has every call (arm64 has no rename, only renameat).
    argv += ["-e", "trace=" + ",".join("?" + name for name in traced), "--", *command]
    stderr_path = trace + ".stderr"
    with open(stdout_path, "wb") as stdout, open(stderr_path, "wb") as stderr:
        status = run_bounded(argv, dict(os.environ, CRASHPOINTS_DIR=root), stdout, stderr, options.limit_s)
    if status is None:
        raise ToolError(f"the command did not finish within {options.limit_s} s")
    if status != options.expected_status:
        with open(stderr_path, errors="replace") as file:
            tail = file.read()[-1500:]
        raise ToolError(f"the command exited {status}, expected {options.expected_status}\n{tail}")


def _umask() -> int:
    mask = os.umask(0o022)  # there is no call that only reads it
    os.umask(mask)
    return mask


def _note_late_output(recorder: Recorder) -> None:
    spoken = [(op.index, op.effect.data.count(b"\n")) for op in recorder.ops if isinstance(op.effect, Output)]
    last_change = max((op.index for op in recorder.ops if op.losable), default=0)
    if sum(lines for _, lines in spoken) > 1 and spoken[0][0] > last_change:
        recorder.warn("all output came after the last change; if it stands for promises, print it with flush")


def _compare(recorder: Recorder, actual: Tree, ignore: Sequence[str]) -> None:
    """The recorded changes must explain exactly what is on disk now; other modes are only noted."""
    want, have = actual.listing(ignore), recorder.live.listing(ignore)
    wrong = sorted(
        path
        for path in want.keys() | have.keys()
        if path not in want or path not in have or want[path][:3] != have[path][:3]
    )
    if wrong:
        hints = "".join(f"\n  note: {warning}" for warning in recorder.warnings)
        raise ToolError(
            f"the recording does not explain what is on disk; differing: {', '.join(wrong[:8])}{hints}"
            "\n  try --trace-reads, or leave scratch files out with --ignore"
        )
    modes = [path for path in want if want[path].mode != have[path].mode]
    if modes:
        recorder.warn(f"the modes of these are not as recorded: {', '.join(modes[:8])}")
