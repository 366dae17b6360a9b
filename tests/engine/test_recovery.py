"""Recovery: what a dead writer had recorded is sealed, once, whoever asks and however often (promises P2, P3)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runstone
from runstone.adapters.fs.journals import FsLeftRun
from runstone.core.events import event_line
from runstone.engine import sealer
from runstone.engine.live import forget
from runstone.engine.recoverer import Recovery
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error

from .scenes import abandon, events, full_run, of_type, open_store, python, tree

Damage = Callable[[Path], Any]


def die(store: Store, folder: Path, run_id: str = "dead", *, keep: int = 2) -> Path:
    """Leave an open run with a few events and kept files; answers its folder."""
    run = store.run("job", run_id=run_id)
    for number in range(keep):
        (folder / f"file-{number}").write_bytes(b"%d" % number * 100)
        run.output("file", folder / f"file-{number}", keep=True)
    for number in range(5):
        run.log(f"line {number}")
    abandon(run)
    return Path(store.url) / ".runstone/open" / run_id


def recover(store: Store, run_id: str = "dead") -> Recovery:
    """Recover one run, which must then verify."""
    [recovery] = store.recover(run_id)
    if recovery.outcome == "sealed":
        report = store.verify(run_id)
        assert report.ok, report.findings
    return recovery


# what is sealed


def test_dead_writers_run_is_sealed_as_interrupted(store: Store, tmp_path: Path) -> None:
    """Every event that was recorded is there, every kept file too, and the id names a sealed run."""
    die(store, tmp_path)
    recovery = recover(store)
    assert (recovery.outcome, recovery.status, recovery.events, recovery.torn_bytes) == ("sealed", "interrupted", 9, 0)
    sealed = store.get("dead")
    assert (sealed.status, sealed.digest, sealed.document("run.log")) == (
        "interrupted",
        recovery.digest,
        "".join(f"line {number}\n" for number in range(5)),
    )
    assert sealed.file("artifacts/file-1") == b"1" * 100


def test_nothing_is_left_of_the_open_run(store: Store, tmp_path: Path) -> None:
    """The open run is gone afterwards, and the id stays taken."""
    folder = die(store, tmp_path)
    recover(store)
    assert (folder.exists(), store.open_runs(), list((tmp_path / "runs/.runstone/tmp").iterdir())) == (False, [], [])
    with pytest.raises(RunstoneError) as caught:
        store.run("job", run_id="DEAD")
    assert caught.value.code == "run_exists"


def test_last_line_is_a_pure_function_of_what_was_found(store: Store, tmp_path: Path) -> None:
    """`run.closed` repeats the last time and knows nothing of the process that recovers."""
    die(store, tmp_path)
    before = [event["ts"] for event in events(store, "dead")]
    store.clock.advance(1e6)  # type: ignore[attr-defined]  # the clock is a fake one here
    recover(store)
    closed = events(store, "dead")[-1]
    assert closed["ts"] == before[-1]
    assert closed["data"] == {
        "status": "interrupted",
        "exit": None,
        "error": None,
        "result": None,
        "duration_ns": None,
        "redactions": 0,
        "dropped": 0,
        "resources": None,
        "torn_bytes": 0,
        "lost": [],
    }


def test_redactions_and_drops_are_counted(store: Store) -> None:
    """The counts of the last line are those of the lines that are there."""
    run = store.run("job", run_id="dead", secrets=["hush hush"])
    run.log("say hush hush")
    run.event("mine", {})
    abandon(run)
    recover(store)
    closed = of_type(store, "dead", "run.closed")[0]
    assert (closed["redactions"], closed["dropped"]) == (1, 1)


@pytest.mark.parametrize("torn", [b"{", b'{"data":{},"seq":8', b"\x00" * 4096, b"\xff\xfe", b'{"data":{}}\n', b"\n"])
def test_torn_end_is_cut_off_and_counted(store: Store, tmp_path: Path, torn: bytes) -> None:
    """What stands behind the last good line is left out; its bytes are counted."""
    journal = die(store, tmp_path) / "events.jsonl"
    with journal.open("ab") as file:
        file.write(torn)
    recovery = recover(store)
    assert (recovery.events, recovery.torn_bytes) == (9, len(torn))
    assert of_type(store, "dead", "run.closed")[0]["torn_bytes"] == len(torn)


@given(st.integers(0, 10_000))
def test_journal_that_ends_anywhere_is_recovered(tmp_path_factory, end: int) -> None:
    """Wherever the journal was cut off, each whole line before is sealed; without the first, the id is free."""
    root = tmp_path_factory.getbasetemp() / "cut"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    store = open_store(root / "runs")
    journal = die(store, root, keep=0) / "events.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[: end % (len(whole) + 1)])
    lines = whole[: end % (len(whole) + 1)].count(b"\n")
    recovery = recover(store)
    if lines:
        assert (recovery.outcome, recovery.events) == ("sealed", lines + 1)
        assert (root / "runs/dead/events.jsonl").read_bytes().startswith(b"".join(whole.splitlines(True)[:lines]))
    else:
        assert (recovery.outcome, store.objects.exists("dead")) == ("never_opened", False)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_journal_with_a_changed_byte_is_recovered(tmp_path_factory, at: int, mask: int) -> None:
    """Whatever byte changed in an open journal, recovery seals a good bundle or says why it does not; none is lost."""
    root = tmp_path_factory.getbasetemp() / "changed"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    store = open_store(root / "runs")
    journal = die(store, root, keep=1) / "events.jsonl"
    data = bytearray(journal.read_bytes())
    data[at % len(data)] ^= mask
    journal.write_bytes(data)
    recovery = recover(store)
    assert recovery.outcome in ("sealed", "skipped")
    assert journal.exists() == (recovery.outcome == "skipped") == (recovery.reason is not None)


# kept files


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (lambda artifacts: (artifacts / "file-0").unlink(), ["artifacts/file-0"]),
        (lambda artifacts: (artifacts / "file-0").write_bytes(b"other"), ["artifacts/file-0"]),
        (lambda artifacts: (artifacts / "stray").write_bytes(b"no event"), ["artifacts/stray"]),
        (lambda artifacts: shutil.rmtree(artifacts), ["artifacts/file-0", "artifacts/file-1"]),
    ],
    ids=["missing", "changed", "without an event", "all missing"],
)
def test_lost_files_are_named(store: Store, tmp_path: Path, damage: Damage, lost: list[str]) -> None:
    """A kept file that does not match its event, or has none, is not in the bundle and is named in the record."""
    damage(die(store, tmp_path) / "artifacts")
    recovery = recover(store)
    assert (recovery.lost, of_type(store, "dead", "run.closed")[0]["lost"]) == (lost, lost)
    kept = {entry.path for entry in store.get("dead").bundle.entries()}
    assert kept.isdisjoint(lost)


def test_lost_file_whose_name_is_no_unicode_is_named(store: Store, tmp_path: Path) -> None:
    """Each byte of it is a character, and the event is marked: it keeps no run open."""
    folder = os.fsencode(die(store, tmp_path)) + b"/artifacts/"
    for name in (b"\xff", "\xff".encode(), "ö".encode()):
        Path(os.fsdecode(folder + name)).write_bytes(b"stray")
    assert recover(store).lost == ["artifacts/ö", "artifacts/\xff"]
    (closed,) = store.get("dead").events("run.closed")
    assert closed["marks"] == [["/lost/1", "coerced"]]


def test_link_among_kept_files_is_not_followed(store: Store, tmp_path: Path) -> None:
    """A kept file that was exchanged for a link to the same bytes is lost: no link is read."""
    artifacts = die(store, tmp_path) / "artifacts"
    (artifacts / "file-0").unlink()
    (artifacts / "file-0").symlink_to(tmp_path / "file-0")
    assert recover(store).lost == ["artifacts/file-0"]


def test_name_that_leads_out_is_not_read(store: Store, tmp_path: Path) -> None:
    """A line that names a file outside the run is not good: the journal ends before it."""
    folder = die(store, tmp_path, keep=0)
    (tmp_path / "secret").write_bytes(b"secret")
    from hashlib import sha256

    from runstone.core.canonical import canonical_bytes

    path = "artifacts/../../../../../secret"
    facts = {"sha256": sha256(b"secret").hexdigest(), "size": 6, "media_type": None, "path": path}
    data = canonical_bytes({"name": "x", "type": "file", "ref": None, **facts})
    last = events(store, "dead")[-1]
    line = event_line("output", data, last["seq"] + 1, last["ts"], [])
    with (folder / "events.jsonl").open("ab") as file:
        file.write(line)
    recovery = recover(store)
    assert (recovery.lost, recovery.torn_bytes) == ([], len(line))
    assert [entry.path for entry in store.get("dead").bundle.entries() if entry.path.startswith("artifacts/")] == []
    assert b"secret" not in tree(tmp_path / "runs").values()


# a run that had been closed


def closed_but_not_sealed(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a run whose last line is written and whose bundle is not."""
    (folder / "a").write_bytes(b"a")
    run = store.run("job", run_id="dead")
    run.output("file", "a", keep=True)
    run.check("rows", "skip")

    def stopped(*_: object) -> None:
        raise RunstoneError("store_unavailable", "power is lost here")

    monkeypatch.setattr("runstone.engine.recorder.seal", stopped)
    run.finish(exit=7)
    monkeypatch.undo()
    return Path(store.url) / ".runstone/open/dead"


