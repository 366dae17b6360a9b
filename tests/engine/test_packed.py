"""Runs that are packed as they are recorded: the same record, the same answers, the same promises."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import runstone
from runstone.adapters.fs import durable
from runstone.adapters.fs.packs import open_run, rewriting, segments, spooling
from runstone.adapters.fs.packs.bundle import PackedBundle
from runstone.adapters.fs.packs.moving import FsPacks
from runstone.adapters.fs.packs.segments import close_own
from runstone.adapters.fs.packs.shelf import Packed
from runstone.adapters.fs.places import Places
from runstone.core import layout
from runstone.core.tar import END
from runstone.engine import driving, purger
from runstone.engine.store import Store
from runstone.testing.ground import code_of

from .gated import CALM, POLICY, WILD


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that packs."""
    return runstone.open(tmp_path / "runs", packed=True)


def private(store: Store, *names: str) -> Path:
    """A place of the store's own."""
    return Path(store.url, layout.PRIVATE, *names)


def again(store: Store) -> Store:
    """The store as another process sees it, which was told nothing of packs."""
    return runstone.open(store.url)


def sealed_run(store: Store, **options) -> str:
    """The id of a small run that is sealed."""
    with store.run("job", **options) as run:
        run.log("hello")
        run.check("rows", "pass", "run.log:line:1")
    return run.run_id


def spooled_types(store: Store, run_id: str) -> list[str]:
    """The types of the events that an open run has in a spool, as another process reads it; none is missing."""
    left = again(store).journals.read(run_id)
    assert left is not None
    lines = [json.loads(line) for line in b"".join(left.read()).splitlines()]
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    return [line["type"] for line in lines]


def in_process(store: Store, code: str, *, kill: bool = False) -> list[str]:
    """What another process prints that records into packs, and then ends or is killed."""
    script = f"import os, runstone\nstore = runstone.open({store.url!r}, packed=True)\n{code}\n"
    script += "os.kill(os.getpid(), 9)\n" if kill else ""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == (-signal.SIGKILL if kill else 0), done.stderr
    return done.stdout.split()


# what is recorded


def test_packed_run_is_one_slice_and_no_folder(store: Store) -> None:
    """Nothing stands in the root of the store, and plain tar finds the files of the run."""
    run_id = sealed_run(store)
    assert sorted(os.listdir(store.url)) == [".gitattributes", ".runstone"]
    close_own(store.url)
    (segment,) = private(store, "packs").glob("*.tar")
    listed = subprocess.run(["tar", "tf", segment], capture_output=True, text=True, check=True).stdout.split()
    assert listed == [f"{run_id}/{name}" for name in ("manifest.json", "checks.json", "events.jsonl", "run.json")]


def test_answers_are_those_of_a_loose_run(store: Store) -> None:
    """Lists, queries, documents, events, verification, comparison, export and annotations know no difference."""
    run_id = sealed_run(store, labels={"env": "prod"}, config={"a": 1})
    digest = store.get(run_id).digest
    reader = again(store)
    before = (reader.rows("label.env:prod"), reader.get(run_id).document("run.json"), list(reader.get(run_id).events()))
    assert reader.verify(run_id, digest=digest).ok
    store.annotate(run_id, note="seen")
    assert [told["notes"] for told in reader.annotations(run_id)] == [["seen"]]
    assert [move.problem for move in store.unpack()] == [None, None]
    assert (
        reader.rows("label.env:prod"),
        reader.get(run_id).document("run.json"),
        list(reader.get(run_id).events()),
    ) == before
    assert reader.verify(run_id, digest=digest).ok
    files = [entry["path"] for entry in reader.get(run_id).manifest["files"]]
    assert sorted(os.listdir(Path(store.url, run_id))) == sorted([*files, "manifest.json"])
    assert reader.reindex() == 2


def test_run_with_an_id_of_the_callers_is_loose(store: Store) -> None:
    """Its id has to be claimed."""
    sealed_run(store, run_id="mine")
    assert Path(store.url, "mine", "manifest.json").exists()
    assert code_of(lambda: store.run("job", run_id="MINE", strict=True)) == "run_exists"


def test_id_of_a_packed_run_is_taken(store: Store) -> None:
    """By a caller too, sealed or open."""
    run_id = sealed_run(store)
    run = store.run("job")
    for taken in (run_id, run_id.upper(), run.run_id):
        assert code_of(lambda taken=taken: again(store).run("job", run_id=taken, strict=True)) == "run_exists"
    run.finish()


