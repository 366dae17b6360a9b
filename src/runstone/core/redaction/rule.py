"""What a rule is, and the ends that most patterns share.

- A pattern is compiled with `re.ASCII`: outside ASCII no letter equals another in another case.
- Its time is linear in the text: what is repeated without a bound is a run of a token's own characters, which is
  tried once; every other repeat is bounded.
- Only private keys match a line end, and no secret reaches over a quotation mark of JSON.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


class Rule:
    """One kind of secret.

    `pattern` may name a group `secret`: that part is taken out, else the whole match. Every match contains one of
    `anchors`; with `folds` they are lower case and are looked for in text of which A-Z were made a-z. `example`
    must match, `counter` must not. `check` names a function of `checksums` that the secret must pass. With `in_lists`
    it is a command's, and is looked for in lists of arguments as well: its pattern takes what parts them as `[ \\t]`.
    """

    __slots__ = (
        "about",
        "anchors",
        "check",
        "counter",
        "example",
        "folds",
        "id",
        "in_lists",
        "pattern",
        "source",
    )

    def __init__(
        self,
        id: str,
        about: str,
        pattern: str,
        anchors: tuple[str, ...],
        *,
        example: str,
        counter: str,
        source: str,
        check: str | None = None,
        folds: bool = False,
        in_lists: bool = False,
    ) -> None:
        self.id = id
        self.about = about
        self.pattern = pattern
        self.anchors = anchors
        self.example = example
        self.counter = counter
        self.source = source
        self.check = check
        self.folds = folds
        self.in_lists = in_lists

    def fits(self, text: str, lower: str) -> bool:
        """Whether `text`, and `lower` in lower case, holds an anchor; without one the pattern need not be tried."""
        looked_at = lower if self.folds else text
        return any(anchor in looked_at for anchor in self.anchors)


def spans_lines(rule: Rule) -> bool:
    """Whether a rule may match over a line end: some part of its pattern, the negated sets that say no apart."""
    import re

    rest = re.sub(_NEGATED, lambda found: "" if re.search(r"\\[sn]", found[0]) else "\\n", rule.pattern)
    return re.search(r"\\[nsWD]", rest) is not None


_NEGATED: Final = r"\[\^\]?(?:\\.|[^\]\\])*\]"


def start(characters: str) -> str:
    """Where a token may begin: not in a run of `characters`, but after an escape (`\\n`, `%20`, `ESC[31m`), whose
    last character only looks like one of them."""
    return (
        rf"(?:(?<![{characters}])|(?<=\\[nrtbf]|\[K)|(?<=%[0-9A-F]{{2}}|[\[;][0-9]m)"
        r"|(?<=[\[;][0-9]{2}m)|(?<=;[0-9]{3}m))"
    )


START: Final = start("A-Za-z0-9_")
START_URLSAFE: Final = start("A-Za-z0-9_-")
START_BASE64: Final = start("A-Za-z0-9_+/-")
"""Before a token of letters and digits, of base64url, of base64."""

START_GLUED: Final = start("A-Za-z0-9")
"""Before a token that is known wherever no letter or digit stands around it: `_ghp_…`, `AKIA…_old`."""

END: Final = r"(?![A-Za-z0-9_])"
END_GLUED: Final = r"(?![A-Za-z0-9])"
END_URLSAFE: Final = r"(?![A-Za-z0-9_-])"
END_BASE64: Final = r"(?![A-Za-z0-9_+/=-])"
"""After such a token."""

UUID: Final = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

SEPARATOR: Final = r"[\"'`\\\])=:>,( \t]{1,12}"
"""Between a name and its value, in whatever language: `=`, `": "`, `' => '`, `", "`, a space."""

QUOTE: Final = r"\\{0,3}[\"']"
"""A quotation mark, escaped up to twice."""


def named(names: str) -> str:
    """What stands before a secret whose shape tells nothing: a name that holds one of `names` (a pattern, in any
    case) and later `key`, `token`, `secret` or `password`, then a separator. Begins no word in its middle."""
    return (
        start("A-Za-z")
        + rf"(?i:(?:{names})[A-Za-z0-9_. -]{{0,20}}(?:key|token|secret|password))[A-Za-z0-9_.-]{{0,20}}"
        + SEPARATOR
    )
