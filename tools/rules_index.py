"""`python tools/rules_index.py`: write what is made of the redaction rules, after a change of them.

- `core/redaction/index.py`: what the gate of a short process needs of the rules.
- The list in `docs/secrets.md`.

Tests make both anew and compare.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from runstone.core.redaction.rule import Rule

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "src" / "runstone" / "core" / "redaction" / "index.py"
PAGE = ROOT / "docs" / "secrets.md"
LIST = "| rule | what it is | told by |\n| --- | --- | --- |\n"
WIDTH = 114
GLUE = "\x00"
HEAD = '''"""What the gate needs of the rules before any is loaded. Made by `tools/rules_index.py`; do not edit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

'''


def index_text() -> str:
    """The text of the module, from the rules as they are."""
    from runstone.core.redaction.rules import RULES
    from runstone.core.redaction.ruleset import anchors_of, digest_of, digest_of_expressions, ruleset_of

    exact, folded = anchors_of(RULES)
    lines = [
        f'SHA256: Final = "{digest_of(RULES)}"',
        f'EXPRESSIONS_SHA256: Final = "{digest_of_expressions(ruleset_of(RULES).expressions())}"',
    ]
    for name, anchors in (("ANCHORS", exact), ("FOLDED", folded)):
        body = textwrap.wrap(" ".join(map(held, anchors)), WIDTH, break_long_words=False, break_on_hyphens=False)
        lines += [f"{name}: Final = (", *(f"    {line.replace(GLUE, ' ')}" for line in body), ")  # fmt: skip"]
    return HEAD + "\n".join(lines) + "\n"


def row_of(rule: Rule) -> str:
    """The line of a rule in the list."""
    about, source = (text.replace("|", "\\|") for text in (rule.about, rule.source))
    return f"| `{rule.id}` | {about} | {source} |"


def page_text(page: str) -> str:
    """The page with the list as the rules are."""
    from runstone.core.redaction.rules import RULES

    return page.partition(LIST)[0] + LIST + "".join(row_of(rule) + "\n" for rule in RULES)


def held(anchor: bytes) -> str:
    """A literal with its comma; spaces within it are no place to end a line."""
    return quoted(anchor).replace(" ", GLUE) + ","


def quoted(literal: bytes) -> str:
    """A literal as the formatter writes it."""
    spelled = repr(literal)
    return spelled if '"' in spelled[2:-1] or spelled[1] == '"' else f'b"{spelled[2:-1]}"'


if __name__ == "__main__":
    argparse.ArgumentParser(description="Write what is made of the redaction rules.").parse_args()
    PLACE.write_text(index_text(), encoding="utf-8")
    PAGE.write_text(page_text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
