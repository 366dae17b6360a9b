"""The recorder's door: any Python value becomes a JSON value, without loss and without raising.

- What JSON can hold stays as it is; what it cannot is written in one fixed way and marked `coerced`.
- Keys that begin with `$` belong to the format: a user's get one more `$`.
- What has passed it before passes it as `Coerced`. Two more kinds of leaf pass through for the redactor, which must see
  them before they are encoded: `bytes`, and `Foreign` (JSON whose spelling belongs to somebody else).

Marks are `[json-pointer, mark]` with pointers into the result.
"""

from __future__ import annotations

import sys

from runstone.core import canonical
from runstone.core.limits import MAX_DEPTH, MAX_SAFE_INTEGER
from runstone.errors import InvalidInput, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    Mark = list[str]

MAX_DECIMAL_BITS: Final = 12_900
"""An integer of more bits is written in hexadecimal."""

COERCED: Final = "coerced"
TRUNCATED: Final = "truncated"


class Foreign:
    """JSON whose bytes somebody else hashes: recorded as `{"$json": text}` in the named print profile."""

    __slots__ = ("profile", "value")

    def __init__(self, value: Any, profile: str) -> None:
        self.value = value
        self.profile = profile


class Coerced:
    """What has passed the door (`coerce`) before: it passes it as it stands, so that no key is escaped anew."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def coerce(value: Any) -> tuple[Any, list[Mark]]:
    """`value` as JSON types (with `bytes` and `Foreign` leaves), and the marks of what was changed.

    Raises `too_deep` past the nesting limit (a cycle, too) and nothing else.
    """
    marks: list[Mark] = []
    return _coerce(value, [], marks), marks


def _coerce(value: Any, path: list[str], marks: list[Mark]) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value, path, marks)
    if value is None or kind is bool:
        return value
    if kind is int:
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
        return _changed(_big_integer(value), path, marks)
    if kind is float:
        return value if value - value == 0.0 else _changed(non_finite_text(value), path, marks)
    if kind is dict:
        return _object(value, path, marks)
    if kind is list:
        return _array(value, path, marks)
    if kind is bytes or kind is Foreign:
        if kind is bytes:
            _changed(value, path, marks)
        return value
    return value.value if kind is Coerced else _other(value, path, marks)


def _changed(value: Any, path: list[str], marks: list[Mark]) -> Any:
    marks.append([canonical.pointer(path), COERCED])
    return value


def _big_integer(value: int) -> str:
    if value.bit_length() > MAX_DECIMAL_BITS:
        return hex(value)  # decimal text of such a number takes quadratic time
    return str(value)


def is_finite(number: float) -> bool:
    """Neither infinite nor NaN; of any size, while `math.isfinite` fails on an integer that no double holds."""
    return number - number == 0


def non_finite_text(value: float) -> str:
    """`NaN`, `Infinity` or `-Infinity`."""
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _text(value: str, path: list[str], marks: list[Mark]) -> str:
    return value if canonical.is_unicode(value) else str(_changed(undecoded(value), path, marks))


def undecoded(value: str) -> str:
    """Text that is not Unicode (half a surrogate pair, an undecodable path): each byte as U+0000 to U+00FF."""
    try:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass").decode("latin-1")


def _array(items: Iterable[Any], path: list[str], marks: list[Mark]) -> list[Any]:
    _check_depth(path)
    result = []
    for index, item in enumerate(items):
        path.append(str(index))
        result.append(_coerce(item, path, marks))
        path.pop()
    return result


def _object(value: dict[Any, Any], path: list[str], marks: list[Mark]) -> dict[str, Any]:
    _check_depth(path)
    result: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for key, item in list(value.items()):
        text, same = _key(key)
        name = free_key(text, result, numbers)
        path.append(name)
        if name != text or not same:
            marks.append([canonical.pointer(path), COERCED])
        result[name] = _coerce(item, path, marks)
        path.pop()
    return result


def free_key(key: str, taken: dict[str, Any], numbers: dict[str, int]) -> str:
    """`key`, or the first of `key#2`, `key#3`, … that is not in `taken`, from which nothing is ever removed.

    `numbers` belongs to `taken` and is empty at first: it holds where the last search for a key ended, so that
    many that come out the same take linear time.
    """
    if key not in taken:
        return key
    number = numbers.get(key, 1) + 1
    while f"{key}#{number}" in taken:
        number += 1
    numbers[key] = number
    return f"{key}#{number}"


def plain_key(text: str) -> str:
    """A key that is text as it is recorded: one that begins with `$` gets one more."""
    return "$" + text if text.startswith("$") else text


def _key(key: Any) -> tuple[str, bool]:
    """A key as it is recorded, and whether it stands as it was."""
    if type(key) is str and key.isascii() and not key.startswith("$"):
        return key, True
    text, same = key_text(key, _type_name)
    name = plain_key(text)
    return name, same and name == text


def key_text(key: Any, other: Callable[[Any], str]) -> tuple[str, bool]:
    """The text of a key, by `other` where JSON has none for it, and whether it stands as it was. Raises nothing."""
    try:
        return _key_text(key, other)
    except Exception:  # a foreign object may raise anything from any method
        return _type_name(key), False


def _key_text(key: Any, other: Callable[[Any], str]) -> tuple[str, bool]:
    if _is_enum(key):
        return _key_text(key.value, other)[0], False
    if isinstance(key, str):
        marks: list[Mark] = []
        return _text(str(key), [], marks), not marks
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key], False
    if isinstance(key, int):
        return _big_integer(int(key)), False
    if isinstance(key, float):
        value = float(key)
        return (canonical.number_text(value) if value - value == 0.0 else non_finite_text(value)), False
    long = _known_type("numpy", "longdouble")
    if long is not None and isinstance(key, long):
        return _key_text(_long_number(key), other)[0], False
    scalar = _known_type("numpy", "generic")
    if scalar is not None and isinstance(key, scalar) and type(item := key.item()) in (bool, int, float):
        return _key_text(item, other)[0], False
    return _text(other(key), [], []), False


def _type_name(value: Any) -> str:
    """The name of a value's type, whatever a metaclass says of it."""
    return str(_NAME.__get__(type(value)))


