"""What a record tells of an exception, raised again.

- It is of the class that the record tells, if the program has loaded that, else of the class of that name, if Python
  or the program has just one; nothing is imported for it. Of several that are told alike it is of each, or else of the
  nearest class that they share.
- As a class may ask for more than a message, it is of one derived from it, of which neither that nor its metaclass
  hears; where none can be, of one derived from the nearest class that it is derived from itself.
- Of no class that is known here it is a `RecordedError`.
- It has its message; beside that a `KeyError` its key, a `SystemExit` its status, an `OSError` its number and names,
  one of a class in `_TOLD` what its message tells, and a group as many exceptions as then: of which classes these were
  the record does not tell. What else it had is lost, and who asks for it is told so.
- An error of Runstone's own has its code and details again, with the ids of the runs and calls of here.
"""

from __future__ import annotations

import builtins
import os
import re
from contextlib import suppress
from types import BuiltinMethodType, WrapperDescriptorType
from typing import TYPE_CHECKING, cast

from runstone.core.recorded import restored
from runstone.engine.calls import class_name
from runstone.engine.facts import WITHHELD
from runstone.engine.own_errors import made_again
from runstone.engine.replay.validating import PYDANTIC, literal_of, validation_error
from runstone.errors import CODES, RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
_TEXT: Final = r"""b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_NAME: Final = rf"{_TEXT}|\w*Path\({_TEXT}\)|\d{{1,9}}"
"""What an `OSError` shows of a file: its name, a path, or the number of one that is open."""
_NAMES: Final = re.compile(rf": ({_NAME})(?: -> ({_NAME}))?", re.DOTALL)
_ERRNO: Final = re.compile(r"\[Errno (-?\d{1,9})\] (.*)", re.DOTALL)
_PATH: Final = re.compile(rf"\b\w*Path\(({_TEXT})\)", re.DOTALL)
_PATTERN: Final = r"(?P<msg>.*?)(?: at position (?P<pos>\d{1,9})(?: \(line \d+, column \d+\))?)?"
_TOLD: Final = {
    "asyncio.exceptions.IncompleteReadError": (
        r"\d+ bytes read on a total of (?:undefined|(?P<expected>\d{1,18})) expected bytes"
    ),
    "http.client.IncompleteRead": r"IncompleteRead\(\d+ bytes read(?:, (?P<expected>\d{1,18}) more expected)?\)",
    "json.decoder.JSONDecodeError": (
        r"(?P<msg>.*): line (?P<lineno>\d{1,9}) column (?P<colno>\d{1,9}) \(char (?P<pos>\d{1,9})\)"
    ),
    "re.PatternError": _PATTERN,
    "re.error": _PATTERN,
    "subprocess.CalledProcessError": (
        r"Command (?P<cmd>'.*'|\".*\"|\[.*\]|\(.*\)) (?:returned non-zero exit status|died with) "
        r"(?P<returncode>-?\d{1,9}|<Signals\.\w+: \d{1,3}>|unknown signal \d{1,3})\."
    ),
    "subprocess.TimeoutExpired": r"Command (?P<cmd>'.*') timed out after (?P<timeout>\d[\d.e+-]{0,24}) seconds",
    "urllib.error.HTTPError": r"HTTP Error (?P<code>\d{1,9}): (?P<msg>.*)",
}
"""Class → its message, in which that tells attributes. One that is not there is `None`."""


class Recorded:
    """What every class is that is made here. It comes first of what that is derived from: a class of the program may
    keep account of those that are derived from it, and is to know its own alone."""

    __slots__ = ()

    def __init_subclass__(cls, **_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        above: Any = super()
        with suppress(Exception):  # it may rest on what its class would have set
            return above.__getattr__(name)
        kind = type(self).__name__
        raise AttributeError(f"{kind!r} object has no attribute {name!r}: a replay knows what the message tells")

    def __repr__(self) -> str:
        with suppress(Exception):  # likewise
            if type(shown := super().__repr__()) is str:
                return shown
        return BaseException.__repr__(cast("BaseException", self))


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
    return RecordedError(*_args_of(RecordedError, message))


def _told_as(full_name: str) -> dict[str, Any]:
    module, _, name = full_name.rpartition(".")
    return {"__module__": module, "__qualname__": name}


def _derived(kind: type[BaseException], name: str, members: dict[str, Any], message: str) -> BaseException:
    """One of a class that is derived from `kind`, and made without what that does to make one."""
    methods = {"__init__": lambda *_, **__: None, "__str__": lambda _: message}
    made_of = _class_of_all([kind], name, {**_told_by(kind, message), **members, **methods})
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
    if not message:
        return ()
    if issubclass(kind, KeyError):
        return (literal_of(message),)
    if issubclass(kind, SystemExit):
        return (int(message) if _NUMBER.fullmatch(message) else _STATUS.get(message, message),)
    if issubclass(kind, OSError) and (found := _ERRNO.fullmatch(message)):
        text = os.strerror(int(found[1]))
        names = _names_in(found[2][len(text) :]) if found[2].startswith(text) else ()
        return (int(found[1]), text if names else found[2], *names)
    return (message,)


def _names_in(said: str) -> tuple[Any, ...]:
    """Of what an `OSError` says behind the system's text: the name of a file, or two, and what stands between them. Of
    a path it is its text."""
    found = _NAMES.fullmatch(said)
    if found is None:
        return ()
    shown = [name for name in found.groups() if name]
    quoted = [name[name.index("(") + 1 : -1] if name.endswith(")") else name for name in shown]
    names = [literal_of(name) for name in quoted]
    if [repr(name) for name in names] != quoted:
        return ()
    return (names[0], None, names[1]) if names[1:] else (*names,)


def _told_by(kind: type[BaseException], message: str) -> dict[str, Any]:
    """Attributes that the message of one of Python's own tells beside itself."""
    if message == WITHHELD:
        return {}
    for one in kind.__mro__:
        told = re.fullmatch(_TOLD.get(class_name(one), "(?!)"), message, re.DOTALL)
        if told is not None:
            return {name: text and _READ.get(name, int)(text) for name, text in told.groupdict().items()}
    return {}


def _command(shown: str) -> Any:
    """A command as it was given, a text or words; of a path among these its text. All stand between quotes as they are,
    or, of Python 3.15, as `repr` shows them."""
    if shown.startswith('"'):
        return literal_of(shown)
    shown = shown[1:-1] if shown.startswith("'") else shown
    for text in (shown, _PATH.sub(r"\1", shown)) if shown.startswith(("[", "(")) else ():
        words = literal_of(text)
        if type(words) in (list, tuple):
            return words
    return shown


def _status(shown: str) -> int:
    """The status of a process, or what a signal that ended it is told by."""
    said, _, number = shown.rpartition(" ")
    return -int(number.removesuffix(">")) if said else int(number)


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "cmd": _command,
    "msg": str,
    "returncode": _status,
    "timeout": literal_of,
}
"""How an attribute is read that is no number."""


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
