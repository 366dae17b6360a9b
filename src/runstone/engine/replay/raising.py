"""What a record tells of an exception, raised again.

- It is of the class that the record tells, if the program has loaded that, else of the class of that name, if Python
  or the program has just one; nothing is imported for it. As that may ask for more than a message, it is of a class
  derived from it; where none can be, of one derived from the nearest class that it is derived from itself.
- Of no class that is known here it is a `RecordedError`.
- It has its message; beside that a `KeyError` its key, a `SystemExit` its status, and a group as many exceptions as
  then: of which classes these were the record does not tell.
- An error of Runstone's own has its code and details again, with the ids of the runs and calls of here.
"""

from __future__ import annotations

import builtins
from types import BuiltinMethodType
from typing import TYPE_CHECKING

from runstone.core.recorded import restored
from runstone.engine.calls import class_name
from runstone.engine.own_errors import made_again
from runstone.engine.replay.validating import PYDANTIC, literal_of, validation_error
from runstone.errors import CODES, RunstoneError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.recorded import RecordedCall
    from runstone.engine.replay.book import Book

MAX_IN_GROUP: Final = 1000
"""Exceptions of a group; a record may say any number."""


class Recorded:
    """What every class is that is made here."""

    __slots__ = ()


class RecordedError(Recorded, Exception):
    """Stands for an exception of the record whose class is not known here."""


def exception_of(book: Book, match: RecordedCall) -> BaseException:
    """The exception that the recorded error of a call (`type`, `message`, perhaps `class`) stands for."""
    recorded = match.said("error")
    told = recorded if type(recorded) is dict else {}
    name, message, full_name = (str(told.get(member) or "") for member in ("type", "message", "class"))
    name = name or "Exception"
    found = _class_of(name, full_name)
    if "code" in told or name in CODES or (found is not None and issubclass(found, RunstoneError)):
        details = _as_here(book, restored(told.get("details")))
        return made_again(found, told, details if type(details) is dict else {})
    made = _made(found or RecordedError, name, full_name, message)
    if type(told.get("http_status")) is int:
        made.status_code = told["http_status"]  # type: ignore[attr-defined]  # as libraries of providers have it
    return made


def _made(found: type[BaseException], name: str, full_name: str, message: str) -> BaseException:
    told = {"__module__": found.__module__} if not full_name else _told_as(full_name)
    for kind in found.__mro__:
        if issubclass(kind, BaseException):
            try:
                if class_name(kind) == PYDANTIC:
                    return validation_error(kind, message)
                return _derived(kind, name, told, message)
            except Exception:  # noqa: S112  # a class may refuse to be derived from in whatever way
                continue
    return RecordedError(message)


def _told_as(full_name: str) -> dict[str, str]:
    module, _, name = full_name.rpartition(".")
    return {"__module__": module, "__qualname__": name}


def _derived(kind: type[BaseException], name: str, told: dict[str, str], message: str) -> BaseException:
    """One of a class that is derived from `kind`, and made without what that does to make one."""
    methods = {"__init__": lambda *_, **__: None, "__str__": lambda _: message}
    made_of: Any = type(name, (kind, Recorded), {**told, **methods})
    new = next(each for one in kind.__mro__ if type(each := vars(one).get("__new__")) is BuiltinMethodType)
    args = _args_of(kind, message)
    made: BaseException = new(made_of, *args)
    made.args = args
    if isinstance(made, SystemExit):
        made.code = args[0] if args else None
    return made


def _args_of(kind: type[BaseException], message: str) -> tuple[Any, ...]:
    """What an exception of Python's own was made of, by what it said."""
    if issubclass(kind, BaseExceptionGroup):
        said, _, number = message.removesuffix("s)").removesuffix(")").removesuffix(" sub-exception").rpartition(" (")
        many = min(int(number), MAX_IN_GROUP) if number.isdecimal() else 1
        return (said or message, [RecordedError() for _ in range(many)])
    if issubclass(kind, KeyError):
        return (literal_of(message),) if message else ()
    if issubclass(kind, SystemExit):
        return (int(message) if message.removeprefix("-").isdecimal() else message,) if message else ()
    return (message,)


def _as_here(book: Book, value: Any, name: str = "") -> Any:
    """Details of an error, in which the run and its calls have the ids that they have here."""
    if type(value) is list:
        return [_as_here(book, item) for item in value]
    if type(value) is dict:
        return {key: _as_here(book, item, key) for key, item in value.items()}
    if type(value) is not str:
        return value
    if value == book.record.run_id:
        return book.run.run_id
    return book.ids.get(value, value) if name == "call" else value


def _class_of(name: str, full_name: str) -> type[BaseException] | None:
    """The loaded class that is told in full; without one the class that Python has by a name, or else the only one
    that the program has loaded."""
    named = {kind for kind in _loaded() if kind.__name__ == name}
    told = [kind for kind in named if class_name(kind) == full_name]
    if len(told) == 1:
        return told[0]
    known = getattr(builtins, name, None)
    if known in named:
        return known  # type: ignore[no-any-return]  # it is one of them
    return named.pop() if len(named) == 1 else None


def _loaded() -> Iterator[type[BaseException]]:
    waiting: list[type[BaseException]] = [BaseException]
    while waiting:
        kind = waiting.pop()
        if not issubclass(kind, Recorded):
            yield kind
            waiting += type.__subclasses__(kind)
