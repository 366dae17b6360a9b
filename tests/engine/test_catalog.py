"""A catalog is part of no promise: delete, tear or age it, or keep none at all, and every answer is the same."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstone.adapters.fs import objects as fs_objects
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.memory.catalog import MemoryCatalog
from runstone.adapters.sqlite.catalog import SqliteCatalog
from runstone.core import layout
from runstone.core.query import parse_query
from runstone.engine import catalogue
from runstone.engine.carding import sealed_card
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.ports.catalog import Known

from .scenes import open_store

QUERIES = ("", "kind:job", "label.n:1", "status:failed", '"line 2"', "metric.loss<2", "sort:metric.loss", "kind:*")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a few runs."""
    store = open_store(tmp_path / "runs")
    for number in range(4):
        record(store, number)
    return store


def record(store: Store, number: int) -> str:
    """A sealed run."""
    with store.run("job", run_id=f"run-{number}", labels={"n": str(number)}) as run:
        run.log(f"line {number}")
        run.metrics({"loss": number})
        if number == 3:
            run.check("it holds", "fail")
    return run.run_id


def catalog_file(store: Store) -> Path:
    """Where the catalog is."""
    return Path(store.url) / layout.CATALOG


def answers(store: Store) -> list[list[str]]:
    """What every query finds, asked through a store of its own."""
    reader = open_store(Path(store.url))
    found = [[row["run_id"] for row in reader.rows(query)] for query in QUERIES]
    reader._finder.catalogue.close()
    return found


def expected(store: Store) -> list[list[str]]:
    """The same without any file: what the bundles say."""
    reader = open_store(Path(store.url))
    reader._catalogs = lambda: [MemoryCatalog()]
    return [[row["run_id"] for row in reader.rows(query)] for query in QUERIES]


def changed(path: Path, *statements: str) -> None:
    """Do something to the database that is there, or to a new one."""
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[4096:-4096] = bytes(len(body) - 8192)
    path.write_bytes(body)


def text(path: Path) -> None:
    path.write_text("this is no database, however long it may be\n" * 500)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.unlink()
    changed(path, "CREATE TABLE runs (mine TEXT)")


def aged(path: Path) -> None:
    changed(path, "UPDATE about SET value = 'an older format' WHERE key = 'schema'")


def robbed(path: Path) -> None:
    changed(path, "DROP TABLE facts")


def scrambled(path: Path) -> None:
    changed(path, "UPDATE runs SET row = x'7b'", "UPDATE cards SET base = x'5b5d', card = NULL")


