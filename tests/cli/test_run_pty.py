"""`runstone run --pty` with an input that is no terminal: all of it arrives, and its end does."""

from __future__ import annotations

import hashlib
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import command_line
from runstone.engine.store import Store

LINES = b"".join(b"%d\n" % number for number in range(40_000))
DIGEST = "import hashlib, sys; open('read', 'w').write(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"


def with_input(data: bytes, *command: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command on a pseudo-terminal, `data` on our standard input."""
    words = command_line("run", "--pty", "--", *command)
    return subprocess.run(words, input=data, capture_output=True, timeout=60, check=False)


def test_more_input_than_a_terminal_holds() -> None:
    """It is handed on while output is read; neither waits for the other, and both are whole."""
    command = command_line("run", "--pty", "--", "sh", "-c", "stty -echo; echo ready; exec cat")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdout is not None
        assert child.stdout.read(7) == b"ready\r\n"
        out, _ = child.communicate(LINES, timeout=60)
    assert out == LINES.replace(b"\n", b"\r\n")
    assert child.returncode == 0


@pytest.mark.parametrize("data", [LINES, LINES + b"no end", b"a", b"\n", b""])
def test_every_byte_arrives(data: bytes) -> None:
    """And the end after it, within a line, too."""
    assert with_input(data, sys.executable, "-c", DIGEST).returncode == 0
    assert Path("read").read_text() == hashlib.sha256(data).hexdigest()


def test_a_command_that_reads_little_ends() -> None:
    """What it leaves unread holds nothing up; its status is passed on."""
    assert with_input(LINES, "sh", "-c", "read line; exit 4").returncode == 4


def test_a_signal_ends_a_command_that_reads_nothing() -> None:
    """However much waits to be handed on."""
    command = command_line("run", "--pty", "--", "sh", "-c", "stty -echo; echo ready; exec sleep 60")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        while b"ready" not in child.stdout.readline():
            pass
        child.stdin.write(b"x\n" * 35_000)  # more than the terminal takes, and less than it and the pipe do
        child.stdin.flush()
        child.terminate()
        assert child.wait(timeout=30) == 128 + signal.SIGTERM
        child.stdin.close()


def test_a_command_may_close_its_terminal_before_it_ends() -> None:
    """It is not hung up: it goes on, and its status is passed on."""
    code = "import os, time\nfor fd in range(3): os.close(fd)\n"
    code += "while not os.path.exists('seen'): os.close(os.open('seen', os.O_CREAT))\n"
    code += "for _ in range(200): os.stat('seen'); os.sched_yield(); time.sleep(0.001)\nos._exit(5)"
    assert with_input(b"", sys.executable, "-c", code).returncode == 5


def test_a_terminal_that_goes_away_takes_no_good_run_with_it(store: Store) -> None:
    """As a connection does under a job that outlives it: the command ends well, and the run says so."""
    job = "trap '' HUP; echo ready; sleep 0.5; exit 0"
    command = command_line("run", "--run-id", "r", "--pty", "--", "sh", "-c", job)
    child, ours = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.execv(command[0], command)
    assert b"ready" in os.read(ours, 100)
    os.close(ours)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sealed = store.get("r")
    assert (sealed.status, store.verify("r").ok) == ("success", True)
