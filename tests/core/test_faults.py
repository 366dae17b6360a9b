"""A fault of our own code comes again; what a signal handler raises into it does not."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from runstone.core.faults import FaultError, attempt

if TYPE_CHECKING:
    from collections.abc import Callable


class TimeIsUpError(Exception):
    """What a handler raises."""


def work(*raised: type[Exception] | None) -> Callable[[], str]:
    """Raises these, one a call; after the last it does what that did."""
    left = list(raised)

    def call() -> str:
        kind = left.pop(0) if left[1:] else left[0]
        if kind is not None:
            raise kind
        return "done"

    return call


@pytest.mark.parametrize(
    ("raised", "comes"),
    [
        ((None,), None),
        ((ValueError,), FaultError),
        ((TimeIsUpError, None), TimeIsUpError),
        ((ValueError, TimeIsUpError, ValueError), TimeIsUpError),
        ((TimeIsUpError, ValueError), TimeIsUpError),
        ((MemoryError,), FaultError),
        ((TimeIsUpError, ImportError), FaultError),
    ],
)
def test_a_fault_is_what_comes_again(raised: tuple[type[Exception] | None, ...], comes: type[Exception] | None) -> None:
    """Whatever else comes before it or in between goes through as it is."""
    if comes is None:
        assert attempt(work(*raised)) == "done"
    else:
        with pytest.raises(comes):
            attempt(work(*raised))


def test_what_is_given_is_handed_on() -> None:
    """By place and by name."""
    assert attempt(int, "ff", base=16) == 255


@pytest.mark.parametrize("again", [True, False], ids=["a fault", "a handler"])
def test_no_exception_holds_itself(again: bool) -> None:
    """So it goes at once, with all that its frames hold."""

    class OwnError(Exception):
        """No other test raises it."""

    gc.collect()
    gc.disable()
    try:
        with pytest.raises(FaultError if again else OwnError):
            attempt(work(OwnError, OwnError if again else None))
        assert not [one for one in gc.get_objects() if type(one) is OwnError]
    finally:
        gc.enable()
