"""Port `journals`, on disk and in memory: open runs, their leases, and what recovery finds of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.adapters.fs import durable
from runstone.adapters.fs.journals import FsJournals
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.places import Places
from runstone.adapters.memory.adapter import MemoryJournals, MemoryObjects
from runstone.core.layout import JOURNAL, MANIFEST, STORE_FILE
from runstone.errors import RunstoneError
from runstone.ports.journals import Journals
from runstone.ports.objects import Objects
from runstone.testing.ground import BAD_IDS, code_of, codes_of, contents, seal


class Store:
    """Both ports over one place."""

    def __init__(self, objects: Objects, journals: Journals) -> None:
        self.objects = objects
        self.journals = journals


def on_disk(root: Path) -> Store:
    """A store in a folder."""
    places = Places(str(root))
    return Store(FsObjects(places), FsJournals(places))


def in_memory(_: Path) -> Store:
    """A store in this process."""
    objects = MemoryObjects()
    return Store(objects, MemoryJournals(objects))


@pytest.fixture(params=[on_disk, in_memory], ids=["fs", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of either kind."""
    make: Callable[[Path], Store] = request.param
    return make(tmp_path / "runs")


def test_created_run_is_open_and_alive(store: Store) -> None:
    """From `create` on the run is listed, and its lease is held until `close`."""
    run = store.journals.create("a")
    assert (store.journals.open_ids(), store.journals.alive("a")) == (["a"], True)
    run.close()
    assert (store.journals.open_ids(), store.journals.alive("a")) == (["a"], False)


def test_id_is_claimed_once_in_any_case(store: Store) -> None:
    """An open run's id is taken, alive or not."""
    store.journals.create("Run").close()
    assert codes_of(["Run", "run", "RUN"], store.journals.create) == dict.fromkeys(["Run", "run", "RUN"], "run_exists")


def test_id_of_a_sealed_run_is_taken(store: Store) -> None:
    """So is that of a sealed one, which came without being open here."""
    seal(store.objects, "Run", {MANIFEST: b"{}"})
    assert code_of(lambda: store.journals.create("Run")) == "run_exists"
    assert code_of(lambda: store.journals.create("run")) == "run_exists"


def test_id_outside_the_grammar_is_refused(store: Store) -> None:
    """No id leads out of the place of open runs; asking for one finds nothing."""
    assert codes_of(BAD_IDS, store.journals.create) == dict.fromkeys(BAD_IDS, "invalid_run_id")
    assert [run_id for run_id in BAD_IDS if store.journals.read(run_id) is not None] == []


def test_lines_are_appended_in_order(store: Store) -> None:
    """What was appended can be read back, whole and by range, by the writer and by others."""
    run = store.journals.create("a")
    for number in range(100):
        run.append(b"%d\n" % number)
    whole = b"".join(b"%d\n" % number for number in range(100))
    left = store.journals.read("a")
    assert left is not None
    assert (b"".join(run.read(0, len(whole))), b"".join(run.read(3, 9))) == (whole, whole[3:9])
    assert (b"".join(left.read()), b"".join(left.read(5, 7))) == (whole, whole[5:7])


@pytest.mark.parametrize("lost", [b"ha", b"whole, and counted as lost\n"])
def test_repair_cuts_to_what_is_good(store: Store, lost: bytes) -> None:
    """What the writer does not know to be written goes, half a line or all of it; the next line takes its place."""
    run = store.journals.create("a")
    run.append(b"good\n")
    run.append(lost)
    assert run.repair(5) == 5
    run.append(b"next\n")
    assert b"".join(run.read(0, 100)) == b"good\nnext\n"


def test_repair_of_a_journal_that_has_lost_bytes_cuts_after_its_last_line(store: Store) -> None:
    """Where good bytes are missing, half a line is cut off; where no line is whole, nothing is left."""
    run = store.journals.create("a")
    run.append(b"x" * 3_000_000)
    assert (run.repair(4_000_000), b"".join(run.read(0, 10))) == (0, b"")
    run.append(b"whole\nha")
    assert run.repair(100) == 6


