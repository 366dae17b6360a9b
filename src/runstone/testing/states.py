"""The shipped suite of port `states`: what is put is there, whole and in order; what is deleted is gone, and no more.

class TestMyStates(StatesSuite):  # DurableStatesSuite where states survive the process
    @pytest.fixture
    def ground(self, tmp_path) -> StatesGround: ...

The suite's records are texts: what a record stands for is the text of its chain, put together.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from runstone.ports.states import BaseGone, NewRecord, Place, Step, Write
from runstone.testing.durability import in_children
from runstone.testing.ground import code_of
from runstone.testing.racing import RACERS, race

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runstone.ports.states import Found, Record, States

HERE = Place("thread", "")
NAMES = ("", "a", "A", "a|b:c", "é", "e\u0301", "\U0001f9f1", "\uffff", "'\";--", "a\0b", "%_*", "a" * 300)
"""Places and steps that differ."""


class StatesGround(Protocol):
    """Where states under test stand."""

    def make(self) -> States:
        """The states, opened anew: what another handle has put is there."""
        ...


class StatesSuite:
    """What every adapter promises. Subclasses give the fixture `ground`."""

    # steps

    def test_a_step_is_read_as_it_was_put(self, ground: StatesGround) -> None:
        """Place, name, parent, runs and metadata; what it is made of, in order; absent and empty are two things."""
        states = ground.make()
        records = [
            NewRecord("b", "2", None, b"two"),
            NewRecord("a", "1", None, b""),
            NewRecord("", "", None, bytes(range(256))),
        ]
        step = Step(HERE, "s", None, ("run 2", "run 1"), b"\0meta")
        numbers = states.put(step, records, [])
        found = _there(states.get(HERE, "s"))
        assert found.step == step
        assert [tuple(use) for use in found.uses] == [
            ("b", "2", numbers[0]),
            ("a", "1", numbers[1]),
            ("", "", numbers[2]),
        ]
        assert [texts(states, HERE, number) for number in numbers] == [b"two", b"", bytes(range(256))]
        states.put(Step(HERE, "t", "", (), b""), [], [])
        assert _there(states.get(HERE, "t")).step == Step(HERE, "t", "", (), b"")

    def test_what_is_not_there_is_none(self, ground: StatesGround) -> None:
        """Steps, records, writes and places; asking makes none."""
        states = ground.make()
        assert (states.get(HERE, "s"), states.get(HERE, None), states.chain(HERE, 1)) == (None, None, [])
        assert (states.steps(HERE, None, 9), states.writes(HERE, "s"), states.steps_of(["r"])) == ([], [], [])
        assert states.places(None, None, 9) == []
        add(states, HERE, "s")
        assert states.get(HERE, "t") is None

    def test_others_see_what_was_put(self, ground: StatesGround) -> None:
        """Another handle reads it, and goes on behind it."""
        number = add(ground.make(), HERE, "1", "one")
        other = ground.make()
        assert text_of(other, HERE, "1") == b"one"
        add(other, HERE, "2", " two", base=number)
        assert text_of(ground.make(), HERE, "2") == b"one two"

    def test_names_are_apart(self, ground: StatesGround) -> None:
        """Threads, namespaces and steps whose names look alike are others."""
        states = ground.make()
        for thread in NAMES:
            for namespace in NAMES[:3]:
                add(states, Place(thread, namespace), "s", f"{thread}/{namespace}")
        for name in NAMES[1:]:
            add(states, HERE, name, name)
        for thread in NAMES:
            for namespace in NAMES[:3]:
                assert text_of(states, Place(thread, namespace), "s") == f"{thread}/{namespace}".encode()
        assert [text_of(states, HERE, name) for name in NAMES[1:]] == [name.encode() for name in NAMES[1:]]

    def test_the_last_step_is_the_last_by_name(self, ground: StatesGround) -> None:
        """In the order of UTF-8 bytes, whenever it was put."""
        states = ground.make()
        for name in ("b", "\uffff", "a", "\U0001f9f1", "Z"):
            add(states, HERE, name)
        assert _there(states.get(HERE, None)).step.step == "\U0001f9f1"

    def test_steps_are_listed_from_the_last(self, ground: StatesGround) -> None:
        """So many, before one that need not be there."""
        states = ground.make()
        for name in ("3", "1", "5", "2", "4"):
            add(states, HERE, name)
            add(states, Place("thread", "other"), f"{name}{name}")
        assert named(states.steps(HERE, None, 9)) == ["5", "4", "3", "2", "1"]
        assert named(states.steps(HERE, None, 2)) == ["5", "4"]
        assert named(states.steps(HERE, "35", 2)) == ["3", "2"]
        assert named(states.steps(HERE, "3", 9)) == ["2", "1"]

    def test_places_are_listed_in_order(self, ground: StatesGround) -> None:
        """Each once, of a thread or of all, behind one; places of writes alone are none."""
        states = ground.make()
        known = [Place("a", ""), Place("a", "x"), Place("a", "y"), Place("b", ""), Place("é", "")]
        for place in reversed(known):
            add(states, place, "1")
            add(states, place, "2")
        states.add_writes(Place("c", ""), "1", [write()])
        assert states.places(None, None, 9) == known
        assert states.places("a", None, 9) == known[:3]
        assert states.places(None, known[1], 2) == known[2:4]
        assert states.places("a", Place("a", "x"), 9) == known[2:3]

    # records

    def test_a_chain_begins_with_what_is_whole(self, ground: StatesGround) -> None:
        """Every record of it, each behind the one that it rests on; of its own place alone."""
        states = ground.make()
        first = add(states, HERE, "1", "a")
        second = add(states, HERE, "2", "b", base=first)
        third = add(states, HERE, "3", "c", base=second)
        fork = add(states, HERE, "4", "d", base=second)
        assert [record.number for record in states.chain(HERE, third)] == [first, second, third]
        assert [record.data for record in states.chain(HERE, fork)] == [b"a", b"b", b"d"]
        assert [record.base for record in states.chain(HERE, fork)] == [None, first, second]
        assert states.chain(Place("thread", "other"), third) == []

    def test_a_step_keeps_records_of_others(self, ground: StatesGround) -> None:
        """What it is made of is told alike, new or kept."""
        states = ground.make()
        number = add(states, HERE, "1", "kept", channel="k")
        new = states.put(Step(HERE, "2", "1", (), b""), [NewRecord("n", "9", None, b"new")], [number])
        uses = _there(states.get(HERE, "2")).uses
        assert [tuple(use) for use in uses] == [("n", "9", new[0]), ("k", "1", number)]

    def test_a_put_on_what_is_not_there_stores_nothing(self, ground: StatesGround) -> None:
        """Whether it is kept or rested on, never there, of another place or deleted."""
        states = ground.make()
        elsewhere = add(states, Place("thread", "other"), "1")
        deleted = add(states, HERE, "0")
        states.remove({HERE: ["0"]}, joined)
        for number in (elsewhere, deleted, 10**9):
            for base, kept in ((number, []), (None, [number])):
                assert gone(states, Step(HERE, "s", None, (), b""), [NewRecord("c", "v", base, b"x")], kept)
        assert (states.get(HERE, "s"), states.places("thread", None, 9)) == (None, [Place("thread", "other")])

    def test_numbers_are_never_given_twice(self, ground: StatesGround) -> None:
        """Also when the record that had the highest one is gone, and when all are."""
        states = ground.make()
        seen = set()
        for take in (partial(states.remove, {HERE: ["2"]}, joined), partial(states.remove_thread, "thread")):
            for name in ("1", "2"):
                number = add(states, HERE, name)
                assert number not in seen
                seen.add(number)
            take()
        assert add(states, HERE, "1") not in seen

    def test_a_step_that_is_put_again_is_the_new_one(self, ground: StatesGround) -> None:
        """With its parent, runs, metadata and records; its writes stay."""
        states = ground.make()
        states.put(Step(HERE, "1", "0", ("old",), b"old"), [NewRecord("c", "1", None, b"old")], [])
        states.add_writes(HERE, "1", [write()])
        states.put(Step(HERE, "1", None, ("new",), b"new"), [NewRecord("c", "1", None, b"new")], [])
        assert _there(states.get(HERE, "1")).step == Step(HERE, "1", None, ("new",), b"new")
        assert text_of(states, HERE, "1") == b"new"
        assert (states.steps_of(["old"]), states.writes(HERE, "1")) == ([], [write()])
        assert len(states.steps(HERE, None, 9)) == 1

    def test_what_rested_on_replaced_steps_stays(self, ground: StatesGround) -> None:
        """However often they are put again, and old records go."""
        states = ground.make()
        rests = add(states, HERE, "2", "b", base=add(states, HERE, "1", "a"))
        for number in range(100):
            states.put(Step(HERE, "1", None, (), b""), [NewRecord("c", "1", None, b"%d" % number)], [], joined)
        assert (text_of(states, HERE, "1"), texts(states, HERE, rests)) == (b"99", b"ab")

    # writes

    def test_writes_are_listed_in_order(self, ground: StatesGround) -> None:
        """By path, task and index, whenever they came; and before their step is there."""
        states = ground.make()
        writes = [
            write(path=path, task=task, at=index) for path in ("", "p") for task in ("a", "b") for index in (-1, 0, 1)
        ]
        writes[6:] = [one._replace(task=f"{one.task}2") for one in writes[6:]]
        for one in reversed(writes):
            states.add_writes(HERE, "1", [one])
        states.add_writes(HERE, "2", [write(data=b"other")])
        assert states.writes(HERE, "1") == writes
        assert states.writes(Place("thread", "other"), "1") == []
        assert states.get(HERE, "1") is None

    def test_the_first_write_of_an_index_stands(self, ground: StatesGround) -> None:
        """Of a task; below 0 it is the last."""
        states = ground.make()
        for data in (b"first", b"last"):
            states.add_writes(HERE, "1", [write(at=0, data=data), write(at=-1, data=data)])
        states.add_writes(HERE, "1", [write(task="other", at=0, data=b"its own")])
        found = {(one.task, one.at): one.data for one in states.writes(HERE, "1")}
        assert found == {("task", 0): b"first", ("task", -1): b"last", ("other", 0): b"its own"}

    # runs

    def test_steps_are_found_by_their_runs(self, ground: StatesGround) -> None:
        """Each once, in order, whichever of its runs is asked for; those that are deleted no more."""
        states = ground.make()
        other = Place("other", "")
        for place, name, runs in ((HERE, "2", ("r",)), (HERE, "1", ("r", "s")), (other, "1", ("s",)), (other, "2", ())):
            states.put(Step(place, name, None, runs, b""), [], [])
        assert states.steps_of(["r", "s"]) == [(other, "1"), (HERE, "1"), (HERE, "2")]
        assert states.steps_of(["r"]) == [(HERE, "1"), (HERE, "2")]
        assert states.steps_of(["s"]) == [(other, "1"), (HERE, "1")]
        states.remove({HERE: ["1"]}, joined)
        assert (states.steps_of(["r", "none"]), states.steps_of([])) == ([(HERE, "2")], [])

    # what goes

    def test_removed_steps_are_gone_and_no_other(self, ground: StatesGround) -> None:
        """With their writes; how many is told, and those that are not there are passed over."""
        states = ground.make()
        other = Place("thread", "other")
        for place in (HERE, other):
            for name in ("1", "2", "3"):
                add(states, place, name, name)
                states.add_writes(place, name, [write(data=name.encode())])
        assert states.remove({HERE: ["1", "3", "9"], Place("none", ""): ["1"]}, joined) == 2
        assert named(states.steps(HERE, None, 9)) == ["2"]
        assert [len(states.writes(HERE, name)) for name in ("1", "2", "3")] == [0, 1, 0]
        assert named(states.steps(other, None, 9)) == ["3", "2", "1"]
        assert text_of(states, HERE, "2") == b"2"

    def test_records_of_removed_steps_are_gone(self, ground: StatesGround) -> None:
        """Where no step is made of them; what others are made of stays."""
        states = ground.make()
        shared = add(states, HERE, "1", "shared")
        own = states.put(Step(HERE, "2", "1", (), b""), [NewRecord("o", "2", None, b"own")], [shared])[0]
        states.remove({HERE: ["2"]}, joined)
        assert (states.chain(HERE, own), text_of(states, HERE, "1")) == ([], b"shared")

    def test_what_rested_on_a_removed_step_is_written_anew(self, ground: StatesGround) -> None:
        """Beside the nearest record that stays, or whole; and nobody rests on what is gone."""
        states = ground.make()
        numbers = [add(states, HERE, "0", "0")]
        for name in "12345":
            numbers.append(add(states, HERE, name, name, base=numbers[-1]))
        asked: list[tuple[Place, list[int], int | None]] = []

        def rewrite(place: Place, chain: Sequence[Record], stays: int | None) -> tuple[int | None, bytes]:
            asked.append((place, [record.number for record in chain], stays))
            return joined(place, chain, stays)

        states.remove({HERE: ["2", "3"]}, rewrite)
        assert asked == [(HERE, numbers[:5], numbers[1])]
        assert text_of(states, HERE, "5") == b"012345"
        assert [record.number for record in states.chain(HERE, numbers[5])] == [numbers[n] for n in (0, 1, 4, 5)]
        states.remove({HERE: ["0", "1"]}, rewrite)
        assert asked[1:] == [(HERE, [numbers[n] for n in (0, 1, 4)], None)]
        assert [record.base for record in states.chain(HERE, numbers[5])] == [None, numbers[4]]
        assert (text_of(states, HERE, "4"), text_of(states, HERE, "5")) == (b"01234", b"012345")

    def test_a_removal_that_fails_changes_nothing(self, ground: StatesGround) -> None:
        """Whatever was done of it is taken back."""
        states = ground.make()
        base = add(states, HERE, "1", "a")
        add(states, HERE, "2", "b", base=base)
        with suppress(ZeroDivisionError):
            states.remove({HERE: ["1"]}, failing)
        assert named(states.steps(HERE, None, 9)) == ["2", "1"]
        assert (text_of(states, HERE, "1"), text_of(states, HERE, "2")) == (b"a", b"ab")

    def test_a_removed_thread_is_gone_and_no_other(self, ground: StatesGround) -> None:
        """All its places, writes and records."""
        states = ground.make()
        numbers = [add(states, Place("thread", namespace), "1") for namespace in ("", "x")]
        states.add_writes(HERE, "7", [write()])
        for thread in ("threads", "thread.2"):
            add(states, Place(thread, ""), "1", "other")
        assert states.remove_thread("thread") == 2
        assert (states.remove_thread("thread"), states.writes(HERE, "7")) == (0, [])
        assert [place.thread for place in states.places(None, None, 9)] == ["thread.2", "threads"]
        assert [
            states.chain(Place("thread", namespace), n) for namespace, n in zip(("", "x"), numbers, strict=True)
        ] == [[], []]
        assert text_of(states, Place("threads", ""), "1") == b"other"

    # copies

    def test_a_copy_is_whole_and_its_own(self, ground: StatesGround) -> None:
        """Steps, runs, writes and records, as `carry` has them; what becomes of one thread is nothing to the other."""
        states = ground.make()
        base = add(states, HERE, "1", "a", runs=("r",))
        add(states, HERE, "2", "b", base=base, parent="1", runs=("r",))
        add(states, Place("thread", "x"), "1", "x")
        states.add_writes(HERE, "2", [write()])
        assert states.copy("thread", "copy", carried) == 3
        copy = Place("copy", "")
        assert _there(states.get(copy, "2")).step == Step(copy, "2", "1", ("r",), b"/2/")
        assert (text_of(states, copy, "2"), text_of(states, Place("copy", "x"), "1")) == (b"AB", b"X")
        assert states.writes(copy, "2") == [write(data=b"/2/data")]
        assert states.steps_of(["r"]) == [(copy, "1"), (copy, "2"), (HERE, "1"), (HERE, "2")]
        states.remove_thread("thread")
        assert text_of(states, copy, "2") == b"AB"

    def test_nothing_is_copied_over_what_is_there(self, ground: StatesGround) -> None:
        """`state_exists`, also where it has writes alone; and a thread that is not there is no steps."""
        states = ground.make()
        add(states, HERE, "1", "a")
        add(states, Place("full", "x"), "1", "b")
        states.add_writes(Place("written", ""), "1", [write()])
        for target in ("full", "written", "thread"):
            assert code_of(partial(states.copy, "thread", target, carried)) == "state_exists"
        assert states.places("full", None, 9) == [Place("full", "x")]
        assert states.copy("none", "new", carried) == 0

    def test_a_copy_that_fails_copies_nothing(self, ground: StatesGround) -> None:
        """Whatever was done of it is taken back: the same copy can be made again."""
        states = ground.make()
        add(states, HERE, "1", "a")
        add(states, Place("thread", "x"), "1", "b")
        with suppress(ZeroDivisionError):
            states.copy("thread", "copy", lambda place, *_: failing() if place.namespace else b"")
        assert states.places("copy", None, 9) == []
        assert states.copy("thread", "copy", carried) == 2

    # the store

    def test_a_mark_is_made_once(self, ground: StatesGround) -> None:
        """The first stands for everybody; asking makes none."""
        states = ground.make()
        assert (states.mark(None), states.mark(None)) == (None, None)
        assert (states.mark("one"), states.mark("two"), states.mark(None)) == ("one", "one", "one")
        assert (ground.make().mark("three"), ground.make().mark(None)) == ("one", "one")

    def test_a_closed_store_goes_on(self, ground: StatesGround) -> None:
        """What is asked after that opens it again."""
        states = ground.make()
        states.close()
        add(states, HERE, "1", "a")
        states.close()
        states.close()
        assert text_of(states, HERE, "1") == b"a"

    def test_any_sequence_of_calls_agrees_with_a_dict(self, ground: StatesGround) -> None:
        """Puts beside any step, removals, copies and replacements: every step that should be there says its own."""
        from hypothesis import example, given, settings
        from hypothesis import strategies as st

        name = st.integers(0, 3).map(str)
        call = st.tuples(
            st.sampled_from(["put", "put", "put", "remove", "thread", "copy"]), st.sampled_from("aaab"), name, name
        )
        count = iter(range(10**9))

        @example([("put", "a", "1", "0"), ("put", "a", "2", "1"), ("remove", "a", "1", "1"), ("put", "a", "2", "2")])
        @given(st.lists(call, min_size=4, max_size=16))
        @settings(max_examples=60, deadline=None, database=None)
        def agree(calls: list[tuple[str, str, str, str]]) -> None:
            example = next(count)
            threads = {short: f"{example}.{short}" for short in "ab"}
            _agree(ground.make(), threads, calls)

        agree()

    # threads

    def test_threads_put_side_by_side(self, ground: StatesGround) -> None:
        """Into one place and their own; all of it is there."""

        def work(racer: int) -> str:
            states = ground.make()
            base = None
            for step in range(5):
                base = add(states, HERE, f"{racer}.{step}", str(step), base=base)
                add(states, Place(f"own {racer}", ""), str(step))
            return "done"

        assert race(work) == ["done"] * RACERS
        states = ground.make()
        assert len(states.steps(HERE, None, 999)) == 5 * RACERS
        assert [text_of(states, HERE, f"{racer}.4") for racer in range(RACERS)] == [b"01234"] * RACERS
        assert len(states.places(None, None, 999)) == 1 + RACERS

    def test_threads_that_mark_at_once_agree(self, ground: StatesGround) -> None:
        """One mark stands, for all of them."""
        answers = race(lambda racer: str(ground.make().mark(f"mark {racer}")))
        assert answers == [answers[0]] * RACERS

    def test_a_put_beside_what_another_removes_is_whole_or_refused(self, ground: StatesGround) -> None:
        """No step ever rests on what is not there."""
        for number in range(10):
            place = Place(f"race {number}", "")
            base = add(ground.make(), place, "1", "a")

            def work(racer: int, place: Place = place, base: int = base) -> str:
                if racer == 0:
                    ground.make().remove({place: ["1"]}, joined)
                    return "removed"
                refused = gone(ground.make(), Step(place, "2", "1", (), b""), [NewRecord("c", "2", base, b"b")], [])
                return "refused" if refused else "put"

            answers = race(work, racers=2)
            states = ground.make()
            assert states.get(place, "1") is None
            if answers[1] == "put":
                assert text_of(states, place, "2") == b"ab"
            else:
                assert states.get(place, "2") is None


class DurableStatesSuite(StatesSuite):
    """What holds of states that survive the process, and of several processes. Needs `os.fork`."""

    def test_what_was_answered_survives_a_kill(self, ground: StatesGround) -> None:
        """A process that is killed as soon as it has its answer leaves the step."""

        def work(_: int) -> str:
            add(ground.make(), HERE, "1", "a")
            os.kill(os.getpid(), signal.SIGKILL)
            return "never"

        assert in_children(1, work) == [""]
        assert text_of(ground.make(), HERE, "1") == b"a"

    def test_processes_put_side_by_side(self, ground: StatesGround) -> None:
        """Many that put at once, the first into a store that is not there yet: all of it is there."""

        def work(racer: int) -> str:
            states = ground.make()
            base = None
            for step in range(5):
                base = add(states, HERE, f"{racer}.{step}", str(step), base=base)
            return "done"

        assert in_children(RACERS, work) == ["done"] * RACERS
        assert len(ground.make().steps(HERE, None, 999)) == 5 * RACERS
        assert [text_of(ground.make(), HERE, f"{racer}.4") for racer in range(RACERS)] == [b"01234"] * RACERS

    def test_a_fork_goes_on_with_the_same_handle(self, ground: StatesGround) -> None:
        """Parent and child put through what both have, and both are there."""
        states = ground.make()
        add(states, HERE, "0", "0")

        def work(racer: int) -> str:
            add(states, HERE, f"child {racer}", "c")
            return "done"

        assert in_children(3, work) == ["done"] * 3
        add(states, HERE, "parent", "p")
        assert len(ground.make().steps(HERE, None, 99)) == 5


# words of the tests


def add(
    states: States,
    place: Place,
    step: str,
    text: str = "",
    *,
    base: int | None = None,
    channel: str = "c",
    parent: str | None = None,
    runs: tuple[str, ...] = (),
) -> int:
    """Put a step that is one record; its number."""
    return states.put(Step(place, step, parent, runs, b""), [NewRecord(channel, step, base, text.encode())], [])[0]


def write(**changed: Any) -> Write:
    """A write."""
    return Write("task", 0, "", "channel", b"data")._replace(**changed)


def named(found: Sequence[Found]) -> list[str]:
    """The names of steps."""
    return [one.step.step for one in found]


def texts(states: States, place: Place, number: int) -> bytes:
    """What a record stands for."""
    return b"".join(record.data for record in states.chain(place, number))


def text_of(states: States, place: Place, step: str) -> bytes:
    """What the first record of a step stands for."""
    return texts(states, place, _there(states.get(place, step)).uses[0].number)


def joined(place: Place, chain: Sequence[Record], stays: int | None) -> tuple[int | None, bytes]:
    """What stands behind the record that stays, put together."""
    del place
    numbers = [record.number for record in chain]
    return stays, b"".join(record.data for record in chain[0 if stays is None else numbers.index(stays) + 1 :])


def failing(*_: object) -> Any:
    """What fails in the middle of a call."""
    raise ZeroDivisionError


def carried(place: Place, step: str, item: Any) -> bytes:
    """A record in capitals; of steps and writes what tells which they are."""
    del place
    if isinstance(item, Step):
        return f"/{item.step}/".encode() + item.metadata
    return f"/{step}/".encode() + item.data if isinstance(item, Write) else item.data.upper()


def unchanged(place: Place, step: str, item: Any) -> bytes:
    """The bytes that it has."""
    del place, step
    data: bytes = item.metadata if isinstance(item, Step) else item.data
    return data


def gone(states: States, step: Step, records: Sequence[NewRecord], kept: Sequence[int]) -> bool:
    """Whether a put is refused, as what it rests on is not there."""
    try:
        states.put(step, records, kept)
    except BaseGone:
        return True
    return False


def _there(found: Found | None) -> Found:
    assert found is not None
    return found


def _agree(states: States, threads: dict[str, str], calls: Sequence[tuple[str, str, str, str]]) -> None:
    """Make calls, on a dict as well, and compare what both say of every step."""
    model: dict[str, dict[str, bytes]] = {"a": {}, "b": {}}
    for number, (verb, thread, step, other) in enumerate(calls):
        place = Place(threads[thread], "")
        if verb == "put":
            base = states.get(place, other)
            text = f"[{number}]"
            records = [NewRecord("c", step, base.uses[0].number if base is not None else None, text.encode())]
            states.put(Step(place, step, other, (), b""), records, [])
            model[thread][step] = model[thread].get(other, b"") + text.encode()
        elif verb == "remove":
            gone_now = {name for name in (step, other) if model[thread].pop(name, None) is not None}
            assert states.remove({place: [step, other]}, joined) == len(gone_now)
        elif verb == "thread":
            assert states.remove_thread(place.thread) == len(model[thread])
            model[thread] = {}
        else:
            target = "b" if thread == "a" else "a"
            code = code_of(partial(states.copy, place.thread, threads[target], unchanged))
            assert code == ("state_exists" if model[target] else None)
            if code is None:
                model[target] = dict(model[thread])
    for thread, steps in model.items():
        place = Place(threads[thread], "")
        assert named(states.steps(place, None, 99)) == sorted(steps, reverse=True)
        assert {step: text_of(states, place, step) for step in steps} == steps
