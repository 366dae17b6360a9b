r"""Recorded text in GitHub-flavoured Markdown: shown as it is, and never obeyed.

- Whatever somebody recorded stands in a code span or a fenced block: there no markup, HTML, link, mention, reference,
  emoji or formula is looked for. Only words of this program stand outside.
- In a span, text is one line (`safe_text`); in a block its lines are. What closes a span or a block is longer than
  anything in it.
- In a table `|` parts cells, in a span too: it is written `\|`, and behind a backslash, where renderers differ, shown
  as `\x7c`.
- What is too long is cut, and says so.
"""

from __future__ import annotations

from runstone.core.terminal import safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

MAX_SPAN: Final = 200
"""Characters of a span before it is cut."""
MAX_BLOCK: Final = 16_000
"""Characters of a block; of a longer one the end is shown, where tracebacks say what happened."""
CUT: Final = "…"
EMPTY: Final = "(empty)"


def cell(text: str) -> str:
    """Text of any kind in a cell of `table`."""
    return span(text, "\\|")


def span(text: str, pipe: str = "|") -> str:
    """Text of any kind within a line; `pipe` is how the character is written there."""
    shown = safe_text(text)
    more = CUT if len(shown) > MAX_SPAN else ""
    shown = shown[:MAX_SPAN]
    if pipe != "|":
        shown = shown.replace("\\|", "\\\\x7c").replace("|", pipe)
    if not shown:
        return EMPTY
    mark = "`" * (_longest_run(shown) + 1)
    if shown.strip(" ") and (shown[0] in " `" or shown[-1] in " `"):
        shown = f" {shown} "  # Markdown takes these two away again
    return f"{mark}{shown}{mark}{more}"


def block(text: str) -> str:
    """Text of many lines, in lines of its own; LF and tabs stay, what else controls is shown."""
    lines = ["\t".join(map(safe_text, line.split("\t"))) for line in text.rstrip("\n").split("\n")]
    shown = "\n".join(lines)
    if len(shown) > MAX_BLOCK:
        shown = f"{CUT}{shown[-MAX_BLOCK:]}"
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}\n{shown}\n{fence}\n"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells made by `cell`, or of words and numbers of this program."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _longest_run(text: str) -> int:
    """Of backticks."""
    longest = run = 0
    for mark in text:
        run = run + 1 if mark == "`" else 0
        longest = max(longest, run)
    return longest
