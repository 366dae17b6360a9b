"""Functions whose calls are recorded: plain ones, coroutines, generators and asynchronous generators.

What a wrapped function answers, yields and raises is what it would answer, yield and raise. What is recorded is the
business of a `Recorder`; while a generator waits for its next turn, its call is not around anything.
"""

from __future__ import annotations

from functools import partial, update_wrapper
from types import CodeType
from typing import TYPE_CHECKING

from runstone.core.values import free_key
from runstone.engine.calls import AROUND, Within
from runstone.engine.facts import text_of
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from typing import Any, Final, Protocol

    from runstone.engine.calls import Call

    class Recorder(Protocol):
        """What is told of each call of one function. A call of `None` is not recorded."""

        function: Callable[..., Any]

        def begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
            """It is called; what this raises is what the call raises, and the function is not called."""

        async def begin_async(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
            """The same in a task."""

        def end(self, call: Any, result: Any, items: int | None = None) -> Any:
            """It answered, after so many items where it is a generator; answers what the call answers."""

        def left(self, call: Any, items: int) -> None:
            """It is a generator whose caller wants no more, after so many items, and which has ended in good order."""

        def fail(self, call: Any, exc: BaseException) -> None:
            """It raised. Whatever becomes of this, the exception goes on."""


GENERATOR: Final = 0x20
COROUTINE: Final = 0x80 | 0x100
ASYNC_GENERATOR: Final = 0x200
_STAR = 0x04
"""Flags of a code object (`inspect`, which takes long to load, names them so)."""
_RECEIVERS: Final = ("self", "cls")


class Parameters:
    """The parameters of a function, to name what it is called with. A receiver (`self`, `cls`) is left out.

    Those of a method, of a partial function, of an object that is called as one, and of what a decorator wraps, too.

    `defaults` are the arguments that it is called with where its caller names no others: those of its parameters that
    are not `None`, which stands for no argument, and what a partial function gives by name.
    """

    def __init__(self, function: Any) -> None:
        code, given, self.defaults = _code_of(function)
        self._names: tuple[str, ...] = ()
        self._by_place: tuple[str, ...] = ()
        self._rest = "args"
        if code is None or "__signature__" in getattr(function, "__dict__", ()):
            self._names, self._by_place, self._rest, self.defaults = _told(function)
        else:
            self._names = code.co_varnames[given : code.co_argcount]
            self._by_place = code.co_varnames[given : code.co_posonlyargcount]
            if code.co_flags & _STAR:
                self._rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        self._receives = not given and bool(self._names) and self._names[0] in _RECEIVERS

    def named(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments of one call by name. A keyword that is the name of another argument, or of a parameter that is
        given by its place alone, gets a number."""
        found = dict(zip(self._names, args, strict=False))
        if self._receives:
            found.pop(self._names[0], None)
        if len(args) > len(self._names):
            found[self._rest] = list(args[len(self._names) :])
        taken = {**dict.fromkeys(self._by_place), **found}
        numbers: dict[str, int] = {}
        for name, value in named.items():
            key = free_key(name, taken, numbers)
            taken[key] = found[key] = value
        return found


def _told(function: Any) -> tuple[tuple[str, ...], tuple[str, ...], str, dict[str, Any]]:
    """Names, those that are given by place alone, rest and defaults of a function without code, one of C (`math.sqrt`),
    or of one that says itself what its signature is, as far as it does."""
    if function is None:
        return (), (), "args", {}
    from inspect import signature

    try:
        found = signature(function).parameters.values()
    except (TypeError, ValueError):
        return (), (), "args", {}
    by_place = tuple(one.name for one in found if one.kind is one.POSITIONAL_ONLY)
    names = by_place + tuple(one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD)
    rest = next((one.name for one in found if one.kind is one.VAR_POSITIONAL), "args")
    given = (one for one in found if one.default is not one.empty and one.default is not None)
    return names, by_place, rest, {one.name: one.default for one in given}


def _code_of(function: Any) -> tuple[Any, int, dict[str, Any]]:
    """The code whose parameters a function has, how many of the first ones are given already, and by name what it is
    called with where nobody says otherwise."""
    given = 0
    named: dict[str, Any] = {}
    while True:
        if isinstance(function, partial):
            named = {**function.keywords, **named}
            function, given = function.func, given + len(function.args)
        elif (inner := getattr(function, "__dict__", {}).get("__wrapped__")) is not None:
            function = inner
        elif hasattr(function, "__func__"):  # a method, whose receiver is known
            function, given = function.__func__, given + 1
        elif function is None or type(getattr(function, "__code__", None)) is CodeType:
            code = getattr(function, "__code__", None)
            return code, given, {**_defaults_of(function, code, given), **named}
        else:
            called = getattr(type(function), "__call__", None)  # noqa: B004  # its code, not whether it can be called
            code = getattr(called, "__code__", None)
            code = code if type(code) is CodeType else None
            given += code is not None
            return code, given, {**_defaults_of(called, code, given), **named}


def _defaults_of(function: Any, code: Any, given: int) -> dict[str, Any]:
    """The defaults of parameters that are left to the caller, by their names."""
    if code is None:
        return {}
    last = getattr(function, "__defaults__", None) or ()
    names = code.co_varnames[given : code.co_argcount]
    found = dict(zip(reversed(names), reversed(last), strict=False))
    found.update(getattr(function, "__kwdefaults__", None) or {})
    return {name: value for name, value in found.items() if value is not None}


def wrapped(function: Any, recorder_of: Callable[[Callable[..., Any]], Recorder], option: str) -> Any:
    """The recorded form of a function, or of what stands for one in a class; raises `invalid_option` for neither."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(wrapped(function.__func__, recorder_of, option))
    if isinstance(function, type) or not callable(function):
        what = "what is tracked" if option == "track" else "a tool"
        raise error("invalid_option", f"{what} is a function; found {type(function).__name__}", option=option)
    make = next((make for flag, make in _WRAPPERS if flags_of(function) & flag), _plain)
    return update_wrapper(make(recorder_of(function)), function)


def flags_of(function: Any) -> int:
    """The flags of a function's code, that of a partial function or of an object that is called as one, too."""
    while isinstance(function, partial):
        function = function.func
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__call__", None), "__code__", None)  # noqa: B004  # its code, not whether it can be called
    flags = getattr(code, "co_flags", 0)
    return flags if isinstance(flags, int) else 0  # a mock has whatever it is asked for


def name_of(function: Any) -> str:
    """The function's qualified name below the function in which it was made; of a partial one, what it calls."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or type(function).__name__
    return text_of(name).rpartition("<locals>.")[2]


def _plain(recorder: Recorder) -> Callable[..., Any]:
    function, begin, end, fail = recorder.function, recorder.begin, recorder.end, recorder.fail

    def call_recorded(*args: Any, **named: Any) -> Any:
        call = begin(args, named)
        if call is None:
            return function(*args, **named)
        before = AROUND.get()
        AROUND.set(call)
        try:
            answer = function(*args, **named)
        except BaseException as exc:
            AROUND.set(before)
            fail(call, exc)
            raise
        AROUND.set(before)
        return end(call, answer)

    return call_recorded


def _coroutine(recorder: Recorder) -> Callable[..., Any]:
    async def call_recorded(*args: Any, **named: Any) -> Any:
        call = await recorder.begin_async(args, named)
        if call is None:
            return await recorder.function(*args, **named)
        return await awaited(recorder, call, lambda: recorder.function(*args, **named))

    return call_recorded


async def awaited(recorder: Recorder, call: Call, work: Callable[[], Any]) -> Any:
    """What a coroutine answers that is a call."""
    try:
        with Within(call):
            answer = await work()
    except BaseException as exc:
        recorder.fail(call, exc)
        raise
    return recorder.end(call, answer)


def _generator(recorder: Recorder) -> Callable[..., Any]:
    def call_recorded(*args: Any, **named: Any) -> Generator[Any, Any, Any]:
        call = recorder.begin(args, named)
        if call is None:
            return (yield from recorder.function(*args, **named))
        return (yield from yielded(recorder, call, recorder.function(*args, **named)))

    return call_recorded


def yielded(recorder: Recorder, call: Call, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """What a generator yields and answers that is a call."""
    step, given, items = generator.send, None, 0
    while True:
        try:
            with Within(call):
                item = step(given)
        except StopIteration as stop:
            recorder.end(call, stop.value, items)
            return stop.value
        except BaseException as exc:
            recorder.fail(call, exc)
            raise
        items += 1
        call.yielded(item)
        try:
            given, step = (yield item), generator.send
        except GeneratorExit:
            try:
                with Within(call):
                    generator.close()
            except BaseException as exc:
                recorder.fail(call, exc)
                raise
            recorder.left(call, items)
            raise
        except BaseException as exc:
            given, step = exc, generator.throw


def _async_generator(recorder: Recorder) -> Callable[..., Any]:
    return async_yielding(recorder, recorder.begin_async, lambda *args, **named: recorder.function(*args, **named))


def async_yielding(  # noqa: C901  # the turns of one generator, recorded or not
    recorder: Recorder,
    begin: Callable[[tuple[Any, ...], dict[str, Any]], Awaitable[Call | None]],
    work: Callable[..., AsyncGenerator[Any, Any]],
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """An asynchronous generator function, also for who asks `inspect`, whose calls begin with their first item."""

    async def call_recorded(*args: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        call = await begin(args, named)
        generator = work(*args, **named)
        step, given, items = generator.asend, None, 0
        while True:
            try:
                with Within(call or AROUND.get()):
                    item = await step(given)
            except StopAsyncIteration:
                if call is not None:
                    recorder.end(call, None, items)
                return
            except BaseException as exc:
                if call is not None:
                    recorder.fail(call, exc)
                raise
            items += 1
            if call is not None:
                call.yielded(item)
            try:
                given, step = (yield item), generator.asend
            except GeneratorExit:
                try:
                    with Within(call or AROUND.get()):
                        await generator.aclose()
                except BaseException as exc:
                    if call is not None:
                        recorder.fail(call, exc)
                    raise
                if call is not None:
                    recorder.left(call, items)
                raise
            except BaseException as exc:
                given, step = exc, generator.athrow

    return call_recorded


_WRAPPERS: Final = ((ASYNC_GENERATOR, _async_generator), (COROUTINE, _coroutine), (GENERATOR, _generator))