def test_open_run_is_seen_alive(store: Store) -> None:
    """Lists, logs and the look for a living writer find it in the spool."""
    run = store.run("job")
    run.log("at work")
    reader = again(store)
    assert [(row["run_id"], row["status"]) for row in reader.rows()] == [(run.run_id, "running")]
    assert reader.journals.alive(run.run_id)
    left = reader.journals.read(run.run_id)
    assert left is not None
    assert [json.loads(line)["type"] for line in b"".join(left.read()).splitlines()] == ["run.opened", "log"]
    assert reader.recover()[0].outcome == "alive"
    run.finish()
    assert (reader.open_runs(), len(reader.rows())) == ([], 1)


def test_kept_file_is_in_the_slice(store: Store, tmp_path: Path) -> None:
    """It stands beside the open run until it is sealed, and nothing of it is left there."""
    run = store.run("job")
    run.output("note.txt", b"kept text")
    assert len(list(private(store, "open", run.run_id, "artifacts").iterdir())) == 1
    run.finish()
    sealed = again(store).get(run.run_id)
    assert sealed.file("artifacts/note.txt") == b"kept text"
    assert again(store).verify(run.run_id).ok
    assert not private(store, "open", run.run_id).exists()


@pytest.mark.parametrize("large", ["events", "files"])
def test_run_that_grows_large_goes_on_loose(store: Store, large: str) -> None:
    """In the middle of the recording, with all that was recorded before."""
    run = store.run("job")
    for number in range(30):
        if large == "events":
            run.log(f"{number} " + "x" * 50_000)
        else:
            run.output(f"{number}.txt", b"x" * 50_000)
    run.check("rows", "pass", None)
    digest = run.finish()
    assert Path(store.url, run.run_id, "manifest.json").exists()
    assert again(store).verify(run.run_id, digest=digest).ok
    assert again(store).get(run.run_id).counts()["events"] == 33
    assert again(store).open_runs() == []


def test_spool_stands_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers and recovery find it without being told."""
    monkeypatch.setenv("RUNSTONE_SPOOL", str(tmp_path / "fast"))
    store = runstone.open(tmp_path / "runs", packed=True)
    (run_id,) = in_process(store, "run = store.run('job')\nprint(run.run_id, flush=True)", kill=True)
    monkeypatch.delenv("RUNSTONE_SPOOL")
    assert len(list((tmp_path / "fast").glob("*/*.jsonl"))) == 1
    assert [recovery.run_id for recovery in again(store).recover()] == [run_id]
    assert list((tmp_path / "fast").glob("*/*.jsonl")) == []


@pytest.mark.parametrize("said", ["1", "true"])
def test_setting_packs_by_default(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RUNSTONE_PACKED=1` counts where the program does not say; so do the other words that switch something on."""
    monkeypatch.setenv("RUNSTONE_PACKED", said)
    packed, loose = sealed_run(runstone.open(tmp_path)), sealed_run(runstone.open(tmp_path, packed=False))
    assert (Path(tmp_path, packed).exists(), Path(tmp_path, loose).exists()) == (False, True)


# who dies


def test_killed_process_leaves_interrupted_runs_and_sealed_ones(store: Store) -> None:
    """Recovery seals what was recorded of open runs, ends the segment, and removes the spool."""
    code = """
for number in range(3):
    with store.run("done") as run: run.log("x")
    print(run.run_id, flush=True)
run = store.run("open")
run.log("last words"); run.output("a.txt", b"kept")
print(run.run_id, flush=True)
"""
    *done, left = in_process(store, code, kill=True)
    reader = again(store)
    assert {row["run_id"]: row["status"] for row in reader.rows()} == {
        **dict.fromkeys(done, "success"),
        left: "interrupted",
    }
    (recovery,) = reader.recover()
    assert (recovery.run_id, recovery.outcome, recovery.status, recovery.lost) == (left, "sealed", "interrupted", [])
    assert reader.get(left).file("artifacts/a.txt") == b"kept"
    assert all(reader.verify(run_id).ok for run_id in [*done, left])
    assert list(private(store, "spool").glob("*.jsonl")) == []
    assert len(list(private(store, "packs").glob("*.idx"))) == len(list(private(store, "packs").glob("*.tar"))) == 1
    assert (reader.recover(), reader.leftovers()) == ([], [])


def test_torn_tail_is_cut_and_nothing_that_was_answered(store: Store) -> None:
    """Half a slice is nobody's run; recovery leaves it out."""
    run_ids = in_process(
        store, "for _ in range(2):\n with store.run('k') as run: pass\n print(run.run_id, flush=True)", kill=True
    )
    (segment,) = private(store, "packs").glob("*.tar")
    whole = segment.read_bytes()
    segment.write_bytes(whole + whole[:2000])
    assert sorted(again(store).objects.run_ids()) == sorted(run_ids)
    again(store).sweep()
    (mended,) = private(store, "packs").glob("*.tar")
    assert mended.read_bytes() == whole + bytes(1024)
    assert all(again(store).verify(run_id).ok for run_id in run_ids)


