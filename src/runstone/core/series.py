"""A metric over the steps of a run, or over its time: what there is to draw of it.

- Two readings of the events, each holding one at a time: the first finds how far a metric reaches, the second puts
  its points into columns. So memory does not grow with the run.
- Along the axis stands the step, where every point of the metric has one; else the seconds since the run was opened.
- `NaN` and infinities are points without a place: they are counted, and nothing is drawn through them.
"""

from __future__ import annotations

from runstone.core.times import SECOND_NS, parse_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final

    from runstone.core.events import Event

    Events = Callable[[], Iterable[Event]]
    """The events of a run in order, the first one with them; called once a reading."""

STEP: Final = "step"
SECONDS: Final = "seconds"


class Reach:
    """How far something reaches; `low` and `high` are `None` before the first."""

    __slots__ = ("high", "low")

    def __init__(self) -> None:
        self.low: float | None = None
        self.high: float | None = None

    def take(self, value: float) -> None:
        """One more."""
        self.low = value if self.low is None or value < self.low else self.low
        self.high = value if self.high is None or value > self.high else self.high

    def share(self, value: float) -> float:
        """Where a value stands between the ends, 0 to 1; in the middle where they are one."""
        low, high = (self.low or 0.0) / 2, (self.high or 0.0) / 2  # half: the difference of two floats may have none
        return (value / 2 - low) / (high - low) if high > low else 0.5


class Column:
    """The points of one column, in order."""

    __slots__ = ("broken", "first", "last", "reach")

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.reach = Reach()
        self.broken = False

    def take(self, value: float | None) -> None:
        """One more point; `None` for one that is no number."""
        if value is None:
            self.broken = True
            return
        self.first = value if self.first is None else self.first
        self.last = value
        self.reach.take(value)


class Series:
    """One metric. `last` is as recorded, so it may be text (`NaN`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last: Any = None
        self.points = 0
        self.unplaced = 0
        self.values = Reach()
        self.columns: list[Column | None] = []
        self._steps = Reach()
        self._seconds = Reach()
        self._stepless = False

    @property
    def axis(self) -> str:
        """What stands along the axis: `step` or `seconds`."""
        return SECONDS if self._stepless else STEP

    @property
    def along(self) -> Reach:
        """From where to where."""
        return self._seconds if self._stepless else self._steps

    def find(self, value: Any, step: int | None, seconds: float) -> None:
        """A point, at the first reading."""
        self.last = value
        self.points += 1
        self._stepless = self._stepless or step is None
        self._steps.take(step or 0)
        self._seconds.take(seconds)
        if isinstance(value, str):
            self.unplaced += 1
        else:
            self.values.take(float(value))

    def place(self, value: Any, step: int | None, seconds: float) -> None:
        """The same point, at the second reading."""
        width = len(self.columns)
        at = min(width - 1, int(self.along.share(seconds if self._stepless else step or 0) * width))
        column = self.columns[at]
        if column is None:
            column = self.columns[at] = Column()
        column.take(None if isinstance(value, str) else float(value))


def series_of(
    events: Events, wanted: Callable[[str], bool], width_of: Callable[[Series], int]
) -> tuple[list[Series], list[str]]:
    """The metrics whose names are wanted, each in as many columns as `width_of` says once its reach is known, and
    the names of all that there are; both in the order in which they were first recorded."""
    found: dict[str, Series | None] = {}
    for name, value, step, seconds in _points(events()):
        if name not in found:
            found[name] = Series(name) if wanted(name) else None
        series = found[name]
        if series is not None:
            series.find(value, step, seconds)
    chosen = [series for series in found.values() if series is not None]
    for series in chosen:
        series.columns = [None] * width_of(series)
    for name, value, step, seconds in _points(events()) if chosen else ():
        series = found.get(name)
        if series is not None:
            series.place(value, step, seconds)
    return chosen, list(found)


def _points(events: Iterable[Event]) -> Iterator[tuple[str, Any, int | None, float]]:
    opened_ns: int | None = None
    for event in events:
        if opened_ns is None:
            opened_ns = parse_time(event["ts"])
        if event["type"] == "metric":
            seconds = (parse_time(event["ts"]) - opened_ns) / SECOND_NS
            for name, value in event["data"]["values"].items():
                yield name, value, event["data"]["step"], seconds
