"""Options of `runstone run`: which are refused, and what they mean for contract `ovc`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import runstone
from cli.conftest import Invoke
from runstone.engine.store import Store

OVC = ("run", "--contract", "ovc", "--store", "runs", "--kind", "A")


def ovc_run(store: Store) -> Any:
    """The one run of the store, and its `run.json`."""
    (sealed,) = store.runs()
    assert store.verify(sealed.run_id).ok
    return sealed, json.loads(Path("runs", sealed.run_id, "run.json").read_bytes())


@pytest.mark.parametrize(
    ("option", "status"), [("--run-id", 125), ("--kind", 0), ("--label", 125), ("--store", 0), ("--contract", 125)]
)
def test_the_value_of_an_option_asks_for_no_help(process: Invoke, option: str, status: int) -> None:
    """An id such as `--help` is a wrong id; a kind or a folder may be called that."""
    answer = process("run", option, "--help", "--", "true")
    assert "Usage" not in answer.out
    assert (answer.status, bool(answer.err)) == (status, status != 0)


def test_help_behind_a_value_is_help(process: Invoke) -> None:
    """An option that stands where one is read."""
    answer = process("run", "--kind", "k", "--help")
    assert (answer.status, answer.out[:6]) == (0, "Usage:")


@pytest.mark.parametrize(
    "option", ["--kind", "--pipeline-id", "--required-env", "--input", "--output", "--contract", "--run-id", "--store"]
)
@pytest.mark.parametrize("form", ["apart", "together"])
def test_an_empty_value_is_refused(process: Invoke, option: str, form: str) -> None:
    """It is a variable of a script that was not set; what it would mean is not what was meant."""
    words = [option, ""] if form == "apart" else [f"{option}="]
    answer = process("run", *words, "--", "touch", "ran")
    assert answer.status == 125
    assert f"{option} has an empty value" in answer.err
    assert not Path("ran").exists()


@pytest.mark.parametrize("limit", ["0", "1", "1K"])
def test_a_small_limit_changes_no_status(store: Store, process: Invoke, limit: str) -> None:
    """Everything is shown, no more than the limit is recorded."""
    answer = process("run", "--run-id", "r", "--max-output", limit, "--", "sh", "-c", "seq 1 5000; exit 3")
    assert answer.status == 3
    assert answer.out.endswith("5000\n")
    kept = sum(len(event["data"]["text"]) for event in store.get("r").events("log"))
    assert kept <= {"0": 0, "1": 1, "1K": 1024}[limit]
    assert store.verify("r").ok


class TestOvc:
    """`--contract ovc` does what it is told, or says that it cannot."""

    def test_labels_inputs_and_outputs(self, store: Store, process: Invoke) -> None:
        """They stand where `add_input` and `add_output` would put them."""
        Path("in.txt").write_text("x")
        words = ["--label", "env=prod", "--input", "in.txt", "--input", "s3://x", "--output", "made*"]
        answer = process(*OVC, *words, "--", "sh", "-c", "echo > made1; exit 3")
        assert answer.status == 3
        sealed, run = ovc_run(store)
        assert sealed.opened["data"]["labels"] == {"env": "prod"}
        assert run["inputs"][1:] == [{"type": "file", "ref": "in.txt"}, {"type": "reference", "ref": "s3://x"}]
        assert run["outputs"][1:] == [{"type": "file", "ref": "made1"}]
        assert all(event["data"]["sha256"] for event in sealed.events("output"))

    def test_an_output_that_is_not_there_is_said(self, store: Store, process: Invoke) -> None:
        """And recorded; the status is the command's."""
        answer = process(*OVC, "--strict", "--output", "nothing", "--", "sh", "-c", "exit 5")
        assert answer.status == 5
        assert "--output nothing: no such file" in answer.err
        assert ovc_run(store)[1]["status"] == "failed"

    @pytest.mark.parametrize("place", ["a-file", "a-file/below"])
    def test_a_store_at_a_file_is_said_to_be_no_folder(self, process: Invoke, place: str) -> None:
        """As reading verbs say it; the command runs."""
        Path("a-file").write_text("x")
        answer = process("run", "--store", place, "--", "echo", "ran")
        assert (answer.status, answer.out) == (0, "ran\n")
        assert f"{Path.cwd() / 'a-file'} is no folder; the work goes on" in answer.err
        assert Path("a-file").read_text() == "x"

    def test_strict_runs_no_command_that_cannot_be_recorded(self, process: Invoke) -> None:
        """A store that is a file."""
        Path("runs").write_text("")
        answer = process(*OVC, "--strict", "--", "touch", "ran")
        assert answer.status == 125
        assert not Path("ran").exists()
        assert process(*OVC, "--", "touch", "ran").status == 0
        assert Path("ran").exists()

    def test_what_strict_refuses_before_the_command(self, store: Store, process: Invoke) -> None:
        """An input without a digest: the command is not run, and the run is sealed as failed."""
        answer = process(*OVC, "--strict", "--input", ".", "--", "touch", "ran")
        assert answer.status == 125
        assert not Path("ran").exists()
        assert ovc_run(store)[1]["status"] == "failed"

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["--contract", "ovc", "--run-id", "r"], "--run-id"),
            (["--contract", "ovc/9"], "ovc/9"),
            (["--contract", "runstone/9"], "runstone/9"),
            (["--contract", "rmos"], "'rmos': a command is recorded under one of runstone, agent, ovc"),
            (["--contract", "lotus/1.0"], "'lotus/1.0': a command is recorded under one of runstone, agent, ovc"),
            (["--contract", "later"], "'later': a command is recorded under one of runstone, agent, ovc"),
            (["--contract", "ovc", "--label", "none"], "'none' is not a label"),
        ],
    )
    def test_what_cannot_be_is_refused_by_name(self, process: Invoke, words: list[str], named: str) -> None:
        """Nothing is run, nothing is recorded."""
        answer = process("run", *words, "--kind", "A", "--", "touch", "ran")
        assert answer.status == 125
        assert named in answer.err
        assert not Path("ran").exists()
        assert not list(runstone.open("reports/runs").runs())
        assert not Path("runs").exists()

    def test_its_version_may_be_named(self, store: Store, process: Invoke) -> None:
        """As for every contract."""
        assert process("run", "--contract", "ovc/0.1", "--store", "runs", "--kind", "A", "--", "true").status == 0
        assert ovc_run(store)[1]["status"] == "success"


