"""Import the package: milliseconds over an interpreter that imports nothing.

`python -c "import M"` and `python -c pass` are spawned in turns, with warm page cache and compiled files;
the value is the difference of the medians of wall time.

Floor: `floor:orjson`, the import of orjson in the same environment, which any recorder of this speed needs.
Runstone loads its names when they are first used; `runstone:open` is the import and the opening of a store.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.contenders import CONTENDERS, PEERS
from bench.measurement import Case, Measurement, Row, Target
from bench.processes import Finished, run_command, user_environment
from bench.turns import in_turns, over_bare

SPAWNS = 7
COUNT_MODULES = "import sys; print(len(sys.modules), file=sys.stderr)"


def import_once(code: str, scratch: Path) -> Finished:
    """Run one line of Python in this interpreter."""
    finished = run_command([sys.executable, "-c", code], scratch, user_environment())
    if finished.status != 0:
        raise RuntimeError(finished.stderr)
    return finished


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Import each contender's module in turns with importing nothing; the first of each warms up."""
    codes = {name: CONTENDERS[name].first_lines for name in contenders}
    codes["nothing"] = "pass"
    runs = in_turns(codes, lambda name: import_once(codes[name], scratch), SPAWNS)
    found = []
    for name in contenders:
        measured = over_bare(name, "nothing", runs)
        measured.details["peak_rss_mb"] = max(run.peak_rss_mb for run in runs[name])
        measured.details["modules"] = count_modules(name, scratch)
        found.append(measured)
    return found


def count_modules(name: str, scratch: Path) -> int:
    """Modules loaded after the import, those of the interpreter included."""
    finished = import_once(f"{CONTENDERS[name].first_lines}; {COUNT_MODULES}", scratch)
    return int(finished.stderr.split()[-1])


ROW = Row(
    "import_time",
    "Import",
    (
        Case(
            measure,
            floor="floor:orjson",
            references=("runstone:open",),
            peers=tuple(name for name, peer in PEERS.items() if peer.first_lines),
            targets=(Target("value", 30.0, "≤ 30 ms"),),
            columns=("min_ms", "cpu_ms", "modules", "peak_rss_mb"),
        ),
    ),
)
