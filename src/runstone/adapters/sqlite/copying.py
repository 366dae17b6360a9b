"""A file of states that is copied as it stands, for who may change the copy alone: a replay.

- Nothing is written beside the file that is copied, not even what SQLite needs to read it: the copy is one of bytes.
- It is whole, though others write meanwhile. The database is copied first, then the log, which has all that somebody
  moves from it to the database meanwhile; a log that was begun anew is seen, and the copy made again.
"""

from __future__ import annotations

import os
import sqlite3
from shutil import copyfile

from runstone.adapters.sqlite.rows import space_of
from runstone.adapters.sqlite.states import told
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

    from runstone.ports.states import Place

MAX_TRIES: Final = 20
LOG: Final = "-wal"
_HEADER_BYTES: Final = 32
"""Of the log: its salts are others each time that it is begun."""


def copy_file(source: str, target: str) -> None:
    """Copy what is committed; nothing, where nothing is. What it is is seen when it is opened.

    Raises `store_unavailable`.
    """
    if not os.path.lexists(source):
        return
    try:
        for _ in range(MAX_TRIES):
            before = _stamp(source)
            copyfile(source, target)
            try:
                copyfile(source + LOG, target + LOG)
            except FileNotFoundError:
                open(target + LOG, "wb").close()
            if _stamp(source) == before:
                return
    except OSError as exc:
        raise error("store_unavailable", f"{source}: {exc.strerror}", path=source) from exc
    raise error("store_unavailable", f"{source}: it is written all the time, and was not copied", path=source)


def _stamp(source: str) -> tuple[Any, ...]:
    """What tells that a log is the same one; without a log, that the file is."""
    try:
        with open(source + LOG, "rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        header = b""
    stands = os.stat(source)
    return header, stands.st_ino, *(() if header else (stands.st_size, stands.st_mtime_ns))


def forget_writes(path: str, steps: Iterable[tuple[Place, str]]) -> None:
    """Delete the writes behind steps. Raises `store_unavailable`."""
    try:
        db = sqlite3.connect(path)
        try:
            for place, step in steps:
                db.execute("DELETE FROM writes WHERE space = ? AND step = ?", (space_of(db, place), step))
            db.commit()
        finally:
            db.close()
    except sqlite3.Error as exc:
        raise told(exc, path) from exc