def test_kept_file_is_there_and_only_once(store: Store) -> None:
    """A file is kept under its name; the name is taken, in any case, as a file or a folder."""
    run = store.journals.create("a")
    fact = run.keep("artifacts/x/y", [b"one", b"two"])
    left = store.journals.read("a")
    assert left is not None
    assert (fact.size, left.kept(), b"".join(left.read_kept("artifacts/x/y"))) == (6, ["artifacts/x/y"], b"onetwo")
    taken = ["artifacts/x/y", "artifacts/X/y", "artifacts/x/Y", "artifacts/x", "artifacts/x/y/z"]
    assert codes_of(taken, lambda path: run.keep(path, [b""])) == dict.fromkeys(taken, "file_exists")
    assert b"".join(left.read_kept("artifacts/x/y")) == b"onetwo"


def test_kept_path_outside_the_grammar_is_refused(store: Store) -> None:
    """A kept file cannot lie outside its run."""
    run = store.journals.create("a")
    assert code_of(lambda: run.keep("artifacts/../../x", [b""])) == "invalid_path"


def test_file_that_fails_halfway_is_not_kept(store: Store) -> None:
    """A copy whose source fails is there under no name."""

    def broken():
        yield b"half"
        raise ZeroDivisionError

    run = store.journals.create("a")
    with pytest.raises(ZeroDivisionError):
        run.keep("artifacts/x", broken())
    left = store.journals.read("a")
    assert left is not None
    assert left.kept() == []


def test_stage_has_the_journal_and_the_kept_files(store: Store) -> None:
    """The open run becomes the bundle: what was recorded stays where it is, the rest is added."""
    run = store.journals.create("a")
    run.append(b"line\n")
    run.keep("artifacts/x", [b"kept"])
    stage = run.stage()
    stage.put("run.json", [b"{}"])
    stage.put(MANIFEST, [b"{}"])
    assert stage.commit() == "created"
    run.close()
    expected = {JOURNAL: b"line\n", "artifacts/x": b"kept", "run.json": b"{}", MANIFEST: b"{}"}
    assert (contents(store.objects, "a"), store.journals.open_ids()) == (expected, [])


def test_bundle_of_somebody_else_is_told_from_ones_own(store: Store) -> None:
    """A run that recovery was told to seal was sealed elsewhere; one that its own stage committed was not."""
    runs = {name: store.journals.create(name) for name in ("mine", "theirs")}
    assert [run.sealed_elsewhere() for run in runs.values()] == [False, False]
    left = store.journals.take("theirs", force=True)
    assert left is not None
    for stage in (left.stage(), runs["mine"].stage()):
        stage.put(MANIFEST, [b"{}"])
        stage.commit()
    assert {name: run.sealed_elsewhere() for name, run in runs.items()} == {"mine": False, "theirs": True}


def test_live_run_cannot_be_taken(store: Store) -> None:
    """Recovery gets a run only when its writer is gone."""
    run = store.journals.create("a")
    assert store.journals.take("a") is None
    run.close()
    left = store.journals.take("a")
    assert left is not None
    left.release()


def test_taken_run_cannot_be_taken_twice(store: Store) -> None:
    """One recovery at a time has the lease; it gives it back by `release`."""
    store.journals.create("a").close()
    left = store.journals.take("a")
    assert left is not None
    assert (store.journals.take("a"), store.journals.alive("a")) == (None, True)
    left.release()
    again = store.journals.take("a")
    assert again is not None
    again.release()


def test_forced_recovery_removes_nothing(store: Store) -> None:
    """Without the lease the open run is read and left where it is."""
    run = store.journals.create("a")
    run.append(b"line\n")
    left = store.journals.take("a", force=True)
    assert left is not None
    assert b"".join(left.read()) == b"line\n"
    left.remove(free_id=True)
    left.release()
    assert (store.journals.open_ids(), store.journals.alive("a")) == (["a"], True)


@pytest.mark.parametrize("free", [True, False])
def test_removed_run_frees_its_id_only_if_asked(store: Store, free: bool) -> None:
    """An id stays taken when its run was sealed, and is free when nothing was recorded."""
    store.journals.create("a").close()
    left = store.journals.take("a")
    assert left is not None
    left.remove(free_id=free)
    left.release()
    assert store.journals.open_ids() == []
    assert code_of(lambda: store.journals.create("a")) == (None if free else "run_exists")


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("name", ["run", "Run"])
def test_bundle_does_not_take_the_id_of_an_open_run(store: Store, alive: bool, name: str) -> None:
    """A bundle from elsewhere is refused while a run of its id, in any case, is open here; it goes on."""
    run = store.journals.create("run")
    if not alive:
        run.close()
    assert code_of(lambda: seal(store.objects, name, {MANIFEST: b"{}"})) == "run_exists"
    assert (store.objects.exists("run"), store.journals.open_ids()) == (False, ["run"])


