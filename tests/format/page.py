"""The format page as data: its tables by heading, and its examples by their info string."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

    Table = list[list[str]]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "format" / "bundle-1.md"


def sections(page: Path = PAGE) -> dict[str, str]:
    """Text below each heading, up to the next heading of any level."""
    parts = re.split(r"^#+ (.+)$", _without_examples(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(heading: str, page: Path = PAGE) -> list[Table]:
    """The tables of a section, each a list of rows of cells, without the header."""
    blocks = re.findall(r"(?:^\|.*\n)+", sections(page)[heading], re.MULTILINE)
    return [[_cells(line) for line in block.splitlines()[2:]] for block in blocks]


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def names(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def examples() -> dict[str, str]:
    """Info string behind the language of a fenced block → its text."""
    found = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return dict(found)


def _without_examples(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
