"""Metrics as drawings of text: a curve of dots between two axes.

- Braille where the output can show it, eight dots a cell; else one `*` a cell.
- What a column holds is drawn from its least to its greatest value, and joined to the next, so no peak is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from runstone.cli.measures import count_text, number_texts
from runstone.cli.rendering import Screen, Span
from runstone.core.events import OPENED
from runstone.core.query import glob_fits
from runstone.core.series import Column, Series, series_of
from runstone.engine.reader import Sealed
from runstone.errors import error

_PLOTTED: Final = (OPENED, "metric")
WIDTH: Final = 80
"""Columns where the output is no terminal."""
MIN_CELLS: Final = 10
ROWS: Final = 10
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille cell, by row and column of its dots."""
_LABEL_CELLS: Final = 12
"""More, where it takes more digits to tell the labels apart."""
_UNICODE: Final = ("┤", "│", "└", "─", "×")
_ASCII: Final = ("|", "|", "+", "-", "x")


def plot_sealed(screen: Screen, sealed: Sealed, names: Iterable[str]) -> None:
    """Draw metrics of a sealed run. Raises `invalid_option` for a name that fits none."""
    _plot(screen, sealed.run_id, lambda: sealed.events(*_PLOTTED), list(names))


def plot_open(screen: Screen, run_id: str, events: list[dict[str, Any]], names: Iterable[str]) -> None:
    """Draw what an open run has recorded until now, as `plotted` picks it."""
    _plot(screen, run_id, lambda: events, list(names))


def plotted(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the events of a run those that a drawing is made of."""
    return [event for event in events if event["type"] in _PLOTTED]


def _plot(screen: Screen, run_id: str, events: Any, names: list[str]) -> None:
    width = screen.width or WIDTH
    canvas_of = _Braille if screen.unicode else _Plain
    wanted = {pattern: tuple(pattern.split("*")) for pattern in names}
    chosen, known = series_of(
        events,
        lambda name: any(glob_fits(parts, name) for parts in wanted.values()),
        lambda series: max(MIN_CELLS, width - _label_cells(series) - 2) * canvas_of.dots_across,
    )
    for pattern, parts in wanted.items():
        if not any(glob_fits(parts, name) for name in known):
            has = ", ".join(known[:20]) + (" …" if len(known) > 20 else "") if known else "none"
            raise error("invalid_option", f"no metric of run {run_id} fits {pattern!r}; it has: {has}", option="--plot")
    for number, series in enumerate(chosen):
        if number:
            screen.line()
        _draw(screen, series, canvas_of(len(series.columns) // canvas_of.dots_across))


def _draw(screen: Screen, series: Series, canvas: _Canvas) -> None:
    tick, bar, corner, line, mark = _UNICODE if screen.unicode else _ASCII
    names, values = ("last", "min", "max"), (series.last, series.values.low, series.values.high)
    facts = [f"{name} {text}" for name, text in zip(names, number_texts(values), strict=True)]
    screen.line(Span(series.name, "bold"), "  ", ", ".join([*facts, count_text(series.points, "point")]))
    beside = _label_cells(series)
    labels = {canvas.row(series.values.share(value)): text for value, text in _labels(series)}
    for number, row in enumerate(_curve(series, canvas) if labels else ()):
        label = labels.get(number, "")
        screen.line(Span(label.rjust(beside), "dim"), Span(tick if label else bar, "dim"), Span(row, "live"))
    if series.unplaced:
        marks = _marks(series.columns, canvas.dots_across, mark)
        screen.line(" " * beside, Span(bar, "dim"), Span(marks, "warn"))
    screen.line(" " * beside, Span(corner + line * canvas.cells, "dim"))
    screen.line(" " * (beside + 1), Span(_scale(series, canvas.cells), "dim"))
    if series.unplaced:
        what = count_text(series.unplaced, "point")
        screen.line(" " * (beside + 1), Span(f"{mark} {what} without a place: NaN or infinite", "warn"))


def _labels(series: Series) -> list[tuple[float, str]]:
    """The ends and the middle of what the metric reaches, each with the text that tells it from the others."""
    low, high = series.values.low, series.values.high
    if low is None or high is None:
        return []
    values = list(dict.fromkeys((high, low / 2 + high / 2, low)))
    return list(zip(values, number_texts(values), strict=True))


def _label_cells(series: Series) -> int:
    return max([_LABEL_CELLS, *(len(text) for _, text in _labels(series))])


def _scale(series: Series, cells: int) -> str:
    """The ends of the axis, and what it is."""
    left, right = number_texts((series.along.low, series.along.high))
    if series.along.low == series.along.high:
        return f"{series.axis} {left}".center(cells)
    return left + series.axis.center(cells - len(left) - len(right)) + right


def _marks(columns: list[Column | None], across: int, mark: str) -> str:
    """Where along the axis points have no place."""
    starts = range(0, len(columns), across)
    return "".join(mark if any(c and c.broken for c in columns[at : at + across]) else " " for at in starts)


class _Canvas:
    """Dots in rows of cells."""

    dots_across = 1
    dots_down = 1

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self.height = ROWS * self.dots_down
        self._rows = [[0] * cells for _ in range(ROWS)]

    def dot(self, across: int, share: float) -> None:
        """A dot in a column, at a share of the height from below."""
        down = self._down(share)
        row = self._rows[down // self.dots_down]
        row[across // self.dots_across] |= self._bit(across % self.dots_across, down % self.dots_down)

    def row(self, share: float) -> int:
        """The row, from above, that a dot at a share of the height falls into."""
        return self._down(share) // self.dots_down

    def _down(self, share: float) -> int:
        return self.height - 1 - min(self.height - 1, max(0, round(share * (self.height - 1))))

    def _bit(self, across: int, down: int) -> int:  # noqa: ARG002  # one dot a cell
        return 1

    def _sign(self, bits: int) -> str:
        return "*" if bits else " "

    def rows(self) -> list[str]:
        """The rows from above."""
        return ["".join(map(self._sign, row)) for row in self._rows]


class _Plain(_Canvas):
    """One dot a cell."""


class _Braille(_Canvas):
    """Two dots across and four down in each cell."""

    dots_across = 2
    dots_down = 4

    def _bit(self, across: int, down: int) -> int:
        return _DOTS[down][across]

    def _sign(self, bits: int) -> str:
        return chr(0x2800 + bits) if bits else " "


def _curve(series: Series, canvas: _Canvas) -> list[str]:
    share = series.values.share
    before: tuple[int, float] | None = None
    for at, column in enumerate(series.columns):
        if column is None:
            continue
        if column.first is not None and column.last is not None:
            first = share(column.first)
            if before is not None and not column.broken:
                _join(canvas, before, (at, first))
            _rise(canvas, at, share(column.reach.low or 0.0), share(column.reach.high or 0.0))
            before = (at, share(column.last))
        if column.broken:
            before = None
    return canvas.rows()


def _join(canvas: _Canvas, start: tuple[int, float], end: tuple[int, float]) -> None:
    """A straight line between two dots."""
    (left, low), (right, high) = start, end
    previous = low
    for at in range(left + 1, right + 1):
        now = low + (high - low) * (at - left) / (right - left)
        _rise(canvas, at, *sorted((previous, now)))
        previous = now


def _rise(canvas: _Canvas, at: int, low: float, high: float) -> None:
    """All dots of a column between two shares of the height."""
    step = 1 / (canvas.height - 1)
    count = max(0, round((high - low) / step))
    for number in range(count + 1):
        canvas.dot(at, low + number * step)
