"""A `ValidationError` of pydantic, made again from what it said: no class can be derived from that one.

- It has as many errors as then, each with its place, type, message and input, this as far as it was shown.
- What stands in a message that was cut is made of what is left of it.
- Where one cannot be made to say what it did, it keeps its type and message; of a message that shows none there is one
  error, which has the whole.
"""

from __future__ import annotations

import re
from ast import literal_eval
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

PYDANTIC: Final = "pydantic_core._pydantic_core.ValidationError"
MAX_ERRORS: Final = 10_000
"""Errors of one; a record may say any number."""
_HEAD: Final = re.compile(r"(\d{1,9}) validation errors? for (.*)\n")
_PAGE: Final = re.compile(r"    For further information visit \S*/v/(\w+)")
"""What may stand below an error of pydantic's own: its type is the last word."""
_MEMBER: Final = re.compile(r"\{(\w+)\}")
"""A member of a template."""
_INPUT_LINES: Final = 51
"""Lines that an input may take: pydantic shows fifty characters of it."""
_BEGINNINGS: Final = 8
"""Lines of an error that are tried as the first of its message."""
_DIGITS: Final = 18
"""So many a number of a place may have."""
_UNKNOWN: Final = "unknown"
"""The type of an error of which the record does not tell it."""


class _Error(NamedTuple):
    """One error as it is shown, without what stands below it: `lines` are those of its place and message. `value` is
    `None` where inputs are hidden, `has_page` is whether one is named below it."""

    lines: list[str]
    type: str
    value: str | None
    input_type: str
    has_page: bool
    shown: str


def validation_error(kind: Any, message: str) -> BaseException:
    """The error that said `message`, as far as one can be made that does. Raises what pydantic does where none can."""
    head = _HEAD.match(message)
    errors, left = ([], []) if head is None else _errors(message[head.end() :].split("\n"))
    hidden = all(error.value is None for error in errors)
    lines = [_line(kind, error, hidden=hidden) for error in errors]
    number = 1 if head is None else min(int(head[1]), MAX_ERRORS)
    if left and len(lines) < number:  # it was cut
        said = next((at for at, line in enumerate(left) if line.startswith("  ")), len(left))
        lines.append(_bare(_place(left[:said]), "\n".join(left[said:])[2:]))
        lines += [_bare((), "")] * (number - len(lines))
    title = "" if head is None else head[2]
    made: BaseException = kind.from_exception_data(title, lines or [_bare((), message)], hide_input=hidden)
    return made


def literal_of(text: str) -> Any:
    """What Python shows as `text`, or that where it is no literal."""
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _errors(lines: list[str]) -> tuple[list[_Error], list[str]]:
    """What a message shows, and the lines at its end that are no whole error. Inputs and what a program says of them
    may look like any part of it."""
    found, above, is_said = list[_Error](), list[str](), False
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if found and not above and _PAGE.fullmatch(line):
            continue
        above.append(line)
        is_said = is_said or line.startswith("  ")
        page = _PAGE.fullmatch(below)
        if is_said and line.endswith("]") and (page or not below.startswith("    ")):
            error = _closed(above, None if page is None else page[1])
            if error is not None:
                found.append(error)
                above, is_said = [], False
    return found, above


def _closed(above: list[str], page: str | None) -> _Error | None:
    """The error that the last of these lines ends, if it ends one. The type of one with a page begins as that."""
    opening = f" [type={page or ''}"
    for many in range(1, min(len(above), _INPUT_LINES if ", input_type=" in above[-1] else 1) + 1):
        message, found, rest = above[-many].rpartition(opening)
        if not found:
            continue
        told = "\n".join([rest, *above[len(above) - many + 1 :]])[:-1]
        kind, has_input, told = told.partition(", input_value=")
        value, is_whole, input_type = told.rpartition(", input_type=")
        if has_input and not is_whole:
            return None
        lines = [*above[:-many], message]
        if not any(line.startswith("  ") for line in lines):
            return None
        name = (page or "") + kind
        return _Error(lines, name, value if has_input else None, input_type, page is not None, "\n".join(above))
    return None


