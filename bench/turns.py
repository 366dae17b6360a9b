"""Commands that are spawned in turns with one that does nothing, so that a machine that slows down slows all."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from bench.measurement import Measurement
from bench.processes import Finished


def in_turns(names: Iterable[str], spawn: Callable[[str], Finished], spawns: int) -> dict[str, list[Finished]]:
    """Spawn each by its name, `spawns` times and once more before, which warms up and comes first."""
    runs: dict[str, list[Finished]] = {name: [] for name in names}
    for _ in range(1 + spawns):
        for name, finished in runs.items():
            finished.append(spawn(name))
    return runs


def over_bare(name: str, bare: str, runs: Mapping[str, Sequence[Finished]]) -> Measurement:
    """Milliseconds of wall time of the one over those of the other, the difference of medians; both without warm-up."""
    walls = {each: [1e3 * run.wall_s for run in runs[each][1:]] for each in (name, bare)}
    bare_ms = statistics.median(walls[bare])
    return Measurement(
        name,
        statistics.median(walls[name]) - bare_ms,
        "ms",
        details={
            "min_ms": min(walls[name]) - min(walls[bare]),
            "cpu_ms": 1e3 * statistics.median(run.cpu_s for run in runs[name][1:]),
            "bare_ms": bare_ms,
        },
    )