def test_the_value_of_a_named_variable_is_a_secret(store: Store, process: Invoke) -> None:
    """Whatever the name: in the output, in the arguments, in what is shown; under each contract."""
    value = "walrus-" + "carpenter-71"
    for words in (["--run-id", "r"], ["--contract", "ovc", "--kind", "A"]):
        command = [
            "run",
            "--store",
            "runs",
            "--secret-env",
            "COLOUR",
            "--secret-env",
            "UNSET",
            "--redact-output",
            *words,
        ]
        answer = process(*command, "--", "sh", "-c", f"echo $COLOUR; echo {value}", COLOUR=value)
        assert (answer.status, value in answer.out) == (0, False)
        assert answer.out.count("[REDACTED:declared]") == 2
    assert len(list(store.runs())) == 2
    for sealed in store.runs():
        assert value.encode() not in b"".join(sealed.file(entry["path"]) for entry in sealed.manifest["files"])


@pytest.mark.parametrize("contract", ["runstone", "ovc"])
def test_a_variable_that_holds_no_secret_is_named(process: Invoke, contract: str) -> None:
    """Once each, on standard error: who mistyped a name learns that nothing is hidden. The run goes on."""
    options = ["--secret-env", "UNSET", "--secret-env", "UNSET", "--secret-env", "BLANK", "--redact-output"]
    answer = process("run", "--contract", contract, "--kind", "A", *options, "--", "echo", "done", BLANK="")
    assert (answer.status, answer.out.endswith("done\n")) == (0, True)
    assert answer.err.count("--secret-env UNSET: not set, so nothing is hidden for it") == 1
    assert answer.err.count("--secret-env BLANK: empty, so nothing is hidden for it") == 1


def test_a_secret_that_is_too_short_is_refused_by_the_name_of_its_variable(process: Invoke) -> None:
    """The value is not told."""
    answer = process("run", "--secret-env", "COLOUR", "--", "touch", "ran", COLOUR="x7")
    assert (answer.status, Path("ran").exists()) == (125, False)
    assert "--secret-env COLOUR: a declared secret is text of 4 characters or more" in answer.err
    assert "x7" not in answer.err


SHOW = "import os; print(*map(os.environ.get, ('PYTHONHASHSEED', 'TZ', 'LC_ALL', 'RUNSTONE_SEED')))"


class TestDeterministic:
    """`--deterministic`: what is set for the command is recorded."""

    def test_the_variables_are_set_and_recorded(
        self, store: Store, process: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever they were in the environment around."""
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        answer = process("run", "--run-id", "r", "--deterministic", "--seed", "7", "--", sys.executable, "-c", SHOW)
        assert answer.out == "0 UTC C.UTF-8 7\n"
        (event,) = store.get("r").events("environment")
        assert {"PYTHONHASHSEED": "0", "TZ": "UTC", "RUNSTONE_SEED": "7"}.items() <= event["data"]["variables"].items()
        assert store.verify("r").ok

    def test_without_it_nothing_is_set(self, store: Store, process: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        """And nothing is recorded of it."""
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        answer = process("run", "--run-id", "r", "--", "sh", "-c", "echo $TZ $RUNSTONE_SEED")
        assert answer.out == "Asia/Tokyo\n"
        assert list(store.get("r").events("environment")) == []

    def test_a_seed_alone_is_refused(self, process: Invoke) -> None:
        """It would be taken for one that was set."""
        answer = process("run", "--seed", "7", "--", "touch", "ran")
        assert (answer.status, Path("ran").exists()) == (125, False)
        assert "--seed is of --deterministic" in answer.err

    def test_two_runs_draw_the_same(self, store: Store, process: Invoke) -> None:
        """Of the order of a set, and of what a program has seeded; a third seed draws another."""
        code = "import random, runstone; runstone.seed(random); print(random.random(), {'a', 'b', 'c', 'd'})"

        def printed(*options: str) -> str:
            answer = process("run", "--deterministic", *options, "--", sys.executable, "-c", code)
            assert answer.status == 0
            return answer.out

        assert printed() == printed() != printed("--seed", "8")

    def test_contract_ovc_takes_it(self, process: Invoke) -> None:
        """Its commands are wrapped in the same way."""
        answer = process(*OVC, "--deterministic", "--", "sh", "-c", "echo $TZ")
        assert "UTC" in answer.out.splitlines()
