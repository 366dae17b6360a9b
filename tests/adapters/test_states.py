"""Both adapters keep the promises of port `states`, its suite refuses those that do not, and what SQLite's does with a
file that is not what it should be."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from shutil import copyfile

import pytest

import runstone
from runstone.adapters.memory.states import MemoryStates
from runstone.adapters.sqlite import copying
from runstone.adapters.sqlite.states import FORMAT, SqliteStates
from runstone.ports.states import Found, NewRecord, Place, Record, States, Step, Use, Write
from runstone.testing.ground import code_of
from runstone.testing.states import HERE, DurableStatesSuite, StatesSuite, add, joined, text_of, write


class MemoryGround:
    """Every handle is the same object."""

    def __init__(self, states: States) -> None:
        self._states = states

    def make(self) -> States:
        return self._states


class SqliteGround:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> SqliteStates:
        return SqliteStates(str(self.path))


class TestMemoryStates(StatesSuite):
    """The suite."""

    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround(MemoryStates())


class TestSqliteStates(DurableStatesSuite):
    """The suite, with what holds of several processes."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> SqliteGround:
        return SqliteGround(tmp_path / "some" / "states.db")


# the zoo: each is nothing but its fault


class ForgetsTheParent(MemoryStates):
    """Keeps a step without where it came from."""

    def put(self, step, records, kept):
        return super().put(step._replace(parent=None if not step.parent else step.parent), records, kept)


class MakesPlaces(MemoryStates):
    """A question makes what it asks for."""

    def get(self, place, step):
        found = super().get(place, step)
        if found is None and step is not None and super().get(place, None) is not None:
            super().put(Step(place, step, None, (), b""), [], [])
            return super().get(place, step)
        return found


class IgnoresCase(MemoryStates):
    """Takes namespaces that differ in case for one."""

    def put(self, step, records, kept):
        place = Place(step.place.thread, step.place.namespace.lower())
        return super().put(step._replace(place=place), records, kept)

    def get(self, place, step):
        return super().get(Place(place.thread, place.namespace.lower()), step)

    def chain(self, place, number):
        return super().chain(Place(place.thread, place.namespace.lower()), number)


class LastPut(MemoryStates):
    """Takes the step that was put last for the last one."""

    _put: dict[Place, str]

    def put(self, step, records, kept):
        self._put = {**getattr(self, "_put", {}), step.place: step.step}
        return super().put(step, records, kept)

    def get(self, place, step):
        return super().get(place, getattr(self, "_put", {}).get(place) if step is None else step)


class ByUtf16(MemoryStates):
    """Orders names as languages do whose texts are UTF-16."""

    def get(self, place, step):
        if step is None:
            names = [found.step.step for found in super().steps(place, None, 99)]
            step = max(names, key=lambda name: name.encode("utf-16-be"), default=None)
        return super().get(place, step)


class WithTheOne(MemoryStates):
    """Lists the step itself among those before it."""

    def steps(self, place, before, limit):
        return super().steps(place, None if before is None else before + "\0", limit)


class AllAtOnce(MemoryStates):
    """Knows no limit."""

    def steps(self, place, before, limit):
        return super().steps(place, before, 10**9)


class PlacesOfWrites(MemoryStates):
    """Lists places that hold no step."""

    def places(self, thread, after, limit):
        return sorted([*super().places(thread, after, 10**9), Place("c", "")])[:limit]


class ChainOfOne(MemoryStates):
    """Gives the record without what it rests on."""

    def chain(self, place, number):
        return super().chain(place, number)[-1:]


class ChainBackwards(MemoryStates):
    """The last one first."""

    def chain(self, place, number):
        return super().chain(place, number)[::-1]


class ChainOfAnyPlace(MemoryStates):
    """Asks nobody whose record it is."""

    def chain(self, place, number):
        return next(filter(None, (there.chain(number) for there in self._spaces.values())), [])


class KeepsFirst(MemoryStates):
    """Tells what was kept before what is new."""

    def get(self, place, step):
        found = super().get(place, step)
        return found and Found(found.step, found.uses[::-1])


