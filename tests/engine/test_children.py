"""Runs that are parts of another run, in this process and in others: how they find their parent, and it them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runstone
from runstone.engine.current import current_run
from runstone.engine.family import totals
from runstone.engine.recorder import Run
from runstone.engine.store import Store

from .scenes import TOKEN, abandon, of_type, open_store, python, written


def parents(store: Store, run_id: str) -> list[str]:
    """The runs that a sealed run names as its parents."""
    return [link["run_id"] for link in store.get(run_id).manifest["links"] if link["rel"] == "child-of"]


def told(store: Store, run_id: str) -> list[tuple[str, str]]:
    """What a run recorded of its children: id and status; every digest is that of the store's run, or null."""
    found = of_type(store, run_id, "child")
    for data in found:
        expected = None if data["status"] == "running" else store.get(data["run_id"]).digest
        assert data["digest"] == expected
    return [(data["run_id"], data["status"]) for data in found]


# the current run


def test_current_run_is_the_innermost_block(store: Store) -> None:
    """A `with` block makes its run the current one, and its end gives back the one before."""
    assert current_run() is None
    with store.run("outer") as outer:
        with store.run("inner") as inner:
            assert current_run() is inner
        assert current_run() is outer
    assert current_run() is None


def test_an_exception_gives_the_current_run_back(store: Store) -> None:
    """A block that is left by an exception is left all the same."""
    with pytest.raises(ZeroDivisionError), store.run("job"):
        _ = 1 / 0
    assert current_run() is None


def test_a_thread_sees_the_run_that_is_open(store: Store) -> None:
    """As long as no other stands beside it: `runstone.child` in a thread makes a child of it."""
    seen: list[Run | None] = []
    with store.run("job") as run:
        thread = threading.Thread(target=lambda: seen.append(current_run()))
        thread.start()
        thread.join()
    assert seen == [run]


def test_a_generator_that_is_closed_elsewhere_does_no_harm(store: Store) -> None:
    """A block that is left in another context than it was entered in ends its run, and raises nothing."""
    from contextvars import copy_context

    def recording() -> Any:
        with store.run("job", run_id="job"):
            yield

    steps = recording()
    copy_context().run(next, steps)
    steps.close()
    assert store.get("job").status == "failed"


# children in one process


def test_child_points_at_its_parent_which_tells_of_it(store: Store) -> None:
    """`child` opens a run in the same store with a link; the parent records its digest as soon as it is sealed."""
    with store.run("job", run_id="job") as run:
        with run.child("step", run_id="step") as step:
            assert told_so_far(run) == []
            step.check("rows", "fail")
        run.log("after")
    assert parents(store, "step") == ["job"]
    assert told(store, "job") == [("step", "failed")]
    assert [event["type"] for event in store.get("job").events()][1:3] == ["child", "log"]
    assert store.verify("job").ok


def told_so_far(run: Run) -> list[bytes]:
    """Lines of `child` events in the journal of an open run."""
    return [line for line in written(run).splitlines() if b'"type":"child"' in line]


def test_children_that_are_open_at_the_seal_are_running(store: Store) -> None:
    """A child that outlives its parent is told without a digest; those found at the seal stand in the order of ids."""
    run = store.run("job", run_id="job")
    second, first = run.child("step", run_id="b"), run.child("step", run_id="a")
    run.finish()
    second.finish()
    first.finish()
    assert told(store, "job") == [("a", "running"), ("b", "running")]
    assert parents(store, "a") == parents(store, "b") == ["job"]


def test_child_of_a_finished_run_has_its_digest(store: Store) -> None:
    """Who is sealed before the child begins can be named by digest."""
    run = store.run("job", run_id="job")
    run.finish()
    run.child("step", run_id="step").finish()
    [link] = store.get("step").manifest["links"]
    assert link == {"rel": "child-of", "run_id": "job", "digest": run.digest}


