"""`@track`: calls of functions as a tree of calls in the current run, with arguments and results.

- What a tracked function answers, yields and raises is what it would answer, yield and raise; outside a run it is
  just called.
- A call's parent is the tracked call around it in the same context. While a generator waits for its next turn it is
  not around anything.
- Arguments and results pass the redactor as all that is recorded does. Large ones are cut (`core.bounding`).
"""

from __future__ import annotations

from _contextvars import ContextVar
from functools import update_wrapper
from itertools import count
from typing import TYPE_CHECKING, overload
from weakref import WeakKeyDictionary

from runstone.core.bounding import Bounded
from runstone.core.redaction.cutting import Cutter
from runstone.core.redaction.redactor import MARK
from runstone.engine.current import current_run
from runstone.engine.facts import MESSAGE_CHARACTERS, text_of
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator
    from typing import Any, Final, TypeVar

    from runstone.engine.recorder import Run

    Function = TypeVar("Function", bound=Callable[..., Any])

_GENERATOR: Final = 0x20
_COROUTINE: Final = 0x80 | 0x100
_ASYNC_GENERATOR: Final = 0x200
_STAR, _STARS = 0x04, 0x08
"""Flags of a code object (`inspect`, which takes long to load, names them so)."""
_RECEIVERS: Final = ("self", "cls")

OK: Final = "ok"
ERROR: Final = "error"
CANCELLED: Final = "cancelled"


class Call:
    """One call that is going on."""

    __slots__ = ("id", "run", "started_ns")

    def __init__(self, run: Run, identity: str) -> None:
        self.run = run
        self.id = identity
        self.started_ns = run.writer.monotonic_ns()


_AROUND: Final[ContextVar[Call | None]] = ContextVar("runstone_call", default=None)
_numbers: Final[WeakKeyDictionary[Run, Iterator[int]]] = WeakKeyDictionary()


def call_around(run: Run) -> str | None:
    """The id of the innermost call of this run that this is a part of."""
    around = _AROUND.get()
    return around.id if around is not None and around.run is run else None


def enter(call: Call) -> Call | None:
    """What is called from now on is called by `call`; answers what was around, for `leave`."""
    before = _AROUND.get()
    _AROUND.set(call)
    return before


def leave(call: Call, before: Call | None) -> None:
    """The call is over. Where it is not around, as its end came in another task, what is around there stays."""
    if _AROUND.get() is call:
        _AROUND.set(before)


class Within:
    """A block that runs as a part of a call: calls that are made in it are its children."""

    __slots__ = ("_before", "_call")

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._before = _AROUND.get()
        _AROUND.set(self._call)

    def __exit__(self, *_: object) -> None:
        _AROUND.set(self._before)


class Tracked:
    """How calls of one function are recorded."""

    def __init__(self, function: Callable[..., Any], name: str | None, *, args: bool, result: bool) -> None:
        self.function = function
        self.name = _name_of(function) if name is None else text_of(name)
        self._parameters = _Parameters(getattr(function, "__code__", None)) if args else None
        self._tells_result = result

    def begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> Call | None:
        """Record that it is called; `None` where nothing is recorded."""
        run = current_run()
        if run is None or not run.recording:
            return None
        numbers = _numbers.get(run)
        if numbers is None:
            numbers = _numbers.setdefault(run, count(1))
        call = Call(run, f"track-{next(numbers)}")
        bounded = Bounded(_shorten_for(run), "args")
        data = {
            "call": call.id,
            "parent": call_around(run),
            "name": self.name,
            "contract_sha256": None,
            "args": None if self._parameters is None else bounded.value(self._parameters.named(args, named)),
        }
        run.writer.record("tool.called", data, bounded.marks)
        return call

    def end(self, call: Call, result: Any) -> None:
        """Record what it answered."""
        bounded = Bounded(_shorten_for(call.run), "result")
        answer = bounded.value(result) if self._tells_result else None
        self._returned(call, OK, answer, None, bounded.marks)

    def fail(self, call: Call, exc: BaseException) -> None:
        """Record what it raised. Whatever becomes of that, the exception goes on."""
        status = CANCELLED if is_cancelled(exc) else ERROR
        message = _shorten_for(call.run)(text_of(exc), MESSAGE_CHARACTERS)
        try:
            self._returned(call, status, None, {"type": type(exc).__name__, "message": message}, [])
        except Exception:  # of a strict run
            return

    def _returned(self, call: Call, status: str, result: Any, failure: Any, marks: list[list[str]]) -> None:
        writer = call.run.writer
        if writer.recording:
            duration_ns = max(0, writer.monotonic_ns() - call.started_ns)
            data = {"call": call.id, "status": status, "result": result, "error": failure}
            writer.record("tool.returned", {**data, "duration_ns": duration_ns, "attempts": 1}, marks)


