"""Strict JSON reading: bytes to values, or a typed error that names the place.

- `parse_canonical` accepts exactly the bytes that `canonical_bytes` writes, so one value has one spelling and
  duplicate keys, spacing and odd numbers cannot hide.
- `parse_json` accepts any RFC 8259 text whose keys are unique and whose strings are whole Unicode; it keeps
  integers and floats apart, as foreign JSON needs.
- A fast parser reads what is good; only refused bytes are read again by the scanner below, which finds the
  offset, line and column of the first fault.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_SAFE_INTEGER
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, NoReturn

_loads: Callable[[bytes], Any] | None = None
_proves: Callable[[str], Any] | None = None
WARM_BYTES: Final = 2 << 20
"""After so many bytes the import of `orjson` (16 ms) pays: it reads four times as fast."""

MAX_NUMBER_LENGTH: Final = 1100
"""No double needs more characters; longer tokens are an attack on the reader."""

_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def parse_canonical(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The value of canonical JSON `data`.

    Raises `too_large`, `invalid_utf8`, `invalid_json`, `duplicate_key`, `lone_surrogate`, `trailing_bytes`,
    `too_deep`, or `not_canonical` where the value is fine and its spelling is not; `details` has `offset`
    (bytes), `line` and `column` (from 1).
    """
    if len(data) > limit:
        raise error("too_large", f"{len(data)} bytes of JSON; the limit is {limit}", limit=limit, found=len(data))
    try:
        return _read_canonical([data])[0]
    except (ImportError, ValueError, RunstoneError):
        pass  # without orjson the scanner reads everything: the same answers, slower
    value = _Scanner(data, doubles=True).document()
    expected = canonical.canonical_bytes(value)
    if expected == data:
        return value
    offset = _first_difference(expected, data)
    raise error(
        "not_canonical",
        f"not in canonical form at byte {offset}: expected {expected[offset : offset + 20]!r}, "
        f"found {data[offset : offset + 20]!r}",
        **_place(data, offset),
    )


def try_canonical(texts: list[bytes]) -> list[Any] | None:
    """What `parse_canonical` answers for each of many texts, faster; `None` where it should be asked for each."""
    try:
        return _read_canonical(texts)
    except (ImportError, ValueError, RunstoneError):
        return None


def _read_canonical(texts: list[bytes]) -> list[Any]:
    """`quick.read_canonical`, which takes this function's place at the first call."""
    global _read_canonical
    from runstone.core.quick import read_canonical as _read_canonical

    return _read_canonical(texts)


def load(data: bytes) -> Any:
    """The value of JSON that has been proved before, or that this process wrote: fast, and checks nothing.

    Integers beyond ±(2^53-1) come back as the doubles that I-JSON reads them as.
    """
    global _loads
    if _loads is None:
        _loads = _loader()
    value = _loads(data)
    return _with_doubles(value) if _has_long_number(data) else value


def parse_json(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """The value of any strict JSON text; integers stay `int` at any size, other numbers are finite doubles.

    Raises as `parse_canonical`, without `not_canonical`.
    """
    import json

    if len(data) > limit:
        raise error("too_large", f"{len(data)} bytes of JSON; the limit is {limit}", limit=limit, found=len(data))
    try:
        text = data.decode()
        if text.startswith("\ufeff") or "\\u" in text or "\\U" in text or _may_be_deep(data):
            raise ValueError  # the scanner settles surrogates, marks and depth
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_integer
        )
    except (ValueError, RecursionError):
        return _Scanner(data).document()


def prove_json(data: bytes) -> None:
    """Prove of a JSON text that its keys are unique and its numbers finite, however deep it is and however long its
    integers are: of what another parser reads, which sees to the rest. Raises as `parse_json`."""
    global _proves
    if _proves is None:
        from json import JSONDecoder

        _proves = JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite).decode
    try:
        _proves(data.decode())
    except (ValueError, RecursionError):
        _Scanner(data).document()