class TakesAnything(MemoryStates):
    """Rests on what is not there."""

    def put(self, step, records, kept):
        there = self._spaces.get(step.place)
        known = there.records if there else {}
        records = [one if one.base in known else one._replace(base=None) for one in records]
        return super().put(step, records, [number for number in kept if number in known])


class CountsAnew(MemoryStates):
    """Gives the number of a record that is gone to the next one."""

    def put(self, step, records, kept):
        self._last = max((number for there in self._spaces.values() for number in there.records), default=0)
        return super().put(step, records, kept)


class KeepsTheOld(MemoryStates):
    """The first step of a name stands."""

    def put(self, step, records, kept):
        found = super().get(step.place, step.step)
        numbers = super().put(step, records, kept)
        if found is not None:
            self._spaces[step.place].steps[step.step] = (found.step, [use.number for use in found.uses])
        return numbers


class PullsTheReplaced(MemoryStates):
    """Deletes what replaced steps were made of, and tells nobody who rests on it."""

    def put(self, step, records, kept, rewrite=None):
        return super().put(step, records, kept, rewrite and (lambda place, chain, stays: (stays, chain[-1].data)))


class DropsWritesOnPut(MemoryStates):
    """A step that is put again loses its writes."""

    def put(self, step, records, kept):
        if step.place in self._spaces:
            self._spaces[step.place].writes.pop(step.step, None)
        return super().put(step, records, kept)


class AsTheyCame(MemoryStates):
    """Lists writes in the order in which they came."""

    def writes(self, place, step):
        there = self._spaces.get(place)
        return list(there.writes.get(step, {}).values()) if there else []


class LastWrite(MemoryStates):
    """The last write of an index stands."""

    def add_writes(self, place, step, writes):
        there = self._spaces.get(place)
        for one in writes if there else ():
            there.writes.get(step, {}).pop((one.task, one.at), None)
        super().add_writes(place, step, writes)


class FirstWrite(MemoryStates):
    """The first write of an index stands, below 0 too."""

    def add_writes(self, place, step, writes):
        known = {(one.task, one.at) for one in super().writes(place, step)}
        super().add_writes(place, step, [one for one in writes if (one.task, one.at) not in known])


class FirstRun(MemoryStates):
    """Finds a step by the first of its runs alone."""

    def steps_of(self, runs):
        return [(place, name) for place, name in super().steps_of(runs) if self.get(place, name).step.runs[0] in runs]


class OncePerRun(MemoryStates):
    """Lists a step once for each run."""

    def steps_of(self, runs):
        return [found for run in runs for found in super(OncePerRun, self).steps_of([run])]


class LeavesWrites(MemoryStates):
    """Deletes a step without its writes."""

    def remove(self, gone, rewrite):
        kept = {place: dict(there.writes) for place, there in self._spaces.items()}
        count = super().remove(gone, rewrite)
        for place, writes in kept.items():
            if place in self._spaces:
                self._spaces[place].writes = writes
        return count


class CountsAsked(MemoryStates):
    """Tells how many it was asked for."""

    def remove(self, gone, rewrite):
        super().remove(gone, rewrite)
        return sum(map(len, gone.values()))


class LeavesRecords(MemoryStates):
    """Deletes a step and leaves what it was made of."""

    def remove(self, gone, rewrite):
        kept = {place: dict(there.records) for place, there in self._spaces.items()}
        count = super().remove(gone, rewrite)
        for place, there in self._spaces.items():
            there.records = {**kept.get(place, {}), **there.records}
        return count


class WritesWhole(MemoryStates):
    """Writes anew as if nothing of the chain stayed."""

    def remove(self, gone, rewrite):
        return super().remove(gone, lambda place, chain, stays: rewrite(place, chain, None))


class PullsTheBase(MemoryStates):
    """Deletes what others rest on, and tells them nothing."""

    def remove(self, gone, rewrite):
        return super().remove(gone, lambda place, chain, stays: (stays, chain[-1].data))


class HalfRemoved(MemoryStates):
    """Deletes steps before it knows whether it can."""

    def remove(self, gone, rewrite):
        for place, names in gone.items():
            for name in names:
                if place in self._spaces:
                    self._spaces[place].steps.pop(name, None)
        return super().remove(gone, rewrite)


