"""A run that is still being recorded, as a whole journal: what folds would see if it were closed now."""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.events import CLOSED, event_line
from runstone.core.journal import Journal, JournalIndex, whole_lines, with_last_line
from runstone.core.values import coerce

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
    """The journal as it stands, with `closed` as the data of a last line; `None` for a run without one.

    Raises `RunstoneError` where it cannot be read.
    """
    journal = writer.journal
    if journal is None or not writer.size:
        return None
    size, index = writer.size, JournalIndex()
    for lines in whole_lines(journal.read(0, size)):
        index.feed(lines)
    end = event_line(CLOSED, canonical_bytes(coerce(dict(closed))[0]), index.count, _LAST, [])
    index.feed(end)
    return Journal(index, with_last_line(journal.read, size, end))
