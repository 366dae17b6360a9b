"""A comparison as lines of text: the outcome first, then a section for each kind of thing that differs.

- Lines are cells of text and the name of a style; what prints them escapes and paints.
- `*` marks what makes the outcome another one; `+` b alone has, `-` a alone, `~` both, but not the same.
- With a width, values are cut to it around the place where they begin to differ; without one, at 2,000 characters.
"""

from __future__ import annotations

from runstone.core.diff.difference import ADDED, CHANGED, REMOVED
from runstone.core.diff.words import SAMPLES, change_text, head_texts, side_texts
from runstone.core.terminal import beginning, narrowed, safe_text, text_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, TypeAlias

    from runstone.core.diff.comparison import Comparison
    from runstone.core.diff.difference import Difference

    Cell: TypeAlias = tuple[str, str]
    """Text, and its style: `bold`, `dim`, `good`, `bad`, `warn`, or none."""
    Line: TypeAlias = list[Cell]

WIDTH: Final = 80
"""Where no width is given: how long a line may be before it is set on several."""
MAX_ROWS: Final = 20
"""Differences of a section before the rest is only counted."""
MAX_VALUE_CHARACTERS: Final = 2000
MAX_NAME_CELLS: Final = 32

_MARKS: Final = {ADDED: ("+", "good"), REMOVED: ("-", "bad"), CHANGED: ("~", "warn")}
_BELOW: Final = 6
"""Cells before what stands below the line of a difference."""
_REST_CELLS: Final = 24
"""So many cells are left behind the head of a side, if not half of them."""


def page_text(comparison: Comparison) -> str:
    """The page as plain text, control characters escaped."""
    lines = page(comparison, None)
    return "\n".join("".join(safe_text(text) for text, _ in line).rstrip(" ") for line in lines)


def page(comparison: Comparison, width: int | None) -> Iterator[Line]:
    """The lines of the page; with several candidates a table of them."""
    if comparison.more:
        from runstone.core.diff.matrix import matrix

        yield from matrix(comparison, width)
        return
    yield from _head(comparison, width)
    section = ""
    for number, item in enumerate(comparison.differences):
        if item.section != section:
            section = item.section
            rest = comparison.differences[number:]
            yield []
            yield [(section.upper(), "bold")]
            yield from _section([other for other in rest if other.section == section], width)


def _head(comparison: Comparison, width: int | None) -> Iterator[Line]:
    """Which runs, and whether they have the same outcome."""
    for name, side in (("a", comparison.a), ("b", comparison.b)):
        yield from side_lines(name, side, width)
    yield []
    if comparison.same:
        told: Line = [("outcome", "dim"), ("  ", ""), ("same", "good")]
        yield from _beside_or_below(told, comparison.a["outcome_digest"], width)
    else:
        yield [("outcome", "dim"), ("  ", ""), ("differs", "bad"), (", by what is marked *", "")]
        for name, side in (("a", comparison.a), ("b", comparison.b)):
            yield [(f"      {name}  ", "dim"), (side["outcome_digest"], "dim")]
    if not comparison.differences:
        yield []
        yield [("Nothing differs.", "")]


def side_lines(name: str, side: dict[str, str], width: int | None) -> Iterator[Line]:
    """A run in a line: its id, kind and version, how it ended, when it began; in more where that is too long."""
    what = f"{side['kind']} {side['version'] or ''}".rstrip()
    facts = [safe_text(what), side["status"], side["opened_at"]]
    head: Line = [(f"{name}  ", "dim"), (side["run_id"], "bold")]
    if sum(text_width(text) for text, _ in head) + sum(2 + text_width(text) for text in facts) <= (width or WIDTH):
        yield head + _gapped(facts)
        return
    yield head
    room = (width or MAX_VALUE_CHARACTERS) - text_width(name)
    line: list[str] = []
    for text in (narrowed(facts[0], room - 2, "..."), *facts[1:]):
        if line and sum(2 + text_width(other) for other in (*line, text)) > room:
            yield [(" " * text_width(name), ""), *_gapped(line)]
            line = []
        line.append(text)
    yield [(" " * text_width(name), ""), *_gapped(line)]


