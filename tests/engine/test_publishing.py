"""Published documents: copies outside the bundle that are made once, compared, made again, and taken away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.adapters.fs import durable
from runstone.core import layout
from runstone.core.journal import HELD_BYTES
from runstone.engine.publishing import Publisher, publisher_of, withdraw
from runstone.engine.store import Store
from runstone.engine.verifier import verify_bundle
from runstone.errors import RunstoneError, error

from .publishing import contract_of, publishing_store, record

TEXT = b"notes:\n- one\n- two\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that others read; the store stands inside of it."""
    return tmp_path / "public"


@pytest.fixture
def store(folder: Path) -> Store:
    """That store."""
    return publishing_store(folder / layout.INNER_STORE)


def copies(folder: Path) -> list[Path]:
    """What stands there beside the store."""
    return sorted(path for day in folder.iterdir() if day.name != layout.PRIVATE for path in day.iterdir())


def lost(store: Store, run: str = "r") -> Path:
    """Take the copy of a run away behind the store's back; answers where it was."""
    (path,) = map(Path, publisher_of(store).locations(store.get(run)))
    path.unlink()
    return path


def found(store: Store, run: str = "r") -> list[tuple[int, str, str]]:
    """What verification finds."""
    return [(finding.step, finding.code, finding.level) for finding in store.verify(run).findings]


def outcomes(store: Store) -> list[tuple[str, str]]:
    """What recovery does."""
    return [(recovery.run_id, recovery.outcome) for recovery in store.recover()]


# made


def test_a_sealed_run_has_its_copy(store: Store, folder: Path) -> None:
    """At its place, equal to the fold, read-only, and in no bundle."""
    record(store)
    (path,) = copies(folder)
    sealed = store.get("r")
    assert (
        str(path) == publisher_of(store).locations(store.get("r"))[0] == str(folder / sealed.opened_at[:10] / "r.txt")
    )
    assert (path.read_bytes(), sealed.file("notes.txt")) == (TEXT, TEXT)
    assert path.stat().st_mode & 0o777 == 0o444
    assert [entry["path"] for entry in sealed.manifest["files"]] == ["events.jsonl", "run.json"]


