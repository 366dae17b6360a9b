"""What the contract of a tool takes out of arguments is taken out of what the call raises, too, and of what an approver
says: both often repeat what they are about. The calls and runs around it may end with the same exception.

- Of a text that somebody has cut with an ellipsis the ends go that are left of it, as pydantic's errors have them.
- Texts of fewer characters than a declared secret may have stay, as they stand in too much else; so do such ends.
"""

from __future__ import annotations

from runstone.core.policy.rule import Facts
from runstone.core.redaction.redactor import DECLARED, MIN_DECLARED_LENGTH, TOOL_DROP, VALUE, Redactor
from runstone.engine.facts import keep_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.core.redaction.redactor import Scope, Span
    from runstone.core.values import Mark
    from runstone.engine.calls import Calls
    from runstone.engine.tool_call import ToolCall

_SIGNS: Final = ("...", "\N{HORIZONTAL ELLIPSIS}")


class TakenOut(Redactor):
    """Takes texts out of others, and of those that are cut what is left of them beside the ellipsis."""

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__(dict.fromkeys(texts, DECLARED))
        self._forms = {form for text in texts for form in (text, repr(text)[1:-1], ascii(text)[1:-1])}

    def found(self, text: str, scope: Scope) -> Iterator[tuple[Span, tuple[int, int]]]:
        """Each of them, whole or cut."""
        yield from super().found(text, scope)
        for left, right in _ellipses(text):
            for form in self._forms:
                start, end = _beginning(form, text, left), _ending(form, text, right)
                if start < left:
                    yield (start, left, VALUE, DECLARED), (start, left)
                if end > right:
                    yield (right, end, VALUE, DECLARED), (right, end)

    def _scope(self, data: bytes) -> Scope:
        rules, named = super()._scope(data)
        return rules, named or any(sign.encode() in data for sign in _SIGNS)


def _ellipses(text: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end; any number of dots is one."""
    for sign in _SIGNS:
        end = 0
        while (start := text.find(sign, end)) >= 0:
            end = start + len(sign)
            while text.startswith(sign[0], end):
                end += 1
            yield start, end


def _beginning(form: str, text: str, end: int) -> int:
    """Where in a text the longest beginning of `form` stands that ends there; `end` if none is long enough."""
    last = text[max(0, end - MIN_DECLARED_LENGTH) : end]
    at = form.rfind(last, 0, end) if len(last) == MIN_DECLARED_LENGTH else -1
    while at >= 0:
        size = at + MIN_DECLARED_LENGTH
        if text.startswith(form[:size], end - size):
            return end - size
        at = form.rfind(last, 0, size - 1)
    return end


def _ending(form: str, text: str, start: int) -> int:
    """Where the longest end of `form` ends that begins there; `start` if none is long enough."""
    first = text[start : start + MIN_DECLARED_LENGTH]
    at = form.find(first, max(0, len(form) - len(text) + start)) if len(first) == MIN_DECLARED_LENGTH else -1
    while at >= 0:
        if text.startswith(form[at:], start):
            return start + len(form) - at
        at = form.find(first, at + 1)
    return start


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
    return TakenOut(call.taken).text(text)[0]


def hear(call: ToolCall, exc: BaseException) -> None:
    """The call has raised: what is recorded of the exception, here and further out, is without it, and so is what its
    run, and those that it is a part of, may end with."""
    calls: Calls = call.run.calls
    redactor = TakenOut(call.taken)
    keep_out(exc, (redactor,))
    with calls.lock:
        for one in calls.chain():
            if not call.taken <= one.taken:
                one.taken |= call.taken
                one.heard.append(redactor)
