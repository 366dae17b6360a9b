"""What goes wrong in a door itself: it is said once, and breaks nothing of the program that is recorded."""

from __future__ import annotations

from contextlib import suppress

from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from runstone.engine.recorder import Run


class Failures:
    """The failures of one door. `with failures("on_end"):` goes on behind the block whatever fails in it.

    An error of Runstone passes: it is no failure of the door, but what a policy, a contract or a strict run says.
    """

    def __init__(self, run: Run, door: str) -> None:
        self._run = run
        self._door = door
        self._said = False

    def __call__(self, doing: str) -> _Attempt:
        """A block that does this."""
        return _Attempt(self, doing)

    def tell(self, doing: str, exc: Exception) -> None:
        """Say what failed, the first time, on standard error and in the record; never what the exception says, which
        may be anything that the program has."""
        if self._said:
            return
        self._said = True
        message = f"{self._door} failed at {doing} ({type(exc).__name__}); what it should record is missing"
        self._run.writer.say(self._door, f"run {self._run.run_id}: {message}")
        self._run.log(message, level="warning")


class _Attempt:
    __slots__ = ("_doing", "_failures")

    def __init__(self, failures: Failures, doing: str) -> None:
        self._failures = failures
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(exc, Exception) or isinstance(exc, RunstoneError):
            return False
        with suppress(Exception):  # a run that is none (recording is off), or a strict one that cannot say it either
            self._failures.tell(self._doing, exc)
        return True
