"""Where things are on disk: a store's root joined with the paths of `core.layout`."""

from __future__ import annotations

import errno
import os
import time

from runstone.adapters.fs import durable
from runstone.core import layout
from runstone.core.canonical import canonical_bytes
from runstone.core.ids import fold_id, is_run_id
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import Final, Self

    from runstone.adapters.fs.packs.shelf import Packed, Segment, Shelf
    from runstone.adapters.fs.packs.spools import Spools

LOCK_WAIT_S: Final = 30.0
LOCK_PAUSE_S: Final = 0.01


class Places:
    """The folders and files of one store on disk.

    `root` is absolute, but for a relative one in a working directory that was removed: nothing can be found or made
    there, and each use says so.
    """

    __slots__ = ("_shelf", "_spools", "_whole", "leases", "open", "packs", "root", "spooled", "temporary")

    def __init__(self, root: str) -> None:
        try:
            self.root = os.path.abspath(root)
        except FileNotFoundError:
            self.root = os.path.join(os.curdir, root)
        self.temporary = os.path.join(self.root, layout.TEMPORARY)
        self.open = os.path.join(self.root, layout.OPEN)
        self.leases = os.path.join(self.root, layout.LEASES)
        self.packs = os.path.join(self.root, layout.PACKS)
        self.spooled = os.path.join(self.root, layout.SPOOLS)
        self._shelf: Shelf | None = None
        self._spools: Spools | None = None
        self._whole = False

    def at(self, relative: str) -> str:
        """The full path of a place that `core.layout` names."""
        return os.path.join(self.root, *relative.split("/"))

    def new_temporary(self) -> str:
        """A name in the store's own temporary folder that nobody has used."""
        return os.path.join(self.temporary, os.urandom(12).hex())

    def prepare(self) -> None:
        """Make the store if it is not there. A store whose `store.json` stands is durable up to its root.

        Whoever carries a store about may leave out folders that are empty, as git does: they are made again.
        """
        if not os.path.isfile(self.at(layout.STORE_FILE)):
            with translated(self.root):
                self._make()
        elif not self._whole and not all(map(os.path.isdir, (self.temporary, self.open, self.leases))):
            with translated(self.root):
                self._make_folders()
        self._whole = True

    def holder(self, run_id: str) -> str | None:
        """The spelling in which an id is taken: the lease tells, or the names, where it was lost or never was."""
        try:
            fd = os.open(self.at(layout.lease(run_id)), os.O_RDONLY | durable.NO_FOLLOW)
        except FileNotFoundError:
            spelled = ""
        else:
            try:
                spelled = b"".join(read_chunks(fd)).decode("ascii", "replace")
            finally:
                os.close(fd)
        if is_run_id(spelled) and fold_id(spelled) == fold_id(run_id):
            return spelled
        return self.named(run_id)

    def named(self, run_id: str) -> str | None:
        """The spelling in which an id has a bundle or an open run, by their names alone."""
        folded = fold_id(run_id)
        for folder in (self.root, self.open):
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                if fold_id(name) == folded:
                    return name
        packed = self.packed(run_id)
        return None if packed is None else packed.run_id

    def lock_lease(self, run_id: str) -> int | None:
        """The locked descriptor of an id's lease, made anew where it is missing; `None` if somebody else has it."""
        path = self.at(layout.lease(run_id))
        try:
            fd = os.open(path, os.O_RDWR | durable.NO_FOLLOW)
        except FileNotFoundError:  # whoever makes it has it
            self.prepare()
            try:
                return durable.claim(path, self.new_temporary(), run_id.encode())
            except FileExistsError:
                return None
        return locked(fd, path)  # not if the id was freed, and perhaps taken again

    def shelf(self) -> Shelf | None:
        """The segments of the store; `None` as long as there are none, which costs one look."""
        if self._shelf is None and os.path.isdir(self.packs):
            from runstone.adapters.fs.packs.shelf import Shelf

            self._shelf = Shelf(self)
        return self._shelf

    def spools(self) -> Spools | None:
        """The spools of the store; `None` as long as there are none, which costs one look."""
        if self._spools is None and os.path.isdir(self.spooled):
            from runstone.adapters.fs.packs.spools import Spools

            self._spools = Spools(self)
        return self._spools

    def segments(self) -> list[Segment]:
        """Every segment as it is now, the latest first."""
        shelf = self.shelf()
        return [] if shelf is None else shelf.segments()

    def spooled_ids(self) -> list[str]:
        """The runs that are open in a spool."""
        spools = self.spools()
        return [] if spools is None else spools.open_ids()

    def packed(self, run_id: str) -> Packed | None:
        """Where a run stands in a pack, its id in any case."""
        shelf = self.shelf()
        return None if shelf is None else shelf.find(run_id)

    def spooled_by(self, run_id: str) -> str | None:
        """The spool that has events of a run which is not sealed, its id as it is spelled; `None` where none has."""
        spools = self.spools()
        return None if spools is None else spools.holder(run_id)

    def is_sealed(self, run_id: str) -> bool:
        """Whether a bundle of exactly this id stands, loose or packed."""
        if os.path.lexists(self.at(run_id)):
            return True
        packed = self.packed(run_id)  # asked second, and then again: what is unpacked meanwhile is loose first
        return (packed is not None and packed.run_id == run_id) or os.path.lexists(self.at(run_id))

    def leased(self, run_id: str) -> Leased:
        """A context manager that holds the lease of a sealed run while something is done to it."""
        return Leased(self, run_id)

    def reading(self, path: str) -> _Reading:
        """As `translated`, for who reads the store at all: the block ends where nothing is found, and what is wrong
        with a store that is no folder is said of it."""
        return _Reading(self.root, path)

    def locked(self, relative: str) -> Lock:
        """A context manager that holds a lock of the store while it lasts."""
        return Lock(self.at(relative))

    def _make(self) -> None:
        existed = os.path.isdir(self.root)
        try:
            durable.make_folders(self.root)
        except NotADirectoryError as exc:
            from runstone.adapters.fs.probe import no_store

            raise no_store(self.root) from exc
        if existed:  # somebody made it, perhaps a moment ago, and may not have synced its name
            durable.sync_folder(os.path.dirname(self.root))
        self._make_folders()
        attributes = self.at(layout.GIT_ATTRIBUTES)
        if not os.path.lexists(attributes):
            durable.replace_file(attributes, layout.GIT_ATTRIBUTES_TEXT, self.new_temporary())
        durable.sync_folder(self.root)
        text = canonical_bytes({"format": layout.STORE_FORMAT}) + b"\n"
        durable.replace_file(self.at(layout.STORE_FILE), text, self.new_temporary())

    def _make_folders(self) -> None:
        for folder in (self.temporary, self.open, self.leases):
            os.makedirs(folder, exist_ok=True)
        durable.sync_folder(self.at(layout.PRIVATE))


