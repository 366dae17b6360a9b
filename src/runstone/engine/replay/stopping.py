"""How a replay ends where it cannot go on: an exception that no framework takes for the failure of a tool."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

ORDER: Final = "order"
ARGUMENTS: Final = "arguments"
NOT_RECORDED: Final = "not_recorded"
MISSING: Final = "missing"
RESULT: Final = "result"
REFUSED: Final = "refused"
"""What can be different in a replay: a call comes in another order, with other arguments, was not recorded, never came,
came to something else; or was something that a replay does not do."""


class Stopped(SystemExit):
    """The replay is over: what is asked of it is not in the record, or is not to be done in one.

    A `SystemExit`, as it must reach the end of the program through whatever handles the errors of tools.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"replay: {message}")
        self.message = message

    def __str__(self) -> str:
        return self.message


class Divergence:
    """The first thing that was different: `expected` is the record's side, `found` the replay's; `None` where there is
    none on that side."""

    __slots__ = ("expected", "found", "message", "reason")

    def __init__(
        self, reason: str, message: str, expected: dict[str, Any] | None = None, found: dict[str, Any] | None = None
    ) -> None:
        self.reason = reason
        self.message = message
        self.expected = expected
        self.found = found

    def as_dict(self) -> dict[str, Any]:
        """For JSON, and as the `data` of a `divergence` event."""
        return {"reason": self.reason, "message": self.message, "expected": self.expected, "found": self.found}
