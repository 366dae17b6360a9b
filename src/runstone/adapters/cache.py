"""The user's cache folder: bytes that take long to make and hold no secret, kept for later processes.

Nothing depends on it: what is missing, torn or not only ours is made anew.
"""

from __future__ import annotations

import os
import stat
import sys

from runstone.adapters.fs import durable
from runstone.core.digests import sha256_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MAX_BYTES: Final = 64 * 1024 * 1024
FOLDER_MODE: Final = 0o700
KEPT_MODE: Final = 0o600
_PROCESSORS: Final = "/proc/cpuinfo"
_CPU_BYTES: Final = 4096
"""In so many bytes the first processor is told of; those behind it are its like."""
_ABLE_TO: Final = (b"flags", b"Features")


def folder() -> str | None:
    """Where the system wants caches of this user; `None` where it does not say."""
    base = os.environ.get("XDG_CACHE_HOME")
    if not base or not os.path.isabs(base):
        home = os.path.expanduser("~")
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA")
        elif sys.platform == "darwin":
            base = os.path.join(home, "Library", "Caches")
        else:
            base = os.path.join(home, ".cache")
    return os.path.join(base, "runstone") if base and os.path.isabs(base) else None


def for_processor(name: str) -> str:
    """A name for what is made for processors like this one: a home may be shared by machines that differ."""
    try:
        fd = os.open(_PROCESSORS, os.O_RDONLY)
    except OSError:
        told = os.uname().machine.encode() if hasattr(os, "uname") else b""
    else:
        try:
            told = b"\n".join(line for line in os.read(fd, _CPU_BYTES).split(b"\n") if line.startswith(_ABLE_TO))
        finally:
            os.close(fd)
    return f"{name}-{sha256_hex(told)[:16]}"


def load(name: str) -> bytes | None:
    """What was kept under a name, if it is a file of this user's that nobody else can write."""
    place = folder()
    if place is None:
        return None
    try:
        fd = os.open(os.path.join(place, name), durable.READ)
    except OSError:
        return None
    try:
        facts = os.fstat(fd)
        if not _is_ours(facts) or facts.st_size > MAX_BYTES:
            return None
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)


def keep(name: str, data: bytes) -> None:
    """Keep bytes under a name, whole or not at all. A failure is no error."""
    place = folder()
    if place is None:
        return
    temporary = os.path.join(place, f".{os.urandom(8).hex()}")
    try:
        os.makedirs(place, FOLDER_MODE, exist_ok=True)
        durable.replace_file(os.path.join(place, name), data, temporary, KEPT_MODE)
    except OSError:
        try:
            durable.remove_tree(temporary)
        except OSError:  # a folder that cannot even be searched
            return


def _is_ours(facts: os.stat_result) -> bool:
    if not stat.S_ISREG(facts.st_mode):
        return False
    return os.name == "nt" or (facts.st_uid == os.getuid() and not facts.st_mode & 0o077)
