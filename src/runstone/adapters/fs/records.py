"""Port `records` as files: a record's key is its path below a folder, its body the file's bytes.

- What is done to a key is done under a lock that it shares with some others: a file in `.runstone/records/`, which
  the kernel drops with the process. What a dead process left half made under that lock, the next one to hold it
  removes. What is made alone is made under another one, so that its calls find theirs free.
- A folder that this process has not written to yet is made durable, with those above it, before the first record in
  it is answered: whoever made it may have died before that.
"""

from __future__ import annotations

import _thread
import errno
import os
import stat
import time

from runstone.adapters.fs import durable
from runstone.adapters.fs.places import Lock, read_chunks, translated
from runstone.core.digests import digest_of, sha256_hex
from runstone.core.layout import PRIVATE
from runstone.ports.records import (
    ANY,
    Added,
    Lines,
    RecordProperties,
    check_expected,
    check_key,
    is_whole,
    joined,
    split,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final, Self

    from runstone.core.digests import Digest
    from runstone.ports.records import Answer, Expected

PROPERTIES: Final = RecordProperties("power", "filesystem")
LOCKS: Final = f"{PRIVATE}/records"
RECENT_NS: Final = 2_000_000_000
"""A file that changed so lately may change again and show the same time: file systems count in ticks, up to 2 s."""


class FsRecords:
    """Records below a folder, which the first of them makes."""

    def __init__(self, root: str) -> None:
        self._given = root
        self._root = os.path.abspath(root)
        self._durable: set[str] = set()
        self._left: dict[str, durable.Stamp] = {}
        """What files of lines were when this had added to them, and their names were durable."""
        self._inner: dict[tuple[int, str], _thread.LockType] = {}

    @property
    def properties(self) -> RecordProperties:
        return PROPERTIES

    def read(self, key: str) -> bytes | None:
        return self._read(self._path(key))

    def replace(self, key: str, body: bytes, *, expected: Expected = ANY) -> Digest:
        path = self._path(key)
        with translated(path), Held(self, self.stripe(key)) as held:
            if expected != ANY:
                check_expected(key, expected, self._read(path))
            self._prepare(os.path.dirname(path))
            durable.replace_file(path, body, held.temporary)
        return digest_of(body)

    def append(self, key: str, lines: list[bytes]) -> bytes:
        path, data = self._path(key), joined(lines)
        if not data:
            return b""
        with translated(path), Held(self, self.stripe(key)):
            self._prepare(os.path.dirname(path))
            torn, self._left[path] = durable.append_lines(path, data, is_whole, self._left.pop(path, ()))
        return torn

    def lines(self, key: str) -> Lines:
        path = self._path(key)
        found = split(self._read(path) or b"")
        if found.torn:  # or somebody is writing it just now
            try:
                with Held(self, self.stripe(key)):
                    return split(self._read(path) or b"")
            except OSError:  # nobody can write here
                return found
        return found

    def added(self, key: str, since: str = "") -> Added:
        none = Added([], "", anew=True)
        return self._opened(self._path(key), lambda fd, inode: _behind(fd, inode, since), none)

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key, _ in self._files(prefix))

    def marks(self, prefix: str = "") -> dict[str, str]:
        now = time.time_ns()
        found = {}
        for key, entry in self._files(prefix):
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            settled = now - max(facts.st_mtime_ns, facts.st_ctime_ns) > RECENT_NS
            mark = f"{facts.st_ino}-{facts.st_size}-{facts.st_mtime_ns}-{facts.st_ctime_ns}"
            found[key] = mark if settled else ""
        return found

    def remove(self, key: str, *, expected: Expected = ANY) -> bool:
        path = self._path(key)
        with translated(path), Held(self, self.stripe(key)):
            if expected != ANY:
                check_expected(key, expected, self._read(path))
            try:
                durable.remove_file(path)
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def alone(self, key: str, work: Callable[[], Answer]) -> Answer:
        path, held = self._path(key), Held(self, f"{self.stripe(key)}.alone")
        with translated(path):
            held.__enter__()
        try:
            return work()
        finally:
            held.__exit__()

    def place(self, key: str) -> str:
        return os.path.join(self._given, *check_key(key).split("/"))

    def stripe(self, key: str) -> str:
        """The path of the lock that is held while something is done to a key."""
        return os.path.join(self._root, *LOCKS.split("/"), sha256_hex(key.encode())[:2])

    def inner(self, stripe: str) -> _thread.LockType:
        """The lock of this process's threads that stands before one of all processes; a fork has its own."""
        return self._inner.setdefault((os.getpid(), stripe), _thread.allocate_lock())

    def prepare_locks(self) -> None:
        """Make the folder of the locks."""
        folder = os.path.join(self._root, *LOCKS.split("/"))
        if folder not in self._durable or not os.path.isdir(folder):
            durable.make_folders(folder)
            self._durable.add(folder)

    def _path(self, key: str) -> str:
        return os.path.join(self._root, *check_key(key).split("/"))

    def _read(self, path: str) -> bytes | None:
        return self._opened(path, lambda fd, _: b"".join(read_chunks(fd)), None)

    def _opened(self, path: str, work: Callable[[int, int], Answer], otherwise: Answer) -> Answer:
        """What is done with an open file and its inode; `otherwise` where there is none."""
        with translated(path):
            try:
                fd = os.open(path, durable.READ)
            except (FileNotFoundError, NotADirectoryError):
                return otherwise
            try:
                facts = os.fstat(fd)
                if not stat.S_ISREG(facts.st_mode):
                    raise OSError(errno.EINVAL, "it is no regular file")
                return work(fd, facts.st_ino)
            finally:
                os.close(fd)

    def _prepare(self, folder: str) -> None:
        """Make a folder, durable up to the root's own name."""
        if folder in self._durable and os.path.isdir(folder):
            return
        durable.make_folders(folder)
        above = folder
        while above != self._root:
            above = os.path.dirname(above)
            durable.sync_folder(above)
        durable.sync_folder(os.path.dirname(self._root))
        self._durable.add(folder)

    def _files(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        waiting = [prefix.rpartition("/")[0]]
        while waiting:
            folder = waiting.pop()
            with translated(self._root):
                try:
                    entries = list(os.scandir(os.path.join(self._root, *filter(None, folder.split("/")))))
                except (FileNotFoundError, NotADirectoryError):
                    continue
            for entry in entries:
                key = f"{folder}/{entry.name}" if folder else entry.name
                if key == PRIVATE:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if key.startswith(prefix) or prefix.startswith(f"{key}/"):
                        waiting.append(key)
                elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                    yield key, entry


class Held:
    """Holds a lock, against threads and processes; has a name for a file that is being made."""

    __slots__ = ("_inner", "_lock", "_records", "temporary")

    def __init__(self, records: FsRecords, stripe: str) -> None:
        self._records = records
        self._inner = records.inner(stripe)
        self._lock = Lock(stripe)
        self.temporary = f"{stripe}.tmp"

    def __enter__(self) -> Self:
        self._inner.acquire()
        try:
            self._records.prepare_locks()
            self._lock.__enter__()
            try:
                os.unlink(self.temporary)
            except FileNotFoundError:
                pass
        except BaseException:
            self._inner.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._lock.__exit__()
        finally:
            self._inner.release()


def _behind(fd: int, inode: int, since: str) -> Added:
    """See `Records.added`. A mark is the inode, where the last line begins and ends, and the digest of that."""
    known, begin, end, digest = since.split("-") if since else ("", "0", "0", "")
    anew = known != str(inode) or sha256_hex(b"".join(read_chunks(fd, int(begin), int(end)))) != digest
    start = 0 if anew else int(end)
    body = b"".join(read_chunks(fd, start))
    after = body.rfind(b"\n") + 1
    last = body.rfind(b"\n", 0, max(after - 1, 0)) + 1
    told = f"{inode}-{start + last}-{start + after}-{sha256_hex(body[last:after])}"
    return Added(split(body).whole, told if after else "" if anew else since, anew)
