"""How a call is answered from the record: what it gave, yielded or raised then, and what was recorded meanwhile.

- The tool is not called. A function of any kind is stood in for by one of the same kind.
- A value is given back as JSON: of what was no JSON, where the record has it. Each answer is a copy of its own.
- What a tool raised is raised again (`engine.replay.raising`). What was cancelled in a task waits until it is.
- The facts that the tool recorded are recorded again, with ids of calls that are new; so is what it used of tokens.
  What was called in it counts (`engine.replay.counting`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core.evidence import RESOLVES, parse_reference
from runstone.core.parsing import parse_json
from runstone.core.recorded import OWN_CALLS, restored
from runstone.core.words import TOKENS
from runstone.engine.calls import AROUND, BLOCKED, CANCELLED, OK
from runstone.engine.replay.counting import count_below, tries_of
from runstone.engine.replay.raising import exception_of
from runstone.engine.replay.stopping import RESULT, Divergence, Stopped
from runstone.engine.tool_call import ToolCall
from runstone.engine.tracking import next_id
from runstone.engine.wrapping import ASYNC_GENERATOR, COROUTINE, GENERATOR, flags_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.recorded import RecordedCall
    from runstone.engine.calls import Call
    from runstone.engine.replay.book import Book

FORMS: Final = ("coroutine", "generator", "async generator")
"""What a plain function may answer behind which the work is still to be done, as `tool.returned` names it."""
INVALID_RESULT: Final = "invalid_result"
CANCELLED_ERROR: Final = "CancelledError"
"""By which a task is cancelled."""
LEFT: Final = GeneratorExit.__name__
"""By which a generator is left by its caller, or a coroutine that nobody awaits any more."""
PATIENCE_S: Final = 10.0
"""So long a call waits to be cancelled beyond the time that passed then from the beginning of the run on."""
_IDS: Final = ("call", "parent")
_LEFT_OUT: Final = ("child", "children", "debug", "debug_error")


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
    form = _recorded()[1].said("form")
    if form in FORMS:
        return (_awaited, _items, _items_async)[FORMS.index(form)]()
    return _given(*_answered())


async def _awaited() -> Any:
    book, match, call = _answered()
    await until_cancelled(book, match)
    return _given(book, match, call)


def _items() -> Generator[Any, Any, Any]:
    book, match, call = _answered()
    for left, item in _yielded(match):
        try:
            yield item
        except BaseException as exc:
            if _is_over(book, match, exc, left):
                break
    return _given(book, match, call)


async def _items_async() -> AsyncGenerator[Any, Any]:
    book, match, call = _answered()
    for left, item in _yielded(match):
        try:
            yield item
        except BaseException as exc:
            if _is_over(book, match, exc, left):
                break
    else:
        if _stop_of(match) == CANCELLED_ERROR:
            await until_cancelled(book, match)
    _given(book, match, call)


async def until_cancelled(book: Book, match: RecordedCall) -> None:
    """Wait until a call that was cancelled then is so now; any other does not wait.

    Raises `CancelledError`, also where nobody cancels it in time (`PATIENCE_S`): that is remarked, and no divergence,
    as a tool may have come to it by itself.
    """
    import asyncio

    if _stop_of(match) not in (CANCELLED_ERROR, LEFT):
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # a loop of another library, in which others than asyncio cancel
        return
    await asyncio.sleep(book.record.passed_s(match) + PATIENCE_S)
    book.session.remark(f"{match.kind} {match.name} was cancelled then, and nobody cancels it now ({match.id})")
    raise asyncio.CancelledError


def _stop_of(match: RecordedCall) -> str | None:
    """The name of the exception by which a call was stopped, and did not fail."""
    return _error_type(match) if match.said("status") == CANCELLED else None


def _error_type(match: RecordedCall) -> str | None:
    told = match.said("error")
    return told.get("type") if type(told) is dict else None


def _is_over(book: Book, match: RecordedCall, thrown: BaseException, left: int) -> bool:
    """Whether a generator that has so many items left yields none of them, as its caller wants no more. Raises what is
    thrown into it where it did not catch that then."""
    closed = isinstance(thrown, GeneratorExit)
    if (closed or not left) and (_stop_of(match) == type(thrown).__name__ or book.raised(match, thrown)):
        raise thrown  # of what stops a task the name is enough: its message may hold an address
    return closed


def _yielded(match: RecordedCall) -> Iterator[tuple[int, Any]]:
    """What a generator yielded, each with the number of those behind it."""
    found = restored(match.said("yielded"))
    items = found if type(found) is list else []
    return zip(range(len(items) - 1, -1, -1), items, strict=True)


def _recorded() -> tuple[Book, RecordedCall, Call]:
    """The call that is going on here, what it was then, and in which book. Raises `Stopped` where it is in none."""
    call = AROUND.get()
    book = None if call is None else call.run.replay
    match = None if call is None or book is None else book.matched(call.id)
    if call is None or book is None or match is None:
        raise Stopped("a tool is called that no run records")
    return book, match, call


def _answered() -> tuple[Book, RecordedCall, Call]:
    """The same, once what was recorded while it was at work is recorded again: who reads a generator may not read it
    to its end."""
    found = _recorded()
    answer(*found)
    return found


def _given(book: Book, match: RecordedCall, call: Call) -> Any:
    """What the call gave then; raises what it raised."""
    if match.said("status") == OK or _was_unfit(match):
        return restored(match.said("result"))
    if match.said("status") == BLOCKED and tries_of(match) and isinstance(call, ToolCall):
        call.attempt()  # one more try was blocked then
    if match.answer is None or match.said("status") == BLOCKED or _stop_of(match) == LEFT:
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
