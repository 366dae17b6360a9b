"""Run ids of contract `ovc`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.contracts.ovc import layout
from runstone.core import ids

GRAMMAR = re.compile(r"[0-9]{8}T[0-9]{6}Z__[A-Za-z0-9-]+__[a-f0-9]{7}")
PIPELINES = st.from_regex(r"[A-Za-z0-9-]{1,100}", fullmatch=True)


@given(st.integers(0, 253_402_300_799), PIPELINES, st.from_regex(r"[a-f0-9]{7}", fullmatch=True))
def test_every_made_id_follows_the_grammar(seconds: int, pipeline_id: str, sha7: str) -> None:
    """An id of any second, pipeline and commit is one of the contract and of the kernel."""
    made = layout.run_id(seconds, pipeline_id, sha7)
    assert GRAMMAR.fullmatch(made)
    assert layout.is_run_id(made)
    assert ids.is_run_id(made)


def test_an_id_tells_its_second() -> None:
    """The time is UTC, in the compact form."""
    assert layout.run_id(1_768_660_252, "P2-Backfill", "a1b2c3d") == "20260117T143052Z__P2-Backfill__a1b2c3d"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "20260117T143052Z__P2-Backfill__a1b2c3",
        "20260117T143052Z__P2-Backfill__A1B2C3D",
        "20260117T143052Z__P2_Backfill__a1b2c3d",
        "20260117T143052Z____a1b2c3d",
        "20260117T143052Z__P2__Backfill__a1b2c3d",
        "20261317T143052Z__P2-Backfill__a1b2c3d",
        "20260117T246052Z__P2-Backfill__a1b2c3d",
        "20260117T143052__P2-Backfill__a1b2c3d",
        "20260117T143052Z__P2-Backfill__a1b2c3d\n",
        "20260117T143052Z__" + "x" * 102 + "__a1b2c3d",
    ],
)
def test_other_texts_are_no_run_ids(text: object) -> None:
    """Neither another form, nor a second that does not exist, nor more than a run id can hold."""
    assert not layout.is_run_id(text)


@pytest.mark.parametrize("text", ["", "a b", "a_b", "a/b", "../a", "ä", "a\n", "x" * 102, None, 7])
def test_other_texts_are_no_pipeline_ids(text: object) -> None:
    """Letters, digits and `-` only, and no more than leaves room for the rest of the id."""
    assert not layout.is_pipeline_id(text)


def test_the_longest_pipeline_id_fills_a_run_id() -> None:
    """The limit is what the kernel's limit leaves."""
    longest = "x" * layout.MAX_PIPELINE_ID_LENGTH
    assert len(layout.run_id(0, longest, "0" * 7)) == 128
