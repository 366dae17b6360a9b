"""Every durable file operation, on one page: no other module syncs, links, renames or locks.

- A file is created, never overwritten: `O_EXCL` and `O_NOFOLLOW`.
- A name is durable only when its folder is synced; a file's bytes only when the file is.
- A sync that failed is never asked again on the same descriptor: the kernel has forgotten the pages. The caller
  gets the error and must write a new file, or report that nothing is promised.
- EINTR and a short count are no failures: the rest is written.
"""

from __future__ import annotations

import errno
import os
import time

from runstone.core.digests import new_hash
from runstone.errors import error

try:
    import fcntl
except ImportError:  # Windows: `msvcrt` locks instead, see `try_lock`
    fcntl = None  # type: ignore[assignment]  # asked for before each use

try:
    from _thread import _count
except ImportError:  # an interpreter that does not tell

    def _count() -> int:
        return 0


TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable, Iterable
    from typing import Final

    from runstone.adapters.fs.hashing import Hashing

    Stamp = tuple[int, ...]

other_threads: Final[Callable[[], int]] = _count
"""How many threads there are beside the main one."""

CHUNK_BYTES: Final = 1 << 20
BESIDE_BYTES: Final = 256 * 1024
"""A thread hashes from a piece of so many bytes on: it is at work in a third of the time that hashing them takes."""
FILE_MODE: Final = 0o644
SEALED_MODE: Final = 0o444
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | NO_FOLLOW
"""To open a file for reading: no link is followed, and no pipe waited for."""
READ_FOLDER: Final = _FOLDER | NO_FOLLOW
_LOCK_TRIES: Final = 1000
_LOCK_PAUSE_S: Final = 0.001
_F_FULLFSYNC: Final = getattr(fcntl, "F_FULLFSYNC", None)


def write_keeping_lock(fd: int, data: bytes) -> int:
    """One `write`, of a line to the page cache, for a process with other threads; answers how much was taken.

    `os.write` gives the interpreter's lock away, and a busy thread may keep it for a switch interval of 5 ms. This
    call keeps it: a microsecond, unless the disk is so far behind that the kernel makes writers wait.
    """
    taken = _locked_write()(fd, data, len(data))
    return taken if taken > 0 else os.write(fd, data)  # asks again, to raise what is wrong


def _locked_write() -> Callable[[int, bytes, int], int]:
    global _write_keeping_lock
    if _write_keeping_lock is None:
        _write_keeping_lock = _load_write()
    return _write_keeping_lock


def _load_write() -> Callable[[int, bytes, int], int]:
    try:
        import ctypes

        call = ctypes.PyDLL(None).write
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)
        call.restype = ctypes.c_ssize_t
    except (ImportError, OSError, AttributeError, TypeError):  # no C library that can be called so
        return lambda fd, data, _: os.write(fd, data)
    return call


_write_keeping_lock: Callable[[int, bytes, int], int] | None = None


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; the rest of a short write follows until nothing more can be written."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def create(path: str, *, mode: int = FILE_MODE) -> int:
    """A descriptor of a new file. Raises `FileExistsError` if the name is taken, by a link too."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, mode)


def start_write_back(fd: int, start: int = 0) -> None:
    """Ask the kernel to begin writing now, so that the sync to come has less to wait for. A hint only.

    From `start` to the end; if that is negative, it counts from the end.
    """
    if hasattr(os, "posix_fadvise"):
        begin = start if start >= 0 else max(0, os.fstat(fd).st_size + start)
        try:
            os.posix_fadvise(fd, begin, 0, os.POSIX_FADV_DONTNEED)
        except OSError as exc:
            if exc.errno is None:  # no disk's: a timeout, say, that a signal handler raises
                raise
            return  # not known to this file system: the bytes are written, and the sync to come tells of them


def sync(fd: int) -> None:
    """Make an open file's bytes and size survive power loss."""
    if _F_FULLFSYNC is not None:
        fcntl.fcntl(fd, _F_FULLFSYNC)  # macOS: fsync alone leaves the bytes in the disk's cache
    else:
        os.fsync(fd)


def sync_data(fd: int) -> None:
    """As `sync`, for a file of whose facts nobody asks but for its size."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        sync(fd)


def sync_file(path: str) -> None:
    """`sync` for a file that is not open."""
    fd = os.open(path, os.O_RDONLY | NO_FOLLOW)
    try:
        sync(fd)
    finally:
        os.close(fd)


def sync_folder(path: str) -> None:
    """Make the names in a folder survive power loss."""
    if os.name == "nt":
        return  # Windows has no such call; names are journaled by NTFS
    fd = os.open(path, _FOLDER)
    try:
        sync(fd)
    finally:
        os.close(fd)


def make_folders(path: str) -> None:
    """Make a folder and its missing parents, each name durable before the next is made."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None
        sync_folder(os.path.dirname(folder))


def hold(fd: int, path: str) -> None:
    """Lock what this process has just made, so that nobody takes it for what a dead one left."""
    if not try_lock(fd):
        raise error("store_unavailable", "a new file cannot be locked: this file system has no locks", path=path)


