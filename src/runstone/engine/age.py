"""Encryption in the format of age (age-encryption.org/v1, X25519) by `pyrage`, which is loaded when it is asked for.

No error repeats a key: who mixes them up hands in a private one.
"""

from __future__ import annotations

from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

RECIPIENT_START: Final = "age1"
IDENTITY_START: Final = "AGE-SECRET-KEY-1"


def recipient_of(key: Any) -> Any:
    """The recipient that a public key names (`age1…`). Raises `invalid_debug_key`, `missing_extra`."""
    text = key.strip() if isinstance(key, str) else ""
    if text.upper().startswith(IDENTITY_START):
        message = "the key of debug mode is a private one (AGE-SECRET-KEY-1…): give the public one, age1…"
        raise error("invalid_debug_key", message)
    if not text.startswith(RECIPIENT_START):
        message = f"the key of debug mode is a public key of age, age1… (age-keygen makes one); found {_shape(key)}"
        raise error("invalid_debug_key", message)
    age = _pyrage()
    try:
        return age.x25519.Recipient.from_str(text)
    except age.RecipientError:
        message = "the key of debug mode begins as a public key of age does, and is none: it is misspelled"
        raise error("invalid_debug_key", message) from None


def encrypted(data: bytes, recipient: Any) -> bytes:
    """A file of age that the recipient's identity opens. Nothing of `data` leaves this process's memory."""
    sealed: bytes = _pyrage().encrypt(data, [recipient])
    return sealed


def identities_of(text: bytes, path: str) -> list[Any]:
    """The identities of a file as `age-keygen` writes it. Raises `invalid_debug_key`, `missing_extra`."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    age = _pyrage()
    try:
        found = [age.x25519.Identity.from_str(key) for key in keys]
    except age.IdentityError:
        found = []
    if not found:
        message = f"{path} is no identity file of age: lines of AGE-SECRET-KEY-1… and comments"
        raise error("invalid_debug_key", message, path=path)
    return found


def decrypted(data: bytes, identities: Sequence[Any]) -> bytes:
    """What was encrypted to one of the identities. Raises `invalid_debug_key` where it is none of them, or damaged."""
    age = _pyrage()
    try:
        opened: bytes = age.decrypt(data, list(identities))
    except age.DecryptError as exc:
        raise error("invalid_debug_key", f"the identity does not open what was kept: {exc}") from None
    return opened


def _pyrage() -> Any:
    try:
        import pyrage
        import pyrage.x25519
    except ImportError as exc:
        raise _missing() from exc
    return pyrage


def _missing() -> RunstoneError:
    message = 'debug mode needs pyrage, which is not installed: pip install "runstone[agent]"; nothing is kept'
    return error("missing_extra", message, extra="agent", package="pyrage")


def _shape(key: Any) -> str:
    """What was handed in instead of a key, without repeating it."""
    if not isinstance(key, str):
        return type(key).__name__
    return f"{len(key)} other characters" if key.strip() else "nothing"