def removed(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARM = (truncated, zeroed, text, emptied, foreign, aged, robbed, scrambled, removed, a_folder)


@pytest.mark.parametrize("harm", HARM)
def test_a_catalog_that_is_not_what_it_should_be_changes_no_answer(store: Store, harm: Callable[[Path], None]) -> None:
    """Torn, emptied, somebody else's, of another version, gone: it is made anew, or done without."""
    before = answers(store)
    assert before == expected(store)
    harm(catalog_file(store))
    assert answers(store) == before
    record(store, 9)
    assert answers(store) == expected(store) != before


def test_an_old_catalog_is_brought_up_to_date(store: Store, tmp_path: Path) -> None:
    """One that was put back from before runs came and went."""
    answers(store)
    shutil.copy(catalog_file(store), tmp_path / "old")
    record(store, 7)
    shutil.rmtree(Path(store.url) / "run-0")
    answers(store)
    for path in catalog_file(store).parent.glob("catalog.sqlite*"):
        path.unlink()
    shutil.copy(tmp_path / "old", catalog_file(store))
    assert answers(store) == expected(store)
    assert answers(store)[0] == ["run-7", "run-3", "run-2", "run-1"]


def test_another_bundle_under_the_same_id_is_noticed(store: Store, tmp_path: Path) -> None:
    """One that was taken away and another put in its place, while nobody looked."""
    other = open_store(tmp_path / "other")
    with other.run("another", run_id="run-1"):
        pass
    answers(store)
    shutil.rmtree(Path(store.url) / "run-1")
    shutil.move(tmp_path / "other" / "run-1", Path(store.url) / "run-1")
    assert answers(store) == expected(store)
    assert [row["kind"] for row in open_store(Path(store.url)).rows("id:run-1")] == ["another"]


def test_a_store_that_settled_is_not_listed_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the stamp is the same, no bundle is looked at; the answers are from the catalog."""
    monkeypatch.setattr(fs_objects, "_STAMP_NS", 0)
    before = answers(store)
    monkeypatch.setattr(fs_objects.FsObjects, "marks", lambda _: pytest.fail("looked at the bundles"))
    assert answers(store) == before


def test_a_damaged_bundle_that_was_mended_is_noticed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no bundle has come or gone: what was damaged is looked at again."""
    monkeypatch.setattr(fs_objects, "_STAMP_NS", 0)
    manifest = Path(store.url) / "run-2" / layout.MANIFEST
    good = manifest.read_bytes()
    manifest.chmod(0o644)
    manifest.write_bytes(good[:-1])
    assert [row["status"] for row in open_store(Path(store.url)).rows("id:run-2")] == ["damaged"]
    manifest.write_bytes(good)
    assert [row["status"] for row in open_store(Path(store.url)).rows("id:run-2")] == ["success"]


@pytest.mark.parametrize("field", ["opened_at", "closed_at"])
def test_a_bundle_whose_time_is_none_hides_no_other(store: Store, field: str) -> None:
    """One flipped bit of a manifest is damage of that run alone."""
    manifest = Path(store.url) / "run-2" / layout.MANIFEST
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(f'"{field}":"20'.encode(), f'"{field}":"2p'.encode()))
    fresh = open_store(Path(store.url))
    assert {row["run_id"]: row["status"] for row in fresh.rows("")}.pop("run-2") == "damaged"
    assert [row["run_id"] for row in fresh.rows("id:run-1")] == ["run-1"]


READER = """
import os, sys
import runstone
runstone.open(sys.argv[2]).rows("label.n:1,2")  # loads what is needed, which nobody else may read
os.setuid(65534)
print([row["run_id"] for row in runstone.open(sys.argv[1]).rows("label.n:1,2")])
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="no right to change the user")
def test_a_store_that_cannot_be_written_is_read_all_the_same(store: Store) -> None:
    """Somebody who may only read gets the same answers, and leaves nothing."""
    folder = Path(store.url).parent
    for path in (folder, folder.parent, folder.parent.parent):
        path.chmod(0o755)
    shutil.copytree(store.url, folder / "copy")
    (folder / "copy" / layout.CATALOG).mkdir()
    reader = [sys.executable, "-c", READER, store.url, str(folder / "copy")]
    shown = subprocess.run(reader, capture_output=True, text=True, check=False)
    assert (shown.stdout, shown.stderr) == ("['run-2', 'run-1']\n", "")
    assert not catalog_file(store).exists()


def test_reading_makes_no_store(tmp_path: Path) -> None:
    """Where there is no store, there is none afterwards."""
    store = open_store(tmp_path / "runs")
    assert (store.rows(), store.page().rows, list(store.runs())) == ([], [], [])
    assert not (tmp_path / "runs").exists()


def test_reindex_reads_every_bundle_and_tells_how_far_it_is(store: Store) -> None:
    """The number of bundles, and the progress of each."""
    told: list[tuple[int, int]] = []
    assert store.reindex(lambda done, total: told.append((done, total))) == 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert answers(store) == expected(store)


def test_reindex_of_a_folder_of_bundles_makes_a_catalog(store: Store, tmp_path: Path) -> None:
    """Which nothing else has made there; where no bundle is, it makes nothing."""
    copied = open_store(shutil.copytree(store.url, tmp_path / "copied", ignore=shutil.ignore_patterns(".*")))
    assert (copied.reindex(), catalog_file(copied).exists()) == (4, True)
    assert answers(copied) == expected(copied)
    empty = tmp_path / "empty"
    empty.mkdir()
    for place in (empty, tmp_path / "nowhere"):
        assert open_store(place).reindex() == 0
    assert (list(empty.iterdir()), (tmp_path / "nowhere").exists()) == ([], False)


def test_a_catalog_that_cannot_be_kept_is_told_by_reindex(store: Store) -> None:
    """`store_unavailable`; lists go on without."""
    catalog_file(store).mkdir()
    with pytest.raises(RunstoneError) as caught:
        store.reindex()
    assert caught.value.code == "store_unavailable"
    assert answers(store) == expected(store)


def test_pages_have_open_runs_too(store: Store) -> None:
    """Each run once, page after page, whatever its state; a cursor goes on where the page ended."""
    alive = store.run("job", run_id="still", labels={"n": "1"})
    found, after = [], None
    while True:
        page = store.page("kind:job", limit=2, after=after)
        found += [(row["run_id"], row["status"]) for row in page.rows]
        after = page.next
        if after is None:
            break
    assert [run_id for run_id, _ in found] == ["still", "run-3", "run-2", "run-1", "run-0"]
    assert found[0] == ("still", "running")
    assert [row["run_id"] for row in store.rows("label.n:1")] == ["still", "run-1"]
    alive.metrics({"loss": -1})
    alive.log("a line of its own")
    assert store.rows("sort:metric.loss")[0]["run_id"] == "still"
    assert [row["run_id"] for row in store.rows('"line of its own"')] == ["still"]
    alive.finish()
    assert [row["run_id"] for row in store.rows("metric.loss<0")] == ["still"]


def test_a_cursor_of_another_list_is_refused(store: Store) -> None:
    """`invalid_cursor`."""
    cursor = store.page("sort:metric.loss", limit=1).next
    for query, after in (("", cursor), ("", "nonsense")):
        with pytest.raises(RunstoneError) as caught:
            store.page(query, after=after)
        assert caught.value.code == "invalid_cursor"


def test_what_a_dying_reader_read_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch at a time: the next reader goes on where it stopped."""
    monkeypatch.setattr(catalogue, "BATCH", 2)
    read = catalogue.sealed_card
    seen: list[str] = []

    def dying(objects, run_id):
        seen.append(run_id)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return read(objects, run_id)

    monkeypatch.setattr(catalogue, "sealed_card", dying)
    with pytest.raises(KeyboardInterrupt):
        store.rows()
    assert len(store.rows()) == 4
    assert len(seen) == 6


