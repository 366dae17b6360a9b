"""Runs as a pandas table: a row a run, a column a fact. Pandas is loaded when it is asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

_FIXED: Final = (
    "run_id", "kind", "name", "version", "contract", "status", "state", "opened_at", "closed_at", "duration_ms",
    "digest", "outcome_digest", "error",
)  # fmt: skip
_FAMILIES: Final = {"labels": "label", "checks": "check", "metrics": "metric", "scores": "score", "config": "config"}


def frame_of(cards: Iterable[Mapping[str, Any]]) -> Any:
    """The table. Times are UTC; a fact that a run does not have is missing there. Raises `ImportError`."""
    try:
        from pandas import DataFrame, to_datetime
    except ImportError as exc:
        raise ImportError("to_pandas needs pandas, which is not installed: pip install pandas") from exc
    rows = [dict(_columns(card)) for card in cards]
    named = dict.fromkeys(column for row in rows for column in row if column not in _FIXED)
    frame = DataFrame(rows, columns=[*_FIXED, *sorted(named)])
    for column in ("opened_at", "closed_at"):
        frame[column] = to_datetime(frame[column], utc=True)
    return frame


def _columns(card: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for column in _FIXED:
        yield column, card[column]
    for member, family in _FAMILIES.items():
        for name, value in card[member].items():
            yield f"{family}.{name}", _number(value) if family in ("metric", "score") else value


def _number(value: Any) -> Any:
    """What is not finite is text in JSON, and a number here."""
    return float(value.replace("Infinity", "inf")) if isinstance(value, str) else value