def test_damage_in_the_middle_is_no_torn_tail(store: Store) -> None:
    """A run that was answered and is damaged since is kept and told as damaged, and none behind it is lost."""
    code = "for _ in range(3):\n with store.run('k') as run: run.log('words')\n print(run.run_id, flush=True)"
    run_ids = in_process(store, code, kill=True)
    (segment,) = private(store, "packs").glob("*.tar")
    data = segment.read_bytes()
    segment.write_bytes(data.replace(b'"text":"words"', b'"text":"wards"', 1))
    again(store).sweep()
    reader = again(store)
    assert sorted(reader.objects.run_ids()) == sorted(run_ids)
    assert [reader.verify(run_id).ok for run_id in run_ids] == [False, True, True]


def test_kill_under_load_loses_no_answer_and_hides_no_run(store: Store) -> None:
    """Sixteen threads, killed in the middle: every id that was printed behind its seal is sealed, every one
    that was printed at its opening is there."""
    code = """
import sys, threading
def work():
    while True:
        with store.run("load") as run:
            os.write(1, b"o" + run.run_id.encode() + b"\\n")
            run.log("words")
        os.write(1, b"s" + run.run_id.encode() + b"\\n")
for _ in range(16): threading.Thread(target=work, daemon=True).start()
threading.Event().wait()
"""
    script = f"import os, runstone\nstore = runstone.open({store.url!r}, packed=True)\n{code}"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(600)]
        process.kill()
        said += process.stdout.read().split(b"\n")[:-1]
    words = {kind: {line[1:].strip().decode() for line in said if line[:1] == kind} for kind in (b"o", b"s")}
    reader = again(store)
    found = {row["run_id"]: row["status"] for row in reader.rows()}
    assert {run_id for run_id in words[b"s"] if found.get(run_id) != "success"} == set()
    assert words[b"o"] - found.keys() == set()
    reader.recover()
    assert all(reader.verify(run_id).ok for run_id in reader.objects.run_ids())
    assert words[b"o"] <= set(reader.objects.run_ids())
    assert len(words[b"s"]) > 100


def test_forked_child_has_its_own_files(store: Store) -> None:
    """It records through the same store, into another segment and spool; the parent's are untouched."""
    before = sealed_run(store)
    run = store.run("parent")
    child = os.fork()
    if child == 0:
        try:
            sealed_run(store)
            close_own(store.url)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert run.finish() is not None
    reader = again(store)
    assert (len(list(private(store, "packs").glob("*.tar"))), len(reader.rows())) == (2, 3)
    assert all(reader.verify(run_id).ok for run_id in reader.objects.run_ids())
    assert before in set(reader.objects.run_ids())


LEFT_RUNNING = """
from runstone.adapters.fs.packs import spooling
spooling.MAX_SPOOL_BYTES = 4000
run = store.run("long", labels={"long": "1"})
for _ in range(6):
    with store.run("short") as short:
        short.log("x" * 1000)
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.close(1)
    os.close(2)
    os.read(0, 1)
    os._exit(0)
print(child, run.run_id)
"""


def test_forked_child_holds_no_run_of_its_parent(store: Store) -> None:
    """Nor one in a spool that takes no more runs: the parent is dead, the child lives, and the run is recovered."""
    read, write = os.pipe()
    script = f"import os, runstone\nstore = runstone.open({store.url!r}, packed=True)\n{LEFT_RUNNING}"
    script += "import sys; sys.stdout.flush(); os.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", script], stdin=read, capture_output=True, text=True, check=False)
    child, run_id = done.stdout.split()
    try:
        os.kill(int(child), 0)
        assert {recovery.run_id: recovery.outcome for recovery in again(store).recover()} == {run_id: "sealed"}
    finally:
        os.write(write, b".")
        os.close(write)
        os.close(read)


# what fails


