"""A set of rules: what the gate needs of it at once, and the rules themselves when something hits.

What a short process needs (anchors, digest) stands in `index`, made of the rules by `tools/rules_index.py`; so a run
without secrets loads no rule and no pattern engine.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes, quote
from runstone.core.digests import sha256_hex
from runstone.core.redaction import index, names
from runstone.core.redaction.literals import Anchors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final

    from runstone.core.redaction.local import Exemption, LocalRules
    from runstone.core.redaction.redactor import Scope
    from runstone.core.redaction.rule import Rule

NAME: Final = "runstone"
LOCAL_NAME: Final = "runstone+local"
"""With rules or exemptions of `runstone.toml`."""


class Ruleset:
    """Rules with their digest. `load` gives them; they are asked for when something hits. `matcher_sha256` is the
    digest of their expressions, where it is known."""

    __slots__ = (
        "_anchors",
        "_by_anchor",
        "_load",
        "_matcher_sha256",
        "_over_lines",
        "_rules",
        "local",
        "sha256",
    )

    def __init__(
        self,
        sha256: str,
        anchors: Iterable[bytes],
        folded: Iterable[bytes],
        load: Callable[[], tuple[Rule, ...]],
        matcher_sha256: str = "",
        local: LocalRules | None = None,
    ) -> None:
        self.sha256 = sha256
        self.local = local
        """What `runstone.toml` says, where there is one."""
        self._matcher_sha256 = matcher_sha256
        self._anchors = Anchors(anchors, folded)
        self._load = load
        self._rules: tuple[Rule, ...] | None = None
        self._over_lines: tuple[bytes, ...] | None = None
        self._by_anchor: dict[bytes, list[Rule]] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the order of their ids."""
        if self._rules is None:
            rules = self._load()
            by_anchor: dict[bytes, list[Rule]] = {}
            for rule in rules:
                for form in _forms(rule):
                    by_anchor.setdefault(form, []).append(rule)
            self._by_anchor = by_anchor
            self._rules = rules  # the last: another thread that sees them finds their anchors
        return self._rules

    @property
    def anchors_over_lines(self) -> tuple[bytes, ...]:
        """What text in lower case holds in which a rule matches over a line end."""
        if self._over_lines is None:
            from runstone.core.redaction.rule import spans_lines

            found = {anchor.lower().encode() for rule in self.rules if spans_lines(rule) for anchor in rule.anchors}
            self._over_lines = tuple(sorted(found))
        return self._over_lines

    def as_dict(self) -> dict[str, Any]:
        """Name and digest, as `run.opened` records them."""
        return {"name": NAME if self.local is None else LOCAL_NAME, "sha256": self.sha256}

    @property
    def pseudonyms(self) -> bool:
        """Whether marks carry a pseudonym of what they stand for."""
        return self.local is not None and self.local.pseudonyms

    def exemption(self, rule_id: str, secret: str, name: str = "") -> Exemption | None:
        """What leaves that which a rule would take; `name` is what it is given to, if the rule goes by it."""
        for exemption in () if self.local is None else self.local.exemptions:
            if exemption.rule == rule_id and exemption.leaves(secret, name):
                return exemption
        return None

    def may_match(self, data: bytes) -> bool:
        """Whether bytes hold an anchor of a rule or a name that may say secret; false is a proof that none matches."""
        lower = data.lower()
        return names.may_stand_in(lower) or any(self._anchors.found_in(data, lower))

    def scope(self, data: bytes) -> Scope:
        """What may be found in bytes, or in any text that they hold, by the literals of rules and names."""
        lower = data.lower()
        return self.fitting(data, lower), names.may_stand_in(lower)

    def expressions(self) -> list[bytes]:
        """For a matcher of many: what a line holds in which a rule matches, or in which a name says secret."""
        import re

        from runstone.core.redaction.expression import expression

        derived = [expression(rule.pattern) for rule in self.rules]
        commands = sorted({re.escape(anchor) for rule in self.rules if rule.in_lists for anchor in rule.anchors})
        lists = [f'(?:{"|".join(commands)}).*"-'] if commands else []  # a list: "docker","login","-p","..."
        return [text.encode("latin-1") for text in (*derived, *lists, *names.EXPRESSIONS)]

    @property
    def matcher_sha256(self) -> str:
        """Names what a matcher is compiled of: the same rules may be spelled otherwise by another version."""
        return self._matcher_sha256 or digest_of_expressions(self.expressions())

    def fitting(self, data: bytes, lower: bytes) -> list[Rule]:
        """The rules that may match in text of which these are the bytes, and the bytes in lower case."""
        anchors = list(self._anchors.found_in(data, lower))
        if not anchors or not self.rules:
            return []
        found = {rule.id: rule for anchor in anchors for rule in self._by_anchor.get(anchor, ())}
        return [found[name] for name in sorted(found)]


def ruleset_of(rules: tuple[Rule, ...]) -> Ruleset:
    """The set of some rules."""
    exact, folded = anchors_of(rules)
    return Ruleset(digest_of(rules), exact, folded, lambda: rules)


def anchors_of(rules: Iterable[Rule]) -> tuple[list[bytes], list[bytes]]:
    """What bytes hold where a rule matches: as it stands, and of lower-cased bytes. JSON may have escaped it, and
    JSON in JSON twice."""
    found: tuple[set[bytes], set[bytes]] = (set(), set())
    for rule in rules:
        found[rule.folds].update(_forms(rule))
    exact, folded = found
    return sorted(exact), sorted(folded)


def _forms(rule: Rule) -> Iterator[bytes]:
    """The anchors of a rule, as they are and as JSON escapes them once and twice."""
    for anchor in rule.anchors:
        once = quote(anchor)[1:-1]
        yield from (form.encode() for form in (anchor, once, quote(once)[1:-1]))


def digest_of(rules: Iterable[Rule]) -> str:
    """SHA-256 of what rules look for, 64 hexadecimal digits: ids, patterns, and the words of names."""
    from runstone.core.redaction import placeholders

    rows = [[rule.id, rule.pattern, rule.check] for rule in rules]
    return sha256_hex(canonical_bytes([rows, names.TABLES, placeholders.TABLES]))


def digest_of_expressions(expressions: Iterable[bytes]) -> str:
    """SHA-256 of expressions in their order, 64 hexadecimal digits."""
    return sha256_hex(b"\n".join(expressions))


def _all_rules() -> tuple[Rule, ...]:
    from runstone.core.redaction.rules import RULES

    return RULES


DEFAULT: Final = Ruleset(index.SHA256, index.ANCHORS, index.FOLDED, _all_rules, index.EXPRESSIONS_SHA256)
"""The rules that come with Runstone."""


def ruleset_of_settings(found: tuple[bytes, str] | None) -> Ruleset:
    """The rules in force under a settings file (its bytes and its path), or without one. Raises `invalid_settings`."""
    return DEFAULT if found is None else local_ruleset(*found)


def local_ruleset(data: bytes, path: str) -> Ruleset:
    """The rules that come with Runstone and what `runstone.toml` says of them. Raises `invalid_settings`."""
    from runstone.core.redaction.local import local_rules

    local = local_rules(data, path, DEFAULT.rules)
    if not (local.rules or local.exemptions or local.pseudonyms):
        return DEFAULT
    exact, folded = anchors_of(local.rules)
    rules = tuple(sorted((*DEFAULT.rules, *local.rules), key=lambda rule: rule.id))
    digest = sha256_hex(f"{DEFAULT.sha256} {local.sha256}".encode())
    return Ruleset(digest, (*index.ANCHORS, *exact), (*index.FOLDED, *folded), lambda: rules, local=local)
