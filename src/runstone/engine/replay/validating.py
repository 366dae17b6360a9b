"""A `ValidationError` of pydantic, made again from what it said: no class can be derived from that one.

It has as many errors as then, each with its place, type, message and input, this as far as it was shown.
"""

from __future__ import annotations

import re
from ast import literal_eval
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Final

PYDANTIC: Final = "pydantic_core._pydantic_core.ValidationError"
_HEAD: Final = re.compile(r"\d+ validation errors? for (.*)\n")
_ERROR: Final = re.compile(
    r"(?:^(?P<place>\S.*)\n)?^  (?P<message>\S.*?) \[type=(?P<type>[^,\]]+)"
    r"(?:, input_value=(?P<value>.*?), input_type=(?P<input>.*?))?\]$",
    re.MULTILINE,
)
_MEMBER: Final = re.compile(r"\\\{(\w+)\\\}")
"""A member of a template, once that is escaped."""


def validation_error(kind: Any, message: str) -> BaseException:
    """The error that said `message`. Raises `ValueError` where none can be made that says the same."""
    head = _HEAD.match(message)
    if head is None:
        raise ValueError(message)
    errors = list(_ERROR.finditer(message, head.end()))
    hidden = all(error["value"] is None for error in errors)
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


def _line(error: re.Match[str]) -> dict[str, Any]:
    place = tuple(int(part) if part.isdecimal() else part for part in (error["place"] or "").split("."))
    kind, context = _type_of(error["type"], error["message"])
    return {"type": kind, "ctx": context, "loc": place if error["place"] else (), "input": _input(error)}


def _input(error: re.Match[str]) -> Any:
    """What was not valid: what shows itself as it did then."""
    shown, name = error["value"] or "", error["input"] or ""
    found = literal_of(shown)
    if type(found).__name__ == name and repr(found) == shown:
        return found
    return type(name, (), {"__repr__": lambda _: shown})()


def _type_of(name: str, message: str) -> tuple[Any, dict[str, Any]]:
    """The type of an error, and what its template is filled with to say `message`."""
    from pydantic_core import PydanticCustomError, _pydantic_core

    for known in _pydantic_core.list_all_errors():
        if known["type"] == name:
            said = re.fullmatch(_MEMBER.sub(r"(?P<\1>.*?)", re.escape(known["message_template_python"])), message)
            told = {} if said is None else said.groupdict()
            examples = known["example_context"] or {}
            return name, {
                member: told[member] if type(example) is str else literal_of(told[member])
                for member, example in examples.items()
                if member in told
            }
    return PydanticCustomError(name, "{message}", {"message": message}), {}
