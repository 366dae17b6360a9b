"""`runstone show --plot`: metrics drawn in a terminal's cells."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cli.conftest import HOSTILE, Invoke, raw_controls
from runstone.core.terminal import text_width
from runstone.engine.store import Store


@pytest.fixture
def drawn(store: Store) -> str:
    """A run with a line that rises, one with gaps, a flat one, and one of nothing but `NaN`."""
    with store.run("train", run_id="drawn") as run:
        for step in range(101):
            values: dict[str, object] = {"rise": step, "train/flat": 2.5}
            values["train/gaps"] = float("nan") if step in (50, 51) else step % 10
            values["none"] = float("nan")
            run.metrics(values, step=step)
    return run.run_id


RISE = """\
rise  last 100, min 0, max 100, 101 points
         100|                                                               ***
            |                                                       ********
            |                                                ********
            |                                         ********
            |                                  *******
          50|                          ********
            |                  ********
            |           ********
            |    ********
           0|****
            +------------------------------------------------------------------
             0                             step                             100
"""


def test_a_line_where_the_output_has_no_braille(drawn: str, process: Invoke) -> None:
    """The whole drawing."""
    shown = process("show", drawn, "--plot", "rise", PYTHONIOENCODING="ascii")
    assert (shown.out, shown.err) == (RISE, "")


def test_braille_on_a_terminal(drawn: str, on_terminal: Callable[..., str]) -> None:
    """No line is wider than the terminal, and each curve has its cells."""
    shown = on_terminal("show", drawn, "--plot", "rise", NO_COLOR="1", PYTHONIOENCODING="utf-8")
    lines = shown.splitlines()
    assert max(map(text_width, lines)) <= 80
    curve = [line[13:] for line in lines[1:11]]
    assert all(any("\u2801" <= mark <= "\u28ff" for mark in line) for line in curve)
    assert curve[0].rstrip()[-1] != " "
    assert curve[9].startswith("⣀⡤⠴⠒⠊⠉")


def test_labels_tell_what_they_stand_at_apart(store: Store, invoke: Invoke) -> None:
    """Whole numbers are whole, others have as many digits as it takes, and the drawing makes room for them."""
    with store.run("train", run_id="fine") as run:
        for step in range(3):
            run.metrics({"date": 1.7e9 + step, "bytes": 1234567890123456 + step, "loss": 0.1234567891 + step * 1e-9})
    for name, low, high in (
        ("date", "1700000000", "1700000002"),
        ("bytes", "1234567890123456", "1234567890123458"),
        ("loss", "0.123456789", "0.123456791"),
    ):
        lines = invoke("show", "fine", "--plot", name).out.splitlines()
        assert lines[0] == f"{name}  last {high}, min {low}, max {high}, 3 points"
        labels = [line.partition("┤")[0].strip() for line in lines if "┤" in line]
        assert (labels[0], labels[2]) == (high, low)
        assert float(low) < float(labels[1]) < float(high)
        assert max(map(text_width, lines[1:])) < 80


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_tick_stands_where_its_dots_are(drawn: str, process: Invoke, encoding: str) -> None:
    """Of a metric that never changes, too."""
    shown = process("show", drawn, "--plot", "train/flat", PYTHONIOENCODING=encoding).out.splitlines()
    (tick,) = [line for line in shown if line.strip().startswith("2.5")]
    (curve,) = [line for line in shown[1:11] if line[13:].strip()]
    assert tick == curve


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_the_width_is_the_terminals(drawn: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Down to ten cells of drawing."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = invoke("show", drawn, "--plot", "rise").out.splitlines()
    assert max(map(text_width, lines[1:])) == max(columns, 24) - 1


def test_globs_and_several_names(drawn: str, invoke: Invoke) -> None:
    """In the order of their first point, each once."""
    shown = invoke("show", drawn, "--plot", "train/*", "--plot", "rise", "--plot", "r*").out
    heads = [line.split("  ")[0] for line in shown.splitlines() if " points" in line and "last" in line]
    assert heads == ["rise", "train/flat", "train/gaps"]


def test_points_without_a_place_are_marked(drawn: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the curve, and counted; a metric of nothing else has no curve."""
    shown = invoke("show", drawn, "--plot", "train/gaps").out.splitlines()
    assert shown[11].index("×") == 13 + 33
    assert shown[-1].strip() == "× 2 points without a place: NaN or infinite"
    none = invoke("show", drawn, "--plot", "none").out.splitlines()
    assert none[0] == "none  last NaN, min -, max -, 101 points"
    assert len(none) == 5


def test_a_name_that_fits_nothing_is_refused(drawn: str, invoke: Invoke) -> None:
    """The error says which metrics there are; nothing is drawn."""
    shown = invoke("show", drawn, "--plot", "rise", "--plot", "loss")
    assert (shown.status, shown.out) == (2, "")
    assert "no metric of run drawn fits 'loss'; it has: none, rise, train/flat, train/gaps" in shown.err


def test_plot_and_json_exclude_each_other(drawn: str, invoke: Invoke) -> None:
    """One is for people, the other for programs."""
    shown = invoke("show", drawn, "--plot", "rise", "--json")
    assert (shown.status, shown.value["code"]) == (2, "invalid_option")


def test_an_open_run_is_drawn(store: Store, invoke: Invoke) -> None:
    """As far as it has come."""
    run = store.run("train", run_id="open")
    run.metrics({"loss": 1.0})
    assert invoke("show", "open", "--plot", "loss").out.startswith("loss  last 1, min 1, max 1, 1 point\n")
    run.finish()


def test_hostile_names_move_no_cursor(store: Store, invoke: Invoke) -> None:
    """What was recorded is shown escaped."""
    with store.run("train", run_id="r") as run:
        run.metrics({HOSTILE: 1.0})
    assert raw_controls(invoke("show", "r", "--plot", "*").out) == []
