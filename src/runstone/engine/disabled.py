"""Recording switched off (`RUNSTONE_DISABLED=1`): one shared run whose every method does nothing.

It answers every name of `engine.recorder.Run` that is documented for who records; a test compares the two.
"""

from __future__ import annotations

from runstone.engine.current import RUNS
from runstone.engine.facts import LOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Self

    from runstone.core.redaction.redactor import Redactor


class DisabledCapture:
    """A capture that records nothing."""

    def end(self) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class DisabledCall:
    """A call that nothing is recorded of."""

    id: Final = None

    def chunk(self, *_: Any) -> None:
        """Nothing."""

    def answered(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def attempt(self) -> None:
        """Nothing."""

    def usage(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class DisabledRun:
    """A run that records nothing, for ever open, safe to share."""

    run_id: Final = "disabled"
    opened_at: Final = None
    recording: Final = False
    status: Final = "running"
    digest: Final = None
    decision: Final = None
    debug_key: Final = None
    git: Final = None
    store: Final = None
    parents: Final = ()
    resumed_step: Final = None

    @property
    def redactor(self) -> Redactor:
        """One that knows no secret of the caller's; nothing passes it."""
        from runstone.core.redaction.redactor import Redactor

        return Redactor()

    @property
    def environ(self) -> dict[str, str]:
        """Nothing: no run is a child of this one."""
        return {}

    def child(self, *_: Any, **__: Any) -> Self:
        """The same run again."""
        return self

    def input(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def output(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def check(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def log(self, *_: Any, **__: Any) -> str:
        """Nothing; the reference leads nowhere."""
        return LOST

    def stream(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def capture(self, *_: Any, **__: Any) -> DisabledCapture:
        """Nothing; the answer is a context manager all the same."""
        return DisabledCapture()

    def watch_system(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def model_call(self, *_: Any, **__: Any) -> DisabledCall:
        """Nothing; the answer is a context manager all the same."""
        return DisabledCall()

    def govern(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def metrics(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def config(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def note(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def event(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def git_state(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def finish(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        RUNS.enter(self)  # type: ignore[arg-type]  # it stands for a run
        return self

    def __exit__(self, *_: object) -> None:
        RUNS.leave(self)  # type: ignore[arg-type]  # the same

    def __repr__(self) -> str:
        return "<Run disabled>"


DISABLED: Final = DisabledRun()