_NAME: Final = type.__dict__["__name__"]


def _check_depth(path: list[str]) -> None:
    if len(path) >= MAX_DEPTH - 2:  # the event around the value takes two
        raise error("too_deep", f"nesting is limited to {MAX_DEPTH}", path=canonical.pointer(path[:8]), limit=MAX_DEPTH)


def _is_enum(value: Any) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum)


def _other(value: Any, path: list[str], marks: list[Mark]) -> Any:
    """A value that is not of a plain JSON type."""
    try:
        new = _converted(value, path, marks)
    except RecursionError:
        raise error("too_deep", f"nesting is limited to {MAX_DEPTH}", limit=MAX_DEPTH) from None
    except Exception as exc:  # a foreign object may raise anything from any method
        if type(exc) is InvalidInput and exc.code == "too_deep":
            raise
        new = {"$repr": _type_name(value)}
    mark = [canonical.pointer(path), COERCED]
    if marks[-1:] != [mark]:  # a conversion marks its own place last
        marks.append(mark)
    return new


def _converted(value: Any, path: list[str], marks: list[Mark]) -> Any:
    if _is_enum(value):
        return _coerce(value.value, path, marks)
    for base, convert in _BASES:
        if isinstance(value, base):
            return _coerce(convert(value), path, marks)
    if isinstance(value, (set, frozenset)):
        return sorted(_array(value, path, []), key=sort_key)
    for module, name, change in _FOREIGN_TYPES:
        known = _known_type(module, name)
        if known is not None and isinstance(value, known):
            return _coerce(change(value), path, marks)
    if is_model(value):
        return _coerce(dumped(value), path, marks)
    if hasattr(type(value), "__dataclass_fields__"):
        fields = sys.modules["dataclasses"].fields(value)
        return _object({field.name: getattr(value, field.name) for field in fields}, path, marks)
    return {"$repr": _type_name(value)}


def _known_type(module: str, name: str) -> Any:
    """A type of a module that is loaded: of one that is not there is no value."""
    return getattr(sys.modules.get(module), name, None)


def is_model(value: Any) -> bool:
    """Whether a value says itself what it is dumped to: a model, or a dataclass of pydantic's."""
    kind = type(value)
    return callable(getattr(kind, "model_dump", None)) or serializer_of(kind) is not None


def serializer_of(kind: Any) -> Any:
    """That of a dataclass of pydantic's, which has no method for it; a plain one that is derived of it has none."""
    if not hasattr(kind, "__dataclass_fields__"):
        return None
    made = next((base for base in kind.__mro__ if "__dataclass_fields__" in vars(base)), kind)
    return vars(made).get("__pydantic_serializer__")


