"""Checks that a secret must pass where its form alone tells too little: text that fails was never issued.

Each takes the text of the secret, in the form of its rule, and tells whether it may be real.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base62(number: int, width: int) -> str:
    """`number` in base 62, digits first, then A-Z, then a-z, at least `width` long."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(width, "0")


def github(token: str) -> bool:
    """Prefix, 30 characters, and the CRC-32 of these in 6 digits of base 62; npm's are alike."""
    body = token.partition("_")[2]
    return base62(zlib.crc32(body[:30].encode()), 6) == body[30:]


def base58check(key: str) -> bool:
    """Base 58 whose last four bytes are the beginning of the double SHA-256 of the bytes before."""
    number = 0
    for character in key:
        digit = _BASE58.find(character)
        if digit < 0:
            return False
        number = number * 58 + digit
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def basic(text: str) -> bool:
    """Base64 of a user name, a colon and a password."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except ValueError:
        return False
    return ":" in decoded and decoded.isprintable()


def nkey(seed: str) -> bool:
    """Base 32 whose last two bytes are the CRC-16 (of XMODEM) of the bytes before, the lower one first."""
    data = base64.b32decode(seed + "=" * (-len(seed) % 8))
    return binascii.crc_hqx(data[:-2], 0).to_bytes(2, "little") == data[-2:]


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "base58check": base58check,
    "basic": basic,
    "github": github,
    "nkey": nkey,
}
"""By the name that a rule gives in `check`."""
