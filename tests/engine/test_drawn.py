"""`Run.now`, `Run.uuid`, `Run.random`, `Run.seed`: what is drawn is recorded, and by chance unless that is set."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import runstone
from runstone.engine.disabled import DISABLED
from runstone.engine.store import Store
from runstone.errors import InvalidInput
from runstone.testing.fakes import FixedClock

from .called import kinds
from .scenes import of_type, open_store


def test_the_time_is_recorded_and_given(store: Store, clock: FixedClock) -> None:
    """Aware, UTC, in microseconds; each time is an event of its own."""
    with store.run("scene", run_id="r") as run:
        first = run.now()
        clock.advance(1.5)
        second = run.now()
    assert first == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert second - first == timedelta(seconds=1.5)
    assert of_type(store, "r", "now") == [
        {"time": "2026-01-02T03:04:05.000000Z"},
        {"time": "2026-01-02T03:04:06.500000Z"},
    ]


def test_ids_are_recorded_and_differ(store: Store) -> None:
    """Version 4, each another one, each an event."""
    with store.run("scene", run_id="r") as run:
        made = [run.uuid() for _ in range(3)]
    assert [each.version for each in made] == [4, 4, 4]
    assert [each["uuid"] for each in of_type(store, "r", "uuid")] == [str(each) for each in made]
    assert len(set(made)) == 3


def test_a_generator_is_the_one_of_its_seed(store: Store) -> None:
    """The seed is recorded once a name, and gives the same numbers again."""
    with store.run("scene", run_id="r") as run:
        drawn = [run.random("rows").random(), run.random("rows").random()]
        run.random("other")
        assert run.seed(name="rows") == of_type(store, "r", "seed")[0]["seed"]
    seeds = of_type(store, "r", "seed")
    assert [each["name"] for each in seeds] == ["rows", "other"]
    again = random.Random(seeds[0]["seed"])
    assert drawn == [again.random(), again.random()]
    assert seeds[0]["seed"] != seeds[1]["seed"]


def test_many_threads_have_one_generator_a_name(store: Store) -> None:
    """One seed is recorded, however many ask for it first."""
    found = []
    with store.run("scene", run_id="r") as run:
        barrier = threading.Barrier(8)

        def ask() -> None:
            barrier.wait()
            found.append(run.random("shared"))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({id(each) for each in found}) == 1
    assert len(of_type(store, "r", "seed")) == 1


def test_what_is_handed_in_is_seeded(store: Store) -> None:
    """By `manual_seed`, `seed`, or that of a member `random`; nothing else is."""
    state = random.getstate()
    told: dict[str, int] = {}
    like_numpy = SimpleNamespace(random=SimpleNamespace(seed=lambda seed: told.update(numpy=seed)))
    like_torch = SimpleNamespace(manual_seed=lambda seed: told.update(torch=seed), seed=lambda: None)
    own = random.Random()
    with store.run("scene", run_id="r") as run:
        seed = run.seed(like_numpy, like_torch, own)
    assert told == {"numpy": seed, "torch": seed}
    assert own.random() == random.Random(seed).random()
    assert random.getstate() == state
    assert 0 <= seed < 2**32


def test_what_cannot_be_seeded_is_refused(store: Store) -> None:
    """With its name; what stands before it is not seeded either."""
    own = random.Random(1)
    with store.run("scene", run_id="r") as run, pytest.raises(InvalidInput, match="threading has neither"):
        run.seed(own, threading)
    assert own.random() == random.Random(1).random()


def test_a_seed_that_is_set_gives_the_same_in_every_run(tmp_path: Path) -> None:
    """Seeds and ids follow from it and their names; another one gives others."""

    def drawn(name: str, seed: str) -> tuple[object, ...]:
        store = open_store(tmp_path / name, settings={"RUNSTONE_SEED": seed})
        with store.run("scene", run_id="r") as run:
            return run.seed(name="a"), run.seed(name="b"), run.uuid(), run.uuid()

    first = drawn("first", "7")
    assert first == drawn("second", "7")
    assert len(set(first)) == 4
    assert not set(first) & set(drawn("third", "8"))


def test_the_outcome_does_not_depend_on_what_is_drawn(store: Store, clock: FixedClock) -> None:
    """Two runs that draw differ in their events and not in their outcome."""
    for run_id in ("r", "s"):
        with store.run("scene", run_id=run_id) as run:
            run.now()
            run.uuid()
            run.seed()
        clock.advance(60)
    assert store.get("r").outcome_digest == store.get("s").outcome_digest
    assert kinds(store) == ["now", "uuid", "seed"]


def test_a_run_that_records_nothing_gives_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished run, and recording switched off: by the seed that is set, or by chance."""
    with store.run("scene", run_id="r") as run:
        pass
    assert run.now().tzinfo is UTC
    assert run.uuid() != run.uuid()
    assert DISABLED.uuid() != DISABLED.uuid()
    assert DISABLED.now().tzinfo is UTC
    monkeypatch.setenv("RUNSTONE_SEED", "7")
    assert DISABLED.seed(name="a") == DISABLED.seed(name="a") != DISABLED.seed()
    assert DISABLED.random("a").random() == random.Random(DISABLED.seed(name="a")).random()


def test_the_function_seeds_by_the_run_around_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a block by the run, which records it; outside of one by `RUNSTONE_SEED`."""
    with store.run("scene", run_id="r"):
        inside = runstone.seed(name="a")
    assert of_type(store, "r", "seed") == [{"name": "a", "seed": inside}]
    monkeypatch.setenv("RUNSTONE_SEED", "7")
    own = random.Random()
    seed = runstone.seed(own)
    assert own.random() == random.Random(seed).random()
    assert runstone.seed() == seed