def dumped(model: Any, **how: Any) -> Any:
    """What a model is dumped to: as its `model_dump` has it, and no word of a value of another type than its field,
    which pydantic would repeat on standard error."""
    if not callable(getattr(type(model), "model_dump", None)):
        return serializer_of(type(model)).to_python(model, **how, warnings=False)
    try:
        return model.model_dump(**how, warnings=False)
    except TypeError:  # one of its own, which knows less
        warnings = sys.modules.get("warnings")
        if warnings is None:
            return model.model_dump(**how)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.model_dump(**how)


def sort_key(item: Any) -> bytes:
    """By what the items of a set, which have passed the door, are put in order."""
    return canonical.canonical_bytes(with_encoded_bytes(item))


def with_encoded_bytes(item: Any) -> Any:
    """An item as it will be recorded, so that a set's order does not depend on what its items are made of."""
    if type(item) is list:
        return [with_encoded_bytes(inner) for inner in item]
    if type(item) is dict:
        return {key: with_encoded_bytes(inner) for key, inner in item.items()}
    return encoded_bytes(item) if type(item) is bytes else item


def encoded_bytes(value: bytes) -> dict[str, str]:
    """Bytes as recorded: `{"$bytes": base64}`."""
    from binascii import b2a_base64

    return {"$bytes": b2a_base64(value, newline=False).decode()}


def _datetime_text(value: Any) -> str:
    if value.tzinfo is None or value.utcoffset() is None:
        return str(value.isoformat())
    try:
        shifted = value.replace(tzinfo=None) - value.utcoffset()
    except OverflowError:  # in UTC it is before the year 1 or after 9999
        return str(value.isoformat())
    precision = "nanoseconds" if getattr(value, "nanosecond", 0) else "microseconds"  # which pandas has
    return str(shifted.isoformat(timespec=precision)) + "Z"


def _path_text(value: Any) -> str:
    return str(value.as_posix())


def _seconds(count: int, decimals: int) -> float | str:
    """So many units of 10^-`decimals` seconds: a number, or decimal text where no double prints as that."""
    number: float = count / 10**decimals
    if abs(count) <= 10**15:  # 15 digits are the same in a double
        return number
    from decimal import Decimal

    exact = Decimal(f"{count}e-{decimals}")
    return number if Decimal(repr(number)) == exact else f"{exact:f}"


def _timedelta_seconds(value: Any) -> float | str:
    return _seconds((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds, 6)


def _timedelta64(value: Any) -> Any:
    """Of NumPy: seconds; `P5M` and `P1Y` for months and years, which have no number of them; `NaT`; a bare number."""
    if value != value:
        return "NaT"
    unit, step = sys.modules["numpy"].datetime_data(value.dtype)
    count = int(value.astype("int64")) * step
    if unit in ("M", "Y"):
        return f"{'-' * (count < 0)}P{abs(count)}{unit}"
    seconds, decimals = _UNITS.get(unit, (0, 0))
    return _seconds(count * seconds, decimals) if seconds else count


_UNITS: Final = {"W": (604_800, 0), "D": (86_400, 0), "h": (3_600, 0), "m": (60, 0)} | {
    unit: (1, 3 * power) for power, unit in enumerate(("s", "ms", "us", "ns", "ps", "fs", "as"))
}
"""Units of NumPy's spans: how many units of 10^-n seconds, and n."""


def _long_number(value: Any) -> Any:
    """Of NumPy, longer than a double: the double that it is, else its decimal text."""
    number = float(value)
    return number if number == value or value != value else str(value)


def _void(value: Any) -> Any:
    """Of NumPy: its fields, or its bytes where it has none."""
    names = value.dtype.names
    return value.tobytes() if names is None else {name: value[name] for name in names}


_BASES: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (bool, bool),
    (int, int),
    (float, float),
    (dict, dict),
    (list, list),
    (tuple, list),
    ((bytes, bytearray, memoryview), bytes),
)

_FOREIGN_TYPES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("datetime", "datetime", _datetime_text),
    ("datetime", "date", lambda value: value.isoformat()),
    ("datetime", "time", lambda value: value.isoformat()),
    ("pandas", "Timedelta", lambda value: value.to_numpy()),
    ("datetime", "timedelta", _timedelta_seconds),
    ("decimal", "Decimal", str),
    ("uuid", "UUID", str),
    ("pathlib", "PurePath", _path_text),
    ("numpy", "datetime64", str),
    ("numpy", "timedelta64", _timedelta64),
    ("numpy", "longdouble", _long_number),
    ("numpy", "clongdouble", complex),
    ("numpy", "void", _void),
    ("numpy", "generic", lambda value: value.item()),
    ("pandas", "Period", str),
    ("collections.abc", "Mapping", dict),
)
