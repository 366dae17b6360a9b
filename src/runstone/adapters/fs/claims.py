"""Claims as files: `.runstone/idem/<name>`, made by one link."""

from __future__ import annotations

import os

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, read_chunks, translated
from runstone.core import layout


class FsClaims:
    """Port `claims` on a file system."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def put_new(self, name: str, body: bytes) -> bytes | None:
        places = self._places
        path = places.at(layout.claim(name))
        places.prepare()
        with translated(path):
            found = _read(path)
            if found is None:
                durable.make_folders(os.path.dirname(path))
                try:
                    durable.create_once(path, body, places.new_temporary(), durable.SEALED_MODE)
                except FileExistsError:
                    found = _read(path)
            return found

    def get(self, name: str) -> bytes | None:
        path = self._places.at(layout.claim(name))
        with translated(path):
            return _read(path)


def _read(path: str) -> bytes | None:
    try:
        fd = os.open(path, durable.READ)
    except FileNotFoundError:
        return None
    try:
        return b"".join(read_chunks(fd))
    finally:
        os.close(fd)