def test_packs_that_cannot_be_listed_are_a_store_that_cannot_be_used(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error of the system comes out of a question, and none into the work of a run with a child elsewhere."""
    run_id = sealed_run(store)
    parent = again(store).run("parent")
    parent_of = again(store)
    parent_of.journals.adopt(parent.run_id, "b" * 32)
    true = os.listdir

    def listdir(path: str) -> list[str]:
        if str(path).endswith("packs"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return true(path)

    monkeypatch.setattr(os, "listdir", listdir)
    reader = again(store)
    for ask in (lambda: reader.get(run_id), lambda: reader.objects.exists("a" * 32), lambda: list(reader.runs())):
        assert code_of(ask) == "store_unavailable"
    assert parent.finish() is not None


def failing(monkeypatch: pytest.MonkeyPatch, name: str, times: int, *, here: bool = False) -> None:
    """A durable operation that fails some times; `here` in this thread alone, whatever others end meanwhile."""
    true, left = getattr(durable, name), [times]
    thread = threading.get_ident() if here else None

    def call(*arguments):
        if left[0] and thread in (None, threading.get_ident()):
            left[0] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return true(*arguments)

    monkeypatch.setattr(durable, name, call)


def test_failed_sync_fails_all_that_wait_and_opens_another_segment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told that it is sealed, the sync is not asked again, and the next run is in another file."""
    sealed_run(store)
    (first,) = private(store, "packs").glob("*.tar")
    size = first.stat().st_size
    runs = [store.run("job", strict=True) for _ in range(5)]
    codes: list[str | None] = []
    failing(monkeypatch, "sync_data", 5)
    threads = [threading.Thread(target=lambda run=run: codes.append(code_of(run.finish))) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) == {"unsealed"}
    monkeypatch.undo()
    after = sealed_run(store)
    assert again(store).verify(after).ok
    assert first.stat().st_size >= size
    again(store).recover()
    assert all(again(store).verify(run.run_id).ok for run in runs)


def test_full_disk_refuses_and_then_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails is told; once there is room again the same store works."""
    run = store.run("job", strict=True)
    failing(monkeypatch, "write_all", 1)
    assert code_of(run.finish) == "unsealed"
    monkeypatch.undo()
    assert again(store).verify(sealed_run(store)).ok
    assert [recovery.status for recovery in again(store).recover() if recovery.outcome == "sealed"] in (["success"], [])


@pytest.mark.parametrize("fails", ["write_all", "sync_folder", "reopen_cut"])
def test_disk_that_was_full_for_a_moment_loses_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Where a run that grew large was to go on loose: it stays where it is, and goes on with the next line."""
    run = store.run("job")
    failed = False
    for number in range(30):
        if not failed and number == 20:
            monkeypatch.setattr(open_run, "MAX_HELD_BYTES", 1)
            failing(monkeypatch, fails, 1, here=True)
            failed = True
        run.log(f"{number} " + "x" * 10_000)
    digest = run.finish()
    assert again(store).verify(run.run_id, digest=digest).ok
    sealed = again(store).get(run.run_id)
    assert [len(list(sealed.events("log"))), sealed.journal().closed["data"]["dropped"]] == [29, 1]
    assert sealed.bundle.location == str(Path(store.url, run.run_id))


def test_interrupt_as_a_run_becomes_loose_leaves_it_in_the_spool(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the last moment: no folder counts in place of the spool, which has what comes after."""

    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    run = store.run("job")
    run.log("before")
    monkeypatch.setattr(open_run, "MAX_HELD_BYTES", 1)
    monkeypatch.setattr(open_run, "FsOpenRun", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.log("lost")
    run.log("after")
    assert spooled_types(store, run.run_id) == ["run.opened", "log", "dropped", "log"]
    assert not private(store, "open", run.run_id, "events.jsonl").exists()
    assert not private(store, "lease", run.run_id).exists()
    digest = run.finish()
    assert again(store).verify(run.run_id, digest=digest).ok


def test_run_that_becomes_loose_leaves_the_lease_of_a_recovery(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which was told to go on beside its writer, and holds it."""
    run = store.run("job")
    places = Places(store.url)
    lease = places.lock_lease(run.run_id)
    assert lease is not None
    monkeypatch.setattr(open_run, "MAX_HELD_BYTES", 1)
    run.log("lost")
    assert durable.is_named(lease, str(private(store, "lease", run.run_id)))
    assert not private(store, "open", run.run_id).exists()
    os.close(lease)


def test_finishing_in_the_middle_of_a_line_leaves_its_descriptor(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file might have it next: the spool is let go behind the line, though it takes no more runs."""
    run = store.run("job")
    spool = run.writer.journal._spool
    true = durable.write_keeping_lock

    def interrupted(fd: int, line: bytes) -> int:
        monkeypatch.undo()
        run.finish()
        with (tmp_path / "own.txt").open("wb"):
            return true(fd, line)

    monkeypatch.setattr(spooling, "MAX_SPOOL_BYTES", 1)
    monkeypatch.setattr(spooling, "other_threads", lambda: 1)
    monkeypatch.setattr(durable, "write_keeping_lock", interrupted)
    spool.retired = True
    run.log("under way")
    assert (tmp_path / "own.txt").read_bytes() == b""
    assert not spool.is_held
    assert store.verify(run.run_id).ok


def test_line_that_was_torn_in_the_spool_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line is ended by the next one; the run goes on with a `dropped` event, and so recovery reads it."""
    run, other = store.run("job"), store.run("other")
    true = durable.write_keeping_lock

    def torn(fd: int, data: bytes) -> int:
        true(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spooling, "other_threads", lambda: 1)
    monkeypatch.setattr(durable, "write_keeping_lock", torn)
    run.log("lost")
    monkeypatch.undo()
    other.log("not lost")
    run.log("kept")
    assert spooled_types(store, run.run_id) == ["run.opened", "dropped", "log"]
    assert [run.finish() is not None, other.finish() is not None] == [True, True]
    assert all(again(store).verify(run_id).ok for run_id in again(store).objects.run_ids())


def test_recovery_beside_a_living_writer_wins_over_it(store: Store) -> None:
    """`force` seals a copy; the writer is told `recovered_elsewhere`, and one bundle of the id stands."""
    run = store.run("job", strict=True)
    run.log("words")
    (recovery,) = again(store).recover(force=True)
    assert (recovery.outcome, recovery.status) == ("sealed", "interrupted")
    assert code_of(run.finish) == "recovered_elsewhere"
    assert again(store).get(run.run_id).status == "interrupted"
    assert again(store).verify(run.run_id).ok


# gates


def test_gates_pack_their_runs(store: Store) -> None:
    """Allowed, blocked and failed calls are sealed in packs."""
    gate = runstone.gate("cut", policy=POLICY, facts=lambda speed: {**CALM, "speed": speed}, store=store)

    @gate
    def cut(speed: int) -> str:
        if speed == 1:
            raise ValueError("broken")
        return "done"

    assert cut(40) == "done"
    with pytest.raises(runstone.PolicyBlocked):
        cut(WILD["speed"])
    with pytest.raises(ValueError, match="broken"):
        cut(1)
    reader = again(store)
    assert sorted(row["status"] for row in reader.rows()) == ["blocked", "failed", "success"]
    assert all(reader.verify(run_id).ok for run_id in reader.objects.run_ids())
    assert sorted(os.listdir(store.url)) == [".gitattributes", ".runstone"]


def test_decision_is_synced_before_the_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work begins when the spool is synced; where it cannot be, the gate refuses and the run is left."""
    begun: list[bool] = []
    gate = runstone.gate("cut", policy=POLICY, facts=CALM, store=store)
    failing(monkeypatch, "sync_data", 1)
    with pytest.raises(runstone.StoreUnavailable):
        gate(lambda: begun.append(True))()
    monkeypatch.undo()
    assert begun == []
    assert [recovery.status for recovery in again(store).recover()] == ["interrupted"]
    gate(lambda: begun.append(True))()
    assert begun == [True]


def test_key_is_answered_by_its_run(store: Store) -> None:
    """The same call twice is one run, also for a process that does not pack, and in a pack."""

    def call(opened: Store) -> dict[str, str]:
        gate = runstone.gate("cut", policy=POLICY, facts=CALM, store=opened, idempotency_key="k", request=1)
        return gate(lambda: {"by": runstone.current_run().run_id})()

    answer = call(store)
    assert call(again(store)) == answer
    assert [move.problem for move in store.pack()] == [None]
    assert call(store) == call(again(store)) == answer
    assert len(list(store.objects.run_ids())) == 1


# moving


def test_moved_runs_are_the_same(tmp_path: Path) -> None:
    """To a pack and back, twice: each file of each run has the bytes that it had."""
    store = runstone.open(tmp_path / "runs")
    for number in range(12):
        with store.run("job", run_id=f"Run-{number}") as run:
            run.output("deep/" * number + "x" * 60 + ".txt", b"text " * number)
    before = {
        path.relative_to(store.url): path.read_bytes() for path in Path(store.url).glob("Run-*/**/*") if path.is_file()
    }
    digests = {sealed.run_id: sealed.digest for sealed in store.runs()}
    for _ in range(2):
        assert {move.run_id for move in store.pack("id:Run-1*")} == {"Run-1", "Run-10", "Run-11"}
        assert len(store.pack()) == 9
        assert (store.pack(), sorted(os.listdir(store.url))) == ([], [".gitattributes", ".runstone"])
        assert {sealed.run_id: sealed.digest for sealed in again(store).runs()} == digests
        assert all(again(store).verify(run_id).ok for run_id in digests)
        assert len(store.unpack()) == 12
        assert list(private(store, "packs").iterdir()) == []
    after = {
        path.relative_to(store.url): path.read_bytes() for path in Path(store.url).glob("Run-*/**/*") if path.is_file()
    }
    assert after == before


def test_damaged_or_busy_run_is_not_moved(tmp_path: Path) -> None:
    """It stays where and as it is, with the reason; the others are moved."""
    store = runstone.open(tmp_path / "runs")
    good, bad, extra = (sealed_run(store, run_id=name) for name in ("good", "bad", "extra"))
    path = Path(store.url, bad, "run.json")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"job", b"jab"))
    Path(store.url, extra, "more.txt").write_bytes(b"")
    found = {move.run_id: move.problem.code if move.problem else None for move in store.pack()}
    assert found == {good: None, bad: "bundle_damaged", extra: "bundle_damaged"}
    assert b"jab" in path.read_bytes()


def test_move_that_is_given_up_holds_nothing(tmp_path: Path) -> None:
    """Whoever stops in the middle has its runs where they were, free, and no descriptor or file left."""
    store = runstone.open(tmp_path / "runs")
    for number in range(4):
        sealed_run(store, run_id=f"r{number}")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    moving = FsPacks(Places(store.url)).pack(["r0", "r1", "r2", "no run", "r3"])
    assert next(moving)[0] == "no run"
    moving.close()
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before
    assert list(private(store, "tmp").iterdir()) == []
    assert [move.problem for move in store.pack()] == [None] * 4


def test_reader_reads_on_while_its_run_moves(tmp_path: Path) -> None:
    """An open bundle, one that has rested, and one that is asked for in between: all find the same bytes."""
    store = runstone.open(tmp_path / "runs")
    run_id = sealed_run(store)
    runs = list(store.runs())
    store.pack()
    packed = store.get(run_id)
    assert runs[0].run_id == run_id
    store.unpack()
    assert packed.file("run.json") == store.get(run_id).file("run.json")
    packed.bundle.rest()
    assert packed.file("run.json") == store.get(run_id).file("run.json")


def test_purge_writes_a_pack_anew_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many runs of one pack go together; what stays is as it was, and no byte of what went is left."""
    store = runstone.open(tmp_path / "runs")
    for number in range(40):
        with store.run("job", run_id=f"run-{number:02}", labels={"odd": str(number % 2)}) as run:
            run.log(f"words of {number}")
    store.pack()
    made: list[str] = []
    true = durable.place_new
    monkeypatch.setattr(durable, "place_new", lambda source, target: (true(source, target), made.append(target)))
    fates = store.purge({"rules": [{"query": "label.odd:1"}], "grace": "0"}, apply=True).fates
    assert (len(fates), [fate.problem for fate in fates if fate.problem]) == (20, [])
    assert len([path for path in made if path.endswith(".tar")]) == 1
    assert all(again(store).verify(run_id).ok for run_id in store.objects.run_ids())
    (segment,) = private(store, "packs").glob("*.tar")
    assert (b"words of 1\\n" in segment.read_bytes(), b"words of 13" in segment.read_bytes()) == (False, False)
    assert code_of(lambda: store.get("run-13")) == "run_purged"


def test_run_in_a_pack_that_is_written_elsewhere_is_in_use(store: Store) -> None:
    """It stays, marked, after a moment; when that process has ended the next purge takes it."""
    script = f"import runstone, sys\nstore = runstone.open({store.url!r}, packed=True)\n"
    script += "with store.run('k') as run: pass\nprint(run.run_id, flush=True)\nsys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip().decode()
        rules = {"rules": [{"query": "kind:k"}], "grace": "0"}
        (fate,) = again(store).purge(rules, apply=True).fates
        assert fate.problem is not None
        assert (fate.problem.code, again(store).verify(run_id).ok) == ("run_in_use", True)
        process.communicate(b"\n")
    (fate,) = again(store).purge(rules, apply=True).fates
    assert (fate.done, fate.problem) == (True, None)
    assert list(private(store, "packs").iterdir()) == []


def test_a_purge_of_many_waits_for_a_busy_pack_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many parts it goes through its runs in."""
    for _ in range(5):
        sealed_run(store)
    close_own(store.url)
    monkeypatch.setattr(purger, "BATCH", 2)
    monkeypatch.setattr(rewriting, "WAIT_S", 0.05)
    monkeypatch.setattr(rewriting, "rewrite", lambda *_: False)
    slept: list[float] = []
    monkeypatch.setattr(rewriting.time, "sleep", slept.append)
    clock = iter(range(1000))
    monkeypatch.setattr(rewriting.time, "monotonic", lambda: next(clock) / 100)
    fates = again(store).purge({"rules": [{"query": "kind:job"}], "grace": "0"}, apply=True).fates
    assert [fate.problem.code for fate in fates if fate.problem] == ["run_in_use"] * 5
    assert 0 < len(slept) <= 5


def test_purge_looks_again_where_a_pack_was_written_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another purge did that since this one has listed the packs: what it wanted is taken out of the new one."""
    gone, wanted, stays = (sealed_run(store) for _ in range(3))
    close_own(store.url)
    true, purged = rewriting.PackedBundle, []

    def late(packed: Packed) -> PackedBundle:
        if not purged:
            purged.append(gone)
            other = again(store).purge({"rules": [{"query": f"id:{gone}"}], "grace": "0"}, apply=True)
            assert [fate.run_id for fate in other.fates if fate.done] == [gone]
        return true(packed)

    reader = again(store)
    reader.rows()
    monkeypatch.setattr(rewriting, "PackedBundle", late)
    done = reader.purge({"rules": [{"query": f"id:{wanted}"}], "grace": "0"}, apply=True)
    assert [fate.problem for fate in done.fates if fate.run_id == wanted] == [None]
    assert list(again(store).objects.run_ids()) == [stays]


def test_import_knows_packed_runs(store: Store, tmp_path: Path) -> None:
    """The same bundle is `identical`, into a store that packs and one that does not; a new one is packed."""
    from runstone.engine.exporter import export_tar
    from runstone.locate import open_bundle

    run_id = sealed_run(store)
    archive = tmp_path / "run.tar"
    archive.write_bytes(b"".join(export_tar(store.get(run_id))))
    assert [opened.import_bundle(open_bundle(str(archive)))[2] for opened in (store, again(store))] == ["identical"] * 2
    other = runstone.open(tmp_path / "other", packed=True)
    assert other.import_bundle(open_bundle(str(archive)))[2] == "created"
    assert (Path(other.url, run_id).exists(), again(other).verify(run_id).ok) == (False, True)


DEAD = """
for number in range(3):
    with store.run("done") as run: run.log("x")
    print(run.run_id, flush=True)
"""


def test_reading_writes_nothing(store: Store) -> None:
    """What a dead writer left is scanned by each reader until recovery ends it: nobody knows whether it was synced, and
    an index that outlives the bytes of a run would keep it from being recovered."""
    run_ids = sorted(in_process(store, DEAD, kill=True))
    before = sorted(private(store, "packs").iterdir())
    assert sorted(again(store).objects.run_ids()) == run_ids
    assert sorted(private(store, "packs").iterdir()) == before


def test_segment_is_closed_at_its_age_and_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment with so many bytes is closed behind the slice that reached them; the next run is in another one."""
    monkeypatch.setattr(segments, "MAX_SEGMENT_BYTES", 1)
    run_ids = [sealed_run(store) for _ in range(3)]
    close_own(store.url)
    assert len(list(private(store, "packs").glob("*.idx"))) == 3
    assert sorted(again(store).objects.run_ids()) == sorted(run_ids)


def test_closed_segment_that_was_cut_is_damage_and_no_torn_tail(store: Store) -> None:
    """What its index names was answered: runs behind the cut are told as damaged, also behind a recovery, and those
    before it are whole."""
    run_ids = [sealed_run(store) for _ in range(3)]
    close_own(store.url)
    (segment,), (index,) = (list(private(store, "packs").glob(f"*.{end}")) for end in ("tar", "idx"))
    last = json.loads(index.read_bytes())["slices"][-1]
    for size in (last[2] + last[3] - 513, last[2] + 100, last[2]):
        os.truncate(segment, size)
        again(store).sweep()
        reader = again(store)
        assert sorted(reader.objects.run_ids()) == sorted(run_ids)
        assert [reader.verify(run_id).ok for run_id in run_ids] == [True, True, False]


@pytest.mark.parametrize("indexed", [True, False])
def test_bytes_that_are_gone_from_the_middle_damage_one_run(store: Store, indexed: bool) -> None:
    """Those behind it stand elsewhere than the index says, and are found; also where the pack is written anew."""
    run_ids = [sealed_run(store) for _ in range(4)]
    close_own(store.url)
    (segment,), (index,) = (list(private(store, "packs").glob(f"*.{end}")) for end in ("tar", "idx"))
    broken, _, offset, length, _ = json.loads(index.read_bytes())["slices"][1]
    data = segment.read_bytes()
    segment.write_bytes(data[: offset + length - 512] + data[offset + length :])
    if not indexed:
        index.unlink()
    assert {run_id: again(store).verify(run_id).ok for run_id in run_ids} == {one: one != broken for one in run_ids}
    again(store).purge({"rules": [{"query": f"id:{run_ids[0]}"}]}, grace="0s", apply=True)
    reader = again(store)
    assert {run_id: reader.verify(run_id).ok for run_id in reader.objects.run_ids()} == {
        run_id: run_id != broken for run_id in run_ids[1:]
    }


def test_run_is_purged_from_a_segment_that_was_cut(store: Store) -> None:
    """The whole ones can go, and come out; what was lost is told as damaged wherever the pack is written anew."""
    purged, moved, lost = (sealed_run(store) for _ in range(3))
    close_own(store.url)
    (segment,) = private(store, "packs").glob("*.tar")
    os.truncate(segment, segment.stat().st_size - len(END) - 600)
    done = again(store).purge({"rules": [{"query": f"id:{purged}"}]}, grace="0s", apply=True)
    assert [fate.done for fate in done.fates] == [True]
    assert [move.problem for move in again(store).unpack(f"id:{moved}")] == [None]
    reader = again(store)
    assert {run_id: reader.verify(run_id).ok for run_id in reader.objects.run_ids()} == {moved: True, lost: False}


def test_index_that_is_missing_or_wrong_changes_nothing(store: Store) -> None:
    """It is derived: without it, or with another one, the segment is scanned."""
    run_ids = sorted(sealed_run(store) for _ in range(3))
    close_own(store.url)
    (index,) = private(store, "packs").glob("*.idx")
    marks = again(store).objects.marks()
    for wrong in (None, b"", b"{}", index.read_bytes()[:-1]):
        index.unlink()
        if wrong is not None:
            index.write_bytes(wrong)
        assert sorted(again(store).objects.run_ids()) == run_ids
        assert again(store).objects.marks() == marks
        index.write_bytes(b"")
    again(store).sweep()
    (index,) = private(store, "packs").glob("*.idx")
    assert index.stat().st_size > 100


def test_tasks_of_an_event_loop_share_syncs_without_threads(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty tasks at once are sealed in few groups, and no pool of threads is made for them."""
    monkeypatch.setattr(driving, "_executor", None)
    gate = runstone.gate("cut", policy=POLICY, facts=CALM, store=store)

    @gate
    async def cut(number: int) -> int:
        await asyncio.sleep(0)
        if number == 13:
            raise ValueError("broken")
        return number

    async def many() -> list[object]:
        return await asyncio.gather(*(cut(number) for number in range(50)), return_exceptions=True)

    answers = asyncio.run(many())
    assert [answer for answer in answers if isinstance(answer, int)] == [n for n in range(50) if n != 13]
    reader = again(store)
    assert sorted({row["status"] for row in reader.rows()}) == ["failed", "success"]
    assert all(reader.verify(run_id).ok for run_id in reader.objects.run_ids())


def test_tasks_wait_behind_the_turn_in_which_they_asked() -> None:
    """So that one sync serves all that were ready."""
    order: list[tuple[str, int]] = []

    class Asked:
        settled = False

        def __init__(self, number: int) -> None:
            self.number = number
            order.append(("asked", number))

        def then(self, call) -> None:
            order.append(("waits", self.number))
            self.settled = True
            call()

    def doing(number: int):
        yield Asked(number)
        return number, None

    async def many() -> list[object]:
        steps = [driving.Parts(lambda number=number: doing(number), inline=True) for number in range(5)]
        return await asyncio.gather(*(step.perform_async() for step in steps))

    assert asyncio.run(many()) == [(number, None) for number in range(5)]
    assert order == [(what, number) for what in ("asked", "waits") for number in range(5)]


def test_short_write_to_the_spool_is_followed_by_the_whole_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second write could stand behind somebody else's line: the part is ended, and the line written anew."""
    run = store.run("job")
    true, short = durable.write_keeping_lock, [1]

    def shortened(fd: int, data: bytes) -> int:
        return true(fd, data[: len(data) // 2] if short and short.pop() else data)

    monkeypatch.setattr(spooling, "other_threads", lambda: 1)
    monkeypatch.setattr(durable, "write_keeping_lock", shortened)
    run.log("kept")
    short += [1, 1]
    run.log("lost")
    run.log("after")
    assert spooled_types(store, run.run_id) == ["run.opened", "log", "dropped", "log"]
    run.finish()
    assert again(store).verify(run.run_id).ok


def test_cancelled_task_seals_its_run(store: Store) -> None:
    """Also where it is cancelled while it waits for the disk."""
    gate = runstone.gate("cut", policy=POLICY, facts=CALM, store=store)

    @gate
    async def cut() -> None:
        await asyncio.sleep(60)

    async def cancelled_at(turns: int) -> None:
        task = asyncio.ensure_future(cut())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for turns in range(8):
        asyncio.run(cancelled_at(turns))
    reader = again(store)
    assert {row["status"] for row in reader.rows()} == {"cancelled"}
    assert reader.open_runs() == []
