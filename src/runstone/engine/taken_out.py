"""What the contract of a tool takes out of arguments is taken out of what the call raises, too: an exception often
repeats what it was about, and the run, or a run around it, may end with the same one.
"""

from __future__ import annotations

from runstone.core.policy.rule import Facts
from runstone.core.redaction.redactor import DECLARED, MIN_DECLARED_LENGTH, Redactor
from runstone.core.values import coerce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runstone.core.values import Mark
    from runstone.engine.calls import Calls
    from runstone.engine.tool_call import ToolCall


def taken_out(args: Any, marks: list[Mark]) -> Iterator[str]:
    """Texts and numbers of arguments that their contract takes out, as it marks them: pointers into `/args`."""
    gone = [place.split("/")[2:] for place, mark in marks if mark.startswith("redacted:")]
    if gone:
        facts = Facts(coerce(args)[0], frozenset())
        for parts in gone:
            yield from _leaves(facts.at([part.replace("~1", "/").replace("~0", "~") for part in parts]))


def _leaves(value: Any) -> Iterator[str]:
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list:
        for item in value:
            yield from _leaves(item)
    elif type(value) in (str, int, float) and len(str(value)) >= MIN_DECLARED_LENGTH:
        yield str(value)


def without_taken(call: ToolCall, message: str) -> str:
    """A message without what the contract took out of the call's arguments; the run may end with the same exception."""
    redactor = Redactor(dict.fromkeys(call.taken, DECLARED))
    calls: Calls = call.run.calls
    if not call.taken <= calls.taken:
        calls.taken |= call.taken
        call.run.writer.heard.append(redactor)
    return redactor.text(message)[0]
