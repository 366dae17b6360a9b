"""The first event where two journals part, once times, durations, ids and hosts are set aside.

- Lines are compared as bytes with `seq` and `ts` cut out, which stand at known places behind `data`; only lines that
  differ even so, or that carry ids of calls, are parsed.
- `SET_ASIDE` is what does not count of an event's `data`. Ids of calls are compared by the order in which they first
  appear, and text is the same if it is once each run's own id is taken out of it. Of a command's output it does not
  count in which pieces it was read, of `git` events where they stand.
"""

from __future__ import annotations

from runstone.core import parsing
from runstone.core.canonical import canonical_text
from runstone.core.diff.difference import ABSENT, Difference
from runstone.core.diff.printed import Cursor, compare_printed
from runstone.core.diff.values import value_differences
from runstone.core.events import CLOSED, MODEL_CALLED, MODEL_RETURNED, OPENED
from runstone.core.times import is_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.journal import Journal

SET_ASIDE: Final[dict[str, tuple[str, ...]]] = {
    "": ("duration_ms", "duration_ns", "duration_s", "host", "hostname", "pid"),
    OPENED: ("cwd", "idempotency", "links", "platform", "run_id"),
    CLOSED: ("resources",),
    "child": ("digest", "run_id"),
    MODEL_CALLED: ("debug",),
    MODEL_RETURNED: ("debug", "debug_error"),
    "uuid": ("uuid",),
}
"""Event type → members of `data` that do not count; `""` stands for every type."""

_ASIDE: Final = {kind: (*SET_ASIDE[""], *names) for kind, names in SET_ASIDE.items()}

CALL_FIELDS: Final = ("call", "parent")
WITH_CALLS: Final = frozenset({"decision", "tool.called", "tool.returned", MODEL_CALLED, MODEL_RETURNED})

_TIMES: Final = ("_at", "_on", "_utc", "time", "timestamp")
"""How names of members end that hold a time: two times of the form that is usual do not count there."""

FIRST: Final = "first"
MIDDLE: Final = "middle"
LAST: Final = "last"
LENGTH: Final = "length"
"""Where journals part: at their first event, at one in the middle, at the last of both, or where one has ended."""

MAX_PLACES: Final = 20
MAX_SHOWN: Final = 2000
"""Characters of a value that an answer holds; the journals have the rest."""

_OWN_ID: Final = "\0run"
_SEQ: Final = b'"seq":'
_TYPE: Final = b'"type":"'
_CALLS_TAILS: Final = frozenset(b'"type":"%b"}\n' % kind.encode() for kind in WITH_CALLS)
_PASSED: Final = tuple(b'"type":"%b"}\n' % kind for kind in (b"git", b"replay", b"divergence"))
"""`git` is recorded when it has answered, so anywhere; the others tell of a replay, and of nothing that it did."""


def divergence(a: Journal, b: Journal) -> Iterator[Difference]:
    """Where the journals part. What `run.opened` has differs for reasons of its own: where it does, the next place
    is told as well."""
    found = _Pair(a, b).partings()
    first = next(found, None)
    if first is not None:
        yield first
        second = next(found, None) if first.name == FIRST else None
        if second is not None:
            yield second


def _same_bytes(line: bytes, other: bytes) -> bool:
    """Whether two lines have the same bytes but for `seq` and `ts`, and carry no id of a call."""
    at, other_at = line.rfind(_TYPE), other.rfind(_TYPE)
    if line[at:] != other[other_at:] or line[at:] in _CALLS_TAILS:
        return False
    return line[: line.rfind(_SEQ, 0, at)] == other[: other.rfind(_SEQ, 0, other_at)]


