"""Published copies as files below the public folder of a store.

A store that stands in `<folder>/.runstone/store` publishes in that folder, any other in its own `.runstone/published/`.
So a bundle that comes into somebody's ordinary store never writes outside of it.
"""

from __future__ import annotations

import errno
import os
import stat

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Places, read_and_close, read_chunks, translated
from runstone.core import layout
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runstone.ports.objects import Committed


class FsPublished:
    """Port `published` on a file system."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._note = places.at(layout.PUBLISHED)
        inner = os.path.join("", *layout.INNER_STORE.split("/"))
        outer = places.root.removesuffix(os.sep + inner)
        self.folder = self._note if outer == places.root else outer or os.sep

    def begin(self) -> None:
        if not os.path.isdir(self._note):
            self._places.prepare()
            with translated(self._note):
                durable.make_folders(self._note)

    def begun(self) -> bool:
        return os.path.isdir(self._note)

    def put(self, place: str, body: Iterable[bytes]) -> Committed:
        path = self.location(place)
        data = b"".join(body)
        self.begin()
        with translated(path):
            durable.make_folders(os.path.dirname(path))
            try:
                durable.create_once(path, data, self._places.new_temporary(), durable.SEALED_MODE)
            except FileExistsError:
                self._check_same(path, place, data)
                return "identical"
        return "created"

    def _check_same(self, path: str, place: str, data: bytes) -> None:
        """What stands there may have been put a moment ago, and not be durable yet."""
        try:
            fd = os.open(path, durable.READ)
        except OSError:  # a link, or what cannot be read
            raise _other(place, path) from None
        try:
            facts = os.fstat(fd)
            same = stat.S_ISREG(facts.st_mode) and facts.st_size == len(data)
            if not same or b"".join(read_chunks(fd)) != data:
                raise _other(place, path)
            durable.sync(fd)
        finally:
            os.close(fd)
        durable.sync_folder(os.path.dirname(path))

    def stands(self, place: str) -> bool:
        fd = self._opened(self.location(place))
        if fd is not None:
            os.close(fd)
        return fd is not None

    def read(self, place: str) -> Iterator[bytes] | None:
        path = self.location(place)
        fd = self._opened(path)
        return None if fd is None else read_and_close(fd, path)

    def _opened(self, path: str) -> int | None:
        """The descriptor of a regular file; `None` where nothing stands."""
        with translated(path):
            try:
                fd = os.open(path, durable.READ)
            except (FileNotFoundError, NotADirectoryError):
                return None
            mode = os.fstat(fd).st_mode
            if stat.S_ISREG(mode):
                return fd
            os.close(fd)
            raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, "no regular file", path)

    def remove(self, place: str) -> bool:
        path = self.location(place)
        with translated(path):
            try:
                durable.remove_file(path)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def location(self, place: str) -> str:
        return os.path.join(self.folder, *layout.check_path(place).split("/"))


def _other(place: str, path: str) -> Exception:
    message = f"{path} is not what is to be published there; nothing is written over"
    return error("published_conflict", message, path=path, place=place)