def _line(kind: Any, error: _Error, *, hidden: bool) -> dict[str, Any]:
    """What pydantic makes an error of: of the ways to read it the first by which it shows the same, or the last."""
    line: dict[str, Any] = {}
    for line in _ways(error):
        try:
            made = kind.from_exception_data("", [line], hide_input=hidden)
        except (KeyError, TypeError, ValueError):  # its context is another one
            continue
        said = str(made).partition("\n")[2]
        if said == error.shown or (error.has_page and said.startswith(error.shown)):
            break
    return line


def _ways(error: _Error) -> Iterator[dict[str, Any]]:
    """A place may have line breaks and begin with spaces, as a message does."""
    from pydantic_core import PydanticCustomError

    begins = [at for at, line in enumerate(error.lines) if line.startswith("  ")][:_BEGINNINGS]
    shown = {"input": _input(error)}
    for at in begins if error.type in _templates() else ():
        context = _context(error.type, "\n".join(error.lines[at:])[2:])
        yield {"type": error.type, "loc": _place(error.lines[:at]), **shown, **({"ctx": context} if context else {})}
    message = "\n".join(error.lines[begins[0] :])[2:]
    yield {"type": PydanticCustomError(error.type, message), "loc": _place(error.lines[: begins[0]]), **shown}


def _bare(place: tuple[int | str, ...], message: str) -> dict[str, Any]:
    from pydantic_core import PydanticCustomError

    return {"type": PydanticCustomError(_UNKNOWN, message), "loc": place, "input": None}


def _place(lines: list[str]) -> tuple[int | str, ...]:
    """The parts of a place as it is shown, one that has a dot between backticks."""
    text, parts, at = "\n".join(lines), list[int | str](), 0
    while lines and at <= len(text):
        end = _end_of_part(text, at)
        parts.append(_part(text[at:end]))
        at = end + 1
    return tuple(parts)


def _end_of_part(text: str, at: int) -> int:
    if text.startswith("`", at):
        closing = text.find("`.", at + 1)
        end = closing + 1 if closing > 0 else len(text)
        if text.find(".", at, end) > 0 and text.endswith("`", at + 1, end):
            return end
    dot = text.find(".", at)
    return len(text) if dot < 0 else dot


def _part(text: str) -> int | str:
    if text.removeprefix("-").isdecimal() and len(text) <= _DIGITS and str(int(text)) == text:
        return int(text)
    return text[1:-1] if "." in text else text


def _input(error: _Error) -> Any:
    """What was not valid: what shows itself as it did then."""
    shown = error.value or ""
    found = literal_of(shown)
    if type(found).__name__ == error.input_type and repr(found) == shown:
        return found
    return type(error.input_type.replace("\0", ""), (), {"__repr__": lambda _: shown})()


def _context(name: str, message: str) -> dict[str, Any]:
    """What the template of an error of pydantic's own is filled with to say `message`."""
    template, examples = _templates().get(name, ("", {}))
    told = _filled(template, message)
    return {
        member: told[member] if type(example) is str else _number(told[member])
        for member, example in examples.items()
        if member in told
    }


@cache
def _templates() -> dict[str, tuple[str, dict[str, Any]]]:
    """By type of error: its template, and an example of what fills that."""
    from pydantic_core import _pydantic_core

    known = _pydantic_core.list_all_errors()
    return {one["type"]: (one["message_template_python"], one["example_context"] or {}) for one in known}


def _number(text: str) -> Any:
    """What is shown as `text`; that itself where it would be shown otherwise, as a `Decimal` is."""
    if text == "more":  # of what was not counted to its end
        return None
    found = literal_of(text)
    return found if str(found) == text else text


def _filled(template: str, message: str) -> dict[str, str]:
    """The members of a template in a message that was made of it. In one that was not they are anything."""
    first, *rest = _MEMBER.split(template)
    if not rest:
        return {}
    *between, last, end = rest
    told, left = {}, message.removeprefix(first)
    for member, text in zip(between[::2], between[1::2], strict=True):
        told[member], _, left = left.partition(text)
    return {**told, last: left.removesuffix(end)}
