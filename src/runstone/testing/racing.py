"""Port `objects`: what holds when several threads write and read at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from time import sleep
from typing import TYPE_CHECKING, Any

from runstone.core import layout
from runstone.errors import RunstoneError
from runstone.testing.ground import ONE, contents, seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from runstone.testing.ground import Files, Ground

RACERS = 8
ROUNDS = 5


class RacingSuite:
    """Threads."""

    def test_threads_racing_on_one_id_have_one_winner(self, ground: Ground) -> None:
        """Of bundles with different manifests one is `created`, the others get `run_exists`; the winner's is whole."""
        bundles = [_bundle(b"%d" % racer) for racer in range(RACERS)]
        for run_id in (f"run-{number}" for number in range(ROUNDS)):
            answers = race(partial(answer_of, ground, run_id, bundles))
            assert sorted(answers) == ["created", *["run_exists"] * (RACERS - 1)]
            assert contents(ground.make(), run_id) == bundles[answers.index("created")]

    def test_threads_with_the_same_bundle_all_succeed(self, ground: Ground) -> None:
        """Of equal bundles one is `created`, the others are `identical`."""
        for run_id in (f"run-{number}" for number in range(ROUNDS)):
            answers = race(partial(answer_of, ground, run_id, [ONE] * RACERS))
            assert sorted(answers) == ["created", *["identical"] * (RACERS - 1)]
            assert contents(ground.make(), run_id) == ONE

    def test_threads_with_ids_of_their_own_do_not_meet(self, ground: Ground) -> None:
        """Bundles of different ids are all `created`."""
        answers = race(lambda racer: answer_of(ground, f"run-{racer}", [ONE] * RACERS, racer))
        assert answers == ["created"] * RACERS
        assert len(list(ground.make().run_ids())) == RACERS

    def test_reader_sees_a_whole_bundle_or_none(self, ground: Ground) -> None:
        """A run that a reader finds while others are being committed has all its files."""
        done: list[bool] = []

        def write(_: int) -> str:
            for number in range(40):
                seal(ground.make(), f"run-{number}", ONE)
            done.append(True)
            return "written"

        def read(_: int) -> str:
            store = ground.make()
            while not done:
                for run_id in store.run_ids():
                    if contents(store, run_id) != ONE:
                        return f"{run_id} is not whole"
            return "read"

        assert race(lambda racer: write(racer) if racer == 0 else read(racer), racers=2) == ["written", "read"]


def race(work: Callable[[int], str], racers: int = RACERS) -> list[str]:
    """The answers of threads that begin at the same moment."""
    line = Barrier(racers)

    def start(racer: int) -> str:
        line.wait(60)
        return work(racer)

    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(start, range(racers)))


def stepping(work: Callable[[int], str]) -> Callable[[int], str]:
    """The same work, with the other threads let in before each line of it that is Python: two that meet where a lock is
    missing meet for certain, and not by chance."""

    def step(_frame: FrameType, event: str, _value: Any) -> Any:
        if event == "line":
            sleep(0)
        return step

    def start(racer: int) -> str:
        before = sys.gettrace()
        sys.settrace(step)
        try:
            return work(racer)
        finally:
            sys.settrace(before)

    return start


def _bundle(mark: bytes) -> Files:
    return {layout.MANIFEST: mark, **{f"artifacts/{number}": mark for number in range(5)}}


def answer_of(ground: Ground, run_id: str, bundles: list[Files], racer: int) -> str:
    """How the commit of one racer's bundle is answered: the word, or the error's code."""
    try:
        return seal(ground.make(), run_id, bundles[racer])
    except RunstoneError as exc:
        return exc.code
