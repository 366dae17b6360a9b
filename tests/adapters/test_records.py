"""All adapters keep the promises of port `records`; and what is theirs alone: files as they are known, and a disk that
fails."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from runstone.adapters.fs import durable
from runstone.adapters.fs.records import FsRecords
from runstone.adapters.memory.records import MemoryRecords
from runstone.adapters.sqlite.records import SqliteRecords
from runstone.core.digests import digest_of
from runstone.locate import open_records
from runstone.ports.records import Records, WholeRecords
from runstone.testing.ground import code_of
from runstone.testing.records import DurableRecordsSuite, RecordsSuite, TornRecordsSuite


class MemoryGround:
    """Every handle is the same object."""

    def __init__(self) -> None:
        self._records = MemoryRecords()

    def make(self) -> Records:
        return self._records


class FsGround:
    """A folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> FsRecords:
        return FsRecords(str(self.root))

    def tear(self, key: str, tail: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(tail)


class SqliteGround:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> SqliteRecords:
        return SqliteRecords(str(self.path))


class TestMemoryRecords(RecordsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround()


class Objects(WholeRecords):
    """What a store of objects can do, with its compare-and-swap; lines and marks are `WholeRecords`'."""

    def __init__(self, inner: MemoryRecords) -> None:
        self.inner = inner
        self.properties, self.place = inner.properties, inner.place
        self.read, self.replace, self.keys, self.remove = inner.read, inner.replace, inner.keys, inner.remove


class ObjectsGround:
    """Handles over the same objects."""

    def __init__(self) -> None:
        self._inner = MemoryRecords()

    def make(self) -> Records:
        return Objects(self._inner)


class TestWholeRecords(RecordsSuite):
    """The suite: lines are added by what was expected, and none is lost."""

    @pytest.fixture
    def ground(self) -> ObjectsGround:
        return ObjectsGround()


class TestFsRecords(TornRecordsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> FsGround:
        return FsGround(tmp_path / "records")


class TestSqliteRecords(DurableRecordsSuite):
    """The suite."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> SqliteGround:
        return SqliteGround(tmp_path / "deep" / "records.db")


# which is opened


def test_a_url_opens_its_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path or `file:` a folder, `sqlite:` a file, `memory:` this process; opening writes nothing."""
    monkeypatch.chdir(tmp_path)
    opened = {url: open_records(url) for url in ("here", "file:there", "sqlite:db", "sqlite://db2", "memory:")}
    kinds = [type(records) for records in opened.values()]
    assert kinds == [FsRecords, FsRecords, SqliteRecords, SqliteRecords, MemoryRecords]
    assert list(tmp_path.iterdir()) == []
    for records in opened.values():
        records.replace("a/b", b"c")
    assert {path.name for path in tmp_path.iterdir()} >= {"here", "there", "db", "db2"}
    for wrong in ("s3://x", "", "sqlite:", "sqlite://", "file:", "file://", b"here", 7):
        assert code_of(lambda url=wrong: open_records(url)) == "unsupported_store"


# files


def test_a_record_is_a_file_at_its_key(tmp_path: Path) -> None:
    """Its bytes are the body's, and what else is there is in `.runstone` alone, with no temporary left."""
    records = FsRecords(str(tmp_path))
    records.replace("state/runs/1.json", b"{}")
    records.append("index.jsonl", [b"1"])
    assert (tmp_path / "state/runs/1.json").read_bytes() == b"{}"
    assert (tmp_path / "index.jsonl").read_bytes() == b"1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".runstone", "index.jsonl", "state"]
    assert [path for path in (tmp_path / ".runstone").rglob("*") if path.suffix == ".tmp"] == []


def test_a_place_is_spelled_as_the_root_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative root has relative places, and stays where it was when the program goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    records = FsRecords("artifacts")
    monkeypatch.chdir("/")
    records.replace("a/b.json", b"{}")
    assert records.place("a/b.json") == "artifacts/a/b.json"
    assert (tmp_path / "artifacts/a/b.json").read_bytes() == b"{}"


def test_a_temporary_of_a_dead_process_is_taken_away(tmp_path: Path) -> None:
    """By the next one that writes under the same lock."""
    records = FsRecords(str(tmp_path))
    records.replace("a", b"1")
    left = Path(f"{records.stripe('a')}.tmp")
    left.write_bytes(b"half")
    records.replace("a", b"2")
    assert (records.read("a"), left.exists()) == (b"2", False)


def test_a_replacement_that_cannot_be_synced_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one stands, and the error says so."""
    records = FsRecords(str(tmp_path))
    records.replace("a", b"old")

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "sync", failing)
        assert code_of(lambda: records.replace("a", b"new")) == "store_unavailable"
    assert records.read("a") == b"old"
    assert [path.name for path in (tmp_path / ".runstone" / "records").iterdir() if path.suffix] == []
    assert records.replace("a", b"new", expected=digest_of(b"old"))


def test_lines_that_do_not_fit_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the midst of a line: what was there stands, and goes on later."""
    records = FsRecords(str(tmp_path))
    records.append("a", [b"1"])

    def full(fd: int, data: bytes) -> None:
        os.write(fd, data[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "write_all", full)
        assert code_of(lambda: records.append("a", [b"22", b"33"])) == "store_unavailable"
    assert records.read("a") == b"1\n"
    assert records.append("a", [b"4"]) == b""
    assert records.read("a") == b"1\n4\n"


def test_a_name_is_durable_whoever_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that another handle has removed or replaced has another name in the folder: it is synced once again."""
    mine, theirs = FsRecords(str(tmp_path / "records")), FsRecords(str(tmp_path / "records"))
    synced: list[str] = []
    sync_folder = durable.sync_folder
    monkeypatch.setattr(durable, "sync_folder", lambda path: (synced.append(path), sync_folder(path)))

    def syncs() -> int:
        synced.clear()
        mine.append("logs/x.jsonl", [b"1"])
        return synced.count(str(tmp_path / "records" / "logs"))

    assert (syncs(), syncs()) == (1, 0)
    theirs.remove("logs/x.jsonl")
    assert (syncs(), syncs()) == (1, 0)
    theirs.replace("logs/x.jsonl", b"2\n")
    assert (syncs(), syncs()) == (1, 0)
    mine.remove("logs/x.jsonl")
    assert (syncs(), syncs()) == (1, 0)


def test_a_name_that_was_not_synced_is_synced_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the folder's sync fails the lines are there and not promised; whoever appends next asks for it again."""
    mine, theirs = FsRecords(str(tmp_path)), FsRecords(str(tmp_path))
    for records in (mine, theirs):
        records.append("x.jsonl", [b"0"])
    theirs.remove("x.jsonl")
    synced: list[str] = []

    def failing(path: str) -> None:
        synced.append(path)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync_folder", failing)
    for number, records in enumerate((mine, mine, theirs), 1):
        assert code_of(lambda records=records: records.append("x.jsonl", [b"1"])) == "store_unavailable"
        assert (synced, mine.read("x.jsonl")) == ([str(tmp_path)] * number, b"1\n" * number)


def test_lines_that_somebody_else_has_changed_are_all_new(tmp_path: Path) -> None:
    """Written anew in place, as an editor does it; or another file, of which the last line is as it was."""
    records = FsRecords(str(tmp_path))
    records.append("index.jsonl", [b'{"n":1}', b'{"n":2}'])
    found = records.added("index.jsonl")
    (tmp_path / "index.jsonl").write_bytes(b'{"n":1}\n{"n":3}\n{"n":4}\n')
    again = records.added("index.jsonl", found.mark)
    assert (again.lines, again.anew) == ([b'{"n":1}', b'{"n":3}', b'{"n":4}'], True)
    (tmp_path / "other").write_bytes(b'{"n":5}\n{"n":3}\n{"n":4}\n')
    (tmp_path / "other").replace(tmp_path / "index.jsonl")
    found = records.added("index.jsonl", again.mark)
    assert (found.lines, found.anew) == ([b'{"n":5}', b'{"n":3}', b'{"n":4}'], True)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link where a record stands is an error, and what it leads to is as it was."""
    (tmp_path / "elsewhere").write_bytes(b"secret\n")
    records = FsRecords(str(tmp_path / "records"))
    records.replace("a", b"1")
    (tmp_path / "records" / "link").symlink_to(tmp_path / "elsewhere")
    assert code_of(lambda: records.read("link")) == "store_unavailable"
    assert code_of(lambda: records.append("link", [b"1"])) == "store_unavailable"
    assert records.keys() == ["a"]
    records.replace("link", b"mine")
    assert ((tmp_path / "elsewhere").read_bytes(), records.read("link")) == (b"secret\n", b"mine")


def test_a_torn_line_is_read_where_nobody_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot have locks: what is whole is read, and what is torn is told."""
    (tmp_path / "a").write_bytes(b"1\n{")

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refused)
    assert FsRecords(str(tmp_path)).lines("a") == ([b"1"], b"{")
    assert code_of(lambda: FsRecords(str(tmp_path)).append("a", [b"2"])) == "store_unavailable"


# SQLite


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written to it."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE theirs (a)")
    theirs.close()
    before = path.read_bytes()
    assert code_of(lambda: SqliteRecords(str(path)).replace("a", b"")) == "store_unavailable"
    assert code_of(lambda: SqliteRecords(str(path)).read("a")) == "store_unavailable"
    assert path.read_bytes() == before


def test_another_file_in_its_place_is_told(tmp_path: Path) -> None:
    """One that was made anew: all its lines are new, and its marks are others, though as much was written to it."""
    path = tmp_path / "db"
    mine = SqliteRecords(str(path))
    mine.append("index.jsonl", [b'{"n":1}'])
    mine.replace("one", b"mine")
    found, marks = mine.added("index.jsonl"), mine.marks()
    for part in tmp_path.iterdir():
        part.unlink()
    theirs = SqliteRecords(str(path))
    theirs.append("index.jsonl", [b'{"other":1}'])
    theirs.replace("one", b"theirs")
    again = mine.added("index.jsonl", found.mark)
    assert (again.lines, again.anew) == ([b'{"other":1}'], True)
    assert set(marks.items()).isdisjoint(mine.marks().items())


def test_an_older_copy_in_its_place_is_told(tmp_path: Path) -> None:
    """What was written since the copy was made is not taken for what another one writes to it."""
    path, copy = tmp_path / "db", tmp_path / "copy"
    mine = SqliteRecords(str(path))
    mine.append("index.jsonl", [b'{"n":1}'])
    mine.replace("still", b"still")
    old = mine.added("index.jsonl")
    mine.close()
    copy.write_bytes(path.read_bytes())
    mine.append("index.jsonl", [b'{"n":2}'])
    mine.replace("one", b"mine")
    found, marks = mine.added("index.jsonl", old.mark), mine.marks()
    mine.close()
    copy.replace(path)
    theirs = SqliteRecords(str(path))
    theirs.append("index.jsonl", [b'{"n":3}'])
    theirs.replace("one", b"theirs")
    again = mine.added("index.jsonl", found.mark)
    assert (again.lines, again.anew) == ([b'{"n":1}', b'{"n":3}'], True)
    assert mine.added("index.jsonl", old.mark).lines == [b'{"n":3}']
    assert {key for key, mark in mine.marks().items() if marks[key] == mark} == {"still"}


def test_every_transaction_is_synced(tmp_path: Path) -> None:
    """What is answered survives power loss: SQLite is told to sync, whatever its default."""
    records = SqliteRecords(str(tmp_path / "db"))
    records.replace("a", b"")
    assert records._database.open().execute("PRAGMA synchronous").fetchone() == (2,)
    assert records._database.open().execute("PRAGMA journal_mode").fetchone() == ("wal",)
