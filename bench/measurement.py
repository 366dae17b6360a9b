"""What a measurement is, and its form as one JSON line.

A results file holds one object a line, told apart by `record`: `machine` (first), `measurement`,
`unmeasured`.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass
class Measurement:
    """One value of one contender in one repeat."""

    contender: str
    value: float
    unit: str
    beside: float | None = None
    """What the value is a ratio to: the row's floor, measured right beside it."""
    details: dict[str, Any] = field(default_factory=dict)
    row: str = ""
    case: str = ""
    rep: int = 0
    version: str | None = None
    """Of the contender's distribution; None for what has none."""

    @property
    def ratio(self) -> float | None:
        """Value over the floor beside it."""
        return self.value / self.beside if self.beside else None

    def number(self, name: str) -> float | None:
        """`value`, `ratio` or a numeric detail, by name."""
        found = getattr(self, name) if name in ("value", "ratio") else self.details.get(name)
        return float(found) if isinstance(found, (int, float)) else None


def under_load(contender: str, took_s: Iterable[float], wall_s: float, rate: str, **details: float) -> Measurement:
    """Of calls that took `took_s` each while `wall_s` went by: the time for one, how many a second (the detail `rate`),
    the median and the 99th percentile of a call."""
    took = sorted(took_s)
    return Measurement(
        contender,
        1e6 * wall_s / len(took),
        "us",
        details={
            rate: len(took) / wall_s,
            "p50_ms": 1e3 * took[len(took) // 2],
            "p99_ms": 1e3 * took[int(0.99 * (len(took) - 1))],
            **details,
        },
    )


@dataclass(frozen=True)
class Unmeasured:
    """A contender that could not be measured, and why."""

    row: str
    case: str
    contender: str
    reason: str


@dataclass(frozen=True)
class Target:
    """A bound on the median of one number of Runstone's measurements. Reported, never asserted."""

    number: str
    """`value`, `ratio`, or the name of a detail."""
    bound: float
    text: str
    at_least: bool = False

    def met_by(self, found: float) -> bool:
        """Whether a median is within the bound."""
        return found >= self.bound if self.at_least else found <= self.bound


@dataclass(frozen=True)
class Case:
    """One table: who is measured, beside which floor, against which targets."""

    measure: Callable[[Sequence[str], Path], list[Measurement]]
    """Takes contenders, to be measured interleaved in this process, and an empty folder."""
    floor: str
    """The contender that ratios are to."""
    targets: tuple[Target, ...] = ()
    name: str = ""
    references: tuple[str, ...] = ()
    """Further floors, measured with the first for orientation."""
    peers: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """Details that the table shows."""
    max_reps: int = 10
    peer_number: str = "value"
    """What peers are compared by."""
    ours: str = "runstone"
    ratio_to: str = "floor"
    """What ratios are to, in a word."""
    measured_with: str = ""
    """The case whose workers measure this one too: for tables that take one and the same long preparation."""
    timeout_s: int = 180
    """For one worker."""
    one_process_each: bool = False
    """Floors and ours have a process each, where a neighbour would be seen; else they alternate in one."""


@dataclass(frozen=True)
class Row:
    """One row of the table of targets."""

    name: str
    title: str
    cases: tuple[Case, ...]


def write_record(out: TextIO, record: str, fields: dict[str, Any]) -> None:
    """Append one JSON line."""
    out.write(json.dumps({"record": record, **fields}) + "\n")
    out.flush()


def write_measurement(out: TextIO, measurement: Measurement) -> None:
    """Append a measurement, its ratio spelled out for other readers."""
    fields = dataclasses.asdict(measurement)
    write_record(out, "measurement", {**fields, "ratio": measurement.ratio})


def measurement_from(fields: dict[str, Any]) -> Measurement:
    """The measurement that `write_measurement` wrote."""
    names = {item.name for item in dataclasses.fields(Measurement)}
    return Measurement(**{name: value for name, value in fields.items() if name in names})


def read_records(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Every line of the results files, in order."""
    for path in paths:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
