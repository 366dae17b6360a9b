"""Rules and exemptions of one's own, from the table `redaction` of `runstone.toml`.

Each proves itself when it is read: a rule takes its example and leaves its counter, an exemption leaves its example,
which its rule would take. A file in which anything is wrong is refused as a whole: nothing is recorded under rules that
are not the ones meant.
"""

from __future__ import annotations

import re

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.redaction import names
from runstone.core.redaction.given import assignments
from runstone.core.redaction.redactor import NO_RULES
from runstone.core.redaction.required import MAX_REPEAT, MIN_LITERAL, has_long_repeat, required_literals
from runstone.core.redaction.rule import Rule
from runstone.core.settings import Table, whole_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

SOURCE: Final = "runstone.toml"
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_ID: Final = 64


class Exemption:
    """What a rule leaves: all that it would take, or what matches `pattern` as a whole, or what has one of `names`."""

    __slots__ = ("names", "pattern", "reason", "rule")

    def __init__(self, rule: str, reason: str, pattern: str | None, names: frozenset[str]) -> None:
        self.rule = rule
        self.reason = reason
        self.pattern = None if pattern is None else re.compile(pattern)
        self.names = names
        """Lower-cased; of the rule `named-secret` only."""

    def leaves(self, secret: str, name: str) -> bool:
        """Whether a secret is none; `name` is what it is given to, where the rule goes by names."""
        if self.pattern is not None and self.pattern.fullmatch(secret) is None:
            return False
        return not self.names or name.strip("-").lower() in self.names


class LocalRules:
    """What a file says: `rules` in the order of their ids, `exemptions`, and whether marks carry pseudonyms."""

    __slots__ = ("exemptions", "pseudonyms", "rules", "sha256")

    def __init__(self, rules: tuple[Rule, ...], exemptions: tuple[Exemption, ...], *, pseudonyms: bool) -> None:
        self.rules = rules
        self.exemptions = exemptions
        self.pseudonyms = pseudonyms
        rows: list[Any] = [[rule.id, rule.pattern] for rule in rules]
        left = [[e.rule, e.pattern.pattern if e.pattern else None, sorted(e.names)] for e in exemptions]
        self.sha256 = sha256_hex(canonical_bytes([rows, left]))
        """Of what decides; 64 hexadecimal digits."""


def local_rules(data: bytes, path: str, known: tuple[Rule, ...]) -> LocalRules:
    """What the bytes of `runstone.toml` say of redaction, beside the `known` rules. Raises `invalid_settings`."""
    whole = whole_file(data, path)
    table = whole.table("redaction", {"rules", "exemptions", "pseudonyms"})
    taken = {rule.id: rule for rule in known}
    rules = []
    for row in table.tables("rules", {"id", "about", "pattern", "example", "counter"}):
        rule = _rule(row, taken)
        taken[rule.id] = rule
        rules.append(rule)
    exemptions = [
        _exemption(row, taken) for row in table.tables("exemptions", {"rule", "reason", "pattern", "names", "example"})
    ]
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    return LocalRules(ordered, tuple(exemptions), pseudonyms=table.flag("pseudonyms"))


def _rule(row: Table, taken: dict[str, Rule]) -> Rule:
    name = row.text("id")
    if _ID.fullmatch(name) is None or len(name) > MAX_ID:
        raise row.wrong(f"has an id that is not lower-case words with hyphens, {MAX_ID} characters at most")
    if name in taken or name in NO_RULES:
        raise row.wrong(f"has the id of another rule, {name!r}")
    pattern = row.text("pattern")
    compiled = _compiled(row, pattern)
    literals = required_literals(pattern)
    if not literals:
        raise row.wrong(
            f"has a pattern without a literal part of {MIN_LITERAL} characters that every match holds;"
            " such a rule would be tried on every line: begin it with the token's prefix, or with a name before it"
        )
    example, counter = row.text("example"), row.text("counter")
    if compiled.search(example) is None:
        raise row.wrong("does not match its own example")
    if compiled.search(counter) is not None:
        raise row.wrong("matches its own counter, which it must leave")
    return Rule(name, row.text("about"), pattern, literals, example=example, counter=counter, source=SOURCE, folds=True)


def _compiled(row: Table, pattern: str) -> re.Pattern[str]:
    from runstone.core.redaction.effort import MAX_WAYS, ways
    from runstone.core.redaction.expression import expression

    try:
        compiled = re.compile(pattern, re.ASCII)
        expression(pattern)
    except (re.error, RecursionError, OverflowError) as exc:
        raise row.wrong(f"has a pattern that is no regular expression: {exc}") from None
    except LookupError:
        raise row.wrong("has a pattern with something that looks back at what matched, or is conditional") from None
    if compiled.flags & ~re.ASCII:
        raise row.wrong("has a pattern with flags for all of it; write (?i:...) around the part that is meant")
    if has_long_repeat(pattern):
        raise row.wrong(f"repeats without a bound: write {{1,200}} for +, and at most {MAX_REPEAT}")
    if ways(pattern) > MAX_WAYS:
        raise row.wrong(
            f"may be tried in more than {MAX_WAYS:,} ways at one place: a repeat within or before another one that"
            " takes the same characters; give them fixed lengths, or part them by a character that neither takes"
        )
    if compiled.match("") is not None:
        raise row.wrong("has a pattern that matches nothing at all")
    return compiled


def _exemption(row: Table, rules: dict[str, Rule]) -> Exemption:
    rule_id = row.text("rule")
    if rule_id not in rules and rule_id != names.RULE:
        raise row.wrong(f"is of a rule that is not there, {rule_id[:MAX_ID]!r}; declared values cannot be exempted")
    pattern, given = row.maybe_text("pattern"), row.texts("names")
    if given and rule_id != names.RULE:
        raise row.wrong(f"has names; only {names.RULE!r} goes by names")
    if pattern is not None:
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as exc:
            raise row.wrong(f"has a pattern that is no regular expression: {exc}") from None
    exemption = Exemption(rule_id, row.text("reason"), pattern, frozenset(name.lower() for name in given))
    if pattern is not None or given:
        _prove(row, exemption, rules.get(rule_id))
    return exemption


def _prove(row: Table, exemption: Exemption, rule: Rule | None) -> None:
    """Its example is something that the rule takes, and that it leaves."""
    example = row.text("example")
    found = list(_taken(rule, example))
    if not found:
        raise row.wrong(f"has an example in which {exemption.rule!r} finds nothing")
    if not all(exemption.leaves(secret, name) for secret, name in found):
        raise row.wrong("does not leave its own example: the pattern must match all that the rule takes")


def _taken(rule: Rule | None, text: str) -> Iterator[tuple[str, str]]:
    """What a rule takes of a text, each with the name that it is given to."""
    if rule is None:
        for first, behind, start, end in assignments(text):
            yield text[start:end], text[first:behind]
        return
    for match in re.finditer(rule.pattern, text, re.ASCII):
        yield match["secret" if "secret" in match.re.groupindex else 0], ""
