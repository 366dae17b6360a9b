"""What the sweeps run in processes of their own: small programs on a store, and the check of what they leave.

`python -m faults.scenes SCENE DIRECTORY [--mutant NAME]`. A scene prints one flushed line for each promise that it
has been given: `appended RUN N` (survives the process), and what survives power loss: `sealed RUN DIGEST`,
`marked RUN`, `purged RUN`, `published RUN`, `withdrawn RUN` and `decided RUN KEY`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import runstone
from faults.mutants import apply_mutant
from faults.states import put_states, remove_states
from runstone.engine import publishing
from runstone.engine.live import LIVE
from runstone.engine.store import Store
from runstone.errors import StoreUnavailable
from runstone.ports.objects import Stage


def say(*words: object) -> None:
    """A promise, printed once it was given."""
    print(*words, flush=True)


def store_in(directory: Path) -> Store:
    """The store of a scene; the directory itself stays the program's."""
    return runstone.open(directory / "runs")


def record_one(store: Store, run_id: str, kept: Path, *, events: int = 6) -> None:
    """One run with events, a check, a metric and two kept files, sealed."""
    run = store.run("scene", run_id=run_id, version="1", config={"threshold": 1.5})
    for number in range(events):
        run.event("x.step", {"number": number, "text": "step " * number})
        say("appended", run_id, 3 + number)
    run.output("file", kept, name="data/big.bin", keep=True)
    run.output("file", kept, name="small.txt", keep=True)
    run.check("row count", "pass", evidence=run.log("rows=3"))
    run.metrics({"loss": 0.5}, step=1)
    digest = run.finish()
    if digest is not None:
        say("sealed", run_id, digest)


def die(run: runstone.Run) -> None:
    """Leave a run as a process does that is killed: the lock is gone, nothing is sealed."""
    LIVE.pop(id(run), None)
    assert run.writer.journal is not None  # the port below the recorder
    run.writer.journal.close()  # as above


def close_without_seal(run: runstone.Run) -> None:
    """Leave a run whose last line is written and whose seal is not begun."""

    def nothing() -> Stage:
        raise StoreUnavailable("unsealed", "the scene ends here")

    assert run.writer.journal is not None  # the port below the recorder
    run.writer.journal.stage = nothing  # type: ignore[method-assign]  # dies at this very step
    run.finish()


def _kept_file(directory: Path) -> Path:
    path = directory / "kept.txt"
    if not path.exists():
        path.write_bytes(b"kept line\n" * 600)
    return path


def record(directory: Path) -> None:
    """Two runs in a store that the first one makes."""
    kept = _kept_file(directory)
    store = store_in(directory)
    for number in range(2):
        record_one(store, f"run-{number}", kept)


def seal(directory: Path) -> None:
    """Three runs sealed in a store that has runs already."""
    kept = _kept_file(directory)
    store = store_in(directory)
    for number in range(3):
        record_one(store, f"later-{number}", kept, events=2)


def recover(directory: Path) -> None:
    """Recovery of whatever stands open."""
    for recovery in store_in(directory).recover():
        if recovery.digest is not None:
            say("sealed", recovery.run_id, recovery.digest)


def import_archives(directory: Path) -> None:
    """Import of every archive that lies beside the store."""
    from runstone.locate import open_bundle

    store = store_in(directory)
    for archive in sorted(directory.glob("*.tar")):
        run_id, digest, _ = store.import_bundle(open_bundle(str(archive)))
        say("sealed", run_id, digest)


def leave_open(directory: Path) -> None:
    """What dead writers leave: clean, torn, with a lost file, closed but not sealed, and never opened."""
    store = store_in(directory)
    kept = _kept_file(directory)
    for name in ("clean", "torn", "lost", "closed"):
        run = store.run("scene", run_id=f"dead-{name}")
        run.event("x.step", {"name": name})
        run.output("file", kept, name="kept.txt", keep=True)
        if name == "closed":
            close_without_seal(run)
        else:
            die(run)
    opened = directory / "runs" / ".runstone" / "open"
    with (opened / "dead-torn" / "events.jsonl").open("ab") as journal:
        journal.write(b'{"data":{"half":')
    os.unlink(opened / "dead-lost" / "artifacts" / "kept.txt")
    (opened / "dead-never").mkdir()