class ByPrefix(MemoryStates):
    """Deletes every thread whose name begins so."""

    def remove_thread(self, thread):
        names = {place.thread for place in self._spaces if place.thread.startswith(thread)}
        return sum(super(ByPrefix, self).remove_thread(name) for name in names)


class RootOnly(MemoryStates):
    """Deletes and copies the namespace without a name alone."""

    def remove_thread(self, thread):
        there = self._spaces.pop(Place(thread, ""), None)
        return len(there.steps) if there else 0


class SharesTheCopy(MemoryStates):
    """Copies a thread by giving it a second name."""

    def copy(self, source, target, carry):
        super().copy(source, target, carry)
        for place in [place for place in self._spaces if place.thread == target]:
            self._spaces[place] = self._spaces[Place(source, place.namespace)]
        return sum(len(there.steps) for place, there in self._spaces.items() if place.thread == target)


class CopiesOver(MemoryStates):
    """Copies over what is there."""

    def copy(self, source, target, carry):
        if source != target:
            self.remove_thread(target)
        return super().copy(source, target, carry)


class HalfCopied(MemoryStates):
    """Leaves what it had copied when it failed."""

    def copy(self, source, target, carry):
        try:
            return super().copy(source, target, carry)
        except ZeroDivisionError:
            self.put(Step(Place(target, ""), "1", None, (), b""), [], [])
            raise


class MarksAgain(MemoryStates):
    """The last mark stands."""

    def mark(self, text):
        self._mark = text if text is not None else self._mark
        return self._mark


class MarksByAsking(MemoryStates):
    """A question is a mark."""

    def mark(self, text):
        return super().mark(text or "asked")


class StaysClosed(MemoryStates):
    """Loses everything when it is closed."""

    def close(self):
        self._spaces = {}


class RefusesAtRandom(MemoryStates):
    """Puts half a step when what it rests on goes at the same time."""

    def put(self, step, records, kept):
        if step.place.thread.startswith("race"):
            super().put(step, [], [])
            records = [one._replace(base=None, data=b"?") for one in records]
        return super().put(step, records, kept)


class LosesUnderThreads(MemoryStates):
    """Takes a number twice where two put at once."""

    def put(self, step, records, kept):
        if step.step.endswith(".3"):
            return [0] * len(records)
        return super().put(step, records, kept)


class Moody(MemoryStates):
    """Answers a mark of its own to each that asks."""

    def mark(self, text):
        super().mark(text)
        return text


ZOO = {
    "test_a_step_is_read_as_it_was_put": [ForgetsTheParent, KeepsFirst],
    "test_what_is_not_there_is_none": [MakesPlaces],
    "test_names_are_apart": [IgnoresCase],
    "test_the_last_step_is_the_last_by_name": [LastPut, ByUtf16],
    "test_steps_are_listed_from_the_last": [WithTheOne, AllAtOnce],
    "test_places_are_listed_in_order": [PlacesOfWrites],
    "test_a_chain_begins_with_what_is_whole": [ChainOfOne, ChainBackwards, ChainOfAnyPlace],
    "test_a_step_keeps_records_of_others": [KeepsFirst],
    "test_a_put_on_what_is_not_there_stores_nothing": [TakesAnything],
    "test_numbers_are_never_given_twice": [CountsAnew],
    "test_a_step_that_is_put_again_is_the_new_one": [KeepsTheOld, DropsWritesOnPut],
    "test_what_rested_on_replaced_steps_stays": [PullsTheReplaced],
    "test_writes_are_listed_in_order": [AsTheyCame],
    "test_the_first_write_of_an_index_stands": [LastWrite, FirstWrite],
    "test_steps_are_found_by_their_runs": [FirstRun, OncePerRun],
    "test_removed_steps_are_gone_and_no_other": [LeavesWrites, CountsAsked],
    "test_records_of_removed_steps_are_gone": [LeavesRecords],
    "test_what_rested_on_a_removed_step_is_written_anew": [WritesWhole, PullsTheBase],
    "test_a_removal_that_fails_changes_nothing": [HalfRemoved],
    "test_a_removed_thread_is_gone_and_no_other": [ByPrefix, RootOnly],
    "test_a_copy_is_whole_and_its_own": [SharesTheCopy],
    "test_nothing_is_copied_over_what_is_there": [CopiesOver],
    "test_a_copy_that_fails_copies_nothing": [HalfCopied],
    "test_a_mark_is_made_once": [MarksAgain, MarksByAsking],
    "test_a_closed_store_goes_on": [StaysClosed],
    "test_any_sequence_of_calls_agrees_with_a_dict": [PullsTheBase, KeepsTheOld],
    "test_threads_put_side_by_side": [LosesUnderThreads],
    "test_threads_that_mark_at_once_agree": [Moody],
    "test_a_put_beside_what_another_removes_is_whole_or_refused": [RefusesAtRandom],
}


