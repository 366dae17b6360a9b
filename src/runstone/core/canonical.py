"""Canonical JSON (RFC 8785, JCS) of JSON values.

- One value has one spelling: keys by UTF-16 code unit, no spaces, ECMAScript number text, UTF-8.
- `canonical_bytes` takes JSON types only and never guesses: what has no exact form raises `not_json`.
- `canonical_text` is the whole rule in plain Python. It is the oracle of the tests, and it serves a process
  until that process has encoded enough to earn the import of `orjson` (16 ms), which is then used wherever
  its text and RFC 8785 agree. Both give the same bytes.

It does not turn Python objects into JSON: that is `core.values`.
"""

from __future__ import annotations

from runstone.core.limits import MAX_DEPTH, MAX_SAFE_INTEGER
from runstone.errors import error

try:
    from _json import encode_basestring as _quote
except ImportError:  # an interpreter without CPython's accelerator
    from json.encoder import encode_basestring as _quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

quote: Final[Callable[[str], str]] = _quote
"""Text as a JSON string, quotes included; `"`, `\\` and U+0000 to U+001F escaped, in short where that is possible."""

WARM_BYTES: Final = 64 * 1024
"""Bytes that a process encodes in plain Python before `orjson` is imported."""

_cold_bytes = 0
_fast: Callable[[Any, int], bytes] | None = None


def canonical_bytes(value: Any) -> bytes:
    """The canonical UTF-8 bytes of a JSON value (`None`, `bool`, `int`, `float`, `str`, `list`, `dict`).

    Raises `not_json` (a type or number without a form; `details.path` is a JSON Pointer), `lone_surrogate`
    and `too_deep`. Source: RFC 8785.
    """
    return _encoded(value, 0) if _fast is None else _fast(value, 0)


def encoder() -> Callable[[Any, int], bytes]:
    """The quickest `canonical_bytes` of this moment, for a value around which a number of objects and arrays will
    stand: they count for the limit of nesting. Ask again now and then."""
    return _fast or _encoded


def _encoded(value: Any, depth: int) -> bytes:
    global _cold_bytes
    if _fast is not None:  # since this function was given out
        return _fast(value, depth)
    data = canonical_text(value, depth).encode()
    _cold_bytes += len(data)
    if _cold_bytes > WARM_BYTES:
        warm()
    return data


def warm() -> None:
    """Import `orjson` now; a process that will encode much calls this before it starts."""
    global _cold_bytes, _fast
    if _fast is None:
        try:
            from runstone.core.quick import canonical
        except ImportError:  # without orjson 3.10: the same bytes, slower
            _fast = _exact
        except OSError:  # no file can be opened now
            _cold_bytes = 0
        else:
            _fast = canonical


def _exact(value: Any, depth: int) -> bytes:
    return canonical_text(value, depth).encode()


def is_warm() -> bool:
    """Whether `runstone.core.quick` serves this process."""
    return _fast is not None and _fast is not _exact


def canonical_text(value: Any, depth: int = 0) -> str:
    """`canonical_bytes` as text, in plain Python. Same errors."""
    pieces: list[str] = []
    _emit(value, pieces.append, depth, [])
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise error("lone_surrogate", "text holds half of a surrogate pair", position=exc.start) from None
    return text


def _emit(value: Any, write: Callable[[str], None], depth: int, path: list[str]) -> None:
    kind = type(value)
    if kind is str:
        write(quote(value))
    elif value is True:
        write("true")
    elif value is False:
        write("false")
    elif value is None:
        write("null")
    elif kind is int:
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise _not_json("an integer beyond 2^53-1", path)
        write(str(value))
    elif kind is float:
        if value - value != 0.0:
            raise _not_json("a number that is not finite", path)
        write(number_text(value))
    elif kind is dict:
        _emit_object(value, write, depth, path)
    elif kind is list:
        _emit_array(value, write, depth, path)
    else:
        raise _not_json(f"a value of type {kind.__name__}", path)


def _emit_object(value: dict[Any, Any], write: Callable[[str], None], depth: int, path: list[str]) -> None:
    if depth >= MAX_DEPTH:
        raise _too_deep(path)
    for key in value:
        if type(key) is not str:
            raise _not_json(f"a key of type {type(key).__name__}", path)
    separator = "{"
    for key in sorted(value, key=None if "".join(value).isascii() else utf16_key):  # of ASCII both orders are one
        write(separator)
        write(quote(key))
        write(":")
        path.append(key)
        _emit(value[key], write, depth + 1, path)
        path.pop()
        separator = ","
    write("}" if value else "{}")


def _emit_array(value: list[Any], write: Callable[[str], None], depth: int, path: list[str]) -> None:
    if depth >= MAX_DEPTH:
        raise _too_deep(path)
    separator = "["
    for index, item in enumerate(value):
        write(separator)
        path.append(str(index))
        _emit(item, write, depth + 1, path)
        path.pop()
        separator = ","
    write("]" if value else "[]")


def utf16_key(key: str) -> bytes:
    """Sort key for object members: UTF-16 code units (RFC 8785, section 3.2.3)."""
    return key.encode("utf-16-be", "surrogatepass")


def number_text(value: float) -> str:
    """ECMAScript text of a finite double (RFC 8785, section 3.2.2.3): shortest digits that round-trip."""
    if value == 0.0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    size = len(digits)
    if size <= point <= 21:
        return sign + digits + "0" * (point - size)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    tail = f"e{'+' if power > 0 else '-'}{abs(power)}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if size > 1 else ''}{tail}"


def is_unicode(text: str) -> bool:
    """Whether `text` has UTF-8: no half of a surrogate pair stands in it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def pointer(path: list[str]) -> str:
    """A JSON Pointer (RFC 6901) of the given keys."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def is_pointer(text: str) -> bool:
    """Whether `text` is a JSON Pointer (RFC 6901): empty or begun by `/`, and behind each `~` there is `0` or `1`."""
    if text and not text.startswith("/"):
        return False
    return "~" not in text or all(part[:1] in ("0", "1") for part in text.split("~")[1:])


def tokens(pointer: str) -> list[str]:
    """The keys that a JSON Pointer names; none for the whole."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def array_index(text: str, value: Any) -> int | None:
    """The index that `text` names, if `value` is a list that has it."""
    if not isinstance(value, list) or not is_index(text) or len(text) > 15:
        return None
    index = int(text)
    return index if index < len(value) else None


def is_index(text: str) -> bool:
    """Whether `text` is decimal digits without a needless zero (RFC 6901)."""
    return text.isascii() and text.isdecimal() and (text[0] != "0" or text == "0")


def _not_json(what: str, path: list[str]) -> Exception:
    return error("not_json", f"{what} has no canonical JSON form", path=pointer(path))


def _too_deep(path: list[str]) -> Exception:
    return error("too_deep", f"nesting is limited to {MAX_DEPTH}", path=pointer(path[:8]), limit=MAX_DEPTH)
