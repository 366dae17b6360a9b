"""`@track`: calls of functions as a tree of calls in the current run, with arguments and results.

- What a tracked function answers, yields and raises is what it would answer, yield and raise; outside a run it is
  just called.
- A call's parent is the call around it in the same context. While a generator waits for its next turn it is not
  around anything.
- Arguments and results pass the redactor as all that is recorded does. Large ones are cut (`core.bounding`).
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, overload
from weakref import WeakKeyDictionary

from runstone.core.bounding import Bounded
from runstone.engine.calls import CANCELLED, OK, Call, failure_of, left_early, shorten_for, status_of
from runstone.engine.current import current_run
from runstone.engine.facts import text_of
from runstone.engine.wrapping import Parameters, name_of, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, TypeVar

    from runstone.engine.recorder import Run

    Function = TypeVar("Function", bound=Callable[..., Any])

_numbers: Final[WeakKeyDictionary[Run, Iterator[int]]] = WeakKeyDictionary()


def next_id(run: Run) -> str:
    """The id of the next call of a tracked function in a run."""
    numbers = _numbers.get(run)
    if numbers is None:
        numbers = _numbers.setdefault(run, count(1))
    return f"track-{next(numbers)}"


class Tracked:
    """How calls of one function are recorded."""

    def __init__(self, function: Callable[..., Any], name: str | None, *, args: bool, result: bool) -> None:
        self.function = function
        self.name = name_of(function) if name is None else text_of(name)
        self._parameters = Parameters(function) if args else None
        self._tells_result = result

    def begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> Call | None:
        """Record that it is called; `None` where nothing is recorded."""
        run = current_run()
        if run is None or not run.recording:
            return None
        call = Call(run, next_id(run))
        bounded = Bounded(shorten_for(run), "args")
        data = {
            "call": call.id,
            "parent": call.parent,
            "name": self.name,
            "contract_sha256": None,
            "args": None if self._parameters is None else bounded.value(self._parameters.named(args, named)),
        }
        run.writer.record("tool.called", data, bounded.marks)
        if run.replay is not None:
            run.replay.called(call, "tool.called", data, bounded.marks)
        return call

    async def begin_async(self, args: tuple[Any, ...], named: dict[str, Any]) -> Call | None:
        """The same in a task."""
        return self.begin(args, named)

    def end(self, call: Call, result: Any, items: int | None = None) -> Any:
        """Record what it answered."""
        call.end()
        bounded = Bounded(shorten_for(call.run), "result")
        told = result if items is None else {"yielded": items, "returned": result}
        answer = bounded.value(told) if self._tells_result else None
        self._returned(call, OK, answer, None, bounded.marks)
        return result

    def left(self, call: Call, items: int) -> None:
        """Record that its caller wanted no more of its items."""
        call.end()
        answer = {"yielded": items, "returned": None} if self._tells_result else None
        self._returned(call, CANCELLED, answer, left_early(items), [])

    def fail(self, call: Call, exc: BaseException) -> None:
        """Record what it raised. Whatever becomes of that, the exception goes on."""
        call.end()
        try:
            self._returned(call, status_of(exc), None, failure_of(call.run, exc), [])
        except Exception:  # of a strict run
            return

    def _returned(self, call: Call, status: str, result: Any, failure: Any, marks: list[list[str]]) -> None:
        writer = call.run.writer
        if writer.recording:
            duration_ns = call.duration_ns
            data = {"call": call.id, "status": status, "result": result, "error": failure}
            data |= {"duration_ns": duration_ns, "attempts": 1, **call.told}
            if call.run.replay is not None:
                call.run.replay.returned(call, "tool.returned", data, marks)
            writer.record("tool.returned", data, marks)


@overload
def track(function: Function, /) -> Function: ...


@overload
def track(
    function: None = None, /, *, name: str | None = None, args: bool = True, result: bool = True
) -> Callable[[Function], Function]: ...


def track(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None, args: bool = True, result: bool = True
) -> Any:
    """Record each call of a function, coroutine, generator or method in the current run, as a call of a tool.

    `name` stands for the function's own. Without `args`, or without `result`, these are not recorded. Raises
    `invalid_option` for what is no function.
    """
    if function is None:
        return lambda given: track_as(given, name, args=args, result=result)
    return track_as(function, name, args=args, result=result)


def track_as(function: Any, name: str | None, *, args: bool, result: bool) -> Any:
    """The tracked form of a function or of what stands for one in a class."""
    return wrapped(function, lambda inner: Tracked(inner, name, args=args, result=result), "track")
