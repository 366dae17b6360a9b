"""Help, version, wrong use, and what is loaded for which verb."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cli.conftest import Invoke
from runstone.cli import asks_for_help
from runstone.cli.app import VERBS
from runstone.cli.options import OPTIONS
from runstone.errors import CODES
from runstone.locate import __version__

NAMES = [name for verbs in VERBS.values() for name in verbs]


def test_the_overview_has_a_line_for_every_verb(invoke: Invoke) -> None:
    """`--help` lists each verb with what it does, and fits 80 columns."""
    answer = invoke("--help")
    assert answer.status == 0
    for verbs in VERBS.values():
        for name, (_, line) in verbs.items():
            assert f"  {name.ljust(10)}  {line}\n" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_without_a_verb_the_overview_is_shown(invoke: Invoke) -> None:
    """A bare `runstone` helps."""
    assert invoke().out == invoke("--help").out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_verb_has_help(invoke: Invoke, name: str, flag: str) -> None:
    """Both spellings print the verb's use in 80 columns and succeed."""
    answer = invoke(name, flag)
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: runstone {name} ")
    assert max(map(len, answer.out.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), ("ls",), ("purge",), ("run",)], ids=" ".join)
def test_help_fits_a_narrow_terminal(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """Its words are in 40 columns, the epilogue's too; commands to copy are whole."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = invoke(*words, "--help").out.splitlines()
    assert [line for line in lines if len(line) > 40 and not line.startswith("    runstone ")] == []


def test_help_has_words_in_any_encoding(process: Invoke) -> None:
    """Dots that a stream cannot hold are three."""
    assert "outcome, config, ...: no difference." in process("judge", "--help", PYTHONIOENCODING="latin-1").out


def test_help_of_run_names_every_option_of_its_table(invoke: Invoke) -> None:
    """The table that the wrapper parses by is the one that help shows."""
    shown = invoke("run", "--help").out
    for option in OPTIONS:
        for flag in option.flags:
            assert f"  {flag} " in shown


@pytest.mark.parametrize(
    "words", [("ls", "--limit"), ("ls", "--limit", "x"), ("find",), ("judge", "r", "--no")], ids=" ".join
)
def test_wrong_use_says_how_the_verb_is_used(invoke: Invoke, words: tuple[str, ...]) -> None:
    """Whatever is wrong, its value or that there is none."""
    lines = invoke(*words).err.splitlines()
    assert lines[1].startswith(f"Usage: runstone {words[0]} [OPTIONS]")
    assert lines[2:] == [f"Try `runstone {words[0]} --help`."]


def test_help_behind_the_separator_is_the_commands_own() -> None:
    """`runstone run -- cmd --help` asks `cmd`."""
    assert asks_for_help(["--kind", "x", "--help"])
    assert not asks_for_help(["--kind", "x", "--", "cmd", "--help"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lss"], "No such command 'lss'. Did you mean 'ls'?\n"),
        (["list"], "No such command 'list'. Did you mean 'ls'?\n"),
        (["verfy", "--all"], "No such command 'verfy'. Did you mean 'verify'?\n"),
        (["frobnicate"], "No such command 'frobnicate'.\n"),
        (
            ["run", "--imput=a", "--", "true"],
            "unknown option '--imput'; the command follows `--`. Did you mean '--input'?\n",
        ),
        (["run", "-x", "--", "true"], "unknown option '-x'; the command follows `--`.\n"),
    ],
)
def test_a_word_that_is_nearly_right_is_told(process: Invoke, words: list[str], said: str) -> None:
    """What is like nothing is only refused."""
    answer = process(*words)
    assert answer.status == (125 if words[0] == "run" else 2)
    assert said in answer.err


def test_version(invoke: Invoke) -> None:
    """`--version` prints name and version."""
    assert invoke("--version").out == f"runstone {__version__}\n"


def test_run_starts_without_what_the_other_verbs_need() -> None:
    """The wrapper loads neither click nor the verbs."""
    script = (
        "import sys; from runstone.cli import main; main(['run', '--store', 'runs', '--', 'true']); "
        "print(sorted({'click', 'runstone.cli.app', 'runstone.cli.rendering'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "words",
    [
        ["frob"],
        ["ls", "--frob"],
        ["show"],
        ["show", "a", "b"],
        ["show", "-x"],
        ["get", "@latest"],
        ["export"],
        ["export", "@latest", "--as", "cpio"],
        ["verify"],
        ["verify", "a", "--all"],
        ["verify", "--all", "--digest", "sha256:" + "0" * 64],
        ["verify", "a", "--digest", "0" * 64],
        ["contract", "runstone"],
        ["completion", "csh"],
        ["ls", "colour:red"],
        ["ls", "--store", "s3://bucket"],
    ],
)
def test_wrong_use_is_status_2(invoke: Invoke, words: list[str]) -> None:
    """Unknown verbs and options, missing and surplus arguments, values that cannot be."""
    answer = invoke(*words)
    assert answer.status == 2
    assert answer.err.startswith("runstone: ")
    assert answer.out == ""


def test_with_json_an_error_is_an_object(invoke: Invoke) -> None:
    """Code, message and details on standard output, the message on standard error."""
    answer = invoke("show", "nobody", "--json")
    assert answer.status == 3
    assert answer.value["code"] == "run_not_found"
    assert answer.value.keys() == {"code", "message", "details"}
    assert answer.err == f"runstone: {answer.value['message']}\n"


def test_wrong_use_with_json_is_an_object_too(invoke: Invoke) -> None:
    """A program that reads JSON gets JSON, whatever went wrong; behind `--` the word asks for nothing."""
    assert invoke("ls", "--frob", "--json").value["code"] == "invalid_option"
    assert invoke("ls", "--frob", "--", "--json").out == ""


def test_json_before_the_command_is_json_too(invoke: Invoke) -> None:
    """The word stands in the wrong place, and says what it says."""
    answer = invoke("--json", "ls")
    assert (answer.status, answer.value["code"]) == (2, "invalid_option")


@pytest.mark.parametrize(
    "words",
    [
        ("find", "caf\udce9"), ("show", "\udcff"), ("verify", "./\udcff"), ("import", "\udcff"),
        ("purge", "--policy", "\udcff"),
    ],
    ids=ascii,
)  # fmt: skip
def test_an_error_about_a_name_that_is_no_unicode_is_json(invoke: Invoke, words: tuple[str, ...]) -> None:
    """JSON has no half of a surrogate pair: a strict reader takes what is printed."""
    answer = invoke(*words, "--json")
    assert answer.status != 0
    json.dumps(answer.value, ensure_ascii=False).encode()


def test_the_message_of_wrong_use_is_shown_escaped(invoke: Invoke) -> None:
    """What the caller typed cannot reach the terminal raw, not even in an error."""
    answer = invoke("ls", "--\x1b[2J")
    assert answer.status == 2
    assert "\x1b" not in answer.err


def test_a_list_of_choices_is_on_the_line_of_its_message(invoke: Invoke) -> None:
    """What is missing is said in one line, without the marks of another layout."""
    first = invoke("completion").err.splitlines()[0]
    assert "bash, zsh, fish" in first
    assert "\\n" not in first


def test_statuses_of_the_epilogue_are_those_of_the_codes() -> None:
    """The table of errors uses no status that the overview leaves out."""
    assert {code.exit_status for code in CODES.values()} == {1, 2, 3, 4, 5}


def test_an_option_before_its_command_is_told_where_to_stand(invoke: Invoke) -> None:
    """Somebody who is used to `git -C` tries it first."""
    answer = invoke("--store", "runs", "ls")
    assert answer.status == 2
    assert answer.err.splitlines()[0].endswith("Options stand behind the command: runstone COMMAND --store")
