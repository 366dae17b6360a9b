"""Doors: how things of the corpus are recorded, each through the interface that people use."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import runstone
from runstone.engine.output import Output


class Planted(NamedTuple):
    """A thing, and the door that records it."""

    door: str
    thing: Any


class Redact(Protocol):
    """Records a thing; answers every byte that was kept of it. `secrets` are values that the caller declares."""

    def __call__(self, planted: Planted, secrets: Sequence[str] = ()) -> bytes:
        """What can be read afterwards."""


OPENING = {"argv": "argv", "label": "labels", "config": "config"}
"""Doors that are arguments of `Store.run`."""


def _stream(run: runstone.Run, pieces: Iterable[bytes]) -> None:
    output = Output(run, run.redactor)  # what `runstone run` feeds with what it reads of its command
    for piece in pieces:
        output.feed("stdout", piece)
    output.finish()


def _chunks(run: runstone.Run, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        run.stream("stdout", piece)


WITHIN: dict[str, Callable[[runstone.Run, Any], Any]] = {
    "log": lambda run, thing: run.log(thing),
    "note": lambda run, thing: run.note(thing),
    "event": lambda run, thing: run.event("x.corpus", thing),
    "metric": lambda run, thing: run.metrics({thing: 1.5}),
    "artifact": lambda run, thing: run.output("table", "warehouse.prices", name=thing),
    "ref": lambda run, thing: run.input("table", thing),
    "phase": lambda run, thing: run.event("phase", {"name": thing, "status": "done"}),
    "evidence": lambda run, thing: run.event("evidence", {"query": "q", "corpus": "c", "passages": [{"text": thing}]}),
    "check": lambda run, thing: run.check("looked", "pass", evidence=thing),
    "tool": lambda run, thing: run.event(
        "tool.called", {"call": "1", "parent": None, "name": "fetch", "contract_sha256": None, "args": thing}
    ),
    "returned": lambda run, thing: run.event(
        "tool.returned", {"call": "1", "status": "ok", "result": thing, "error": None, "duration_ns": 5, "attempts": 1}
    ),
    "result": lambda run, thing: run.finish("success", result=thing),
    "stream": _stream,
    "chunks": _chunks,
}
"""Doors of an open run; `stream` is what a wrapped command wrote, `chunks` are calls of `Run.stream` itself. `file` is
one more; `error` is an exception that ends the run, `kind` the kind of it."""


def through(door: str, run: runstone.Run, thing: Any, folder: Path) -> None:
    """Record the thing in a run that is open; `folder` is for a file that it keeps."""
    if door == "file":
        path = folder / "kept.txt"
        path.write_bytes(thing)
        run.output("file", str(path), name="kept.txt", keep=True)
    else:
        WITHIN[door](run, thing)


class Recorder:
    """Redacts as the product does: each thing in a run of its own, in memory; `folder` is for files that runs keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, planted: Planted, secrets: Sequence[str] = ()) -> bytes:
        """Every byte of the bundle of a run that recorded the thing."""
        store = runstone.open("memory:")
        door, thing = planted
        options: dict[str, Any] = {"argv": ["corpus"], "entry": "corpus", "secrets": secrets}
        options |= {OPENING[door]: thing} if door in OPENING else {}
        run = store.run(thing if door == "kind" else "corpus", **options)
        failure = thing if door == "error" else None
        try:
            with run:
                if failure is not None:
                    raise failure
                if door not in OPENING and door != "kind":
                    through(door, run, thing, self._folder)
        except Exception as exc:
            if exc is not failure:
                raise
        sealed = store.get(run.run_id)
        return b"\n".join(sealed.file(file["path"]) for file in sealed.manifest["files"])


def unredacted(planted: Planted, secrets: Sequence[str] = ()) -> bytes:
    """A redactor that takes nothing out: what the corpus has to call a miss at every place."""
    thing = planted.thing
    if planted.door in ("stream", "chunks"):
        return b"".join(thing)
    if isinstance(thing, Exception):
        thing = [str(exc) for exc in (thing, thing.__cause__, *getattr(thing, "exceptions", ()))]
    if isinstance(thing, bytes):
        return thing
    printed = json.dumps(thing, default=lambda data: {"$bytes": base64.b64encode(data).decode()})
    return f'{{"data":{printed},"type":"x.unredacted"}}'.encode()


# ---------------------------------------------------------------- commands

PRINTS = """
import json, sys
for name, value in json.load(open(sys.argv[1])):
    sys.stdout.write(name + "=" + json.dumps(value) + chr(10))
    sys.stdout.flush()
"""

DIES = """
import json, os, runstone, signal, sys
run = runstone.open(sys.argv[2]).run("killed", argv=["killed"])
for name, value in json.load(open(sys.argv[1])):
    run.log(name + "=" + json.dumps(value))
    run.event("x.corpus", {name: value})
os.kill(os.getpid(), signal.SIGKILL)
"""

Named = Sequence[tuple[str, str]]
"""Names and values."""


def printed(store: Path, folder: Path, named: Named) -> bytes:
    """`runstone run` of a command that has the values as options and prints them; answers what it said of itself."""
    values = _values(folder, named)
    options = [part for name, value in named for part in ("--" + name.replace("_", "-"), value)]
    command = ["-m", "runstone", "run", "--store", str(store), "--kind", "command", "--", sys.executable]
    done = subprocess.run(
        [sys.executable, *command, "-c", PRINTS, str(values), *options], capture_output=True, check=True
    )
    return done.stderr


def killed(store: Path, folder: Path, named: Named) -> int:
    """Record the values in a process that is killed with its run open; answers its exit status."""
    told = {**os.environ, "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    command = [sys.executable, "-c", DIES, str(_values(folder, named)), str(store)]
    return subprocess.run(command, env=told, check=False).returncode


def _values(folder: Path, named: Named) -> Path:
    path = folder / "values.json"
    path.write_text(json.dumps(list(named)))
    return path
