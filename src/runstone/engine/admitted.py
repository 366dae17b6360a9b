"""An event on its way into a journal: coerced, redacted, within the limits; it lacks its number and its time."""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.events import CLOSED, DROPPED, data_problem, event_line
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.parsing import load
from runstone.core.values import TRUNCATED, coerce
from runstone.engine import facts as told
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark


class Admitted:
    """An event that may be recorded: coerced, redacted, within the limits. `dropped` counts what it stands for."""

    __slots__ = ("body", "dropped", "kind", "marks")

    def __init__(self, kind: str, body: bytes, marks: list[Mark], dropped: int = 0) -> None:
        self.kind = kind
        self.body = body
        self.marks = marks
        self.dropped = dropped

    def line(self, seq: int, ts: str) -> bytes:
        """The journal line."""
        return event_line(self.kind, self.body, seq, ts, self.marks)

    @property
    def redactions(self) -> int:
        """How many `redacted:` marks it carries."""
        return sum(mark[1].startswith("redacted:") for mark in self.marks)

    @property
    def fits(self) -> bool:
        """Whether its line, with the longest number there is, is within the limit."""
        if not self.marks and len(self.body) < MAX_LINE_BYTES // 2:
            return True
        return len(self.line(10**15, "2026-01-02T03:04:05.000000Z")) <= MAX_LINE_BYTES

    def with_redactions(self, before: int) -> Admitted:
        """As `run.closed`: its data with the count of all redactions, `before` and its own."""
        if not before and not self.marks:
            return self
        data = {**load(self.body), "redactions": before + self.redactions}
        return Admitted(self.kind, canonical.canonical_bytes(data), self.marks, self.dropped)


def admit(kind: str, data: Any, marks: list[Mark], redactor: Redactor) -> Admitted:
    """An event as it is recorded. Raises `too_deep`, `invalid_event`, and `too_large` for a key."""
    tree, found = coerce(data)
    marks = marks + found
    tree = redactor.tree(tree, marks)
    if problem := data_problem(kind, tree):
        raise error("invalid_event", f"event {kind}: {problem}", type=kind)
    told.check_keys(tree)
    return Admitted(kind, canonical.canonical_bytes(tree), marks)


def dropped_event(events: int, size: int, reason: str, sha256: str | None) -> Admitted:
    """What tells of something that was left out."""
    data = {"events": events, "bytes": size, "reason": reason, "sha256": sha256}
    return Admitted(DROPPED, canonical.canonical_bytes(data), [], events)


def closing_event(
    closed: dict[str, Any], marks: list[Mark], admitted: Callable[[str, dict[str, Any], list[Mark]], Admitted]
) -> Admitted:
    """`run.closed`, without what cannot be told or would make it too long: that must not keep the run open."""

    def without(*names: str) -> Admitted:
        cut: list[Mark] = [["/" + name, TRUNCATED] for name in names if closed[name] is not None]
        return admitted(CLOSED, {**closed, **dict.fromkeys(names)}, cut)

    try:
        event = admitted(CLOSED, closed, list(marks))
    except RunstoneError:
        event = without("error", "exit", "resources", "result")
    return event if event.fits else without("error", "resources", "result")
