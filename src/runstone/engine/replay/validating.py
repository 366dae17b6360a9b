"""A `ValidationError` of pydantic, made again from what it said: no class can be derived from that one.

It has as many errors as then, each with its place, type, message and input, this as far as it was shown.
"""

from __future__ import annotations

import re
from ast import literal_eval
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

PYDANTIC: Final = "pydantic_core._pydantic_core.ValidationError"
_HEAD: Final = re.compile(r"\d+ validation errors? for (.*)\n")
_PAGE: Final = re.compile(r"    For further information visit \S*/v/(\w+)")
"""What stands below an error of pydantic's own: its type is the last word."""
_MEMBER: Final = re.compile(r"\{(\w+)\}")
"""A member of a template."""


class _Error(NamedTuple):
    """One error as it is shown. `value` is `None` where inputs are hidden."""

    place: str
    message: str
    type: str
    value: str | None
    input_type: str


def validation_error(kind: Any, message: str) -> BaseException:
    """The error that said `message`. Raises `ValueError` or `TypeError` where none can be made that says so."""
    head = _HEAD.match(message)
    if head is None:
        raise ValueError(message)
    errors = list(_errors(message[head.end() :].split("\n")))
    hidden = all(error.value is None for error in errors)
    made: BaseException = kind.from_exception_data(head[1], [_line(error) for error in errors], hide_input=hidden)
    if str(made) != message:
        raise ValueError(message)
    return made


def literal_of(text: str) -> Any:
    """What Python shows as `text`, or that where it is no literal."""
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _errors(lines: list[str]) -> Iterator[_Error]:
    """What a message shows. Inputs and what a program says of them may look like any part of it."""
    place, said = "", list[str]()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if not said and not line.startswith("  "):
            place = line
            continue
        page = _PAGE.fullmatch(below)
        name = "" if page is None else page[1]
        message, found, rest = line.removesuffix("]").rpartition(f" [type={name}")
        if found and line.endswith("]") and (page or not below.startswith("    ")):
            kind, told, shown = rest.partition(", input_value=")
            value, _, input_type = shown.rpartition(", input_type=")
            yield _Error(place, "\n".join([*said, message])[2:], name + kind, value if told else None, input_type)
            place, said = "", []
        elif said or not _PAGE.fullmatch(line):
            said.append(line)


def _line(error: _Error) -> dict[str, Any]:
    place = tuple(int(part) if part.isdecimal() else part for part in error.place.split("."))
    kind, context = _type_of(error.type, error.message)
    return {"type": kind, "ctx": context, "loc": place if error.place else (), "input": _input(error)}


def _input(error: _Error) -> Any:
    """What was not valid: what shows itself as it did then."""
    shown = error.value or ""
    found = literal_of(shown)
    if type(found).__name__ == error.input_type and repr(found) == shown:
        return found
    return type(error.input_type, (), {"__repr__": lambda _: shown})()


def _type_of(name: str, message: str) -> tuple[Any, dict[str, Any]]:
    """The type of an error, and what its template is filled with to say `message`."""
    from pydantic_core import PydanticCustomError, _pydantic_core

    for known in _pydantic_core.list_all_errors():
        if known["type"] == name:
            told = _filled(known["message_template_python"], message)
            examples = known["example_context"] or {}
            return name, {
                member: told[member] if type(example) is str else literal_of(told[member])
                for member, example in examples.items()
                if member in told
            }
    return PydanticCustomError(name, "{message}", {"message": message}), {}


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
