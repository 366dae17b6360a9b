"""The guide to `rentl`: its examples run, its tables have the methods and the statuses of the program."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.contracts.rentl import stores
from runstone.contracts.rentl.document import STATUSES
from runstone.contracts.rentl.errors import DETAILS, EXIT_STATUS
from runstone.testing.records import RecordsSuite

from .pages import codes, fenced, rows, sections, text_of
from .test_examples import run

PAGE = "docs/rentl.md"
EXAMPLES = fenced(PAGE, "python")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_run(number: int, tmp_path: Path) -> None:
    """Each as it stands; the runs that it seals verify."""
    done = run([sys.executable, "-c", EXAMPLES[number]], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    if "RunSealer" in EXAMPLES[number]:
        store = runstone.open(tmp_path / "runs")
        assert [sealed.status for sealed in store.runs()] == ["success"] * 3
        assert all(store.verify(sealed.run_id) for sealed in store.runs())
        assert done.stdout == "completed True\n"


def test_there_are_the_examples_that_are_promised() -> None:
    """The stores, an orchestrator, an adapter."""
    assert len(EXAMPLES) == 3
    body = EXAMPLES[2].partition("class ")[2].partition("\n\n\n")[0]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20


def test_the_suite_finds_what_the_adapter_lacks() -> None:
    """As the page says: of two that expect the same one wins, and here both do."""
    told: dict[str, Any] = {}
    exec(EXAMPLES[2], told)

    class Ground:
        def make(self) -> Any:
            return told["DictRecords"]()

    with pytest.raises(AssertionError):
        RecordsSuite().test_threads_that_meet_in_any_line_have_one_winner(Ground())


def test_methods_are_documented() -> None:
    """Every public one of the three stores, with its parameters."""
    documented = {
        code.partition("(")[0]: code for cells in rows(sections(PAGE)["The stores"]) for code in codes(cells[0])
    }
    for kind in (stores.RunStates, stores.Artifacts, stores.Logs):
        for name, member in vars(kind).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                assert name in documented
                parameters = list(inspect.signature(member).parameters.values())[1:]
                for argument in [one.name for one in parameters]:
                    assert argument in documented[name] or argument == "payload", (name, argument)
                by_name = any(one.kind is one.KEYWORD_ONLY for one in parameters)
                assert by_name == ("*" in documented[name]), name


def test_statuses_and_errors_are_the_programs() -> None:
    """The table of statuses, the codes, and the members of details."""
    table = list(rows(sections(PAGE)["The sealed run"]))
    told = {status: codes(cells[1])[0] for cells in table if len(cells) == 2 for status in codes(cells[0])}
    assert {status: told[status] for status in STATUSES} == STATUSES
    text = text_of(PAGE)
    assert all(f"`{code}`" in text for code in [*EXIT_STATUS, *DETAILS])
