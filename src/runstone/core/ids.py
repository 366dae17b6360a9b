"""Run ids: the grammar, and an id from random bits.

- `[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?`: a run id is a safe file name everywhere.
- No Windows device name, with or without an extension.
- Unique without regard to case: `fold_id` is the form that is compared.
"""

from __future__ import annotations

from runstone.core.limits import MAX_RUN_ID_LENGTH
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_ALNUM: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_INNER: Final = _ALNUM | frozenset("._-")
_LAST: Final = _ALNUM | frozenset("_-")
DEVICE_NAMES: Final = frozenset(
    [
        "con",
        "prn",
        "aux",
        "nul",
        "conin$",
        "conout$",
        *(f"{name}{n}" for name in ("com", "lpt") for n in "0123456789¹²³"),
    ]
)


def is_run_id(text: Any) -> bool:
    """Whether `text` follows the grammar of run ids."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= MAX_RUN_ID_LENGTH
        and text[0] in _ALNUM
        and text[-1] in _LAST
        and _INNER.issuperset(text)
        and text.partition(".")[0].lower() not in DEVICE_NAMES
    )


def check_run_id(text: Any) -> str:
    """`text`, if it is a run id; raises `invalid_run_id`."""
    if is_run_id(text):
        run_id: str = text
        return run_id
    shown = excerpt(repr(text))
    raise error(
        "invalid_run_id",
        f"a run id has 1 to {MAX_RUN_ID_LENGTH} of the characters A-Z a-z 0-9 . _ -, starts with a letter or digit, "
        f"does not end with a dot, and is no device name; found {shown}",
        found=shown,
    )


def fold_id(run_id: str) -> str:
    """The form in which two run ids are the same run id."""
    return run_id.lower()


def is_random_id(run_id: str) -> bool:
    """Whether an id has the form of `new_run_id`: nobody has another spelling of it."""
    return len(run_id) == 32 and not run_id.strip("0123456789abcdef")


def new_run_id(random_bytes: bytes, unix_ms: int) -> str:
    """A run id of 128 bits: 48 of time, so that ids sort by age, then 80 random ones; 32 hexadecimal digits.

    `random_bytes` has 10 bytes or more.
    """
    return f"{unix_ms & (2**48 - 1):012x}{random_bytes[:10].hex()}"
