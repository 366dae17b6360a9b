"""The folder in which a program puts files that its run keeps: made when it is first asked for, gone with the run.

- It stands in the store under the run's id, so what a killed program had made is found there. Recovery leaves it
  alone: nobody knows which of its files are whole. Where the store has no such place (it is in memory, or cannot be
  written) or nothing is recorded, it stands among the system's temporary files.
- It is not inside the open run: what a program makes there may be unreadable or endless, and must keep neither seal
  nor recovery from their work.
- It belongs to the process that made it: a forked child neither keeps its files nor removes it.
"""

from __future__ import annotations

import os

from runstone.core import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runstone.engine.recorder import Run
    from runstone.engine.store import Store


class Scratch:
    """A folder of one run, readable by its owner only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path: Path | None = None
        self._pid = 0

    def folder(self, run: Run) -> Path:
        """The folder of `run`. Raises `OSError` where none can be made."""
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

    def remove(self) -> None:
        """Remove the folder and what is in it; nothing in a forked child."""
        if self._path is not None and os.getpid() == self._pid:
            import shutil

            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None


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
