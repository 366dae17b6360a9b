"""Numbers as people read them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.diff.words import percent_text
from runstone.core.readable import number_text, number_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (12345678, "12345678"),
        (1.7e9, "1700000000"),
        (1234567.8, "1234568"),
        (1e22, "1e+22"),
        ("NaN", "NaN"),
        (None, "-"),
        (True, "true"),
        ([1, "é"], '[1, "é"]'),
    ],
)
def test_a_number_alone_has_six_digits(value: Any, text: str) -> None:
    """Before its point all of them; text is as it is, anything else is JSON."""
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([None, 1234567.5, 1234567], ["-", "1234568", "1234567"]),
        ([1234567.25, 1234567], ["1234567.2", "1234567"]),
        ([0.9999999, 1], ["0.9999999", "1"]),
        ([0.8999999, 0.9], ["0.8999999", "0.9"]),
        ([0.3, 0.1 + 0.2], ["0.3", "0.30000000000000004"]),
        ([0.25, 0.5, "NaN"], ["0.25", "0.5", "NaN"]),
        ([1e6, 1000000], ["1000000", "1000000"]),
    ],
)
def test_numbers_side_by_side_say_which_is_more(values: list[Any], texts: list[str]) -> None:
    """With six digits where these do, else with as many as it takes."""
    assert number_texts(values) == texts


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53), min_size=2, max_size=4)
)
def test_no_two_numbers_trade_places(values: list[float]) -> None:
    """Whatever they are, what is read is in the order of what was recorded."""
    read = [float(text) for text in number_texts(values)]
    assert sorted(range(len(values)), key=values.__getitem__) == sorted(range(len(values)), key=read.__getitem__)
    assert [one == other for one, other in pairwise(values)] == [one == other for one, other in pairwise(read)]


@pytest.mark.parametrize(
    ("relative", "text"),
    [
        (0.025, "+2.5 %"),
        (-0.99998, "-99.998 %"),
        (-1.0, "-100 %"),
        (1.0, "+100 %"),
        (0.9999999, "+99.99999 %"),
        (10.0, "+1000 %"),
        (12.345678, "+1235 %"),
        (1e-8, "+0.000001 %"),
        (1e20, "+1e+22 %"),
    ],
)
def test_a_part_is_told_without_an_exponent(relative: float, text: str) -> None:
    """In three digits, and never as all of it where it is not; only what is far from 1 has an exponent."""
    assert percent_text(relative) == text
