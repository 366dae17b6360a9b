"""What the machine uses while a run is recorded: a thread reads the meters and records metrics.

- It stands in nobody's way: it is a daemon, what it raises ends it and nothing else, and the end of the run waits
  for no program that answers late.
- It ends with the run. A forked child has no such thread.
"""

from __future__ import annotations

import threading
from weakref import WeakSet

from runstone.engine.sealer import is_amid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from runstone.engine.recorder import Run
    from runstone.ports.host import Meters

MIN_SECONDS: Final = 0.1
DEFAULT_SECONDS: Final = 10.0
_watched: Final[WeakSet[Run]] = WeakSet()


def watch_system(run: Run, meters_of: Callable[[], Meters], every: float) -> None:
    """Begin to record; `every` is in seconds. Nothing where the run is watched already."""
    if run not in _watched:
        Watch(run, meters_of(), _seconds(every)).begin()


def _seconds(every: float) -> float:
    try:
        return min(max(MIN_SECONDS, float(every)), threading.TIMEOUT_MAX)
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_SECONDS


class Watch:
    """The thread that records the meters of one run."""

    def __init__(self, run: Run, meters: Meters, every: float) -> None:
        self._run = run
        self._meters = meters
        self._every = every
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Take the first reading, from which rates count, and go on until the run ends."""
        _watched.add(self._run)
        self._run.writer.at_end(self.end)
        self._meters.read()
        try:
            for name, work in (("runstone-meters", self._read), ("runstone-gpus", self._read_gpus)):
                threading.Thread(target=work, name=name, daemon=True).start()
        except RuntimeError as exc:  # there are no more threads to be had
            self._run.writer.say("watch", f"run {self._run.run_id} records no metrics of the system: {exc}")

    def end(self) -> None:
        """Record one reading more, of the time since the last, and stop. A signal handler in the middle of a line for
        which the thread may wait only stops."""
        _watched.discard(self._run)
        self._meters.close()
        if not self._lock.acquire(blocking=not is_amid()):
            self._ended.set()
            return
        try:
            if not self._ended.is_set():
                self._ended.set()
                self._record(self._meters.read())
        finally:
            self._lock.release()

    def _read(self) -> None:
        while not self._ended.wait(self._every):
            with self._lock:
                if not self._ended.is_set():
                    self._record(self._meters.read())

    def _read_gpus(self) -> None:
        """On a thread of its own, as it may take long. Where there are none it ends."""
        while found := self._meters.read_gpus():
            if self._ended.is_set():
                return
            self._record(found)
            self._ended.wait(self._every)

    def _record(self, values: dict[str, float]) -> None:
        if values and self._run.recording:
            try:
                self._run.metrics(values)
            except Exception:  # of a strict run: the work has no part in it
                self._ended.set()
