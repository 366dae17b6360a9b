"""`runstone pack` and `runstone unpack`: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import runstone
from runstone.adapters.fs.objects import FsObjects
from runstone.cli import main
from runstone.testing.ground import code_of


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of three runs in the working directory."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        with runstone.open().run("job", run_id=f"run-{number}", labels={"n": str(number)}):
            pass
    return tmp_path


def test_runs_that_fit_are_packed_and_unpacked(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each verb says how many; the runs are where they were told to be, and verify."""
    assert main(["pack", "-label.n:0"]) == 0
    assert capfd.readouterr().out == "packed: 2 runs\n"
    assert [(here / "runs" / f"run-{number}").exists() for number in range(3)] == [True, False, False]
    assert main(["verify", "--all"]) == 0
    capfd.readouterr()
    assert main(["unpack", "id:run-1"]) == 0
    assert capfd.readouterr().out == "unpacked: 1 run\n"
    assert (here / "runs" / "run-1" / "manifest.json").exists()
    assert main(["verify", "--all"]) == 0


def test_nothing_to_do_names_the_store(capfd: pytest.CaptureFixture[str]) -> None:
    """And is no fault."""
    assert main(["unpack"]) == 0
    assert "nothing to unpack in" in capfd.readouterr().err


def test_json_has_what_was_moved_and_what_was_not(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A damaged run stays, its problem is told, and the status is that of the problem."""
    path = here / "runs" / "run-1" / "run.json"
    path.chmod(0o644)
    path.write_bytes(b"{}")
    assert main(["pack", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert told["moved"] == ["run-0", "run-2"]
    assert [(item["run_id"], item["problem"]["code"]) for item in told["problems"]] == [("run-1", "bundle_damaged")]
    assert main(["pack"]) == 1
    assert "run-1" in capfd.readouterr().out


def test_a_run_that_a_purge_takes_meanwhile_is_no_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not stay, as it is not there: the others are moved, and nothing has failed."""
    monkeypatch.setattr(FsObjects, "run_ids", lambda _: ["gone", "run-0"])
    assert main(["pack"]) == 0
    assert capfd.readouterr().out == "packed: 1 run\n"


def test_wrong_query_is_refused_before_anything_moves(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With the column."""
    assert main(["pack", "nofield:x"]) == 2
    assert "column" in capfd.readouterr().err
    assert (here / "runs" / "run-0").exists()


def test_memory_has_no_packs() -> None:
    """A store in memory says so."""
    assert code_of(runstone.open("memory:", packed=True).pack) == "unsupported_store"
