"""The guide to `rmos`: its examples run, and its table of members is `RunStore`'s."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest

import runstone
from runstone.contracts.rmos import RunStore

from .pages import codes, fenced, rows, text_of
from .test_examples import run

PAGE = "docs/rmos.md"
STATUSES = (["blocked", "success"], ["success"])
"""What each example leaves, the newest first."""


@pytest.mark.parametrize(("number", "statuses"), list(enumerate(STATUSES)))
def test_examples_run(number: int, statuses: list[str], tmp_path: Path) -> None:
    """Each as it stands; its runs verify, with their published documents."""
    examples = fenced(PAGE, "python")
    assert len(examples) == len(STATUSES)
    done = run([sys.executable, "-c", examples[number]], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    store = runstone.open(tmp_path / "runs" / ".runstone" / "store")
    assert [sealed.status for sealed in store.runs()] == statuses
    reports = [store.verify(sealed.run_id) for sealed in store.runs()]
    assert all(report.findings == [] and report.checked[-1].startswith("10") for report in reports)


def test_members_are_documented() -> None:
    """Every public member, and its arguments by their names."""
    table = text_of(PAGE).partition("| member of `RunStore`")[2].partition("\n\n")[0]
    documented = {code.partition("(")[0]: code for cells in rows(table) for code in codes(cells[0])}
    members = {name: member for name, member in inspect.getmembers(RunStore) if not name.startswith("_")}
    assert set(documented) - {"RunStore"} >= set(members) - {"digest_of", "sealed"}
    for name, member in members.items():
        if inspect.isfunction(member) and name in documented:
            for argument in list(inspect.signature(member).parameters)[1:]:
                assert argument in documented[name]
