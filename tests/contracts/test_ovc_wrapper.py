"""`python -m runstone.contracts.ovc` and `runstone run --contract ovc`: a command of any language as a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone

OnlyRun = Callable[[], Any]
WRAPPER = [sys.executable, "-m", "runstone.contracts.ovc"]
RUNSTONE_RUN = [
    sys.executable, "-c", "import sys; from runstone.cli import main; sys.exit(main())", "run", "--contract", "ovc",
]  # fmt: skip
OPTIONS = ["--pipeline-id", "C-Eval", "--pipeline-version", "0.1.0"]


def wrapped(*command: str, options: list[str] = OPTIONS, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run the wrapper around a command."""
    environment = {**os.environ, **settings}
    return subprocess.run([*WRAPPER, *options, "--", *command], capture_output=True, check=False, env=environment)


def nothing_recorded(place: Path) -> bool:
    """Whether no run was left."""
    return not (place / "reports").exists()


def texts(found: Any) -> list[str]:
    """The log's lines without the times of the wrapper's own."""
    lines = [line.decode("utf-8", "backslashreplace") for line in found.lines[1:]]
    return [line[21:] if line[4:5] == "-" and line[19:21] == "Z " else line for line in lines]


RULE = "-" * 60


class TestRecord:
    """What a wrapped command leaves."""

    def test_a_good_command(self, place: Path, only_run: OnlyRun) -> None:
        """Its streams live behind `RUN_ID=`, its log between the rules, its exit status as a check."""
        done = wrapped("bash", "-c", "echo hello; echo grüße", options=[*OPTIONS, "--required-env", "PATH"])
        found = only_run()
        assert done.returncode == 0
        assert done.stdout.decode() == f"RUN_ID={found.run['run_id']}\nhello\ngrüße\n"
        assert texts(found) == [
            "Executing: bash -c echo hello; echo grüße",
            RULE,
            "hello",
            "grüße",
            RULE,
            "Command exit code: 0",
        ]
        assert found.run["status"] == "success"
        assert found.run["inputs"] == [{"type": "command", "ref": "bash -c echo hello; echo grüße"}]
        assert found.run["outputs"] == [{"type": "artifact", "ref": f"reports/runs/{found.run['run_id']}"}]
        assert [check["id"] for check in found.checks["checks"]] == ["required_env_present", "command_exit_code"]
        (evidence,) = found.check("command_exit_code")["evidence"]
        assert found.line(evidence).endswith("Z Command exit code: 0")

    def test_a_failed_command(self, place: Path, only_run: OnlyRun) -> None:
        """Its status is passed on and named by the check; both streams are recorded and shown apart."""
        done = wrapped("bash", "-c", "echo one; echo two >&2; exit 3")
        found = only_run()
        assert done.returncode == 3
        assert done.stderr == b"two\n"
        assert found.run["status"] == "failed"
        check = found.check("command_exit_code")
        assert (check["name"], check["status"]) == ("Command exited with code 3", "fail")
        assert found.line(*check["evidence"]).endswith("Z Command exit code: 3")
        assert sorted(texts(found)[2:4]) == ["one", "two"]
        assert runstone.open("reports/runs").get(found.folder.name).opened["data"]["argv"][0] == "bash"

    def test_an_unfinished_last_line_stands_before_the_end(self, place: Path, only_run: OnlyRun) -> None:
        """A stream that ends without LF still has its line where it was written."""
        wrapped("bash", "-c", "printf no-end; printf nor-here >&2")
        found = only_run()
        assert sorted(texts(found)[2:4]) == ["no-end", "nor-here"]
        assert texts(found)[4:] == [RULE, "Command exit code: 0"]
        assert found.line(*found.check("command_exit_code")["evidence"]).endswith("Command exit code: 0")

    def test_evidence_holds_behind_a_redacted_block(self, place: Path, only_run: OnlyRun) -> None:
        """A secret of several lines becomes one: numbers count the lines as they are recorded."""
        block = (
            "-----BEGIN "
            + "PRIVATE KEY-----\\n"
            + 2 * ("MIIE" * 10 + "\\n")
            + "-----END "
            + "PRIVATE KEY-----\\nbehind\\n"
        )
        wrapped("printf", "--", block)
        found = only_run()
        assert texts(found)[2:4] == ["[REDACTED:private-key]", "behind"]
        assert found.line(*found.check("command_exit_code")["evidence"]).endswith("Command exit code: 0")

    def test_output_is_kept_byte_for_byte(self, place: Path, only_run: OnlyRun) -> None:
        """Also what is no text: each byte value, in the log and on the terminal."""
        code = "import sys; sys.stdout.buffer.write(bytes(range(256)) + b'\\n')"
        done = wrapped(sys.executable, "-c", code)
        assert done.stdout.endswith(bytes(range(256)) + b"\n")
        assert bytes(range(256)) + b"\n" in (only_run().folder / "run.log").read_bytes()

    def test_a_command_line_is_one_line(self, place: Path, only_run: OnlyRun) -> None:
        """A line end in an argument forges no line of the log."""
        wrapped("true", "a\nCommand exit code: 0")
        found = only_run()
        assert texts(found)[0] == "Executing: true a\\nCommand exit code: 0"
        assert found.line(*found.check("command_exit_code")["evidence"]) == found.lines[-1].decode()

    def test_a_missing_variable_keeps_the_command_from_running(self, place: Path, only_run: OnlyRun) -> None:
        """Exit status 1; the artifact says which variables were missing or empty, the output list is empty."""
        options = [*OPTIONS, "--required-env", "ABSENT_ONE", "--required-env", "EMPTY_ONE"]
        done = wrapped("touch", "must-not-exist", options=options, EMPTY_ONE="")
        found = only_run()
        assert done.returncode == 1
        assert not (place / "must-not-exist").exists()
        assert b"Missing required environment variables" in done.stderr
        assert found.run["env"] == {"present": [], "missing": ["ABSENT_ONE", "EMPTY_ONE"]}
        assert found.run["inputs"] == [{"type": "command", "ref": "touch must-not-exist"}]
        assert found.run["outputs"] == []
        assert [check["id"] for check in found.checks["checks"]] == ["required_env_present"]
        assert texts(found) == ["ERROR: Missing required environment variables: ['ABSENT_ONE', 'EMPTY_ONE']"]

    @pytest.mark.parametrize(("command", "status"), [("no-such-command-here", 127), ("/etc/passwd", 126)])
    def test_what_cannot_be_started_is_a_failed_run(
        self, place: Path, only_run: OnlyRun, command: str, status: int
    ) -> None:
        """127 where nothing is found, 126 where it is no program; the artifact is whole."""
        done = wrapped(command)
        found = only_run()
        assert done.returncode == status
        assert found.run["status"] == "failed"
        assert texts(found)[-2].startswith(f"ERROR: {command}: ")
        assert found.line(*found.check("command_exit_code")["evidence"]).endswith(f"Command exit code: {status}")

    def test_a_signal_is_passed_as_128_and_its_number(self, place: Path, only_run: OnlyRun) -> None:
        """The log names it."""
        done = wrapped("bash", "-c", "kill -KILL $$")
        found = only_run()
        assert done.returncode == 128 + signal.SIGKILL
        assert texts(found)[-2] == "ERROR: the command was ended by SIGKILL"
        assert found.run["status"] == "failed"

    def test_a_signal_to_the_wrapper_cancels_the_run(self, place: Path, only_run: OnlyRun) -> None:
        """SIGTERM reaches the command; the run is sealed as cancelled, which is `failed` in its words."""
        command = [*WRAPPER, *OPTIONS, "--", "bash", "-c", "echo ready; exec sleep 60"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline().startswith(b"RUN_ID=")
            assert child.stdout.readline() == b"ready\n"
            child.terminate()
        assert child.returncode == 128 + signal.SIGTERM
        found = only_run()
        assert found.run["status"] == "failed"
        assert runstone.open("reports/runs").get(found.folder.name).status == "cancelled"

    def test_the_same_command_twice_has_one_outcome(self, place: Path) -> None:
        """The run's own folder, which its id names, is no part of the outcome; another command is."""
        for command in (("echo", "x"), ("echo", "x"), ("echo", "y")):
            wrapped(*command)
        outcomes = [sealed.outcome_digest for sealed in runstone.open("reports/runs").runs()]
        assert outcomes[1] == outcomes[2] != outcomes[0]

    def test_switched_off_it_only_runs_the_command(self, place: Path) -> None:
        """With `RUNSTONE_DISABLED=1` streams and status are passed and nothing is written."""
        done = wrapped("bash", "-c", "echo out; exit 7", RUNSTONE_DISABLED="1")
        assert done.returncode == 7
        assert done.stdout.endswith(b"out\n")
        assert nothing_recorded(place)

    def test_a_store_that_cannot_be_written_does_not_stop_it(self, place: Path) -> None:
        """The loss is said; the command's status is passed."""
        (place / "reports").write_text("a file where the store should be")
        done = wrapped("bash", "-c", "echo out; exit 7")
        assert done.returncode == 7
        assert done.stdout.endswith(b"out\n")
        assert b"is not recorded" in done.stderr

    def test_a_closed_output_does_not_stop_it(self, place: Path, only_run: OnlyRun) -> None:
        """Without a standard output to write `RUN_ID=` to, the command runs and is recorded."""
        shell = " ".join([*WRAPPER, *OPTIONS, "--", "touch", "done"]) + " >&-"
        assert subprocess.run(["bash", "-c", shell], check=False).returncode == 0
        assert (place / "done").exists()
        assert only_run().run["status"] == "success"


class TestUse:
    """Options and wrong use."""

    @pytest.mark.parametrize(
        "arguments",
        [
            [*OPTIONS, "--"],
            OPTIONS,
            ["--", "true"],
            [*OPTIONS[:2], "--", "true"],
            ["--pipeline-id", "no spaces", "--pipeline-version", "1", "--", "true"],
            [*OPTIONS, "--unknown", "--", "true"],
            [*OPTIONS, "true"],
            [*OPTIONS, "--required-env", "--", "true"],
            ["--pipeline-id", "--pipeline-version", "1", "--", "true"],
            [*OPTIONS, "--pipeline", "x", "--", "true"],
            ["stray\udcff", *OPTIONS, "--", "true"],
        ],
    )
    def test_wrong_use_is_2_and_leaves_nothing(self, place: Path, arguments: list[str]) -> None:
        """Nothing behind `--`, an option missing, unknown or impossible."""
        done = subprocess.run([*WRAPPER, *arguments], capture_output=True, check=False)
        assert done.returncode == 2
        assert done.stderr
        assert not done.stdout
        assert nothing_recorded(place)

    def test_options_in_every_form(self, place: Path, only_run: OnlyRun) -> None:
        """With `=`, several values behind one option, an option that is repeated, an empty value, in any order."""
        options = ["--required-env", "A_ONE", "B_ONE", "--pipeline-version=", "--required-env=C_ONE"]
        wrapped("true", options=[*options, "--pipeline-id", "first", "--pipeline-id=C-Eval"], A_ONE="1", C_ONE="1")
        run = only_run().run
        assert (run["pipeline_id"], run["pipeline_version"]) == ("C-Eval", "")
        assert run["env"] == {"present": ["A_ONE", "C_ONE"], "missing": ["B_ONE"]}

    def test_what_is_wrong_is_said_without_control_characters(self, place: Path) -> None:
        """An argument is shown as it can be shown on any terminal."""
        done = subprocess.run([*WRAPPER, "\x1b[31mä"], capture_output=True, text=True, check=False)
        assert "error: \\x1b[31m\\xe4 is no option" in done.stderr

    @pytest.mark.parametrize(("words", "status"), [("", 2), ("--frob", 2), ("--help", 0)])
    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
    def test_closed_streams_change_no_status(self, place: Path, words: str, status: int, closed: str) -> None:
        """What would be said is lost, and nothing else."""
        shell = " ".join([*WRAPPER, words, closed])
        assert subprocess.run(["bash", "-c", shell], capture_output=True, check=False).returncode == status

    def test_help_names_the_seeds_options(self, place: Path) -> None:
        """And exits with 0."""
        done = subprocess.run([*WRAPPER, "--help"], capture_output=True, text=True, check=True)
        for option in ("--pipeline-id", "--pipeline-version", "--required-env"):
            assert option in done.stdout

    def test_an_option_of_the_command_is_the_commands(self, place: Path, only_run: OnlyRun) -> None:
        """Only the first `--` ends the options."""
        done = wrapped("echo", "--pipeline-id", "--", "--help")
        assert done.stdout.endswith(b"\n--pipeline-id -- --help\n")
        assert only_run().run["pipeline_id"] == "C-Eval"

    def test_the_command_line_of_runstone_does_the_same(self, place: Path, only_run: OnlyRun) -> None:
        """`runstone run --contract ovc` leaves the same documents, in the store that it is given."""
        words = ["--store", "reports/runs", *OPTIONS, "--", "bash", "-c", "echo hello; exit 4"]
        done = subprocess.run([*RUNSTONE_RUN, *words], capture_output=True, check=False)
        found = only_run()
        assert done.returncode == 4
        assert done.stdout.decode() == f"RUN_ID={found.run['run_id']}\nhello\n"
        assert found.run["pipeline_version"] == "0.1.0"

    def test_wrong_use_of_runstone_run_is_125(self, place: Path) -> None:
        """A pipeline id that cannot stand in a run id leaves no run."""
        done = subprocess.run([*RUNSTONE_RUN, "--kind", "a b", "--", "true"], capture_output=True, check=False)
        assert done.returncode == 125
        assert nothing_recorded(place)
