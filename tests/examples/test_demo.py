"""The demo: it ends well, says what it should, deletes nothing foreign, and fails when a claim does not hold."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

import runstone

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"
LIMIT_S = 60
SECRET = "correct-horse-battery-staple"


def prices_are_installed() -> bool:
    """Whether the package with the prices is there."""
    try:
        metadata.distribution("bokeh-sampledata")
    except metadata.PackageNotFoundError:
        return False
    return True


needs_tools = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("awk")), reason="bash or awk is not installed"
)
needs_prices = pytest.mark.skipif(not prices_are_installed(), reason="bokeh-sampledata is not installed")


@dataclass(frozen=True)
class Played:
    """A demo that was run: its work folder, exit status and output."""

    work: Path
    status: int
    output: str
    complaint: str


def play(work: Path, **variables: str) -> Played:
    """Run the demo in `work` as a command of its own."""
    done = subprocess.run(
        [sys.executable, str(DEMO), "--work", str(work)],
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
    )
    return Played(work, done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Return one whole demo, in the place of one that was begun and left."""
    work = tmp_path_factory.mktemp("demo") / "out"
    play(work, BASH_ENV=str(fake_runstone(work.parent)))
    (work / "left-over").touch()
    return play(work)


def fake_runstone(folder: Path) -> Path:
    """Return a file for `BASH_ENV` in which the commands of the demo are silent successes."""
    script = folder / "fake.sh"
    script.write_text("runstone() { :; }\npython() { :; }\n")
    return script


@needs_tools
@needs_prices
class TestStory:
    """One whole demo."""

    def test_it_ends_well(self, played: Played) -> None:
        """Every claim holds, nothing is complained about, and the nineteen sections come in order."""
        assert (played.status, played.complaint) == (0, ""), played.output[-2000:]
        assert re.findall(r"^(\d+)\. .*\n-+$", played.output, re.MULTILINE) == [str(number) for number in range(1, 20)]

    @pytest.mark.parametrize(
        "line",
        [
            r"result: 17 checks passed, 0 failed",
            r"\$ runstone ls",
            r"\S+__B1-DerivedC1__\w+",
            r"  B1-DerivedC1 +success  .*",
            r"  \S+ \S+  .*reviewed=yes, “is 5 % too much\?”",
            r"  made by \S+__B1-DerivedC1__\w+  B1-DerivedC1  success",
            r"    read data/prices\.csv  sha256:\w{12}",
            r"outcome  differs, by what is marked \*",
            r"\* ~ data/features\.csv",
            r"      b  \.\.\.\S+derive\.py --trend-threshold 0\.05",
            r"\S+__B1-DerivedC1__\w+  passes",
            r"fail    same outcome .*  differs",
            r"11 runs in .*: 11 verified",
            r"400 calls from 8 threads: 274 allowed, 68 blocked, 58 failed",
            r"400 runs in .*: 400 verified",
            r"pass  min score\.accuracy:-0: .*",
            r"    blocked by rule deny \(tool_denied\) .*",
            r"(\d+ worse, )?\d+ better, \d+ same",
            r"    wrong_sha256 events\.jsonl: expected sha256",
            r" 7  documents refolded +FAULT",
            r"\$ kill -9 \d+",
            r"\w+ +nightly +to recover .*",
            r"sealed  \w+  interrupted, \d+ events",
            r"nightly  interrupted  .*",
            r"The command had printed \d+ lines; \d+ of them are in the record, and it verifies\.",
            r"\[exit status 3\]",
            r"publishing with \[REDACTED:environment\]",
            r"created   \S+__B1-DerivedC1__\w+\n  sha256:[0-9a-f]{64}",
            r"removed: 1 run, .*",
            r"\w+  purged \S+ \S+",
            r"Everything held, in \d+ s\. .*",
            r"Try next:",
        ],
    )
    def test_it_says(self, played: Played, line: str) -> None:
        """Each step's key line is there, as a line of its own."""
        assert re.search(f"^{line}$", played.output, re.MULTILINE)

    def test_what_it_left_is_what_it_said(self, played: Played) -> None:
        """Seven sealed runs that verify, the copy that does not, and the second store with the same digest."""
        store = runstone.open(played.work / "runs")
        runs = list(store.runs())
        assert len(runs) == 7
        assert all(store.verify(run.run_id).ok for run in runs)
        assert not runstone.verify(played.work / "copy").ok
        (imported,) = runstone.open(played.work / "second").runs()
        assert store.get(imported.run_id).digest == imported.digest

    def test_the_secret_is_nowhere_below_the_stores(self, played: Played) -> None:
        """The value that the wrapped command printed is in no file that was made."""
        found = [path for path in played.work.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
        assert SECRET in played.output
        assert found == []

    def test_its_own_folder_is_made_anew(self, played: Played) -> None:
        """What an earlier demo left in the folder is gone."""
        assert not (played.work / "left-over").exists()

    def test_it_fits_80_columns(self, played: Played) -> None:
        """Nothing is wider, but for a path, a whole digest or an error that a command printed."""
        wide = [line for line in played.output.splitlines() if len(line) > 80]
        assert [line for line in wide if not re.search(r"/|[0-9a-f]{64}$|^runstone: run \w+ was purged", line)] == []


@needs_tools
class TestRefusals:
    """When it must not go on."""

    def test_a_false_claim_ends_it(self, tmp_path: Path) -> None:
        """Commands that succeed and say nothing are no demo: status 1, and the claim is named."""
        done = play(tmp_path / "out", BASH_ENV=str(fake_runstone(tmp_path)))
        assert done.status == 1
        assert "demo: this should hold, and does not: 12,154 prices are derived" in done.complaint
        assert "Everything held" not in done.output

    def test_a_failing_command_ends_it(self, tmp_path: Path) -> None:
        """A command with another exit status than the demo says: status 1, and the command is named."""
        script = tmp_path / "broken.sh"
        script.write_text("python() { return 7; }\n")
        done = play(tmp_path / "out", BASH_ENV=str(script))
        assert done.status == 1
        assert "ends with status 0; it ended with 7" in done.complaint

    def test_a_foreign_folder_is_left_alone(self, tmp_path: Path) -> None:
        """A folder that the demo did not make is not deleted: status 2."""
        (tmp_path / "thesis.txt").write_text("years of work")
        done = play(tmp_path)
        assert done.status == 2
        assert "was not made by the demo" in done.complaint
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        """A link to a folder that the demo did make is refused too: what it names may have changed."""
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        done = play(tmp_path / "link")
        assert done.status == 2
        assert list((tmp_path / "real").iterdir()) == []
