"""Programs that record themselves, and their replays: each a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import runstone
from runstone.engine.replay.report import Replay
from runstone.engine.store import Store

_HEAD = """\
import asyncio, ctypes, os, socket, subprocess, sqlite3, tempfile, threading
from pathlib import Path
import runstone

store = runstone.open({store!r})
"""
_READ = """\
@run.tool({"name": "read", "version": "1", "arguments": {"type": "object"}, "side_effect": "read"})
def read(name):
    return {"text": Path(name).read_text()}
"""


class Program:
    """A program in a folder of its own, whose runs go to a store beside it. `backend.txt` is what its tool reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "program"
        self.folder.mkdir()
        self.store: Store = runstone.open(folder / "runs")
        self.backend = self.folder / "backend.txt"
        self.backend.write_text("what the backend says")

    def write(self, body: str, *, options: str = "", before: str = "") -> None:
        """The program: `body` is what happens in its run of kind `agent`, where a tool `read` is known."""
        run = f"with store.run('agent', version='1'{options}) as run:\n" + indent(_READ + dedent(body), "    ")
        (self.folder / "agent.py").write_text(_HEAD.format(store=self.store.url) + dedent(before) + run)

    def run(self, body: str, *words: str, options: str = "", before: str = "") -> str:
        """Record it; the id of its run."""
        self.write(body, options=options, before=before)
        done = subprocess.run(
            [sys.executable, *words, "agent.py"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        assert done.returncode == 0, done.stderr
        return next(self.store.runs("kind:agent")).run_id

    def replay(self, run_id: str = "@latest", **options: Any) -> Replay:
        """Replay it, its backend being gone."""
        self.backend.unlink(missing_ok=True)
        return self.store.replay(run_id, **options)