class _Parameters:
    """The parameters of a function, to name what it is called with. A receiver (`self`, `cls`) is left out."""

    def __init__(self, code: Any) -> None:
        places = () if code is None else code.co_varnames
        positional = 0 if code is None else code.co_argcount
        flags = 0 if code is None else code.co_flags
        self._names: tuple[str, ...] = places[:positional]
        stars = places[positional + (0 if code is None else code.co_kwonlyargcount) :]
        self._rest = stars[0] if flags & _STAR else "args"
        self._others = stars[bool(flags & _STAR)] if flags & _STARS else None
        self._receives = bool(self._names) and self._names[0] in _RECEIVERS

    def named(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        found = dict(zip(self._names, args, strict=False))
        if self._receives:
            found.pop(self._names[0], None)
        if len(args) > len(self._names):
            found[self._rest] = list(args[len(self._names) :])
        for name, value in named.items():
            found[name if name not in found else f"{name}#2"] = value
        return found


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
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(track_as(function.__func__, name, args=args, result=result))
    if isinstance(function, type) or not callable(function):
        raise error("invalid_option", f"what is tracked is a function; found {type(function).__name__}", option="track")
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    make = next((make for flag, make in _WRAPPERS if flags & flag), _plain)
    return update_wrapper(make(Tracked(function, name, args=args, result=result)), function)


def _plain(tracked: Tracked) -> Callable[..., Any]:
    function, begin, end, fail = tracked.function, tracked.begin, tracked.end, tracked.fail

    def call_tracked(*args: Any, **named: Any) -> Any:
        call = begin(args, named)
        if call is None:
            return function(*args, **named)
        before = _AROUND.get()
        _AROUND.set(call)
        try:
            answer = function(*args, **named)
        except BaseException as exc:
            fail(call, exc)
            raise
        finally:
            _AROUND.set(before)
        end(call, answer)
        return answer

    return call_tracked


def _coroutine(tracked: Tracked) -> Callable[..., Any]:
    async def call_tracked(*args: Any, **named: Any) -> Any:
        call = tracked.begin(args, named)
        if call is None:
            return await tracked.function(*args, **named)
        try:
            with Within(call):
                answer = await tracked.function(*args, **named)
        except BaseException as exc:
            tracked.fail(call, exc)
            raise
        tracked.end(call, answer)
        return answer

    return call_tracked


def _generator(tracked: Tracked) -> Callable[..., Any]:
    def call_tracked(*args: Any, **named: Any) -> Generator[Any, Any, Any]:
        call = tracked.begin(args, named)
        if call is None:
            return (yield from tracked.function(*args, **named))
        generator = tracked.function(*args, **named)
        step, given, yielded = generator.send, None, 0
        while True:
            try:
                with Within(call):
                    item = step(given)
            except StopIteration as stop:
                tracked.end(call, {"yielded": yielded, "returned": stop.value})
                return stop.value
            except BaseException as exc:
                tracked.fail(call, exc)
                raise
            yielded += 1
            try:
                given, step = (yield item), generator.send
            except GeneratorExit:
                tracked.end(call, {"yielded": yielded, "returned": None})
                with Within(call):
                    generator.close()
                raise
            except BaseException as exc:
                given, step = exc, generator.throw

    return call_tracked


def _async_generator(tracked: Tracked) -> Callable[..., Any]:
    async def call_tracked(*args: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        call = tracked.begin(args, named)
        generator = tracked.function(*args, **named)
        step, given, yielded = generator.asend, None, 0
        while True:
            try:
                if call is None:
                    item = await step(given)
                else:
                    with Within(call):
                        item = await step(given)
            except StopAsyncIteration:
                if call is not None:
                    tracked.end(call, {"yielded": yielded, "returned": None})
                return
            except BaseException as exc:
                if call is not None:
                    tracked.fail(call, exc)
                raise
            yielded += 1
            try:
                given, step = (yield item), generator.asend
            except GeneratorExit:
                if call is not None:
                    tracked.end(call, {"yielded": yielded, "returned": None})
                await generator.aclose()
                raise
            except BaseException as exc:
                given, step = exc, generator.athrow

    return call_tracked


_WRAPPERS: Final = ((_ASYNC_GENERATOR, _async_generator), (_COROUTINE, _coroutine), (_GENERATOR, _generator))


def _name_of(function: Any) -> str:
    """The function's qualified name below the function in which it was made."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or type(function).__name__
    return text_of(name).rpartition("<locals>.")[2]


def is_cancelled(exc: BaseException) -> bool:
    """Whether an exception says that somebody stopped the work, and not that it failed."""
    return isinstance(exc, (KeyboardInterrupt, GeneratorExit)) or type(exc).__name__ == "CancelledError"


def _shorten_for(run: Run) -> Callable[[str, int], str]:
    """How a text is cut without dividing a secret: what is a secret at the cut goes before it is made."""

    def shorten(text: str, size: int) -> str:
        if len(text) <= size:
            return text
        redactor = run.redactor
        clean = redactor.text(text[: size + Cutter(redactor).overlap_bytes])[0]
        mark = clean.rfind(MARK, 0, size + len(MARK) - 1)
        end = clean.find("]", mark) + 1 if mark >= 0 else 0
        return clean[: max(size, end)]

    return shorten
