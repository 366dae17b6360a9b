"""Functions whose calls are recorded: plain ones, coroutines, generators and asynchronous generators.

What a wrapped function answers, yields and raises is what it would answer, yield and raise. What is recorded is the
business of a `Recorder`; while a generator waits for its next turn, its call is not around anything.
"""

from __future__ import annotations

import functools
import sys
from functools import partial, singledispatchmethod, update_wrapper
from types import CellType, CodeType, MethodType, WrapperDescriptorType
from typing import TYPE_CHECKING

from runstone.core.values import free_key
from runstone.engine.calls import AROUND, Within
from runstone.engine.facts import text_of
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from inspect import Parameter
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
RECEIVERS: Final = ("self", "cls")
_DATA: Final = frozenset((type(None), bool, int, float, str, bytes, list, tuple, dict))
"""No receiver is one of these."""
_MADE_FOR: Final = ".__get__.<locals>."
"""In the name of a function that a descriptor makes."""
_DISPATCHING: Final = singledispatchmethod.__get__.__code__.co_consts
_DISPATCHED: Final = getattr(functools, "_singledispatchmethod_get", None)
"""What makes a method that dispatches; what it is, from Python 3.14 on."""
_SAID: Final = ("__signature__", "_partialmethod", "__partialmethod__")
"""Where a function says what its parameters are, beside its code."""