def make_held_folder(path: str) -> int:
    """Make a folder that this process holds as long as the descriptor is open; -1 where folders cannot be opened."""
    os.mkdir(path)
    if os.name == "nt":
        return -1
    fd = os.open(path, _FOLDER)
    try:
        hold(fd, path)
    except BaseException:
        os.close(fd)
        remove_tree(path)
        raise
    return fd


def let_go(fd: int) -> None:
    """Close a descriptor whose bytes are synced, or told to be unsealed, already: the kernel frees it in any case."""
    if fd < 0:
        return
    try:
        os.close(fd)
    except OSError:
        return


def divert(fd: int) -> None:
    """What is written to a descriptor from now on goes nowhere; its number stays taken until it is closed."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no descriptor is left to do that with
        let_go(fd)
        return
    try:
        os.dup2(null, fd, inheritable=False)
    finally:
        os.close(null)


def replace_file(path: str, data: bytes, temporary: str, mode: int = FILE_MODE) -> None:
    """Put `data` at `path`, old or new and never torn, durable at return. A call that fails leaves no temporary."""
    fd = create(temporary, mode=mode)
    try:
        try:
            write_all(fd, data)
            sync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except OSError:
        _remove_quietly(temporary)
        raise
    sync_folder(os.path.dirname(path))


def create_once(path: str, data: bytes, temporary: str, mode: int = FILE_MODE) -> None:
    """Put `data` at `path`, whole or not at all, durable at return. Raises `FileExistsError`."""
    fd = create(temporary, mode=mode)
    try:
        write_all(fd, data)
        sync(fd)
        place_new(temporary, path)
    except BaseException:
        _remove_quietly(temporary)
        raise
    finally:
        os.close(fd)
    sync_folder(os.path.dirname(path))


def place_new(temporary: str, path: str) -> None:
    """Give a file its name, create-once and atomically. Raises `FileExistsError`. Not yet durable."""
    os.link(temporary, path, follow_symlinks=False)
    os.unlink(temporary)


def name_own(temporary: str, path: str) -> None:
    """Give a file its name, atomically, where that name is the caller's alone: what stands there is replaced. Makes the
    folders above it. Not yet durable."""
    try:
        os.replace(temporary, path)
    except FileNotFoundError:  # the first file in its folder
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.replace(temporary, path)


def publish_folder(source: str, target: str) -> None:
    """Move a folder whose files are synced to its final name, create-once, durable at return.

    Raises `FileExistsError` if anything but an empty folder stands at `target`; that one is replaced, as it holds
    nothing that could be lost. A bundle is never empty, so the rename of a folder over it fails; over a file or a
    link it fails as well. The source's folder needs no sync: if both names came
    back after a power loss, the final one counts.
    """
    try:
        os.rename(source, target)
    except (FileExistsError, NotADirectoryError, PermissionError) as exc:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from exc
        raise
    except OSError as exc:
        if os.path.lexists(target) and os.path.lexists(source):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from exc
        raise
    sync_folder(os.path.dirname(target))


def withdraw_folder(source: str, target: str) -> None:
    """Take a folder's name away, durable at return: it stands whole at `target`, where nobody looks.

    What is in it may be removed only then: if its name came back after a power loss, it would hold half of that.
    """
    os.rename(source, target)
    sync_folder(os.path.dirname(source))


def withdraw_unread(source: str, target: str) -> bool:
    """As `withdraw_folder`, not yet durable; `False` if somebody reads the folder (`share`), and it keeps its name."""
    fd = os.open(source, READ_FOLDER)
    try:
        if not lock_unshared(fd):
            return False
        os.rename(source, target)
        return True
    finally:
        os.close(fd)


def remove_file(path: str) -> None:
    """Remove a file, durable at return. Raises `FileNotFoundError`."""
    os.unlink(path)
    sync_folder(os.path.dirname(path))


def claim(path: str, temporary: str, content: bytes) -> int:
    """A descriptor of a new file at `path` that is whole and locked from the first moment anybody can see it.

    Raises `FileExistsError` if the name is taken.
    """
    fd = create(temporary)
    try:
        place_held(fd, path, temporary, content)
        return fd
    except BaseException:
        remove_own(fd, path)  # a signal handler has raised behind the link
        os.close(fd)
        _remove_quietly(temporary)
        raise


def place_held(fd: int, path: str, temporary: str, content: bytes) -> None:
    """The parts of `claim` behind the first, for who must know the descriptor before: the new file `temporary`, which
    it is of, comes to stand at `path`. Raises `FileExistsError`."""
    hold(fd, path)
    write_all(fd, content)
    place_new(temporary, path)


def remove_own(fd: int, path: str) -> None:
    """Remove the file at `path` if it is the open one; whatever else stands there is somebody else's."""
    try:
        if is_named(fd, path):
            _remove_quietly(path)
    except OSError:  # there is no such descriptor
        return


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file; `False` if somebody has it. The kernel drops it with the process.

    Whoever only asks (`is_locked`) has a shared lock for a moment; that moment is waited for. Raises `TimeoutError`
    if it does not end: the asking process was stopped in it.
    """
    for _ in range(_LOCK_TRIES):
        if _lock(fd):
            return True
        if is_locked(fd):
            return False
        time.sleep(_LOCK_PAUSE_S)
    raise TimeoutError(errno.ETIMEDOUT, "a process that asked about the lock does not let go of it")


def share(fd: int, path: str) -> None:
    """Say that the folder at `path` is being read, as long as the descriptor is open. Where there are no locks, it is
    not said.

    Whoever has just given it its name, or is about to take it away, has it locked for a moment, which is waited for; if
    that one was stopped in it, the folder is read unsaid. Raises `FileNotFoundError` if it has lost its name.
    """
    for _ in range(_LOCK_TRIES if fcntl is not None else 0):
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            _check_named(fd, path)
            time.sleep(_LOCK_PAUSE_S)
        except OSError:
            return
        else:
            _check_named(fd, path)
            return


def _check_named(fd: int, path: str) -> None:
    if not is_named(fd, path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def lock_unshared(fd: int) -> bool:
    """Take the exclusive lock of a folder; `False` if somebody reads it (`share`) or has it. Nobody is waited for."""
    return _lock(fd)


def is_locked(fd: int) -> bool:
    """Whether somebody has the exclusive lock of a file that is open for reading; it is not taken."""
    if fcntl is None:
        return not _lock(fd)  # type: ignore[unreachable]  # Windows has no other way; it ends with the descriptor
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def is_named(fd: int, path: str) -> bool:
    """Whether an open file stands at `path`, and no other has come there since it was opened."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def _lock(fd: int) -> bool:
    if fcntl is None:
        import msvcrt  # type: ignore[unreachable]  # the checker knows only the platform it runs on

        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]  # Windows only
        except OSError:
            return False
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def reopen_cut(path: str, size: int) -> tuple[int, int]:
    """Open a journal anew for appending and cut it to `size` bytes; answers the descriptor and the new size.

    One that is shorter has lost bytes that were good: it is cut after its last LF.
    """
    fd = os.open(path, os.O_RDWR | os.O_APPEND | NO_FOLLOW)
    try:
        end = os.fstat(fd).st_size
        size = size if end >= size else _after_last_line(fd, end)
        if size != end:
            os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd, size