def test_status_of_a_closed_run_stands(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that had its last line is sealed with it, as its writer would have."""
    closed_but_not_sealed(store, tmp_path, monkeypatch)
    recovery = recover(store)
    assert (recovery.status, of_type(store, "dead", "run.closed")[0]["exit"]) == ("partial", 7)


def test_close_whose_files_are_gone_is_torn(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A last line that promises files which are not there is not believed."""
    folder = closed_but_not_sealed(store, tmp_path, monkeypatch)
    (folder / "artifacts/a").unlink()
    recovery = recover(store)
    assert (recovery.status, recovery.lost) == ("interrupted", ["artifacts/a"])
    assert recovery.torn_bytes > 0


# who may


def test_live_run_is_left_alone(store: Store) -> None:
    """A run whose writer is alive is not touched, and goes on."""
    run = store.run("job", run_id="alive")
    assert [recovery.outcome for recovery in store.recover()] == ["alive"]
    run.log("still here")
    assert run.finish() is not None
    assert store.verify("alive").ok


def test_every_dead_run_is_recovered_at_once(store: Store, tmp_path: Path) -> None:
    """Without a name, recovery takes all that are dead."""
    for run_id in ("a", "b", "c"):
        die(store, tmp_path, run_id)
    assert {(recovery.run_id, recovery.outcome) for recovery in store.recover()} == {
        ("a", "sealed"),
        ("b", "sealed"),
        ("c", "sealed"),
    }


@pytest.mark.parametrize(
    ("found", "forged", "code"),
    [
        (b'"run_id":"a"', b'"run_id":"z"', "bundle_damaged"),
        (b'{"name":"runstone","version":"1"}', b'{"name":"nobody","version":"1"}', "unknown_contract"),
        (b'{"name":"runstone","version":"1"}', b'{"name":"runstone","version":"999"}', "unknown_contract"),
    ],
    ids=["another run's", "contract", "version"],
)
def test_run_that_cannot_be_sealed_is_skipped(
    store: Store, tmp_path: Path, found: bytes, forged: bytes, code: str
) -> None:
    """One open run of an unknown contract, or with another's journal, says why it is left; the others are sealed."""
    die(store, tmp_path, "b")
    folder = die(store, tmp_path, "a")
    journal = folder / "events.jsonl"
    assert found in journal.read_bytes()
    journal.write_bytes(journal.read_bytes().replace(found, forged))
    before = tree(folder)
    skipped, done = store.recover()
    assert (skipped.run_id, skipped.outcome, skipped.digest) == ("a", "skipped", None)
    assert skipped.reason is not None
    assert (skipped.reason["code"], done.run_id, done.outcome) == (code, "b", "sealed")
    assert (tree(folder), store.objects.exists("a"), store.journals.alive("a")) == (before, False, False)


def test_store_at_fault_is_raised_when_every_run_was_tried(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that the disk keeps from being sealed is no skipped one: a retry can help."""
    for run_id in ("a", "b"):
        die(store, tmp_path, run_id)
    stage = FsLeftRun.stage

    def full(left: FsLeftRun) -> Any:
        if left.run_id == "a":
            raise error("store_unavailable", "no space")
        return stage(left)

    monkeypatch.setattr(FsLeftRun, "stage", full)
    with pytest.raises(RunstoneError) as caught:
        store.recover()
    assert (caught.value.code, store.objects.exists("b")) == ("store_unavailable", True)


def test_late_recovery_of_a_run_that_never_opened_does_not_call_it_alive(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recovery that comes when another has freed the id has nothing to leave alone."""
    (die(store, tmp_path) / "events.jsonl").write_bytes(b"")
    take = store.journals.take

    def late(run_id: str, *, force: bool = False) -> Any:
        monkeypatch.setattr(store.journals, "take", take)
        assert recover(store).outcome == "never_opened"
        return take(run_id, force=force)

    monkeypatch.setattr(store.journals, "take", late)
    assert recover(store).outcome == "never_opened"


def test_recovery_of_a_sealed_run_does_nothing(store: Store, tmp_path: Path) -> None:
    """A folder that was left although its run is sealed is removed; the bundle stays."""
    folder = die(store, tmp_path)
    left = tree(folder)
    recover(store)
    before = tree(tmp_path / "runs/dead")
    (folder / "artifacts").mkdir(parents=True)
    for place, body in left.items():
        if body is not None:
            (folder / place).write_bytes(body)
    assert recover(store).outcome == "already_sealed"
    assert (folder.exists(), tree(tmp_path / "runs/dead")) == (False, before)


def test_run_that_never_opened_frees_its_id(store: Store, tmp_path: Path) -> None:
    """A process that died before its first line had recorded nothing: the id can be taken again."""
    folder = die(store, tmp_path)
    (folder / "events.jsonl").write_bytes(b"")
    assert recover(store).outcome == "never_opened"
    with store.run("job", run_id="dead"):
        pass
    assert store.verify("dead").ok


@pytest.mark.parametrize("mask", [1, 128])
def test_run_whose_first_line_is_damaged_is_left_as_it_is(store: Store, tmp_path: Path, mask: int) -> None:
    """One changed bit at the beginning does not make a thousand lines nothing: they stay, and it is told."""
    folder = die(store, tmp_path)
    data = bytearray((folder / "events.jsonl").read_bytes())
    data[1] ^= mask
    (folder / "events.jsonl").write_bytes(data)
    before = tree(folder)
    recovery = recover(store)
    assert (recovery.outcome, tree(folder), store.objects.exists("dead")) == ("skipped", before, False)
    assert recovery.reason is not None
    assert (recovery.reason["code"], recovery.reason["details"]["line"]) == ("bundle_damaged", 1)


@pytest.mark.parametrize("sealed_as", ["dead", "DEAD"])
def test_open_run_beside_another_runs_bundle_is_left_as_it_is(store: Store, tmp_path: Path, sealed_as: str) -> None:
    """A bundle of its id that is not its own, in any case, does not make an open run done."""
    with open_store(tmp_path / "other").run("other", run_id=sealed_as):
        pass
    folder = die(store, tmp_path)
    shutil.copytree(tmp_path / "other" / sealed_as, tmp_path / "runs" / sealed_as)
    (tmp_path / "runs/.runstone/lease/dead").unlink()
    before = tree(folder)
    recovery = recover(store)
    assert (recovery.outcome, tree(folder)) == ("skipped", before)
    assert recovery.reason is not None
    assert recovery.reason["code"] == "run_exists"


def test_open_run_beside_a_bundle_that_comes_at_the_last_moment_is_left(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is quicker must be of the same run, too."""
    with open_store(tmp_path / "other").run("other", run_id="dead"):
        pass
    folder = die(store, tmp_path)
    write = sealer.write_documents

    def late(*args: Any) -> Any:
        shutil.copytree(tmp_path / "other/dead", tmp_path / "runs/dead")
        return write(*args)

    monkeypatch.setattr(sealer, "write_documents", late)
    assert (recover(store).outcome, folder.exists()) == ("skipped", True)


@pytest.mark.parametrize("path", ["artifacts/file-1", "events.jsonl"])
def test_file_that_changes_between_proof_and_copy_is_not_sealed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """What was proved is what is sealed; else the run is left as it is, for the next recovery."""
    folder = die(store, tmp_path)
    stage = FsLeftRun.stage

    def late(left: FsLeftRun) -> Any:
        (folder / path).write_bytes((folder / path).read_bytes().replace(b"1", b"2"))
        return stage(left)

    monkeypatch.setattr(FsLeftRun, "stage", late)
    recovery = recover(store)
    assert (recovery.outcome, folder.exists(), store.objects.exists("dead")) == ("skipped", True, False)
    assert recovery.reason is not None
    assert (recovery.reason["code"], recovery.reason["details"]["path"]) == ("changed_while_read", path)


@pytest.mark.parametrize("missing", ["events.jsonl", "lease"])
def test_power_loss_may_have_taken_files(store: Store, tmp_path: Path, missing: str) -> None:
    """Without its journal a run never opened; without its lease it is recovered like any other."""
    folder = die(store, tmp_path)
    (folder / missing if missing == "events.jsonl" else tmp_path / "runs/.runstone/lease/dead").unlink()
    assert recover(store).outcome == ("never_opened" if missing == "events.jsonl" else "sealed")


def test_unknown_run_is_not_found(store: Store) -> None:
    """There is nothing to recover under a name that nobody has."""
    with pytest.raises(RunstoneError) as caught:
        store.recover("absent")
    assert caught.value.code == "run_not_found"


# twice, and at once


def test_two_recoveries_write_the_same_bytes(store: Store, tmp_path: Path) -> None:
    """The bundle is a function of the open run: recovered in two places, it is the same."""
    folder = die(store, tmp_path)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b"torn")
    shutil.copytree(tmp_path / "runs", tmp_path / "copy")
    recover(store)
    recover(open_store(tmp_path / "copy"))
    assert tree(tmp_path / "runs/dead") == tree(tmp_path / "copy/dead")


def test_recovery_that_dies_can_be_run_again(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery that stopped halfway leaves the open run; the next one seals it."""
    die(store, tmp_path)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sealer, "write_documents", stopped)
    with pytest.raises(KeyboardInterrupt):
        store.recover()
    monkeypatch.undo()
    assert recover(store).outcome == "sealed"


def test_recoveries_at_once_agree(store: Store, tmp_path: Path) -> None:
    """Any number of recoveries of one run: it is sealed once, nobody fails, nothing is left."""
    for number in range(5):
        run_id = f"run-{number}"
        die(store, tmp_path, run_id)
        line = Barrier(6)

        def work(_: int, run_id: str = run_id, line: Barrier = line) -> str:
            mine = open_store(tmp_path / "runs")
            line.wait(60)
            try:
                return mine.recover(run_id)[0].outcome
            except RunstoneError as exc:
                return exc.code  # it was gone before this one looked

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(work, range(6)))
        assert outcomes.count("sealed") == 1
        assert set(outcomes) <= {"sealed", "already_sealed", "alive", "run_not_found"}
        assert store.verify(run_id).ok
    assert store.open_runs() == []


def test_forced_recoveries_at_once_agree(store: Store, tmp_path: Path) -> None:
    """So with `force`, where no lease keeps them apart: all find the same bytes."""
    run = store.run("job", run_id="stuck")
    run.log("one")
    line = Barrier(6)

    def work(_: int) -> str:
        mine = open_store(tmp_path / "runs")
        line.wait(60)
        return mine.recover("stuck", force=True)[0].outcome

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(work, range(6)))
    assert set(outcomes) <= {"sealed", "already_sealed"}
    assert "sealed" in outcomes
    assert store.verify("stuck").ok
    with pytest.raises(RunstoneError):
        run.finish()