@pytest.mark.parametrize(("test", "beast"), [(test, beast) for test, beasts in ZOO.items() for beast in beasts])
def test_the_suite_refuses(test: str, beast: type[MemoryStates]) -> None:
    """The test that is there for a fault fails on the adapter that has it."""
    with pytest.raises(Exception):  # noqa: B017  # an assertion, or what the broken store comes to
        getattr(StatesSuite(), test)(MemoryGround(beast()))


class Apart:
    """A store for each handle, and nothing between them."""

    def make(self) -> States:
        return MemoryStates()


def test_the_suite_refuses_states_that_others_do_not_see() -> None:
    """What is put through one handle is there through another."""
    with pytest.raises(Exception):  # noqa: B017  # as above
        StatesSuite().test_others_see_what_was_put(Apart())


def test_every_test_of_the_suite_can_fail() -> None:
    """No test is there for nothing: for each there is a store that it refuses."""
    tests = {name for name in dir(StatesSuite) if name.startswith("test_")}
    assert {*ZOO, "test_others_see_what_was_put"} == tests


@pytest.mark.parametrize("test", sorted(name for name in vars(DurableStatesSuite) if name.startswith("test_")))
def test_the_suite_refuses_what_does_not_survive(test: str) -> None:
    """A store that is gone with the process fails each test of those that survive it."""
    with pytest.raises(AssertionError):
        getattr(DurableStatesSuite(), test)(MemoryGround(MemoryStates()))


# the file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "states.db"


def made(path: Path) -> SqliteStates:
    states = SqliteStates(str(path))
    add(states, HERE, "1", "a")
    return states


def test_the_file_is_its_owners_alone(path: Path) -> None:
    """States are not redacted: nobody else reads them, nor the log beside them."""
    states = made(path)
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}
    assert len(list(path.parent.iterdir())) > 1
    states.close()
    assert [one.name for one in path.parent.iterdir()] == ["states.db"]


@pytest.mark.parametrize("what", ["text", "other", "newer", "old"])
def test_what_is_not_ours_is_refused_and_not_touched(path: Path, what: str) -> None:
    """No database, another program's, and another format: told as such, byte for byte as it was."""
    if what == "text":
        path.write_bytes(b"this is no database at all, and is longer than a header of one " * 20)
    elif what == "other":
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE theirs (x)")
        db.close()
    else:
        made(path).close()
        with sqlite3.connect(path) as db:
            statement = "UPDATE about SET value = ?" if what == "newer" else "UPDATE about SET value = ? WHERE 1"
            db.execute(statement, (f"runstone-state/{2 if what == 'newer' else 0}",))
        db.close()
    before = path.read_bytes()
    for ask in (lambda s: s.get(HERE, None), lambda s: add(s, HERE, "2"), lambda s: s.remove_thread("t")):
        assert code_of(lambda ask=ask: ask(SqliteStates(str(path)))) == "unsupported_format"
    assert path.read_bytes() == before


def test_an_empty_file_is_taken(path: Path) -> None:
    """It is what a crash leaves of a store that was just made."""
    path.touch()
    assert text_of(made(path), HERE, "1") == b"a"


def test_a_folder_in_its_place_is_unavailable(path: Path) -> None:
    """An error of the family."""
    path.mkdir()
    assert code_of(lambda: SqliteStates(str(path)).get(HERE, None)) == "store_unavailable"


def test_a_torn_database_is_damaged(path: Path) -> None:
    """It is told, and nothing is made in its place."""
    states = SqliteStates(str(path))
    for number in range(200):
        add(states, HERE, str(number), "x" * 500)
    states.close()
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(len(data) - 4096))
    assert code_of(lambda: SqliteStates(str(path)).steps(HERE, None, 999)) in ("state_damaged", "unsupported_format")


