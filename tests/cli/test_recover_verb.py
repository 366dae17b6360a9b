"""`runstone recover`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import runstone
from cli.conftest import Invoke, seal
from runstone.adapters.fs.journals import FsLeftRun
from runstone.engine.store import Store
from runstone.errors import error

LEAVE_OPEN = """
import os, sys, runstone
for name in sys.argv[2:]:
    runstone.open(sys.argv[1]).run("x", run_id=name).log("one")
os._exit(0)
"""


def leave_open(store: Store, *names: str) -> None:
    """Runs whose process ended without a word."""
    subprocess.run([sys.executable, "-c", LEAVE_OPEN, store.url, *names], check=True, timeout=60)


def test_all_dead_runs_are_sealed(store: Store, invoke: Invoke) -> None:
    """Each as interrupted, with what it had recorded; a second time there is nothing to do."""
    leave_open(store, "dead-1", "dead-2")
    answer = invoke("recover")
    assert answer.status == 0
    assert answer.out == "sealed  dead-1  interrupted, 3 events\nsealed  dead-2  interrupted, 3 events\n"
    assert runstone.verify(store.get("dead-1")).ok
    again = invoke("recover")
    assert (again.status, again.out) == (0, "")
    assert store.url in again.err


def test_dead_runs_are_marked_in_the_list(store: Store, invoke: Invoke) -> None:
    """`ls` says what is to do before it is done."""
    leave_open(store, "dead-1")
    assert invoke("ls").out.splitlines()[1].split()[:4] == ["dead-1", "x", "to", "recover"]


def test_one_run_by_prefix(store: Store, invoke: Invoke) -> None:
    """The others stay open."""
    leave_open(store, "a-1", "b-1")
    assert invoke("recover", "a", "--json").value[0]["run_id"] == "a-1"
    assert store.journals.open_ids() == ["b-1"]


def test_a_name_that_is_empty_names_no_run(store: Store, invoke: Invoke) -> None:
    """Not the only one that is open: it is what a variable comes to that is not set."""
    leave_open(store, "a-1")
    answer = invoke("recover", "", "--force", "--json")
    assert (answer.status, answer.value["code"]) == (3, "run_not_found")
    assert store.journals.open_ids() == ["a-1"]


def test_a_run_that_is_sealed_already(store: Store, invoke: Invoke) -> None:
    """Nothing is to be done, and nothing is wrong."""
    run_id = seal(store)
    answer = invoke("recover", run_id)
    assert (answer.status, answer.out) == (0, f"sealed before  {run_id}\n")


def test_an_unknown_run_is_status_3(invoke: Invoke) -> None:
    """Neither open nor sealed."""
    assert invoke("recover", "nobody").status == 3


def test_a_live_run_is_left_alone(store: Store, invoke: Invoke) -> None:
    """Among all runs it is told, by name it is a conflict, by force a copy is sealed."""
    script = LEAVE_OPEN.replace("os._exit(0)", "print(flush=True); sys.stdin.read()")
    writer = subprocess.Popen(
        [sys.executable, "-c", script, store.url, "live-1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        everything = invoke("recover")
        assert (everything.status, everything.out) == (0, "alive, left alone  live-1\n")
        named = invoke("recover", "live-1")
        assert named.status == 4
        assert "--force" in named.err
        assert invoke("recover", "live-1", "--force").out == "sealed  live-1  interrupted, 3 events\n"
    finally:
        writer.kill()
        writer.communicate(timeout=60)


def of_unknown_contract(store: Store, run_id: str) -> None:
    """An open run of a contract that only another version of the program knows."""
    leave_open(store, run_id)
    journal = Path(store.url, ".runstone/open", run_id, "events.jsonl")
    journal.write_bytes(
        journal.read_bytes().replace(b'"name":"runstone","version":"1"', b'"name":"later","version":"1"')
    )


def test_one_that_cannot_be_sealed_is_skipped_with_its_reason(store: Store, invoke: Invoke) -> None:
    """The others are sealed, the status is 1, and the line below says what is wrong."""
    of_unknown_contract(store, "bad")
    leave_open(store, "good")
    answer = invoke("recover")
    assert answer.status == 1
    assert answer.out == (
        "skipped  bad\n"
        "         no contract 'later/1'; known are agent/1, lotus/1.0, ovc/0.1, rentl/1, rmos/1, runstone/1\n"
        "sealed   good  interrupted, 3 events\n"
    )
    again = invoke("recover", "bad", "--json")
    assert (again.status, again.value[0]["outcome"], again.value[0]["reason"]["code"]) == (
        1,
        "skipped",
        "unknown_contract",
    )


def test_store_that_fails_is_told_and_keeps_none_from_it(
    store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that the disk keeps from being sealed is an error of the store; the others are sealed."""
    leave_open(store, "bad", "good")
    stage = FsLeftRun.stage

    def full(left: FsLeftRun) -> object:
        if left.run_id == "bad":
            raise error("store_unavailable", "bad: no space left")
        return stage(left)

    monkeypatch.setattr(FsLeftRun, "stage", full)
    answer = invoke("recover", "--json")
    assert (answer.status, [row["run_id"] for row in answer.value]) == (5, ["good"])
    assert "no space left" in answer.err


def test_temporary_files_of_dead_processes_are_removed(store: Store, invoke: Invoke) -> None:
    """`doctor` counts them, `recover` removes them and says so, and nothing else is touched."""
    seal(store)
    left = Path(store.url, ".runstone/tmp/left")
    left.write_bytes(b"x" * 1200)
    os.utime(left, (0, 0))
    assert "1 temporary file of dead processes, 1.2 kB" in invoke("doctor").out
    assert invoke("doctor", "--json").value["store"]["leftover_bytes"] == 1200
    answer = invoke("recover")
    assert (answer.status, answer.out) == (0, "")
    assert "removed 1 temporary file of dead processes, 1.2 kB" in answer.err
    assert (left.exists(), len(list(store.runs()))) == (False, 1)


def test_one_run_is_recovered_without_sweeping(store: Store, invoke: Invoke) -> None:
    """Who names a run asks for that run alone."""
    leave_open(store, "dead-1")
    left = Path(store.url, ".runstone/tmp/left")
    left.write_bytes(b"x")
    os.utime(left, (0, 0))
    assert invoke("recover", "dead-1").err == ""
    assert left.exists()


@pytest.mark.parametrize("torn", [b"", b"{", bytes(100)])
def test_a_run_that_was_never_opened(store: Store, invoke: Invoke, torn: bytes) -> None:
    """Without a whole line nothing was recorded; the id is free again."""
    leave_open(store, "early")
    Path(store.url, ".runstone/open/early/events.jsonl").write_bytes(torn)
    assert invoke("recover").out == "nothing recorded  early\n"
    assert seal(store, run_id="early") == "early"