# a writer that comes back

STOPPED = """
import os, runstone, signal, sys
run = runstone.open(sys.argv[1]).run("job", run_id="stopped")
run.log("before")
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
run.log("after")
try:
    run.finish()
    print("sealed", flush=True)
except runstone.RunstoneError as exc:
    print(exc.code, flush=True)
"""


def test_writer_that_comes_back_changes_nothing(tmp_path: Path) -> None:
    """A stopped writer whose run was sealed by force goes on, writes, and is told; the sealed bytes do not change."""
    root = tmp_path / "runs"
    writer = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        os.waitid(os.P_PID, writer.pid, os.WSTOPPED | os.WNOWAIT)
        store = open_store(root)
        assert [recovery.outcome for recovery in store.recover()] == ["alive"]
        [recovery] = store.recover("stopped", force=True)
        before = tree(root / "stopped")
    finally:
        writer.send_signal(signal.SIGCONT)
        out, err = writer.communicate(timeout=60)
    assert (recovery.outcome, out, err) == ("sealed", "recovered_elsewhere\n", "")
    assert (tree(root / "stopped"), store.verify("stopped").ok) == (before, True)
    assert [data["text"] for data in of_type(store, "stopped", "log")] == ["before"]
    assert [recovery.outcome for recovery in store.recover()] == ["already_sealed"]
    assert store.open_runs() == []


