"""What the engine's tests begin with: a store in fixed surroundings, a run with every kind of file, a dead writer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from runstone.adapters.fs.journals import FsJournals
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.places import Places
from runstone.adapters.schemas import JsonSchemas
from runstone.adapters.system import SystemEntropy
from runstone.engine.live import LIVE
from runstone.engine.reader import Sealed
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.locate import GENERATOR, _catalogs, contract_of
from runstone.testing.fakes import FixedClock, FixedHost

TOKEN = "ghp_" + "a1B2" * 7 + "a13tNSQc"
"""Has the shape of a secret."""


def open_store(root: Path, *, clock: Any = None, **host: Any) -> Store:
    """A store on disk whose clock and host say what the test wants; its working directory is beside the root."""
    places = Places(str(root))
    facts = FixedHost(**{"cwd": str(root.parent), **host})
    return Store(
        str(root),
        FsObjects(places),
        FsJournals(places),
        facts,
        clock or FixedClock(),
        SystemEntropy(),
        contract_of,
        GENERATOR,
        lambda: _catalogs(places),
        schemas=JsonSchemas,
    )


def full_run(store: Store, folder: Path, run_id: str = "full") -> Sealed:
    """A sealed run of twelve files: every document of its contract, kept files, the journal, the manifest."""
    (folder / "in.csv").write_bytes(b"a,b\n1,2\n" * 20)
    (folder / "out.bin").write_bytes(bytes(range(256)))
    decision = {"call": None, "outcome": "allow", "risk_level": "GREEN", "score": 1, "block_reason": None}
    call = {"call": "c1", "parent": None, "name": "look", "contract_sha256": None, "args": {"q": 1}}
    answer = {"call": "c1", "status": "ok", "result": [1], "error": None, "duration_ns": 5, "attempts": 1}
    with store.run("scene", version="1", config={"a": 1}, labels={"env": "test"}, run_id=run_id) as run:
        run.input("file", folder / "in.csv", keep=True)
        run.output("file", folder / "out.bin", name="deep/er.bin", keep=True)
        run.output("table", "db.rows", sha256="0" * 64)
        run.check("row count", "pass", evidence=[run.log("20 rows"), "artifacts/in.csv", "run.json:$.status"])
        run.metrics({"loss": 0.5}, step=1)
        run.event("decision", {**decision, "warnings": [], "rules": [], "details": {}, "policy": None})
        run.event("tool.called", call)
        run.event("tool.returned", answer)
        run.event("evidence", {"query": "q", "corpus": "c", "passages": []})
        run.event("score", {"name": "accuracy", "value": 0.75})
        run.note("done")
    return store.get(run_id)


def events(store: Store, run_id: str) -> list[dict[str, Any]]:
    """The events of a run, sealed or open, as they stand in its journal."""
    root = Path(store.url)
    for journal in (root / run_id / "events.jsonl", root / ".runstone/open" / run_id / "events.jsonl"):
        if journal.is_file():
            return [json.loads(line) for line in journal.read_bytes().splitlines()]
    raise AssertionError(f"no journal of {run_id}")


def of_type(store: Store, run_id: str, kind: str) -> list[dict[str, Any]]:
    """The `data` of a run's events of one type."""
    return [event["data"] for event in events(store, run_id) if event["type"] == kind]


def abandon(run: Run) -> None:
    """Leave a run as a process leaves it that is killed: open, and nobody holds its lease."""
    LIVE.pop(id(run), None)
    assert run.writer.journal is not None
    run.writer.journal.close()


def tree(root: Path) -> dict[str, Any]:
    """Everything below a folder: the bytes of files, the targets of links, `None` for what is neither."""
    found: dict[str, Any] = {}
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = Path(folder, name)
            place = str(path.relative_to(root))
            if path.is_symlink():
                found[place] = os.readlink(path)
            else:
                found[place] = path.read_bytes() if path.is_file() else None
    return found


def python(program: str, *words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, without the machine's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RUNSTONE_", "GITHUB_"))}
    environment |= options.pop("env", {})
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120, **options)


def written(run: Run) -> bytes:
    """The journal of an open run as it stands."""
    journal = run.writer.journal
    assert journal is not None
    return b"".join(journal.read(0, run.writer.size))
