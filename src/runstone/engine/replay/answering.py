"""How a call is answered from the record: what it gave, yielded or raised then, and what was recorded meanwhile.

- The tool is not called. A function of any kind is stood in for by one of the same kind.
- A value is given back as JSON: of what was no JSON, where the record has it. Each answer is a copy of its own.
- What a tool raised is raised again, as the class of that name if Python or the program has just one, else as
  `RecordedError`.
- An error of Runstone's own has its code and details again, with the ids of the runs and calls of here.
- The facts that the tool recorded are recorded again, with ids of calls that are new; so is what it used of tokens.
  What was called in it counts (`engine.replay.counting`).
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from runstone.core.evidence import RESOLVES, parse_reference
from runstone.core.parsing import parse_json
from runstone.core.recorded import BLOCKED, OWN_CALLS, restored
from runstone.core.tools.prices import TOKENS
from runstone.engine.calls import AROUND, OK
from runstone.engine.own_errors import made_again
from runstone.engine.replay.counting import count_below, tries_of
from runstone.engine.replay.stopping import RESULT, Divergence, Stopped
from runstone.engine.tool_call import ToolCall
from runstone.engine.tracking import next_id
from runstone.engine.wrapping import ASYNC_GENERATOR, COROUTINE, GENERATOR, flags_of
from runstone.errors import CODES, RunstoneError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.recorded import RecordedCall
    from runstone.engine.calls import Call
    from runstone.engine.replay.book import Book

FORMS: Final = ("coroutine", "generator", "async generator")
"""What a plain function may answer behind which the work is still to be done, as `tool.returned` names it."""
INVALID_RESULT: Final = "invalid_result"
_IDS: Final = ("call", "parent")
_LEFT_OUT: Final = ("child", "children", "debug", "debug_error")


class RecordedError(Exception):
    """Stands for an exception of the record: `name` is its type's name."""

    name = "Exception"