def test_links_of_the_caller_stay(store: Store) -> None:
    """A child has its own links beside the one to its parent."""
    link = {"rel": "derives-from", "run_id": "source"}
    with store.run("job") as run:
        run.child("step", run_id="step", links=[link]).finish()
    assert [item["rel"] for item in store.get("step").manifest["links"]] == ["child-of", "derives-from"]


def test_a_run_with_a_parent_of_its_own_does_not_take_the_environments(tmp_path: Path) -> None:
    """Of a tree each run names the run right above it."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_PARENT": "wrapper"})
    with store.run("job", run_id="job") as run:
        run.child("step", run_id="step").finish()
    assert (parents(store, "job"), parents(store, "step")) == (["wrapper"], ["job"])


def test_a_child_knows_the_secrets_of_its_parent(store: Store) -> None:
    """A value that was declared for the parent is taken out of what the child records, too."""
    secret = "plain words 17"
    with store.run("job", secrets=[secret]) as run, run.child("step", run_id="step", secrets=["another 18"]) as step:
        step.log(f"{secret} another 18")
    assert of_type(store, "step", "log")[0]["text"] == "[REDACTED:declared] [REDACTED:declared]"


def test_child_of_a_run_that_is_not_recorded_has_no_parent(tmp_path: Path) -> None:
    """A link to what is nowhere would be a lie."""
    (tmp_path / "file").write_text("in the way")
    run = open_store(tmp_path / "file").run("job")
    assert (run.recording, run.environ) == (False, {})
    run.store = open_store(tmp_path / "runs")
    run.child("step", run_id="step").finish()
    assert parents(run.store, "step") == []


def test_bad_links_of_a_child_are_refused(store: Store) -> None:
    """As with `Store.run`, before anything is written."""
    with store.run("job") as run, pytest.raises(runstone.InvalidInput) as caught:
        run.child("step", links=5)  # type: ignore[typeddict-item]  # what an untyped caller may do
    assert caught.value.code == "invalid_link"


def test_a_strict_parent_that_is_finished_meanwhile_leaves_its_child_alone(store: Store) -> None:
    """The end of the child is its own."""
    run = store.run("job", strict=True)
    step = run.child("step", run_id="step")
    run.finish()
    assert step.finish() == store.get("step").digest


def test_runs_in_memory_are_told_too() -> None:
    """Two stores in memory have the same URL, and are two."""
    one, other = runstone.open("memory:"), runstone.open("memory:")
    with one.run("job", run_id="job") as run:
        run.child("step", run_id="a").finish()
        other.run("step", run_id="b", links=[{"rel": "child-of", "run_id": "job"}]).finish()
    assert [event["data"]["run_id"] for event in one.get("job").events("child")] == ["a"]


# `runstone.child`


def test_module_child_is_of_the_current_run(store: Store) -> None:
    """In its store, without being told which."""
    with store.run("job", run_id="job"), runstone.child("step", run_id="a"):
        runstone.child("deeper", run_id="b").finish()
    assert (parents(store, "a"), parents(store, "b")) == (["job"], ["a"])


def test_module_child_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a current run the parent and its store are those that another process told."""
    with open_store(tmp_path / "theirs").run("job", run_id="job") as run:
        environ = run.environ
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "mine"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    runstone.child("step", run_id="step").finish()
    assert parents(open_store(tmp_path / "theirs"), "step") == ["job"]


@pytest.mark.parametrize("around", [{}, {"RUNSTONE_PARENT_STORE": "elsewhere"}])
def test_module_child_without_a_parent_is_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: dict[str, str]
) -> None:
    """A script that makes children also runs alone; where a store is named without a parent, it does not count."""
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "mine"))
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    runstone.child("step", run_id="step").finish()
    assert parents(open_store(tmp_path / "mine"), "step") == []


