"""Clock jumps change no order, no uniqueness and no digest (promise P9)."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runstone.core.times import SECOND_NS, is_time, parse_time
from runstone.engine.store import Store
from runstone.testing.fakes import START, FixedClock

from .scenes import abandon, events, of_type, open_store


class ScriptedClock(FixedClock):
    """Shows the wall times of a list, one a reading, and then the last one for ever."""

    def __init__(self, times_ns: list[int]) -> None:
        super().__init__()
        self._times_ns = times_ns

    def time_ns(self) -> int:
        return self._times_ns.pop(0) if len(self._times_ns) > 1 else self._times_ns[0]


def test_time_never_goes_back_in_a_journal(store: Store, clock: FixedClock) -> None:
    """A clock that is set back repeats the last time until it has caught up."""
    run = store.run("job")
    clock.advance(10.5)
    run.note("before")
    clock.set_back(3600)
    run.note("an hour earlier")
    clock.advance(3599)
    run.note("still earlier")
    clock.advance(2)
    run.note("caught up")
    run.finish()
    times = [event["ts"][11:] for event in events(store, run.run_id)]
    assert times == ["03:04:05.000000Z", *["03:04:15.500000Z"] * 3, "03:04:16.500000Z", "03:04:16.500000Z"]
    assert store.verify(run.run_id).ok


@given(st.lists(st.integers(-(10**18), 4 * 10**20), min_size=1, max_size=12))
def test_any_clock_gives_a_good_journal(tmp_path_factory, times_ns: list[int]) -> None:
    """Whatever the wall clock shows, before 1970 and after 9999 included, times are of the form and in order."""
    store = open_store(tmp_path_factory.getbasetemp() / "clocks", clock=ScriptedClock(times_ns))
    with store.run("job") as run:
        for _ in range(8):
            run.note("x")
    times = [event["ts"] for event in events(store, run.run_id)]
    assert (times, [is_time(ts) for ts in times]) == (sorted(times), [True] * 10)
    assert store.verify(run.run_id).ok


@given(st.lists(st.integers(0, 3 * SECOND_NS), max_size=12))
def test_clock_that_runs_forward_is_told_as_it_is(tmp_path_factory, steps_ns: list[int]) -> None:
    """Without a jump each event has the time that the clock showed, cut to microseconds."""
    clock = FixedClock()
    store = open_store(tmp_path_factory.getbasetemp() / "forward", clock=clock)
    expected = []
    with store.run("job") as run:
        for step_ns in steps_ns:
            clock.advance(step_ns / SECOND_NS)
            expected.append(clock.time_ns() // 1000 * 1000)
            run.note("x")
    noted = [event["ts"] for event in events(store, run.run_id) if event["type"] == "note"]
    assert [parse_time(ts) for ts in noted] == expected


def test_ids_are_unique_though_the_clock_stands(store: Store) -> None:
    """Ids that the store makes differ, also when the clock shows the same time for ever, or an earlier one."""
    runs = [store.run("job") for _ in range(50)]
    for run in runs:
        abandon(run)
    assert len({run.run_id for run in runs}) == 50


def test_duration_is_monotonic(store: Store, clock: FixedClock) -> None:
    """The duration is what passed, whatever the wall clock was set to meanwhile."""
    run = store.run("job")
    clock.advance(2.5)
    clock.set_back(86_400)
    run.finish()
    assert of_type(store, run.run_id, "run.closed")[0]["duration_ns"] == 2_500_000_000
    assert store.get(run.run_id).document("run.json")["duration_ms"] == 2500


def test_time_of_the_run_is_that_of_its_events(store: Store, clock: FixedClock) -> None:
    """`opened_at` and `closed_at` are the first and the last event's."""
    run = store.run("job")
    clock.advance(60)
    run.finish()
    sealed = store.get(run.run_id)
    assert (sealed.opened_at, sealed.closed_at) == (START, START.replace("03:04", "03:05"))


def test_outcome_does_not_depend_on_the_clock(tmp_path: Path) -> None:
    """Two runs that differ in time and id alone have one outcome digest and two run digests."""
    digests = set()
    outcomes = set()
    for number, start in enumerate((START, "2031-07-08T09:10:11.121314Z")):
        store = open_store(tmp_path / "runs", clock=FixedClock(start))
        with store.run("job", config={"a": 1}, run_id=f"run-{number}") as run:
            run.check("rows", "pass")
        digests.add(store.get(run.run_id).digest)
        outcomes.add(store.get(run.run_id).outcome_digest)
    assert (len(digests), len(outcomes)) == (2, 1)
