"""Several candidates beside one baseline, as a table: what differs in one of them at least, a column each."""

from __future__ import annotations

from runstone.core.diff.difference import ADDED, REMOVED
from runstone.core.diff.page import MAX_NAME_CELLS, WIDTH, cut, side_lines
from runstone.core.diff.words import change_text, percent_text, short, value_text
from runstone.core.readable import number_texts
from runstone.core.terminal import narrowed, safe_text, text_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.diff.comparison import Comparison
    from runstone.core.diff.difference import Difference
    from runstone.core.diff.page import Line

MAX_CELL: Final = 24
MIN_CELL: Final = 8
_TOLD: Final = {"run": "", "decision": "decision.", "checks": "check.", "scores": "score.", "metrics": "metric."}
"""Sections whose differences have a row each, and what stands before their names; of the others there is a count."""
_STYLES: Final = {"same": "good", "differs": "bad", "=": "dim", "fail": "bad", "failed": "bad", "pass": "good"}

Table = dict[tuple[int, str], dict[int, str]]
"""Row, by the place of its section and its name → column (0 is the baseline) → text."""


def matrix(comparison: Comparison, width: int | None) -> Iterator[Line]:
    """Who is compared; then the table, in blocks of as many candidates as fit beside the baseline."""
    candidates = comparison.all()
    wide = len(str(len(candidates)))
    yield from side_lines("base".ljust(wide), comparison.a, width)
    for number, candidate in enumerate(candidates, 1):
        yield from side_lines(str(number).rjust(max(4, wide)), candidate.b, width)
    table = _table(candidates)
    names = [safe_text(name) for _, name in table]
    cells = [[row.get(column, "=") for column in range(len(candidates) + 1)] for row in table.values()]
    columns = [["base", *(row[0] for row in cells)]]
    columns += [[str(number), *(row[number] for row in cells)] for number in range(1, len(candidates) + 1)]
    for block in _blocks(["", *names], columns, width):
        yield []
        yield from block


def _table(candidates: list[Comparison]) -> Table:
    rows: Table = {(-1, "outcome"): {0: short(candidates[0].a["outcome_digest"])}}
    for number, candidate in enumerate(candidates, 1):
        rows[(-1, "outcome")][number] = "same" if candidate.same else "differs"
        for item in candidate.differences:
            if item.section in _TOLD:
                place = list(_TOLD).index(item.section)
                base, cell = _cells(item)
                row = rows.setdefault((place, _TOLD[item.section] + item.name), {0: base})
                row[0] = max(row[0], base, key=len)  # the one of most digits
                row[number] = f"{row[number]}, {cell}" if number in row else cell
            else:
                row = rows.setdefault((len(_TOLD), item.section), {0: ""})
                row[number] = str(int(row.get(number, "0 ").partition(" ")[0]) + 1) + " differ"
    return dict(sorted(rows.items(), key=lambda row: row[0][0]))


def _cells(item: Difference) -> tuple[str, str]:
    """What stands below the baseline and below the candidate."""
    values = [_told(item.a), _told(item.b)]
    numbers = number_texts([value if type(value) in (int, float) else None for value in values])
    a, b = (
        number if type(value) in (int, float) else value if isinstance(value, str) else value_text(value)
        for value, number in zip(values, numbers, strict=True)
    )
    change = percent_text(item.relative) if item.relative is not None else change_text(item)
    return (
        "-" if item.change == ADDED else a,
        "-" if item.change == REMOVED else f"{b} ({change})" if change else b,
    )


def _told(value: Any) -> Any:
    """Of a metric the last, of a decision its outcome."""
    for field in ("last", "outcome"):
        if isinstance(value, dict) and field in value:
            return _told(value[field])
    return value


def _blocks(names: list[str], columns: list[list[str]], width: int | None) -> Iterator[list[Line]]:
    """Tables of the names, the baseline, and candidates until the room is used; one candidate at least."""
    room = width or WIDTH
    base, *shown = [[cut(safe_text(text), MAX_CELL) for text in column] for column in columns]
    cells = 2 + _widest(base) + 2 + max(map(_widest, shown))
    most = min(MAX_NAME_CELLS, max(room // 3, room - cells))
    lead = max(text_width(name) for name in names if text_width(name) <= most)
    base = [cut(text, max(MIN_CELL, (room - lead) // 2 - 2)) for text in base]
    most = max(MIN_CELL, room - lead - _widest(base) - 4)
    shown = [[cut(text, most) for text in column] for column in shown]
    block: list[list[str]] = [base]
    for column in shown:
        if len(block) > 1 and lead + sum(2 + _widest(cells) for cells in (*block, column)) > room:
            yield list(_lines(names, lead, block, width))
            block = [base]
        block.append(column)
    yield list(_lines(names, lead, block, width))


def _lines(names: list[str], lead: int, columns: list[list[str]], width: int | None) -> Iterator[Line]:
    """Rows of names and cells; a name that is wider than `lead` stands above its row."""
    widths = [_widest(column) for column in columns]
    for number, row in enumerate(zip(*columns, strict=True)):
        name = names[number]
        if text_width(name) > lead:
            yield [(narrowed(name, width, "...") if width else name, "")]
            name = ""
        line: Line = [(name, ""), (" " * (lead - text_width(name)), "")]
        for text, cells in zip(row, widths, strict=True):
            line += [("  ", ""), (text, _STYLES.get(text, "") if number else "dim")]
            line.append((" " * (cells - text_width(text)), ""))
        yield line[:-1]


def _widest(column: list[str]) -> int:
    return max(map(text_width, column))
