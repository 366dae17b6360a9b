"""The calls of a sample, of models and of tools, as events, each with the time that its log tells of it.

A call is told at its beginning, its answer at its end. Where the log has no time, it is that of the call before, or of
the sample's beginning; no answer is before its call.
"""

from __future__ import annotations

from runstone.core.times import parse_time
from runstone.engine.importer import time_of
from runstone.ingest.inspect.log import items_of, object_of
from runstone.ingest.inspect.messages import Texts, finish_reason, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, TypeAlias

    Fact: TypeAlias = tuple[str, dict[str, Any]]
    Timed: TypeAlias = tuple[str, Fact]

_USAGE: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "input_tokens_cache_read",
}


def calls_of(sample: dict[str, Any], begun: str, next_id: Callable[[], str]) -> Iterator[Timed]:
    """`model.called`, `model.returned`, `tool.called`, `tool.returned` of a sample, in the order of its events.

    A call that has not returned when the log was written has no second event.
    """
    texts, told_by = Texts(sample), {"id": str(sample["id"]), "epoch": sample["epoch"]}
    at = begun
    for event in items_of(sample.get("events")):
        make = _CALLS.get(str(object_of(event).get("event")))
        if make is not None:
            called, *returned = make(event, texts, next_id())
            at = time_of(event.get("timestamp")) or at
            called[1]["sample"] = told_by
            yield at, called
            yield from ((max(at, time_of(event.get("completed")) or at), fact) for fact in returned)


def _model(event: dict[str, Any], texts: Texts, call: str) -> Iterator[Fact]:
    model = str(event.get("model"))
    provider, slash, _ = model.partition("/")
    yield (
        "model.called",
        {
            "call": call,
            "parent": None,
            "model": model,
            "provider": provider if slash else None,
            "prompt": texts.prompt(event),
            "parameters": settings_of(texts.whole(event.get("config"))),
        },
    )
    if not event.get("pending"):
        error = event.get("error")
        yield (
            "model.returned",
            {
                "call": call,
                "status": "ok" if error is None else "error",
                "output": texts.output(event),
                "usage": _usage(event),
                "cost": None,
                "finish_reason": finish_reason(event),
                "error": None if error is None else {"type": "ModelError", "message": str(texts.whole(error))},
                "duration_ns": _duration_ns(event),
                "attempts": 1 + _count(event.get("retries")),
            },
        )


def _tool(event: dict[str, Any], texts: Texts, call: str) -> Iterator[Fact]:
    ref = event.get("id")
    called = {"call": call, "parent": None, "name": str(event.get("function")), "contract_sha256": None}
    called["args"] = texts.whole(event.get("arguments"))
    yield "tool.called", {**called, "ref": ref} if isinstance(ref, str) else called
    if not event.get("pending"):
        error = event.get("error")
        failed = error is not None or event.get("failed") is True
        yield (
            "tool.returned",
            {
                "call": call,
                "status": "error" if failed else "ok",
                "result": texts.whole(event.get("result")),
                "error": texts.whole(error),
                "duration_ns": _duration_ns(event),
                "attempts": 1,
            },
        )


_CALLS: Final = {"model": _model, "tool": _tool}


def _usage(event: dict[str, Any]) -> dict[str, int] | None:
    told = object_of(event.get("output")).get("usage")
    return {name: _count(told.get(theirs)) for name, theirs in _USAGE.items()} if isinstance(told, dict) else None


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0


def _duration_ns(event: dict[str, Any]) -> int | None:
    """From the beginning of a call to its end; `None` where one of them is not told."""
    start, end = (time_of(event.get(name)) for name in ("timestamp", "completed"))
    return None if start is None or end is None else max(0, parse_time(end) - parse_time(start))
