"""A file that leaves the store: whole under its name, or not there, however the process ends.

Until then it stands beside, as `.runstone-` and sixteen digits: a process that was killed may leave that behind. On a
disk without links there is one moment more, in which an empty file has the name.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def write_new(path: str, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Write a new file, durable at return; answers its size and SHA-256. Raises `file_exists`, and `OSError` that names
    the file."""
    if os.path.lexists(path):
        raise _exists(path)
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".runstone-{os.urandom(8).hex()}")
    try:
        fd = durable.create(temporary)
        try:
            facts = durable.write_new(fd, pieces)
            durable.sync(fd)
        finally:
            os.close(fd)
        _name(temporary, path)
        durable.sync_folder(folder or os.curdir)
    except BaseException as exc:
        durable.remove_tree(temporary)
        if isinstance(exc, FileExistsError):
            raise _exists(path) from None
        if isinstance(exc, OSError) and exc.filename in (None, temporary):
            exc.filename = path  # a write that fails does not say of which file
        raise
    return facts


def _name(temporary: str, path: str) -> None:
    try:
        durable.place_new(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a stick without links: an empty file takes the name first
        os.close(durable.create(path))
        try:
            durable.name_own(temporary, path)
        except BaseException:
            durable.remove_tree(path)
            raise


def _exists(path: str) -> Exception:
    return error("file_exists", f"{path} exists; nothing was written", path=path)