def test_module_child_is_switched_off_with_the_rest(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """`RUNSTONE_DISABLED=1` in the middle of a run: the child does nothing."""
    with store.run("job", run_id="job"):
        monkeypatch.setenv("RUNSTONE_DISABLED", "1")
        with runstone.open(store.url).run("x") as off, off.child("step") as step:
            assert step is off
            assert (off.environ, off.resumed_step) == ({}, None)


# real processes

WORKERS = """
import multiprocessing, os, subprocess, sys
import runstone

def begin(environ):
    os.environ.update(environ)

def work(name):
    with runstone.child("shard", run_id=name) as run:
        run.metrics({"loss": 1.0}, step=1)

if __name__ == "__main__":
    method, place = sys.argv[1:]
    with runstone.open(place).run("train", run_id="train") as run:
        before = dict(os.environ)
        if method == "subprocess":
            code = "import runstone; runstone.child('shard', run_id='a').finish()"
            subprocess.run([sys.executable, "-c", code], env={**os.environ, **run.environ}, check=True)
        else:
            context = multiprocessing.get_context(method)
            with context.Pool(2, begin, [run.environ]) as pool:
                pool.map(work, ["c", "b", "a"], chunksize=1)
                pool.close()
                pool.join()
        assert before == dict(os.environ), "the environment of the process is changed"
    with runstone.open(place).run("later", run_id="later"):
        pass
"""


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    """The program above in a file: a process that is spawned imports it."""
    path = tmp_path / "workers.py"
    path.write_text(WORKERS)
    return path


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver", "subprocess"])
def test_runs_of_other_processes_are_children(workers: Path, tmp_path: Path, method: str) -> None:
    """Whatever starts them: the parent names all, by id and with their digests, and its own environment is its own."""
    command = [sys.executable, str(workers), method, str(tmp_path / "runs")]
    done = python("import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", *command)
    assert done.returncode == 0, done.stderr
    store = open_store(tmp_path / "runs")
    names = ["a"] if method == "subprocess" else ["a", "b", "c"]
    assert told(store, "train") == [(name, "success") for name in names]
    assert [parents(store, name) for name in names] == [["train"]] * len(names)
    assert parents(store, "later") == []
    assert store.verify("train").ok
    assert os.listdir(tmp_path / "runs/.runstone/children") == []


def test_fork_without_a_word_is_enough(tmp_path: Path) -> None:
    """After `os.fork` a new run in the child is one of the run around the fork, not of the one that was opened last."""
    program = (
        "import os, runstone, sys\n"
        "store = runstone.open(sys.argv[1])\n"
        "with store.run('outer', run_id='outer'):\n"
        "    other = store.run('other', run_id='other')\n"
        "    if os.fork() == 0:\n"
        "        store.run('part', run_id='part').finish()\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    other.finish()\n"
    )
    assert python(program, tmp_path / "runs").returncode == 0
    store = open_store(tmp_path / "runs")
    assert parents(store, "part") == ["outer"]
    assert (told(store, "outer"), told(store, "other")) == ([("part", "success")], [])


def test_a_child_that_was_killed_is_running_for_its_parent(tmp_path: Path) -> None:
    """Its process is gone and nothing sealed it: the parent tells no digest; recovery seals it, and it is found."""
    program = (
        "import os, runstone, signal, sys\n"
        "with runstone.open(sys.argv[1]).run('train', run_id='train'):\n"
        "    if os.fork() == 0:\n"
        "        runstone.child('shard', run_id='shard').log('begun')\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    os.wait()\n"
    )
    assert python(program, tmp_path / "runs").returncode == 0
    store = open_store(tmp_path / "runs")
    assert told(store, "train") == [("shard", "running")]
    store.recover()
    [row] = store.children("train")
    assert (row["run_id"], row["status"], row["digest"]) == ("shard", "interrupted", store.get("shard").digest)


def test_a_parent_that_was_killed_is_recovered_and_swept(tmp_path: Path) -> None:
    """What its children left for it goes with the next sweep; they are found by their links."""
    program = (
        "import os, runstone, signal, sys\n"
        "with runstone.open(sys.argv[1]).run('train', run_id='train'):\n"
        "    if os.fork() == 0:\n"
        "        runstone.child('shard', run_id='shard').finish()\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert python(program, tmp_path / "runs").returncode == -signal.SIGKILL
    store = open_store(tmp_path / "runs")
    assert store.leftovers() == []
    store.recover()
    assert [left.name for left in store.sweep()] == [".runstone/children/train"]
    assert (store.leftovers(), told(store, "train")) == ([], [])
    assert [row["run_id"] for row in store.children("train")] == ["shard"]


def test_nested_wrappers_are_a_chain(tmp_path: Path) -> None:
    """`runstone run -- runstone run -- python`: each names the one around it and binds the one below by its digest."""
    here = [sys.executable, "-m", "runstone", "run"]
    inner = [sys.executable, "-c", "import runstone; runstone.child('step', run_id='c').finish()"]
    command = [*here, "--store", "deep", "--run-id", "a", "--", *here, "--store", "deep", "--run-id", "b", "--", *inner]
    done = python("import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", *command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    store = open_store(tmp_path / "deep")
    assert (parents(store, "b"), parents(store, "c")) == (["a"], ["b"])
    assert (told(store, "a"), told(store, "b")) == ([("b", "success")], [("c", "success")])
    assert not (tmp_path / "runs").exists()


def test_a_store_that_cannot_be_written_keeps_no_child_from_its_work(store: Store, tmp_path: Path) -> None:
    """Where word cannot be left for the parent, the child is recorded, and found by its link."""
    (tmp_path / "runs").mkdir()
    with store.run("job", run_id="job"):
        (tmp_path / "runs/.runstone/children").write_text("in the way")
        assert python(CHILD, tmp_path / "runs").returncode == 0
    assert (told(store, "job"), [row["run_id"] for row in store.children("job")]) == ([], ["step"])


CHILD = """
import runstone, sys
link = {"rel": "child-of", "run_id": "job"}
runstone.open(sys.argv[1]).run("step", run_id="step", links=[link]).finish()
"""


def test_damaged_child_is_not_vouched_for(store: Store, tmp_path: Path) -> None:
    """A parent tells no digest of a child whose bundle is no bundle any more when the parent is sealed."""
    with store.run("job", run_id="job"):
        assert python(CHILD, tmp_path / "runs").returncode == 0
        (tmp_path / "runs/step/manifest.json").chmod(0o644)
        (tmp_path / "runs/step/manifest.json").write_text("{}")
    assert told(store, "job") == []


# what all of it comes to


def test_sums_are_over_the_whole_tree(store: Store) -> None:
    """Children, theirs, what is open, and what is in no store: counted once each, the numbers added."""
    run = store.run("job", run_id="job")
    with run.child("step", run_id="a") as step:
        step.check("one", "pass")
        step.metrics({"loss": 1})
        step.output("table", "t")
        with step.child("deeper", run_id="b") as deeper:
            deeper.check("two", "fail")
            deeper.metrics({"loss": 1})
            deeper.metrics({"loss": 2})
            deeper.log(TOKEN)
    living = run.child("step", run_id="c")
    run.event("child", {"run_id": "elsewhere", "digest": None, "status": "failed"})
    run.finish()
    rows = store.children("job")
    living.finish()
    assert [(row["run_id"], row["parent"], row["depth"], row["status"]) for row in rows] == [
        ("a", "job", 1, "success"),
        ("b", "a", 2, "failed"),
        ("c", "job", 1, "running"),
        ("elsewhere", "job", 1, "failed"),
    ]
    assert totals(rows) == {
        "runs": 4,
        "unread": 2,
        "statuses": {"failed": 2, "running": 1, "success": 1},
        "checks": {"pass": 1, "fail": 1, "skip": 0},
        "duration_ms": 0,
        "redactions": 1,
        "outputs": 1,
        "metrics": 3,
    }


def test_a_run_that_came_in_the_place_of_a_child_is_told(store: Store, tmp_path: Path) -> None:
    """The digest that the parent recorded stands beside that of the run that is there now."""
    with store.run("job", run_id="job") as run:
        run.child("step", run_id="step").finish()
    recorded = store.get("step").digest
    shutil.rmtree(tmp_path / "runs/step")
    (tmp_path / "runs/.runstone/lease/step").unlink()
    store.run("other", run_id="step").finish()
    [row] = store.children("job")
    assert (row["recorded_digest"], row["digest"]) == (recorded, store.get("step").digest)
    assert row["recorded_digest"] != row["digest"]


def test_children_of_an_open_run_are_found(store: Store) -> None:
    """While it is recorded, and after its process has died."""
    run = store.run("job", run_id="job")
    run.child("step", run_id="step").finish()
    assert [row["run_id"] for row in store.children("job")] == ["step"]
    abandon(run)
    assert [row["run_id"] for row in store.children("job")] == ["step"]


def test_a_long_chain_does_not_end_the_walk() -> None:
    """A thousand generations are a list, not a recursion."""
    store = runstone.open("memory:")
    for number in range(1200):
        links = [{"rel": "child-of", "run_id": f"r{number - 1}"}] if number else []
        abandon(store.run("step", run_id=f"r{number}", links=links))
    assert [row["depth"] for row in store.children("r0")] == list(range(1, 1200))


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), max_size=8))
def test_every_run_below_is_told_once(above: dict[int, set[int]]) -> None:
    """Whatever links there are, circles too: the rows are the runs that a search from the root comes to."""
    store = runstone.open("memory:")
    for number in range(8):
        links = [{"rel": "child-of", "run_id": f"r{parent}"} for parent in above.get(number, ())]
        store.run("step", run_id=f"r{number}", links=links).finish()
    reached, waiting = set(), [0]
    while waiting:
        here = waiting.pop()
        below = [number for number in range(8) if here in above.get(number, ()) and number not in reached | {0}]
        reached |= set(below)
        waiting += below
    rows = store.children("r0")
    assert sorted(row["run_id"] for row in rows) == sorted(f"r{number}" for number in reached)
    assert totals(rows)["runs"] == len(reached)
    seen = {"r0"}
    for row in rows:  # parents stand before their children
        assert row["parent"] in seen
        seen.add(row["run_id"])


