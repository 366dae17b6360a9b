"""Two tables side by side: rows by the first column where its values are unique, else by their number."""

from __future__ import annotations

from runstone.core.diff.difference import ABSENT
from runstone.core.values import is_finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    Cell: TypeAlias = tuple[str, Any, Any, tuple[Any, Any]]
    """Where, what stands there on both sides, and the numbers that these are."""
    Rows: TypeAlias = dict[str, dict[str, str]]
    """Row by name, cell by column."""


def table_differences(a: str, b: str, delimiter: str) -> Iterator[Cell] | None:
    """Columns, rows and cells that differ; `None` where the texts are no tables whose rows can be told apart."""
    tables = [_parsed(text, delimiter) for text in (a, b)]
    if not all(tables):
        return None
    (head, *body), (other_head, *other_body) = tables
    sides = [_by_key(head, body), _by_key(other_head, other_body)]
    if head[0] != other_head[0] or None in sides:
        if len(body) != len(other_body):
            return None
        sides = [_by_number(head, body), _by_number(other_head, other_body)]
    return _places(head, other_head, *sides)  # type: ignore[arg-type]  # neither is None here


def _parsed(text: str, delimiter: str) -> list[list[str]]:
    """The rows, the first one the header; none where it is no header, or a row is longer."""
    import csv

    try:
        lines = (f"{line}\n" for line in text.split("\n"))
        rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
    except csv.Error:
        return []
    head = rows[0] if rows else []
    return rows if len(set(head)) == len(head) and all(len(row) <= len(head) for row in rows) else []


def _by_key(head: list[str], body: list[list[str]]) -> Rows | None:
    rows = {f"row {row[0]}": dict(zip(head, row, strict=False)) for row in body}
    return rows if len(rows) == len(body) else None


def _by_number(head: list[str], body: list[list[str]]) -> Rows:
    return {f"row {number}": dict(zip(head, row, strict=False)) for number, row in enumerate(body, 1)}


def _places(head: list[str], other_head: list[str], a: Rows, b: Rows) -> Iterator[Cell]:
    shared = [column for column in head if column in other_head]
    for column in [*head, *(column for column in other_head if column not in head)]:
        if column not in shared:
            left, right = (column if column in columns else ABSENT for columns in (head, other_head))
            yield f"column {column}", left, right, (None, None)
    for name in [*a, *(name for name in b if name not in a)]:
        one, other = a.get(name), b.get(name)
        if one is None or other is None:
            yield name, ABSENT if one is None else one, ABSENT if other is None else other, (None, None)
            continue
        for column in shared:
            left, right = one.get(column, ABSENT), other.get(column, ABSENT)
            if left != right:
                yield f"{name}, {column}", left, right, (_number(left), _number(right))


def _number(cell: Any) -> float | None:
    """The finite number that a cell spells."""
    try:
        number = float(cell) if isinstance(cell, str) and "_" not in cell else None
    except ValueError:
        return None
    return number if number is not None and is_finite(number) else None