def test_a_locked_store_is_waited_for_and_then_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry can help; nothing was stored."""
    monkeypatch.setattr("runstone.adapters.sqlite.states.BUSY_S", 0.05)
    states = made(path)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    fresh = SqliteStates(str(path))
    assert code_of(lambda: add(fresh, HERE, "2")) == "store_unavailable"
    other.rollback()
    other.close()
    add(fresh, HERE, "2")
    assert len(states.steps(HERE, None, 9)) == 2


def test_a_file_that_was_taken_away_is_made_anew(path: Path) -> None:
    """What is put into a file that nobody can find would be lost."""
    states = made(path)
    for one in path.parent.iterdir():
        one.unlink()
    add(states, HERE, "2", "b")
    assert [one.step.step for one in SqliteStates(str(path)).steps(HERE, None, 9)] == ["2"]


FULL = """
import resource, signal, sys
from runstone.adapters.sqlite.states import SqliteStates
from runstone.errors import RunstoneError
from runstone.testing.states import HERE, add
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
states = SqliteStates(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
for number in range(100):
    try:
        add(states, HERE, f"{number:03}", "x" * 20_000)
    except RunstoneError as exc:
        print(number, exc.code)
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
add(states, HERE, "after", "y")
"""


def test_a_full_disk_loses_nothing_that_was_answered(path: Path) -> None:
    """The put that finds no room is an error; those before it are there, and when there is room it goes on."""
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    count, code = done.stdout.split()
    assert (int(count) > 2, code) == (True, "store_unavailable")
    found = [one.step.step for one in SqliteStates(str(path)).steps(HERE, None, 999)]
    assert found == ["after", *(f"{number:03}" for number in reversed(range(int(count))))]


def test_every_commit_is_synced(path: Path) -> None:
    """WAL, and a sync at each commit: what power safety rests on."""
    states = made(path)
    found = [
        states._database.open().execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]
    assert (found, states._database.open().execute("PRAGMA secure_delete").fetchone()[0]) == (["wal", 2], 1)


def test_deleted_bytes_leave_the_file(path: Path) -> None:
    """And its pages are given back."""
    states = made(path)
    for number in range(50):
        add(states, Place("secret", ""), str(number), f"a very private thing {number} " * 300)
    states.remove_thread("secret")
    states.close()
    assert b"very private" not in path.read_bytes()
    assert path.stat().st_size < 100_000


def test_old_records_leave_the_file_where_no_step_goes(path: Path) -> None:
    """A removal of nothing takes what replaced steps were made of, and gives its pages back."""
    states = made(path)
    add(states, HERE, "2", "a very private thing " * 10_000)
    add(states, HERE, "2", "b")
    states.close()
    assert states.remove({HERE: []}, joined) == 0
    assert path.stat().st_size < 100_000
    assert b"very private" not in path.read_bytes()


def test_names_of_what_is_deleted_are_gone(path: Path) -> None:
    """Threads, namespaces and runs that nothing has any more."""
    states = made(path)
    states.put(Step(Place("some customer", "a space"), "1", None, ("a certain run",), b""), [], [])
    states.remove({Place("some customer", "a space"): ["1"]}, joined)
    states.close()
    data = path.read_bytes()
    assert [name in data for name in (b"customer", b"a space", b"certain run")] == [False] * 3


def test_the_tables_are_those_of_the_page(path: Path) -> None:
    """The format that the file says is the one that the page tells, and so are its tables and their columns."""
    page = (Path(__file__).parents[2] / "docs" / "format" / "state-1.md").read_text()
    assert page.startswith(f"# `{FORMAT}`")
    assert "0x52535453" in page
    states = made(path)
    db = states._database.open()
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for name in names}
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ", page, re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", told) for name, told in rows} == columns


KILLED = """
import sys
from runstone.adapters.sqlite.states import SqliteStates
from runstone.ports.states import Place
from runstone.testing.states import add
states = SqliteStates(sys.argv[1])
base, step = None, 0
while True:
    base = add(states, Place(sys.argv[2], ""), f"{step:06}", f"[{step}]", base=base if step % 50 else None)
    print(step, flush=True)
    step += 1
"""


def test_kill_9_of_many_that_put_at_once_loses_no_answered_state(path: Path) -> None:
    """Six processes put as fast as they can and are killed in the middle: all they were answered is there and whole."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), f"writer {number}"], stdout=subprocess.PIPE, text=True
        )
        for number in range(6)
    ]
    answered = []
    for writer in writers:  # each has put at least so much before any is killed
        assert writer.stdout is not None
        for _ in range(10):
            writer.stdout.readline()
    for writer in writers:
        writer.kill()
        assert writer.stdout is not None
        with writer.stdout:
            lines = writer.stdout.read().split("\n")
        answered.append(max((int(line) for line in lines[:-1] if line), default=9))
        writer.wait()
    states = SqliteStates(str(path))
    for number, last in enumerate(answered):
        place = Place(f"writer {number}", "")
        found = [one.step.step for one in states.steps(place, None, 10**6)]
        assert found[::-1][: last + 1] == [f"{step:06}" for step in range(last + 1)]
        assert len(found) <= last + 2
        begin = last - last % 50
        assert text_of(states, place, f"{last:06}") == "".join(f"[{step}]" for step in range(begin, last + 1)).encode()


