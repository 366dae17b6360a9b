"""Metrics along an axis: which axis, which columns, and what has no place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.series import SECONDS, STEP, Series, series_of


def events(*points: tuple[dict[str, Any], int | None]) -> list[dict[str, Any]]:
    """A run that records a metric event each second."""
    opened = {"ts": "2026-01-02T03:04:05.000000Z", "type": "run.opened", "data": {}}
    return [
        opened,
        *(
            {"ts": f"2026-01-02T03:04:{6 + at:02d}.000000Z", "type": "metric", "data": {"values": values, "step": step}}
            for at, (values, step) in enumerate(points)
        ),
    ]


def one(*points: tuple[dict[str, Any], int | None], width: int = 10) -> Series:
    """The only metric of some points."""
    told = events(*points)
    (series,), names = series_of(lambda: told, lambda name: True, lambda _: width)
    assert names == [series.name]
    return series


def test_steps_stand_along_the_axis_where_all_points_have_one() -> None:
    """One without makes it seconds since the run was opened."""
    by_step = one(({"a": 1.0}, 5), ({"a": 2.0}, 9))
    assert (by_step.axis, by_step.along.low, by_step.along.high) == (STEP, 5, 9)
    by_time = one(({"a": 1.0}, 5), ({"a": 2.0}, None))
    assert (by_time.axis, by_time.along.low, by_time.along.high) == (SECONDS, 1.0, 2.0)


def test_a_column_has_first_last_and_extremes() -> None:
    """So no peak within it is lost."""
    series = one(*(({"a": value}, 0) for value in (2.0, 9.0, 1.0, 4.0)), ({"a": 5.0}, 10), width=2)
    first, last = series.columns
    assert first is not None
    assert (first.first, first.last, first.reach.low, first.reach.high) == (2.0, 4.0, 1.0, 9.0)
    assert last is not None
    assert last.first == 5.0


def test_what_is_no_number_has_no_place() -> None:
    """It is counted, marks its column, and is the last value if it was the last."""
    series = one(({"a": 1}, 0), ({"a": "NaN"}, 1), ({"a": 3}, 2), ({"a": "Infinity"}, 3), width=4)
    assert (series.points, series.unplaced, series.last) == (4, 2, "Infinity")
    assert (series.values.low, series.values.high) == (1.0, 3.0)
    assert [column is not None and column.broken for column in series.columns] == [False, True, False, True]


def test_only_wanted_metrics_are_folded() -> None:
    """All names are told, in the order of their first point."""
    told = events(({"b": 1, "a": 2}, 0), ({"c": 3}, 1))
    chosen, names = series_of(lambda: told, lambda name: name in "ac", lambda _: 3)
    assert ([series.name for series in chosen], names) == (["a", "c"], ["b", "a", "c"])


def test_a_run_without_metrics() -> None:
    """Nothing, of nothing."""
    assert series_of(lambda: events(), lambda name: True, lambda _: 3) == ([], [])


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53) + 1, 2**53 - 1)), min_size=1
    ),
    st.integers(1, 50),
)
def test_every_point_has_a_column(points: list[tuple[float, int]], width: int) -> None:
    """Whatever the values and steps, also where their difference is no float."""
    told = [events(({"a": value}, step))[1] for value, step in points]
    (series,), _ = series_of(lambda: told, lambda name: True, lambda _: width)
    assert len(series.columns) == width
    found = [column.reach for column in series.columns if column is not None]
    assert min(reach.low for reach in found) == series.values.low == min(value for value, _ in points)
    assert max(reach.high for reach in found) == series.values.high
    assert all(0.0 <= series.values.share(value) <= 1.0 for value, _ in points)


@pytest.mark.parametrize("value", [0.0, -1e308, 1e308])
def test_a_flat_metric_stands_in_the_middle(value: float) -> None:
    """There is no reach to divide by."""
    assert one(({"a": value}, 0), ({"a": value}, 1)).values.share(value) == 0.5
