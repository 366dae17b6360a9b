"""How long a sealed run took, read off the end of its journal: for lists, which open no whole journal.

- The answer is that of `core.totals.duration_ms`: the recorded duration, and without one the time between the first
  and the last event.
- Nothing is proved: that is `engine.verifier`.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.parsing import parse_canonical
from runstone.core.totals import whole_ms
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.reader import Sealed

TAIL_BYTES: Final = 4096
"""Enough for the last line of most runs; a result or an error may make it longer, up to the limit of a line."""


def duration_ms(sealed: Sealed) -> int | None:
    """Whole milliseconds that the run took; `None` where its journal does not end as the format says."""
    try:
        return whole_ms(_last_event(sealed)["data"]["duration_ns"], sealed.opened_at, sealed.closed_at)
    except (RunstoneError, LookupError, TypeError, ValueError):  # a damaged bundle has its line in a list all the same
        return None


def _last_event(sealed: Sealed) -> Any:
    size = {entry["path"]: entry["size"] for entry in sealed.manifest["files"]}[layout.JOURNAL]
    for tail in (TAIL_BYTES, MAX_LINE_BYTES + 1):
        start = max(0, size - tail)
        data = b"".join(sealed.bundle.read(layout.JOURNAL, start, size))
        before = data.rfind(b"\n", 0, -1)
        if before >= 0 or start == 0:
            return parse_canonical(data[before + 1 : -1], limit=MAX_LINE_BYTES)
    raise LookupError("the last line is over the limit")
