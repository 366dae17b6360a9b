"""What the tests of the command share: a store, the command in this process, and as a real one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import runstone
from runstone.cli import main
from runstone.engine.store import Store

HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\x7f\u202eevil\u2066\u200f\u2028\r\nforged"
"""Fills a clipboard, clears a screen, turns text around, and begins a line of its own."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Answer(NamedTuple):
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Invoke = Callable[..., Answer]


def raw_controls(text: str) -> list[str]:
    """What a terminal would obey in `text`, line ends, tabs and this program's own colours apart."""
    return _RAW.findall(_COLOUR.sub("", text))


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No width, no colour setting and no store of the machine's own."""
    for name in ("COLUMNS", "NO_COLOR", "TERM", "_RUNSTONE_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The store that the command reads when it is told nothing."""
    return runstone.open(tmp_path / "runs")


@pytest.fixture
def invoke(capfdbinary: pytest.CaptureFixture[bytes]) -> Invoke:
    """Run the command in this process."""

    def run(*words: str) -> Answer:
        capfdbinary.readouterr()
        status = main(list(words))
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Answer(status, out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape"))

    return run


def command_line(*words: str) -> list[str]:
    """The command as an argument vector for a real process."""
    return [sys.executable, "-m", "runstone", *words]


@pytest.fixture
def process() -> Invoke:
    """Run the command as a process of its own."""

    def run(*words: str, **environment: str) -> Answer:
        done = subprocess.run(
            command_line(*words),
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def on_terminal() -> Callable[..., str]:
    """Run the command on a terminal of 80 columns; answers everything that the terminal received."""

    def run(*words: str, **environment: str) -> str:
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        child = subprocess.Popen(
            command_line(*words),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        received = b"".join(_until_closed(ours))
        os.close(ours)
        child.wait(timeout=60)
        return received.decode().replace("\r\n", "\n")

    return run


def _until_closed(fd: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:  # Linux says EIO when the last of the other side is closed
            return
        if not chunk:
            return
        yield chunk


def seal(store: Store, kind: str = "probe", **options: Any) -> str:
    """Record and seal a small run; answers its id."""
    with store.run(kind, **options) as run:
        run.log("one line")
        run.check("Row count", "pass", "run.log:line:1")
    return run.run_id


def seal_hostile(store: Store) -> str:
    """A run with hostile text in every field that takes text; answers its id."""
    with store.run(HOSTILE, version=HOSTILE, config={HOSTILE: HOSTILE}, labels={"a": HOSTILE}) as run:
        run.input(HOSTILE, HOSTILE, name=HOSTILE)
        run.output(HOSTILE, HOSTILE, media_type=HOSTILE, extra={HOSTILE: HOSTILE})
        run.check(HOSTILE, "fail", HOSTILE)
        run.log(HOSTILE)
        run.stream("stdout", HOSTILE.encode() + b"\xff\x1b[1m")
        run.metrics({HOSTILE: 1})
        run.note(HOSTILE)
        run.event("score", {"name": HOSTILE, "value": 1})
        run.event(
            "decision",
            {
                "call": None,
                "outcome": HOSTILE,
                "risk_level": HOSTILE,
                "score": HOSTILE,
                "block_reason": HOSTILE,
                "warnings": [HOSTILE],
                "rules": [{"id": HOSTILE, "reason_code": HOSTILE}],
                "details": None,
                "policy": None,
            },
        )
        run.finish(
            "failed", error={"type": HOSTILE, "message": HOSTILE, "traceback": HOSTILE}, result={HOSTILE: HOSTILE}
        )
    return run.run_id


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 300 sealed runs of three kinds; tests read it and change nothing."""
    place = tmp_path_factory.mktemp("crowd") / "runs"
    store = runstone.open(place)
    for number in range(300):
        with store.run(("backfill", "nightly", "report")[number % 3]) as run:
            run.check("even", "pass" if number % 2 == 0 else "fail")
    return place


def spoil(place: Path, data: bytes = b"x") -> None:
    """Add bytes to a sealed file."""
    place.chmod(0o644)
    with place.open("ab") as file:
        file.write(data)
