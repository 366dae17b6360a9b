"""The forms in which a known value stands in text: as it is, escaped, encoded.

Each form is what a program would print of the value alone, so that finding the form is finding the value. Forms that
are too short to mean it (three letters of base64) are left out.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.printing import PROFILES
from runstone.core.values import undecoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

MIN_PART: Final = 4
"""Characters that a part of an encoding must have to stand for the value."""

_QUOTES: Final = (canonical.quote, PROFILES["pretty-ascii"].quote)
"""How JSON that a program prints spells text: as it is, or in ASCII."""

_CODECS: Final = ("utf-16-le", "utf-16-be")
_WIDER_CODECS: Final = ("utf-32-le", "utf-32-be")
"""Of these plain text is found without its zeros."""

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE: Final = (_UNRESERVED, _UNRESERVED | {"/"}, _UNRESERVED | frozenset("!'()*"))
"""What is left as it is in a URL: by RFC 3986, by Python, by JavaScript."""
_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP: Final = "&<>\"'"
_HTML_QUOTES: Final[tuple[dict[str, str], ...]] = (
    {'"': "&quot;", "'": "&#x27;"},
    {'"': "&#34;", "'": "&#39;"},
    {'"': "&quot;", "'": "&apos;"},
    {'"': "&quot;", "'": "&#39;"},
    {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#09;"},
    {},
)


def spellings(value: str, size: int | None = None) -> list[str]:
    """All forms of a value, the value first, none twice; each is whole Unicode.

    With a `size` those of its first characters, so many: what each form of the value begins with.
    """
    plain = [value, undecoded(value)]
    if "\n" in value:  # a terminal ends lines in its own way, a file may in another
        plain += [value.replace("\n", "\r\n"), value.replace("\r\n", "\n")]
    plain = list(dict.fromkeys(text[:size] for text in plain))
    found = [*plain, *(form for text in plain for form in _escaped(text))]
    if canonical.is_unicode(value):
        begin = value[:size]
        found += _encoded(begin.encode())
        for codec in _CODECS if value.isascii() else (*_CODECS, *_WIDER_CODECS):
            wide = begin.encode(codec).decode("latin-1")
            found += [wide, *(quote(wide)[1:-1] for quote in _QUOTES)]
    return [form for form in dict.fromkeys(found) if canonical.is_unicode(form)]


_JSON_ESCAPES: Final[tuple[dict[str, str], ...]] = (
    {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"},  # Go
    {char: f"\\u{ord(char):04X}" for char in "&<>'+`"},  # .NET
    {"/": "\\/"},  # PHP
)
"""What JSON of other languages escapes beyond what must be."""


_WITHIN_QUOTES: Final = (("'", "'\\''"), ("'", "'\"'\"'"), ("'", "''"), ('"', '""'))
"""How a shell (`set -x`), SQL and CSV write a quotation mark within a text that has two of them around it."""


_SHELL_SIGNS: Final = ('"\\$`', "\"\\'$`|&;()<>!{}*[?]^, \t")
"""What a shell puts a backslash before: within quotation marks (`export -p`), and without any (`printf %q`)."""
_YAML: Final = dict(zip('"\\\0\a\b\v\f\x1b\x85\xa0\u2028\u2029', '"\\0abvfeN_LP', strict=True))
"""What YAML has letters for, where Python has none, or another one."""
_OCTAL: Final = {0x5C: "\\\\", 0x27: "\\'", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x1B: "\\E"}


def _each(text: str, spell: Callable[[str], str]) -> str:
    """A text of which each character is spelled so."""
    return text.translate({ord(char): spell(char) for char in set(text)})


def _literal(char: str) -> str:
    """A character as Python's `ascii` has it, without its quotes."""
    return char if " " <= char <= "~" and char != "\\" else ascii(char)[1:-1]


