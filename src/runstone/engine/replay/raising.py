"""What a record tells of an exception, raised again.

- It is of the class that the record tells, if the program has loaded that, else of the class of that name, if Python
  or the program has just one; nothing is imported for it. Of several that are told alike it is of each, or else of the
  nearest class that they share.
- As a class may ask for more than a message, it is of one derived from it, of which neither that nor its metaclass
  hears; where none can be, of one derived from the nearest class that it is derived from itself.
- Of no class that is known here it is a `RecordedError`.
- It has its message; beside that a `KeyError` its key, a `SystemExit` its status, an `OSError` its number and names, an
  error of JSON its place, and a group as many exceptions as then: of which classes these were the record does not tell.
- An error of Runstone's own has its code and details again, with the ids of the runs and calls of here.
"""

from __future__ import annotations

import builtins
import re
from contextlib import suppress
from types import BuiltinMethodType, WrapperDescriptorType
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

MAX_ALIKE: Final = 100
"""Of so many classes one is derived; of more that takes too long."""
MAX_IN_GROUP: Final = 1000
"""Exceptions of a group; a record may say any number."""
_STATUS: Final = {"None": None, "True": True, "False": False}
"""What a `SystemExit` may hold that is neither number nor text, by what it says."""
_NUMBER: Final = re.compile("0|-?[1-9][0-9]{0,18}")
_ERRNO: Final = re.compile(r"\[Errno (-?\d{1,9})\] (.*?)(?:: (b?['\"].*|\d{1,9}))?", re.DOTALL)
_JSON_ERROR: Final = "json.decoder.JSONDecodeError"
_JSON: Final = re.compile(r"(.*): line (\d{1,9}) column (\d{1,9}) \(char (\d{1,9})\)", re.DOTALL)


class Recorded:
    """What every class is that is made here. It comes first of what that is derived from: a class of the program may
    keep account of those that are derived from it, and is to know its own alone."""

    __slots__ = ()

    def __init_subclass__(cls, **_: Any) -> None:
        pass


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
    members = {"__module__": found.__module__ if found else __name__} if not full_name else _told_as(full_name)
    if type(told.get("http_status")) is int:
        members["status_code"] = told["http_status"]  # as libraries of providers have it
    made = _made(found or RecordedError, name, members, message)
    if not isinstance(made, Recorded) and str(made) != message:
        book.reworded(match, made)
    return made


def _made(found: type[BaseException], name: str, members: dict[str, Any], message: str) -> BaseException:
    for kind in found.__mro__:
        if issubclass(kind, BaseException):
            try:
                if class_name(kind) == PYDANTIC:
                    return validation_error(kind, message)
                return _derived(kind, name, members, message)
            except Exception:  # noqa: S112  # a class may refuse to be derived from in whatever way
                continue
    return RecordedError(message)


def _told_as(full_name: str) -> dict[str, Any]:
    module, _, name = full_name.rpartition(".")
    return {"__module__": module, "__qualname__": name}


def _derived(kind: type[BaseException], name: str, members: dict[str, Any], message: str) -> BaseException:
    """One of a class that is derived from `kind`, and made without what that does to make one."""
    methods = {"__init__": lambda *_, **__: None, "__str__": lambda _: message}
    made_of = _class_of_all([kind], name, {**_place_of(kind, message), **members, **methods})
    known = [one for one in kind.__mro__ if issubclass(one, BaseException)]
    new = next(each for one in known if type(each := vars(one).get("__new__")) is BuiltinMethodType)
    init = next(each for one in known if type(each := vars(one).get("__init__")) is WrapperDescriptorType)
    args = _args_of(kind, message)
    made: BaseException = new(made_of, *args)
    try:
        init(made, *args)
    except Exception:  # it asks for more than a message tells
        BaseException.__init__(made, *args)
    return made


def _class_of_all(kinds: list[type[BaseException]], name: str, members: dict[str, Any]) -> type[BaseException]:
    """A class that is derived from each of `kinds`. Raises whatever is raised where none can be."""
    first = kinds[0]
    bases: tuple[type, ...] = (*kinds,) if issubclass(first, Recorded) else (Recorded, *kinds)
    made: Any = type.__new__(type(first), name, bases, members)
    return made  # type: ignore[no-any-return]  # it is derived from them


def _args_of(kind: type[BaseException], message: str) -> tuple[Any, ...]:
    """What an exception of Python's own was made of, by what it said."""
    if issubclass(kind, BaseExceptionGroup):
        said, _, number = message.removesuffix("s)").removesuffix(")").removesuffix(" sub-exception").rpartition(" (")
        many = min(int(number), MAX_IN_GROUP) if number.isdecimal() else 1
        return (said or message, [RecordedError() for _ in range(many)])
    if not message and issubclass(kind, (KeyError, SystemExit)):
        return ()
    if issubclass(kind, KeyError):
        return (literal_of(message),)
    if issubclass(kind, SystemExit):
        return (int(message) if _NUMBER.fullmatch(message) else _STATUS.get(message, message),)
    if issubclass(kind, OSError) and (found := _ERRNO.fullmatch(message)):
        names = _names_in(found[3] or "")
        return (int(found[1]), found[2] if names else message[found.start(2) :], *names)
    return (message,)


def _names_in(shown: str) -> tuple[Any, ...]:
    """Of what an `OSError` shows behind its text: the name of a file, or two, and what stands between them."""
    for quoted in ([shown], shown.split(" -> ", 1)):
        names = [literal_of(name) for name in quoted]
        if [repr(name) for name in names] == quoted:
            return (names[0], None, names[1]) if names[1:] else (names[0],)
    return ()


def _place_of(kind: type[BaseException], message: str) -> dict[str, Any]:
    """What an error of JSON tells of its place."""
    found = _JSON.fullmatch(message)
    if found is None or all(class_name(one) != _JSON_ERROR for one in kind.__mro__):
        return {}
    line, column, at = map(int, found.groups()[1:])
    return {"msg": found[1], "lineno": line, "colno": column, "pos": at}


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
    named = [kind for kind in _loaded() if kind.__name__ == name]
    told = [kind for kind in named if class_name(kind) == full_name]
    if told:
        return told[0] if len(told) == 1 else _shared(told, name, full_name)
    known = getattr(builtins, name, None)
    if any(kind is known for kind in named):
        return known
    return named[0] if len(named) == 1 else None


def _shared(kinds: list[type[BaseException]], name: str, full_name: str) -> type[BaseException]:
    """What stands for any of several classes that are told alike, as those that a function makes at each call."""
    if len(kinds) <= MAX_ALIKE:
        above = {id(kind) for other in kinds for kind in other.__mro__[1:]}
        with suppress(Exception):  # their layouts or metaclasses may not go together
            return _class_of_all([kind for kind in kinds if id(kind) not in above], name, _told_as(full_name))
    return next(kind for kind in kinds[0].__mro__ if all(issubclass(other, kind) for other in kinds))


def _loaded() -> Iterator[type[BaseException]]:
    """Each once, by its id: a metaclass may say anything of what is equal."""
    waiting: list[type[BaseException]] = [BaseException]
    seen = set[int]()
    while waiting:
        kind = waiting.pop()
        if id(kind) not in seen and not issubclass(kind, Recorded):
            seen.add(id(kind))
            yield kind
            waiting += type.__subclasses__(kind)
