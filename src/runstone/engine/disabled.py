"""Recording switched off (`RUNSTONE_DISABLED=1`): one shared run whose every method does nothing.

It answers every name of `engine.recorder.Run` that is documented for who records; a test compares the two.
"""

from __future__ import annotations

import os

from runstone.engine.current import RUNS, OfThisProcess
from runstone.engine.facts import LOST
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random
    from typing import Any, Final, Self
    from uuid import UUID

    from runstone.core.judgement.verdict import Verdict
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
    """A call that records nothing, as a block of any kind."""

    id: Final = ""

    def do(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        """What the function answers."""
        return function(*args, **named)

    def returned(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def chunk(self, *_: Any) -> None:
        """Nothing."""

    def answered(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def attempt(self) -> int:
        """Nothing is counted."""
        return 1

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


class DisabledRun(OfThisProcess):
    """A run that records nothing, for ever open, safe to share. Who asks `isinstance` finds a `Run`."""

    @property  # type: ignore[misc]  # nobody sets it
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # the same
        """What is declared to take a `Run` takes it: checkers of types at run time, models of pydantic."""
        from runstone.engine.recorder import Run

        return Run

    run_id: Final = "disabled"
    opened_at: Final = None
    recording: Final = False
    status: Final = "running"
    digest: Final = None
    decision: Final = None
    copies: Final = ()
    debug_key: Final = None
    git: Final = None
    store: Final = None
    parents: Final = ()
    resumed_step: Final = None
    replay: Final = None

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

    def tool(self, contract: Any = None, **_: Any) -> Callable[[Any], Any]:
        """The function as it is; one whose contract asks for a record raises `store_unavailable` when it is called."""
        return (lambda _: _not_called) if _asks(contract) else (lambda function: function)

    def tool_call(self, *_: Any, contract: Any = None, **__: Any) -> DisabledCall:
        """Nothing; the answer is a block all the same. Raises `store_unavailable` as a call of `tool` does."""
        return _not_called() if _asks(contract) else DisabledCall()

    def govern(self, policy: Any = None, *_: Any, **__: Any) -> None:
        """Nothing without a policy. With one it raises `store_unavailable`: a block that nobody records is none."""
        if policy is not None:
            message = "recording is switched off by RUNSTONE_DISABLED: no policy rules over calls that are not recorded"
            raise error("store_unavailable", message, reason="RUNSTONE_DISABLED")

    def metrics(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def config(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def note(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def event(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def now(self) -> datetime:
        """The time, recorded nowhere."""
        from time import time_ns

        from runstone.engine.drawn import moment

        return moment(time_ns())

    def uuid(self) -> UUID:
        """A new id, recorded nowhere."""
        from uuid import uuid4

        return uuid4()

    def random(self, name: str = "") -> Random:
        """A generator of random numbers; nobody else has it, and its seed is recorded nowhere."""
        from random import Random

        return Random(seed_here(name))  # noqa: S311  # for samples, not for secrets

    def seed(self, *modules: Any, name: str = "") -> int:
        """What is handed in is seeded; the seed is recorded nowhere."""
        from runstone.engine.drawn import seed_all

        seed = seed_here(name)
        seed_all(seed, modules)
        return seed

    def evidence(self, query: Any, passages: Any, **_: Any) -> list[str]:  # noqa: ARG002  # a name of the interface
        """Nothing; the ids of the passages are those that they have."""
        from runstone.engine.retrieval import passages_of

        return [passage["id"] for passage in passages_of(passages) or ()]

    def cite(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def score(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def judge(self, *_: Any, **__: Any) -> Verdict:
        """No verdict: it is recorded, or not given. Raises `store_unavailable`."""
        from runstone.engine.release import not_recorded

        raise not_recorded(self.run_id)

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


def seed_here(name: Any) -> int:
    """The seed of a name that no run records: by `RUNSTONE_SEED` where that is set, else a new one."""
    from runstone.engine.drawn import SEED_BYTES, SEED_SETTING, derived_seed, name_of

    chosen = os.environ.get(SEED_SETTING)
    return derived_seed(chosen, name_of(name)) if chosen else int.from_bytes(os.urandom(SEED_BYTES), "big")


def _asks(contract: Any) -> bool:
    """Whether a tool's contract wants an approval, or has a budget: what is not recorded is not done then."""
    said = getattr(contract, "data", contract)
    return hasattr(said, "get") and (said.get("approval") == "always" or bool(said.get("budget")))


def _not_called(*_: Any, **__: Any) -> Any:
    message = "recording is switched off by RUNSTONE_DISABLED: a tool whose contract rules over its calls is not called"
    raise error("store_unavailable", message, reason="RUNSTONE_DISABLED")


DISABLED: Final = DisabledRun()
