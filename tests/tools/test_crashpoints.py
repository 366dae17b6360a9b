"""The crash-state tool finds what is wrong with bad stores and nothing wrong with good ones.

Every test runs the tool as its user does: from the command line, on a program of crash_stores.py.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOOL = HERE.parents[1] / "tools" / "crashpoints"
PYTHON = [str(Path(sys.executable).resolve()), "-I", "-S"]  # starts fast, and ignores what a test runner sets
SUMMARY = re.compile(r"crashpoints: (\S+) states=(\d+) kill=(\d+) power=(\d+) failing=(\d+) minimum=(\d+)")


def _strace_can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    trial = subprocess.run(["strace", "-o", "/dev/null", "/bin/true"], capture_output=True, check=False)
    return trial.returncode == 0


pytestmark = pytest.mark.skipif(not _strace_can_trace(), reason="strace cannot trace here")


@dataclass(frozen=True)
class Sweep:
    """A finished run of the tool."""

    status: int
    stdout: str
    stderr: str

    @property
    def summary(self) -> tuple[str, ...]:
        """Name, states, kill, power, failing and minimum of the last line; empty when it is another line."""
        match = SUMMARY.fullmatch(self.stdout.rstrip("\n").rpartition("\n")[2])
        return match.groups() if match else ()


def sweep(store: str, *options: str, check: str = "items_promised", samples: int = 8) -> Sweep:
    """Run the tool on a store of crash_stores.py with a check of crash_checks.py."""
    check_command = shlex.join([*PYTHON, str(HERE / "crash_checks.py"), check])
    fixed = ["--check", check_command, "--samples", str(samples), "--max-states", "150"]
    program = [*PYTHON, str(HERE / "crash_stores.py"), store]
    return run_tool(*fixed, *options, "--", *program)


def run_tool(*arguments: str) -> Sweep:
    """Run the tool with these arguments."""
    done = subprocess.run(
        [sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    return Sweep(done.returncode, done.stdout, done.stderr)


def assert_passes(result: Sweep) -> None:
    """Every state was good, and there were some."""
    assert (result.status, result.stderr) == (0, ""), result.stdout
    _, states, _, _, failing, _ = result.summary
    assert int(states) > 0
    assert int(failing) == 0


def assert_caught(result: Sweep, complaint: str) -> None:
    """Some state failed, with this complaint of the check."""
    assert (result.status, result.stderr) == (1, ""), result.stdout
    assert int(result.summary[4]) > 0
    assert complaint in result.stdout


def assert_refused(result: Sweep, message: str) -> None:
    """The tool gave no answer, and said why."""
    assert (result.status, result.summary) == (2, ()), result.stdout
    assert message in result.stderr


# Good stores


def test_rename_into_place_passes() -> None:
    """Temporary file, fsync, rename, fsync of the directory: no state loses or damages an item."""
    assert_passes(sweep("good"))


def test_folder_renamed_into_place_passes() -> None:
    """A prepared and synced folder that is renamed is complete in every state in which it is there."""
    assert_passes(sweep("folder_renamed_into_place"))


def test_link_and_unlink_passes() -> None:
    """Items linked into place, from a file without a name or a copy inside the kernel, are followed."""
    assert_passes(sweep("link_and_unlink"))


def test_threads_and_children_pass() -> None:
    """The changes of every thread and child process are recorded."""
    assert_passes(sweep("threads_and_children"))


def test_synced_log_passes() -> None:
    """Appended lines that were synced are there in every state."""
    assert_passes(sweep("log_synced", check="log_promised"))


def test_synchronous_log_passes() -> None:
    """A write to a file opened with O_DSYNC needs no fsync."""
    assert_passes(sweep("log_opened_synchronous", check="log_promised"))


def test_new_folder_synced_above_passes() -> None:
    """Items in a new folder survive when the folder above was synced."""
    assert_passes(sweep("new_folder_synced_above"))


# Bad stores


def test_writing_in_place_is_caught() -> None:
    """A killed process alone is enough to leave half an item."""
    assert_caught(sweep("written_in_place", "--kinds", "kill"), "0: damaged")


def test_missing_fsync_of_file_is_caught() -> None:
    """A rename can reach the disk before the content it gives a name to."""
    assert_caught(sweep("no_fsync_of_file", "--fail-fast"), "damaged")


def test_missing_fsync_of_file_survives_a_kill() -> None:
    """The same store is safe from the death of its process, which loses nothing the kernel had."""
    assert_passes(sweep("no_fsync_of_file", "--kinds", "kill"))


def test_missing_fsync_of_directory_is_caught_when_promises_are_demanded() -> None:
    """An item that was promised can be gone."""
    assert_caught(sweep("no_fsync_of_directory", "--fail-fast"), "promised, but gone")


def test_missing_fsync_of_directory_is_invisible_without_promises() -> None:
    """A check that demands no printed item cannot tell a lost item from one never begun."""
    assert_passes(sweep("no_fsync_of_directory", check="items_whole"))


def test_sync_after_rename_is_caught() -> None:
    """Between rename and fsync the name can be durable without its content."""
    assert_caught(sweep("sync_after_rename", "--fail-fast"), "damaged")


def test_promise_before_sync_is_caught() -> None:
    """What was printed before a crash point binds at that point."""
    assert_caught(sweep("promise_before_sync", "--fail-fast"), "promised, but gone")


def test_fsync_before_the_last_write_is_caught() -> None:
    """An fsync covers only what was written before it."""
    assert_caught(sweep("fsync_before_last_write", "--fail-fast"), "damaged")


def test_new_folder_not_synced_above_is_caught() -> None:
    """A synced folder is lost when its own name is."""
    assert_caught(sweep("new_folder_not_synced_above", "--fail-fast"), "promised, but gone")


def test_log_only_flushed_is_caught() -> None:
    """A flush is no sync."""
    assert_caught(sweep("log_only_flushed", "--fail-fast", check="log_promised"), "promised")


# Models and kinds


def test_journal_model_still_misses_the_directory_fsync() -> None:
    """With no fsync after the rename, a journal loses the last item too."""
    assert_caught(sweep("no_fsync_of_directory", "--model", "journal", "--fail-fast"), "promised, but gone")


def test_journal_model_commits_earlier_names_with_any_fsync() -> None:
    """A folder not synced above is safe on a file system with an ordered journal."""
    assert_passes(sweep("new_folder_not_synced_above", "--model", "journal"))


@pytest.mark.parametrize(("kind", "absent"), [("kill", 3), ("power", 2)])
def test_kinds_choose_the_crashes(kind: str, absent: int) -> None:
    """Only states of the kind that was asked for are checked."""
    result = sweep("good", "--kinds", kind)
    assert_passes(result)
    assert result.summary[absent] == "0"


# Summary and minimum


def test_summary_is_the_last_line() -> None:
    """The last line counts the distinct states under the given name, and the counts add up."""
    name, states, kill, power, failing, minimum = sweep("good", "--name", "good-store").summary
    assert (name, failing, minimum) == ("good-store", "0", "0")
    assert int(states) == int(kill) + int(power)
    assert min(int(kill), int(power)) > 0


def test_too_few_states_fail() -> None:
    """A sweep that checked fewer states than the minimum fails, though every one of them was good."""
    result = sweep("good", "--kinds", "kill", "--min-states", "100")
    assert (result.status, result.summary[4:]) == (1, ("0", "100"))
    assert f"FAIL: only {result.summary[1]} distinct states were checked; the minimum is 100" in result.stdout
    assert "PASS" not in result.stdout


def test_enough_states_pass() -> None:
    """A minimum that was reached changes nothing."""
    result = sweep("good", "--min-states", "40")
    assert_passes(result)
    assert result.summary[5] == "40"


def test_minimum_above_the_maximum_is_refused() -> None:
    """A minimum that cannot be reached is wrong use, not a failed sweep."""
    assert_refused(sweep("good", "--min-states", "151"), "--min-states is more than --max-states")


def test_name_of_two_words_is_refused() -> None:
    """A name with a space would break the summary."""
    assert_refused(sweep("good", "--name", "two words"), "must be one word")


# Options


def test_initial_directory_is_the_start_of_every_state(tmp_path: Path) -> None:
    """The command works on a copy of --initial, whose items no crash may touch."""
    initial = tmp_path / "initial"
    initial.mkdir()
    (initial / "old").write_text("kept")
    check = 'test "$(cat {dir}/old)" = kept'
    program = [*PYTHON, str(HERE / "crash_stores.py"), "good_after_initial"]
    assert_passes(run_tool("--initial", str(initial), "--check", check, "--", *program))
    assert [path.name for path in initial.iterdir()] == ["old"]


def test_json_report_tells_each_failure(tmp_path: Path) -> None:
    """The report holds every failure with what was lost, what was printed and what the check said."""
    report = tmp_path / "report.json"
    result = sweep("no_fsync_of_directory", "--json", str(report))
    document = json.loads(report.read_text())
    failure = document["failures"][0]
    assert (document["states"], len(document["failures"])) == (int(result.summary[1]), int(result.summary[4]))
    assert (failure["kind"], failure["status"], failure["printed"]) == ("power", 1, "0\n")
    assert failure["changes"] == ["lost: op 4: rename 0.tmp -> 0"]
    assert "0: promised, but gone" in failure["output"]


def test_failing_state_is_kept_and_found_again(tmp_path: Path) -> None:
    """--keep saves a failing state, and --only checks it again by its id."""
    kept = tmp_path / "kept"
    assert_caught(sweep("no_fsync_of_directory", "--keep", str(kept), "--fail-fast"), "promised")
    state = next(kept.iterdir())
    assert (state / "stdout").read_text().split() != []
    assert (state / "dir").is_dir()
    again = sweep("no_fsync_of_directory", "--only", state.name)
    assert (again.summary[1], again.summary[4]) == ("1", "1")


def test_two_sweeps_check_the_same_states(tmp_path: Path) -> None:
    """The same seed gives the same failures, by id and in order."""
    reports = [tmp_path / "first.json", tmp_path / "second.json"]
    for report in reports:
        sweep("sync_after_rename", "--json", str(report))
    first, second = ([f["id"] for f in json.loads(report.read_text())["failures"]] for report in reports)
    assert first == second
    assert first != []


def test_operations_are_printed_with_what_made_them_durable() -> None:
    """--print-ops shows each change and the op from which on it is certain."""
    lines = sweep("good", "--print-ops", "--max-states", "1").stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines[:7]] == [
        "create 0.tmp  (durable from op 5)",
        "write 0.tmp [0..100)  (durable from op 3)",
        "write 0.tmp [100..345)  (durable from op 3)",
        "fsync 0.tmp",
        "rename 0.tmp -> 0  (durable from op 5)",
        "fsync .",
        "output b'0\\n'",
    ]


def test_check_that_never_ends_is_a_failure(tmp_path: Path) -> None:
    """A check is killed with its children at its limit, and its state counts as failing."""
    program = [*PYTHON, str(HERE / "crash_stores.py"), "good_after_initial"]
    lock = shlex.quote(str(tmp_path / "lock"))
    hang = f"test -s $CRASHPOINTS_STDOUT || (flock {lock} tail -f /dev/null)"
    # The first state is the empty directory, before anything was printed.
    once = ["--check-timeout", "2", "--kinds", "kill", "--max-states", "1"]
    assert_caught(run_tool("--check", hang, *once, "--", *program), "check: status timeout")
    # A child that lived on would hold the lock.
    subprocess.run(["flock", str(tmp_path / "lock"), "true"], check=True, timeout=60)


# No trustworthy answer


def test_mapped_file_is_refused() -> None:
    """Changes that the trace cannot explain stop the tool, with the likely reason."""
    assert_refused(sweep("mapped", check="items_whole"), "shared writable mapping of map")


def test_ignored_file_is_left_out() -> None:
    """--ignore leaves a file out of the recording's comparison and of every state."""
    program = [*PYTHON, str(HERE / "crash_stores.py"), "mapped"]
    assert_passes(run_tool("--ignore", "map", "--check", "test ! -e {dir}/map", "--", *program))


