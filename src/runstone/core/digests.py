"""SHA-256 and its text forms.

A field `sha256` holds 64 lower-case hexadecimal digits; a field `digest`, an argument, a URL segment and an
ETag hold `sha256:<hex>`. `Digest` is the second.
"""

from __future__ import annotations

import sys

from runstone.errors import error, excerpt

try:  # CPython's small built-in: no OpenSSL is loaded for a few kilobytes
    from _sha256 import sha256 as _small  # type: ignore[import-not-found, unused-ignore]  # gone from 3.12
except ImportError:
    try:
        from _sha2 import sha256 as _small  # type: ignore[import-not-found, unused-ignore]  # new in 3.12
    except ImportError:
        from hashlib import sha256 as _small

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable
    from typing import Any, Final, TypeAlias

    Digest: TypeAlias = str
    """`sha256:` and 64 lower-case hexadecimal digits."""

small_sha256: Final[Callable[[bytes], hashlib._Hash]] = _small
"""SHA-256 for little data: what costs least to load."""

PREFIX: Final = "sha256:"
LARGE_BYTES: Final = 16 * 1024
WARM_BYTES: Final = 256 * 1024
"""Little data of so many bytes in all, for which loading OpenSSL pays: it takes a quarter of the time."""
_HEX: Final = "0123456789abcdef"

_left_bytes = WARM_BYTES


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data`, 64 lower-case hexadecimal digits."""
    return new_hash(data, size=len(data)).hexdigest()


def quickest_sha256() -> Callable[[bytes], hashlib._Hash]:
    """The quickest SHA-256 of little data at this moment; ask again now and then."""
    known: Callable[[bytes], hashlib._Hash] = getattr(sys.modules.get("hashlib"), "sha256", small_sha256)
    return known  # a module that another thread is loading has no such name yet


def new_hash(data: bytes = b"", *, size: int = LARGE_BYTES) -> hashlib._Hash:
    """A running SHA-256. For little data the built-in one: no OpenSSL is loaded for a few kilobytes.

    From `LARGE_BYTES` on the fastest there is, which also releases the interpreter's lock; for little data, too, once
    much of it has come.
    """
    global _left_bytes
    if size < LARGE_BYTES and "hashlib" not in sys.modules:
        _left_bytes -= size
        if _left_bytes > 0:
            return small_sha256(data)
    import hashlib

    return hashlib.sha256(data)


def digest_of(data: bytes) -> Digest:
    """`sha256:<hex>` of `data`."""
    return PREFIX + sha256_hex(data)


def is_sha256(value: Any) -> bool:
    """Whether `value` is text of 64 lower-case hexadecimal digits."""
    return isinstance(value, str) and len(value) == 64 and not value.strip(_HEX)


def parse_digest(text: str) -> str:
    """The hexadecimal part of `sha256:<hex>`; raises `invalid_digest`."""
    hexadecimal = text.removeprefix(PREFIX)
    if hexadecimal == text or not is_sha256(hexadecimal):
        raise error(
            "invalid_digest",
            f"expected sha256: and 64 hexadecimal digits, found {excerpt(text)!r}",
            found=excerpt(text),
        )
    return hexadecimal
