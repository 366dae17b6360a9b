"""Comparing sealed runs: by name, by path, in hand; and never what was not sealed."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

import runstone
from runstone.adapters.fs.objects import FsBundle
from runstone.engine.store import Store
from runstone.locate import contract_of

from .scenes import TOKEN


def pair(store: Store, folder: Path) -> None:
    """Runs `a` and `b` that kept a table of other numbers, and logged another word."""
    for run_id, close in (("a", "17.5"), ("b", "17.75")):
        (folder / "prices.csv").write_text(f"day,close\n1,{close}\n")
        with store.run("scene", run_id=run_id, config={"a": 1}) as run:
            run.output("file", folder / "prices.csv", keep=True)
            run.log(f"run {run_id} wrote {close}")
            run.metrics({"close": float(close)})


def test_two_runs(store: Store, tmp_path: Path) -> None:
    """The content of what they kept stands right behind the outputs; the journals part where the first fact does."""
    pair(store, tmp_path)
    found = store.compare("a", "b")
    assert not found.same
    assert [(item.section, item.name, item.place) for item in found.differences] == [
        ("outputs", "prices.csv", None),
        ("content", "prices.csv", "row 1, close"),
        ("metrics", "close", None),
        ("journal", "middle", None),
    ]
    assert found.a["run_id"] == "a"
    assert found.b["digest"] == store.get("b").digest


def test_a_run_is_taken_by_name_by_path_and_in_hand(store: Store, tmp_path: Path) -> None:
    """All give the same answer, and what is in hand stays open."""
    pair(store, tmp_path)
    sealed = store.get("a")
    expected = store.compare("a", "b").as_dict()["differences"]
    assert store.compare(sealed, "b").as_dict()["differences"] == expected
    assert runstone.compare(sealed, Path(store.url, "b")).as_dict()["differences"] == expected
    assert runstone.compare(Path(store.url, "a"), str(Path(store.url, "b"))).as_dict()["differences"] == expected
    assert sealed.file("run.log").startswith(b"run a")


def test_several_candidates(store: Store, tmp_path: Path) -> None:
    """Each is compared with the baseline."""
    pair(store, tmp_path)
    found = store.compare("a", "a", "b", "a")
    assert [other.b["run_id"] for other in found.all()] == ["a", "b", "a"]
    assert [len(other.differences) for other in found.all()] == [0, 4, 0]
    assert len(found.as_dict()["more"]) == 2


def test_names_that_lead_nowhere(store: Store, tmp_path: Path) -> None:
    """The errors of `get`, and of a path."""
    pair(store, tmp_path)
    with pytest.raises(runstone.NotFound) as caught:
        store.compare("a", "c")
    assert caught.value.code == "run_not_found"
    with pytest.raises(runstone.NotFound) as caught:
        runstone.compare(tmp_path / "c", tmp_path / "d")
    assert caught.value.code == "file_not_found"


def rewrite(path: Path, old: bytes, new: bytes) -> None:
    path.chmod(0o644)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("events.jsonl", b"wrote 17.75", b"wrote 17.76"),
        ("events.jsonl", b'"type":"log"', b'"type":log""'),
        ("artifacts/prices.csv", b"17.75", b"17.76"),
        ("manifest.json", b'"status":"success"', b'"status":"succes"'),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["candidate", "baseline"])
def test_a_damaged_bundle(store: Store, tmp_path: Path, file: str, old: bytes, new: bytes, turned: bool) -> None:
    """What was changed after the seal is never compared: it is told as damage, of the right run, on either side."""
    pair(store, tmp_path)
    rewrite(Path(store.url, "b", file), old, new)
    with pytest.raises(runstone.Damaged) as caught:
        store.compare(*(("b", "a") if turned else ("a", "b")))
    assert caught.value.code == "bundle_damaged"
    assert caught.value.details.get("path") == file
    assert "b" in (caught.value.details.get("run_id"), Path(store.url, "b").name)


@pytest.mark.parametrize("count", [0, 1, 2], ids=["a byte", "a line", "two lines"])
@pytest.mark.parametrize("archived", [False, True], ids=["a folder", "an archive"])
def test_a_journal_that_was_appended_to(store: Store, tmp_path: Path, count: int, archived: bool) -> None:
    """What stands behind the last line was not sealed: the run is neither compared nor judged."""
    pair(store, tmp_path)
    journal = Path(store.url, "b", "events.jsonl")
    data = journal.read_bytes()
    journal.chmod(0o644)
    journal.write_bytes(data + (b"".join(data.splitlines(keepends=True)[:count]) or b" "))
    path = tmp_path / "b.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(Path(store.url, "b"), "b")
    for call in (
        lambda: runstone.compare(Path(store.url, "a"), path if archived else Path(store.url, "b")),
        lambda: store.judge("b", limits=["max metric.loss:9"]),
    ):
        with pytest.raises(runstone.Damaged) as caught:
            call()
        assert caught.value.details["path"] == "events.jsonl"
    assert list(store.runs("kind:judge")) == []


def test_a_manifest_that_lies_about_the_outcome(store: Store, tmp_path: Path) -> None:
    """The digests differ and nothing of the journals does."""
    pair(store, tmp_path)
    manifest = Path(store.url, "b", "manifest.json")
    digest = json.loads(manifest.read_bytes())["outcome_digest"]
    rewrite(manifest, digest.encode(), store.get("a").outcome_digest.encode())
    with pytest.raises(runstone.Damaged) as caught:
        store.compare("a", "b")
    assert caught.value.details["path"] == "manifest.json"
    assert caught.value.details["cause"] in ("wrong_manifest", "wrong_outcome")


def test_a_secret_in_a_kept_file_is_not_shown(store: Store, tmp_path: Path) -> None:
    """Of a file that somebody kept anyway nothing is told but digests."""
    for run_id in ("a", "b"):
        (tmp_path / "notes.txt").write_text(f"{run_id} {TOKEN}\n")
        with store.run("scene", run_id=run_id) as run:
            run.output("file", tmp_path / "notes.txt", keep="anyway", asked_by="me")
    found = store.compare("a", "b")
    assert TOKEN not in str(found)
    assert TOKEN not in json.dumps(found.as_dict())
    assert [item.note for item in found.differences if item.section == "outputs"] == [
        "not compared by content: a secret was found in it"
    ]


def test_large_journals(store: Store) -> None:
    """Journals that are not held in memory part where small ones would."""
    for run_id, last in (("a", 1), ("b", 2)):
        with store.run("scene", run_id=run_id) as run:
            for number in range(3000):
                run.event("x.step", {"n": number, "text": "t" * 200})
                run.metrics({"loss": number}, step=number)
            run.metrics({"loss": last})
    found = {item.section: item for item in store.compare("a", "b").differences}
    assert (found["journal"].name, found["journal"].a["line"]) == ("middle", 6002)
    assert (found["metrics"].difference, found["metrics"].a["count"]) == (1, 3001)


def test_a_bundle_that_is_read_elsewhere(store: Store, tmp_path: Path) -> None:
    """A `Sealed` over any bundle will do."""
    pair(store, tmp_path)
    sealed = runstone.Sealed(FsBundle(str(Path(store.url, "b"))), contract_of)
    assert runstone.compare(sealed, sealed).differences == []
