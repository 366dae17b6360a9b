"""Is the working tree dirty? Asked of `git` beside the wrapped command, so that it costs no time."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.engine.recorder import Run

LIMIT_S: Final = 2.0
_COMMAND: Final = ["git", "--no-optional-locks", "status", "--porcelain"]


class DirtyCheck:
    """Starts `git status` when made; `finish` records a `git` event if the answer came within two seconds."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pid = 0
        self._fd = -1
        self._deadline = time.monotonic() + LIMIT_S
        self._start()

    def _start(self) -> None:
        ours, theirs = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        try:
            self._pid = os.posix_spawnp("git", _COMMAND, os.environ, file_actions=actions, setpgroup=0)
            self._fd = ours
        except OSError:  # no git here: the flag stays unknown
            os.close(ours)
        finally:
            os.close(theirs)
            os.close(null)

    def finish(self) -> None:
        """Wait for the rest of the two seconds at most, and record what is known."""
        if not self._pid:
            return
        dirty = self._dirty()
        status = os.waitpid(self._pid, 0)[1]
        os.close(self._fd)
        git = self._run.git
        if dirty is not None and (status == 0 or dirty) and git is not None:
            self._run.git_state(git.get("sha"), git.get("ref"), dirty=dirty)

    def _dirty(self) -> bool | None:
        """Whether it has printed anything until it ended, or was killed as time was up; `None`: not known."""
        dirty = False
        while select.select([self._fd], [], [], max(0.0, self._deadline - time.monotonic()))[0]:
            if not os.read(self._fd, 1 << 16):  # until it ends, so that it is not killed by a closed pipe
                return dirty
            dirty = True
        os.killpg(self._pid, 9)  # with what it has started, as a filter of the repository's
        return dirty or None
