"""The folder in which a program puts files that its run keeps: made when it is first asked for.

- A file of it is removed once its very bytes stand in the sealed bundle, and not before: it may be all that there is
  of the program's results. What the bundle does not hold stays where it is.
- It stands in the store under the run's id, so what a killed program had made is found there. Recovery leaves it
  alone: nobody knows which of its files are whole. Where the store has no such place (it is in memory, or cannot be
  written) or nothing is recorded, it stands among the system's temporary files.
- It is not inside the open run: what a program makes there may be unreadable or endless, and must keep neither seal
  nor recovery from their work.
- It belongs to the process that made it: a forked child neither keeps its files nor removes it.
"""

from __future__ import annotations

import _thread
import os

from runstone.core import layout
from runstone.engine.artifacts import ChangedWhileRead, FileReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Final

    from runstone.core.manifest import Manifest
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

_KEPT: Final = layout.artifact("")


class Scratch:
    """A folder of one run, readable by its owner only. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path: Path | None = None
        self._pid = 0
        self._lock = _thread.allocate_lock()

    def folder(self, run: Run) -> Path:
        """The folder of `run`. Raises `OSError` where none can be made."""
        with self._lock:
            if self._path is None:
                from pathlib import Path

                self._path = Path(_in_store(self._store, run) or _elsewhere())
                self._pid = os.getpid()
            return self._path

    def files(self) -> Iterator[tuple[str, Path, bool]]:
        """(path below the folder with `/`, full path, whether it is a regular file), sorted; folders are not named."""
        if self._path is None:
            return
        for found in sorted(self._path.rglob("*")):
            if found.is_symlink() or not found.is_dir():
                yield found.relative_to(self._path).as_posix(), found, found.is_file() and not found.is_symlink()

    @property
    def is_ours(self) -> bool:
        """Whether there is a folder that this process made; false once it is released."""
        return self._path is not None and os.getpid() == self._pid

    def release(self, manifest: Manifest | None) -> Path | None:
        """Remove the files that a sealed bundle holds, and the folders that are empty then; none without a manifest.

        Answers the folder if anything is left in it. Does nothing in a forked child.
        """
        if not self.is_ours:  # asked before the lock, which in a child a thread of the parent may hold for ever
            return None
        with self._lock:
            folder, self._path = self._path, None
        if folder is None:
            return None
        held = _held(manifest)
        for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
            _remove(path, held)
        return None if _removed_folder(folder) else folder


def _held(manifest: Manifest | None) -> set[tuple[int, str]]:
    """Size and digest of every file that a program gave to the bundle."""
    entries = manifest["files"] if manifest is not None else []
    return {(entry["size"], entry["sha256"]) for entry in entries if entry["path"].startswith(_KEPT)}


def _remove(path: Path, held: set[tuple[int, str]]) -> None:
    """Remove a file that is held, or a folder that is empty."""
    if path.is_symlink():
        return
    try:
        if path.is_dir():
            _removed_folder(path)
        elif path.is_file() and _is_held(path, held):
            path.unlink()
    except (OSError, ChangedWhileRead):
        pass  # it stays, and is told with the rest


def _is_held(path: Path, held: set[tuple[int, str]]) -> bool:
    """Whether the file as it is now is one of `held`: it may have been written to since it was copied."""
    if path.stat().st_size not in {size for size, _ in held}:
        return False
    reader = FileReader(os.fspath(path), hashed=True)
    for _ in reader.chunks():
        pass
    return (reader.size, reader.sha256) in held


def _removed_folder(path: Path) -> bool:
    """Whether it could be removed: nothing is in it."""
    try:
        path.rmdir()
    except OSError:
        return False
    return True


def _in_store(store: Store, run: Run) -> str | None:
    """A new folder in the store, if that is on this machine."""
    if not (run.recording and store.objects.properties.local):
        return None
    path = os.path.join(store.url, *layout.unkept(run.run_id).split("/"))
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkdir(path, 0o700)
    except OSError:
        return None
    return path


def _elsewhere() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="runstone-artifacts-")
