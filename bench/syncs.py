"""How many times a recorder asks the disk to sync, counted with `strace`.

`python -m bench.syncs CONTENDER SCRATCH RUNS` records that many whole runs, to be traced. What a run costs
is the difference between a trace of six runs and one of a single run, so that start-up and shutdown do not
count.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

CALLS = ("fsync", "fdatasync", "msync", "sync_file_range", "sync", "syncfs")
EXTRA_RUNS = 5
TIMEOUT_S = 120


def syncs_per_run(contender: str, scratch: Path) -> float:
    """Syncs of every kind in one whole run, in all threads and child processes."""
    if shutil.which("strace") is None:
        raise FileNotFoundError("strace is not installed")
    one, more = (count_syncs(contender, scratch, runs) for runs in (1, 1 + EXTRA_RUNS))
    return (more - one) / EXTRA_RUNS


def count_syncs(contender: str, scratch: Path, runs: int) -> int:
    """Syncs of a process that records some runs."""
    trace = scratch / f"trace-{runs}"
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={','.join(CALLS)}", "-o", str(trace)]
    program = [sys.executable, "-m", "bench.syncs", contender, str(scratch / f"syncs-{runs}"), str(runs)]
    finished = subprocess.run(
        [*strace, *program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if finished.returncode != 0:
        raise RuntimeError(finished.stderr.strip().rpartition("\n")[2])
    return len(re.findall(rf"\b(?:{'|'.join(CALLS)})\(", trace.read_text()))


def main() -> None:
    """Record the runs."""
    from bench.contenders import load_recorder
    from bench.rows.whole_run import body_with
    from bench.workload import Sources, inputs_for, params_for

    contender, folder, runs = sys.argv[1:]
    scratch = Path(folder)
    sources = Sources(scratch / "sources")
    recorder = load_recorder(contender, scratch)
    for number in range(int(runs)):
        sources.refresh(number)
        recorder.record(number, params_for(number), inputs_for(number), body_with(sources))
    recorder.close()


if __name__ == "__main__":
    main()
