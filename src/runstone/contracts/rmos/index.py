"""The index of runs: rows by what they are asked for, the newest first, with keyset cursors.

The catalog of the store finds them; a row is read from the sealed run, which is proved first, and is what has been
asked for. A run that is damaged, or was deleted, is left out: it never breaks a list.
"""

from __future__ import annotations

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.document import NAME, STATUSES, row_of
from runstone.contracts.rmos.policy import ERROR, LEVELS, UNKNOWN
from runstone.core.card import GIVEN, SEALED
from runstone.core.query import OPENED, Bound, Match, Pattern, Query, exactly
from runstone.core.times import is_time, parse_time
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.contracts.rmos.store import RunStore

MAX_LIMIT: Final = 200
DAY_US: Final = 86_400_000_000
_OTHERS: Final = (*(level for level in LEVELS if level != UNKNOWN), ERROR)
_DAY_CHARACTERS: Final = len("2026-01-02")


class Asked:
    """What runs are asked for; nothing is asked of what is `None`.

    `status` is OK, BLOCKED or ERROR. `date_from` and `date_to` are days, both included, or times in UTC. Raises
    `invalid_query`.
    """

    def __init__(
        self,
        *,
        status: str | None = None,
        mode: str | None = None,
        tool_id_prefix: str | None = None,
        risk_level: str | None = None,
        date_from: str | None = None,
        date_to: str | None = None,
    ) -> None:
        terms: list[Any] = [Match("contract", (Pattern((f"{NAME}/", "")),), negated=False)]
        if status is not None:
            statuses = tuple(Pattern((word,)) for word, shown in STATUSES.items() if shown == status)
            if not statuses:
                raise error("invalid_query", f"status is OK, BLOCKED or ERROR; found {excerpt(status, 40)!r}", column=1)
            terms.append(Match("status", statuses, negated=False))
        if mode is not None:
            terms.append(exactly("kind", mode))
        if risk_level is not None:
            terms.append(_of_risk(risk_level))
        if tool_id_prefix:
            begins = tool_id_prefix[: layout.MAX_LABEL_CHARACTERS]
            terms.append(Match(f"{GIVEN}.{layout.TOOL_LABEL}", (Pattern((begins, "")),), negated=False))
        if date_from is not None:
            terms.append(Bound(OPENED, ">=", _moment(date_from)[0], negated=False))
        if date_to is not None:
            moment, is_day = _moment(date_to)
            terms.append(Bound(OPENED, "<" if is_day else "<=", moment + DAY_US * is_day, negated=False))
        self.query = Query(terms)
        self._tool_id_prefix = tool_id_prefix or ""
        self._risk_level = risk_level

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is what was asked for: the catalog knows the beginnings of long names, and no document."""
        tool_id, risk_level = row["tool_id"], row["risk_level"]
        begins = isinstance(tool_id, str) and tool_id.startswith(self._tool_id_prefix)
        return (begins or not self._tool_id_prefix) and self._risk_level in (None, risk_level)


def _of_risk(risk_level: str) -> Match:
    """The runs of a level; of UNKNOWN, which a document tells also where nothing was decided, those of no other one."""
    is_unknown = risk_level == UNKNOWN
    levels = _OTHERS if is_unknown else (risk_level,)
    return Match("decision.risk", tuple(Pattern((level,)) for level in levels), negated=is_unknown)


def _moment(text: str) -> tuple[float, bool]:
    """Microseconds since 1970, and whether a whole day is meant."""
    begun = text.removesuffix("Z").removesuffix("+00:00").replace(" ", "T")
    whole = begun + "0000-01-01T00:00:00.000000Z"[len(begun) :]
    if len(begun) < _DAY_CHARACTERS or not is_time(whole):
        raise error("invalid_query", f"expected a day or a time in UTC, found {excerpt(text, 40)!r}", column=1)
    return parse_time(whole) / 1000, len(begun) == _DAY_CHARACTERS


class Rows:
    """Rows of a list, and the cursor behind which the others are; `None` where there are no others."""

    __slots__ = ("items", "next_cursor")

    def __init__(self, items: list[dict[str, Any]], next_cursor: str | None) -> None:
        self.items = items
        self.next_cursor = next_cursor


def rows(store: RunStore, asked: Asked, limit: int, cursor: str | None) -> Rows:
    """At most `limit` rows (1 to 200) behind a cursor. Raises `invalid_option`, `invalid_cursor`."""
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise error("invalid_option", f"limit is 1 to {MAX_LIMIT}", option="limit")
    items: list[dict[str, Any]] = []
    while True:
        page = store.store.page(asked.query, limit=limit - len(items), after=cursor)
        sealed = [found["run_id"] for found in page.rows if found["state"] == SEALED]
        items += [row for row in rows_of(store, sealed) if asked.fits(row)]
        cursor = page.next
        if cursor is None or len(items) == limit:
            return Rows(items, cursor)


def rows_of(store: RunStore, run_ids: list[str]) -> list[dict[str, Any]]:
    """The rows of runs, without those that are damaged or were deleted."""
    return [row for run_id in run_ids if (row := _row(store, run_id)) is not None]


def _row(store: RunStore, run_id: str) -> dict[str, Any] | None:
    """The row of a run; `None` where it is not what was sealed, or was deleted."""
    try:
        store.prove(run_id)
        return row_of(store.document(run_id), str(store.path(run_id)))
    except RunstoneError:
        return None
