"""The same run by command, library and service gives the same bundle, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contracts.agent_service import answer, fixed_store, service

import runstone

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "which rock is hard"


def by_library(folder: Path) -> dict[str, str]:
    return answer(fixed_store(str(folder)), QUESTION)


def by_command(folder: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.contracts.agent_service", str(folder), QUESTION]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


def by_service(folder: Path) -> dict[str, str]:
    from fastapi.testclient import TestClient

    response = TestClient(service(fixed_store(str(folder)))).post("/ask", json={"question": QUESTION})
    assert response.status_code == 200, response.text
    return response.json()


def files(folder: Path) -> dict[str, bytes]:
    """The files of the bundles below a folder: that of the run, and that of its sub-agent."""
    bundles = [path.parent for path in folder.glob("*/manifest.json")]
    assert len(bundles) == 2
    found = [path for bundle in bundles for path in bundle.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("way", [by_command, by_service], ids=["command", "service"])
def test_three_ways_give_the_same_bytes(way, tmp_path: Path) -> None:
    """Every file, the answer and the digest are those of the library; only the folders differ."""
    told = by_library(tmp_path / "library")
    assert way(tmp_path / "other") == told
    assert files(tmp_path / "other") == files(tmp_path / "library")
    report = runstone.verify(tmp_path / "other" / told["run_id"], digest=told["digest"])
    assert report.findings == []


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """Another question is another run: it is not the fixed surroundings alone that make the bytes."""
    answer(fixed_store(str(tmp_path / "a")), QUESTION)
    answer(fixed_store(str(tmp_path / "b")), "which rock is soft")
    one, other = files(tmp_path / "a"), files(tmp_path / "b")
    assert one.keys() == other.keys()
    assert {path.partition("/")[2] for path in one if one[path] != other[path]} == {
        "manifest.json", "events.jsonl", "run.json", "config.snapshot.json",
    }  # fmt: skip
