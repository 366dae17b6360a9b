"""A gate as a program uses it: a decorator of functions, plain and asynchronous, or a `with` statement.

It has no logic of its own: what happens is in `engine.gatekeeper`, how it is done without or with an event loop in
`engine.driving`.
"""

from __future__ import annotations

from contextlib import suppress
from functools import update_wrapper

from runstone.engine.driving import drive, drive_async, enter, enter_async, leave, leave_async
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, TypedDict, TypeVar

    from runstone.engine.driving import Steps
    from runstone.engine.gatekeeper import Gatekeeper, Passage

    class GateOptions(TypedDict, total=False):
        """What a gate hands on to `Store.run` as it is, for every call."""

        version: str | None
        config: Any
        contract: str
        links: Iterable[Mapping[str, Any]]
        secrets: Iterable[str]
        argv: list[str] | None
        entry: str | None

    Function = TypeVar("Function", bound=Callable[..., Any])


class Gate:
    """Made by `runstone.gate`. As a decorator it may be used for any number of functions, and they be called by any
    number of threads and tasks; as a context manager once."""

    def __init__(self, keeper: Gatekeeper) -> None:
        self._keeper = keeper
        self._steps: Steps | None = None

    def __call__(self, function: Function) -> Function:
        """The function behind the gate. Raises `invalid_option` for what is no function, or a generator."""
        gated: Any = _gated(function, self._keeper)
        return gated  # type: ignore[no-any-return]  # it has the signature of the function

    def __enter__(self) -> Passage:
        passage: Passage = enter(self._begun())
        return passage

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        leave(self._ending(), (None, exc))

    async def __aenter__(self) -> Passage:
        passage: Passage = await enter_async(self._begun())
        return passage

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None
    ) -> None:
        await leave_async(self._ending(), (None, exc))

    def _begun(self) -> Steps:
        if self._keeper.keyed:
            message = "a block cannot be skipped where its answer is known: an idempotency key is for functions"
            raise error("invalid_option", message, option="idempotency_key")
        if self._steps is not None:
            raise error("invalid_option", "a gate is entered once: make one for each block", option="gate")
        self._steps = self._keeper.steps(None, (), {})
        return self._steps

    def _ending(self) -> Steps:
        assert self._steps is not None
        return self._steps


def _gated(function: Any, keeper: Gatekeeper) -> Any:
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(_gated(function.__func__, keeper))
    import inspect

    if isinstance(function, type) or not callable(function):
        raise error("invalid_option", f"what is gated is a function; found {type(function).__name__}", option="gate")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise error("invalid_option", "a generator answers before it has ended: it cannot be gated", option="gate")

    def call(*args: Any, **named: Any) -> Any:
        return drive(keeper.steps(function, args, named))

    async def call_async(*args: Any, **named: Any) -> Any:
        return await drive_async(keeper.steps(function, args, named))

    asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object that is called as a coroutine function is
    )
    gated: Any = update_wrapper(call_async if asynchronous else call, function)
    with suppress(Exception):  # a name that is not known yet, or for type checkers alone
        gated.__signature__ = inspect.signature(function, eval_str=True)  # some look names up where `call` stands
    return gated