def test_recovery_has_a_stage_for_its_run(store: Store) -> None:
    """Only who has taken the open run seals a bundle of its id while it is open."""
    store.journals.create("run").close()
    left = store.journals.take("run")
    assert left is not None
    stage = left.stage()
    stage.put(MANIFEST, [b"{}"])
    assert stage.commit() == "created"
    left.remove(free_id=False)
    left.release()
    assert contents(store.objects, "run") == {MANIFEST: b"{}"}


@pytest.mark.parametrize("place", ["sealed", "open"])
def test_id_without_its_lease_is_taken_in_any_case(tmp_path: Path, place: str) -> None:
    """A checkout, or a power loss, may have taken the leases: the names of runs still take their ids."""
    store = on_disk(tmp_path / "runs")
    if place == "sealed":
        seal(store.objects, "nightly", {MANIFEST: b"{}"})
    else:
        store.journals.create("nightly").close()
    (tmp_path / "runs/.runstone/lease/nightly").unlink()
    assert code_of(lambda: store.journals.create("NIGHTLY")) == "run_exists"
    assert store.journals.open_ids() == ([] if place == "sealed" else ["nightly"])


@pytest.mark.parametrize("gone", [["tmp"], ["open"], ["lease"], ["tmp", "open", "lease"]], ids="-".join)
@pytest.mark.parametrize("verb", ["record", "seal", "recover"])
def test_a_store_without_its_empty_folders_is_whole_again(tmp_path: Path, gone: list[str], verb: str) -> None:
    """A checkout has no folder that was empty: what is recorded, sealed or recovered there finds it made anew."""
    root = tmp_path / "runs"
    on_disk(root).journals.create("left").close()
    if verb != "recover":
        shutil.rmtree(root / ".runstone/open/left")
    for name in gone if verb != "recover" else set(gone) - {"open"}:
        shutil.rmtree(root / ".runstone" / name)
    marked = (root / ".runstone/store.json").stat().st_mtime_ns
    store = on_disk(root)
    if verb == "record":
        store.journals.create("new").close()
        assert store.journals.open_ids() == ["new"]
    elif verb == "seal":
        assert seal(store.objects, "new", {MANIFEST: b"{}"}) == "created"
    else:
        left = store.journals.take("left")
        assert left is not None
        stage = left.stage()
        stage.put(MANIFEST, [b"{}"])
        assert stage.commit() == "created"
        left.release()
    assert (root / ".runstone/store.json").stat().st_mtime_ns == marked


def test_files_that_no_run_kept_are_told(tmp_path: Path) -> None:
    """Those of a dead process, with their size; those of a living one are in use."""
    store = on_disk(tmp_path / "runs")
    held = store.journals.create("alive")
    for run_id in ("alive", "dead"):
        folder = tmp_path / "runs/.runstone/unkept" / run_id
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"12345")
    assert store.journals.unkept() == [("dead", 5)]
    held.close()


def test_absent_run_is_nothing(store: Store) -> None:
    """A name that nobody has is not alive, not taken and not read."""
    assert (store.journals.alive("a"), store.journals.take("a"), store.journals.read("a")) == (False, None, None)
    assert store.journals.open_ids() == []


def test_file_that_is_not_kept_is_not_found(store: Store) -> None:
    """Reading a kept file that is not there is `file_not_found`."""
    store.journals.create("a").append(b"x\n")
    left = store.journals.read("a")
    assert left is not None
    with pytest.raises(RunstoneError) as caught:
        b"".join(left.read_kept("artifacts/absent"))
    assert caught.value.code == "file_not_found"


# on disk only: the lock itself


