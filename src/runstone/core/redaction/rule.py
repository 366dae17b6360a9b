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
    it is looked for in lists of texts as well, as a command's arguments are: its pattern takes what parts them as
    `[ \\t]`, and a space in one of them is a `\\x1f`.
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


def spans_lines(rule: Rule) -> bool:
    """Whether a rule may match over a line end: some part of its pattern, the negated sets that say no apart."""
    import re

    rest = re.sub(_NEGATED, lambda found: "" if re.search(r"\\[sn]", found[0]) else "\\n", rule.pattern)
    return re.search(r"\\[nsWD]", rest) is not None


_NEGATED: Final = r"\[\^\]?(?:\\.|[^\]\\])*\]"


_HEX: Final = "[0-9A-Fa-f]"
_CODE: Final = r"[\[;:?]"
"""What stands before the last number of a terminal's sequence, of whatever length: `ESC[2K`, `ESC[38:5:1m`."""
_BEFORE: Final = (
    rf"(?<=\\[abefnrtv0]|\x1b[A-Za-z0-9]|{_CODE}[A-Za-z])",
    rf"(?<=[%=]{_HEX}{{2}}|{_CODE}[0-9][A-Za-z]|[\x1bbe3]\([0-9A-Z])",
    rf"(?<=\\x{_HEX}{{2}}|\\[0-3][0-7]{{2}}|{_CODE}[0-9]{{2}}[A-Za-z])",
    rf"(?<={_CODE}[0-9]{{3}}[A-Za-z])",
    rf"(?<=\\u{_HEX}{{4}}|\?[0-9]{{4}}[hl])",
)
"""Escapes that end in a letter or a digit, by their lengths: of text, URLs, mail (`\\n`, `\\u003d`, `%3D`, `=3D`) and
terminals."""


def start(characters: str) -> str:
    """Where a token may begin: not in a run of `characters`, but after an escape (`\\n`, `%20`, `ESC[31m`), whose
    last character only looks like one of them."""
    return rf"(?:(?<![{characters}])|{'|'.join(_BEFORE)})"


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


def named(names: str) -> str:
    """What stands before a secret whose shape tells nothing: a name that holds one of `names` (a pattern, in any
    case) and later `key`, `token`, `secret` or `password`, then a separator. Begins no word in its middle."""
    return (
        start("A-Za-z")
        + rf"(?i:(?:{names})[A-Za-z0-9_. -]{{0,20}}(?:key|token|secret|password))[A-Za-z0-9_.-]{{0,20}}"
        + SEPARATOR
    )
