"""A file that leaves the store: whole under its name, or not there, however the process ends.

Until then it stands beside, as `.runstone-` and sixteen digits: a process that was killed may leave that behind. On a
disk without links there is one moment more, in which an empty file has the name.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.probe import in_the_way
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def write_new(path: str, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Write a new file, durable at return; answers its size and SHA-256.

    Raises `file_exists`, also for what stands where its folder would be; `file_not_found` where its folder is not
    there; and `OSError` that names the file.
    """
    if os.path.lexists(path):
        raise _exists(f"{path} exists", path)
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".runstone-{os.urandom(8).hex()}")
    try:
        fd = _created(temporary, folder)
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
            raise _exists(f"{path} exists", path) from None
        if isinstance(exc, OSError) and exc.filename in (None, temporary):
            exc.filename = path  # a write that fails does not say of which file
        raise
    return facts


def _created(path: str, folder: str) -> int:
    try:
        return durable.create(path)
    except (FileNotFoundError, NotADirectoryError) as exc:
        obstacle = in_the_way(folder)
        if obstacle is not None:
            raise _exists(obstacle, folder) from exc
        message = f"there is no folder {folder or os.curdir}; nothing was written"
        raise error("file_not_found", message, path=folder) from exc


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


def _exists(what: str, path: str) -> Exception:
    return error("file_exists", f"{what}; nothing was written", path=path)
