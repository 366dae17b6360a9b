"""Commands with a time limit that nothing they started outlives.

- The command gets a session of its own; at the limit, or when the tool is interrupted, all of that
  session is killed: a shell's or strace's children would otherwise go on.
- It reads nothing, and its output goes to files, so that no left-over child can keep the tool waiting.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO


def run_bounded(
    argv: Sequence[str], env: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes], limit_s: float
) -> int | None:
    """The exit status of a command (negative for a signal), None when it had to be killed at the limit."""
    with subprocess.Popen(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
    ) as process:
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            _kill_session(process.pid)
            return None
        except BaseException:
            _kill_session(process.pid)
            raise


def _kill_session(pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)
