"""`Run.watch_system`: metrics of the machine beside the work, until the run ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runstone.testing.fakes import FixedMeters

from .scenes import of_type, open_store, python


def metrics(root: Path, meters: FixedMeters, **options: Any) -> list[dict[str, Any]]:
    """The metric events of a run with these meters, and nothing else in it."""
    store = open_store(root / "runs", meters=meters)
    with store.run("job", run_id="r", **options):
        pass
    assert store.verify("r").ok
    return of_type(store, "r", "metric")


def names() -> list[str]:
    """The threads of this process that read meters."""
    return [thread.name for thread in threading.enumerate() if thread.name in ("runstone-meters", "runstone-gpus")]


def test_a_short_run_has_one_reading(tmp_path: Path) -> None:
    """The first reading is where counting begins; the end of the run takes one of what was used since."""
    meters = FixedMeters([{"first": 1.0}, {"system.cpu.percent": 12.5}])
    assert metrics(tmp_path, meters, system_metrics=True) == [{"values": {"system.cpu.percent": 12.5}, "step": None}]
    assert meters.closed


@pytest.mark.parametrize("every", [float("inf"), pytest.param(10**400, id="huge"), float("nan"), 0, "often"])
def test_a_time_that_is_none_is_watched_all_the_same(tmp_path: Path, every: Any) -> None:
    """As often or as seldom as can be: the thread waits, and the end takes its reading."""
    store = open_store(tmp_path / "runs", meters=FixedMeters([{}, *[{"system.cpu.percent": 1.0}] * 99]))
    with store.run("job", run_id="r") as run:
        run.watch_system(every)
    assert of_type(store, "r", "metric")
    assert names() == []


def test_nothing_is_watched_that_nobody_asked_for(tmp_path: Path) -> None:
    """No thread, no metric."""
    assert metrics(tmp_path, FixedMeters([{"a": 1.0}])) == []


class Signalling(FixedMeters):
    """Says when it was read so many times."""

    def __init__(self, readings: Sequence[Mapping[str, float]], times: int) -> None:
        super().__init__(readings)
        self._left = times
        self.read_enough = threading.Event()

    def read(self) -> dict[str, float]:
        self._left -= 1
        if self._left == 0:
            self.read_enough.set()
        return super().read()


def test_it_goes_on_until_the_run_ends(tmp_path: Path) -> None:
    """A reading every so often, and no thread afterwards."""
    meters = Signalling([{"system.x": float(number)} for number in range(100)], 4)
    store = open_store(tmp_path / "runs", meters=meters)
    with store.run("job", run_id="r") as run:
        run.watch_system(every=0)
        run.watch_system(every=0)
        assert meters.read_enough.wait(30)
    found = [event["values"]["system.x"] for event in of_type(store, "r", "metric")]
    assert len(found) >= 3
    assert found == [float(number) for number in range(1, len(found) + 1)]


def test_cards_are_recorded_beside(tmp_path: Path) -> None:
    """On a thread of their own."""
    store = open_store(tmp_path / "runs", meters=FixedMeters(gpus={"system.gpu.0.percent": 5.0}))
    seen = threading.Event()
    with store.run("job", run_id="r") as run:
        run.writer.tap = lambda line, _: seen.set() if b"gpu" in line else None
        run.watch_system()
        assert seen.wait(30)
    assert {"system.gpu.0.percent": 5.0} in [event["values"] for event in of_type(store, "r", "metric")]


def test_a_slow_card_delays_nothing(tmp_path: Path) -> None:
    """The run ends while the card is still asked."""

    class Slow(FixedMeters):
        def __init__(self) -> None:
            super().__init__([{}, {"system.x": 1.0}])
            self.asked = threading.Event()
            self.answer = threading.Event()

        def read_gpus(self) -> dict[str, float]:
            self.asked.set()
            self.answer.wait(60)
            return {"system.gpu.0.percent": 1.0}

    meters = Slow()
    store = open_store(tmp_path / "runs", meters=meters)
    with store.run("job", run_id="r") as run:
        run.watch_system()
        assert meters.asked.wait(30)
    assert [event["values"] for event in of_type(store, "r", "metric")] == [{"system.x": 1.0}]
    meters.answer.set()


def test_a_journal_that_fails_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a strict run, too, nothing of it reaches the program."""
    store = open_store(tmp_path / "runs", meters=FixedMeters([{"system.x": 1.0}]))
    run = store.run("job", run_id="r", strict=True)
    run.watch_system(every="often")  # type: ignore[arg-type]  # anybody may
    monkeypatch.setattr(run, "metrics", lambda values: 1 / 0)
    run.finish()
    assert store.get("r").status == "success"


FORKED = """
import os, warnings, runstone
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread, from Python 3.12
with runstone.open("memory:").run("job", run_id="r", system_metrics=True) as run:
    child = os.fork()
    if child == 0:
        run.finish()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(run.status)
"""


def test_a_forked_child_watches_nothing() -> None:
    """The parent's run goes on, the child's copy ends at once."""
    done = python(FORKED)
    assert (done.stdout, done.stderr) == ("0\nsuccess\n", "")


def test_the_machine_is_read(tmp_path: Path) -> None:
    """With the system's own meters the run has the memory of this process."""
    import runstone

    if not os.path.exists("/proc/self/statm"):
        pytest.skip("other OS")
    store = runstone.open(tmp_path / "runs")
    with store.run("job", run_id="r", system_metrics=True):
        pass
    (event, *_) = of_type(store, "r", "metric")
    assert event["values"]["system.process.memory.rss_bytes"] > 1 << 20
