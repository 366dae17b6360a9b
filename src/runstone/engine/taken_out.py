"""What the contract of a tool takes out of arguments is taken out of what the call raises, too, and of what an approver
says: both often repeat what they are about. The calls and runs around it may end with the same exception.

Texts of fewer characters than a declared secret may have stay, as they stand in too much else.
"""

from __future__ import annotations

from runstone.core.policy.rule import Facts
from runstone.core.redaction.redactor import DECLARED, MIN_DECLARED_LENGTH, TOOL_DROP, Redactor
from runstone.engine.facts import keep_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from runstone.core.values import Mark
    from runstone.engine.calls import Calls
    from runstone.engine.tool_call import ToolCall


def taken_out(tree: Any, gone: Iterable[Mark]) -> Iterator[str]:
    """Texts and numbers of a JSON tree at the places that were handled; below what was dropped the keys as well."""
    facts = Facts(tree, frozenset())
    for place, mark in gone:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]]
        for text in _leaves(facts.at(parts), keys=mark.endswith(TOOL_DROP)):
            if len(text) >= MIN_DECLARED_LENGTH:
                yield text


def _leaves(value: Any, *, keys: bool) -> Iterator[str]:
    if type(value) is dict:
        if keys:
            yield from (key.removeprefix("$") for key in value)
        value = list(value.values())
    if type(value) is list:
        for item in value:
            yield from _leaves(item, keys=keys)
    elif type(value) in (str, int, float):
        yield str(value)
    elif type(value) is bytes:
        yield value.decode("latin-1")


def without_taken(call: ToolCall, text: str | None) -> str | None:
    """A text without what the contract took out of the call's arguments."""
    if text is None or not call.taken:
        return text
    return Redactor(dict.fromkeys(call.taken, DECLARED)).text(text)[0]


def hear(call: ToolCall, exc: BaseException) -> None:
    """The call has raised: what is recorded of the exception, here and further out, is without it, and so is what its
    run, and those that it is a part of, may end with."""
    calls: Calls = call.run.calls
    redactor = Redactor(dict.fromkeys(call.taken, DECLARED))
    keep_out(exc, (redactor,))
    with calls.lock:
        for one in calls.chain():
            if not call.taken <= one.taken:
                one.taken |= call.taken
                one.heard.append(redactor)
