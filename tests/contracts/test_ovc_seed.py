"""Contract `ovc` against the seed's machine-readable specification and its sample runs, where they are at hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.contracts.ovc import RunWriter
from runstone.contracts.ovc.importing import import_runs
from runstone.contracts.ovc.trigger import TRIGGER_TYPES

Prove = Callable[[Path], Any]
SAMPLES = ("ok", "exit3", "missing_env")


@pytest.fixture(scope="session")
def seed(shared: Path) -> Any:
    """The machine-readable specification."""
    return json.loads((shared / "samples" / "ovc" / "run_artifact_spec_v0.1.json").read_bytes())


class Specification:
    """The specification's own words as a judge of run folders."""

    def __init__(self, seed: Any) -> None:
        self.files = seed["files"]
        self.words = seed["definitions"]
        self.seed = seed

    def judge(self, folder: Path) -> None:
        """Assert what the specification says of the three files."""
        run = json.loads((folder / "run.json").read_bytes())
        checks = json.loads((folder / "checks.json").read_bytes())
        self.keys(run, self.files["run.json"])
        self.keys(checks, self.files["checks.json"])
        assert re.fullmatch(self.words["run_id_format"]["pattern"], run["run_id"])
        assert run["status"] in self.words["status_values"]["enum"]
        assert run["trigger"]["type"] in self.words["trigger_types"]["enum"]
        for item, name in [(item, "input_object") for item in run["inputs"]] + [
            (item, "output_object") for item in run["outputs"]
        ]:
            shape = self.seed[name]
            assert set(shape["required_keys"]) <= set(item) <= {*shape["required_keys"], *shape["optional_keys"]}
        for check in checks["checks"]:
            assert set(check) == set(self.seed["check_object"]["required_keys"])
            assert check["status"] in self.words["check_status_values"]["enum"]
            for text in check["evidence"]:
                patterns = [form["pattern"] for form in self.words["evidence_format"]["oneOf"]]
                assert sum(re.search(pattern, text) is not None for pattern in patterns) == 1
        first = (folder / "run.log").read_text("utf-8", "replace").splitlines()[0]
        assert first == self.files["run.log"]["first_line_format"].replace("<run_id>", run["run_id"])

    def keys(self, document: Any, rules: Any) -> None:
        """Exactly the required keys, each of its type."""
        assert set(document) == set(rules["required_keys"])
        for key, kind in rules["key_types"].items():
            self.kind(document[key], kind)

    def kind(self, value: Any, kind: Any) -> None:
        """A value of one of the specification's types."""
        if isinstance(kind, dict):
            assert set(value) == set(kind)
            for key, inner in kind.items():
                self.kind(value[key], inner)
        elif kind == "timestamp":
            assert re.fullmatch(self.words["timestamp_format"]["pattern"], value)
        elif kind == "integer":
            assert type(value) is int
        elif kind.startswith("array"):
            assert isinstance(value, list)
        else:
            assert isinstance(value, str)


@pytest.mark.parametrize("command", ["true", "exit 3", "no-such-command", "echo grüße; printf x >&2"])
def test_wrapped_commands_follow_the_specification(place: Path, proved: Prove, seed: Any, command: str) -> None:
    """However they end, and also where nothing is found."""
    wrapper = [sys.executable, "-m", "runstone.contracts.ovc", "--pipeline-id", "C-Eval", "--pipeline-version", "0.1.0"]
    subprocess.run([*wrapper, "--required-env", "PATH", "--", "bash", "-c", command], capture_output=True, check=False)
    (folder,) = (place / "reports" / "runs").glob("*__*")
    proved(folder)
    Specification(seed).judge(folder)


def test_written_runs_follow_the_specification(place: Path, proved: Prove, seed: Any) -> None:
    """With every kind of input, output, check and evidence."""
    writer = RunWriter("P2-Backfill", "0.1.0", ["PATH", "ABSENT_ONE"])
    writer.add_input("csv", "a", range="2004..2005", more=1)
    writer.add_output("file", __file__, rows_written=1, rows_updated=2, extra={"x": 1}, more=1)
    (writer.artifacts_dir / "a.txt").write_text("x")
    for status in ("pass", "fail", "skip", "maybe"):
        writer.check(f"Check {status}", status, ["rows=1", "artifacts/a.txt", "run.log:line:999", "run.json:$.git.sha"])
    writer.finish("success")
    folder = place / "reports" / "runs" / writer.run_id
    proved(folder)
    Specification(seed).judge(folder)


def test_trigger_types_are_the_seeds(seed: Any) -> None:
    """None more and none fewer."""
    assert list(TRIGGER_TYPES) == seed["definitions"]["trigger_types"]["enum"]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_run_is_imported(place: Path, proved: Prove, shared: Path, seed: Any, sample: str) -> None:
    """It verifies, follows the specification, tells what the original told, and is there when imported again."""
    source = shared / "samples" / "ovc" / "writer_samples" / sample
    (folder,) = source.iterdir()
    ((run_id, digest, committed),) = import_runs(source, runstone.open("sealed"))
    assert import_runs(folder, runstone.open("sealed")) == [(run_id, digest, "identical")]
    assert (run_id, committed) == (folder.name, "created")
    found = proved(place / "sealed" / run_id)
    Specification(seed).judge(found.folder)
    for name in ("run.json", "checks.json"):
        assert json.loads((found.folder / name).read_bytes()) == json.loads((folder / name).read_bytes())
    assert (found.folder / "run.log").read_bytes() == (folder / "run.log").read_bytes()
    kept = found.folder / "artifacts" / "original"
    assert all((kept / name).read_bytes() == (folder / name).read_bytes() for name in os.listdir(folder))
