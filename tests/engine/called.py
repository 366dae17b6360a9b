"""Calls of tools as the tests of agents see them: events joined by call, and contracts to call by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from runstone.engine.store import Store

from .scenes import events

SEARCH = {
    "name": "search",
    "version": "1",
    "arguments": {
        "type": "object",
        "properties": {"q": {"type": "string"}, "limit": {"type": "integer"}, "ssn": {"type": "string"}},
        "required": ["q"],
    },
    "side_effect": "read",
    "handling": {"arguments": {"/ssn": "mask"}},
}
"""The contract of a tool that reads."""


def contract(name: str, **members: Any) -> dict[str, Any]:
    """A contract that takes any arguments."""
    return {"name": name, "version": "1", "arguments": {"type": "object"}, "side_effect": "read", **members}


def calls(store: Store, run_id: str = "r") -> list[dict[str, Any]]:
    """Each call with what it answered, in order of calling; each is called before it answers, and answers once."""
    found: dict[str, dict[str, Any]] = {}
    for event in events(store, run_id):
        data = event["data"]
        if event["type"] == "tool.called":
            assert data["call"] not in found
            found[data["call"]] = {**data, "status": "open"}
        elif event["type"] == "tool.returned":
            assert found[data["call"]]["status"] == "open"
            found[data["call"]] |= data
    return list(found.values())


def kinds(store: Store, run_id: str = "r") -> list[str]:
    """Types of a run's events between the first and the last."""
    return [event["type"] for event in events(store, run_id)[1:-1]]


def text(store: Store, run_id: str = "r") -> str:
    """All that the store holds of a run, as text."""
    return "\n".join(store.get(run_id).file(path).decode() for path in ("events.jsonl", "run.json", "tool_calls.json"))


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine, as a plain one."""

    @wraps(test)
    def plain(*args: Any, **named: Any) -> None:
        asyncio.run(test(*args, **named))

    return plain
