"""Everyday spellings of a value that a caller declares, and such values.

An encoding turns the value into the text or the bytes that somebody could have written of it. The three alignments of
base64 have something in front of and behind the value, as `user:password` has.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from random import Random
from urllib.parse import quote, quote_plus

from .making import ALNUM, BASE64, DIGITS, HEX, LETTERS, draw

Encode = Callable[[str], str | bytes]


def json_once(value: str) -> str:
    """As a string of JSON has it."""
    return json.dumps(value)[1:-1]


def json_twice(value: str) -> str:
    """As JSON inside a string of JSON has it."""
    return json_once(json_once(value))


def url_lower(value: str) -> str:
    """Percent-encoding with small digits."""
    return re.sub("%..", lambda found: found[0].lower(), quote(value, safe=""))


def html(value: str, spell: Callable[[str], str]) -> str:
    """References for what HTML escapes."""
    return "".join(spell(c) if c in "&<>\"'" else c for c in value)


NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


def units(value: str) -> str:
    """Each UTF-16 unit as `\\uNNNN`."""
    data = value.encode("utf-16-be")
    return "".join(f"\\u{data[i] << 8 | data[i + 1]:04x}" for i in range(0, len(data), 2))


def aligned(encode: Callable[[bytes], bytes], before: int) -> Encode:
    """Base64 of the value behind so many bytes."""
    return lambda value: encode(b"id:"[:before] + value.encode() + b", ok").decode()


ENCODINGS: dict[str, Encode] = {
    "raw": lambda value: value,
    "json-once": json_once,
    "json-twice": json_twice,
    "json-utf8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "url-upper": lambda value: quote(value, safe=""),
    "url-lower": url_lower,
    "url-plus": quote_plus,
    "html-named": lambda value: html(value, NAMED.__getitem__),
    "html-decimal": lambda value: html(value, lambda c: f"&#{ord(c)};"),
    "html-hex": lambda value: html(value, lambda c: f"&#x{ord(c):x};"),
    "hex-lower": lambda value: value.encode().hex(),
    "hex-upper": lambda value: value.encode().hex().upper(),
    "x-escapes": lambda value: "".join(f"\\x{byte:02x}" for byte in value.encode()),
    "u-escapes": units,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64-0": aligned(base64.b64encode, 0),
    "base64-1": aligned(base64.b64encode, 1),
    "base64-2": aligned(base64.b64encode, 2),
    "base64url-0": aligned(base64.urlsafe_b64encode, 0),
    "base64url-1": aligned(base64.urlsafe_b64encode, 1),
    "base64url-2": aligned(base64.urlsafe_b64encode, 2),
    "utf-16-le": lambda value: value.encode("utf-16-le"),
    "utf-16-be": lambda value: value.encode("utf-16-be"),
}

MARKS = "!#$%&()*+,-./:;<=>?@[]^_{|}~"

DECLARED: dict[str, Callable[[Random], str]] = {
    "four": lambda random: draw(random, LETTERS, 2) + draw(random, "!#%+?", 1) + draw(random, DIGITS, 1),
    "five": lambda random: draw(random, LETTERS, 3) + draw(random, DIGITS, 1) + draw(random, LETTERS, 1),
    "eight": lambda random: draw(random, ALNUM, 8),
    "sixteen": lambda random: draw(random, ALNUM, 16),
    "marks": lambda random: draw(random, ALNUM + MARKS, 24),
    "quotes": lambda random: "\"'\\<&>/".join(draw(random, LETTERS, 3) for _ in range(3)),
    "spaces": lambda random: " ".join(draw(random, LETTERS, 5) for _ in range(4)),
    "umlauts": lambda random: "ä€ß".join(draw(random, LETTERS, 4) for _ in range(3)),
    "beyond-the-bmp": lambda random: "🔑".join(draw(random, LETTERS, 4) for _ in range(3)),
    "hex": lambda random: draw(random, HEX, 40),
    "base64": lambda random: draw(random, BASE64, 62) + "==",
    "lines": lambda random: "\n".join(draw(random, ALNUM, 20) for _ in range(3)),
}
"""Kinds of values that callers declare, each made fresh from a seed."""
