"""What somebody could read back of the bytes that were kept.

- A secret survives if a stretch of `WINDOW` characters of a part of it (all of a shorter part) can be read: as it
  stands, escaped up to four times, percent-encoded, as references of HTML, in hex, base64, UTF-16, or put together
  from the pieces of a stream.
- More is read than is meant: a stretch that turns up by chance would be a false alarm, and none of 12 random characters
  does.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from .secret import Secret

WINDOW = 12
"""Characters of a secret that are enough to call it readable."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))")
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}")
_HEX = re.compile(r"[0-9a-fA-F]{8,}")


def survives(secret: Secret, data: bytes) -> bool:
    """Whether a stretch of the secret can be read in `data`."""
    return stands_in(secret, readings(data))


def stands_in(secret: Secret, text: str) -> bool:
    """Whether a stretch of the secret stands in a text (of `readings`)."""
    return any(piece in text for part in secret.hidden for piece in stretches(part))


def stretches(hidden: str) -> list[str]:
    """Pieces of which one stands in every readable stretch: of a long part, every stretch of twice the window."""
    if len(hidden) <= WINDOW:
        return [hidden]
    step = 1 if len(hidden) <= 4 * WINDOW else WINDOW
    return [hidden[i : i + WINDOW] for i in range(0, len(hidden) - WINDOW + 1, step)]


def readings(data: bytes) -> str:
    """All that can be read in `data`, one reading behind the other."""
    texts = [*_decoded(data), spoken(data), *(text for event in events(data) for text in _texts(event["data"]))]
    levels = ["\x1f".join(texts)]
    for _ in range(4):
        levels.append(unescaped(levels[-1]))
    readable = [*levels, *map(unquote_plus, levels[:2]), *map(html.unescape, levels[:2])]
    for level in dict.fromkeys(levels):
        readable += _decoded(level.encode("latin-1", "ignore"))  # bytes that were no UTF-8 are U+0000 to U+00FF
    for spelled in {found for level in levels for found in (*_BASE64.findall(level), *_HEX.findall(level))}:
        for inner in _bytes_of(spelled):
            readable += _decoded(inner)
    return "\x1e".join(readable)


def spoken(data: bytes) -> str:
    """What the streams of a journal said, put together."""
    said = (event["data"] for event in events(data) if event["type"] == "log")
    return "".join(piece.get("text", "") + piece.get("latin1", "") for piece in said)


def events(data: bytes) -> Iterator[dict[str, Any]]:
    """Lines of a journal."""
    for line in data.splitlines():
        if line.startswith(b'{"data":'):
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if "type" in event:
                    yield event


def unescaped(text: str) -> str:
    """Escapes of JSON, Python and C undone, once."""
    undone = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _SHORT.get(m[3], m[3]), text)
    return undone.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if isinstance(value.get("$bytes"), str):
            with contextlib.suppress(binascii.Error):
                yield base64.b64decode(value["$bytes"]).decode("latin-1")
        for name, member in value.items():
            yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _bytes_of(spelled: str) -> Iterator[bytes]:
    """What is written in base64 or in hex, from each of the places at which it may begin."""
    plain = spelled.replace("-", "+").replace("_", "/")
    for part in (plain[start:] for start in range(4)):
        with contextlib.suppress(binascii.Error):
            yield binascii.a2b_base64(part[: len(part) - (len(part) % 4 == 1)] + "==")
    if _HEX.fullmatch(spelled):
        yield from (bytes.fromhex(part[: len(part) // 2 * 2]) for part in (spelled, spelled[1:]))


def _decoded(data: bytes) -> Iterator[str]:
    yield data.decode("utf-8", "ignore")
    if b"\0" in data:
        for at in (0, 1):
            whole = data[at : at + (len(data) - at) // 2 * 2]
            yield whole.decode("utf-16-le", "ignore")
            yield whole.decode("utf-16-be", "ignore")