def make_archives(directory: Path) -> None:
    """Three sealed runs as tar archives, and a store with one run."""
    from runstone.engine.exporter import export_tar

    elsewhere = runstone.open(directory / "elsewhere")
    kept = _kept_file(directory)
    for number in range(3):
        record_one(elsewhere, f"traveller-{number}", kept, events=number)
        pieces = export_tar(elsewhere.get(f"traveller-{number}"))
        (directory / f"traveller-{number}.tar").write_bytes(b"".join(pieces))
    record_one(store_in(directory), "resident", kept, events=1)


def make_marked(directory: Path) -> None:
    """Runs to be purged, two of them marked already, one with an annotation; and one to be kept."""
    store = without_catalog(directory)
    kept = _kept_file(directory)
    for run_id in ("old-0", "old-1", "old-2", "young"):
        record_one(store, run_id, kept, events=1)
    with store.run("annotation", run_id="note", links=[{"rel": "amends", "run_id": "old-0", "digest": None}]) as run:
        run.note("as it should be")
    store.purge({"rules": [{"query": "id:old-0,old-1"}], "grace": "1ms"}, apply=True)
    (directory / INITIAL).write_text("\n".join(sorted(store.objects.run_ids())))


def purge(directory: Path) -> None:
    """Mark, take a mark back, and remove what is marked, a run at a time."""
    store = without_catalog(directory)
    for fate in store.purge({"rules": [{"query": "id:young"}], "grace": "1d"}, apply=True).fates:
        if fate.action == "mark" and fate.done:
            say("marked", fate.run_id)
    store.cancel_purge("young")
    for number in range(3):
        rules = {"rules": [{"query": f"id:old-{number}"}], "grace": "0"}
        for fate in store.purge(rules, apply=True).fates:
            if fate.action == "remove" and fate.done:
                say("purged", fate.run_id)


def without_catalog(directory: Path) -> Store:
    """The store of a scene, whose catalog is in memory: what SQLite writes is no part of the scene."""
    from runstone.adapters.memory.catalog import MemoryCatalog

    store = store_in(directory)
    store._catalogs = lambda: [MemoryCatalog()]  # noqa: SLF001  # nothing else gives a store another one
    return store


INITIAL = "initial.txt"
"""Names the runs that were there before a scene that purges."""

PUBLISHED = 12
"""Runs with a published document: enough that taking half of them away has its 500 states."""
KEYS = {"calm": 40, "wild": 90, "broken": 13}
"""Idempotency key → the speed that is asked for: one call is done, one is blocked, one fails."""
POLICY = {
    "name": "saw",
    "version": "1",
    "levels": ["GREEN", "RED"],
    "blocks": "RED",
    "rules": [{"id": "speed", "fact": "/speed", "max": 80, "level": "RED"}],
}


def call(store: Store, key: str) -> str:
    """One call at a gate: the id of the run that answers it. Its work says that it has begun, and by which run."""

    def work() -> str:
        run = runstone.current_run()
        assert run is not None
        say("decided", run.run_id, key)
        if KEYS[key] == 13:
            raise ValueError("the blade broke")
        return run.run_id

    gate = runstone.gate(
        "cut", policy=POLICY, facts={"speed": KEYS[key]}, store=store, idempotency_key=key, request=key
    )
    try:
        return str(gate(work)())
    except (runstone.PolicyBlocked, runstone.Unanswered) as exc:
        return exc.run_id
    except ValueError as exc:
        return str(exc.run_id)  # type: ignore[attr-defined]  # a gate has put it there


def pass_gates(directory: Path) -> None:
    """A call by each key, then each again."""
    store = store_in(directory)
    for key in [*KEYS, *KEYS]:
        run_id = call(store, key)
        say("sealed", run_id, store.get(run_id).digest)


def publish(directory: Path) -> None:
    """Runs whose document is published."""
    store = without_catalog(directory)
    for number in range(PUBLISHED):
        run = store.run("saw", run_id=f"public-{number}", contract="rmos", strict=True)
        run.note("a request " * number)
        say("sealed", run.run_id, run.finish())
        say("published", run.run_id)


