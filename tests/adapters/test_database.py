"""The file of SQLite that the adapters share."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from runstone.adapters.sqlite.database import Database, ForeignDatabaseError

OURS = 0x52_53_00_01


def database(path: Path, *, format: str = "things/1", application_id: int = OURS, busy_s: float = 20.0) -> Database:
    return Database(
        str(path),
        lambda _: None,
        application_id=application_id,
        format=format,
        tables="CREATE TABLE things (thing TEXT)",
        pragmas=("journal_mode = WAL", "synchronous = FULL"),
        first=("auto_vacuum = INCREMENTAL",),
        busy_s=busy_s,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things.db"


def add(things: Database, thing: str) -> None:
    things.transact("BEGIN IMMEDIATE", lambda db: db.execute("INSERT INTO things VALUES (?)", (thing,)))


def found(things: Database) -> list[str]:
    return things.transact("BEGIN", lambda db: [thing for (thing,) in db.execute("SELECT thing FROM things")])


def test_the_connection_is_made_once(path: Path) -> None:
    """It is the same until it is closed; the file says what it is."""
    things = database(path)
    assert things.open() is things.open()
    assert things.opened == 1
    pragmas = [things.open().execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "auto_vacuum")]
    assert pragmas == [OURS, 2]
    things.close()
    add(things, "a")
    assert (things.opened, found(things)) == (2, ["a"])


@pytest.mark.parametrize(
    ("other", "said"),
    [({"application_id": 7}, "a database of another program"), ({"format": "things/2"}, "one of the format things/2")],
)
def test_what_is_not_ours_is_told_and_left(path: Path, other: dict[str, object], said: str) -> None:
    """Byte for byte."""
    theirs = database(path, **other)  # type: ignore[arg-type]  # of two kinds
    add(theirs, "a")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(ForeignDatabaseError) as told:
        database(path).open()
    assert (told.value.found, path.read_bytes()) == (said, before)


def test_tables_of_nobody_are_another_programs(path: Path) -> None:
    """A database without an id is only ours where it is empty."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE things (thing TEXT)")
    other.close()
    with pytest.raises(ForeignDatabaseError):
        database(path).open()


def test_many_that_make_the_file_at_once_find_one(path: Path) -> None:
    """Threads with a connection each, over and over."""
    for turn in range(10):
        place = path.with_name(f"{turn}.db")
        ready = threading.Barrier(6)
        failures: list[BaseException] = []

        def one(number: int, place: Path = place, ready: threading.Barrier = ready) -> None:
            try:
                things = database(place)
                ready.wait()
                add(things, str(number))
                things.close()
            except BaseException as exc:
                failures.append(exc)  # noqa: B023  # all of one turn are joined in it

        threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert sorted(found(database(place))) == [str(number) for number in range(6)]


class Broke(BaseException):
    """What a caller may raise."""


def test_what_fails_is_taken_back(path: Path) -> None:
    """Whatever was raised; the connection stays."""
    things = database(path)

    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO things VALUES ('half')")
        raise Broke

    with pytest.raises(Broke):
        things.transact("BEGIN IMMEDIATE", half)
    assert (found(things), things.opened) == ([], 1)


def test_a_connection_goes_with_the_failure_of_the_file(path: Path) -> None:
    """What failed to be written is never tried again through it."""
    things = database(path)
    add(things, "a")

    def torn(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO things VALUES ('half')")
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(sqlite3.OperationalError):
        things.transact("BEGIN IMMEDIATE", torn)
    assert (found(things), things.opened) == (["a"], 2)


def test_another_file_in_its_place_is_opened(path: Path) -> None:
    """Nobody would find what is put into the old one."""
    things = database(path)
    add(things, "old")
    for one in path.parent.iterdir():
        one.unlink()
    add(things, "new")
    assert found(database(path)) == ["new"]


def test_who_has_the_file_for_itself_is_waited_for_so_long(path: Path) -> None:
    """Then it is SQLite's own error."""
    things = database(path, busy_s=0.05)
    add(things, "a")
    things.close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("INSERT INTO things VALUES ('b')")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        things.open()
    other.commit()
    other.close()
    assert found(things) == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_a_fork_finds_the_file_closed(path: Path) -> None:
    """While another thread is in a transaction: it is waited for, and both processes go on."""
    things = database(path)
    inside = threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        inside.set()
        threading.Event().wait(0.2)  # the fork begins meanwhile
        db.execute("INSERT INTO things VALUES ('of the thread')")

    def transact() -> None:
        with things.lock:
            things.transact("BEGIN IMMEDIATE", slow)

    thread = threading.Thread(target=transact)
    thread.start()
    inside.wait()
    child = os.fork()
    if not child:
        os._exit(0 if things._connection is None and found(things) == ["of the thread"] else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    add(things, "of the parent")
    assert found(things) == ["of the thread", "of the parent"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_threads_that_fork_at_once_leave_no_lock_held(tmp_path: Path) -> None:
    """Each takes all locks and gives them back, one thread behind the other."""
    script = """
    import faulthandler, os, sys, threading, warnings
    warnings.simplefilter("ignore")
    from runstone.adapters.sqlite.database import Database
    faulthandler.dump_traceback_later(50, exit=True)
    told = {"format": "f/1", "application_id": 7, "tables": "CREATE TABLE t (x)", "pragmas": (), "busy_s": 20.0}
    two = [Database(f"{sys.argv[1]}/{name}", lambda _: None, **told) for name in "ab"]
    both = threading.Barrier(2)
    def fork():
        for _ in range(25):
            for one in two:
                with one.lock:
                    one.open()
            both.wait()
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
    threads = [threading.Thread(target=fork) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in two:
        with one.lock:
            one.open()
    print("done")
    """
    words = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr
