"""The shipped fakes: the same calls give the same answers, and a run recorded over them the same bytes."""

from __future__ import annotations

import pytest

from runstone.adapters.memory.adapter import MemoryJournals, MemoryObjects
from runstone.adapters.memory.catalog import MemoryCatalog
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import GENERATOR, contract_of
from runstone.testing.fakes import START, FixedClock, FixedEntropy, FixedHost


def store() -> Store:
    """A store in memory over fakes."""
    objects = MemoryObjects()
    ports = (objects, MemoryJournals(objects), FixedHost(settings={"EMPTY": ""}), FixedClock(), FixedEntropy(7))
    return Store("memory:", *ports, contract_of, GENERATOR, lambda: [MemoryCatalog()])


def test_clock_stands_still() -> None:
    """Reading the clock does not move it."""
    clock = FixedClock("1970-01-01T00:00:01.000000Z")
    assert [clock.time_ns(), clock.time_ns(), clock.monotonic_ns()] == [10**9, 10**9, 0]


def test_clock_advances() -> None:
    """Time that passes moves both readings."""
    clock = FixedClock("1970-01-01T00:00:00.000000Z")
    clock.advance(1.5)
    assert (clock.time_ns(), clock.monotonic_ns()) == (1_500_000_000, 1_500_000_000)


def test_clock_is_set_back() -> None:
    """Only the wall clock can be set back."""
    clock = FixedClock("1970-01-02T00:00:00.000000Z")
    clock.advance(10)
    clock.set_back(3600)
    assert (clock.time_ns(), clock.monotonic_ns()) == ((86_410 - 3600) * 10**9, 10 * 10**9)


def test_time_does_not_pass_backwards() -> None:
    """A negative amount of time is a mistake of the caller's."""
    with pytest.raises(ValueError, match="set_back"):
        FixedClock().advance(-1)


def test_clock_refuses_a_time_in_another_form() -> None:
    """The start is written as in the format."""
    with pytest.raises(RunstoneError) as refusal:
        FixedClock("2026-01-02 03:04:05")
    assert refusal.value.code == "invalid_event"


@pytest.mark.parametrize("count", [0, 1, 32, 33, 100])
def test_entropy_depends_on_the_seed_alone(count: int) -> None:
    """The same seed gives the same bytes, another seed and the next call other ones, of the length asked for."""
    one, other = FixedEntropy(1), FixedEntropy(1)
    first = one.random_bytes(count)
    assert len(first) == count
    assert first == other.random_bytes(count)
    if count:
        assert first not in (one.random_bytes(count), FixedEntropy(2).random_bytes(count))


def test_runs_over_fakes_are_the_same_bytes() -> None:
    """Two stores over the same fakes record the same run id and the same digest."""
    runs = [store().run("k") for _ in range(2)]
    assert runs[0].run_id == runs[1].run_id
    assert runs[0].finish("success") == runs[1].finish("success")


def test_host_tells_what_it_was_made_with() -> None:
    """A recorded run shows the host's facts, and the clock's."""
    here = store()
    run = here.run("k")
    run.finish("success")
    document = here.get(run.run_id).document("run.json")
    assert (document["cwd"], document["argv"], document["opened_at"]) == ("/srv/job", ["python", "job.py"], START)


def test_empty_setting_is_none() -> None:
    """As with the system's host, an empty environment variable is one that is not set."""
    assert FixedHost(settings={"EMPTY": ""}).setting("EMPTY") is None


def test_host_cannot_be_changed_through_its_answers() -> None:
    """What a caller does to an answer does not reach the next one."""
    host = FixedHost(git={"sha": "a", "ref": "b"})
    host.argv().append("x")
    host.platform().clear()
    assert (host.argv(), host.platform()["system"], host.git()) == (
        ["python", "job.py"],
        "Linux",
        {"sha": "a", "ref": "b"},
    )
