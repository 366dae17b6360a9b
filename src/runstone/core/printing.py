"""Print profiles: the exact spellings of JSON that somebody downstream depends on.

- A profile is specified, never "what a library prints" (`docs/format/bundle-1.md`, section 2).
- Printing yields pieces: a document of any size passes through in small parts. A `Stream` stands for an array
  whose items are made while it is printed.
- Kernel values print numbers by RFC 8785; foreign profiles keep integers and floats apart, as Python text.
- What is written below is the rule. Once a process has `core.quick`, that prints the values that are in memory,
  and the rule what it leaves.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.canonical import is_unicode, number_text, quote, utf16_key
from runstone.core.limits import MAX_SAFE_INTEGER
from runstone.errors import error

try:
    from _json import encode_basestring_ascii as quote_ascii
except ImportError:  # an interpreter without CPython's accelerator
    from json.encoder import encode_basestring_ascii as quote_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final


class Stream:
    """An array in a document whose items are produced one at a time; `items` is called once a print."""

    __slots__ = ("items",)

    def __init__(self, items: Callable[[], Iterable[Any]]) -> None:
        self.items = items


class Profile:
    """How one profile spells JSON."""

    __slots__ = ("_whole", "colon", "end", "indent", "name", "number", "quote", "sort")

    def __init__(
        self,
        name: str,
        sort: Callable[[str], Any] | None,
        indent: str,
        end: str,
        number: Callable[[float], str],
        quote: Callable[[str], str],
    ) -> None:
        self.name = name
        self.sort = sort
        self.indent = indent
        self.end = end
        self.number = number
        self.quote = quote
        self.colon = ":" if not indent else ": "
        self._whole: Callable[[Any], bytes | None] | None = None

    def whole(self, value: Any) -> bytes | None:
        """`value` without the profile's end, printed at once; or `None` where it must be printed piece by piece."""
        if self._whole is None:
            if not canonical.is_warm() or self.sort is utf16_key:
                return None
            from runstone.core.quick import printer

            self._whole = printer(
                self.number, indent=bool(self.indent), sort=self.sort is not None, to_ascii=self.quote is quote_ascii
            )
        return self._whole(value)


def python_float(value: float) -> str:
    """Python's float text: shortest digits that round-trip, exponent below 1e-4 and from 1e16."""
    return repr(value)


def plain_float(value: float) -> str:
    """`.0` on integral floats, decimal form for exponents −5 to 15, else `1e+16`, `1e-6`."""
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    power = int(exponent)
    if power == -5:
        sign, digits = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
        return f"{sign}0.0000{digits.replace('.', '')}"
    return f"{mantissa.removesuffix('.0')}e{power:+d}"


def _identity(key: str) -> str:
    return key


PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile("jcs", utf16_key, "", "", number_text, quote),
        Profile("pretty-ascii", _identity, "  ", "\n", number_text, quote_ascii),
        Profile("py-compact-ascii", _identity, "", "", python_float, quote_ascii),
        Profile("py-compact-utf8", _identity, "", "", python_float, quote),
        Profile("py-pretty-utf8", None, "  ", "", python_float, quote),
        Profile("compact-utf8", None, "", "", plain_float, quote),
    )
}


WHOLE_LEVELS: Final = 3
"""To this depth a value is tried whole: a document, its members, their items. It bounds what vain tries can cost."""


def print_json(value: Any, profile: str) -> bytes:
    """`value` in the named profile, whole. Keys of unsorted profiles stand in the order they have."""
    return b"".join(print_pieces(value, profile))


def print_pieces(value: Any, profile: str) -> Iterator[bytes]:
    """`value` in the named profile, in pieces of a few kilobytes.

    Raises `not_json` where it has no form, and `lone_surrogate`.
    """
    rules = PROFILES[profile]
    if (whole := rules.whole(value)) is not None:
        yield whole + rules.end.encode()
        return
    waiting: list[str] = []
    size = 0
    for piece in _pieces(value, rules, "\n" if rules.indent else "", WHOLE_LEVELS - 1):
        waiting.append(piece)
        size += len(piece)
        if size > 8192:
            yield "".join(waiting).encode()
            waiting.clear()
            size = 0
    waiting.append(rules.end)
    yield "".join(waiting).encode()


def _pieces(value: Any, rules: Profile, line: str, levels: int) -> Iterator[str]:
    kind = type(value)
    if kind is Stream:
        yield from _array_pieces(value.items(), rules, line, levels)
    elif kind is dict:
        yield from _object_pieces(value, rules, line, levels)
    elif kind is list:
        yield from _array_pieces(value, rules, line, levels)
    else:
        yield _scalar(value, rules)


def _inner_pieces(value: Any, rules: Profile, line: str, levels: int) -> Iterator[str]:
    """A member or an item, whole where that can be."""
    kind = type(value)
    if (kind is dict or kind is list) and levels > 0 and (whole := rules.whole(value)) is not None:
        yield whole.decode().replace("\n", line)
    else:
        yield from _pieces(value, rules, line, levels - 1)


def _scalar(value: Any, rules: Profile) -> str:
    kind = type(value)
    if kind is str:
        return _quoted(value, rules)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return _integer(value, rules)
    if kind is float and value - value == 0.0:
        return rules.number(value)
    raise _not_json(f"a value of type {kind.__name__}", rules)


def _integer(value: int, rules: Profile) -> str:
    if rules.number is number_text and not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        raise _not_json("an integer beyond 2^53-1", rules)
    try:
        return str(value)
    except ValueError:  # more digits than Python turns into text
        raise _not_json("an integer of thousands of digits", rules) from None


def _quoted(text: str, rules: Profile) -> str:
    if not is_unicode(text):
        raise error("lone_surrogate", "text holds half of a surrogate pair")
    return rules.quote(text)


def _not_json(what: str, rules: Profile) -> Exception:
    return error("not_json", f"{what} has no form in profile {rules.name}")


def _object_pieces(value: dict[str, Any], rules: Profile, line: str, levels: int) -> Iterator[str]:
    if not value:
        yield "{}"
        return
    inner = line + rules.indent
    mark = "{" + inner
    for key in value:
        if type(key) is not str:
            raise _not_json(f"a key of type {type(key).__name__}", rules)
    for key in value if rules.sort is None else sorted(value, key=rules.sort):
        item = value[key]
        yield f"{mark}{_quoted(key, rules)}{rules.colon}"
        yield from _inner_pieces(item, rules, inner, levels)
        mark = "," + inner
    yield line + "}"


def _array_pieces(items: Iterable[Any], rules: Profile, line: str, levels: int) -> Iterator[str]:
    inner = line + rules.indent
    mark = "[" + inner
    for item in items:
        yield mark
        yield from _inner_pieces(item, rules, inner, levels)
        mark = "," + inner
    yield "[]" if mark.startswith("[") else line + "]"
