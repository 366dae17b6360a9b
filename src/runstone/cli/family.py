"""The section of `show` on the runs below a run: a tree, and what all of it comes to."""

from __future__ import annotations

from typing import Any, Final

from runstone.cli.ls import status_span
from runstone.cli.measures import count_text, duration_text
from runstone.cli.rendering import Cell, Column, Screen, Span

MAX_CHILDREN: Final = 50
"""Runs of the tree before the rest is only counted; `--json` has all."""
INDENT: Final = "  "
MAX_INDENTS: Final = 8
CHECK_STYLES: Final = {"fail": "bad", "skip": "warn", "pass": "good"}
"""Status of a check → its style, the worst first."""

_COLUMNS: Final = (
    Column("RUN"),
    Column("KIND", flexible=True),
    Column("STATUS"),
    Column("TOOK", right=True, keep=4),
    Column("CHECKS"),
    Column("OUTPUTS", right=True, keep=3),
    Column("METRICS", right=True, keep=2),
    Column("REDACTED", right=True, keep=1),
)


def children(screen: Screen, summary: dict[str, Any]) -> None:
    """Children, theirs below them, and the sums."""
    rows = summary["children"]
    if not rows:
        return
    total = summary["children_total"]
    statuses = ", ".join(f"{count} {status}" for status, count in total["statuses"].items())
    screen.heading("CHILDREN", f"{count_text(total['runs'], 'run')}: {statuses}")
    screen.listing(_COLUMNS, [*map(_row, rows[:MAX_CHILDREN]), _total(total)])
    if len(rows) > MAX_CHILDREN:
        screen.line(Span(f"… and {len(rows) - MAX_CHILDREN} more; --json has all", "dim"))
    if total["unread"]:
        screen.line(
            Span(f"of {count_text(total['unread'], 'run')} the sums know nothing: open, damaged, or not here", "dim")
        )
    for row in rows:
        if row["digest"] and row["recorded_digest"] and row["digest"] != row["recorded_digest"]:
            screen.wrapped("", [Span(f"{row['run_id']} is not the run that {row['parent']} recorded", "bad")], indent=0)


def _row(row: dict[str, Any]) -> list[Cell]:
    name = INDENT * min(row["depth"], MAX_INDENTS) + row["run_id"]
    return [name, "-" if row["kind"] is None else row["kind"], status_span(row["status"]), *_numbers(row)]


def _total(total: dict[str, Any]) -> list[Cell]:
    return [Span("all", "bold"), "", "", *_numbers(total)]


def _numbers(row: dict[str, Any]) -> list[Cell]:
    if row["duration_ms"] is None:
        return ["-"] * 5
    counts = [str(row[name]) for name in ("outputs", "metrics", "redactions")]
    return [duration_text(row["duration_ms"]), _checks(row["checks"]), *counts]


def _checks(found: dict[str, int]) -> Cell:
    """How many checks ended how, in the colour of the worst."""
    words = [(f"{found[status]} {status}", style) for status, style in CHECK_STYLES.items() if found[status]]
    return Span(", ".join(text for text, _ in words), words[0][1]) if words else "-"
