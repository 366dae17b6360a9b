"""Imports that other threads are in the middle of, when this one forks.

The child has the locks of their modules and not the threads: who imports one of these there waits for ever. So the fork
waits for them, as far as Runstone itself may import them. Python has no public way to ask; where a version keeps its
locks elsewhere, nothing is waited for.
"""

from __future__ import annotations

import _frozen_importlib
import _imp
import _thread
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

LIBRARIES: Final = frozenset(
    {
        "cryptography",
        "hyperscan",
        "jsonschema",
        "orjson",
        "pandas",
        "pydantic_core",
        "pyrage",
        "referencing",
        "runstone",
        "zstandard",
    }
)
"""What Runstone imports in the middle of a call, beside the standard library: no import of these waits for a fork."""
WAIT_S: Final = 10.0
"""So long a fork waits at most: an import may itself wait for what only the thread that forks can do."""
_PAUSE_S: Final = 0.001

_locks: Final[dict[str, Any]] = getattr(_frozen_importlib, "_module_locks", {})
"""The lock of each module that some thread imports now, by weak reference."""


def wait_for_imports() -> None:
    """Answer when no other thread imports what Runstone may import, or after `WAIT_S`."""
    deadline = time.monotonic() + WAIT_S
    while _under_way() and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)


def _under_way() -> bool:
    here = _thread.get_ident()
    _imp.acquire_lock()  # nobody is just about to make a lock
    try:
        found = [lock() for name, lock in list(_locks.items()) if _is_known(name.partition(".")[0])]
    finally:
        _imp.release_lock()
    return any(lock is not None and lock.owner not in (None, here) for lock in found)


def _is_known(root: str) -> bool:
    return root in LIBRARIES or root in sys.stdlib_module_names