def test_asking_whether_a_run_is_alive_takes_no_exclusive_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is made while a run is recovered cannot make the recovery believe that its writer is alive."""
    journals = on_disk(tmp_path / "runs").journals
    journals.create("a").close()
    taken: list[int] = []
    flock = fcntl.flock

    def watched(fd: int, kind: int) -> None:
        taken.append(kind)
        flock(fd, kind)

    monkeypatch.setattr(durable.fcntl, "flock", watched)
    assert not journals.alive("a")
    assert taken
    assert not any(kind & fcntl.LOCK_EX for kind in taken)


def test_asking_needs_no_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may only read a store can list its open runs."""
    journals = on_disk(tmp_path / "runs").journals
    run = journals.create("a")
    flags: list[int] = []
    opened = os.open

    def watched(path: str, how: int, *rest: int) -> int:
        flags.append(how)
        return opened(path, how, *rest)

    monkeypatch.setattr(os, "open", watched)
    assert journals.alive("a")
    assert flags
    assert not any(how & (os.O_WRONLY | os.O_RDWR) for how in flags)
    run.close()


def test_id_that_was_freed_and_taken_again_is_not_recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery that is late, with the lock of a lease that is gone, leaves the new run of that id alone."""
    store = on_disk(tmp_path / "runs")
    store.journals.create("a").close()
    try_lock, writers = durable.try_lock, []

    def late(fd: int) -> bool:
        monkeypatch.setattr(durable, "try_lock", try_lock)
        quicker = store.journals.take("a")
        assert quicker is not None
        quicker.remove(free_id=True)
        quicker.release()
        writers.append(store.journals.create("a"))
        return try_lock(fd)

    monkeypatch.setattr(durable, "try_lock", late)
    assert store.journals.take("a") is None
    assert store.journals.alive("a")
    writers[0].close()


# children


def test_word_is_left_for_an_open_run_and_read_once(store: Store) -> None:
    """Ids that children left are answered, each once, and forgotten."""
    run = store.journals.create("parent")
    for child in ("b", "a", "b"):
        store.journals.adopt("parent", child)
    assert sorted(store.journals.adopted("parent")) == ["a", "b"]
    assert store.journals.adopted("parent") == []
    run.close()


@pytest.mark.parametrize("parent", ["nobody", "../x", "", ".."])
def test_no_word_is_left_where_no_run_is_open(store: Store, parent: str) -> None:
    """For a parent in another store, or an id that is none, nothing is made."""
    store.journals.create("other").close()
    store.journals.adopt(parent, "child")
    assert (store.journals.adopted(parent), store.journals.leftovers()) == ([], [])


def test_word_is_left_for_one_run_only(store: Store) -> None:
    """What is left for one is not read by another."""
    for run_id in ("one", "two"):
        store.journals.create(run_id).close()
    store.journals.adopt("one", "child")
    assert (store.journals.adopted("two"), store.journals.adopted("one")) == ([], ["child"])


def test_a_synced_journal_goes_on(store: Store) -> None:
    """Lines follow as before."""
    run = store.journals.create("a")
    run.append(b"one\n")
    run.sync()
    run.append(b"two\n")
    assert b"".join(run.read(0, 8)) == b"one\ntwo\n"


def test_sync_reaches_the_journal_and_both_names_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, the journal's name, the open run's name: without one of them power loss takes the run."""
    run = on_disk(tmp_path).journals.create("a")
    run.append(b"one\n")
    synced: list[str] = []
    monkeypatch.setattr(durable, "sync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    run.sync()
    opened = tmp_path / ".runstone" / "open"
    assert synced == [str(opened / "a" / JOURNAL), str(opened / "a"), str(opened)]


def test_a_sync_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the store's own error."""
    run = on_disk(tmp_path).journals.create("a")

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync", failing)
    assert code_of(run.sync) == "store_unavailable"


@pytest.mark.parametrize("packed", [False, True])
def test_name_of_the_private_folder_is_durable_before_anything_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """Also in a folder that somebody else has made, with all that a store would put there."""
    root = tmp_path / "runs"
    root.mkdir()
    (root / ".gitattributes").write_text("* text=auto\n")
    synced: list[str] = []
    told: list[bool] = []
    sync, replace = durable.sync_folder, durable.replace_file

    def sync_folder(path: str) -> None:
        synced.append(path)
        sync(path)

    def replace_file(path: str, *arguments: Any) -> None:
        if path.endswith(STORE_FILE):
            told.append(str(root) in synced)
        replace(path, *arguments)

    monkeypatch.setattr(durable, "sync_folder", sync_folder)
    monkeypatch.setattr(durable, "replace_file", replace_file)
    runstone.open(root, packed=packed).run("job").finish()
    assert told == [True]