def test_process_killed_at_full_speed_keeps_all_it_was_told(tmp_path: Path) -> None:
    """Every event whose call had returned is in the sealed run."""
    program = (
        "import os, runstone, signal, sys\n"
        "run = runstone.open(sys.argv[1]).run('job', run_id='killed')\n"
        "for number in range(3000):\n"
        "    run.event('x.step', {'n': number})\n"
        "    if number == 2999: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = python(program, tmp_path / "runs")
    store = open_store(tmp_path / "runs")
    recover(store, "killed")
    assert (done.returncode, len(of_type(store, "killed", "x.step"))) == (-9, 3000)


def test_sealed_run_is_not_open(store: Store, tmp_path: Path) -> None:
    """There is nothing to recover after a seal."""
    full_run(store, tmp_path)
    assert store.recover() == []


# lists beside a run that is being sealed


def test_run_that_is_sealed_while_a_list_is_made_is_in_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that leaves the open ones for the sealed ones between the two looks stands in the list, once."""
    run = store.run("job", run_id="moves")
    looks = [(store.objects, "run_ids"), (store.journals, "open_ids")]

    def then_seal(look: Any) -> Any:
        def first() -> Any:
            found = list(look())
            monkeypatch.undo()
            run.finish()
            return found

        return first

    for port, name in looks:
        monkeypatch.setattr(port, name, then_seal(getattr(port, name)))
    assert [row["run_id"] for row in store.rows()] == ["moves"]


def test_a_first_line_that_comes_between_two_looks_is_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that lives, and has only just begun: forced recovery seals what it has written by then."""
    forget(store.run("job", run_id="fresh"))  # the end of the process is not its
    read = FsLeftRun.read
    looks: list[int] = []

    def late(self: FsLeftRun, start: int = 0, end_exclusive: int | None = None) -> Any:
        looks.append(start)
        return iter(()) if len(looks) == 1 else read(self, start, end_exclusive)

    monkeypatch.setattr(FsLeftRun, "read", late)
    (recovery,) = store.recover("fresh", force=True)
    assert (recovery.outcome, store.verify("fresh").ok) == ("sealed", True)


@pytest.mark.parametrize("packed", [False, True])
def test_file_that_was_arriving_is_not_called_lost(tmp_path: Path, *, packed: bool) -> None:
    """A process dies while it keeps a file: what was there of it is no file of the run."""
    place, path = tmp_path / "runs", tmp_path / "report.txt"
    path.write_text("hello")
    code = f"""
    import os, runstone
    from runstone.adapters.fs import durable
    durable.name_own = lambda *_: os.kill(os.getpid(), 9)
    run = runstone.open({str(place)!r}, packed={packed}).run("job")
    run.log("recorded")
    run.output("file", {str(path)!r}, keep=True)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    store = runstone.open(place)
    (recovery,) = store.recover()
    assert (recovery.outcome, recovery.lost, store.verify(recovery.run_id).ok) == ("sealed", [], True)