def stand_in(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same kind as `function`, which answers from the record the call that it is called in."""
    flags = flags_of(function)
    if flags & ASYNC_GENERATOR:
        return lambda *_, **__: _items_async()
    if flags & COROUTINE:
        return lambda *_, **__: _awaited()
    if flags & GENERATOR:
        return lambda *_, **__: _items()
    return lambda *_, **__: _plain()


def _plain() -> Any:
    """By the form of what was answered: its work is done when it is asked for."""
    form = _recorded().said("form")
    if form in FORMS:
        return (_awaited, _items, _items_async)[FORMS.index(form)]()
    return _given(*_answered())


async def _awaited() -> Any:
    return _given(*_answered())


def _items() -> Generator[Any, Any, Any]:
    answered = _answered()
    yield from _yielded(answered[1])
    return _given(*answered)


async def _items_async() -> AsyncGenerator[Any, Any]:
    answered = _answered()
    for item in _yielded(answered[1]):
        yield item
    _given(*answered)


def _yielded(match: RecordedCall) -> list[Any]:
    found = restored(match.said("yielded"))
    return found if type(found) is list else []


def _recorded() -> RecordedCall:
    call = AROUND.get()
    book = None if call is None else call.run.replay
    match = None if call is None or book is None else book.matched(call.id)
    if match is None or book is None:
        raise Stopped("a tool is called that no run records")
    return match


def _answered() -> tuple[Book, RecordedCall, Call]:
    """The call that is going on here, once what was recorded while it was at work is recorded again: who reads a
    generator may not read it to its end."""
    match, call = _recorded(), AROUND.get()
    assert call is not None
    book = call.run.replay
    assert book is not None
    answer(book, match, call)
    return book, match, call


def _given(book: Book, match: RecordedCall, call: Call) -> Any:
    """What the call gave then; raises what it raised."""
    if match.said("status") == OK or _was_unfit(match):
        return restored(match.said("result"))
    if match.said("status") == BLOCKED and tries_of(match) and isinstance(call, ToolCall):
        call.attempt()  # one more try was blocked then
    if match.answer is None or match.said("status") == BLOCKED:
        found = {**match.side(), "call": call.id, "line": None, "status": "allowed"}
        message = f"{match.kind} {match.name} was {match.said('status') or 'left open'} then, and is let through now"
        raise book.stop(Divergence(RESULT, message, {**match.side(), **match.outcome()}, found))
    raise exception_of(book, match)


def _was_unfit(match: RecordedCall) -> bool:
    """Whether the tool has answered what did not fit its contract, in a strict run: that is raised again when it is
    looked at again."""
    told = match.said("error")
    return type(told) is dict and told.get("type") == INVALID_RESULT and match.said("problems") is not None


def answer(book: Book, match: RecordedCall, call: Any) -> None:
    """Repeat what was recorded while a call was at work, and what it used."""
    book.take_below(match)
    for event in list(match.facts):
        _repeat(book, event)
    count_below(book, match)
    for _ in range(tries_of(match) - 1):
        call.tried()
    used = match.said("usage")
    if type(used) is dict:
        call.usage(match.said("model"), **{name: used.get(name, 0) for name in TOKENS})


def exception_of(book: Book, match: RecordedCall) -> BaseException:
    """The exception that the recorded error of a call (`type`, `message`) stands for."""
    recorded = match.said("error")
    told = recorded if type(recorded) is dict else {}
    name, message = str(told.get("type") or "Exception"), str(told.get("message") or "")
    found = _class_named(name)
    if "code" in told or name in CODES or (found is not None and issubclass(found, RunstoneError)):
        details = _as_here(book, restored(told.get("details")))
        return made_again(found, told, details if type(details) is dict else {})
    bases = (RecordedError,) if found is None else (RecordedError, found)
    try:
        kind = type(name, bases, {"name": name, "__init__": _quiet, "__str__": _message})
        made: BaseException = kind(message)
        if isinstance(made, KeyError):
            made.args = (_key(message),) if message else ()
    except TypeError:  # a class that cannot be mixed
        made = type(name, (RecordedError,), {"name": name})(message)
    if type(told.get("http_status")) is int:
        made.status_code = told["http_status"]  # type: ignore[attr-defined]  # as libraries of providers have it
    return made


def _quiet(self: BaseException, message: str) -> None:
    self.args = (message,)


def _message(self: BaseException) -> str:
    if isinstance(self, KeyError):
        return repr(self.args[0]) if self.args else ""
    return str(self.args[0])


def _key(message: str) -> Any:
    """The key that a `KeyError` has shown in its message."""
    from ast import literal_eval

    try:
        return literal_eval(message)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return message


def _as_here(book: Book, value: Any, name: str = "") -> Any:
    """Details of an error, in which the run and its calls have the ids that they have here."""
    if type(value) is list:
        return [_as_here(book, item) for item in value]
    if type(value) is dict:
        return {key: _as_here(book, item, key) for key, item in value.items()}
    if type(value) is not str:
        return value
    if value == book.record.run_id:
        return book.run.run_id
    return book.ids.get(value, value) if name == "call" else value


def _class_named(name: str) -> type[BaseException] | None:
    """The exception that Python has by a name, or else the only one that the program has loaded."""
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return known
    found, waiting = set(), [BaseException]
    while waiting:
        for kind in type.__subclasses__(waiting.pop()):
            waiting.append(kind)
            if kind.__name__ == name and not issubclass(kind, RecordedError):
                found.add(kind)
    return found.pop() if len(found) == 1 else None


def text_of_model(book: Book, match: RecordedCall) -> Any:
    """What a model answered then, where debug mode has kept it; raises what was raised, and `Stopped` for neither."""
    if match.said("status") != OK:
        raise exception_of(book, match)
    if match.id not in book.texts:
        raise book.refuse(f"what model {match.name} answered was not kept", match.side())
    form, data = book.texts[match.id]
    return parse_json(data) if form == "json" else data if form == "bytes" else data.decode("utf-8", "replace")


# what was recorded meanwhile


def _repeat(book: Book, event: Event) -> None:
    run, kind = book.run, event["type"]
    data = {name: value for name, value in event["data"].items() if name not in _LEFT_OUT}
    if kind == "contract":
        if not run.calls.first_told(data["sha256"]):
            return
    elif kind in ("tool.called", "model.called"):
        own = data["call"].startswith(OWN_CALLS)
        book.ids[data["call"]] = next_id(run) if own else run.calls.next_id()
    elif kind == "seed":
        if not run._draws.seeded(data["name"], data["seed"]):  # noqa: SLF001  # who draws keeps it, and who repeats it
            return
    elif kind in ("input", "output") and data["path"] is not None:
        run.writer.keep(data["path"], book.files(data["path"]))
    for name in _IDS:
        if type(data.get(name)) is str:
            data[name] = book.ids.get(data[name], data[name])
    run.writer.repeat({**event, "data": data})
    _count(run, kind, data)


def _count(run: Any, kind: str, data: dict[str, Any]) -> None:
    """What a run keeps in mind of what it records."""
    if kind == "check":
        leads = (data["id"], data["status"]) != (RESOLVES, "fail")
        looks = leads and any(map(parse_reference, data["evidence"]))
        run._count_check(data["status"], looks=looks)  # noqa: SLF001  # who records one counts it, and who repeats one
    elif kind == "citation":
        run._count_citation()  # noqa: SLF001  # the same
