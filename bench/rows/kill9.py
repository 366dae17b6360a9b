"""Events left after `kill -9` at full speed: per cent of those whose call had returned.

A child appends as fast as it can and, after each call returns, raises a counter in shared memory. The
parent kills it once the counter passes a number; the moment within the call is chance. Helpers that outlive
the child get three seconds to finish. Then a fresh process counts what can be read; for Runstone it
recovers the store first, and says what the run calls itself.

Floor: `floor:bare`, one `os.write` an event, nothing synced: what the kernel has, a killed process cannot
lose.
"""

import mmap
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.contenders import RECORDER_PEERS, load_recorder
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.base import Run
from bench.processes import adopt_orphans, own_children, run_forked
from bench.workload import inputs_for, make_events, params_for

KILL_AFTER = 50_000
MAX_SECONDS = 8.0
HELPERS_S = 3.0
POLL_S = 0.0005
GIVE_UP_S = 60.0
"""The child ends by itself after this, should its parent be gone."""


def record_until_killed(name: str, scratch: Path, counter: mmap.mmap) -> None:
    """Append without end, counting the calls that returned."""

    def body(run: Run) -> None:
        events, append = make_events(), run.event
        returned = memoryview(counter).cast("Q")
        number = 0
        give_up = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up:
            for event in events:
                append(event)
                number += 1
                returned[0] = number

    load_recorder(name, scratch).record(0, params_for(0), inputs_for(0), body)


def kill_at_speed(name: str, scratch: Path) -> int:
    """Start a child, kill it while it appends; how many calls had returned."""
    counter = mmap.mmap(-1, 8)
    child = multiprocessing.get_context("fork").Process(target=record_until_killed, args=(name, scratch, counter))
    child.start()
    returned = memoryview(counter).cast("Q")
    begun = None
    while child.is_alive() and returned[0] < KILL_AFTER:
        if returned[0] and begun is None:
            begun = time.monotonic()
        if begun and time.monotonic() - begun > MAX_SECONDS:
            break
        time.sleep(POLL_S)
    child.kill()
    child.join()
    return int(returned[0])


def end_helpers() -> int:
    """Give processes that outlived the child time to finish, then end them; how many there were."""
    helpers = own_children()
    if helpers:
        time.sleep(HELPERS_S)
    for pid in own_children():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return len(helpers)


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Kill each contender's recorder once and count."""
    adopt_orphans()
    found = []
    for name in contenders:
        returned = kill_at_speed(name, scratch)
        helpers = end_helpers()
        readable, status = run_forked(partial(read_back, name, scratch))
        found.append(
            Measurement(
                name,
                100.0 * min(readable, returned) / returned if returned else float("nan"),
                "%",
                details={
                    "returned": returned,
                    "readable": readable,
                    "helpers": helpers,
                    "status": status,
                    "says_interrupted": int(status == "interrupted"),
                },
            )
        )
    return found


def read_back(name: str, scratch: Path) -> tuple[int, str | None]:
    """In a process of its own: events that can be read, and the run's status."""
    recorder = load_recorder(name, scratch)
    return recorder.count_events(), recorder.status_after_kill()


ROW = Row(
    "kill9",
    "Events left after kill -9 at full speed",
    (
        Case(
            measure,
            floor="floor:bare",
            peers=RECORDER_PEERS,
            targets=(
                Target("value", 100.0, "100 %", at_least=True),
                Target("says_interrupted", 1, "the run says `interrupted`", at_least=True),
            ),
            columns=("returned", "readable", "status", "helpers"),
            max_reps=3,
            one_process_each=True,
        ),
    ),
)
