"""What a run comes to: its duration and its checks."""

from __future__ import annotations

import pytest

from runstone.core.totals import check_summary, duration_ms

from .journals import check, journal


@pytest.mark.parametrize(("duration_ns", "expected"), [(0, 0), (999_999, 0), (1_000_000, 1), (2_345_999_999, 2345)])
def test_the_duration_is_the_monotonic_one_in_whole_milliseconds(duration_ns: int, expected: int) -> None:
    """What the recorder measured, cut."""
    assert duration_ms(journal(duration_ns=duration_ns)) == expected


def test_without_a_measured_duration_it_is_the_time_between_first_and_last_event() -> None:
    """As for a run that recovery closed."""
    found = journal(check("rows", "pass"), duration_ns=None)
    assert duration_ms(found) == 2000


def test_checks_are_counted_by_status() -> None:
    """Each status stands there, also the one that no check has."""
    found = journal(check("a", "pass"), check("b", "fail"), check("c", "pass"))
    assert check_summary(found) == {"pass": 2, "fail": 1, "skip": 0}
    assert check_summary(journal()) == {"pass": 0, "fail": 0, "skip": 0}
