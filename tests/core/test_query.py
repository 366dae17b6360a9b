"""The query language: what it finds, and where it points when it is wrong."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.core.query import glob_fits, parse_query
from runstone.errors import RunstoneError

RUNS = [
    ("r1", "backfill", "success"), ("r2", "backfill", "failed"), ("tmp-1", "validate", "running"),
    ("n1", "annotation", "success"),
    ("j1", "judge", "failed"),
]  # fmt: skip


def found(query: str) -> list[str]:
    parsed = parse_query(query)
    return [run_id for run_id, kind, status in RUNS if parsed.fits(run_id, kind, status)]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["r1", "r2", "tmp-1"]),
        ("   ", ["r1", "r2", "tmp-1"]),
        ("kind:backfill", ["r1", "r2"]),
        ("kind:back*", ["r1", "r2"]),
        ("status:failed", ["r2"]),
        ("status:failed,running", ["r2", "tmp-1"]),
        ("-status:failed", ["r1", "tmp-1"]),
        ("-status:failed,running", ["r1"]),
        ("kind:backfill status:success", ["r1"]),
        (" kind:backfill   -id:r1 ", ["r2"]),
        ("id:tmp*", ["tmp-1"]),
        ("-id:tmp*", ["r1", "r2"]),
        ("id:r1,r2", ["r1", "r2"]),
        ("status:*ed", ["r2"]),
        ("kind:annotation", ["n1"]),
        ("kind:*", ["r1", "r2", "tmp-1", "n1", "j1"]),
        ("id:j1", ["j1"]),
        ("-kind:backfill", ["tmp-1"]),
        ("kind:Backfill", []),
    ],
)
def test_what_a_query_finds(query: str, ids: list[str]) -> None:
    """Terms are joined by AND, a comma is OR, `-` negates; annotations and judges only where kind or id is named."""
    assert found(query) == ids


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("backfill", 1),
        ("colour:red", 1),
        ("kind:", 1),
        ("kind:a,,b", 1),
        ("kind:a,", 1),
        (":x", 1),
        ("-", 1),
        ("--kind:x", 1),
        ("status:done", 1),
        ("kind:a status:done", 8),
        ("kind:a   nope", 10),
        ("  nope", 3),
        ("kind:a KIND:b", 8),
        ("kind:a kind:b kind:c OR", 22),
    ],
)
def test_an_error_points_at_the_column(query: str, column: int) -> None:
    """Anything else is refused: `invalid_query`, with the column from 1 of the word that is wrong."""
    with pytest.raises(RunstoneError) as caught:
        parse_query(query)
    assert caught.value.code == "invalid_query"
    assert caught.value.details["column"] == column
    assert caught.value.message.startswith(f"column {column}:")


@given(st.text(st.sampled_from("kind:status id,-*\t é"), max_size=30))
def test_any_text_gets_an_answer(query: str) -> None:
    """A query is read or refused; nothing else escapes."""
    parsed = fault = None
    try:
        parsed = parse_query(query)
    except RunstoneError as exc:
        fault = exc
    if parsed is not None:
        assert all(isinstance(parsed.fits(*run), bool) for run in RUNS)
    else:
        assert fault is not None
        assert fault.code == "invalid_query"
        assert 1 <= fault.details["column"] <= len(query)


@example("ab*ba", "aba")
@example("a*a", "a")
@example("*ab*ab", "cab")
@given(st.text(st.sampled_from("ab*"), max_size=10), st.text(st.sampled_from("ab"), max_size=12))
def test_globs_mean_what_they_mean_in_a_shell(pattern: str, value: str) -> None:
    """`*` stands for any text, also for none."""
    assert glob_fits(pattern, value) == fnmatch.fnmatchcase(value, pattern)


@given(st.text(st.sampled_from("a?[]!^$.\\+(){}|"), max_size=8))
def test_only_the_star_is_special(pattern: str) -> None:
    """Every other character means itself."""
    assert glob_fits(pattern, pattern)
    assert not glob_fits(pattern, pattern + "x")
    assert glob_fits(f"*{pattern}*", f"before{pattern}after")


@pytest.mark.timeout(30)
def test_hostile_globs_take_linear_time() -> None:
    """A pattern that makes a backtracking matcher try 10^40 ways is answered at once."""
    assert not glob_fits("*a" * 50_000 + "b", "a" * 100_000)
    assert glob_fits("*a" * 50_000, "a" * 100_000)