def append_lines(path: str, data: bytes, is_whole: Callable[[bytes], bool], left: Stamp) -> tuple[bytes, Stamp]:
    """Add whole lines to a file, which is made where it is missing, durable at return; answers what was cut, and what
    tells the next call that nobody has touched the file since.

    For who holds the file's lock. What stands behind its last LF is given one if it `is_whole`, else it is cut. The
    name is synced unless the file is as it was `left`: it may be another one, whose maker has not, by now or for ever.
    Where a write fails, the file is cut to what it held; after a failed sync nothing more is known of it.
    """
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | NO_FOLLOW, FILE_MODE)
    torn = b""
    try:
        facts = os.fstat(fd)
        end = facts.st_size
        good = _after_last_line(fd, end)
        if good < end:
            tail = _read_from(fd, good, end)
            if is_whole(tail):
                data = b"\n" + data
                good = end
            else:
                torn = tail
                os.ftruncate(fd, good)
        try:
            write_all(fd, data)
        except OSError:
            os.close(fd)
            fd = -1
            fd, _ = reopen_cut(path, good)
            raise
        sync_data(fd)
        told = _stamp(os.fstat(fd))
    finally:
        if fd >= 0:
            os.close(fd)
    if _stamp(facts) != left:
        sync_folder(os.path.dirname(path))
    return torn, told


def _stamp(facts: os.stat_result) -> Stamp:
    """What tells that a file is the one it was: its number alone is given to the next one when it is gone."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _read_from(fd: int, start: int, end: int) -> bytes:
    found = b""
    while start + len(found) < end and (piece := os.pread(fd, end - start - len(found), start + len(found))):
        found += piece
    return found


def _after_last_line(fd: int, end: int) -> int:
    while end:
        start = max(0, end - CHUNK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def remove_tree(path: str) -> None:
    """Remove a folder and what is in it; links are removed, never followed. Missing parts are no error."""
    if os.path.islink(path):
        _remove_quietly(path)
        return
    try:
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        _remove_quietly(path)
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            _remove_quietly(entry.path)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass


def _remove_quietly(path: str) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        pass


def write_new(fd: int, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Write pieces to a new file; answers its size and SHA-256. Large pieces go to the disk while they are hashed;
    write-back of all has begun at return."""
    size = begun = 0
    running: hashlib._Hash | None = None
    beside: Hashing | None = None
    try:
        for piece in pieces:
            running = running or new_hash(size=len(piece))
            if beside is None and len(piece) >= BESIDE_BYTES:
                from runstone.adapters.fs.hashing import Hashing  # few files are large

                beside = Hashing(running)
            (beside or running).update(piece)
            write_all(fd, piece)
            if len(piece) >= BESIDE_BYTES:
                start_write_back(fd, begun)
                begun = size + len(piece)
            size += len(piece)
        if begun < size:
            start_write_back(fd, begun)
        return size, (beside or running or new_hash(size=0)).hexdigest()
    finally:
        if beside is not None:
            beside.close()