def publish_packed(directory: Path) -> None:
    """Three packed runs whose document is published."""
    store = runstone.open(directory / "runs", packed=True)
    for number in range(3):
        run = store.run("saw", contract="rmos", strict=True)
        run.note("a request " * number)
        say("sealed", run.run_id, run.finish())
        say("published", run.run_id)


def withdraw(directory: Path) -> None:
    """Withdraw copies, and purge runs with theirs."""
    store = without_catalog(directory)
    for number in range(0, PUBLISHED, 2):
        publishing.withdraw(store, f"public-{number}", by="somebody", reason="asked for it")
        say("withdrawn", f"public-{number}")
        for fate in store.purge({"rules": [{"query": f"id:public-{number + 1}"}], "grace": "0"}, apply=True).fates:
            if fate.done:
                say("purged", fate.run_id)


def pass_packed_gates(directory: Path) -> None:
    """A call by each key, then each again, and calls without a key; all packed."""
    store = runstone.open(directory / "runs", packed=True)
    for key in [*KEYS, *KEYS]:
        run_id = call(store, key)
        say("sealed", run_id, store.get(run_id).digest)
    for number in range(4):
        with store.run("free") as run:
            for step in range(3):
                run.event("x.step", {"number": number, "step": step})
                say("appended", run.run_id, 2 + step)
            if number == 3:
                run.output("kept.txt", b"kept " * 40)
        say("sealed", run.run_id, run.digest)


def leave_packed(directory: Path) -> None:
    """What a dead process leaves that packed: a segment with half a slice at its end, and a spool with open runs."""
    store = runstone.open(directory / "runs", packed=True)
    for number in range(3):
        with store.run("scene") as run:
            run.event("x.step", {"number": number})
    for number in range(3):
        run = store.run("scene")
        run.event("x.step", {"number": number})
        if number == 1:
            run.output("kept.txt", b"kept " * 40)
    packs = directory / "runs" / ".runstone" / "packs"
    segment = next(packs.glob("*.tar"))
    segment.write_bytes(segment.read_bytes()[:-1000])
    with next((directory / "runs" / ".runstone" / "spool").glob("*.jsonl")).open("ab") as file:
        file.write(b'{"event":{"data":{"half')
    os._exit(0)


def recover_packed(directory: Path) -> None:
    """Recovery, and the sweep that goes with it."""
    store = store_in(directory)
    for sealed in list(store.runs()):
        say("sealed", sealed.run_id, sealed.digest)
    recover(directory)
    store.sweep()


def move(directory: Path) -> None:
    """Runs packed, in two steps, and unpacked."""
    store = without_catalog(directory)
    for sealed in list(store.runs()):
        say("sealed", sealed.run_id, sealed.digest)
    for step in (lambda: store.pack("id:run-0"), store.pack, lambda: store.unpack("id:run-1"), store.unpack):
        for moved in step():
            say("moved", moved.run_id)


def make_marked_and_packed(directory: Path) -> None:
    """Runs to be purged, as `make_marked`, all in one pack."""
    make_marked(directory)
    without_catalog(directory).pack()


def keep_records(directory: Path) -> None:
    """State, index, artifacts and log of two runs of rentl, each written as often as a pipeline does."""
    from faults.rentl_records import keep

    keep(directory, say)


SCENES = {
    "put-states": put_states,
    "remove-states": remove_states,
    "rentl": keep_records,
    "publish": publish,
    "publish-packed": publish_packed,
    "withdraw": withdraw,
    "gate": pass_gates,
    "packed-gate": pass_packed_gates,
    "leave-packed": leave_packed,
    "recover-packed": recover_packed,
    "move": move,
    "make-marked-and-packed": make_marked_and_packed,
    "purge": purge,
    "make-marked": make_marked,
    "record": record,
    "seal": seal,
    "recover": recover,
    "import": import_archives,
    "leave-open": leave_open,
    "make-archives": make_archives,
}


def main() -> int:
    """Run a scene."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scene", choices=sorted(SCENES))
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mutant")
    options = parser.parse_args()
    if options.mutant:
        apply_mutant(options.mutant)
    SCENES[options.scene](options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
