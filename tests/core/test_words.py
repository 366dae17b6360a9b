"""Statuses: what a run may be called, and what it is called when nobody says."""

from __future__ import annotations

from typing import Any

import pytest

from runstone.core.words import FINAL_STATUSES, check_status, status_from_checks
from runstone.errors import RunstoneError


@pytest.mark.parametrize("status", FINAL_STATUSES)
def test_the_final_statuses(status: str) -> None:
    """The six of the design."""
    assert check_status(status) == status
    assert len(FINAL_STATUSES) == 6


class Silent:
    """A value that can neither be shown nor compared."""

    def __repr__(self) -> str:
        raise ZeroDivisionError("shown")

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("compared")

    __hash__ = None  # type: ignore[assignment]  # nothing that can be looked up either


@pytest.mark.parametrize(
    ("status", "found"),
    [
        *((text, text) for text in ("running", "OK", "Success", "")),
        ("x" * 1000, "x" * 40),
        (None, "<NoneType>"),
        (True, "<bool>"),
        ([], "<list>"),
        (Silent(), "<Silent>"),
    ],
)
def test_another_status_is_refused(status: Any, found: str) -> None:
    """`invalid_status`, with what was expected and a short form of what was found."""
    with pytest.raises(RunstoneError) as caught:
        check_status(status)
    assert caught.value.code == "invalid_status"
    assert caught.value.details == {"found": found, "expected": list(FINAL_STATUSES)}


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], "success"),
        (["pass"], "success"),
        (["pass", "skip"], "partial"),
        (["skip"], "partial"),
        (["skip", "fail", "pass"], "failed"),
        (["fail"], "failed"),
    ],
)
def test_the_status_from_checks(results: list[str], status: str) -> None:
    """A failed check fails the run, a skipped one makes it partial."""
    assert status_from_checks(results) == status
