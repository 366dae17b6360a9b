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
        cuts = list(_ellipses(text))
        for form in self._forms if cuts else ():
            if form[:MIN_DECLARED_LENGTH] in text:
                sizes = _beginnings(form[: len(text)], text)
                for left, _ in cuts:
                    if sizes[left] >= MIN_DECLARED_LENGTH:
                        yield (left - sizes[left], left, VALUE, DECLARED), (left - sizes[left], left)
            if form[-MIN_DECLARED_LENGTH:] in text:
                sizes = _beginnings(form[: -len(text) - 1 : -1], text[::-1])[::-1]
                for _, right in cuts:
                    if sizes[right] >= MIN_DECLARED_LENGTH:
                        yield (right, right + sizes[right], VALUE, DECLARED), (right, right + sizes[right])

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


def _beginnings(form: str, text: str) -> list[int]:
    """At each place of a text how long the longest beginning of `form` is that ends there (Knuth, Morris and Pratt)."""
    shorter, size = [0, 0], 0  # of each beginning the longest other one that it ends with
    for mark in form[1:]:
        while size and form[size] != mark:
            size = shorter[size]
        size += form[size] == mark
        shorter.append(size)
    sizes, size = [0], 0
    for mark in text:
        while size and (size == len(form) or form[size] != mark):
            size = shorter[size]
        size += form[size] == mark
        sizes.append(size)
    return sizes


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