def test_a_run_that_is_sealed_while_a_list_is_made_is_in_it_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is sealed before the catalog is asked, or between its answer and the look at the open runs."""
    ask = store._finder.catalogue.ask
    for when, sealed in (("before", True), ("behind", False)):
        run = store.run("job", run_id=when)

        def asked(*arguments: object, run: Run = run, sealed: bool = sealed) -> object:
            if sealed:
                run.finish()
            answer = ask(*arguments)
            run.finish()
            return answer

        monkeypatch.setattr(store._finder.catalogue, "ask", asked)
        assert [row["run_id"] for row in store.rows()].count(when) == 1
        assert [row["status"] for row in store.rows(f"id:{when}")] == ["success"]


def test_a_bundle_that_goes_while_it_is_read_was_never_damaged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was listed, and is gone when its turn comes: no row, in this list or in the next one."""
    read = catalogue.sealed_card

    def slow(objects: FsObjects, run_id: str) -> dict[str, object] | None:
        if run_id == "run-1":
            shutil.rmtree(Path(store.url) / run_id)
        return read(objects, run_id)

    monkeypatch.setattr(catalogue, "sealed_card", slow)
    assert [row["run_id"] for row in store.rows()] == ["run-3", "run-2", "run-0"]
    assert answers(store) == expected(store)


@pytest.mark.parametrize("limit", [-1, 1.5, "2", True, b"x"])
def test_a_limit_that_is_none_is_refused(store: Store, limit: Any) -> None:
    """Whether or not there are runs."""
    with pytest.raises(RunstoneError) as caught:
        store.page(limit=limit)
    assert caught.value.code == "invalid_option"
    assert store.page(limit=0).rows == []


