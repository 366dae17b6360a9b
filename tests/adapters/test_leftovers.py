"""What dead processes left in a store's temporary folder, and what living ones hold there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.adapters.fs import durable, leftovers
from runstone.adapters.fs.journals import FsJournals
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.places import Places
from runstone.core.layout import MANIFEST
from runstone.testing.ground import code_of, contents


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A store on disk."""
    places = Places(str(tmp_path / "runs"))
    places.prepare()
    return places


@pytest.fixture
def grown_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything has been there for longer than the moment between the making of a thing and its lock."""
    monkeypatch.setattr(leftovers, "MIN_AGE_S", -1e9)


def names(places: Places) -> list[str]:
    """What is in the temporary folder."""
    return sorted(os.listdir(places.temporary))


DIE_HALFWAY = """
import os, signal, sys
from runstone.adapters.fs.journals import FsJournals
from runstone.adapters.fs.objects import FsObjects
from runstone.adapters.fs.places import Places
places = Places(sys.argv[1])
stage = FsObjects(places).stage("run")
stage.put("artifacts/deep/er", [b"half a bundle"])
def pieces():
    yield b"half a file"
    os.kill(os.getpid(), signal.SIGKILL)
FsJournals(places).create("open").keep("artifacts/x", pieces())
"""


@pytest.mark.usefixtures("grown_old")
def test_what_a_killed_process_left_is_swept(places: Places) -> None:
    """A stage that was being made when its process was killed is told with its size, and goes. A file that was on its
    way into a run is none of the run's, and goes with it."""
    done = subprocess.run([sys.executable, "-c", DIE_HALFWAY, places.root], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    journals = FsJournals(places)
    assert [left.size_bytes for left in journals.leftovers()] == [13]
    assert (len(journals.sweep()), names(places), journals.sweep(), journals.open_ids()) == (1, [], [], ["open"])
    (half,) = (path for path in Path(places.root).rglob("*") if path.is_file() and path.read_bytes() == b"half a file")
    left = journals.take("open")
    assert left is not None
    assert left.kept() == []
    left.remove(free_id=True)
    assert not half.exists()


@pytest.mark.usefixtures("grown_old")
def test_stage_of_a_living_process_is_let_be(places: Places) -> None:
    """A bundle that is being put together is not swept, and is committed afterwards as if nothing had been."""
    store, journals = FsObjects(places), FsJournals(places)
    stage = store.stage("run")
    stage.put("a", [b"a"])
    assert (journals.leftovers(), journals.sweep()) == ([], [])
    stage.put(MANIFEST, [b"{}"])
    assert stage.commit() == "created"
    assert contents(store, "run") == {"a": b"a", MANIFEST: b"{}"}


@pytest.mark.usefixtures("grown_old")
def test_file_of_a_living_process_is_let_be(places: Places) -> None:
    """A file that is being kept is not swept under the hands of who keeps it."""
    journals = FsJournals(places)

    def pieces() -> Iterator[bytes]:
        yield b"one"
        assert journals.sweep() == []
        yield b"two"

    assert journals.create("a").keep("artifacts/x", pieces()).size == 6


@pytest.mark.usefixtures("grown_old")
def test_nothing_that_is_made_is_ever_swept(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever a thing gets its final name, a sweep at that moment takes nothing."""
    swept, place_new, publish = [], durable.place_new, durable.publish_folder

    def before(action):
        def act(*paths):
            assert names(places)
            swept.extend(leftovers.sweep(places))
            return action(*paths)

        return act

    monkeypatch.setattr(durable, "place_new", before(place_new))
    monkeypatch.setattr(durable, "publish_folder", before(publish))
    FsJournals(places).create("a").keep("artifacts/x", [b"x"])
    stage = FsObjects(places).stage("b")
    stage.put(MANIFEST, [b"{}"])
    stage.commit()
    assert swept == []


def test_what_is_young_is_let_be(places: Places) -> None:
    """Between the making of a thing and its lock there is a moment; what is younger than a minute is not touched."""
    Path(places.temporary, "young").write_bytes(b"x")
    Path(places.temporary, "old").write_bytes(b"x")
    os.utime(Path(places.temporary, "old"), (0, 0))
    assert [left.name for left in FsJournals(places).sweep()] == ["old"]
    assert names(places) == ["young"]


@pytest.mark.usefixtures("grown_old")
def test_second_name_of_a_lease_goes_and_the_lease_stays(places: Places) -> None:
    """A process that died while it gave its lease the name left two names; sweeping takes the temporary one."""
    journals = FsJournals(places)
    run = journals.create("a")
    second = places.new_temporary()
    os.link(places.at(".runstone/lease/a"), second)
    assert journals.sweep() == []  # its process lives
    run.close()
    assert [left.name for left in journals.sweep()] == [os.path.basename(second)]
    assert code_of(lambda: journals.create("a")) == "run_exists"


def lease_of_nothing(places: Places) -> None:
    """Leave what an import leaves that is killed between its claim and its rename."""
    os.close(durable.claim(places.at(".runstone/lease/a"), places.new_temporary(), b"A"))


@pytest.mark.usefixtures("grown_old")
def test_id_that_a_killed_import_claimed_is_freed(places: Places) -> None:
    """A lease of nothing is left over; swept, its id can be taken again."""
    journals = FsJournals(places)
    lease_of_nothing(places)
    assert code_of(lambda: journals.create("a")) == "run_exists"
    assert [left.name for left in journals.leftovers()] == [".runstone/lease/a"]
    assert [left.name for left in journals.sweep()] == [".runstone/lease/a"]
    journals.create("a").close()


def test_id_that_was_just_claimed_is_not_freed(places: Places) -> None:
    """Who claims a bundle's id gives it its name next."""
    lease_of_nothing(places)
    assert FsJournals(places).sweep() == []


@pytest.mark.usefixtures("grown_old")
@pytest.mark.parametrize("lost", ["bundle", "open run"])
def test_id_of_a_run_is_not_freed(places: Places, lost: str) -> None:
    """A lease beside a bundle or an open run stays, and so does one that somebody holds."""
    journals = FsJournals(places)
    if lost == "bundle":
        stage = FsObjects(places).stage("A")
        stage.put(MANIFEST, [b"{}"])
        stage.commit()
    else:
        journals.create("A").close()
    held = journals.create("held")
    durable.remove_tree(places.at(".runstone/open/held"))
    assert journals.sweep() == []
    assert sorted(os.listdir(places.leases)) == ["a", "held"]
    held.close()


@pytest.mark.usefixtures("grown_old")
def test_id_that_gets_its_run_meanwhile_is_not_freed(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the lock an import may come to its name: with the lock held it is looked once more."""
    lease_of_nothing(places)
    lock = places.lock_lease

    def late(self: Places, run_id: str) -> int | None:
        os.mkdir(places.at("A"))
        return lock(run_id)

    monkeypatch.setattr(Places, "lock_lease", late)
    assert FsJournals(places).sweep() == []
    assert os.listdir(places.leases) == ["a"]


@pytest.mark.usefixtures("grown_old")
def test_link_is_not_followed(places: Places, tmp_path: Path) -> None:
    """What a link points at is not swept, and its size is not told."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_bytes(b"x" * 1000)
    folder = Path(places.temporary, "stage")
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "precious")
    [left] = FsJournals(places).sweep()
    assert left.size_bytes < 1000
    assert (tmp_path / "precious/file").exists()


def test_store_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    """Asking makes no store."""
    journals = FsJournals(Places(str(tmp_path / "absent")))
    assert (journals.leftovers(), journals.sweep(), list(tmp_path.iterdir())) == ([], [], [])


def test_what_children_left_for_an_open_run_is_let_be(places: Places) -> None:
    """It is swept when the run is open no more, whatever its age."""
    journals = FsJournals(places)
    run = journals.create("parent")
    journals.adopt("parent", "child")
    run.close()
    assert (journals.leftovers(), journals.sweep()) == ([], [])
    left = journals.take("parent")
    assert left is not None
    left.remove(free_id=True)
    left.release()
    assert [found.name for found in journals.leftovers()] == [".runstone/children/parent"]
    assert [found.name for found in journals.sweep()] == [".runstone/children/parent"]
    assert os.listdir(places.at(".runstone/children")) == []


@pytest.mark.parametrize("goes_on", [True, False], ids=["to a folder", "back to a spool"])
def test_a_run_that_moves_meanwhile_is_open(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    """Its folder comes, or goes again, while the spools are asked, which do not count it at that moment."""
    journals = FsJournals(places)
    run = journals.create("parent")
    journals.adopt("parent", "child")
    run.close()
    folder, elsewhere = Path(places.open, "parent"), tmp_path / "parent"
    if goes_on:
        folder.rename(elsewhere)

    def moves(_: Places) -> list[str]:
        elsewhere.rename(folder) if goes_on else folder.rename(elsewhere)
        return []

    monkeypatch.setattr(Places, "spooled_ids", moves)
    monkeypatch.setattr(leftovers, "_empty_leases", lambda _: [])
    assert journals.leftovers() == []


@pytest.mark.usefixtures("grown_old")
def test_names_that_went_are_gone_for_good_before_files_are_swept(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge that was killed may have taken a bundle's name and not synced that: half a bundle must not come back."""
    os.mkdir(os.path.join(places.temporary, "taken"))
    calls: list[tuple[str, str]] = []
    for name in ("sync_folder", "remove_tree"):
        monkeypatch.setattr(durable, name, lambda path, name=name: calls.append((name, path)))
    leftovers.sweep(places)
    assert calls == [("sync_folder", places.root), ("remove_tree", os.path.join(places.temporary, "taken"))]
