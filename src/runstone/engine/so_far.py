"""A run that is still being recorded, as a whole journal: what folds would see if it were closed now."""

from __future__ import annotations

from runstone.core.journal import Journal, JournalIndex, whole_lines, with_last_line
from runstone.engine.admitted import admit, closing_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.engine.writer import JournalWriter

BLANK: Final[dict[str, Any]] = {
    "exit": None,
    "error": None,
    "result": None,
    "duration_ns": None,
    "resources": None,
    "torn_bytes": 0,
    "lost": [],
    "redactions": 0,
    "dropped": 0,
}
"""What `run.closed` has beside the status, where nothing is known."""

_LAST: Final = "9999-12-31T23:59:59.999999Z"
"""When a run that is not closed was closed: no document's shape depends on it."""


def journal_so_far(writer: JournalWriter, closed: Mapping[str, Any]) -> Journal | None:
    """The journal as it stands, with a last line that is made of `closed` as `run.closed` is; `None` for a run without
    one.

    Raises `RunstoneError` where it cannot be read.
    """
    journal = writer.journal
    if journal is None or not writer.size:
        return None
    size, index = writer.size, JournalIndex()
    for lines in whole_lines(journal.read(0, size)):
        index.feed(lines)
    event = closing_event(dict(closed), [], lambda kind, data, marks: admit(kind, data, marks, writer.redactor))
    end = event.line(index.count, _LAST)
    index.feed(end)
    return Journal(index, with_last_line(journal.read, size, end))
