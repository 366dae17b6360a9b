"""The query language: what it finds, and where it points when it is wrong."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.core.query import Cursor, glob_fits, parse_cursor, parse_query
from runstone.errors import RunstoneError
from runstone.testing.catalog import NOW_NS, card
from runstone.testing.hostile import HOSTILE

RUNS = [
    card("r1", 10, kind="backfill", labels={"env": "prod", "my key": "a, b"}, metrics={"loss": 0.5}, duration_ms=9e4),
    card("r2", 20, kind="backfill", status="failed", checks={"rows": "fail"}, metrics={"loss": "NaN", "acc": 3}),
    card("tmp-1", 30, kind="validate", status="running", config={"/model/lr": 0.1, "/on": True, "": "whole"}),
    card("n1", 40, kind="annotation"),
    card("j1", 50, kind="judge", status="failed"),
]
WORDY = card("w1", words="Connection REFUSED by größter-host:8080 日本語のテスト")


def found(query: str) -> list[str]:
    parsed = parse_query(query, NOW_NS)
    return [run["run_id"] for run in RUNS if parsed.fits(run)]


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
        ("contract:runstone", ["r1", "r2", "tmp-1"]),
        ("contract:runstone/1 kind:b*", ["r1", "r2"]),
        ("label.env:prod", ["r1"]),
        ("-label.env:prod", ["r2", "tmp-1"]),
        ("label.env:*", ["r1"]),
        ('label."my key":"a, b"', ["r1"]),
        ('label."my key":"a*"', []),
        ('label."my key":a*', ["r1"]),
        ("check.rows:fail,skip", ["r2"]),
        ("metric.loss<0.6", ["r1"]),
        ("metric.loss<=0.5 metric.loss>=5e-1", ["r1"]),
        ("metric.loss<0.5", []),
        ("-metric.loss<0.5", ["r1", "r2", "tmp-1"]),
        ("metric.loss:0.50", ["r1"]),
        ("metric.loss:NaN", ["r2"]),
        ("metric.acc:3.0", ["r2"]),
        ("config./model/lr:0.1", ["tmp-1"]),
        ("config./model/lr>0 config./on:true config.:whole", ["tmp-1"]),
        ("duration>1m", ["r1"]),
        ("duration>=90 duration<=90000ms", ["r1"]),
        ("since:85s", ["r2", "tmp-1"]),
        ("since:85000ms", ["r2", "tmp-1"]),
        ("until:1970-01-01T00:00:20", ["r1"]),
        ("since:1970-01-01T00:00:20.000000Z until:1970-01-01T00:00:20.5", ["r2"]),
        ("since:1970 until:1970-02", ["r1", "r2", "tmp-1"]),
        ("since:1e300w", ["r1", "r2", "tmp-1"]),
        ("sort:-metric.loss kind:backfill", ["r1", "r2"]),
    ],
)
def test_what_a_query_finds(query: str, ids: list[str]) -> None:
    """Terms are joined by AND, a comma is OR, `-` negates; annotations and judges only where kind or id is named."""
    assert found(query) == ids


@pytest.mark.parametrize("form", ["{0}", '"{0}"', "{0}*", "{1}*", "{2}"])
def test_long_values_are_compared_by_what_they_begin_with(form: str) -> None:
    """By 512 characters, on both sides."""
    long = "x" * 600
    query = parse_query("label.v:" + form.format(long, long[:511], long[:512]))
    fits = [query.fits(card("l", labels={"v": text})) for text in (long, long + "y", "y", "x")]
    assert fits == [True, True, False, False]


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("id:@best", 4),
        ("kind:a link.child-of:one,@best", 26),
        ("link.retries:@la*", 14),
        (f"id:sha256:{'0' * 64}", 4),
        ("backfill", 1),
        ("colour:red", 1),
        ("kind:", 5),
        ("kind:a,,b", 8),
        ("kind:a,", 7),
        (":x", 1),
        ("-", 1),
        ("--kind:x", 1),
        ("status:done", 8),
        ("status:failed,done", 15),
        ("kind:a status:done", 15),
        ("check.rows:passed", 12),
        ("label:x", 1),
        ("label.:x", 7),
        ('label."open:x', 7),
        ("config.lr:1", 8),
        ("decision.mood:x", 10),
        ("link.made-of:r", 6),
        ("kind>3", 5),
        ("metric.loss<small", 13),
        ("metric.loss<nan", 13),
        ("metric.loss<1_0", 13),
        ("metric.loss:abc", 13),
        ("metric.loss:1,nan", 15),
        ('score.judge:"good"', 13),
        ("duration:5", 9),
        ("duration>5x", 10),
        ("since:yesterday", 7),
        ("since:2026-13-01", 7),
        ("since>2026", 6),
        ("sort:loss", 6),
        ("sort:metric.", 6),
        ("sort:kind sort:name", 11),
        ("-sort:kind", 1),
        ('"', 1),
        ('"..."', 1),
        ('"a"b', 4),
        ('kind:"a"b', 9),
        ("kind~a", 1),
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


@given(st.text(st.sampled_from('kind:status id,-*\t é"\\.<>=label'), max_size=30))
def test_any_text_gets_an_answer(query: str) -> None:
    """A query is read or refused; nothing else escapes."""
    parsed = fault = None
    try:
        parsed = parse_query(query)
    except RunstoneError as exc:
        fault = exc
    if parsed is not None:
        assert all(isinstance(parsed.fits(run), bool) for run in RUNS)
    else:
        assert fault is not None
        assert fault.code == "invalid_query"
        assert 1 <= fault.details["column"] <= len(query)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ('"connection"', True),
        ('"Connection Refused"', True),
        ('"refused connection"', False),
        ('"connection by"', False),
        ('"refus"', False),
        ('"refus*"', True),
        ('"GRÖSSTER host"', False),
        ('"GRÖßTER host"', True),
        ('"8080"', True),
        ('"日本"', True),
        ('"語のテ"', True),
        ('"日語"', False),
        ('-"refused"', False),
        ('"nothing","8080"', True),
        ('"host 8080 日"', True),
    ],
)
def test_words_stand_one_behind_another(query: str, fits: bool) -> None:
    """Whole words in any case; a star at the end lets the last go on; without blanks each character is a word."""
    assert parse_query(query).fits(WORDY) == fits


def test_a_list_is_sorted_as_it_says() -> None:
    """What has no such value comes last, in either direction; among equals the newest is first."""
    expected = {
        "": ["tmp-1", "r2", "r1"],
        "sort:opened": ["r1", "r2", "tmp-1"],
        "sort:kind": ["r2", "r1", "tmp-1"],
        "sort:-kind": ["tmp-1", "r2", "r1"],
        "sort:metric.loss": ["r1", "tmp-1", "r2"],
        "sort:-metric.acc": ["r2", "tmp-1", "r1"],
        "sort:-duration": ["r1", "tmp-1", "r2"],
    }
    orders = {text: [run["run_id"] for run in parse_query(text).page(RUNS[:3], None, None)] for text in expected}
    assert orders == expected


NO_CURSORS = ["", "x", "bnVsbA", "W10", "WzEsMiwzXQ", "WyJhIl0", "WyIxIiwiYSIsImIiLDRd", "é", "W3RydWUsImEiLCJiIl0"]


@pytest.mark.parametrize("text", NO_CURSORS)
def test_a_cursor_that_no_list_gave_is_refused(text: str) -> None:
    """`invalid_cursor`, whatever it decodes to."""
    with pytest.raises(RunstoneError) as caught:
        parse_cursor(text)
    assert caught.value.code == "invalid_cursor"


@given(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_comes_back(value: float | str | None) -> None:
    """Text and back."""
    cursor = parse_cursor(Cursor(value, "2026-01-01T00:00:00.000000Z", "r1").text())
    assert (cursor.value, cursor.opened_at, cursor.run_id) == (value, "2026-01-01T00:00:00.000000Z", "r1")


def test_hostile_texts_are_literals_or_errors() -> None:
    """SQL, globs of other languages, paths and controls: each finds the run that has it as a value, and no other."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in HOSTILE]
    every = [card(f"h{number}", number, labels={"v": text}) for number, text in enumerate(HOSTILE)]
    for number, text in enumerate(quoted):
        query = parse_query(f'label.v:"{text}"')
        assert [run["run_id"] for run in every if query.fits(run)] == [f"h{number}"], text
        hostile = HOSTILE[number]
        for bare in (f"label.v:{hostile}", hostile, f"{hostile}:x", f"sort:{hostile}"):
            try:
                parse_query(bare)
            except RunstoneError as exc:
                assert exc.code == "invalid_query"
                assert 1 <= exc.details["column"] <= max(1, len(bare))


@example("ab*ba", "aba")
@example("a*a", "a")
@example("*ab*ab", "cab")
@given(st.text(st.sampled_from("ab*"), max_size=10), st.text(st.sampled_from("ab"), max_size=12))
def test_globs_mean_what_they_mean_in_a_shell(pattern: str, value: str) -> None:
    """`*` stands for any text, also for none."""
    assert glob_fits(tuple(pattern.split("*")), value) == fnmatch.fnmatchcase(value, pattern)


@given(st.text(st.sampled_from("a?[]!^$.\\+(){}|"), max_size=8))
def test_only_the_star_is_special(pattern: str) -> None:
    """Every other character means itself."""
    assert glob_fits((pattern,), pattern)
    assert not glob_fits((pattern,), pattern + "x")
    assert glob_fits(("", pattern, ""), f"before{pattern}after")


@pytest.mark.timeout(30)
def test_hostile_globs_take_linear_time() -> None:
    """A pattern that makes a backtracking matcher try 10^40 ways is answered at once."""
    assert not glob_fits(tuple(("*a" * 50_000 + "b").split("*")), "a" * 100_000)
    assert glob_fits(tuple(("*a" * 50_000).split("*")), "a" * 100_000)
