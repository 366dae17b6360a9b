"""Wrap a command that prints 200 MB in lines of 80 bytes: seconds, and peak memory. Standard output goes
nowhere.

Two outputs: the same line again and again (`yes`), and lines that look like a log (`cat` of a file). Before
each spawn the disk is brought to rest (`sync`), so that nobody pays for another's unwritten pages.

Floor: `floor:wrapper`, a Python script by hand: read up to 1 MB, SHA-256, write, copy to standard output;
sync, manifest, rename at the end. `tee` keeps the bytes and syncs nothing; `bare` is the command alone.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.measurement import Case, Measurement, Row, Target
from bench.peers.wrappers import Command, wrap
from bench.processes import folder_bytes, run_command, user_environment
from bench.rows.wrapper_true import check_recorded
from bench.workload import LINE, write_log_text

OUTPUT_BYTES = 200 * 1024 * 1024
TARGETS = (
    Target("ratio", 1.0, "≤ 1 × the floor beside it"),
    Target("peak_rss_mb", 40.0, "≤ 40 MB of memory"),
)
COLUMNS = ("peak_rss_mb", "cpu_s", "mb_kept")


def same_line(size_bytes: int, scratch: Path) -> Command:
    """A command that prints one line again and again."""
    return Command(["sh", "-c", f"yes {LINE.decode().strip()} | head -c {size_bytes}"])


def log_text(size_bytes: int, scratch: Path) -> Command:
    """A command that prints a file of log-like lines."""
    path = scratch / "log-text"
    write_log_text(path, size_bytes)
    return Command(["cat", str(path)])


def measure(
    make_command: Callable[[int, Path], Command], contenders: Sequence[str], scratch: Path
) -> list[Measurement]:
    """Run each contender once, one after the other."""
    command, environment = make_command(OUTPUT_BYTES, scratch), user_environment()
    found = []
    for name in contenders:
        store = scratch / name.replace(":", "-")
        argv = wrap(name, command, store)
        os.sync()
        finished = run_command(argv, scratch, environment)
        check_recorded(name, finished, store, OUTPUT_BYTES - 1)
        found.append(
            Measurement(
                name,
                finished.wall_s,
                "s",
                details={
                    "peak_rss_mb": finished.peak_rss_mb,
                    "cpu_s": finished.cpu_s,
                    "mb_kept": folder_bytes(store) / 1e6,
                },
            )
        )
        shutil.rmtree(store)
    return found


ROW = Row(
    "wrapper_200mb",
    "200 MB of output through the wrapper",
    tuple(
        Case(
            partial(measure, make_command),
            name=name,
            floor="floor:wrapper",
            references=("bare", "tee"),
            peers=peers,
            targets=TARGETS,
            columns=COLUMNS,
        )
        for name, make_command, peers in (
            ("same line", same_line, ("sacred", "guild")),
            ("log text", log_text, ("sacred",)),
        )
    ),
)
