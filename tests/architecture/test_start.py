"""What a process loads before it does its work: start-up is a product feature."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .source import PACKAGE

CHEAP = {
    "__future__",
    "_contextvars", "_json", "_sha256", "_sha2", "fcntl", "select",  # a shared object each, next to no time
    "importlib", "warnings",  # on the first public name
    "encodings.utf_16_be",  # the order of keys
    "resource",  # `os.wait4` itself
}  # fmt: skip

LOADED = """
import sys
sys.path.insert(0, {source!r})
before = set(sys.modules)
{code}
for name in sorted(set(sys.modules) - before):
    spec = getattr(sys.modules[name], "__spec__", None)
    if not name.startswith("runstone") and not (spec and spec.origin in ("built-in", "frozen")):
        print(name)
"""

HOT = "import runstone.locate, runstone.engine.recorder, runstone.engine.wrapper, runstone.adapters.fs.journals"
RECORD = """
import runstone
with runstone.open({store!r}).run("kind", labels={{"a": "b"}}) as run:
    run.log("text")
    run.check("rows", "pass", "run.log:line:1")
    run.metrics({{"loss": 0.5}}, step=1)
    run.event("x.mine", {{"a": [1, 2.5, None]}})
"""
TOLD = """
for name in sorted(sys.modules):
    if name.startswith("runstone.core.redaction."):
        print(name.removeprefix("runstone.core."))
"""


def loaded(code: str) -> set[str]:
    """What a bare interpreter (`-I -S`: no site, no environment) loads from files for `code`, which its argv lacks."""
    script = LOADED.format(source=str(PACKAGE.parent), code=code)
    shown = subprocess.run([sys.executable, "-I", "-S", "-"], input=script, capture_output=True, text=True, check=True)
    return set(shown.stdout.split())


@pytest.mark.parametrize(
    "code", ["import runstone", HOT, "import runstone.cli.run"], ids=["package", "hot path", "wrapper"]
)
def test_start_up_loads_nothing_heavy(code: str) -> None:
    """No typing, re, json, dataclasses, pathlib, subprocess, enum, click, orjson: each costs milliseconds."""
    assert loaded(code) - CHEAP == set()


def test_a_short_run_loads_nothing_heavy(tmp_path: Path) -> None:
    """Opening a store, recording a few facts and sealing them takes no part that a short process can do without."""
    assert loaded(RECORD.format(store=str(tmp_path / "runs"))) - CHEAP == set()
    assert list((tmp_path / "runs").glob("*/manifest.json"))


def test_a_run_without_secrets_loads_no_part_that_takes_them_out(tmp_path: Path) -> None:
    """No rule, no walk of trees, nothing that asks a matcher which is not there."""
    code = RECORD.format(store=str(tmp_path / "runs")) + TOLD
    assert {name.removeprefix("redaction.") for name in loaded(code) if name.startswith("redaction.")} == {
        *("cutting", "gate", "index", "known", "literals", "names"),
        *("redactor", "ruleset", "zeros"),
    }


def test_a_wrapped_command_loads_nothing_heavy(tmp_path: Path) -> None:
    """`runstone run` from its options to the seal: what stands around every step must cost next to nothing."""
    store = str(tmp_path / "runs")
    code = f"from runstone.cli.run import main; assert main(['--store', {store!r}, '--', 'true']) == 0"
    assert loaded(code) - CHEAP == set()
    assert list((tmp_path / "runs").glob("*/manifest.json"))


def test_the_measure_sees_what_is_heavy() -> None:
    """The test can fail: an import of the usual suspects is found."""
    assert {"re", "json", "dataclasses", "enum"} <= loaded("import json, re, dataclasses")
