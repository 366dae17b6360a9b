"""The folder in which a program puts files that its run keeps: made when it is first asked for, gone with the run.

It belongs to the process that made it: a forked child neither keeps its files nor removes it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Scratch:
    """A folder of one run, outside the store, readable by its owner only."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._pid = os.getpid()

    @property
    def path(self) -> Path:
        """The folder. Raises `OSError` where none can be made."""
        if self._path is None:
            import tempfile
            from pathlib import Path

            self._path = Path(tempfile.mkdtemp(prefix="runstone-artifacts-"))
        return self._path

    def names(self) -> Iterator[tuple[str, bool]]:
        """(path below the folder with `/`, whether it is a regular file), sorted; folders are not named."""
        if self._path is None:
            return
        for found in sorted(self._path.rglob("*")):
            if found.is_symlink() or not found.is_dir():
                yield found.relative_to(self._path).as_posix(), found.is_file() and not found.is_symlink()

    def remove(self) -> None:
        """Remove the folder and what is in it; nothing in a forked child."""
        if self._path is not None and os.getpid() == self._pid:
            import shutil

            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
