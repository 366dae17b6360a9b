"""Why something in a text is taken out, or is not. What is told holds nothing of a value.

- It asks the functions by which the redactor decides, and has no rules of its own: where it names a rule,
  `Redactor.text` takes something out by that rule.
- A near miss is what somebody could take for a secret: a name that says nothing, a value that only stands for one, a
  token whose checksum is wrong or that only begins like one.
"""

from __future__ import annotations

from runstone.core.redaction import given, names
from runstone.core.redaction.redactor import DECLARED, ENVIRONMENT, FAILED, is_sample, passes, shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from runstone.core.redaction.redactor import Place, Redactor
    from runstone.core.redaction.rule import Rule

_WITHOUT_SHAPE: Final = {
    DECLARED: "Value that was declared",
    ENVIRONMENT: "Value of an environment variable whose name says secret",
    names.RULE: "Value of a name that says secret",
    FAILED: "What the redactor failed on",
}
"""Rules that are no shape, and so have no source."""

MIN_PREFIX: Final = 4
MIN_TOKEN: Final = 12
"""Characters of a rule's anchor, and of what it begins, to call that nearly a token."""


class Reason:
    """Why a place in a text was taken out, by `rule`, or was not (`rule` is `None`).

    From `begin` to `end_exclusive` stands what tells: a name, the beginning of a token. It may be empty, and is nothing
    of the value but a beginning that all tokens of the rule share.
    """

    __slots__ = ("because", "begin", "end_exclusive", "rule")

    def __init__(self, begin: int, end_exclusive: int, because: str, rule: str | None = None) -> None:
        self.begin = begin
        self.end_exclusive = end_exclusive
        self.because = because
        self.rule = rule


def about(redactor: Redactor, rule_id: str) -> tuple[str, str]:
    """What a rule takes out, and the source of its form, empty where it has none."""
    rule = _rule(redactor, rule_id)
    return (_WITHOUT_SHAPE.get(rule_id, ""), "") if rule is None else (rule.about, rule.source)


def _rule(redactor: Redactor, rule_id: str) -> Rule | None:
    return next((rule for rule in redactor.rules if rule.id == rule_id), None)


def reason(redactor: Redactor, text: str, place: Place) -> Reason:
    """Why a place (of `Redactor.places`) is taken out."""
    if place.rule == names.RULE:
        begin, end = _name_at(text, place.begin)
        return Reason(begin, end, f"the name {_shown(redactor, text[begin:end])} says secret", place.rule)
    rule = _rule(redactor, place.rule)
    if rule is None:
        return Reason(place.begin, place.begin, "it is that value, as it is or encoded", place.rule)
    checked = "" if rule.check is None else ", and its checksum is right"
    if place.start > place.begin:
        return Reason(place.begin, place.start, f"it has the form, by what stands before it{checked}", rule.id)
    prefix = max((anchor for anchor in rule.anchors if _begins(rule, anchor, text, place.begin)), key=len, default="")
    with_it = f", which begins with `{prefix}`" if prefix else ""
    return Reason(place.begin, place.begin + len(prefix), f"it has the form{with_it}{checked}", rule.id)


def near_misses(redactor: Redactor, line: str) -> list[Reason]:
    """What is nearly a secret in a line in which nothing is one, in order."""
    found = [*_silent_names(redactor, line), *_failed_shapes(redactor, line)]
    return sorted(found, key=lambda miss: (miss.begin, miss.because))


def _name_at(text: str, start: int) -> tuple[int, int]:
    """The name that stands at `start`; where more than one word names (`IDENTIFIED BY`), the first."""
    return given.identifier(text, start, start + 1)


def _shown(redactor: Redactor, name: str) -> str:
    return f"`{redactor.text(name)[0]}`"


def _silent_names(redactor: Redactor, line: str) -> Iterator[Reason]:
    lower = names.folded(line)
    seen = 0
    for first, behind in sorted(given.stems(lower)):
        if behind <= seen:
            continue
        start, seen = given.identifier(line, first, behind)
        value = given.given(line, start, seen)
        if value is None:
            continue
        name = line[start:seen]
        exempted = redactor.exempted(names.RULE, line[value[0] : value[1]], name)
        if exempted is not None:
            yield Reason(start, seen, f"what {_shown(redactor, name)} is given is exempt: {redactor.text(exempted)[0]}")
            continue
        because = _WHY_NOT.get(value[2], "") if names.says_secret(name) else _why_silent(name)
        if because:  # else it goes
            yield Reason(start, seen, because.format(_shown(redactor, name)))


_WHY_NOT: Final = {
    given.STATE: "what {} is given is the state of something, and no secret",
    given.PLACEHOLDER: "what {} is given only stands for a value: a mask, a reference, a path, or too little",
    given.CODE: "what {} is given is a word of a program or of a sentence",
}


def _why_silent(name: str) -> str:
    words = names.words_of(name)
    said = [f"`{word}`" for word in words if names.says_secret(f"{word}_token") is False]
    if words and not names.says_secret(f"password_{words[-1]}"):
        return f"{{}} says what is known of a secret, and is none: `{words[-1]}` decides"
    if said and "token" in name.lower():
        return f"{{}} is no secret's name: {' and '.join(said)} {'decides' if len(said) == 1 else 'decide'}"
    return "{} is no secret's name: no whole word of it says secret"


def _failed_shapes(redactor: Redactor, line: str) -> Iterator[Reason]:
    lower = names.folded(line)
    for rule in redactor.anchored(line):
        failed = False
        for match, group in shapes(rule, line, lower):
            exempted = redactor.exempted(rule.id, match[group])
            if exempted is not None:
                why = f"but is exempt: {redactor.text(exempted)[0]}"
            elif passes(rule, match[group]):
                continue
            elif is_sample(match[group]):
                why = "but is one character over and over: a sample"
            else:
                why = "but its checksum is wrong"
            failed = True
            yield Reason(match.start(), match.start(), f"it has the form of {rule.id}, {why}")
        if not failed:
            yield from _only_begun(rule, line)


def _only_begun(rule: Rule, line: str) -> Iterator[Reason]:
    """Where a token seems to begin, that then has not its length or its characters."""
    for anchor in () if rule.folds else rule.anchors:
        at = line.find(anchor) if len(anchor) >= MIN_PREFIX else -1
        if at >= 0 and not _is_of_token(line[at - 1 : at]) and _is_of_token(line[at : at + MIN_TOKEN]):
            because = f"it begins with `{anchor}` as {rule.id} does, but has not its length or its characters"
            yield Reason(at, at + len(anchor), because)


def _is_of_token(text: str) -> bool:
    return bool(text) and all(char.isascii() and (char.isalnum() or char in "_-") for char in text)


def _begins(rule: Rule, anchor: str, text: str, at: int) -> bool:
    found = text[at : at + len(anchor)]
    return (found.lower() if rule.folds else found) == anchor
