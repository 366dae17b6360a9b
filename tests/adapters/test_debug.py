"""Port `debug`: files of a run that are no part of it, whole or not there, and gone with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runstone.adapters.fs import durable, leftovers
from runstone.adapters.fs.debug import FsDebug
from runstone.adapters.fs.places import Places
from runstone.adapters.memory.debug import MemoryDebug
from runstone.errors import StoreUnavailable
from runstone.ports.debug import Debug
from runstone.testing.ground import code_of
from runstone.testing.racing import RACERS, race

NAME = "0123456789abcdef.age"
Make = Callable[[], Debug]


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Another handle of the same store at each call."""
    if request.param == "disk":
        return lambda: FsDebug(Places(str(tmp_path / "store")))
    memory = MemoryDebug()
    return lambda: memory


def body(debug: Debug, run_id: str, name: str) -> bytes | None:
    pieces = debug.read(run_id, name)
    return None if pieces is None else b"".join(pieces)


def test_what_is_put_can_be_read(make: Make) -> None:
    """By any handle, byte by byte; an empty one, too."""
    bodies = {"a.age": bytes(range(256)), "b.age": b""}
    for name, data in bodies.items():
        make().put("r", name, data)
    assert make().names("r") == ["a.age", "b.age"]
    assert {name: body(make(), "r", name) for name in bodies} == bodies


def test_nothing_is_where_nothing_was_put(make: Make) -> None:
    """No names, no bytes, and nothing to take away."""
    debug = make()
    debug.remove("r")
    assert (debug.names("r"), debug.read("r", NAME)) == ([], None)


def test_a_name_is_taken_once(make: Make) -> None:
    """The first body stands."""
    make().put("r", NAME, b"one")
    assert code_of(lambda: make().put("r", NAME, b"two")) == "file_exists"
    assert body(make(), "r", NAME) == b"one"


def test_runs_are_apart(make: Make) -> None:
    """A run's files go, and those of another stay."""
    debug = make()
    debug.put("r", NAME, b"one")
    debug.put("r2", NAME, b"two")
    debug.remove("r")
    assert (debug.names("r"), body(debug, "r2", NAME)) == ([], b"two")


def test_threads_put_at_once(make: Make) -> None:
    """Each its own file."""
    race(lambda racer: make().put("r", f"{racer}.age", str(racer).encode()))
    assert len(make().names("r")) == RACERS


# on disk


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A store's folder."""
    return Places(str(tmp_path / "store"))


def test_a_file_is_its_owners(places: Places) -> None:
    """Nobody else reads it, and nothing of its making is left."""
    FsDebug(places).put("r", NAME, b"one")
    path = Path(places.root, ".runstone/debug/r", NAME)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o600)
    assert list(Path(places.temporary).iterdir()) == []


def test_a_sync_that_fails_is_an_error(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is given to bytes that may not be there; nothing is left of them."""
    FsDebug(places).put("r", "first.age", b"")

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync", failing)
    assert code_of(lambda: FsDebug(places).put("r", NAME, b"one")) == "store_unavailable"
    assert (FsDebug(places).names("r"), list(Path(places.temporary).iterdir())) == (["first.age"], [])


def test_a_link_is_not_followed(places: Places, tmp_path: Path) -> None:
    """Neither to be read, nor as the folder that is taken away."""
    debug = FsDebug(places)
    debug.put("r", "first.age", b"")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_bytes(b"kept")
    Path(places.root, ".runstone/debug/r", NAME).symlink_to(tmp_path / "elsewhere/file")
    Path(places.root, ".runstone/debug/s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable):
        debug.read("r", NAME)
    debug.remove("r")
    debug.remove("s")
    assert (tmp_path / "elsewhere/file").read_bytes() == b"kept"
    assert list(Path(places.root, ".runstone/debug").iterdir()) == []


def test_files_of_a_run_that_is_gone_are_swept(places: Places) -> None:
    """And told as leftovers before."""
    FsDebug(places).put("r", NAME, b"one")
    (found,) = leftovers.leftovers(places)
    assert (found.name, found.size_bytes) == (".runstone/debug/r", 3)
    assert leftovers.sweep(places) == [found]
    assert FsDebug(places).names("r") == []
