"""Tables, facts, widths, colours and measures."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.conftest import HOSTILE, raw_controls
from runstone.cli.measures import count_text, duration_text, number_text, size_text
from runstone.cli.rendering import Column, Screen, Span, cut, print_json, print_json_line
from runstone.core.terminal import text_width


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def screen(width: int | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Screen, io.StringIO]:
    """A screen without colour, of a width."""
    stream = io.StringIO()
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    return Screen(stream), stream


def test_columns_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Titles above values, numbers to the right."""
    page, stream = screen(None, monkeypatch)
    page.table((Column("NAME"), Column("N", right=True)), [["a", "1"], ["long", "200"]])
    assert stream.getvalue() == "  NAME    N\n  a       1\n  long  200\n"


def test_a_table_without_rows_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No titles above nothing."""
    page, stream = screen(None, monkeypatch)
    page.table((Column("NAME"),), [])
    assert stream.getvalue() == ""


@given(
    width=st.integers(30, 120),
    rows=st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60), st.just("fixed")), min_size=1, max_size=4),
)
def test_a_flexible_table_fits_any_width(width: int, rows: list[tuple[str, str, str]]) -> None:
    """Whatever stands in it, no line is wider than the screen, and nothing raw comes through."""
    with pytest.MonkeyPatch.context() as patch:
        page, stream = screen(width, patch)
        page.table((Column("A", flexible=True), Column("B", flexible=True), Column("C")), rows)
    lines = stream.getvalue().split("\n")
    assert all(text_width(line) <= width for line in lines)
    assert raw_controls(stream.getvalue()) == []


def test_the_least_important_column_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must stay is whole."""
    page, stream = screen(20, monkeypatch)
    page.table((Column("ID"), Column("B", keep=2), Column("C", keep=1)), [["x" * 10, "y" * 5, "z" * 5]])
    assert stream.getvalue().splitlines()[1] == "  xxxxxxxxxx  yyyyy"


def test_facts_go_on_below_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long value is broken at its spaces; a word that is too long stays whole."""
    page, stream = screen(20, monkeypatch)
    page.facts([("label", ["one two three", "a-very-long-word-indeed"]), ("", ["x"])])
    assert stream.getvalue() == "label    one two\n         three\n         a-very-long-word-indeed\n         x\n"


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour codes stand around safe text, and only where somebody sees them."""
    red = Span("bad\x1b[2J", "bad")
    terminal, pipe = Terminal(), io.StringIO()
    Screen(terminal).line(red)
    Screen(pipe).line(red)
    assert terminal.getvalue() == "\x1b[31mbad\\x1b[2J\x1b[0m\n"
    assert pipe.getvalue() == "bad\\x1b[2J\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """By the common setting, and on a terminal that cannot show it."""
    monkeypatch.setenv(name, value)
    terminal = Terminal()
    Screen(terminal).line(Span("bad", "bad"))
    assert terminal.getvalue() == "bad\n"


def test_text_keeps_lines_and_tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What structures a log stays, what controls does not."""
    page, stream = screen(None, monkeypatch)
    page.text(f"a\tb\n{HOSTILE}\n")
    assert stream.getvalue().startswith("a\tb\n\\x1b]52")
    assert raw_controls(stream.getvalue()) == []


@given(st.text(max_size=40), st.integers(1, 20))
def test_cut_text_fits(text: str, width: int) -> None:
    """What is cut says so and takes no more cells than it may."""
    shown = cut(text, width)
    assert text_width(shown) <= max(width, 1)
    assert shown == text or shown.endswith("…")


def test_names_that_differ_at_their_ends_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell is cut in its middle."""
    page, stream = screen(30, monkeypatch)
    names = [f"tests/unit/test_store.py::test_sealed_once[{name}]" for name in ("ext4", "tmpfs")]
    page.table((Column("NAME", flexible=True), Column("N")), [[name, "1"] for name in names])
    _, one, other = stream.getvalue().splitlines()
    assert one.startswith("  tests/unit/")
    assert one.endswith("[ext4]  1")
    assert other.endswith("[tmpfs]  1")


def test_a_cell_that_runs_from_right_to_left_moves_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is isolated, in a table, in a fact and in colour; a pipe gets the text alone."""
    monkeypatch.setenv("COLUMNS", "24")
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        page = Screen(stream)
        page.table((Column("NAME"), Column("LAST", right=True)), [["דיוק", "0.5"]], indent=0)
        page.facts([("label", [Span("ערך ראשון ועוד ערך", "dim"), "x"])])
    name, *fact = [line for line in terminal.getvalue().splitlines() if "LAST" not in line]
    assert name == "\u2068דיוק\u2069   0.5"
    assert fact == [
        "\x1b[2mlabel    \x1b[0m\x1b[2m\u2068ערך ראשון ועוד\u2069\x1b[0m",
        "\x1b[2m         \x1b[0m\x1b[2m\u2068ערך\u2069\x1b[0m x",
    ]
    assert not set("\u2068\u2069") & set(pipe.getvalue())


def test_what_the_encoding_cannot_hold_is_measured_as_it_is_shown() -> None:
    """Columns stay aligned, and quotation marks and dots are those of ASCII."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Screen(stream).table((Column("KIND"), Column("N")), [["a “b” …", "1"], ["é日”", "2"]], indent=0)
    stream.flush()
    assert raw.getvalue().decode("latin-1").splitlines() == ["KIND       N", 'a "b" ...  1', 'é\\u65e5"   2']


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (59_949, "59.9 s"),
        (59_950, "1m 00s"),
        (3_599_600, "1h 00m"),
        (4 * 3_600_000 + 120_000, "4h 02m"),
        (50 * 3_600_000, "2d 02h"),
    ],
)
def test_durations(ms: int, text: str) -> None:
    """Two units at most, and no `60 s`."""
    assert duration_text(ms) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (1_500_000_000, "1.5 GB"),
        (10**19, "10000 PB"),
    ],
)
def test_sizes(size: int | None, text: str) -> None:
    """Powers of a thousand, one decimal, never `1000.0`."""
    assert size_text(size) == text


def test_numbers_and_counts() -> None:
    """Six digits of a float, integers whole, texts as they are."""
    assert [number_text(value) for value in (0.1 + 0.2, 12345678, "NaN", None)] == ["0.3", "12345678", "NaN", "-"]
    assert [count_text(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


def test_json_has_no_half_of_a_surrogate_pair(capsys: pytest.CaptureFixture[str]) -> None:
    """A strict reader refuses one: the name of a file that is no UTF-8 is told byte by byte, all else as it is."""
    value = {"./o\udcff": ["caf\udce9", ("\ud800",)], "smile": "\U0001f600", "text": "\\ud800", "n": None}
    expected = {"./oÿ": ["café", ["\u00ed\u00a0\u0080"]], "smile": "\U0001f600", "text": "\\ud800", "n": None}
    print_json(value)
    print_json_line(value)
    out = capsys.readouterr().out
    assert out.isascii()
    whole, line = out[: out.index("}\n") + 2], out[out.index("}\n") + 2 :]
    assert json.loads(whole) == json.loads(line) == expected
