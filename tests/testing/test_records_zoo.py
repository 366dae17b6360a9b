"""The suite of port `records` accepts what keeps every promise and refuses each that breaks one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.adapters.fs.records import FsRecords
from runstone.core.digests import sha256_hex
from runstone.ports import records as port
from runstone.ports.records import Added, Lines
from runstone.testing.misrecording import RECORDS_ZOO, Recording
from runstone.testing.records import DurableRecordsSuite, TornRecordsSuite
from runstone.testing.shelf import PlainRecords, Shelf

ACROSS_PROCESSES = {
    "test_what_was_answered_survives_a_kill",
    "test_a_killed_process_holds_nobody_up",
    "test_processes_that_expect_the_same_have_one_winner",
    "test_processes_that_are_alone_do_not_meet",
    "test_a_process_that_dies_alone_lets_go",
    "test_processes_append_whole_lines",
    "test_a_fork_writes_beside_its_parent",
}
"""What a shelf that is a dict cannot have: a child's copy of it is the child's alone."""

TESTS = {name for name in dir(DurableRecordsSuite) if name.startswith("test_")} - ACROSS_PROCESSES
TORN = {name for name in vars(TornRecordsSuite) if name.startswith("test_")}


class ShelfGround:
    """One shelf; records of a kind over it."""

    def __init__(self, kind: type[PlainRecords]) -> None:
        self._kind = kind
        self._shelf = Shelf()

    def make(self) -> PlainRecords:
        return self._kind(self._shelf)

    def tear(self, key: str, tail: bytes) -> None:
        body = self._shelf.bodies.get(key, b"") + tail
        self._shelf.bodies[key], self._shelf.changes[key] = body, 0


def fails(name: str, ground: ShelfGround) -> bool:
    """Whether one test of the suite fails."""
    try:
        getattr(TornRecordsSuite(), name)(ground)
    except Exception:
        return True
    return False


@pytest.mark.parametrize("name", sorted(TESTS | TORN))
def test_suite_accepts_plain_records(name: str) -> None:
    """Those that the zoo is built on pass every test."""
    getattr(TornRecordsSuite(), name)(ShelfGround(PlainRecords))


class MarksByDigest(PlainRecords):
    """Tells of change by the digest of the body, as a store does whose objects have such a tag."""

    def marks(self, prefix: str = "") -> dict[str, str]:
        return {key: sha256_hex(self.shelf.bodies[key]) for key in self.keys(prefix)}


def test_suite_accepts_marks_that_are_digests() -> None:
    """The mark of a body that stood there before may come again."""
    TornRecordsSuite().test_marks_tell_of_change(ShelfGround(MarksByDigest))


@pytest.mark.parametrize("beast", RECORDS_ZOO.values(), ids=RECORDS_ZOO.keys())
def test_suite_refuses(beast: Recording) -> None:
    """The test that is there for a fault fails on the records that have it."""
    assert fails(beast.caught_by, ShelfGround(beast.records))


def test_every_test_of_the_suite_can_fail() -> None:
    """No test of the suite is there for nothing."""
    assert {beast.caught_by for beast in RECORDS_ZOO.values()} == TESTS


class GluesTornLines(PlainRecords):
    """Goes on behind half a line."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        self.put(key, (self.read(key) or b"") + port.joined(lines))
        return b""


class HealsInSilence(PlainRecords):
    """Takes a torn line away and says nothing."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        super().append(key, lines)
        return b""


class CutsWhatIsWhole(PlainRecords):
    """Takes a line without its end for a torn one, whatever it holds."""

    def append(self, key: str, lines: list[bytes]) -> bytes:
        body = self.read(key) or b""
        self.put(key, body[: body.rfind(b"\n") + 1])
        return super().append(key, lines)


class ReadsTornLines(PlainRecords):
    """Gives out half a line as a line."""

    def lines(self, key: str) -> Lines:
        return Lines([line for line in (self.read(key) or b"").split(b"\n") if line], b"")


class TellsTornLines(PlainRecords):
    """Tells half a line as one that was added, and goes on behind it."""

    def added(self, key: str, since: str = "") -> Added:
        body = self.read(key) or b""
        return Added([line for line in body[int(since or 0) :].split(b"\n") if line], str(len(body)), not since)


@pytest.mark.parametrize(
    ("test", "kind"),
    [
        ("test_a_torn_line_is_no_line", ReadsTornLines),
        ("test_a_torn_line_heals_and_is_told", GluesTornLines),
        ("test_a_torn_line_heals_and_is_told", HealsInSilence),
        ("test_a_line_that_lacks_its_end_alone_is_kept", CutsWhatIsWhole),
        ("test_a_torn_line_is_not_told_as_added", TellsTornLines),
        ("test_a_body_of_one_torn_line_heals", GluesTornLines),
    ],
)
def test_suite_refuses_what_does_not_heal(test: str, kind: type[PlainRecords]) -> None:
    """The tests of torn lines can fail as well."""
    assert fails(test, ShelfGround(kind))


class OneProcess:
    """Files, each process with a folder of its own: what another one writes is never seen."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self) -> FsRecords:
        import os

        return FsRecords(str(self._root / str(os.getpid())))

    def tear(self, key: str, tail: bytes) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    "test",
    sorted(ACROSS_PROCESSES - {"test_a_killed_process_holds_nobody_up"} - {"test_a_fork_writes_beside_its_parent"}),
)
def test_suite_refuses_what_other_processes_do_not_see(test: str, tmp_path: Path) -> None:
    """The tests of several processes can fail as well."""
    with pytest.raises((AssertionError, OSError)):
        getattr(DurableRecordsSuite(), test)(OneProcess(tmp_path))
