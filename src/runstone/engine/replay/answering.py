"""How a call is answered from the record: what it gave, yielded or raised then, and what was recorded meanwhile.

- The tool is not called. A function of any kind is stood in for by one of the same kind.
- A value is given back as JSON: of what was no JSON, where the record has it. Each answer is a copy of its own.
- What a tool raised is raised again, as the class of that name if Python or the program has just one, else as
  `RecordedError`.
- The facts that the tool recorded are recorded again, with ids of calls that are new; so is what it used of tokens.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from runstone.core.evidence import RESOLVES, parse_reference
from runstone.core.parsing import parse_json
from runstone.core.recorded import BLOCKED, restored
from runstone.core.tools.prices import TOKENS
from runstone.engine.calls import AROUND, OK, usage_of
from runstone.engine.facts import maybe_text
from runstone.engine.governing import NOTHING
from runstone.engine.replay.stopping import RESULT, Divergence, Stopped
from runstone.engine.wrapping import ASYNC_GENERATOR, COROUTINE, GENERATOR, flags_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.recorded import RecordedCall
    from runstone.engine.calls import Call
    from runstone.engine.replay.book import Book

FORMS: Final = ("coroutine", "generator", "async generator")
"""What a plain function may answer behind which the work is still to be done, as `tool.returned` names it."""
MAX_ATTEMPTS: Final = 1000
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
    found = match.said("yielded")
    return [restored(item) for item in found] if type(found) is list else []


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
    if match.said("status") == OK:
        return restored(match.said("result"))
    if match.answer is None or match.said("status") == BLOCKED:
        found = {**match.side(), "call": call.id, "line": None, "status": "allowed"}
        message = f"{match.kind} {match.name} was {match.said('status') or 'left open'} then, and is let through now"
        raise book.stop(Divergence(RESULT, message, {**match.side(), **match.outcome()}, found))
    raise exception_of(match.said("error"))


def answer(book: Book, match: RecordedCall, call: Any) -> None:
    """Repeat what was recorded while a call was at work, and what it used."""
    book.take_below(match)
    for event in list(match.facts):
        _repeat(book, event)
    for _ in range(min(match.said("attempts") or 0, MAX_ATTEMPTS) - 1):
        call.tried()
    used = match.said("usage")
    if type(used) is dict:
        call.usage(match.said("model"), **{name: used.get(name, 0) for name in TOKENS})


def exception_of(recorded: Any) -> BaseException:
    """The exception that a recorded error (`type`, `message`) stands for."""
    told = recorded if type(recorded) is dict else {}
    name, message = str(told.get("type") or "Exception"), str(told.get("message") or "")
    found = _class_named(name)
    bases = (RecordedError,) if found is None else (RecordedError, found)
    try:
        kind = type(name, bases, {"name": name, "__init__": _quiet, "__str__": _message})
        made: BaseException = kind(message)
        if isinstance(made, KeyError):
            made.args = (_key(message),)
    except TypeError:  # a class that cannot be mixed
        made = type(name, (RecordedError,), {"name": name})(message)
    if type(told.get("http_status")) is int:
        made.status_code = told["http_status"]  # type: ignore[attr-defined]  # as libraries of providers have it
    return made


def _quiet(self: BaseException, message: str) -> None:
    self.args = (message,)


def _message(self: BaseException) -> str:
    return repr(self.args[0]) if isinstance(self, KeyError) else str(self.args[0])


def _key(message: str) -> Any:
    """The key that a `KeyError` has shown in its message."""
    from ast import literal_eval

    try:
        return literal_eval(message)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return message


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
        raise exception_of(match.said("error"))
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
        book.ids[data["call"]] = run.calls.next_id()
        if kind == "tool.called":
            run.calls.take(data["name"], NOTHING, {}, run.writer.monotonic_ns())
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
    elif kind in ("tool.returned", "model.returned") and type(data.get("usage")) is dict:
        used = usage_of(*(data["usage"].get(name) for name in TOKENS))
        run.calls.spend(None, maybe_text(data.get("model")), used)
