"""Decide and seal: microseconds a call of a gate, sealed into packs, with so many callers at once.

A call computes one fact, decides by a policy of one rule, makes the decision durable, does nothing as its work, and is
answered when its run is sealed, durable too. Callers are threads, or tasks of one event loop; each calls again as soon
as it is answered. Everything is bound to one core.

Floor: `floor:packs` writes by hand what a run is made of (`bench/peers/floor_packs.py`) with the same two waits a
call: one sync shared by all who wait before the work, and one behind it. It neither redacts nor decides.

`sync us` is what the disk takes for one synced append of 4 KB, measured in the same moment by itself: with few callers,
and on a slow disk, two of those are all there is to a call.
"""

import asyncio
import itertools
import os
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import runstone
from bench.measurement import Case, Measurement, Row, Target, under_load
from bench.peers import floor_packs

CALLERS = (1, 4, 16, 64)
SECONDS = 2.0
WARM_UP_S = 0.5
SYNCS = 50
POLICY = {
    "name": "saw",
    "version": "1",
    "levels": ["GREEN", "RED"],
    "blocks": "RED",
    "rules": [{"id": "speed", "fact": "/speed", "max": 80, "level": "RED"}],
}


def gated(folder: Path, colour: str) -> Callable[[int], object]:
    """Runstone's call."""
    store = runstone.open(folder, packed=True)
    gate = runstone.gate("cut", policy=POLICY, facts=lambda number: {"speed": number % 80}, store=store)

    def work(number: int) -> dict[str, int]:
        return {"cut": number}

    async def work_async(number: int) -> dict[str, int]:
        return {"cut": number}

    return gate(work_async if colour == "asyncio" else work)


def by_hand(folder: Path, colour: str) -> Callable[[int], object]:
    """The floor's call."""
    spool, segment = floor_packs.Spool(folder / "spool"), floor_packs.Segment(folder / "packs")

    def call(number: int) -> dict[str, int]:
        lock = threading.Lock()
        lock.acquire()
        lines = floor_packs.opened(number)
        spool.decide(lines, lock.release)
        lock.acquire()
        segment.put(floor_packs.slice_of(number, lines), lock.release)
        lock.acquire()
        return {"cut": number}

    async def call_async(number: int) -> dict[str, int]:
        loop = asyncio.get_running_loop()
        lines = floor_packs.opened(number)
        await _when_done(loop, partial(spool.decide, lines))
        await _when_done(loop, partial(segment.put, floor_packs.slice_of(number, lines)))
        return {"cut": number}

    return call_async if colour == "asyncio" else call


async def _when_done(loop: asyncio.AbstractEventLoop, begin: Callable[[Callable[[], None]], None]) -> None:
    future = loop.create_future()
    begin(lambda: loop.call_soon_threadsafe(future.set_result, None) and None)
    await future


MAKERS = {"runstone": gated, "floor:packs": by_hand}


def in_threads(call: Callable[[int], object], callers: int, seconds: float) -> list[float]:
    """Seconds of each call."""
    took: list[float] = []
    numbers = itertools.count()
    ends = time.perf_counter() + seconds

    def caller() -> None:
        while (started := time.perf_counter()) < ends:
            call(next(numbers))
            took.append(time.perf_counter() - started)

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def in_tasks(call: Callable[[int], Awaitable[object]], callers: int, seconds: float) -> list[float]:
    """Seconds of each call."""
    took: list[float] = []
    numbers = itertools.count()

    async def caller(ends: float) -> None:
        while (started := time.perf_counter()) < ends:
            await call(next(numbers))
            took.append(time.perf_counter() - started)

    async def everybody() -> None:
        ends = time.perf_counter() + seconds
        await asyncio.gather(*(caller(ends) for _ in range(callers)))

    asyncio.run(everybody())
    return took


def sync_us(scratch: Path) -> float:
    """What the disk takes for a synced append."""
    descriptor = os.open(scratch / "synced", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    took = []
    for _ in range(SYNCS):
        started = time.perf_counter()
        os.write(descriptor, bytes(4096))
        os.fdatasync(descriptor)
        took.append(1e6 * (time.perf_counter() - started))
    os.close(descriptor)
    return statistics.median(took)


def measure(colour: str, callers: int, contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Call for some seconds, one contender after the other, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        return [_measured(colour, callers, name, scratch) for name in contenders]
    finally:
        os.sched_setaffinity(0, cores)


def _measured(colour: str, callers: int, name: str, scratch: Path) -> Measurement:
    call = MAKERS[name](scratch / name.replace(":", "-"), colour)
    load: Callable[..., list[float]] = in_tasks if colour == "asyncio" else in_threads
    load(call, callers, WARM_UP_S)
    disk = sync_us(scratch)
    cpu, started = time.process_time(), time.perf_counter()
    took = load(call, callers, SECONDS)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    return under_load(name, took, wall, "runs_a_s", cpu_us=1e6 * cpu / len(took), sync_us=disk)


def _targets(colour: str, callers: int) -> tuple[Target, ...]:
    if (colour, callers) != ("threads", 16):
        return ()
    return (
        Target("runs_a_s", 10_000, "≥ 10,000 runs/s on one core", at_least=True),
        Target("p99_ms", 10, "p99 ≤ 10 ms"),
    )


ROW = Row(
    "decisions",
    "Decide and seal into packs",
    tuple(
        Case(
            partial(measure, colour, callers),
            name=f"{colour} {callers}",
            floor="floor:packs",
            targets=_targets(colour, callers),
            columns=("runs_a_s", "p50_ms", "p99_ms", "cpu_us", "sync_us"),
            max_reps=3,
        )
        for colour in ("threads", "asyncio")
        for callers in CALLERS
    ),
)
