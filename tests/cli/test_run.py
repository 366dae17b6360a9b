"""`runstone run` as a process: its status is the command's, and its run is sealed, whatever fails around them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import runstone
from cli.conftest import Invoke, command_line
from runstone.engine import git
from runstone.engine.store import Store

SPEAKS = ["sh", "-c", "echo out; echo err >&2; exit 7"]


def in_shell(redirection: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with streams as a shell's redirection leaves them."""
    line = ["sh", "-c", f'"$@" {redirection}', "sh", *command_line(*words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(store: Store, closed: str) -> None:
    """The status is the command's, the record has all that it said, and no file of ours has it in its place."""
    done = in_shell(closed, "run", "--run-id", "r", "--", *SPEAKS)
    assert done.returncode == 7
    assert done.stdout == ("" if "-" in closed.replace("2>&-", "").replace("<&-", "") else "out\n")
    assert done.stderr == ("" if "2>&-" in closed else "err\n")
    assert store.verify("r").ok
    said = {event["data"]["stream"]: event["data"]["text"] for event in store.get("r").events("log")}
    assert said == {"stdout": "out\n", "stderr": "err\n"}


@pytest.mark.parametrize("words", [["--frob"], ["--", "no-such-command-here"], ["--required-env", "ABSENT", "--", "x"]])
def test_what_is_said_to_a_closed_standard_error(words: list[str]) -> None:
    """It is lost, and the status is what it is with one."""
    open_ended = in_shell("", "run", *words)
    assert in_shell("2>&-", "run", *words).returncode == open_ended.returncode != 0
    assert open_ended.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="other OS: no /dev/full")
def test_a_standard_output_that_is_full() -> None:
    """What cannot be shown does not change the command's status."""
    words = ["--contract", "ovc", "--kind", "x", "--", *SPEAKS]
    assert in_shell(">/dev/full", "run", *words).returncode == 7


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="other OS: no /dev/full")
def test_output_that_cannot_be_shown_is_recorded_and_that_is_said(store: Store) -> None:
    """A full disk behind standard output: said once, in the record from end to end, and the command goes on."""
    done = in_shell(">/dev/full", "run", "--run-id", "r", "--", "sh", "-c", "seq 200000; exit 3")
    assert done.returncode == 3
    assert done.stderr.count("runstone: standard output: No space left on device; the rest of what the command") == 1
    assert "is recorded, and not shown" in done.stderr
    said = "".join(event["data"]["text"] for event in store.get("r").events("log"))
    assert said.splitlines() == [str(number) for number in range(1, 200_001)]


def test_a_reader_that_goes_away_is_no_fault_of_a_disk() -> None:
    """The command gets the broken pipe, as it would alone, and nothing is said of it."""
    words = [*command_line("run", "--run-id", "r", "--", "yes")]
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -n 1; exit "${PIPESTATUS[0]}"', "bash", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (141, "y\n", "")


REFUSED = """
import os, sys
def refuse(*_):
    raise PermissionError(1, "Operation not permitted")
os.kill = os.killpg = refuse
from runstone.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command where no signal may be sent, as to a command that has become another user."""


def test_a_signal_that_may_not_be_passed_on(store: Store) -> None:
    """That is said, and the command is waited for: its status and all that it wrote afterwards are recorded."""
    words = ["run", "--run-id", "r", "--", "sh", "-c", "kill -USR1 $PPID; echo after; exit 7"]
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (7, "after\n")
    assert done.stderr == "runstone: SIGUSR1 could not be passed on: the command belongs to another user\n"
    assert [event["data"]["text"] for event in store.get("r").events("log")] == ["after\n"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT], ids=lambda n: n.name)
def test_a_command_that_is_stopped_hears_that_it_is_to_end(number: int) -> None:
    """A signal waits as long as a process is stopped, and the wrapper would wait for that."""
    code = (
        "import os, signal, sys\nsignal.signal(int(sys.argv[1]), signal.SIG_DFL)\nos.execv(sys.argv[2], sys.argv[2:])"
    )
    words = [sys.executable, "-c", code, str(int(number))]  # which whoever runs the tests may ignore
    words += command_line("run", "--", "sh", "-c", "echo $$; kill -STOP $$; sleep 60")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as wrapper:
        assert wrapper.stdout is not None
        command = wrapper.stdout.readline().strip()
        while "T" not in subprocess.check_output(["ps", "-o", "stat=", "-p", command], text=True):
            time.sleep(0.01)
        wrapper.send_signal(number)
        assert wrapper.wait(60) == 128 + number


JOB = """
import os, pty, signal, sys

shell, terminal = pty.fork()
if shell == 0:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.execv(sys.argv[1], sys.argv[1:])
    stopped = os.WIFSTOPPED(os.waitpid(job, os.WUNTRACED)[1])
    os.tcsetpgrp(0, job)
    os.killpg(job, signal.SIGCONT)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]) if stopped else 99)
os.write(terminal, b"bob\\n")
try:
    while os.read(terminal, 1024):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1]))
"""
"""A shell that starts a job in the background, waits until it stops, and takes it to the foreground."""