def _escaped(text: str) -> Iterator[str]:
    for quote in _QUOTES:
        once = quote(text)[1:-1]
        yield once
        yield quote(once)[1:-1]
        for names in _JSON_ESCAPES:
            yield once.translate({ord(char): named for char, named in names.items()})
    literal = _each(text, _literal)
    yield literal
    yield literal.replace("'", "\\'")
    yield _each(text, lambda char: "\\" + _YAML[char] if char in _YAML else _upper(_literal(char), 2))
    yield _each(text, lambda char: _octal(ord(char)) if char.isascii() else char)
    for signs in _SHELL_SIGNS:
        yield text.translate({ord(char): "\\" + char for char in signs})
    for quote_mark, within in _WITHIN_QUOTES:
        yield text.replace(quote_mark, within)
    yield text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    for names in _HTML_QUOTES:
        named = text.translate({ord(char): within for char, within in {**_HTML, **names}.items()})
        yield named
        yield named.encode("ascii", "xmlcharrefreplace").decode()
    yield text.translate({ord(char): f"&#{ord(char)};" for char in _MARKUP})
    yield text.translate({ord(char): f"&#x{ord(char):x};" for char in _MARKUP})
    yield _each(text, lambda char: f"&#{ord(char)};")
    for spell in (_lower, _upper):
        yield _each(text, lambda char: spell(f"&#x{ord(char):x};", 3))  # noqa: B023  # called at once
        yield _each(text, lambda char: spell(_unicode_escape(char), 2))  # noqa: B023  # called at once


def _encoded(data: bytes) -> Iterator[str]:
    text = data.decode("latin-1")
    yield _each(text, lambda char: _octal(ord(char)))
    for spell in (_lower, _upper):
        yield spell(data.hex(), 0)
        for prefix in ("\\x", "%"):
            yield _each(text, lambda char: spell(f"{prefix}{ord(char):02x}", len(prefix)))  # noqa: B023  # called at once
        for safe in _SAFE:
            yield _each(text, lambda char: char if char in safe else spell(f"%{ord(char):02x}", 1))  # noqa: B023  # called at once
        yield _each(text, lambda char: _as_bytes(ord(char), spell))  # noqa: B023  # called at once
        yield _each(text, lambda char: _plus(char, spell))  # noqa: B023  # called at once
    for before in range(3):
        yield from _base64_part(data, before)


def _octal(byte: int) -> str:
    """A byte as a shell writes it within `$'`, and Git within quotation marks."""
    if 0x20 <= byte <= 0x7E:
        return _OCTAL.get(byte) or chr(byte)
    return _OCTAL.get(byte) or f"\\{byte:03o}"


def _as_bytes(byte: int, spell: Callable[[str, int], str]) -> str:
    """A byte as Python and C write it."""
    if 0x20 <= byte <= 0x7E and byte != 0x5C:
        return chr(byte)
    return {0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}.get(byte) or spell(f"\\x{byte:02x}", 2)


def _lower(text: str, _: int) -> str:
    return text


def _upper(text: str, prefix: int) -> str:
    """The hexadecimal digits behind a prefix of so many characters in upper case."""
    return text[:prefix] + text[prefix:].upper()


def _plus(char: str, spell: Callable[[str, int], str]) -> str:
    if char == " ":
        return "+"
    return char if char in _UNRESERVED else spell(f"%{ord(char):02x}", 1)


def _unicode_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def base64_parts(value: str) -> list[str]:
    """What base64 writes of a value, whatever stands before and behind it, in the alphabet of mail."""
    if not canonical.is_unicode(value):
        return []
    return [part for before in range(3) for part in list(_base64_part(value.encode(), before))[:1]]


def _base64_part(data: bytes, before: int) -> Iterator[str]:
    """What base64 writes of `data` whatever stands before and behind it, if that is `before` bytes (modulo 3)."""
    from binascii import b2a_base64  # a run without secret values does not load it

    whole = b2a_base64(bytes(before) + data, newline=False).decode()
    part = whole[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
    if len(part) >= MIN_PART:
        yield part
        yield part.replace("+", "-").replace("/", "_")
