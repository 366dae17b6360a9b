"""Completion: scripts that shells accept, and what they are answered."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from cli.conftest import Invoke, seal
from runstone.engine.store import Store


def complete(process: Invoke, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    line = " ".join(["runstone", *words])
    answer = process(_RUNSTONE_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words)))
    return [row.partition(",")[2] for row in answer.out.splitlines() if row]


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
    ],
)
def test_file_names_are_left_to_the_shell(process: Invoke, words: tuple[str, ...], kind: str) -> None:
    """Where a file or a folder stands the shell completes, in its own way."""
    line = " ".join(["runstone", *words])
    answer = process(_RUNSTONE_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words)))
    assert answer.out.strip() == f"{kind},{words[-1]}"


def test_contracts(process: Invoke) -> None:
    """Their names, and their versions behind a `/`."""
    assert complete(process, "contract", "r") == ["rentl", "rmos", "runstone"]
    assert complete(process, "contract", "runstone/") == ["runstone/1"]
    assert complete(process, "run", "--contract", "ov") == ["ovc"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(invoke: Invoke, shell: str) -> None:
    """Each shell gets a script of its own, and one that is installed accepts it."""
    answer = invoke("completion", shell)
    assert answer.status == 0
    assert "_RUNSTONE_COMPLETE" in answer.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=answer.out, text=True, check=True, timeout=60)


def test_an_empty_variable_asks_for_nothing(process: Invoke) -> None:
    """As every empty setting it is one that is not set: an error is an error."""
    answer = process("show", "nothing", _RUNSTONE_COMPLETE="")
    assert answer.status == 3
    assert "Traceback" not in answer.err
