"""What differs in the content of a file that both runs kept: JSON by pointer, CSV by row and column, text by line.

Size and answer are bounded: of what is larger, or no text, the digests alone tell.
"""

from __future__ import annotations

from runstone.core.diff.difference import ABSENT, Difference
from runstone.core.diff.lines import unified
from runstone.core.diff.tables import table_differences
from runstone.core.diff.values import value_differences
from runstone.core.parsing import parse_json
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

MAX_CONTENT_BYTES: Final = 1 << 20
MAX_CONTENT_LINES: Final = 20_000
MAX_PLACES: Final = 100
"""Places in JSON or CSV, or lines of a text's diff, that one file may fill an answer with."""
MAX_LINE_CHARACTERS: Final = 500

JSON: Final = "application/json"
DELIMITERS: Final = {"text/csv": ",", "text/tab-separated-values": "\t"}


def content_differences(name: str, media_type: str, a: bytes, b: bytes) -> tuple[list[Difference], str | None]:
    """The places at which two files differ, in section `content`; or none, and why their digests alone must tell."""
    texts = [_text(data) for data in (a, b)]
    if texts[0] is None or texts[1] is None:
        return [], "not compared by content: no text in UTF-8"
    if max(text.count("\n") for text in texts if text is not None) > MAX_CONTENT_LINES:
        return [], f"not compared by content: over {MAX_CONTENT_LINES} lines"
    if media_type == JSON:
        values = [_json(data) for data in (a, b)]
        if ABSENT not in values:
            return _bounded(_json_places(name, *values)), _SAME_VALUES
    if media_type in DELIMITERS:
        places = table_differences(texts[0], texts[1], DELIMITERS[media_type])
        if places is not None:
            return _bounded(
                Difference("content", name, x, y, place=at, numbers=n) for at, x, y, n in places
            ), _SAME_CELLS
    return [_text_difference(name, texts[0], texts[1])], None


_SAME_VALUES: Final = "the same values, written in another way"
_SAME_CELLS: Final = "the same rows, in another order or written in another way"


def _text(data: bytes) -> str | None:
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _json(data: bytes) -> Any:
    try:
        return parse_json(data)
    except RunstoneError:
        return ABSENT


def _json_places(name: str, a: Any, b: Any) -> Iterable[Difference]:
    for at, left, right in value_differences(a, b):
        yield Difference("content", name, left, right, place=at)


def _bounded(found: Iterable[Difference]) -> list[Difference]:
    """The first places; the last of them says how many more there are."""
    kept: list[Difference] = []
    for item in found:
        if len(kept) < MAX_PLACES:
            kept.append(item)
        else:
            kept[-1].more += 1
    return kept


def _text_difference(name: str, a: str, b: str) -> Difference:
    ended = a.endswith("\n") and b.endswith("\n")  # else the missing end is a difference, and an empty line shows it
    sides = [(text[:-1] if ended else text).split("\n") for text in (a, b)]
    lines = [_cut(line) for line in unified(*sides)]
    item = Difference(
        "content",
        name,
        {"lines": len(sides[0])},
        {"lines": len(sides[1])},
        numbers=(None, None),
        lines=lines[:MAX_PLACES],
    )
    item.more = max(0, len(lines) - MAX_PLACES)
    return item


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE_CHARACTERS else line[:MAX_LINE_CHARACTERS] + "..."
