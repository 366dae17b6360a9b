"""Gates across processes: who is killed at any moment hides no work that was begun, and loses no answer that left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runstone

from .gated import CALM, POLICY
from .scenes import of_type, python

WORKER = f"""
import json, os, pathlib, signal, sys
import runstone
from runstone.engine import claiming, gatekeeper
from runstone.engine.writer import JournalWriter

root, moment, key = sys.argv[1:4]
done = pathlib.Path(root, "done")

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "claimed":
    JournalWriter.open = die
elif moment == "opened":
    gatekeeper.Call.decide = die
elif moment == "decided":
    original = gatekeeper.Call._make_durable
    gatekeeper.Call._make_durable = lambda call: (original(call), die())
elif moment == "sealed":
    gatekeeper.answer_of = die

def work():
    with done.open("a") as file:
        file.write("done\\n")
    if moment == "working":
        die()
    if moment == "waiting":
        print("inside", flush=True)
        sys.stdin.readline()
    return {{"by": os.getpid()}}

options = {{"idempotency_key": key, "request": 1}} if key else {{}}
gate = runstone.gate("cut", policy={POLICY!r}, facts={CALM!r}, store=os.path.join(root, "runs"), **options)
try:
    print(json.dumps(gate(work)()), flush=True)
except runstone.RunstoneError as exc:
    print(json.dumps(exc.as_dict()), flush=True)
"""


def works(root: Path, moment: str = "", key: str = "k") -> Any:
    """What a process answers; `None` if it was killed at that moment."""
    done = python(WORKER, root, moment, key)
    if moment and moment != "waiting":
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
        return None
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def done(root: Path) -> int:
    """How often the work was begun."""
    path = root / "done"
    return len(path.read_text().splitlines()) if path.exists() else 0


def statuses(store: runstone.Store) -> list[str]:
    """Of all runs, the oldest first, which verify."""
    assert store.open_runs() == []
    found = sorted(store.runs(), key=lambda sealed: sealed.opened_at)
    assert all(store.verify(sealed.run_id).ok for sealed in found)
    return [sealed.status for sealed in found]


@pytest.mark.parametrize(("moment", "decided", "begun"), [("opened", 0, 0), ("decided", 1, 0), ("working", 1, 1)])
def test_a_kill_before_the_answer_leaves_an_interrupted_run(
    tmp_path: Path, moment: str, decided: int, begun: int
) -> None:
    """With the decision, once it was made; the work is never begun before that."""
    works(tmp_path, moment, key="")
    store = runstone.open(tmp_path / "runs")
    [recovery] = store.recover()
    assert statuses(store) == ["interrupted"]
    assert len(of_type(store, recovery.run_id, "decision")) == decided
    assert done(tmp_path) == begun


@pytest.mark.parametrize(
    ("moment", "before", "begun"),
    [
        ("claimed", [], 1),
        ("opened", ["interrupted"], 1),
        ("decided", ["interrupted"], 1),
        ("working", ["interrupted"], 2),
    ],
)
def test_a_key_is_free_again_after_a_kill(tmp_path: Path, moment: str, before: list[str], begun: int) -> None:
    """The next process recovers what there is, retries it, and answers; and everybody after it has that answer."""
    works(tmp_path, moment)
    answer = works(tmp_path)
    assert works(tmp_path) == answer
    store = runstone.open(tmp_path / "runs")
    assert statuses(store) == [*before, "success"]
    assert (done(tmp_path), len(list(store.runs("link.retries:*")))) == (begun, len(before))


def test_a_kill_between_seal_and_answer_changes_no_answer(tmp_path: Path) -> None:
    """The run is sealed: whoever asks again has its result, and nothing is done anew."""
    works(tmp_path, "sealed")
    store = runstone.open(tmp_path / "runs")
    assert statuses(store) == ["success"]
    answer = works(tmp_path)
    assert answer == next(store.runs()).document("run.json")["result"]
    assert done(tmp_path) == 1


def test_processes_racing_for_a_key_have_one_answer(tmp_path: Path) -> None:
    """One does the work, and all answer the same."""
    command = [sys.executable, "-c", WORKER, str(tmp_path), "", "k"]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = [racer.communicate(timeout=120)[0] for racer in racers]
    assert (len(set(answers)), done(tmp_path)) == (1, 1)
    assert statuses(runstone.open(tmp_path / "runs")) == ["success"]


def test_another_process_takes_over_from_one_that_is_killed(tmp_path: Path) -> None:
    """Or, where that is killed, takes its work over."""
    command = [sys.executable, "-c", WORKER, str(tmp_path), "waiting", "k"]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "inside\n"
    second = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), "", "k"], stdout=subprocess.PIPE, text=True)
    first.kill()
    first.wait()
    taken = json.loads(second.communicate(timeout=60)[0])
    assert taken == {"by": second.pid}
    for stream in (first.stdin, first.stdout):
        assert stream is not None
        stream.close()
    assert statuses(runstone.open(tmp_path / "runs")) == ["interrupted", "success"]
    assert done(tmp_path) == 2
