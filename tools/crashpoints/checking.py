"""Runs the check command on one crash state."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from crashpoints.bounded import run_bounded
from crashpoints.disk import remove_directory, write_tree
from crashpoints.states import Crash, History, State
from crashpoints.tree import Tree


@dataclass(frozen=True)
class CheckOptions:
    """How states are checked; failing ones are saved below `keep` when that is given."""

    command: str
    limit_s: float = 30
    ignore: Sequence[str] = ()
    keep: str | None = None


@dataclass(frozen=True)
class Failure:
    """A state in which the check failed, in words and with what the check said."""

    id: str
    kind: Crash
    at: int
    status: int | str  # the check's exit status, or "timeout"
    crash_after: str
    changes: list[str]
    printed: str
    output: str
    kept: str | None


class Checker:
    """Checks states of one history, each in a fresh directory below `work`. Safe to share by threads."""

    def __init__(self, history: History, work: str, options: CheckOptions) -> None:
        self._history = history
        self._work = work
        self._options = options

    @property
    def ignore(self) -> Sequence[str]:
        """Patterns of the files that the check does not see."""
        return self._options.ignore

    def check(self, state: State, tree: Tree, printed: bytes) -> Failure | None:
        """Write a rebuilt state to disk and run the check on it; None when it passed."""
        home = tempfile.mkdtemp(prefix="state-", dir=self._work)
        try:
            self._lay_out(home, tree, printed)
            status = self._run(state, home)
            return None if status == 0 else self._failure(state, tree, printed, status, home)
        finally:
            remove_directory(home)

    def _lay_out(self, home: str, tree: Tree, printed: bytes) -> None:
        write_tree(tree, os.path.join(home, "dir"), self._options.ignore)
        with open(os.path.join(home, "stdout"), "wb") as file:
            file.write(printed)

    def _run(self, state: State, home: str) -> int | str:
        root, said = os.path.join(home, "dir"), os.path.join(home, "stdout")
        names = {"CRASHPOINTS_DIR": root, "CRASHPOINTS_STDOUT": said, "CRASHPOINTS_KIND": state.crash}
        argv = ["/bin/sh", "-c", self._options.command.replace("{dir}", shlex.quote(root))]
        with open(os.path.join(home, "output"), "wb") as output:
            status = run_bounded(argv, os.environ | names, output, output, self._options.limit_s)
        return "timeout" if status is None else status

    def _failure(self, state: State, tree: Tree, printed: bytes, status: int | str, home: str) -> Failure:
        last, changes = self._history.describe(state)
        with open(os.path.join(home, "output"), errors="replace") as file:
            output = file.read()[-2000:]
        kept = self._keep(state, tree, printed)
        said = printed.decode(errors="replace")[-400:]
        return Failure(state.id, state.crash, state.at, status, last, changes, said, output, kept)

    def _keep(self, state: State, tree: Tree, printed: bytes) -> str | None:
        if self._options.keep is None:
            return None
        kept = os.path.join(self._options.keep, state.id)
        shutil.rmtree(kept, ignore_errors=True)
        # Laid out afresh: the check may have changed the directory that it was given.
        self._lay_out(kept, tree, printed)
        return kept
