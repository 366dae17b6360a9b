"""Record one call of a tool: microseconds a call, beside the call alone.

The tool makes a list of one text. Contenders of one process take turns, block by block. `us_with_close` adds what it
takes to end the recording, for those who send or write later.

Runstone writes two events a call, one before the work and one behind it, that survive `kill -9`: `runstone` by
`run.tool` with a contract (arguments and result are checked against their schemas, and redacted), `runstone:block` by
`run.tool_call` without one, `runstone:ruled` with a contract and a policy that is asked before each call. A span of
OpenTelemetry and a run of LangSmith are there when the call is over, and are lost with the process until they are sent.

Floor: `floor:call`, two lines of orjson and two writes.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from bench.clock import Stopwatch
from bench.measurement import Case, Measurement, Row
from bench.peers.callers import load_caller

BLOCK = 100
MAX_CALLS = 20_000
MAX_SECONDS = 1.5
PEERS = ("otel:file", "otel:batch", "langsmith", "inspect")


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Call in turns, block by block, until each contender has reached a bound."""
    callers = [load_caller(name, scratch) for name in contenders]
    watches = [Stopwatch() for _ in contenders]
    counts = [0] * len(callers)
    for caller in callers:
        caller.open()
        caller.call("warm up", 0)
    while any(_goes_on(count, watch) for count, watch in zip(counts, watches, strict=True)):
        for index, (caller, watch) in enumerate(zip(callers, watches, strict=True)):
            if _goes_on(counts[index], watch):
                call, first = caller.call, counts[index]
                with watch:
                    for number in range(first, first + BLOCK):
                        call(f"what is the number {number}", number)
                counts[index] += BLOCK
    found = []
    for name, caller, watch, count in zip(contenders, callers, watches, counts, strict=True):
        began = time.perf_counter()
        caller.close()
        whole = watch.seconds + time.perf_counter() - began
        details = {"us_with_close": 1e6 * whole / count, "calls": count, "mapping": caller.mapping}
        found.append(Measurement(name, 1e6 * watch.seconds / count, "µs", details=details))
    return found


def _goes_on(count: int, watch: Stopwatch) -> bool:
    return count < MAX_CALLS and watch.wall_s < MAX_SECONDS


ROW = Row(
    "tool_call",
    "Record one call of a tool",
    (
        Case(
            measure,
            floor="floor:call",
            references=("runstone:block", "runstone:ruled"),
            peers=PEERS,
            columns=("us_with_close", "calls"),
            max_reps=3,
        ),
    ),
)