def test_values_are_plain() -> None:
    """What the port gives are tuples: they can be compared, and sent to another process."""
    assert write() == Write("task", 0, "", "channel", b"data")
    assert Use("c", "v", 1) == ("c", "v", 1)
    assert Record(1, *NewRecord("c", "v", None, b"")) == (1, "c", "v", None, b"")
    assert os.path.basename(HERE.thread) == "thread"


def test_a_copy_is_whole_though_others_write(path: Path, tmp_path: Path) -> None:
    """It has the steps that were answered before it was begun, each whole, and nothing is made beside the file."""
    with runstone.open_states(path) as states:
        states.put("t", 0, b"\0" * 4)
        there = sorted(found.name for found in tmp_path.iterdir())
        done, answered = threading.Event(), [0]

        def write() -> None:
            for step in range(1, 400):
                if done.is_set():
                    return
                states.put("t", step, step.to_bytes(4, "big") + os.urandom(30_000))
                answered[0] = step

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(12):
                before, copy = answered[0], tmp_path / f"copy-{number}" / "states.db"
                copy.parent.mkdir()
                copying.copy_file(str(path), str(copy))
                with runstone.open_states(copy) as copied:
                    found = copied.list("t", limit=None)
                    assert [one.step for one in reversed(found)] == list(range(len(found)))
                    assert len(found) > before
                    assert all(one.state[:4] == one.step.to_bytes(4, "big") for one in found)
        finally:
            done.set()
            writer.join()
    left = {found.name for found in tmp_path.iterdir() if not found.name.startswith("copy-")}
    assert left <= {*there, "states.db"}


def test_a_copy_is_begun_again_with_the_log(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is moved from the log to the database, between the copy of the one and that of the other, is in neither."""
    copied: list[str] = []

    def slowly(source: str, target: str) -> None:
        copyfile(source, target)
        copied.append(source)
        if len(copied) == 1:
            states.put("t", 1, os.urandom(30_000))
            with sqlite3.connect(path) as other:
                other.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            other.close()
            states.put("t", 2, os.urandom(30_000))

    monkeypatch.setattr(copying, "copyfile", slowly)
    with runstone.open_states(path) as states:
        states.put("t", 0, os.urandom(30_000))
        copying.copy_file(str(path), str(tmp_path / "copy.db"))
        expected = [(found.step, found.state) for found in states.list("t")]
    with runstone.open_states(tmp_path / "copy.db") as copy:
        assert [(found.step, found.state) for found in copy.list("t")] == expected
    assert copied == [str(path), f"{path}-wal"] * 2


def test_a_copy_of_nothing_is_nothing(path: Path, tmp_path: Path) -> None:
    """And of what cannot be read an error of the family."""
    copying.copy_file(str(path), str(tmp_path / "copy.db"))
    assert list(tmp_path.iterdir()) == []
    path.mkdir()
    assert code_of(lambda: copying.copy_file(str(path), str(tmp_path / "copy.db"))) == "store_unavailable"