@pytest.mark.parametrize("query", ["", "sort:-metric.loss"])
def test_a_page_that_ends_with_a_run_that_goes_has_a_cursor(
    store: Store, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Rows and cursor are of one moment; the next page goes on behind what is not there any more."""
    ask = store._finder.catalogue.ask

    def asked(*arguments: object) -> object:
        answer = ask(*arguments)
        shutil.rmtree(Path(store.url) / "run-2", ignore_errors=True)
        return answer

    monkeypatch.setattr(store._finder.catalogue, "ask", asked)
    after = store.page(query, limit=2).next
    assert [row["run_id"] for row in store.page(query, limit=2, after=after).rows] == ["run-1", "run-0"]


def test_a_catalog_that_goes_before_it_is_asked_is_not_taken_for_an_empty_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment in which it knows every bundle and the question it is deleted: it is filled again."""
    sync = store._finder.catalogue._sync
    deleted: list[int] = []

    def synced(*arguments: object) -> int:
        done = sync(*arguments)
        if not deleted:
            deleted.append(catalog_file(store).stat().st_ino)
            catalog_file(store).unlink()
        return done

    monkeypatch.setattr(store._finder.catalogue, "_sync", synced)
    assert [row["run_id"] for row in store.rows()] == ["run-3", "run-2", "run-1", "run-0"]
    assert deleted


def test_a_late_reader_brings_back_no_run_that_went(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It read a run that was purged meanwhile, put its card into a catalog that another reader had made whole since,
    and died: whoever asks next notices."""
    monkeypatch.setattr(fs_objects, "_STAMP_NS", 0)
    late = open_store(Path(store.url))
    mark = late.objects.marks()["run-1"]
    card = sealed_card(late.objects, "run-1")
    assert card is not None
    shutil.rmtree(Path(store.url) / "run-1")
    assert "run-1" not in answers(store)[0]
    late._finder.catalogue.ask(lambda catalog: catalog.update([Known(mark, card)], (), None))
    assert "run-1" not in answers(store)[0]


LARGE = {
    "values": "label.n:" + ",".join(map(str, range(2000))),
    "numbers": "metric.loss:" + ",".join(map(str, range(1500))),
    "globs": "kind:" + ",".join(f"k{number}*" for number in range(900)),
    "terms": " ".join(["kind:job"] * 1100),
    "terms that are none": " ".join(["-kind:x"] * 1200),
    "bounds": " ".join(["duration>=0"] * 800),
    "phrases": ",".join(f'"word{number}"' for number in range(700)),
}


@pytest.mark.parametrize("asked", LARGE)
def test_a_large_query_is_answered_and_leaves_the_catalog_alone(store: Store, asked: str) -> None:
    """As large as one may be: the answer is that of a look at every card, and no file is taken for damaged."""
    store.rows()
    inode, catalogs = catalog_file(store).stat().st_ino, store._finder.catalogue._catalogs
    query = LARGE[asked]
    found = [row["run_id"] for row in store.rows(query)]
    everywhere = MemoryCatalog()
    marks = store.objects.marks()
    cards = {run_id: sealed_card(store.objects, run_id) for run_id in marks}
    everywhere.update([Known(marks[run_id], card) for run_id, card in cards.items() if card], [], None)
    parsed = parse_query(query)
    assert found == [card["run_id"] for card in everywhere.cards(parsed, None, None)]
    assert (catalog_file(store).stat().st_ino, store._finder.catalogue._catalogs) == (inode, catalogs)


def test_a_question_that_a_catalog_cannot_take_is_answered_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one alone: the catalog stays, and is asked again."""
    everything = store.rows()
    inode, catalogs = catalog_file(store).stat().st_ino, store._finder.catalogue._catalogs

    def refuse(*_: Any, **__: Any) -> Any:
        raise sqlite3.OperationalError("parser stack overflow")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteCatalog, "_plans", refuse)
        assert store.rows() == everything
    assert store.rows() == everything != []
    assert (catalog_file(store).stat().st_ino, store._finder.catalogue._catalogs) == (inode, catalogs)


@pytest.mark.parametrize("text", ["name:\udcff", '"a\udcff"', "sort:metric.\udcff", "label.\udcff:1"])
def test_text_that_is_no_unicode_is_refused(store: Store, text: str) -> None:
    """As a terminal hands on a byte that is none: no catalog is asked."""
    with pytest.raises(RunstoneError) as caught:
        store.rows(text)
    assert (caught.value.code, caught.value.details["column"]) == ("invalid_query", text.index("\udcff") + 1)
    for run in ("\udcff", "@\udcff"):
        with pytest.raises(RunstoneError) as caught:
            store.get(run)
        assert caught.value.code == "run_not_found"