def _gapped(texts: list[str]) -> Line:
    return [cell for text in texts for cell in (("  ", ""), (text, ""))]


def _section(items: list[Difference], width: int | None) -> Iterator[Line]:
    shown = items[:MAX_ROWS]
    names = max(min(text_width(safe_text(_name(item))), MAX_NAME_CELLS) for item in shown)
    for item in shown:
        yield from _item(item, names, width)
    if len(items) > MAX_ROWS:
        yield [(f"    ... {len(items) - MAX_ROWS} more; --json has all", "dim")]


def _name(item: Difference) -> str:
    name = " ".join(part for part in (item.name, item.place) if part)
    return name or "(all)"


def _item(item: Difference, names: int, width: int | None) -> Iterator[Line]:
    """A difference in one line, or its sides on lines of their own."""
    mark: Line = [("* " if item.outcome else "  ", "bold"), (f"{_MARKS[item.change][0]} ", _MARKS[item.change][1])]
    name = safe_text(_name(item))
    sides = {side: safe_text(text) for side, text in side_texts(item).items()}
    change = change_text(item)
    space = " " * max(0, names - text_width(name))
    row: Line = [*mark, (name, ""), (space, "")]
    for arrow, text in zip(("  ", " -> "), sides.values(), strict=False):
        row += [(arrow, ""), (text, "")]
    row += [(f"  {change}", "dim")] if change else []
    if item.section != "journal" and sum(text_width(text) for text, _ in row) <= (width or WIDTH):
        yield row
    else:
        head: Line = [*mark, (cut(name, width - 4) if width else name, "")]
        yield from _beside_or_below(head, change, width)
        yield from _stacked(sides, head_texts(item), (width or MAX_VALUE_CHARACTERS + _BELOW + 3) - _BELOW - 3)
    yield from _below(item, width)


def _beside_or_below(line: Line, text: str, width: int | None) -> Iterator[Line]:
    """A line and what is said behind it, on a line of its own where both are too wide."""
    if width and text and sum(text_width(part) for part, _ in line) + 2 + text_width(text) > width:
        yield line
        yield [(" " * _BELOW, ""), (text, "dim")]
    else:
        yield [*line, (f"  {text}" if text else "", "dim")]


def _stacked(sides: dict[str, str], heads: dict[str, str], room: int) -> Iterator[Line]:
    """Each side on a line: its head, cut where little room is left behind it, and the rest, cut around the place where
    they begin to differ."""
    shown = {side: narrowed(head, max(room // 2, room - _REST_CELLS), "...") for side, head in heads.items()}
    room -= max(map(text_width, shown.values()), default=0)
    rests = window([text[len(heads.get(side, "")) :] for side, text in sides.items()], room)
    for side, rest in zip(sides, rests, strict=True):
        yield [(f"{' ' * _BELOW}{side}  ", "dim"), (shown.get(side, "") + rest, "")]


def _below(item: Difference, width: int | None) -> Iterator[Line]:
    """The lines of a text's diff, what was left out, a remark."""
    styles = {"+": "good", "-": "bad", "@": "dim"}
    space = " " * _BELOW
    for line in item.lines or ():
        text = safe_text(line)
        yield [(space, ""), (cut(text, width - _BELOW) if width else text, styles.get(line[:1], ""))]
    if item.more:
        yield [(f"{space}... {item.more} more", "dim")]
    if item.note and item.section != SAMPLES:
        yield [(space + item.note, "dim")]


def window(texts: list[str], room: int) -> list[str]:
    """Texts of at most `room` cells: of longer ones the part in which they begin to differ."""
    if all(text_width(text) <= room for text in texts):
        return texts
    common = 0
    if len(texts) == 2:
        shorter = min(map(len, texts))
        common = next((at for at in range(shorter) if texts[0][at] != texts[1][at]), shorter)
    start = common - room // 3
    return [cut(f"...{text[start + 3 :]}" if start > 3 else text, room) for text in texts]


def cut(text: str, room: int) -> str:
    """`text`, or as much of its beginning as fits `room` cells with `...` behind it."""
    return text if text_width(text) <= room else beginning(text, room - 3) + "..."
