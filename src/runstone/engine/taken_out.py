"""What the contract of a tool takes out of arguments is taken out of what the call raises, too, and of what an approver
says: both often repeat what they are about. The calls and runs around it may end with the same exception.

- Of a text that somebody has cut with an ellipsis the ends go that are left of it, as pydantic's errors have them, also
  where quotes, brackets or blanks stand between. A long beginning goes wherever it stands: `int` cuts without a sign.
- A text of many words goes with one blank between them, too, as `textwrap.shorten` has it, whether it cuts or not.
- Texts of fewer characters than a declared secret may have stay, as they stand in too much else; so do such ends.
"""

from __future__ import annotations

from itertools import chain, pairwise

from runstone.core.canonical import tokens
from runstone.core.policy.rule import Facts
from runstone.core.redaction.beginnings import Beginnings
from runstone.core.redaction.literals import Literals
from runstone.core.redaction.redactor import DECLARED, MIN_DECLARED_LENGTH, TOOL_DROP, VALUE, Redactor
from runstone.engine.facts import keep_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.core.redaction.large import Large
    from runstone.core.redaction.redactor import Scope, Span
    from runstone.core.values import Mark
    from runstone.engine.calls import Calls
    from runstone.engine.tool_call import ToolCall

_SIGNS: Final = ("...", "\N{HORIZONTAL ELLIPSIS}")
_MAX_BETWEEN: Final = 4
"""So many characters, none of them a letter or a digit, may stand between a sign and what was cut: `'" (`."""
_LONG: Final = 100
"""A beginning of so many characters stands nowhere by chance."""
LARGE: Final = 1000
"""A text of more characters is not spelled in all its forms before one of them may stand somewhere."""


class TakenOut(Redactor):
    """Takes texts out of others, and of those that are cut what is left of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts = {form for text in texts for form in (text, " ".join(text.split())) if len(form) >= MIN_DECLARED_LENGTH}
        super().__init__({text: DECLARED for text in texts if len(text) <= LARGE})
        self._large = _large([text for text in texts if len(text) > LARGE])
        forms = {form for text in texts for form in (text, repr(text)[1:-1], ascii(text)[1:-1])}
        self._forwards = Beginnings(forms)
        self._backwards = Beginnings(form[::-1] for form in forms)
        long = {_encoded(form[:_LONG]) for form in forms if len(form) >= _LONG}
        self._long = Literals(long) if long else None

    def found(self, text: str, scope: Scope) -> Iterator[tuple[Span, tuple[int, int]]]:
        """Each of them, whole or cut."""
        yield from super().found(text, scope)
        for start, end in chain(self._cut(text), () if self._large is None else self._large.found(text)):
            yield (start, end, VALUE, DECLARED), (start, end)

    def _cut(self, text: str) -> Iterator[tuple[int, int]]:
        """Where beginnings stand that are long, or before a sign, and ends behind one."""
        signs = list(_ellipses(text))
        ends = {end for start, _ in signs for end in _before(text, start)}
        windows = self._forwards.windows(ends)
        if self._long is not None and any(self._long.found_in(_encoded(text))):
            windows = [(0, len(text))]
        yield from _ending(self._forwards.sizes(text, windows), ends)
        back, size = text[::-1], len(text)
        ends = {end for _, start in signs for end in _before(back, size - start)}
        for start, end in _ending(self._backwards.sizes(back, self._backwards.windows(ends)), ends):
            yield size - end, size - start

    def _scope(self, data: bytes) -> Scope:
        rules, named = super()._scope(data)
        return rules, named or self._long is not None or any(sign.encode() in data for sign in _SIGNS)


def _large(texts: list[str]) -> Large | None:
    if not texts:
        return None
    from runstone.core.redaction.large import Large  # few texts are

    return Large(texts)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _ellipses(text: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end; any number of dots is one."""
    for sign in _SIGNS:
        end = 0
        while (start := text.find(sign, end)) >= 0:
            end = start + len(sign)
            while text.startswith(sign[0], end):
                end += 1
            yield start, end


def _ending(sizes: Iterator[tuple[int, int]], ends: set[int]) -> Iterator[tuple[int, int]]:
    """Where beginnings stand that have one of these ends, and those that are long, of each the longest."""
    for (end, size), (_, longer) in pairwise(chain(sizes, [(0, 0)])):
        if (size >= MIN_DECLARED_LENGTH and end in ends) or (size >= _LONG and longer <= size):
            yield end - size, end


def _before(text: str, sign: int) -> Iterator[int]:
    """Where what was cut may end that stands before a sign."""
    for end in range(sign, max(-1, sign - _MAX_BETWEEN - 1), -1):
        yield end
        if text[end - 1 : end].isalnum():
            return


def taken_out(tree: Any, gone: Iterable[Mark]) -> Iterator[str]:
    """Texts and numbers of a JSON tree at the places that were handled; below what was dropped the keys as well."""
    facts = Facts(tree, frozenset())
    for place, mark in gone:
        for text in _leaves(facts.at(tokens(place)), keys=mark.endswith(TOOL_DROP)):
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
