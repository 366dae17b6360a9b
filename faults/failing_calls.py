"""Every write-side system call of a run fails once, with each error that it can have.

The calls of a clean run are listed first; then the run is repeated, each time with one of them failing. The work
itself must end as it would alone, nothing may hang, what was said to be sealed must verify, and recovery must bring
the rest.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from faults.check import check_store
from faults.sweep import CannotTraceError, Result, environment, module

CALLS = {
    "openat": ("EIO", "ENOSPC", "EMFILE"),
    "write": ("EIO", "ENOSPC", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "fadvise64": ("EIO",),
    "mkdir": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC"),
    "link": ("EIO", "ENOSPC"),
    "linkat": ("EIO", "ENOSPC"),
    "unlink": ("EIO",),
    "chmod": ("EIO",),
    "fchmodat": ("EIO",),
    "flock": ("EINTR", "ENOLCK"),
    "close": ("EIO", "EINTR"),
    "ftruncate": ("EIO", "EINTR"),
    "pread64": ("EIO",),
    "getdents64": ("EIO",),
}
MINIMUM = 200
SAMPLE = 40
MUTANT_CASES = 8
_MUTANT = ("--mutant", "errors-not-held-back")
_LINE = re.compile(r"^(?:\d+\s+)?(\w+)\(")


def failing_calls(scratch: Path, sample: bool) -> Result:
    """The sweep; a sample takes every so many."""
    cases = [(call, number, error) for call, number in _calls(scratch) for error in CALLS[call]]
    if sample:
        cases = cases[:: max(1, len(cases) // SAMPLE)]
    problems: list[str] = []
    for call, number, error in cases:
        problems += [f"{call} #{number} {error}: {text}" for text in _fails_well(scratch, call, number, error)]
    return Result("failing system calls", len(cases), SAMPLE if sample else MINIMUM, problems)


def errors_not_held_back(scratch: Path, sample: bool) -> Result:
    """The work must break where the recorder raises what it cannot do."""
    cases = [case for case in _calls(scratch) if case[0] == "write"][:MUTANT_CASES]
    problems = [text for call, number in cases for text in _fails_well(scratch, call, number, "EIO", *_MUTANT)]
    missed = [] if any("the work ends" in text for text in problems) else ["no failing write breaks the work"]
    return Result("mutant errors-not-held-back", len(cases), MUTANT_CASES, missed)


def _calls(scratch: Path) -> list[tuple[str, int]]:
    """(call, its number among calls of that name) for each call of a clean run that concerns the store."""
    place = _fresh(scratch)
    log = scratch / "calls.log"
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-y",
            "-qq",
            "-o",
            str(log),
            "-e",
            "trace=" + ",".join(CALLS),
            *module("faults.scenes", "record", str(place)),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotTraceError(done.stderr.strip()[:300])
    seen: dict[str, int] = {}
    found = []
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        call = match[1]
        seen[call] = seen.get(call, 0) + 1
        if str(place) in line:
            found.append((call, seen[call]))
    return found


def _fresh(scratch: Path) -> Path:
    place = scratch / "place"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "kept.txt").write_bytes(b"kept line\n" * 600)
    return place


def _fails_well(scratch: Path, call: str, number: int, error: str, *more: str) -> list[str]:
    place = _fresh(scratch)
    inject = f"inject={call}:error={error}:when={number}"
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
    try:
        done = subprocess.run(
            [*command, *module("faults.scenes", "record", str(place), *more)],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ["the work hangs"]
    if done.returncode != 0:
        return [f"the work ends with {done.returncode}: {done.stderr.strip()[-300:]}"]
    return check_store(place, done.stdout, kind="power")
