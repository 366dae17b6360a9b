"""Completion: scripts that shells accept, and what they are answered."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Invoke, command_line, seal
from runstone.engine.store import Store


def complete(process: Invoke, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    return [row.partition(",")[2] for row in _answer(process, *words).splitlines() if row]


def _answer(process: Invoke, *words: str) -> str:
    line = " ".join(["runstone", *words])
    return process(_RUNSTONE_COMPLETE="bash_complete", COMP_LINE=line, COMP_PART=words[-1]).out


def test_verbs(process: Invoke) -> None:
    """A beginning of a verb."""
    assert complete(process, "re") == ["replay", "redact", "reindex", "recover"]


def test_runs(store: Store, process: Invoke) -> None:
    """Ids of the store, sealed and open, those made last first, and @latest."""
    seal(store, run_id="run-1")
    run = store.run("x", run_id="run-2")
    try:
        assert complete(process, "show", "run") == ["run-2", "run-1"]
        assert complete(process, "show", "@") == ["@latest"]
        assert complete(process, "show", "--store", "elsewhere", "run") == []
    finally:
        run.finish()


def test_options_of_run(process: Invoke) -> None:
    """The wrapper's options, although it is parsed elsewhere."""
    assert complete(process, "run", "--pipeline") == ["--pipeline-id", "--pipeline-version"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("find", "pri"), "file"),
        (("verify", "./bun"), "file"),
        (("export", "r", "-o", "x"), "file"),
        (("run", "--input", "da"), "file"),
        (("run", "--output", "da"), "file"),
        (("run", "--store", "ru"), "dir"),
        (("ls", "--store", "ru"), "dir"),
        (("get", "r", "-o", "x"), "dir"),
        (("get", "r", "--identity", "x"), "file"),
        (("purge", "--policy", "x"), "file"),
        (("replay", "r", "--identity", "x"), "file"),
        (("replay", "r", "--scratch", "x"), "dir"),
    ],
)
def test_file_names_are_left_to_the_shell(process: Invoke, words: tuple[str, ...], kind: str) -> None:
    """Where a file or a folder stands the shell completes, in its own way."""
    assert _answer(process, *words).strip() == f"{kind},{words[-1]}"


def test_contracts(process: Invoke) -> None:
    """Their names, and their versions behind a `/`; for `run` those under which a command is recorded."""
    assert complete(process, "contract", "r") == ["rentl", "rmos", "runstone"]
    assert complete(process, "contract", "runstone/") == ["runstone/1"]
    assert complete(process, "run", "--contract", "r") == ["runstone"]
    assert complete(process, "run", "--contract", "ovc/") == ["ovc/0.1"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(invoke: Invoke, shell: str) -> None:
    """Each shell gets a script of its own, and one that is installed accepts it."""
    answer = invoke("completion", shell)
    assert answer.status == 0
    assert "_RUNSTONE_COMPLETE" in answer.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=answer.out, text=True, check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="other OS")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("show run-\t", "show run-1"),
        ("show @be\t", "show @best"),
        ("show @l\t", "show @latest"),
        ("sho\t @be\t", "show @best"),
        ("show '@be\t", "show @best"),
        ("true; runstone show @be\t", "show @best"),
        ("show @be --json\x1bb\x1bb\x06\x06\t", "show @best --json"),
        ("export @best --as=m\t", "export @best --as=markdown"),
        ("export @best --as m\t", "export @best --as markdown"),
        ("export @best --as=\tm\t", "export @best --as=markdown"),
        ("show run-1 --store=ru\t", "show run-1 --store=runs/"),
        ("purge --policy=ag\t", "purge --policy=age.toml"),
        ("purge --policy ag\t", "purge --policy age.toml"),
        ("run --contract=ov\t", "run --contract=ovc"),
    ],
)
def test_in_a_bash(store: Store, invoke: Invoke, typed: str, words: str) -> None:
    """What is typed, with its Tab, is completed to these words: bash parts them at `@` and `=`, too."""
    load = f'eval "$({shlex.join(command_line("completion", "bash"))})"'
    assert _typed(store, invoke, ["bash", "--noprofile", "--norc", "-i"], [load], typed) == words


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("sho\t @be\t", "show @best"),
        ("show '@be\t", "show @best"),
        ("export @best --as=m\t", "export @best --as=markdown"),
        ("export @best --as=\tm\t", "export @best --as=markdown"),
        ("export @best --as m\t", "export @best --as markdown"),
        ("show run-1 --store=ru\t", "show run-1 --store=runs"),
        ("purge --policy=ag\t", "purge --policy=age.toml"),
        ("run --contract=ov\t", "run --contract=ovc"),
    ],
)
def test_in_a_zsh(store: Store, invoke: Invoke, typed: str, words: str) -> None:
    """What is typed, with its Tab, is completed to these words; an option stays before its value."""
    load = f'eval "$({shlex.join(command_line("completion", "zsh"))})"'
    assert _typed(store, invoke, ["zsh", "-f", "-i"], ["autoload -U compinit; compinit -u -D", load], typed) == words


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("show @be", ["@best"]),
        ("export @best --as=", ["--as=tar", "--as=markdown"]),
        ("export @best --as m", ["markdown"]),
        ("show run-1 --store=ru", ["--store=runs/"]),
        ("purge --policy=ag", ["--policy=age.toml"]),
        ("anno", ["annotate\tAdd a label, note, score or name to a sealed run."]),
    ],
)
def test_in_a_fish(store: Store, invoke: Invoke, typed: str, offered: list[str]) -> None:
    """What is offered for what was typed, with whole descriptions."""
    environment = _recorded(store, invoke)
    script = (
        f"{shlex.join(command_line('completion', 'fish'))} | source; complete -C {shlex.quote(f'runstone {typed}')}"
    )
    answer = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert [line.removesuffix("Directory").removesuffix("\t") for line in answer.stdout.splitlines()] == offered


def _recorded(store: Store, invoke: Invoke) -> dict[str, str]:
    """A run, an alias, a file and a command that keeps its words; answers the environment that finds it."""
    seal(store, run_id="run-1")
    invoke("alias", "best", "run-1")
    Path("age.toml").touch()
    command = Path("runstone")
    command.write_text(
        f'#!/bin/sh\n[ -n "$_RUNSTONE_COMPLETE" ] && exec {shlex.join(command_line())}\necho "$*" > words\n'
    )
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{Path.cwd()}:{os.environ['PATH']}", "INPUTRC": "/dev/null", "PS1": "ready> "}
    return {**environment, "TERM": "dumb", "HISTFILE": "", "HOME": str(Path.cwd())}


def _typed(store: Store, invoke: Invoke, shell: list[str], setup: list[str], typed: str) -> str:
    """The words of a command that is typed into a shell after the lines of `setup`."""
    environment = _recorded(store, invoke)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        shell, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    os.write(ours, "".join(f"{line}\n" for line in (*setup, f"runstone {typed}", "exit")).encode())
    while _more(ours):
        pass
    os.close(ours)
    process.wait(timeout=60)
    return Path("words").read_text().rstrip()


def _more(fd: int) -> bool:
    try:
        return bool(os.read(fd, 65536))
    except OSError:  # Linux says EIO when the last of the other side is closed
        return False


def test_an_empty_variable_asks_for_nothing(process: Invoke) -> None:
    """As every empty setting it is one that is not set: an error is an error."""
    answer = process("show", "nothing", _RUNSTONE_COMPLETE="")
    assert answer.status == 3
    assert "Traceback" not in answer.err