class Parameters:
    """The parameters of a function, to name what it is called with. A receiver (`self`, `cls`) is left out.

    Those of a method, of a partial function, of an object that is called as one, and of what a decorator wraps, too. A
    wrapper may have the receiver already, or give one itself: what may be a caller's is left out of no call of it.

    `defaults` are the arguments that it is called with where its caller names no others: those of its parameters that
    are not `None`, which stands for no argument, and what a partial function gives by name.
    """

    def __init__(self, outer: Any) -> None:
        function, given, by_name = with_parameters(outer)
        code = getattr(function, "__code__", None)
        names, by_place, self._rest, defaults = (
            _told(function) if type(code) is not CodeType or _says(function) else _of_code(function, code)
        )
        self._names = names[given:]
        self._by_place = by_place[given:]
        left = {name: value for name, value in defaults.items() if value is not None and name not in names[:given]}
        self.defaults = {**left, **by_name}
        self._receives = not given and bool(names) and names[0] in RECEIVERS
        self._within = function if self._receives and not _hands_on(outer, function) else None
        """What a wrapper calls of which nobody knows whether it is called with the receiver."""

    def named(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments of one call by name. A keyword that is the name of another argument, or of a parameter that is
        given by its place alone, gets a number."""
        names = self._names
        if self._receives and args:
            is_taken = not named.keys().isdisjoint(names[1 : len(args) + 1])  # so nothing before it is an argument
            if self._within is None or is_taken or _is_of(args[0], self._within):
                names, args = names[1:], args[1:]
            elif len(args) < len(names) and type(args[0]) in _DATA:
                names = names[1:]
        found = dict(zip(names, args, strict=False))
        if len(args) > len(names):
            found[self._rest] = list(args[len(names) :])
        taken = {**dict.fromkeys(self._by_place), **found}
        numbers: dict[str, int] = {}
        for name, value in named.items():
            key = free_key(name, taken, numbers)
            taken[key] = found[key] = value
        return found


def _of_code(function: Any, code: CodeType) -> tuple[tuple[str, ...], tuple[str, ...], str, dict[str, Any]]:
    """Names, those that are given by place alone, rest and defaults of a function."""
    names = code.co_varnames[: code.co_argcount]
    rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if code.co_flags & _STAR else "args"
    last = getattr(function, "__defaults__", None) or ()
    defaults = dict(zip(reversed(names), reversed(last), strict=False))
    defaults.update(getattr(function, "__kwdefaults__", None) or {})
    return names, names[: code.co_posonlyargcount], rest, defaults


def _told(function: Any) -> tuple[tuple[str, ...], tuple[str, ...], str, dict[str, Any]]:
    """The same of a function without code, one of C (`math.sqrt`), or of one that says itself what its signature is, as
    far as it does."""
    if function is None:
        return (), (), "args", {}
    try:
        found = parameters_of(function)
    except (TypeError, ValueError):
        return (), (), "args", {}
    by_place = tuple(one.name for one in found if one.kind is one.POSITIONAL_ONLY)
    names = by_place + tuple(one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD)
    rest = next((one.name for one in found if one.kind is one.VAR_POSITIONAL), "args")
    return names, by_place, rest, {one.name: one.default for one in found if one.default is not one.empty}


def parameters_of(function: Any) -> list[Parameter]:
    """What the signature of anything that can be called tells. Raises `TypeError` or `ValueError` where it has none.

    Nobody asks here what annotations stand for: from Python 3.14 on that would run them, and a name that only type
    checkers know raises.
    """
    from inspect import signature

    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    return list(signature(function, **options).parameters.values())


def bare(function: Any) -> tuple[Any, int, dict[str, Any]]:
    """What a function calls that is a method, a partial one, or wraps another one (`functools.wraps`), and what it
    gives: how many of the first arguments, and which by name. A function that says its parameters is bare."""
    given = 0
    by_name: dict[str, Any] = {}
    while True:
        if hasattr(function, "__func__"):  # first of all, as a method has what its function holds
            function, given = function.__func__, given + hasattr(function, "__self__")
        elif _says(function):
            return function, given, by_name
        elif isinstance(function, partial):
            by_name = {**function.keywords, **by_name}
            function, given = function.func, given + len(function.args)
        elif type(function) is _DISPATCHED:
            held = vars(function)
            function = function.__wrapped__.__get__(held["_obj"], held["_cls"])
        elif (inner := getattr(function, "__dict__", {}).get("__wrapped__")) is not None:
            function = _bound(function, inner)
        else:
            return function, given, by_name


def _bound(wrapper: Any, inner: Any) -> Any:
    """What a wrapper calls; where a descriptor has made the wrapper for an object, what it calls with that."""
    code = getattr(wrapper, "__code__", None)
    if type(code) is not CodeType or _MADE_FOR not in code.co_qualname or not hasattr(inner, "__get__"):
        return inner
    held = {name: _content(cell) for name, cell in zip(code.co_freevars, wrapper.__closure__ or (), strict=False)}
    if code in _DISPATCHING:
        return inner.__get__(held["obj"], held["cls"])
    within = bare(inner)[0]
    for one in held.values():
        if type(one) in (MethodType, partial):
            if bare(one)[0] is within:
                return one
        elif not issubclass(type(one), type) and _is_of(one, within):
            return inner.__get__(one, type(one))
    return inner


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _hands_on(outer: Any, function: Any) -> bool:
    """Whether what is called as a function takes the receiver itself."""
    while isinstance(outer, partial):
        outer = outer.func
    code = getattr(outer, "__code__", None)
    return outer is function or (type(code) is CodeType and code.co_argcount > 0 and code.co_varnames[0] in RECEIVERS)


def _is_of(value: Any, function: Any) -> bool:
    """Whether a function is one of a value's class, or of a value that is a class: it was written there, or is there,
    under whatever name."""
    kinds = type(value).__mro__ + (value.__mro__ if issubclass(type(value), type) else ())
    module, owner = getattr(function, "__module__", None), getattr(function, "__qualname__", "").rpartition(".")[0]
    return any(kind.__qualname__ == owner and kind.__module__ == module for kind in kinds) or any(
        _leads(held, function) for kind in kinds for held in list(vars(kind).values())
    )


def _leads(held: Any, function: Any) -> bool:
    """Whether what a class holds is a function, or wraps it."""
    if isinstance(held, (classmethod, staticmethod)):
        held = held.__func__
    while held is not None and held is not function:
        held = getattr(held, "__dict__", {}).get("__wrapped__")
    return held is function


def with_parameters(function: Any) -> tuple[Any, int, dict[str, Any]]:
    """The same; of an object that is called as a function what it calls then, whose parameters these are."""
    found, given, by_name = bare(function)
    called = _called(found)
    if called is None:
        return found, given, by_name
    inner, more, also = with_parameters(called)
    return inner, given + more, {**also, **by_name}


def _says(function: Any) -> bool:
    """Whether a function says its parameters, and does not only repeat what is said by the one that it wraps."""
    held = getattr(function, "__dict__", {})
    inner = getattr(held.get("__wrapped__"), "__dict__", {})
    return any(name in held and held[name] is not inner.get(name) for name in _SAID)


def _called(function: Any) -> Any:
    """What an object does that is called; `None` for a function, a class, and what is written in C."""
    if isinstance(function, type) or _says(function) or type(getattr(function, "__code__", None)) is CodeType:
        return None
    held = next((vars(kind)["__call__"] for kind in type(function).__mro__ if "__call__" in vars(kind)), None)
    if held is None or type(held) is WrapperDescriptorType:
        return None
    return held.__get__(function, type(function)) if hasattr(held, "__get__") else held


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