def test_file_moved_in_is_refused(tmp_path: Path) -> None:
    """A file from outside has an unknown history."""
    result = sweep("moved_in_from_outside", "--dir", str(tmp_path / "root"))
    assert_refused(result, "moved into the directory under test")


def test_command_that_changes_nothing_is_refused() -> None:
    """A sweep of no changes would pass for the wrong reason."""
    assert_refused(sweep("nothing"), "changed nothing in the directory")


def test_failed_command_is_refused() -> None:
    """A command that ends otherwise than expected was not the one to test."""
    assert_refused(sweep("failing"), "the command exited 3, expected 0")


def test_expected_status_is_accepted() -> None:
    """--command-status names the exit status that the command is to end with."""
    assert_passes(sweep("failing", "--command-status", "3", "--kinds", "kill"))


def test_check_that_fails_on_the_undamaged_result_is_refused() -> None:
    """Such a check would find fault with everything."""
    assert_refused(sweep("good", check="log_promised"), "the check fails on the undamaged result")


def test_existing_directory_is_refused(tmp_path: Path) -> None:
    """--dir never touches what is there already."""
    (tmp_path / "precious").write_text("data")
    assert_refused(sweep("good", "--dir", str(tmp_path)), "exists already")
    assert (tmp_path / "precious").read_text() == "data"


