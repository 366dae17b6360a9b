"""The layers of the design, held by import-linter; and proof that each contract can fail."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runstone.engine.imports import LIBRARIES

from .source import PACKAGE, ROOT, imports, modules

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# contract → a module and an import that breaks it
BREAKS = {
    "layers": [
        ("core/ids.py", "from runstone.ports.clock import Clock"),
        ("ports/clock.py", "from runstone.engine.store import Store"),
        ("engine/sealer.py", "from runstone.contracts.runstone.document import CONTRACT"),
        ("engine/sealer.py", "from runstone.adapters.fs import durable"),
        ("adapters/system.py", "import runstone.engine.store"),
        ("errors.py", "from runstone.core import limits"),
        ("locate.py", "from runstone.cli.app import main"),
        ("engine/tools.py", "from runstone.ingest.begun import Begun"),
        ("ingest/begun.py", "import runstone.contracts.runstone"),
    ],
    "adapters": [("cli/doctor.py", "from runstone.adapters.system import SystemClock")],
    "testing": [("locate.py", "import runstone.testing")],
    "documents": [("contracts/runstone/document.py", "from runstone.engine import store")],
    "contracts": [("contracts/runstone/document.py", "import runstone.contracts.ovc")],
    "pure": [("core/merkle.py", "import time"), ("core/redaction/gate.py", "def late() -> None:\n    import os")],
    "ports": [("ports/host.py", "import pathlib")],
    "click": [("engine/store.py", "import click")],
    "parts": [("engine/recorder.py", "import orjson")],
    "frameworks": [("engine/recorder.py", "import langgraph"), ("cli/doctor.py", "import pydantic_ai")],
}


def linted(source: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo", "--config", str(ROOT / ".importlinter"), *options]
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "default"}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)


def contracts() -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return [name.rpartition(":")[2] for name in parser.sections() if ":contract:" in name]


def test_imports_point_down() -> None:
    """Every contract of `.importlinter` holds."""
    shown = linted(PACKAGE.parent)
    assert shown.returncode == 0, shown.stdout
    assert f"Contracts: {len(contracts())} kept, 0 broken." in shown.stdout


def test_every_contract_has_a_reason() -> None:
    """A rule whose reason nobody remembers is kept for ever or dropped by mistake: a comment stands above each."""
    lines = (ROOT / ".importlinter").read_text().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("[importlinter:contract:"):
            assert lines[number - 1].startswith("# "), f"{line} has no reason above it"


def test_every_contract_has_an_import_that_breaks_it() -> None:
    """A new contract needs a row here."""
    assert BREAKS.keys() == set(contracts())


@pytest.mark.parametrize(
    ("contract", "module", "statement"), [(name, *row) for name, rows in BREAKS.items() for row in rows]
)
def test_a_forbidden_import_is_found(tmp_path: Path, contract: str, module: str, statement: str) -> None:
    """The contract fails on a copy of the package with one import added."""
    shutil.copytree(PACKAGE, tmp_path / "runstone", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "runstone" / module).open("a") as file:
        file.write(f"\n{statement}\n")
    shown = linted(tmp_path, "--contract", contract)
    assert shown.returncode == 1, shown.stdout
    assert "Contracts: 0 kept, 1 broken." in shown.stdout


def test_a_fork_waits_for_all_that_is_imported_late() -> None:
    """Every library that a module below the contracts imports is among those of `engine/imports.py`."""
    found = {
        name.partition(".")[0] for path in modules("core", "engine", "adapters", "ports") for _, name in imports(path)
    }
    standard = sys.stdlib_module_names | {"annotationlib"}  # from Python 3.14 on
    assert {name for name in found if name[0] != "_"} - standard <= LIBRARIES
