"""Where a library of an extra is not installed: what is said, and that nothing else than before asks for it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone import extras

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """if True:
    import json, sys
    for name in {blocked!r}:
        sys.modules[name] = None
    try:
        {code}
    except ImportError as exc:
        told = [exc.code, exc.details["extra"], exc.details["package"], str(exc)] if hasattr(exc, "code") else repr(exc)
    else:
        told = None
    print(json.dumps(told))
"""
RENTL = "00000000-0000-7000-8000-000000000001"


def without(code: str, *blocked: str) -> Any:
    """What an `except ImportError` around `code` finds, in a process in which some modules are not found."""
    program = WITHOUT.format(blocked=blocked, code=code)
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)


@pytest.mark.parametrize(
    ("code", "blocked", "extra", "package"),
    [
        ("from runstone.contracts.rentl import PhaseRunner", "pydantic", "rentl", "pydantic"),
        ("import runstone.contracts.rentl as c; c.RunStateRecord", "pydantic", "rentl", "pydantic"),
        ("from runstone.contracts.rmos import RunArtifact", "pydantic", "web", "pydantic"),
        ("from runstone.contracts.rmos import runs_router", "fastapi", "web", "fastapi"),
        ("from runstone.contracts.rmos import toolpaths_router", "fastapi", "web", "fastapi"),
        ("from runstone.contracts.lotus import router", "fastapi", "web", "fastapi"),
        ("import runstone.ingest.langchain", "langchain_core", "langchain", "langchain-core"),
        ("import runstone.ingest.langchain_tools", "langchain_core", "langchain", "langchain-core"),
        ("import runstone.ingest.langgraph", "langgraph", "langgraph", "langgraph-checkpoint"),
        ("import runstone.ingest.langgraph", "langgraph.checkpoint", "langgraph", "langgraph-checkpoint"),
        ("import runstone.ingest.pydantic_ai", "pydantic_ai", "pydantic-ai", "pydantic-ai-slim"),
    ],
)
def test_what_needs_a_library_says_what_to_install(code: str, blocked: str, extra: str, package: str) -> None:
    """Extra and package, in an error that `except ImportError` finds."""
    message = f'{package} is needed, and not installed or too old: pip install "runstone[{extra}]"'
    assert without(code, blocked) == ["missing_extra", extra, package, message]


@pytest.mark.parametrize("name", ["runstone.somewhere", "somebody", None])
def test_another_module_that_is_not_found_is_told_as_it_is(name: str | None) -> None:
    """One that no extra installs is somebody's mistake, which an advice would hide."""
    with pytest.raises(ModuleNotFoundError) as caught, extras.Extra("web"):
        raise ModuleNotFoundError("no", name=name)
    assert not isinstance(caught.value, runstone.RunstoneError)


@pytest.mark.parametrize("name", ["RunStore", "ToolpathGate", "sha256_json"])
def test_names_that_need_no_library_are_there(name: str) -> None:
    """A contract can be used without the extra of its models."""
    assert without(f"from runstone.contracts.rmos import {name}", "pydantic", "fastapi") is None


def test_a_model_of_a_run_asks_for_its_library() -> None:
    """`RunStore.get` of RMOS, whose store opens without."""
    code = "from runstone.contracts.rmos import RunStore; RunStore.get(object.__new__(RunStore), 'r')"
    assert without(code, "pydantic")[:3] == ["missing_extra", "web", "pydantic"]


def imported(tmp_path: Path, state: str) -> subprocess.CompletedProcess[str]:
    """`runstone import` of a folder with one file below `state`, without pydantic."""
    (tmp_path / "project" / "state" / state).parent.mkdir(parents=True)
    (tmp_path / "project" / "state" / state).write_text("{}")
    program = "import sys; sys.modules['pydantic'] = None; from runstone.cli import process; process()"
    argv = [sys.executable, "-c", program, "import", "project", "--store", "runs", "--json"]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)


def test_the_import_of_a_project_asks_for_its_library(tmp_path: Path) -> None:
    """One of rentl, whose records are models."""
    shown = imported(tmp_path, f"runs/{RENTL}.json")
    assert (shown.returncode, "Traceback" in shown.stderr) == (2, False)
    told = json.loads(shown.stdout)
    assert (told["code"], told["details"]) == ("missing_extra", {"extra": "rentl", "package": "pydantic"})


def test_a_folder_that_is_no_project_asks_for_no_library(tmp_path: Path) -> None:
    """What has a `state` of another kind is refused as it is with the library."""
    shown = imported(tmp_path, "notes.json")
    assert (shown.returncode, json.loads(shown.stdout)["code"]) == (1, "invalid_archive")


def test_the_error_is_both_kinds_and_can_be_sent() -> None:
    """By its own root and by Python's, and the same after pickling."""
    with pytest.raises(runstone.MissingExtra) as caught, extras.Extra("web"):
        raise ModuleNotFoundError("no", name="fastapi")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, runstone.InvalidInput)
    assert isinstance(again, ModuleNotFoundError)
    assert (again.code, again.details) == ("missing_extra", {"extra": "web", "package": "fastapi"})


def test_packages_are_those_that_the_extras_install() -> None:
    """The name that is told is one that `pyproject.toml` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {text.partition(">")[0] for needs in project["optional-dependencies"].values() for text in needs}
    assert set(extras._PACKAGES.values()) <= asked
