"""How time is taken.

- A duration is the wall time of the recording thread less the time that the kernel says this thread sat
  runnable without a core (`/proc/thread-self/schedstat`, second field), so that other work on a shared
  machine does not count as ours.
- Waiting for the disk, for locks and for the interpreter's lock is in it.
- Helper threads and processes that compete for the cores are not corrected for.
- Where the kernel has no such file the run-queue wait is taken as nothing, and the duration is plain wall
  time.
"""

import time
from types import TracebackType
from typing import Self


def run_queue_wait_s() -> float:
    """Seconds that the calling thread has been runnable but without a core, since it started."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class Stopwatch:
    """Times the body of a `with`; may be entered again, and then adds up."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Wall time less run-queue wait."""
        self.wall_s = 0.0
        self.cpu_s = 0.0
        """CPU of the whole process, its helper threads included."""

    def __enter__(self) -> Self:
        self._waited = run_queue_wait_s()
        self._cpu = time.process_time()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wall = time.perf_counter() - self._started
        self.cpu_s += time.process_time() - self._cpu
        waited = run_queue_wait_s() - self._waited
        self.wall_s += wall
        self.seconds += max(1e-9, wall - waited)
