"""Timestamps by arithmetic alone, beside `datetime`."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.core.times import SECOND_NS, is_time, parse_time, second_text, time_text
from runstone.errors import RunstoneError

LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
EPOCH = dt.datetime(1970, 1, 1)
moments = st.integers(0, LAST_SECOND * 1_000_000 + 999_999)
"""Microseconds from 1970 to 9999."""


@given(moments, st.integers(0, 999))
@example(0, 0)
@example(951_782_400_000_000, 0)  # 2000-02-29
@example(4_107_542_400_000_000, 0)  # 2100-03-01, after a year that is no leap year
@example(LAST_SECOND * 1_000_000 + 999_999, 999)
def test_the_text_is_that_of_datetime(microseconds: int, nanoseconds: int) -> None:
    """Nanoseconds are cut to microseconds, and the text is the one that `datetime` writes."""
    expected = (EPOCH + dt.timedelta(microseconds=microseconds)).isoformat(timespec="microseconds") + "Z"
    assert time_text(microseconds * 1000 + nanoseconds) == expected


@given(moments)
@example(951_782_400_000_000)  # 2000-02-29
@example(13_574_563_200_000_000)  # 2400-02-29
def test_a_time_comes_back(microseconds: int) -> None:
    """What was written is read as the same moment."""
    text = time_text(microseconds * 1000)
    assert is_time(text)
    assert parse_time(text) == microseconds * 1000


@given(moments, moments)
def test_the_order_of_texts_is_the_order_of_times(one: int, other: int) -> None:
    """Timestamps can be compared as text."""
    assert (time_text(one * 1000) < time_text(other * 1000)) == (one < other)


@given(st.integers(), st.integers())
@example(-1, 0)
@example(LAST_SECOND * SECOND_NS + 500_000_000, (LAST_SECOND + 1) * SECOND_NS)
def test_no_clock_goes_back_in_text(one: int, other: int) -> None:
    """Wherever a clock stands, a later time never has the smaller text."""
    assert time_text(min(one, other)) <= time_text(max(one, other))


def test_every_day_of_four_centuries() -> None:
    """The calendar repeats after 400 years; each day of them agrees with `datetime`."""
    for day in range(146_097):
        expected = (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
        assert second_text(day * 86_400) == expected + "T00:00:00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "1970-01-01T00:00:00"), (-(10**12), "1970-01-01T00:00:00"), (LAST_SECOND + 1, "9999-12-31T23:59:59")],
)
def test_a_clock_outside_the_range_is_held_at_its_border(seconds: int, text: str) -> None:
    """A broken clock gives a time that can be written."""
    assert second_text(seconds) == text


@pytest.mark.parametrize(
    ("unix_ns", "text"),
    [
        (-1, "1970-01-01T00:00:00.000000Z"),
        (-(10**21), "1970-01-01T00:00:00.000000Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        ((LAST_SECOND + 1) * SECOND_NS - 1, "9999-12-31T23:59:59.999999Z"),
        ((LAST_SECOND + 1) * SECOND_NS, "9999-12-31T23:59:59.999999Z"),
        (10**30, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_outside_the_range_is_the_first_or_the_last(unix_ns: int, text: str) -> None:
    """Down to the microsecond, so that what a broken clock shows sorts as its times do, and is a time."""
    assert time_text(unix_ns) == text
    assert is_time(text)


NOT_TIMES = [
    "", "2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123Z", "2026-01-02T03:04:05.1234567Z",
    "2026-01-02 03:04:05.123456Z", "2026-01-02t03:04:05.123456Z", "2026-01-02T03:04:05.123456z",
    "2026-01-02T03:04:05.123456+",
    "2026-01-02T03:04:05,123456Z", "2026/01/02T03:04:05.123456Z", " 026-01-02T03:04:05.123456Z",
    "+026-01-02T03:04:05.123456Z",
    "2026-00-02T03:04:05.123456Z", "2026-13-02T03:04:05.123456Z", "2026-01-00T03:04:05.123456Z",
    "2026-01-32T03:04:05.123456Z",
    "2026-02-29T03:04:05.123456Z", "2100-02-29T03:04:05.123456Z", "2026-04-31T03:04:05.123456Z",
    "2026-01-02T24:00:00.000000Z",
    "2026-01-02T03:60:00.000000Z", "2026-01-02T23:59:60.000000Z", "1969-12-31T23:59:59.999999Z",
    "0000-01-01T00:00:00.000000Z",
    "2026-01-02T03:04:05.12345\u0661Z", "\uff12026-01-02T03:04:05.12345Z", "2026-01-02T03:04:05.123456Z\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_TIMES, ids=ascii)
def test_another_form_is_refused(text: str) -> None:
    """Only the one form, and only moments that exist; the error shows what was found."""
    assert not is_time(text)
    with pytest.raises(RunstoneError) as caught:
        parse_time(text)
    assert (caught.value.code, caught.value.details) == ("invalid_event", {"found": text[:40]})


@pytest.mark.parametrize("value", [None, 5, b"2026-01-02T03:04:05.123456Z", ["2026-01-02T03:04:05.123456Z"]], ids=repr)
def test_what_is_no_text_is_no_time(value: object) -> None:
    """`is_time` answers for any value."""
    assert not is_time(value)


@given(st.text(st.sampled_from("0123456789-T:.Z"), min_size=27, max_size=27))
def test_is_time_agrees_with_datetime(text: str) -> None:
    """Text of the right length and characters is a time exactly where `datetime` can read it."""
    try:
        dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
        expected = text >= "1970" and text[17:19] < "60"
    except ValueError:
        expected = False
    assert is_time(text) == expected
