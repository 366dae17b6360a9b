"""What tests of contracts share: a place to run in, and what every sealed `ovc` run must hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import runstone
import runstone.contracts.ovc

SCHEMAS = Path(runstone.contracts.ovc.__file__).parent / "schema"
TRIGGER_SETTINGS = ("GITHUB_EVENT_NAME", "GITHUB_WORKFLOW", "GITHUB_ACTOR")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, outside every repository, without settings of a CI."""
    for name in TRIGGER_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Documents:
    """The three files of a sealed run, proved: schemas, verification, first line, evidence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run: dict[str, Any] = json.loads((folder / "run.json").read_bytes())
        self.checks: dict[str, Any] = json.loads((folder / "checks.json").read_bytes())
        self.lines = (folder / "run.log").read_bytes().split(b"\n")[:-1]

    def line(self, reference: str) -> str:
        """The text of the log line that a reference names."""
        return self.lines[int(reference.removeprefix("run.log:line:")) - 1].decode()

    def check(self, check_id: str) -> dict[str, Any]:
        """The one check of an id."""
        (found,) = [check for check in self.checks["checks"] if check["id"] == check_id]
        return found


@pytest.fixture
def proved() -> Callable[[Path], Documents]:
    """Read a sealed run, after proving what every run of the contract promises."""
    schemas = {
        name: Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_bytes()))
        for name in ("run", "checks")
    }

    def prove(folder: Path) -> Documents:
        report = runstone.verify(folder)
        assert report.ok, report.findings
        documents = Documents(folder)
        schemas["run"].validate(documents.run)
        schemas["checks"].validate(documents.checks)
        assert documents.run["run_id"] == documents.checks["run_id"] == folder.name
        assert documents.lines[0].decode() == f"RUN_ID={folder.name}"
        for name in ("run.json", "checks.json"):
            body = (folder / name).read_text("ascii")
            assert body == json.dumps(json.loads(body), indent=2, sort_keys=True) + "\n"
        statuses = [check["status"] for check in documents.checks["checks"]]
        assert documents.checks["summary"] == {word: statuses.count(word) for word in ("pass", "fail", "skip")}
        return documents

    return prove


@pytest.fixture
def only_run(place: Path, proved: Callable[[Path], Documents]) -> Callable[[], Documents]:
    """The one run of the default store, proved."""

    def read() -> Documents:
        (folder,) = (place / "reports" / "runs").glob("*__*")
        return proved(folder)

    return read
