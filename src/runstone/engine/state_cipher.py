"""Encryption of stored state by AES-256-GCM, from `cryptography`, which is loaded when it is asked for.

- What is encrypted is bound to where it stands: it opens at no other place.
- A store is encrypted from its first state on or never. Its mark says which, and has a check of the key: another key is
  refused before anything is read or written.
- No error repeats a key.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

    from runstone.ports.entropy import Entropy

KEY_SETTING: Final = "RUNSTONE_STATE_KEY"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FORM: Final = "runstone-state/1"
PLAIN: Final = "plain"
SEALED: Final = "aes-256-gcm:"
_CHECK_DIGITS: Final = 16
_NEEDS: Final = "encrypted state needs cryptography, which is not installed: pip install 'runstone[state]'"


class Plain:
    """No encryption."""

    mark: Final = PLAIN

    def sealed(self, data: bytes, names: Sequence[str]) -> bytes:  # noqa: ARG002  # as `Cipher`
        """The data as it is."""
        return data

    def opened(self, data: bytes, names: Sequence[str]) -> bytes:  # noqa: ARG002  # as `Cipher`
        """The data as it is."""
        return data


class Cipher:
    """Encryption by a key of 64 hexadecimal digits. Raises `invalid_state_key`, `missing_extra`."""

    def __init__(self, key: str, entropy: Entropy) -> None:
        secret = _key_of(key)
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as exc:
            raise error("missing_extra", _NEEDS, extra="state", package="cryptography") from exc
        self._aead: Any = AESGCM(secret)
        self._invalid: type[Exception] = InvalidTag
        self._entropy = entropy
        self.mark = SEALED + _check_of(secret)
        """What the store says of itself."""

    def sealed(self, data: bytes, names: Sequence[str]) -> bytes:
        """The data encrypted, to be opened under the same names alone."""
        nonce = self._entropy.random_bytes(NONCE_BYTES)
        sealed: bytes = self._aead.encrypt(nonce, data, _bound(names))
        return nonce + sealed

    def opened(self, data: bytes, names: Sequence[str]) -> bytes:
        """What was encrypted under these names. Raises `state_damaged`."""
        try:
            opened: bytes = self._aead.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound(names))
        except (self._invalid, ValueError) as exc:
            message = "an encrypted state does not open: its bytes were changed, or it was stored at another place"
            raise error("state_damaged", message, of=names[0]) from exc
        return opened


def check_mark(stands: str | None, mine: str) -> None:
    """Raise `invalid_state_key` where a store stands under another mark than this key's."""
    if stands is None or stands == mine:
        return
    if stands == PLAIN:
        problem = f"this store is not encrypted: open it without a key (unset {KEY_SETTING})"
    elif mine == PLAIN:
        problem = f"this store is encrypted: give the key that it was made with ({KEY_SETTING})"
    else:
        problem = "this store was made with another key"
    raise error("invalid_state_key", problem)


def _key_of(key: str) -> bytes:
    text = key.strip()
    if len(text) == 2 * KEY_BYTES and text.isascii():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    expected = f"{KEY_BYTES} random bytes as {2 * KEY_BYTES} hexadecimal digits"
    message = f"a key of states is {expected}; found {len(text)} characters"
    raise error("invalid_state_key", message, expected=2 * KEY_BYTES, found=len(text))


def _check_of(secret: bytes) -> str:
    import hmac

    return hmac.new(secret, FORM.encode(), "sha256").hexdigest()[:_CHECK_DIGITS]


def _bound(names: Sequence[str]) -> bytes:
    return canonical_bytes([FORM, *names])
