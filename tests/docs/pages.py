"""The documentation as its tests see it: pages, sections, tables, fenced code, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "examples", "tools", "bench", "faults", "src", "tests")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_ANY_CODE = re.compile(r"(`+)[^\n]*?\1")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Every Markdown file of the project."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")]
    return sorted(
        [*ROOT.glob("*.md"), *(path for path in found if ".venvs" not in path.parts and ".scratch" not in path.parts)]
    )


def text_of(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(name: str, language: str) -> list[str]:
    """The code of a page in one language."""
    return [code for found, code in _FENCE.findall(text_of(name)) if found == language]


def prose(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^(?: {4}|\t).*$", "", _FENCE.sub("", text), flags=re.MULTILINE)


def sections(name: str, mark: str = "##") -> dict[str, str]:
    """Heading → what stands below it, down to the next heading of that level."""
    parts = re.split(rf"^{mark} (.+)$", text_of(name), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of a text's tables, headings and rules left out."""
    before: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if before and cells and not set("".join(cells)) <= set("-: "):
            yield cells
        before = cells


def codes(text: str) -> list[str]:
    """What stands in backticks."""
    return _CODE.findall(text)


def first_codes(text: str) -> list[str]:
    """What stands in backticks in the first column of a text's tables."""
    return [code for cells in rows(text) for code in codes(cells[0])]


def links(text: str) -> list[str]:
    """Targets of links, code left out."""
    return _LINK.findall(_ANY_CODE.sub("", prose(text)))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as hosting platforms make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