def in_use(run_id: str, why: str) -> RunstoneError:
    """What is raised for a run to which nothing can be done now."""
    return error("run_in_use", f"run {run_id} is in use: {why}", run_id=run_id, reason=why)


class Leased:
    """Holds the lease of a run that is not open. Raises `run_in_use`."""

    __slots__ = ("_fd", "_places", "_run_id")

    def __init__(self, places: Places, run_id: str) -> None:
        self._places = places
        self._run_id = run_id
        self._fd = -1

    def __enter__(self) -> None:
        self._places.prepare()
        lease = self._places.lock_lease(self._run_id)
        if lease is None:
            raise in_use(self._run_id, "another process has its lease")
        self._fd = lease
        if os.path.lexists(self._places.at(layout.open_run(self._run_id))):
            self.__exit__()
            why = "it is open, too: its writer may come back, or `runstone recover` ends it"
            raise in_use(self._run_id, why)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class Lock:
    """Holds the lock on a file, which is made where it is missing. Raises `OSError` where it cannot be had in time."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | durable.NO_FOLLOW, durable.FILE_MODE)
        deadline = time.monotonic() + LOCK_WAIT_S
        while not durable.try_lock(self._fd):
            if time.monotonic() > deadline:
                self.__exit__()
                raise TimeoutError(errno.ETIMEDOUT, "it is locked", self._path)
            time.sleep(LOCK_PAUSE_S)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class _Translated:
    """Context manager: an `OSError` of the system becomes `store_unavailable`, with the path and the system's words.

    One without a number is not the system's: it is a timeout, say, that a signal handler raises.
    """

    __slots__ = ("_code", "_path")

    def __init__(self, path: str, code: str) -> None:
        self._path = path
        self._code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: object) -> bool | None:
        if isinstance(exc, OSError) and exc.errno is not None:
            reason = exc.strerror or str(exc)
            raise error(self._code, f"{self._path}: {reason}", path=self._path, errno=exc.errno, reason=reason) from exc
        return None


class _Reading(_Translated):
    """Context manager of `Places.reading`."""

    __slots__ = ("_root",)

    def __init__(self, root: str, path: str) -> None:
        super().__init__(path, "store_unavailable")
        self._root = root

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> bool:
        absent = isinstance(exc, FileNotFoundError)
        if (absent or isinstance(exc, NotADirectoryError)) and not os.path.isdir(self._root):
            from runstone.adapters.fs.probe import no_store

            fault = no_store(self._root)
            if fault.code != "store_not_found":
                raise fault from exc
        return absent or bool(super().__exit__(kind, exc, trace))


def translated(path: str, code: str = "store_unavailable") -> AbstractContextManager[None]:
    """Errors of the operating system, as the store's own."""
    return _Translated(path, code)


class HoldsDescriptor:
    """Something that reads by one descriptor, until it rests, is closed, or nobody has it any more.

    A copy of it is the same one: two would close the descriptor twice, and by then it may be that of another file.
    """

    _fd = -1

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def rest(self) -> None:
        """Give the descriptor back for now."""
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def read_chunks(
    fd: int, start: int = 0, end_exclusive: int | None = None, *, size: int | None = None
) -> Iterator[bytes]:
    """Bytes of an open file between two offsets, in chunks of up to 1 MiB. `size` is the file's, if it is known."""
    at = start
    expected = os.fstat(fd).st_size if size is None else size
    while end_exclusive is None or at < end_exclusive:
        left = max(expected - at, 0) + 1 if end_exclusive is None else end_exclusive - at
        chunk = os.pread(fd, min(durable.CHUNK_BYTES, left), at)
        if not chunk:
            return
        at += len(chunk)
        yield chunk
        if at == expected and len(chunk) < left:  # the end, told by the same call
            return


def read_and_close(fd: int, path: str) -> Iterator[bytes]:
    """All bytes of an open file, in chunks; its descriptor is given back with the last. Raises `store_unavailable`."""
    try:
        with translated(path):
            yield from read_chunks(fd)
    finally:
        os.close(fd)


def locked(fd: int, path: str) -> int | None:
    """The descriptor of the file at `path`, locked; closed, and `None`, where somebody else has the lock, or another
    file has the name by now."""
    try:
        if durable.try_lock(fd) and durable.is_named(fd, path):
            return fd
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def is_held(path: str) -> bool:
    """Whether somebody has the lock of the file at `path`: the process that writes it, or one that recovers it. Nobody
    has that of a file that is gone."""
    try:
        fd = os.open(path, durable.READ)
    except FileNotFoundError:
        return False
    try:
        return durable.is_locked(fd)
    finally:
        os.close(fd)