class _Pair:
    """Two journals that are read side by side, and what their ids have been so far."""

    def __init__(self, a: Journal, b: Journal) -> None:
        self._counts = a.index.count, b.index.count
        self._own = tuple(journal.opened["data"]["run_id"] for journal in (a, b))
        self._calls: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._a, self._b = Cursor(a.lines(), _PASSED), Cursor(b.lines(), _PASSED)

    def partings(self) -> Iterator[Difference]:
        """Every place where the journals differ while they can be read side by side."""
        a, b = self._a, self._b
        while a.line and b.line:
            if _same_bytes(a.line, b.line):
                a.advance()
                b.advance()
            elif a.prints() or b.prints():
                parted = compare_printed(a, b, self._alike)
                if parted:
                    yield self._printed(*parted)
                    return
            else:
                yield from self._events(a, b)
                a.advance()
                b.advance()

    def _events(self, a: Cursor, b: Cursor) -> Iterator[Difference]:
        """Two events that have not the same bytes, if they differ once what does not count is set aside."""
        sides = [self._event(side, cursor.line) for side, cursor in enumerate((a, b))]
        if repr(sides[0]) == repr(sides[1]):  # the quick answer; `==` would take true for 1
            return
        kinds = [event["type"] for event in sides]
        places = [place for place in value_differences(sides[0], sides[1]) if self._matters(*place)]
        if kinds[0] != kinds[1]:
            places = [("/data", sides[0]["data"], sides[1]["data"])]
        if places:
            shown = [
                {at: _shown(values[side]) for at, *values in places[:MAX_PLACES] if values[side] is not ABSENT}
                for side in (0, 1)
            ]
            yield self._difference((a.number, b.number), kinds, shown)

    def _event(self, side: int, line: bytes) -> Event:
        """An event without what does not count, ids of calls numbered."""
        event: Event = parsing.load(line)
        kind = event["type"]
        aside = _ASIDE.get(kind, SET_ASIDE[""])
        data = {name: value for name, value in event["data"].items() if name not in aside}
        if kind in WITH_CALLS:
            for name in CALL_FIELDS:
                if isinstance(data.get(name), str):
                    data[name] = self._calls[side].setdefault(data[name], len(self._calls[side]))
        return {"data": data, "marks": event.get("marks", []), "type": kind}

    def _matters(self, at: str, a: Any, b: Any) -> bool:
        """Whether it is more than each run's own id, or its time, that differs at a place."""
        if type(a) is not str or type(b) is not str:
            return True
        return not self._alike(a, b) and not (at.endswith(_TIMES) and is_moment(a) and is_moment(b))

    def _alike(self, a: str, b: str) -> bool:
        """Whether two texts differ by nothing but each run's own id."""
        return a.replace(self._own[0], _OWN_ID) == b.replace(self._own[1], _OWN_ID)

    def _printed(self, stream: str, a: tuple[int, str], b: tuple[int, str]) -> Difference:
        """Where output parts; a run that prints nothing more is told by the event that follows instead."""
        numbers, kinds, shown = [a[0], b[0]], ["log", "log"], [{stream: _shown(a[1])}, {stream: _shown(b[1])}]
        for side, cursor in enumerate((self._a, self._b)):
            if numbers[side] == cursor.number and not cursor.prints():
                event = self._event(side, cursor.line)
                kinds[side], shown[side] = event["type"], {"/data": _shown(event["data"])}
        return self._difference((numbers[0], numbers[1]), kinds, shown)

    def _difference(self, numbers: tuple[int, int], kinds: list[str], at: list[dict[str, Any]]) -> Difference:
        sides = [
            {"line": numbers[side], "lines": self._counts[side], "type": kinds[side], "at": at[side]} for side in (0, 1)
        ]
        return Difference("journal", _where(numbers, kinds), *sides)


def _where(numbers: tuple[int, int], kinds: list[str]) -> str:
    if numbers == (1, 1):
        return FIRST
    if CLOSED in kinds:
        return LAST if kinds[0] == kinds[1] else LENGTH
    return MIDDLE


def _shown(value: Any) -> Any:
    """The value, or the beginning of its text where it is long."""
    text = value if isinstance(value, str) else canonical_text(value)
    return value if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