def test_an_error_of_a_child_has_no_secret_of_it_in_its_parents(store: Store) -> None:
    """The exception goes on through the blocks around it, whose runs were told no secret."""
    secret = "dcl-" + "Q7vw2kLmPz"

    def work() -> None:
        with (
            store.run("outer", run_id="outer") as outer,
            outer.child("middle", run_id="middle") as middle,
            middle.child("inner", run_id="inner", secrets=[secret]),
        ):
            raise ValueError(f"bad {secret}")

    with pytest.raises(ValueError, match="bad"):
        work()
    for run_id in ("inner", "middle", "outer"):
        (closed,) = of_type(store, run_id, "run.closed")
        assert secret not in str(closed)
        assert closed["error"]["message"] == "bad [REDACTED:declared]"
        assert closed["redactions"] > 0


def test_an_error_on_which_a_redactor_of_a_child_fails_is_marked_where_it_stood(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dropped from what the parents record, and the mark points to it."""
    secret = "dcl-" + "Q7vw2kLmPz"

    def work() -> None:
        with store.run("outer", run_id="outer") as outer, outer.child("inner", run_id="inner", secrets=[secret]) as run:
            monkeypatch.setattr(run.redactor, "gate", None)
            raise ValueError(f"bad {secret}")

    with pytest.raises(ValueError, match="bad"):
        work()
    closed = list(store.get("outer").events())[-1]
    assert closed["data"]["error"] is None
    assert closed["marks"] == [["/error", "redacted:redactor-failed"]]
