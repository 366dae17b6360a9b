"""What must hold of a store after any crash: `python -m faults.check DIRECTORY`, with what was printed before it.

1. Every run that was said to be sealed is there, with that digest, and verifies.
2. After a kill, every event that was said to be appended is in its run.
3. Recovery ends, leaves nothing open, and every bundle verifies; nothing else stands in the store.
4. Of the runs that a purge was begun with, each is there whole, or gone with its tombstone; those said to be purged are
   gone. The next purge ends what was begun.
5. Every run whose gate let work begin is there, with its decision; and each key is answered, by a run that was said
   to be sealed where there is one.
6. A run that was said to be published has its copy. After recovery each run that publishes has it, but for those that
   were withdrawn; and there is no copy without its run.
7. A new run can be recorded and sealed.

Of the scenes of states holds what `faults.states` says, of records of rentl what `faults.rentl_records` says.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import runstone
from faults.crash_states import SAID
from faults.scenes import INITIAL, call
from faults.states import WORDS, check_states
from runstone.engine.publishing import publisher_of
from runstone.engine.store import Store
from runstone.errors import RunstoneError


def check_store(directory: Path, printed: str, *, kind: str) -> list[str]:
    """What is wrong, as lines; none is good. `kind` is `kill` or `power`."""
    store = runstone.open(directory / "runs")
    promised = [line.split() for line in printed.splitlines() if line]
    initial = directory / INITIAL
    run_ids = initial.read_text().split() if initial.exists() else []
    problems = _sealed_promises(store, [words for words in promised if words[0] == "sealed"])
    problems += _purged_promises(store, run_ids, {words[1] for words in promised if words[0] == "purged"})
    problems += _published_promises(store, promised)
    try:
        recoveries = store.recover()
        again = store.recover()
    except RunstoneError as exc:
        return [*problems, f"recovery failed: {exc.code} {exc.message}"]
    problems += [
        f"left open after recovery: {recovery.run_id}"
        for recovery in again
        if not (kind == "power" and recovery.outcome == "skipped" and _lost_its_beginning(store, recovery.run_id))
    ]
    problems += [f"{recovery.run_id} was taken for alive" for recovery in recoveries if recovery.outcome == "alive"]
    for run_id in list(store.objects.run_ids()):
        report = store.verify(run_id)
        problems += [f"{run_id}: {finding}" for finding in report.findings if finding.level == "fault"]
    problems += [f"foreign name in the store: {name}" for name in store.objects.foreign()]
    if kind == "kill":
        problems += _appended_promises(store, [words for words in promised if words[0] == "appended"])
    problems += _copies(directory, store, {words[1] for words in promised if words[0] == "withdrawn"})
    return problems + _purge_ends(store, run_ids) + _gates(store, promised) + _still_works(store)


def _published_promises(store: Store, promised: list[list[str]]) -> list[str]:
    problems = []
    for run_id in (words[1] for words in promised if words[0] == "published" and len(words) == 2):
        notes = [finding for finding in store.verify(run_id).findings if finding.step == 10]
        problems += [f"{run_id} was published: {finding}" for finding in notes]
    return problems


def _copies(directory: Path, store: Store, withdrawn: set[str]) -> list[str]:
    """Copies are those of the runs that are there, and of no other."""
    problems = [f"{run_id} was withdrawn" for run_id in withdrawn if publisher_of(store).withdrawn(run_id) is None]
    expected = set()
    for run_id in list(store.objects.run_ids()):
        if publisher_of(store).withdrawn(run_id) is None:
            expected.update(map(Path, publisher_of(store).locations(store.get(run_id))))
    folder = directory / "runs" / ".runstone" / "published"
    found = {path for path in folder.rglob("*") if path.is_file()}
    problems += [f"a copy is missing after recovery: {path}" for path in sorted(expected - found)]
    return problems + [f"a copy without its run: {path}" for path in sorted(found - expected)]


def _gates(store: Store, promised: list[list[str]]) -> list[str]:
    problems, said = [], {words[1] for words in promised if words[0] == "sealed"}
    for run_id, key in (words[1:] for words in promised if words[0] == "decided" and len(words) == 3):
        try:
            if not list(store.get(run_id).events("decision")):
                problems.append(f"{run_id} let work begin, and has no decision")
            answered = call(store, key)
        except RunstoneError as exc:
            problems.append(f"{run_id} let work begin under {key}: {exc.code} {exc.message}")
            continue
        if run_id in said and answered != run_id:
            problems.append(f"{key} was answered by {run_id}, and is now by {answered}")
    return problems


def _lost_its_beginning(store: Store, run_id: str) -> bool:
    """Whether the power went before the first line was on the disk, and after a later block: nobody can seal that."""
    left = store.journals.read(run_id)
    line = b"" if left is None else b"".join(left.read()).split(b"\n")[0]
    try:
        return bool(json.loads(line)["type"] != "run.opened")
    except ValueError:
        return True


def _sealed_promises(store: Store, promises: list[list[str]]) -> list[str]:
    problems = []
    for _, run_id, digest in (words for words in promises if len(words) == 3):
        try:
            report = store.verify(run_id, digest=digest)
        except RunstoneError as exc:
            problems.append(f"{run_id} was sealed and is not there: {exc.code}")
            continue
        problems += [f"{run_id} was sealed: {finding}" for finding in report.findings if finding.level == "fault"]
    return problems


def _purged_promises(store: Store, run_ids: list[str], purged: set[str]) -> list[str]:
    """Runs that a purge was begun with: neither lost nor half there, and gone where that was said."""
    problems = [f"{run_id} was purged and is there" for run_id in purged if store.objects.exists(run_id)]
    for run_id in run_ids:
        if not store.objects.exists(run_id) and store.objects.tombstone(run_id) is None:
            problems.append(f"{run_id} is gone without a tombstone")
        if store.objects.exists(run_id) and not store.verify(run_id).ok:
            problems.append(f"{run_id} is there in part")
    return problems


def _purge_ends(store: Store, run_ids: list[str]) -> list[str]:
    """The next purge takes up what one that died has begun."""
    if not run_ids:
        return []
    fates = store.purge({"rules": [{"query": "id:old*"}], "grace": "0"}, apply=True).fates
    problems = [f"{fate.run_id} cannot be purged: {fate.problem}" for fate in fates if fate.problem is not None]
    left = sorted({*store.objects.run_ids()} & {*run_ids})
    problems += [] if left == ["young"] else [f"left after the next purge: {left}"]
    states = {stone.run_id: stone.state for stone in store.objects.tombstones()}
    problems += [f"{run_id} has no tombstone" for run_id in run_ids if run_id != "young" and run_id not in states]
    return problems + [
        f"{run_id} is {state}" for run_id, state in states.items() if run_id != "young" and state != "purged"
    ]


def _appended_promises(store: Store, promises: list[list[str]]) -> list[str]:
    most: dict[str, int] = {}
    for words in promises:
        if len(words) == 3:
            most[words[1]] = int(words[2])
    problems = []
    for run_id, count in most.items():
        try:
            found = store.get(run_id).manifest["events"]["count"]
        except RunstoneError as exc:
            problems.append(f"{run_id} had {count} events and is not there: {exc.code}")
            continue
        if found < count:
            problems.append(f"{run_id} had {count} events, {found} are left")
    return problems


def _still_works(store: Store) -> list[str]:
    run = store.run("after", strict=True)
    run.note("the store works")
    digest = run.finish()
    return [] if digest and store.verify(run.run_id, digest=digest) else ["a new run cannot be recorded"]


def main() -> int:
    """Check the directory named on the command line against what was printed."""
    said = Path(os.environ.get("CRASHPOINTS_STDOUT", os.devnull))
    kind = os.environ.get("CRASHPOINTS_KIND", "kill")
    directory, printed = Path(sys.argv[1]), said.read_text()
    before = directory / SAID
    earlier = before.read_text() if before.exists() else ""
    if (directory / "project").exists():
        from faults.rentl_records import check

        problems = check(directory, printed)
    elif (earlier + printed).startswith(WORDS):
        problems = check_states(directory, earlier, printed)
    else:
        problems = check_store(directory, printed, kind=kind)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
