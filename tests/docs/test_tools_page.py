"""The guide to tool contracts: what it shows runs, and its tables are the program's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runstone.core.tools.contract import APPROVALS, BUDGET, MEMBERS
from runstone.core.tools.handling import ACTIONS
from runstone.core.tools.makers import contract_of_model, contracts_of_mcp, contracts_of_openai
from runstone.core.words import SIDE_EFFECTS
from runstone.engine.functions import contract_of_function

from .pages import ROOT, codes, fenced, first_codes, sections, text_of
from .test_docs import bare

PAGE = "docs/tools.md"


def test_its_examples_run(tmp_path: Path) -> None:
    """One after the other, as one program, which prints what the page says, but for the digits of a pseudonym."""
    program = "\n".join(fenced(PAGE, "python"))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [line.strip() for line in text_of(PAGE).splitlines() if line.startswith("    [{'path'")]
    problems, recorded, marks = done.stdout.splitlines()
    assert [problems] == shown
    assert "    " + recorded.partition("pseudonym:")[0] in text_of(PAGE)
    assert "    " + marks in text_of(PAGE)


def test_its_tables_are_the_programs() -> None:
    """Members, classes, budgets, approvals, actions, makers with their signatures."""
    document = sections(PAGE)["The document"]
    assert tuple(first_codes(document)) == MEMBERS
    assert {*SIDE_EFFECTS, *BUDGET, *APPROVALS} <= set(codes(document))
    assert sorted(first_codes(sections(PAGE)["Data handling"])) == sorted(ACTIONS)
    makers = (contract_of_function, contract_of_model, contracts_of_mcp, contracts_of_openai)
    assert first_codes(sections(PAGE)["Make one of what is there"]) == [made.__name__ + bare(made) for made in makers]


def test_the_schema_that_it_names_is_there() -> None:
    """In the package."""
    [named] = [code for code in codes(text_of(PAGE)) if code.endswith("tool-contract.schema.json")]
    assert (ROOT / "src" / named).is_file()