def _loader() -> Callable[[bytes], Any]:
    """`orjson` where this process has it already, else CPython's scanner until the import pays."""
    import sys

    if "orjson" not in sys.modules:
        try:
            from _json import make_scanner
        except ImportError:
            pass  # an interpreter without CPython's accelerator
        else:
            scan: Any = make_scanner(_ScannerOptions)  # type: ignore[arg-type]  # any object with these fields will do

            left = WARM_BYTES

            def scanned(data: bytes) -> Any:
                global _loads
                nonlocal left
                left -= len(data)
                if left < 0 or "orjson" in sys.modules:
                    try:
                        from runstone.json_library import loads as _loads
                    except (ImportError, OSError):  # no file can be opened now
                        left = WARM_BYTES
                try:
                    return scan(data.decode(), 0)[0]
                except (StopIteration, SystemError):  # no value begins there; a fault that `json` would name
                    raise ValueError("no value") from None

            return scanned
    from runstone.json_library import loads

    return loads


class _ScannerOptions:
    """What CPython's JSON scanner asks of its context."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None
    memo: dict[str, str] = {}  # noqa: RUF012  # the scanner's own type


def _has_long_number(data: bytes) -> bool:
    """Whether a run of 16 digits stands where a number may begin: only then can an integer be beyond 2^53-1."""
    digits = data.translate(_DIGITS_TO_D)
    if b"DDDDDDDDDDDDDDDD" not in digits:  # a search for one byte over and over is many times as quick as the next
        return False
    return b" DDDDDDDDDDDDDDDD" in digits or digits.startswith(b"DDDDDDDDDDDDDDDD")


_DIGITS_TO_D: Final = bytes(68 if 48 <= byte <= 57 else 32 if byte in b" \t\r\n,:[-" else 46 for byte in range(256))
"""Digits as D, what a number may stand behind as a blank, all else as a dot: most of it is hexadecimal."""


def _may_be_deep(data: bytes) -> bool:
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError
    return result


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _finite(token: str) -> float:
    value = float(token)
    if value - value != 0.0 or len(token) > MAX_NUMBER_LENGTH:
        raise ValueError
    return value


def _integer(token: str) -> int:
    if len(token) > MAX_NUMBER_LENGTH:
        raise ValueError
    return int(token)


def _with_doubles(value: Any) -> Any:
    """`value` with integers beyond ±(2^53-1) as the doubles that I-JSON reads them as."""
    if type(value) is int and not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return float(value)
    if type(value) is dict:
        return {key: _with_doubles(item) for key, item in value.items()}
    if type(value) is list:
        return [_with_doubles(item) for item in value]
    return value


def _first_difference(expected: bytes, found: bytes) -> int:
    low, high = 0, min(len(expected), len(found))
    while low < high:
        middle = (low + high + 1) // 2
        if expected[:middle] == found[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _place(data: bytes, offset: int) -> dict[str, int]:
    before = data[:offset]
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode("utf-8", "replace")) + 1
    return {"offset": offset, "line": before.count(b"\n") + 1, "column": column}


class _Scanner:
    """A recursive descent reader of RFC 8259 that knows where it is. Slow and exact; depth is bounded.

    With `doubles`, an integer beyond ±(2^53-1) is the double that I-JSON reads it as.
    """

    def __init__(self, data: bytes, *, doubles: bool = False) -> None:
        self._data = data
        self._doubles = doubles
        try:
            self._text = data.decode()
        except UnicodeDecodeError as exc:
            place = _place(data, exc.start)
            raise error("invalid_utf8", f"byte {exc.start} is not UTF-8", **place) from None
        self._at = 0
        self._depth = 0

    def document(self) -> Any:
        self._space()
        value = self._value()
        self._space()
        if self._at != len(self._text):
            raise self._fault("trailing_bytes", "something follows the end of the value", self._at)
        return value

    def _fault(self, code: str, message: str, at: int) -> Exception:
        offset = len(self._text[:at].encode())
        place = _place(self._data, offset)
        return error(code, f"{message} (line {place['line']}, column {place['column']})", **place)

    def _space(self) -> None:
        text, at = self._text, self._at
        while text[at : at + 1] in (" ", "\t", "\n", "\r"):
            at += 1
        self._at = at

    def _value(self) -> Any:
        at = self._at
        mark = self._text[at : at + 1]
        if mark == '"':
            return self._string()
        if mark in ("{", "["):
            return self._nested(mark)
        if mark == "-" or mark.isdigit():
            return self._number()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._text.startswith(word, at):
                self._at = at + len(word)
                return value
        raise self._fault("invalid_json", "expected a value", at)

    def _nested(self, mark: str) -> Any:
        if self._depth >= MAX_DEPTH:
            raise self._fault("too_deep", f"nesting is limited to {MAX_DEPTH}", self._at)
        self._depth += 1
        self._at += 1
        value = self._object() if mark == "{" else self._array()
        self._depth -= 1
        return value

    def _object(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not self._closes("}", first=not result):
            at = self._at
            if self._text[at : at + 1] != '"':
                raise self._fault("invalid_json", "expected a key", at)
            key = self._string()
            if key in result:
                raise self._fault("duplicate_key", f"the key {key!r} stands twice", at)
            self._space()
            self._expect(":")
            self._space()
            result[key] = self._value()
        return result

    def _array(self) -> list[Any]:
        result: list[Any] = []
        while not self._closes("]", first=not result):
            result.append(self._value())
        return result

    def _closes(self, end: str, *, first: bool) -> bool:
        """Whether the container ends here; otherwise the comma before the next item is passed."""
        self._space()
        if self._text[self._at : self._at + 1] == end:
            self._at += 1
            return True
        if not first:
            self._expect(",")
            self._space()
        return False

    def _expect(self, mark: str) -> None:
        if self._text[self._at : self._at + 1] != mark:
            raise self._fault("invalid_json", f"expected {mark!r}", self._at)
        self._at += 1

    def _number(self) -> int | float:
        text, start = self._text, self._at
        at = start + (text[start] == "-")
        digits = at
        at = self._digits(at)
        if at == digits or (at - digits > 1 and text[digits] == "0"):
            raise self._fault("invalid_json", "not a JSON number", start)
        whole = at
        if text[at : at + 1] == ".":
            at = self._some_digits(at + 1, start)
        if text[at : at + 1] in ("e", "E"):
            at += 1
            at += text[at : at + 1] in ("+", "-")
            at = self._some_digits(at, start)
        if at - start > MAX_NUMBER_LENGTH:
            raise self._fault("too_large", f"a number of {at - start} characters", start)
        self._at = at
        token = text[start:at]
        if at == whole:
            integer = int(token)
            if not self._doubles or -MAX_SAFE_INTEGER <= integer <= MAX_SAFE_INTEGER:
                return integer
        value = float(token)
        if value - value != 0.0:
            raise self._fault("not_json", "a number is beyond the range of a double", start)
        return value

    def _digits(self, at: int) -> int:
        while self._text[at : at + 1] in _DIGITS and at < len(self._text):
            at += 1
        return at

    def _some_digits(self, at: int, start: int) -> int:
        end = self._digits(at)
        if end == at:
            raise self._fault("invalid_json", "not a JSON number", start)
        return end

    def _string(self) -> str:
        text, start = self._text, self._at
        at = start + 1
        pieces: list[str] = []
        while True:
            begin = at
            while at < len(text) and text[at] not in '"\\' and text[at] >= " ":
                at += 1
            pieces.append(text[begin:at])
            mark = text[at : at + 1]
            if mark == '"':
                self._at = at + 1
                return "".join(pieces)
            if mark != "\\":
                what = "a string has no end" if not mark else "a control character stands in a string"
                raise self._fault("invalid_json", what, start if not mark else at)
            piece, at = self._escape(at)
            pieces.append(piece)

    def _escape(self, at: int) -> tuple[str, int]:
        text = self._text
        mark = text[at + 1 : at + 2]
        if mark in _ESCAPES and mark:
            return _ESCAPES[mark], at + 2
        if mark != "u":
            raise self._fault("invalid_json", "not a JSON escape", at)
        unit = self._unit(at)
        if 0xDC00 <= unit <= 0xDFFF:
            raise self._fault("lone_surrogate", "half of a surrogate pair", at)
        if not 0xD800 <= unit <= 0xDBFF:
            return chr(unit), at + 6
        if text[at + 6 : at + 8] != "\\u" or not 0xDC00 <= (low := self._unit(at + 6)) <= 0xDFFF:
            raise self._fault("lone_surrogate", "half of a surrogate pair", at)
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), at + 12

    def _unit(self, at: int) -> int:
        token = self._text[at + 2 : at + 6]
        if len(token) != 4 or not all(mark in "0123456789abcdefABCDEF" for mark in token):
            raise self._fault("invalid_json", "not a JSON escape", at)
        return int(token, 16)


_DIGITS: Final = frozenset("0123456789")
