"""Commands and forked children, and what they cost."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
STDERR_SHOWN = 300
LAUNCHER = Path(__file__).resolve().with_name("launcher.py")


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    wall_s: float
    cpu_s: float
    """Its own and that of the children it waited for."""
    peak_rss_mb: float
    status: int
    """Exit status; negative for a signal."""
    stderr: str


def user_environment() -> dict[str, str]:
    """The environment of a measured command: ours without the path to the harness."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run_command(argv: Sequence[str], scratch: Path, environment: Mapping[str, str]) -> Finished:
    """Run a command with its output going nowhere, from a small process of its own (`bench.launcher`)."""
    report, stderr = scratch / "report.txt", scratch / "stderr.txt"
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(report), str(stderr), *argv]
    launched = subprocess.run(launch, env=dict(environment), capture_output=True, text=True)
    if launched.returncode != 0:
        raise RuntimeError(launched.stderr.strip().rpartition("\n")[2])
    wall, cpu, peak_kb, status = report.read_text().split()
    return Finished(
        wall_s=float(wall),
        cpu_s=float(cpu),
        peak_rss_mb=int(peak_kb) / 1024,
        status=int(status),
        stderr=stderr.read_text(errors="replace")[-STDERR_SHOWN:],
    )


def peak_rss_mb() -> float:
    """Peak resident memory of this process since it started or was forked."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def run_forked(function: Callable[[], Any]) -> Any:
    """The result of a function, run in a forked child so that its imports and memory stay there."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def send_result() -> None:
        try:
            sender.send((function(), None))
        except Exception as error:  # told to the parent, which raises
            sender.send((None, f"{type(error).__name__}: {error}"))

    child = context.Process(target=send_result)
    child.start()
    sender.close()
    try:
        result, failure = receiver.recv()
    except EOFError:
        result, failure = None, "the child died"
    child.join()
    if failure:
        raise RuntimeError(failure)
    return result


def adopt_orphans() -> None:
    """From now on, processes that outlive our children become ours, so that they can be found and ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def own_children() -> list[int]:
    """Process ids of our living children."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else []


def folder_bytes(folder: Path) -> int:
    """Apparent size of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def folder_files(folder: Path) -> int:
    """Number of files below a folder."""
    return sum(path.is_file() for path in folder.rglob("*"))
