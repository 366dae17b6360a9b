"""Port `debug` as files: `.runstone/debug/<run_id>/<name>`, which their owner alone can read.

A file is whole when it has its name, and what stands in the temporary folder before is encrypted already.
"""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, read_and_close, translated
from runstone.core import layout
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

DEBUG_MODE: Final = 0o600


class FsDebug:
    """Port `debug` on a file system."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def put(self, run_id: str, name: str, data: bytes) -> None:
        places = self._places
        path = places.at(layout.debug_file(run_id, name))
        places.prepare()
        with translated(path):
            durable.make_folders(os.path.dirname(path))
            try:
                durable.create_once(path, data, places.new_temporary(), DEBUG_MODE)
            except FileExistsError:
                raise error("file_exists", f"debug mode has kept a file {name!r} already", path=path) from None

    def names(self, run_id: str) -> list[str]:
        folder = self._places.at(layout.debug(run_id))
        with translated(folder):
            try:
                return sorted(os.listdir(folder))
            except FileNotFoundError:
                return []

    def read(self, run_id: str, name: str) -> Iterator[bytes] | None:
        path = self._places.at(layout.debug_file(run_id, name))
        with translated(path):
            try:
                fd = os.open(path, durable.READ)
            except FileNotFoundError:
                return None
        return read_and_close(fd, path)

    def remove(self, run_id: str) -> None:
        folder = self._places.at(layout.debug(run_id))
        with translated(folder):
            if os.path.lexists(folder):
                durable.remove_tree(folder)
                durable.sync_folder(os.path.dirname(folder))
