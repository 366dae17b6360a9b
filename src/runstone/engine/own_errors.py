"""Errors of Runstone's own that a tool raises: how a record has them, and how a replay raises the same again.

- Beside type and message a record has their `code` and `details`, without what is kept out of the message, which is
  taken out before anything is cut. Details that are too large for a line among others are left out.
- One that has passed a call of a model has its code alone, as its details may quote prompt or answer.
"""

from __future__ import annotations

from runstone.core.bounding import Bounded
from runstone.core.canonical import canonical_bytes
from runstone.core.values import Coerced, coerce, with_encoded_bytes
from runstone.engine.calls import keepers_of, shorten_for
from runstone.engine.facts import is_withheld, text_of, without_heard
from runstone.errors import CODES, RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.core.values import Mark
    from runstone.engine.recorder import Run

MAX_DETAILS_BYTES: Final = 1 << 16


def told_of_own(run: Run, exc: RunstoneError) -> tuple[dict[str, Any], list[Mark]]:
    """`code` and `details` of an error as members of a recorded one, and the marks of these. Never raises."""
    try:
        if is_withheld(exc):
            return ({"code": exc.code} if exc.code in CODES else {}), []
        keepers, shorten = keepers_of(exc), shorten_for(run)
        bounded = Bounded(lambda text, size: shorten(without_heard(text, keepers), size), "error", "details")
        tree, marks = coerce({"error": {"code": text_of(exc.code), "details": bounded.value(exc.details)}})
        for redactor in keepers:
            tree = redactor.tree(tree, marks)
        found = tree.get("error", {})
        if len(canonical_bytes(with_encoded_bytes(found))) > MAX_DETAILS_BYTES:
            return {"code": found["code"]}, []
        return {name: Coerced(told) for name, told in found.items()}, [*bounded.marks, *marks]
    except Exception:  # a foreign subclass may raise anything, and details may hold it
        return {}, []


def made_again(kind: type[BaseException] | None, told: Mapping[str, Any], details: dict[str, Any]) -> RunstoneError:
    """The error that was recorded as `type`, `message` and perhaps `code`: of the class `kind` where that is one of
    Runstone's own, else of its code's. An older record has no code, and is given the first of the class."""
    name, code = str(told.get("type")), told.get("code")
    if type(code) is not str:
        code = name if name in CODES else next((one for one in CODES if CODES[one].error is kind), "")
    made_of = CODES[code].error if code in CODES else RunstoneError
    if kind is not None and issubclass(kind, RunstoneError):
        made_of = kind
    elif name not in CODES:  # a class of the program's own, which it has not loaded
        made_of = type(name, (made_of,), {})
    made = made_of.__new__(made_of)
    RunstoneError.__init__(made, code, str(told.get("message") or ""), **details)
    return made
