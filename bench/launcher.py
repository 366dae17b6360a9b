"""Spawn a command, wait for it and say what it took: `launcher.py REPORT STDERR COMMAND...`.

A program of its own, run by a bare interpreter, because the kernel starts the peak memory of a command at
the size of the process that spawned it: this one stays under 10 MB. Standard input and output of the
command go nowhere.
"""

import os
import sys
import time


def main() -> None:
    """Write wall and CPU seconds, peak KB and exit status to the report."""
    report, stderr, *argv = sys.argv[1:]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    ]
    started = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    _pid, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    exit_status = os.waitstatus_to_exitcode(status)
    with open(report, "w") as file:
        file.write(f"{wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss} {exit_status}")


if __name__ == "__main__":
    main()
