"""Wrap a command that does nothing: milliseconds over running `true` bare.

Each contender's command is spawned with `posix_spawn` and waited for, in turns with bare `true`; the value
is the difference of the medians. Wall time, as the run-queue wait of another process cannot be taken off.

Floor: `floor:wrapper`, a Python script by hand that runs the command, hashes its output, writes it and a
manifest, syncs both and the folder, renames, syncs the parent. `floor:python` is the interpreter alone.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.measurement import Case, Measurement, Row, Target
from bench.peers.wrappers import Command, wrap
from bench.processes import (
    Finished,
    folder_bytes,
    folder_files,
    run_command,
    user_environment,
)
from bench.turns import in_turns, over_bare

SPAWNS = 9
COMMAND = Command(["true"])
RECORDED_WITH_BOUNDARIES = 2
"""runproof's status for a script that starts a process."""


RECORD_NOTHING = ("bare", "floor:python")


def check_recorded(name: str, finished: Finished, store: Path, bytes_expected: int) -> None:
    """A wrapper that failed, or that left nothing behind, must not pass for a fast one."""
    if finished.status not in (0, RECORDED_WITH_BOUNDARIES if name == "runproof" else 0):
        raise RuntimeError(f"{name} ended with {finished.status}: {finished.stderr}")
    if name not in RECORD_NOTHING and folder_bytes(store) <= bytes_expected:
        raise RuntimeError(f"{name} ended well but recorded {folder_bytes(store)} bytes")


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Spawn each contender in turns with the bare command; the first of each warms up."""
    environment = user_environment()
    stores = {name: scratch / name.replace(":", "-") for name in contenders}
    commands = {name: wrap(name, COMMAND, store) for name, store in stores.items()}
    commands["bare"] = list(COMMAND.argv)

    def spawn(name: str) -> Finished:
        finished = run_command(commands[name], scratch, environment)
        check_recorded(name, finished, stores.get(name, scratch), bytes_expected=0)
        return finished

    runs = in_turns(commands, spawn, SPAWNS)
    found = []
    for name in contenders:
        measured = over_bare(name, "bare", runs)
        measured.details["files_per_run"] = folder_files(stores[name]) / (1 + SPAWNS)
        found.append(measured)
    return found


ROW = Row(
    "wrapper_true",
    "`runstone run -- true` over bare `true`",
    (
        Case(
            measure,
            floor="floor:wrapper",
            references=("floor:python",),
            peers=("runproof", "sacred", "guild"),
            targets=(Target("value", 30.0, "≤ 30 ms over bare `true`, sealed and synced"),),
            columns=("min_ms", "cpu_ms", "files_per_run"),
        ),
    ),
)