def test_a_job_in_the_background_that_reads_the_terminal() -> None:
    """It stops as a whole, so that the shell knows; `fg` goes on with it, and what is typed arrives."""
    words = command_line("run", "--", "sh", "-c", 'read name; test "$name" = bob && exit 7')
    assert subprocess.run([sys.executable, "-c", JOB, *words], timeout=60, check=False).returncode == 7


def test_what_git_has_started_ends_with_it(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a filter of a repository that hangs."""
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    stub = tmp_path / "bin" / "git"
    stub.parent.mkdir()
    child = f"subprocess.Popen(['sleep', '60'], pass_fds=[{theirs}])"
    stub.write_text(f"#!{sys.executable}\nimport os, subprocess\n{child}\nos.write({theirs}, b'.')\nos.wait()\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "LIMIT_S", 0)
    with store.run("x") as run:
        check = git.DirtyCheck(run)
        os.close(theirs)
        assert os.read(ours, 1) == b"."
        check.finish()
    assert select.select([ours], [], [], 30)[0]
    assert os.read(ours, 1) == b""
    os.close(ours)


@pytest.mark.parametrize("terminal", [[], ["--pty"]], ids=["pipes", "pty"])
def test_a_parent_that_ignores_the_end_of_its_children(store: Store, terminal: list[str]) -> None:
    """What it left ignored would throw the command's status away: it is passed on all the same."""
    words = command_line("run", "--run-id", "r", *terminal, "--", "sh", "-c", "echo out; exit 7")
    code = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (7, ["out"], "")
    (closed,) = store.get("r").events("run.closed")
    assert closed["data"]["exit"] == 7


def test_a_word_before_the_dashes_is_no_option(process: Invoke) -> None:
    """Who forgets `--` is told where it goes, in words that can be typed; who has one, that the word stands before."""
    answer = process("run", "--kind", "k", "echo", "hi  there", "all")
    assert answer.status == 125
    told = "'echo' is no option, and the command follows `--`: "
    assert answer.err == f"runstone run: {told}runstone run --kind k -- echo 'hi  there' all\n"
    answer = process("run", "stray", "--kind", "k", "--", "true")
    told = "'stray' is no option, and stands before the `--` that the command follows"
    assert answer == (125, "", f"runstone run: {told}\n")


@pytest.mark.parametrize("options", [[], ["--pty"], ["--contract", "ovc"]], ids=" ".join)
def test_an_empty_command_word_is_not_found(process: Invoke, options: list[str]) -> None:
    """As `env ""` has it: a variable that is not set stood for the command. The run is failed, and sealed."""
    answer = process("run", *options, "--store", "runs", "--", "", "x")
    assert (answer.status, answer.err) == (127, "runstone: '': command not found\n")
    (row,) = runstone.open("runs").rows()
    assert row["status"] == "failed"


def test_a_zero_in_a_word_cannot_be_executed(store: Store, invoke: Invoke) -> None:
    """No process has such words, whoever asks for them; the run is failed, and sealed."""
    answer = invoke("run", "--run-id", "r", "--", "echo", "a\0b")
    assert answer.status == 126
    assert answer.err.startswith("runstone: echo: ")
    assert (store.get("r").status, store.verify("r").ok) == ("failed", True)


def test_an_input_that_is_not_there_is_said(store: Store, process: Invoke) -> None:
    """A slip of the pen is not recorded in silence; what a URL names is somewhere else."""
    answer = process("run", "--run-id", "r", "--input", "typo.csv", "--input", "s3://bucket/rows", "--", "true")
    assert (answer.status, answer.err.count("\n")) == (0, 1)
    assert "--input typo.csv: there is no such file" in answer.err
    assert [one["type"] for one in store.get("r").document("run.json")["inputs"]] == ["reference", "reference"]


def test_a_run_that_was_recovered_by_force_says_it_once(store: Store, process: Invoke) -> None:
    """The command goes on to its end; that the sealed run has not all of it is said, in one line that is true."""
    words = [*command_line("recover", "--force", "r")]
    code = f"import subprocess; subprocess.run({words!r}, check=True, stdout=subprocess.DEVNULL)"
    answer = process("run", "--run-id", "r", "--", sys.executable, "-c", code)
    assert (answer.status, store.get("r").status) == (0, "interrupted")
    assert answer.err == (
        "runstone run: recovery sealed run r while its writer was away, with what was recorded until then\n"
    )


def test_what_a_strict_recorder_refuses_before_the_command(store: Store, process: Invoke) -> None:
    """An input without a digest: the command is not run, and the run is sealed as failed, not left open."""
    answer = process("run", "--strict", "--run-id", "r", "--input", ".", "--", "touch", "ran")
    assert answer.status == 125
    assert "it is no file" in answer.err
    assert not Path("ran").exists()
    assert store.get("r").status == "failed"


def test_what_a_strict_recorder_refuses_after_the_command(store: Store, process: Invoke) -> None:
    """An output that is changed while it is read is said and recorded; the status is the command's."""
    change = "import os, sys\nfrom runstone.engine import artifacts\n"
    change += "def chunks(*_):\n    raise artifacts.ChangedWhileRead\nartifacts.FileReader.chunks = chunks\n"
    code = f"{change}sys.argv[0] = 'runstone'\nfrom runstone.cli import process\nprocess()"
    words = ["run", "--strict", "--run-id", "r", "--output", "made", "--", "sh", "-c", "echo > made; exit 3"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "runstone run: --output made: made: it changed while it was read" in done.stderr
    assert [event["data"]["level"] for event in store.get("r").events("log")] == ["warning"]
    assert store.verify("r").ok


@pytest.mark.parametrize(("option", "ran"), [("--input", False), ("--output", True)])
@pytest.mark.parametrize("contract", ["runstone", "ovc"])
def test_ctrl_c_while_a_file_is_hashed(store: Store, contract: str, option: str, ran: bool) -> None:
    """Before the command, or behind it: the run is sealed as cancelled, the status is 130, and nothing else is said."""
    change = "import sys\nfrom runstone.engine import artifacts\n"
    change += "def chunks(*_):\n    raise KeyboardInterrupt\nartifacts.FileReader.chunks = chunks\n"
    code = f"{change}sys.argv[0] = 'runstone'\nfrom runstone.cli import process\nprocess()"
    Path("file").touch()
    words = ["run", "--store", store.url, "--contract", contract, "--kind", "k", option, "file", "--", "touch", "ran"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")
    assert Path("ran").exists() == ran
    (row,) = store.runs()
    assert row.status == "cancelled"
    assert store.verify(row.run_id).ok


def test_a_store_that_fails_under_a_strict_recorder() -> None:
    """The command is shown and waited for, its status is passed on, and the loss is said."""
    command = ["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' a; read line; echo behind; touch done; exit 4"]
    words = command_line("run", "--strict", "--run-id", "r", "--", *command)
    child = subprocess.Popen(
        ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.read(300_000) == "a" * 300_000
        out, err = child.communicate("go on\n", timeout=30)
    assert out == "behind\n"
    assert "run r does not hold all of its command" in err
    assert Path("done").exists()
    assert child.returncode == 4


def test_a_message_has_no_control_characters(process: Invoke) -> None:
    """What is quoted of an argument does nothing to a terminal."""
    answer = process("run", "--kind", "k", "--label", "\x1b[31mno-label", "--output", "\x1b[2J", "--", "true")
    assert "\x1b" not in answer.err
    answer = process("run", "--output", "\x1b[2J", "--", "true")
    assert "--output \\x1b[2J: no such file" in answer.err
    assert "\x1b" not in answer.err
    answer = process("run", "--contract", "\x1b[2J", "--", "true")
    assert answer.status == 125
    assert "\x1b" not in answer.err


# --resume


def test_resume_is_a_retry_of_the_same_kind(store: Store, process: Invoke) -> None:
    """A failed run's command is run again, as a run that links to it; its kind is taken over, and may be another."""
    assert process("run", "--kind", "nightly", "--run-id", "first", "--", "false").status == 1
    assert process("run", "--resume", "first", "--run-id", "second", "--", "true").status == 0
    assert process("run", "--resume=first", "--kind=other", "--run-id=third", "--", "true").status == 0
    links = [{"rel": "retries", "run_id": "first", "digest": store.get("first").digest}]
    assert [(store.get(name).kind, store.get(name).manifest["links"]) for name in ("second", "third")] == [
        ("nightly", links),
        ("other", links),
    ]


def test_resume_of_a_killed_wrapper(store: Store, process: Invoke) -> None:
    """The wrapper and its command were killed: what it recorded is sealed first, then the command is run anew."""
    killed = subprocess.run(command_line("run", "--run-id", "first", "--", "sh", "-c", "kill -9 $PPID"), check=False)
    assert killed.returncode == -9
    assert process("run", "--resume", "first", "--run-id", "second", "--", "true").status == 0
    assert store.get("first").status == "interrupted"
    assert store.get("second").manifest["links"][0]["run_id"] == "first"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume", "good"], "ended as success"),
        (["--resume", "nobody"], "no run 'nobody'"),
        (["--resume", ""], "empty value"),
        (["--resume", "good", "--contract", "ovc"], "--resume: a run of contract ovc resumes no other"),
    ],
)
def test_resume_that_is_refused(store: Store, process: Invoke, words: list[str], said: str) -> None:
    """Wrong use: the command is not run, and nothing is recorded."""
    assert process("run", "--run-id", "good", "--", "true").status == 0
    answer = process("run", *words, "--", "touch", "ran")
    assert (answer.status, Path("ran").exists()) == (125, False)
    assert said in answer.err
    assert [sealed.run_id for sealed in store.runs()] == ["good"]


NO_PIDFD = """
import errno, os, sys
def refuse(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
os.pidfd_open = refuse
from runstone.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_kernel_that_tells_no_end_of_a_process(store: Store) -> None:
    """Older than 5.3, or a sandbox: the end of the command is looked for, and it is recorded as ever."""
    words = ["run", "--store", store.url, "--", "sh", "-c", "sleep 0.1; echo one; exit 3"]
    done = subprocess.run([sys.executable, "-c", NO_PIDFD, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "one\n", "")
    assert store.get("@latest").status == "failed"
