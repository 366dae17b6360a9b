"""Lists of 10,000 runs: milliseconds for the newest 50, of all or of those that fit one filter, in a process that has
the store open and has asked before.

Every contender records the small runs of `bench.many`, through its own calls, until there are 10,000 or its time is
over: `runs` says how many it had. How long that takes is not measured. Then each question is asked again and again, the
contenders of one process in turns; the value is the median, and the number of rows of every answer is checked.

- `newest 50`: no filter. `kind` fits one run of ten, `label` one of a hundred, `status` one of seven, `metric bound`
  one of a hundred (`metric.loss<0.01`), `words` one of 317 (a word of the log, or of what stands for it).

Floor: `floor:table`, one SQLite table that was made for these questions, an index each, and one statement an answer: no
annotations, no query language, no look at what is new in the store.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from bench.clock import Stopwatch
from bench.many import QUESTIONS, RUNS, Question
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.listers import Ask, Lister, load_lister

FILL_S = 100.0
"""A peer records for so long."""
TIMES = 300
MAX_SECONDS = 2.0
"""A question is not asked again after so long, but is asked twice at least."""
PEERS = ("mlflow:sqlite", "mlflow:file", "inspect:nobuf", "aim")
TARGETS = {
    "newest 50": (Target("value", 0.3, "≤ 0.3 ms"),),
    "kind": (Target("value", 0.3, "≤ 0.3 ms"),),
    "label": (Target("value", 0.3, "≤ 0.3 ms"),),
    "status": (Target("value", 0.3, "≤ 0.3 ms"),),
}


def asked_in_turns(asks: Sequence[Ask], hits: Sequence[int]) -> list[list[float]]:
    """Seconds of each call, by contender; the first call of each warms up and is not counted, but for the slow."""
    took: list[list[float]] = [[] for _ in asks]
    spent = [0.0] * len(asks)
    for turn in range(1 + TIMES):
        for index, (ask, expected) in enumerate(zip(asks, hits, strict=True)):
            if turn > 1 and spent[index] > MAX_SECONDS:
                continue
            watch = Stopwatch()
            with watch:
                found = len(ask())
            if found != expected:
                raise RuntimeError(f"an answer has {found} rows instead of {expected}")
            spent[index] += watch.wall_s
            if turn:
                took[index].append(watch.seconds)
    return took


def measure(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Fill each contender's store, then ask all questions, one question after the other."""
    listers = [load_lister(name, scratch) for name in contenders]
    runs = [lister.fill(RUNS, time.monotonic() + FILL_S) for lister in listers]
    found = [item for question in QUESTIONS for item in answers(question, contenders, listers, runs)]
    for lister in listers:
        lister.close()
    return found


def answers(
    question: Question, contenders: Sequence[str], listers: Sequence[Lister], runs: Sequence[int]
) -> list[Measurement]:
    """One question to those that know it."""
    able = [item for item in zip(contenders, listers, runs, strict=True) if question.name in item[1].questions()]
    asks = [lister.questions()[question.name] for _, lister, _ in able]
    took = asked_in_turns(asks, [question.hits(count) for _, _, count in able])
    return [
        Measurement(
            name,
            1e3 * statistics.median(calls),
            "ms",
            details={
                "p99_ms": 1e3 * sorted(calls)[int(0.99 * len(calls))],
                "runs": count,
                "calls": len(calls),
                "mapping": lister.mapping,
            },
            case=question.name,
        )
        for (name, lister, count), calls in zip(able, took, strict=True)
    ]


ROW = Row(
    "newest",
    "Newest 50 of 10,000 runs, and one filter",
    tuple(
        Case(
            measure,
            name=question.name,
            floor="floor:table",
            peers=PEERS,
            targets=TARGETS.get(question.name, ()),
            columns=("p99_ms", "runs", "calls"),
            max_reps=1,
            measured_with="" if question is QUESTIONS[0] else QUESTIONS[0].name,
            timeout_s=900,
        )
        for question in QUESTIONS
    ),
)