# The recording itself


def test_recorded_tree_equals_the_disk(tmp_path: Path) -> None:
    """After every kind of change the model holds what the disk does: content, links, modes, names."""
    disk, model = tmp_path / "disk", tmp_path / "model"
    first_time = f"test -e {shlex.quote(str(model))} || cp -a {{dir}} {shlex.quote(str(model))}"
    tour = [*PYTHON, str(HERE / "filesystem_tour.py"), str(disk)]
    # The first check of a sweep is of the undamaged result, rebuilt from the recording alone.
    result = run_tool("--check", first_time, "--kinds", "kill", "--max-states", "1", "--", *tour)
    assert_passes(result)
    assert "note: the modes" not in result.stdout
    assert listing(model) == listing(disk)
    assert len(listing(disk)) > 20


def test_every_crash_state_of_the_tour_can_be_made(tmp_path: Path) -> None:
    """States of renamed directories, unlinked open files and lost links can all be laid out on disk."""
    tour = [*PYTHON, str(HERE / "filesystem_tour.py"), str(tmp_path / "disk")]
    assert_passes(run_tool("--check", "test -d {dir}", "--samples", "2", "--max-states", "300", "--", *tour))


def listing(root: Path) -> dict[str, tuple[object, ...]]:
    """By path: mode with file type, link target or content, and the first path of the same inode."""
    first: dict[int, str] = {}
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        name, status = str(path.relative_to(root)), path.lstat()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[name] = (oct(status.st_mode), content, first.setdefault(status.st_ino, name))
    return found
