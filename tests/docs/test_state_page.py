"""The guide to states says what the program does: its examples run, its table has every method."""

from __future__ import annotations

import sys
from pathlib import Path

import runstone

from .pages import fenced, first_codes, sections
from .test_docs import members
from .test_examples import run


def test_the_first_example_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Run again, it has nothing left to do and says the same."""
    code = fenced("docs/state.md", "python")[0]
    shown = [run([sys.executable, "-c", code], tmp_path) for _ in range(2)]
    assert [(done.returncode, done.stderr) for done in shown] == [(0, "")] * 2
    assert {done.stdout for done in shown} == {"{'done': ['page 0', 'page 1', 'page 2']} [2, 1, 0]\n"}


def test_the_graph_goes_on_where_it_ended(tmp_path: Path) -> None:
    """It is saved, and another process has the notes of the one before."""
    code = fenced("docs/state.md", "python")[1]
    shown = [run([sys.executable, "-c", code], tmp_path) for _ in range(2)]
    assert [(done.returncode, done.stderr) for done in shown] == [(0, "")] * 2
    assert [done.stdout for done in shown] == ["['note 0', 'note 1']\n", "['note 0', 'note 1', 'note 2', 'note 3']\n"]


def test_both_examples_may_stand_in_one_folder(tmp_path: Path) -> None:
    """Who tries the page from its top to its end has them in one store."""
    shown = [run([sys.executable, "-c", code], tmp_path) for code in fenced("docs/state.md", "python")]
    assert [(done.returncode, done.stderr) for done in shown] == [(0, "")] * 2


def test_methods_of_the_store_are_documented() -> None:
    """With their signatures."""
    assert set(first_codes(sections("docs/state.md")["Put and get"])) == set(members(runstone.StateStore))
