"""Reading: what a sealed run tells, and by which names it is found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.testing.fakes import START, FixedClock

from .scenes import full_run, open_store


def refusal(call: Any) -> str:
    """The code of the error that a call raises."""
    with pytest.raises(RunstoneError) as caught:
        call()
    return caught.value.code


# what it tells


def test_attributes_come_from_the_manifest(sealed: Sealed, tmp_path: Path) -> None:
    """Id, kind, contract, status, times, labels and place."""
    assert (sealed.run_id, sealed.kind, sealed.contract, sealed.status) == ("full", "scene", "runstone/1", "success")
    assert (sealed.opened_at, sealed.closed_at, sealed.labels) == (START, START, {"env": "test"})
    assert sealed.path == str(tmp_path / "runs/full")
    assert sealed.outcome_digest == sealed.manifest["outcome_digest"]


def test_json_document_is_a_value(sealed: Sealed) -> None:
    """A document that is JSON comes as a value."""
    assert sealed.document("checks.json")["summary"] == {"pass": 1, "fail": 0, "skip": 0}
    assert sealed.document("run.json")["metrics"] == {"loss": {"last": 0.5, "min": 0.5, "max": 0.5, "count": 1}}


def test_derived_document_is_folded_when_it_is_read(sealed: Sealed) -> None:
    """`run.log` stands in no bundle of the default contract and is there all the same."""
    assert not Path(sealed.path, "run.log").exists()
    assert sealed.document("run.log") == "20 rows\n"
    assert sealed.file("run.log") == b"20 rows\n"


def test_document_list_has_sealed_and_derived(sealed: Sealed) -> None:
    """`documents` yields every document of the contract."""
    assert [document.path for document in sealed.documents()] == [
        "checks.json",
        "config.snapshot.json",
        "decision.json",
        "eval/scorecard.json",
        "evidence.json",
        "run.json",
        "tool_calls.json",
        "run.log",
    ]


def test_events_come_in_order_and_by_type(sealed: Sealed) -> None:
    """All events, or those of the types named."""
    everything = list(sealed.events())
    assert [event["seq"] for event in everything] == list(range(len(everything)))
    assert [event["type"] for event in sealed.events("score", "check")] == ["check", "score"]
    assert list(sealed.events("x.nobody")) == []


def test_counts_are_told(sealed: Sealed) -> None:
    """How many events, checks, files and redactions there are."""
    counts = sealed.counts()
    assert (counts["checks"], counts["files"], counts["dropped"], counts["redactions"]) == (1, 10, 0, 0)
    assert counts["events"] == len(list(sealed.events()))


@pytest.mark.parametrize("path", ["absent.json", "", "../full/run.json", "/etc/passwd", "artifacts", "a\0b"])
def test_missing_file_is_not_found(sealed: Sealed, path: str) -> None:
    """What is neither in the bundle nor a document is `file_not_found`, whatever is asked for."""
    assert refusal(lambda: sealed.file(path)) == "file_not_found"
    assert refusal(lambda: sealed.document(path)) == "file_not_found"


def test_file_can_be_read_in_pieces(sealed: Sealed) -> None:
    """`pieces` gives a file of any size without holding it."""
    assert b"".join(sealed.pieces("artifacts/deep/er.bin")) == bytes(range(256))


def test_document_of_another_contract_can_be_asked_for(sealed: Sealed) -> None:
    """A run can be told in the words of another contract, if that one is known."""
    assert refusal(lambda: list(sealed.documents("nobody"))) == "unknown_contract"
    assert next(document.path for document in sealed.documents("runstone/1")) == "checks.json"


# how it is found


def test_exact_id_wins_over_a_prefix(store: Store) -> None:
    """An id that begins another id is found by itself."""
    for run_id in ("run-1", "run-10", "run-2"):
        with store.run("job", run_id=run_id):
            pass
    assert store.get("run-1").run_id == "run-1"


def test_unique_prefix_finds(store: Store, sealed: Sealed) -> None:
    """A beginning that one run has is enough."""
    assert store.get("fu").digest == sealed.digest


def test_prefix_of_several_is_ambiguous(store: Store) -> None:
    """A beginning that two runs have names them."""
    for run_id in ("run-1", "run-2"):
        with store.run("job", run_id=run_id):
            pass
    with pytest.raises(RunstoneError) as caught:
        store.get("run-")
    assert (caught.value.code, caught.value.details["found"]) == ("ambiguous_run", ["run-1", "run-2"])


def test_prefix_of_open_runs_is_ambiguous_too(store: Store) -> None:
    """Sealed and open ones count alike: none is taken for the one that was meant. A whole id names its run."""
    with store.run("job", run_id="ab0"):
        pass
    with store.run("job", run_id="ab1"), store.run("job", run_id="ab2"), store.run("job", run_id="ab"):
        for prefix, fits in (("a", ["ab", "ab0", "ab1", "ab2"]), ("ab1", None), ("ab", None)):
            with pytest.raises(RunstoneError) as caught:
                store.get(prefix)
            told = caught.value.details.get("found"), caught.value.details.get("run_id")
            assert told == ((fits, None) if fits else (None, prefix))
        assert refusal(lambda: store.run("job", resume="ab")) == "run_is_open"
        assert refusal(lambda: store.run("job", resume="a")) == "ambiguous_run"
        assert store.get("ab0").run_id == "ab0"


def test_digest_finds(store: Store, sealed: Sealed) -> None:
    """`sha256:<hex>` is the run with that digest."""
    assert store.get(sealed.digest).run_id == "full"
    assert refusal(lambda: store.get("sha256:" + "0" * 64)) == "run_not_found"


@pytest.mark.parametrize("digest", ["sha256:", "sha256:xyz", "sha256:" + "0" * 63, "sha256:" + "A" * 64])
def test_digest_that_is_none_is_refused(store: Store, sealed: Sealed, digest: str) -> None:
    """What is no digest is told as that."""
    assert refusal(lambda: store.get(digest)) == "invalid_digest"


def test_latest_is_the_newest(store: Store, clock: FixedClock) -> None:
    """`@latest` is the run that was opened last, not the one that was sealed last."""
    first = store.run("job", run_id="z-first")
    clock.advance(1)
    with store.run("job", run_id="a-second"):
        pass
    first.finish()
    assert store.get("@latest").run_id == "a-second"


def test_latest_leaves_out_what_lists_leave_out(store: Store, clock: FixedClock) -> None:
    """Annotations and judgements are no work: `@latest` does not find them, `kind:` does."""
    with store.run("job", run_id="work"):
        pass
    clock.advance(1)
    with store.run("annotation", run_id="remark"):
        pass
    assert store.get("@latest").run_id == "work"
    assert [found.run_id for found in store.runs("kind:annotation")] == ["remark"]


@pytest.mark.parametrize("name", ["absent", "", "@latest", "../full", "a\0b", "full/", "@nobody", "x" * 10_000])
def test_what_is_not_there_is_not_found(store: Store, name: str) -> None:
    """In an empty store nothing is found, and no name leads out of it."""
    assert refusal(lambda: store.get(name)) == "run_not_found"


def test_other_case_is_not_found(store: Store, sealed: Sealed) -> None:
    """An id is found in the spelling that it has."""
    assert refusal(lambda: store.get("FULL")) == "run_not_found"


def test_open_run_is_told_as_open(store: Store) -> None:
    """A run that is not sealed yet is no missing one."""
    run = store.run("job", run_id="alive")
    assert refusal(lambda: store.get("alive")) == "run_is_open"
    assert refusal(lambda: store.get("ali")) == "run_is_open"
    run.finish()


def test_reading_an_absent_store_makes_none(tmp_path: Path) -> None:
    """Asking a store that is not there answers, and writes nothing."""
    store = open_store(tmp_path / "absent")
    assert (list(store.runs()), store.rows(), store.open_runs(), store.recover()) == ([], [], [], [])
    assert refusal(lambda: store.get("x")) == "run_not_found"
    assert not (tmp_path / "absent").exists()


# lists


def test_runs_are_newest_first(store: Store, clock: FixedClock) -> None:
    """By time of opening, then by id, both descending."""
    for run_id, later in (("b", 0), ("a", 0), ("c", 5)):
        clock.advance(later)
        with store.run("job", run_id=run_id):
            pass
    assert [sealed.run_id for sealed in store.runs()] == ["c", "b", "a"]


def test_query_selects(store: Store) -> None:
    """Kind, status and id, negated and with globs."""
    for run_id, kind, status in (("a1", "x", "failed"), ("a2", "y", "success"), ("b1", "x", "success")):
        store.run(kind, run_id=run_id).finish(status)
    asked = {
        query: {sealed.run_id for sealed in store.runs(query)} for query in ("kind:x", "-kind:x", "id:a* status:failed")
    }
    assert asked == {"kind:x": {"a1", "b1"}, "-kind:x": {"a2"}, "id:a* status:failed": {"a1"}}
    assert refusal(lambda: list(store.runs("colour:red"))) == "invalid_query"


def test_rows_show_open_and_damaged_runs(store: Store, tmp_path: Path) -> None:
    """A list hides nothing: a run being recorded, one to recover, and one whose manifest cannot be read."""
    full_run(store, tmp_path)
    alive = store.run("job", run_id="alive")
    with store.run("job", run_id="broken"):
        pass
    manifest = tmp_path / "runs/broken/manifest.json"
    manifest.chmod(0o644)
    manifest.write_bytes(b"{")
    states = {row["run_id"]: (row["state"], row["status"]) for row in store.rows()}
    alive.finish()
    assert states == {"full": ("sealed", "success"), "alive": ("open", "running"), "broken": ("damaged", "damaged")}


def test_bundle_under_another_name_is_no_run(store: Store, sealed: Sealed, tmp_path: Path) -> None:
    """A folder that was renamed is not listed as the run that it holds, and verifying it says what is wrong."""
    Path(sealed.path).rename(tmp_path / "runs/other")
    assert list(store.runs()) == []
    report = store.verify("other")
    assert [finding.code for finding in report.findings] == ["wrong_name"]


def test_a_path_into_a_store_is_the_run_of_that_name(store: Store, sealed: Sealed, tmp_path: Path) -> None:
    """A folder in a store is verified by its path as by its id, however it is reached; elsewhere any name is right."""
    place = Path(sealed.path)
    other, link, elsewhere = (tmp_path / name for name in ("runs/other", "link", "elsewhere"))
    assert runstone.verify(place).ok
    link.symlink_to(place.parent)
    assert runstone.verify(link / place.name).ok
    shutil.copytree(place, elsewhere)
    assert runstone.verify(elsewhere).ok
    place.rename(other)
    assert [finding.code for finding in runstone.verify(other).findings] == ["wrong_name"]
    assert [finding.code for finding in runstone.verify(f"{other}/").findings] == ["wrong_name"]


def test_folder_without_manifest_is_foreign(store: Store, sealed: Sealed, tmp_path: Path) -> None:
    """It is no run and is listed nowhere; `foreign` names it."""
    (tmp_path / "runs/stray").mkdir()
    (tmp_path / "runs/file.txt").write_text("x")
    assert [row["run_id"] for row in store.rows()] == ["full"]
    assert store.objects.foreign() == ["file.txt", "stray"]


def test_public_functions_read_the_same(sealed: Sealed, tmp_path: Path) -> None:
    """`runstone.open(...).get(...)` and `runstone.verify(path)` agree with the store."""
    opened = runstone.open(tmp_path / "runs").get("full")
    report = runstone.verify(opened.path)
    assert (opened.digest, report.digest, report.ok) == (sealed.digest, sealed.digest, True)


def test_what_is_no_text_names_no_run(store: Store) -> None:
    """A typed error, also for `None`."""
    with pytest.raises(RunstoneError) as caught:
        store.get(None)  # type: ignore[arg-type]  # what an untyped program may pass
    assert caught.value.code == "run_not_found"
