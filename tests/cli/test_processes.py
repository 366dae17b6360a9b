"""The command as a process: statuses, pipes, signals, streams that fail."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Invoke, command_line, seal, spoil
from runstone.engine.store import Store


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["ls"], 0),
        (["show", "good"], 0),
        (["verify", "good"], 0),
        (["verify", "bad"], 1),
        (["verify", "--all"], 1),
        (["ls", "--frob"], 2),
        (["show", "nobody"], 3),
        (["verify", "./nothing"], 3),
        (["get", "good", "-o", "."], 4),
        (["ls", "--store", "a-file"], 5),
        (["run", "--frob"], 125),
    ],
)
def test_exit_statuses(store: Store, process: Invoke, words: list[str], status: int) -> None:
    """The table of the overview, as a shell sees it; nothing ends in a traceback."""
    seal(store, run_id="good")
    seal(store, run_id="bad")
    spoil(Path(store.url, "bad", "run.json"))
    Path("a-file").write_text("")
    Path("run.json").write_text("in the way")
    answer = process(*words)
    assert answer.status == status
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away(crowd: Path, unbuffered: str) -> None:
    """`runstone ls | head -1` ends without a word, and the status is that of a broken pipe."""
    words = command_line("ls", "--json", "--store", str(crowd))
    lister = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pipesize=4096,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert lister.stdout is not None
    assert lister.stderr is not None
    with lister:
        assert lister.stdout.readline() == b"[\n"
        lister.stdout.close()
        assert lister.stderr.read() == b""
    assert lister.returncode == 141


def test_head_in_a_shell(crowd: Path) -> None:
    """The same through a real pipeline."""
    words = " ".join(command_line("ls", "--store", str(crowd)))
    done = subprocess.run(["sh", "-c", f"{words} | head -3"], capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="other OS: no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_is_full(store: Store, unbuffered: str) -> None:
    """A disk that is full is said, with a status that says it."""
    seal(store)
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    for words in (["show", "@latest"], ["show", "@latest", "--json"], ["ls", "--frob", "--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                command_line(*words),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
                env=environment,
            )
        assert done.returncode == 6
        assert done.stderr == "runstone: standard output: No space left on device\n"


@pytest.mark.parametrize("words", ["ls", "ls --json", "--help", "show nobody", "ls --frob --json"])
def test_standard_output_that_is_closed(store: Store, words: str) -> None:
    """One line says it where there is somewhere to say it, and nothing ends in a traceback."""
    seal(store)
    line = f"{shlex.join(command_line())} {words}"
    done = subprocess.run(["sh", "-c", f"{line} >&-"], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    if words == "show nobody":
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    else:
        assert (done.returncode, done.stderr) == (6, "runstone: standard output: Bad file descriptor\n")
    mute = subprocess.run(["sh", "-c", f"{line} >&- 2>&-"], timeout=60, check=False)
    assert mute.returncode == done.returncode


def where_nothing_is(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in a working directory that was removed."""
    line = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", *command_line(*words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("contract", ["runstone", "ovc"])
def test_a_command_in_a_folder_that_was_removed_is_run(contract: str) -> None:
    """There is no place for the store there: that is said, and the command is run unrecorded; with `--strict` not."""
    words = ["--contract", contract, "--", sys.executable, "-c", "print('ran'); raise SystemExit(3)"]
    done = where_nothing_is("run", *words)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "ran")
    assert "runs: No such file or directory; the work goes on" in done.stderr
    assert "Traceback" not in done.stderr
    refused = where_nothing_is("run", "--strict", *words)
    assert refused.returncode != 3
    assert "ran" not in refused.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("ls", 0, "runstone: no runs in ./runs (there is no store there yet)\n"),
        ("show nobody", 3, "runstone: no run 'nobody' in ./runs\n"),
        ("doctor", 5, "runstone: the working directory: No such file or directory\n"),
        ("find x", 5, "runstone: the working directory: No such file or directory\n"),
    ],
)
def test_questions_in_a_folder_that_was_removed(words: str, status: int, said: str) -> None:
    """Nothing is there, or it is the folder that is not: standard output is not at fault."""
    done = where_nothing_is(*words.split())
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


def test_interrupted_while_following(store: Store) -> None:
    """Ctrl-C is how following ends: 130, and no traceback."""
    run = store.run("x", run_id="live")
    run.log("one")
    follower = subprocess.Popen(command_line("logs", "live", "-f"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"one\n"
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=60)
    run.finish()
    assert (follower.returncode, err) == (130, b"")


@pytest.mark.parametrize(
    ("words", "module"), [(["ls"], "runstone.cli.app"), (["run", "--", "true"], "runstone.cli.run")]
)
def test_interrupted_while_modules_are_loaded(words: list[str], module: str) -> None:
    """Ctrl-C in the first moment: 130, and not a word."""
    script = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        f"sys.argv[1:] = {words!r}\n"
        "from runstone.cli import process\n"
        "process()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_a_terminal_that_cannot_show_a_character(store: Store, process: Invoke) -> None:
    """Under an encoding without the character the answer is complete, with an escape in its place."""
    seal(store, "日本語")
    answer = process("ls", PYTHONIOENCODING="ascii")
    assert answer.status == 0
    assert "\\u65e5\\u672c\\u8a9e" in answer.out


def test_the_setting_names_the_store(store: Store, process: Invoke) -> None:
    """`RUNSTONE_STORE` stands in for `--store`, which wins."""
    seal(store, run_id="here")
    assert "here" in process("ls", RUNSTONE_STORE=store.url).out
    assert "elsewhere" in process("ls", "--store", "elsewhere", RUNSTONE_STORE=store.url).err


def test_run_records_what_ls_lists(process: Invoke) -> None:
    """The two halves of the command meet in the store."""
    assert process("run", "--kind", "job", "--run-id", "first", "--", "sh", "-c", "echo hello; exit 3").status == 3
    (row,) = process("ls", "--json").value
    assert (row["run_id"], row["kind"], row["status"]) == ("first", "job", "failed")
    assert process("logs", "first").out == "hello\n"