@pytest.mark.parametrize("large", [False, True])
def test_a_run_knows_its_copies(store: Store, folder: Path, *, large: bool) -> None:
    """Those that were made of a journal in memory; one that is too large for that is read from the bundle."""
    with store.run("notes", run_id="r", contract="notes") as run:
        run.note("x" * (HELD_BYTES // 4))
        for _ in range(4 * large):
            run.log("y" * (HELD_BYTES // 4))
        assert list(run.copies) == []
    (path,) = copies(folder)
    assert [copy.body for copy in run.copies] == ([] if large else [path.read_bytes()])
    assert path.read_bytes() == store.get("r").file("notes.txt")
    assert found(store) == []


def test_another_store_publishes_inside(tmp_path: Path) -> None:
    """A store that does not stand in such a folder never writes outside of itself."""
    store = publishing_store(tmp_path / "runs")
    record(store)
    (path,) = (tmp_path / "runs" / ".runstone" / "published").glob("*/r.txt")
    assert path.read_bytes() == TEXT
    assert os.listdir(tmp_path) == ["runs"]
    assert store.objects.foreign() == []


def test_memory_publishes_too(tmp_path: Path) -> None:
    """In memory."""
    store = publishing_store("memory:")
    record(store)
    assert b"".join(store.journals.published.read(f"{store.get('r').opened_at[:10]}/r.txt") or ()) == TEXT
    assert store.verify("r").checked[-1] == "10 published copies"


def test_the_run_is_sealed_before_its_copy_stands(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy that cannot be made is told; the run is there, and recovery makes the copy."""

    def full(*_: Any) -> list[str]:
        raise error("store_unavailable", "no space left")

    monkeypatch.setattr(Publisher, "publish_sealed", full)
    assert record(store) == store.get("r").digest
    assert "sealed, its published copy is not: no space left (runstone recover makes it)" in capsys.readouterr().err
    monkeypatch.undo()
    assert outcomes(store) == [("r", "published")]
    assert found(store) == []


def test_a_strict_run_answers_only_with_its_copy(store: Store, folder: Path) -> None:
    """A conflict at the place is raised; nothing is written over, and the run is sealed."""
    record(store)
    (path,) = copies(folder)
    other = path.with_name("other.txt")
    other.write_bytes(b"somebody's")
    with pytest.raises(runstone.Conflict, match="nothing is written over") as caught:
        record(store, "other", strict=True)
    assert (caught.value.code, other.read_bytes()) == ("published_conflict", b"somebody's")
    assert store.get("other").status == "success"


def test_a_gate_withholds_an_answer_without_its_copy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not published is not answered."""
    monkeypatch.setattr(
        Publisher, "publish_sealed", lambda *_: (_ for _ in ()).throw(error("published_conflict", "taken"))
    )
    policy = {"name": "p", "version": "1", "levels": ["GREEN", "RED"], "blocks": "RED", "rules": []}
    policy["rules"] = [{"id": "x", "fact": "/x", "max": 1, "level": "RED"}]
    gate = runstone.gate("work", policy=policy, facts={"x": 0}, store=store, contract="notes")
    with pytest.raises(runstone.Unanswered) as caught:
        gate(lambda: "answer")()
    assert caught.value.code == "answer_withheld"
    assert caught.value.details["cause"] == "published_conflict"


def test_a_link_at_the_place_is_not_followed(store: Store, folder: Path, tmp_path: Path) -> None:
    """Neither to write, nor to compare."""
    record(store)
    path = lost(store)
    (tmp_path / "elsewhere").write_bytes(TEXT)
    path.symlink_to(tmp_path / "elsewhere")
    assert [finding[:2] for finding in found(store)] == [(10, "store_unavailable")]
    with pytest.raises(RunstoneError) as caught:
        publisher_of(store).publish("r")
    assert caught.value.code == "published_conflict"


def test_a_folder_at_the_place_is_no_copy(store: Store) -> None:
    """Recovery tells of it, as verification does, and leaves it."""
    record(store)
    lost(store).mkdir()
    (recovery,) = store.recover()
    assert (recovery.outcome, recovery.reason and recovery.reason["code"]) == ("skipped", "store_unavailable")
    assert [finding[:2] for finding in found(store)] == [(10, "store_unavailable")]


def test_an_imported_bundle_is_published(store: Store, tmp_path: Path, folder: Path) -> None:
    """As if it had been sealed here; again changes nothing."""
    elsewhere = publishing_store(tmp_path / "elsewhere")
    record(elsewhere)
    assert store.import_bundle(elsewhere.objects.open("r"))[2] == "created"
    assert store.import_bundle(elsewhere.objects.open("r"))[2] == "identical"
    assert [path.read_bytes() for path in copies(folder)] == [TEXT]


def test_a_copy_whose_durability_is_not_sure_is_no_success(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed sync is an error of the store."""
    record(store)
    lost(store)

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync", failing)
    with pytest.raises(runstone.StoreUnavailable):
        publisher_of(store).publish("r")


# compared


def test_a_good_copy_is_checked(store: Store) -> None:
    """Step 10 is done, and finds nothing."""
    record(store)
    report = store.verify("r")
    assert (report.findings, report.checked[-1]) == ([], "10 published copies")


def test_a_missing_copy_is_repairable(store: Store) -> None:
    """A note, by which no bundle is bad; recovery makes it, once."""
    record(store)
    path = lost(store)
    assert (found(store), store.verify("r").ok) == ([(10, "repairable", "note")], True)
    assert (outcomes(store), outcomes(store)) == ([("r", "published")], [])
    assert path.read_bytes() == TEXT
    assert found(store) == []


def test_a_different_copy_is_a_fault(store: Store) -> None:
    """Whoever changed it: and recovery writes nothing over."""
    record(store)
    path = lost(store)
    path.write_bytes(TEXT + b"- three\n")
    assert (found(store), store.verify("r").ok) == ([(10, "wrong_copy", "fault")], False)
    assert outcomes(store) == []
    assert path.read_bytes().endswith(b"three\n")


def test_elsewhere_copies_are_not_checked(store: Store) -> None:
    """A bundle that was taken out of its store, and a quick look: both say so."""
    record(store)
    report = verify_bundle(store.get("r").bundle, contract_of)
    assert "10 published copies: the bundle is not in a store" in report.not_checked
    assert any(text.startswith("10 published copies: --quick") for text in store.verify("r", quick=True).not_checked)


# recovered


def test_an_interrupted_run_is_published(store: Store, folder: Path) -> None:
    """Recovery seals it, and makes its copy."""
    from faults.scenes import die

    run = store.run("work", run_id="r", contract="notes")
    run.note("one")
    die(run)
    assert outcomes(store) == [("r", "sealed")]
    assert [path.read_bytes() for path in copies(folder)] == [b"notes:\n- one\n"]
    assert found(store) == []


def test_a_recovered_run_whose_place_is_taken_says_so(store: Store, folder: Path) -> None:
    """It is sealed; the reason tells of the copy."""
    from faults.scenes import die

    record(store)
    (path,) = copies(folder)
    path.with_name("dead.txt").write_bytes(b"somebody's")
    die(store.run("work", run_id="dead", contract="notes"))
    (recovery,) = store.recover()
    assert (recovery.outcome, recovery.reason and recovery.reason["code"]) == ("sealed", "published_conflict")
    assert store.get("dead").status == "interrupted"


def test_a_store_that_never_published_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovery of an ordinary store opens no sealed run."""
    store = runstone.open(tmp_path / "runs")
    store.run("work", run_id="r").finish()
    monkeypatch.setattr(type(store.objects), "run_ids", lambda _: pytest.fail("it looked at all runs"))
    assert store.recover() == []


def test_of_runs_that_a_list_has_shown_only_the_missing_is_opened(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that came later the manifest is read, and the journal only where a copy is missing."""
    for number in range(3):
        record(store, f"r{number}")
    assert len(store.page(limit=1).rows) == 1
    record(store, "later")
    record(store, "latest")
    for run in ("r1", "latest"):
        next(folder.glob(f"*/{run}.txt")).unlink()
    opened, journals = {}, set()
    kind = type(store.get("later").bundle)
    look, read = type(store.objects).open, kind.read

    def noted(objects: Any, run_id: str) -> Any:
        bundle = look(objects, run_id)
        opened[bundle] = run_id
        return bundle

    def noted_read(bundle: Any, path: str, *args: Any) -> Any:
        if path == layout.JOURNAL:
            journals.add(opened[bundle])
        return read(bundle, path, *args)

    monkeypatch.setattr(type(store.objects), "open", noted)
    monkeypatch.setattr(kind, "read", noted_read)
    assert outcomes(store) == [("r1", "published"), ("latest", "published")]
    assert set(opened.values()) == {"r1", "later", "latest"}
    assert journals == {"r1", "latest"}


@pytest.mark.parametrize("known", [True, False])
def test_every_copy_that_is_missing_is_made(store: Store, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    """With and without a catalog, and by pages of it."""
    monkeypatch.setattr("runstone.engine.finder.ROWS", 2)
    for number in range(5):
        record(store, f"r{number}")
    if known:
        assert len(store.page(limit=1).rows) == 1
    assert len(list(store._finder.known_rows())) == 5 * known
    for number in range(5):
        lost(store, f"r{number}")
    assert sorted(outcomes(store)) == [(f"r{number}", "published") for number in range(5)]
    assert outcomes(store) == []


# taken away


def test_a_purge_takes_the_copy_with_the_run(store: Store, folder: Path) -> None:
    """Not while the run is only marked, and not that of another run."""
    record(store)
    record(store, "other")
    store.purge({"rules": [{"query": "id:r"}], "grace": "1d"}, apply=True)
    assert [path.stem for path in copies(folder)] == ["other", "r"]
    store.cancel_purge("r")
    store.purge({"rules": [{"query": "id:r"}], "grace": "0"}, apply=True)
    assert [path.stem for path in copies(folder)] == ["other"]
    assert (outcomes(store), store.verify("other").findings) == ([], [])


def test_a_purge_that_cannot_remove_puts_the_copy_back(store: Store, folder: Path) -> None:
    """A run that is being read stays, with its copy."""
    record(store)
    reader = store.objects.open("r")
    (fate,) = store.purge({"rules": [{"query": "id:r"}], "grace": "0"}, apply=True).fates
    assert fate.problem is not None
    assert fate.problem.code == "run_in_use"
    reader.close()
    assert found(store) == []
    assert len(copies(folder)) == 1


def test_a_withdrawn_copy_stays_away(store: Store, folder: Path) -> None:
    """The run stays, verification and recovery honour it, and the first who did it is told."""
    record(store)
    noted = withdraw(store, "r", by="ann", reason="asked by the customer")
    assert (noted["by"], noted["reason"], noted["digest"]) == ("ann", "asked by the customer", store.get("r").digest)
    assert withdraw(store, "r", by="bob", reason="once more")["by"] == "ann"
    assert (copies(folder), found(store), outcomes(store)) == ([], [], [])
    assert store.get("r").file("notes.txt") == TEXT


def test_a_renamed_bundle_brings_no_withdrawn_copy_back(store: Store, folder: Path) -> None:
    """Nobody withdrew the run whose name it has."""
    record(store)
    withdraw(store, "r", by="ann", reason="asked by the customer")
    Path(store.url, "r").rename(Path(store.url, "s"))
    assert outcomes(store) == []
    assert copies(folder) == []


def test_a_withdrawn_copy_that_stands_again_is_removed(store: Store, folder: Path) -> None:
    """Of a crash between the note and the removal, or of a backup."""
    record(store)
    withdraw(store, "r", by="ann", reason="asked by the customer")
    path = Path(publisher_of(store).locations(store.get("r"))[0])
    path.write_bytes(TEXT)
    assert found(store) == [(10, "repairable", "note")]
    assert (outcomes(store), copies(folder)) == ([("r", "published")], [])


def test_what_publishes_nothing_cannot_be_withdrawn(store: Store) -> None:
    """It would be a note that means nothing."""
    store.run("work", run_id="plain").finish()
    with pytest.raises(runstone.RunstoneError) as caught:
        withdraw(store, "plain", by="ann", reason="asked by the customer")
    assert caught.value.code == "invalid_option"
