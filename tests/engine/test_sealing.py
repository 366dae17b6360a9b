"""Sealing: what a sealed run is on disk, and that nothing changes it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runstone.core.layout import JOURNAL, MANIFEST
from runstone.engine import sealer
from runstone.engine.reader import Sealed
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .scenes import events, full_run, open_store, tree


def test_bundle_holds_what_the_manifest_names_and_nothing_else(sealed: Sealed) -> None:
    """The folder has exactly the files of the manifest, and the manifest."""
    files = {str(path.relative_to(sealed.path)) for path in Path(sealed.path).rglob("*") if path.is_file()}
    assert files == {entry["path"] for entry in sealed.manifest["files"]} | {MANIFEST}
    assert len(files) == 11


def test_roles_are_told(sealed: Sealed) -> None:
    """The journal is the journal, what events name is an artifact, the rest are documents."""
    roles = {entry["path"]: entry["role"] for entry in sealed.manifest["files"]}
    assert roles.pop(JOURNAL) == "journal"
    assert {path for path, role in roles.items() if role == "artifact"} == {
        "artifacts/in.csv",
        "artifacts/deep/er.bin",
    }
    assert set(roles.values()) == {"artifact", "document"}


def test_sealed_files_are_read_only(sealed: Sealed) -> None:
    """Every file of a bundle has mode 0444, whatever the umask was."""
    modes = {stat.S_IMODE(path.stat().st_mode) for path in Path(sealed.path).rglob("*") if path.is_file()}
    assert modes == {0o444}


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_umask_changes_no_byte_and_stops_nothing(tmp_path: Path, umask: int) -> None:
    """A run is sealed under any umask that lets its owner in; under one that does not it is said, not raised."""
    before = os.umask(umask)
    try:
        with open_store(tmp_path / "runs").run("job", run_id="x") as run:
            run.note("n")
    finally:
        os.umask(before)
    assert open_store(tmp_path / "runs").verify("x").ok


def test_store_says_how_git_must_treat_it(sealed: Sealed) -> None:
    """`.gitattributes` keeps a checkout from changing line ends; nothing else stands beside runs and `.runstone`."""
    root = Path(sealed.path).parent
    assert (root / ".gitattributes").read_bytes() == b"* -text\n"
    assert {path.name for path in root.iterdir()} == {".gitattributes", ".runstone", "full"}


def test_nothing_is_left_of_the_open_run(sealed: Sealed) -> None:
    """After the seal the run is not open, and no temporary file is left."""
    private = Path(sealed.path).parent / ".runstone"
    left = {place: body for place, body in tree(private).items() if place.startswith(("open/", "tmp/"))}
    assert left == {}


def test_open_run_has_its_journal_and_kept_files_alone(store: Store, tmp_path: Path) -> None:
    """While a run is alive nothing else is written; nobody sees it among the sealed ones."""
    (tmp_path / "a").write_bytes(b"a")
    run = store.run("job", run_id="alive", config={"x": 1})
    run.output("file", "a", keep=True)
    run.check("c", "pass")
    folder = tmp_path / "runs/.runstone/open/alive"
    assert set(tree(folder)) == {"events.jsonl", "artifacts", "artifacts/a"}
    assert not (tmp_path / "runs/alive").exists()
    run.finish()


def test_unknown_contract_at_the_seal_leaves_the_run_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the documents cannot be folded the run is not sealed, nothing half-written is seen, and recovery can."""

    def broken(*_: object) -> None:
        raise RunstoneError("store_unavailable", "the disk is gone")

    run = store.run("job", run_id="x")
    monkeypatch.setattr(sealer, "write_documents", broken)
    assert run.finish() is None
    monkeypatch.undo()
    assert (store.objects.exists("x"), [summary.alive for summary in store.open_runs()]) == (False, [False])
    [recovery] = store.recover()
    assert (recovery.outcome, recovery.status, store.verify("x").ok) == ("sealed", "success", True)


def test_id_that_was_sealed_meanwhile_is_a_conflict(store: Store, tmp_path: Path) -> None:
    """A writer that finds its id sealed with other bytes raises `recovered_elsewhere`, and changes nothing."""
    run = store.run("job", run_id="twice")
    run.log("one")
    [recovery] = store.recover("twice", force=True)
    before = tree(tmp_path / "runs/twice")
    with pytest.raises(RunstoneError) as caught:
        run.finish()
    assert (recovery.outcome, caught.value.code) == ("sealed", "recovered_elsewhere")
    assert tree(tmp_path / "runs/twice") == before
    assert store.verify("twice").ok


def test_digest_is_that_of_the_manifests_bytes(sealed: Sealed) -> None:
    """The run digest is the SHA-256 of `manifest.json`, and what `finish` answers."""
    from hashlib import sha256

    data = Path(sealed.path, MANIFEST).read_bytes()
    assert sealed.digest == "sha256:" + sha256(data).hexdigest()


def test_same_journal_gives_the_same_bundle(tmp_path: Path) -> None:
    """Two stores that record the same facts at the same time seal the same bytes."""
    trees = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        store = open_store(tmp_path / name / "runs", cwd="/srv/job")
        full_run(store, tmp_path)
        trees.append(tree(tmp_path / name / "runs/full"))
    assert trees[0] == trees[1]


def test_journal_larger_than_memory_allows_is_folded_from_disk(store: Store) -> None:
    """Above a megabyte the journal is not held; the bundle is the same kind of bundle."""
    with store.run("job") as run:
        for number in range(3_000):
            run.note(f"{number} " + "x" * 500)
    assert len(events(store, run.run_id)) == 3_002
    assert store.verify(run.run_id).ok


def test_event_that_cannot_be_told_does_not_keep_the_run_open(store: Store) -> None:
    """A result that is too deep is left out of the last line; the run is sealed."""
    run = store.run("job")
    value: list[object] = []
    value.append(value)
    assert run.finish(result=value) is not None
    assert store.verify(run.run_id).ok


def test_run_says_what_it_is(store: Store) -> None:
    """A run's text names id and status; it never shows more."""
    run: Run = store.run("job", run_id="r")
    assert repr(run) == "<Run r running>"
    run.finish()
    assert repr(run) == "<Run r success>"
