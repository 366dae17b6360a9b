"""Takes secrets out of values, and marks where one was.

- A secret becomes `[REDACTED:<rule>]`; the mark names the rule, never the value, its length or its hash.
- What is looked for: values that the caller declared, values of environment variables whose names say secret, the
  shapes of `rules`, and what is given to a name that says secret (`names`).
- All that is found in a text goes at once, what overlaps as one; then the text is read again, until nothing is found.
  So redacting twice changes nothing, and no order of rules shows.
- A number of a tree (`tree`) that spells a value goes too. One that only has its digits among others is another
  number: of the durations and measurements of a long run some hold any four digits.
- If the redactor itself fails, the value is dropped, not written: `[REDACTED:redactor-failed]`.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.faults import FaultError, attempt
from runstone.core.printing import print_json
from runstone.core.redaction import names
from runstone.core.redaction.gate import Gate, has_matcher
from runstone.core.redaction.known import HEX, known_values
from runstone.core.redaction.ruleset import DEFAULT, Ruleset
from runstone.core.values import Foreign
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Final

    from runstone.core.redaction.gate import Cache
    from runstone.core.redaction.rule import Rule
    from runstone.core.values import Mark

    Span = tuple[int, int, int, str]
    """Start, end, rank (the lowest names what overlaps), and id of the rule."""
    Scope = tuple[list[Rule], bool]
    """What may be found beside values: by which rules, and whether a name may say secret."""

MIN_DECLARED_LENGTH: Final = 4
FAILED: Final = "redactor-failed"
DECLARED: Final = "declared"
ENVIRONMENT: Final = "environment"
TOOL_MASK: Final = "tool-mask"
TOOL_DROP: Final = "tool-drop"
TOOL_PSEUDONYM: Final = "tool-pseudonym"
"""What a tool's contract takes out before the redactor reads (`core.tools.handling`)."""
NO_RULES: Final = frozenset({DECLARED, ENVIRONMENT, names.RULE, FAILED, TOOL_MASK, TOOL_DROP, TOOL_PSEUDONYM})
"""What marks name beside the ids of rules."""
MARK: Final = "[REDACTED:"
_MARK_PATTERN: Final = r"\[REDACTED:([a-z0-9-]{1,64})(?::([0-9a-f]{12}))?\]"
PSEUDONYM_KEY_BYTES: Final = 32
_PSEUDONYM_DIGITS: Final = 12

MAX_ROUNDS: Final = 8
"""What is still found after so many rounds drops the text."""

MIN_SAMPLE: Final = 16
_SAMPLED: Final = "xX0*"
"""Where more than half of so many characters are the same one of these, no token stands there."""

NOTHING: Final[Scope] = ([], False)

VALUE, SHAPE, NAME = range(3)
"""Ranks of what is found: a declared value, the shape of a rule, what a name is given."""

ZERO: Final = "\0"
"""Where it stands in a text, that may be UTF-16 or UTF-32 (`wide`)."""


class Place:
    """Where a secret stands in a text, and by which rule. From `begin` to `close` is all by which it is one, its name
    too."""

    __slots__ = ("begin", "close", "end", "rule", "start")

    def __init__(self, start: int, end: int, rule: str, begin: int, close: int) -> None:
        self.start = start
        self.end = end
        self.rule = rule
        self.begin = begin
        self.close = close


MIN_DIGEST: Final = 32
"""A shorter value of hexadecimal digits stands in a row of so many by chance: there is one in many a digest."""


def _in_digest(text: str, start: int, end: int) -> bool:
    """Whether what stands between is a part of a long row of hexadecimal digits."""
    row = text[max(0, start - MIN_DIGEST) : start]
    before = len(row) - len(row.rstrip(HEX))
    row = text[end : end + MIN_DIGEST]
    return before + (end - start) + len(row) - len(row.lstrip(HEX)) >= MIN_DIGEST


class Redactor:
    """Redacts text and JSON trees. `gate.hit(line)` is false only where nothing would be changed.

    `secrets` maps a value to the rule it is redacted by (`declared`, `environment`); values shorter than four
    characters are left to the caller to refuse. `cache` may keep what is made of the rules. With a `pseudonym_key`
    each mark also carries 48 bits of the HMAC-SHA-256 of what it stands for: equal ones can be told to be equal.
    """

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        ruleset: Ruleset = DEFAULT,
        cache: Cache | None = None,
        pseudonym_key: bytes | None = None,
    ) -> None:
        self._rules = ruleset
        self._key = pseudonym_key
        self.known = known_values(secrets or {})
        """What the caller declares, in all its forms."""
        self.gate = Gate(ruleset, self.known.sought, cache)

    @property
    def ruleset(self) -> dict[str, Any]:
        """Name and digest of the rules in force; declared values are not part of it."""
        return self._rules.as_dict()

    def text(self, text: str) -> tuple[str, list[str]]:
        """`text` without its secrets, and the rules that hit."""
        return self.clean(text, self.scope_of(text))

    def _scope(self, data: bytes) -> Scope:
        """What may be found in bytes, or in any text that they hold."""
        if not has_matcher(self._rules):  # as in most short processes
            return self._rules.scope(data)
        try:
            from runstone.core.redaction.sieve import scope_in
        except ImportError:  # a signal handler that records has interrupted what is loading it
            return self._rules.scope(data)
        return scope_in(self._rules, data)

    def clean(self, text: str, scope: Scope) -> tuple[str, list[str]]:
        """The same for a text in which nothing may be found but what `scope` says."""
        hits: list[str] = []
        for _ in range(MAX_ROUNDS):
            spans = self._look(text, scope)
            if not spans:
                return text, hits
            text = self.replaced(text, spans, hits)
            scope = self.scope_of(text)
        return f"{MARK}{FAILED}]", [FAILED]

    def lined(self, text: str) -> tuple[str, Sequence[int]]:
        """`text` without its secrets, and for each of its lines which one it is there, both from 0; behind a last LF
        stands one more, empty line. Of a secret every line is the one where its mark stands."""
        numbers: Sequence[int] = range(text.count("\n") + 1)
        for _ in range(MAX_ROUNDS):
            spans = self._look(text, self.scope_of(text))
            if not spans:
                return text, numbers
            moved = _moved_lines(text, spans)
            numbers = [moved[number] for number in numbers]
            text = self.replaced(text, spans, [])
        return f"{MARK}{FAILED}]", [0] * len(numbers)

    def _look(self, text: str, scope: Scope) -> list[Span]:
        """All that goes from a text at once."""
        return list(self._spans(text, scope)) if ZERO not in text else self._wide_spans(text, scope)

    def replaced(self, text: str, spans: list[Span], hits: list[str]) -> str:
        """`text` with a mark in the place of each span; what overlaps is one."""
        pieces: list[str] = []
        end = 0
        for start, stop, best in _joined(spans):
            pieces += (text[end:start], self._mark_for(best[3], text[start:stop]))
            hits.append(best[3])
            end = stop
        return "".join(pieces) + text[end:]

    def _mark_for(self, rule: str, secret: str) -> str:
        if ZERO not in secret:
            return self.mark(rule, secret)
        from runstone.core.redaction.wide import spelled_as

        return spelled_as(self.mark(rule, secret.replace(ZERO, "")), secret)

    def mark(self, rule: str, secret: str) -> str:
        """What stands for a secret."""
        return marked(rule, self._key, secret.encode("utf-8", "surrogatepass"))

    def _spans(self, text: str, scope: Scope) -> dict[Span, tuple[int, int]]:
        """All that is a secret in `text` (as `found`), but for what stands within a mark."""
        found = dict(self.found(text, scope))
        marks = self._marks(text) if found else []
        return {span: found[span] for span in _outside(sorted(found), marks)} if marks else found

    def _marks(self, text: str) -> list[tuple[int, int]]:
        """Where marks stand. What only looks like one, about a value or with one for a pseudonym, is none."""
        if MARK not in text:
            return []
        known = {*NO_RULES, *(rule.id for rule in self.rules)}
        return [
            match.span()
            for match in names.compiled(_MARK_PATTERN).finditer(text)
            if match[1] in known and not (match[2] and match[2].encode() in self.known.forms)
        ]

    def _wide_spans(self, text: str, scope: Scope) -> list[Span]:
        """The same of text that may be UTF-16 or UTF-32, read a byte a character."""
        from runstone.core.redaction.wide import Narrow

        narrow = Narrow(text)
        marks = [narrow.around(*mark) for mark in self._marks(narrow.text)]
        spans = list(_outside(sorted(self._spans(text, scope)), marks))
        for (start, end, rank, rule), whole in self._spans(narrow.text, self.scope_of(narrow.text)).items():
            if narrow.is_wide(*whole):
                spans.append((*narrow.widened(start, end), rank, rule))
        return spans

    def places(self, text: str) -> list[Place]:
        """What `text` takes out of a text at its first look, in order; what overlaps is one."""
        spans = self._spans(text, self.scope_of(text))
        return [Place(start, end, best[3], *spans[best]) for start, end, best in _joined(list(spans))]

    def scope_of(self, text: str) -> Scope:
        """What may be found in a text: by which rules, and whether a name in it may say secret."""
        return self._scope(text.encode("utf-8", "surrogatepass"))

    def anchored(self, text: str) -> list[Rule]:
        """The rules of which a text holds an anchor."""
        data = text.encode("utf-8", "surrogatepass")
        return self._rules.fitting(data, data.lower())

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        return self._rules.rules

    def found(self, text: str, scope: Scope) -> Iterator[tuple[Span, tuple[int, int]]]:
        """Each secret, also in a mark, and the span of all by which it is one: its name, what stands around it."""
        for span in self._values_in(text) if self.known.forms else ():
            yield span, span[:2]
        rules, named = scope
        lower = names.folded(text) if rules else ""
        for rule in rules:
            for match, group in shapes(rule, text, lower):
                secret = match[group]
                if passes(rule, secret) and self.exempted(rule.id, secret) is None:
                    yield (*match.span(group), SHAPE, rule.id), match.span()
        if named:
            from runstone.core.redaction.given import assignments  # most processes meet no such name

            for first, behind, start, end in assignments(text):
                if self.exempted(names.RULE, text[start:end], text[first:behind]) is None:
                    yield (start, end, NAME, names.RULE), (first, end)

    def _values_in(self, text: str) -> Iterator[Span]:
        """Where values stand, in whatever form."""
        for found in self.known.literals.found_in(text.encode("utf-8", "surrogatepass")):
            for form, rule_id in self.known.forms.get(found, ()):
                start = text.find(form)
                while start >= 0:
                    end = start + len(form)
                    if form not in self.known.short or not _in_digest(text, start, end):
                        yield start, end, VALUE, rule_id
                    start = text.find(form, end)
            if self.known.wrapped is not None and found in self.known.halves:
                for start, end, rule_id in self.known.wrapped.found(text, found):
                    yield start, end, VALUE, rule_id

    def exempted(self, rule_id: str, secret: str, name: str = "") -> str | None:
        """The reason why an exemption leaves what a rule would take; `name` is what it is given to, if that decides."""
        exemption = self._rules.exemption(rule_id, secret, name)
        return None if exemption is None else exemption.reason

    def tree(self, value: Any, marks: list[Mark]) -> Any:
        """`value` (from `values.coerce`) as recorded: secrets out, `bytes` and `Foreign` leaves encoded.

        Adds to `marks`. Raises only what a signal handler does: a part on which the redactor fails is dropped and
        marked.
        """
        try:
            return attempt(self._tree, value, marks)
        except FaultError:  # whatever went wrong, the unredacted value must not get past this line
            marks[:] = [["", f"redacted:{FAILED}"]]
            return {"$redacted": FAILED}

    def _tree(self, value: Any, marks: list[Mark]) -> Any:
        line, encoded = _line_of(value)
        scope = None if line is None else self._scope(line)
        self.gate.count(0 if line is None else len(line))
        if line is not None and not self.known.numbers and scope == NOTHING and not self.gate.holds(line):
            return encoded
        scope = scope if encoded is value else None
        from runstone.core.redaction.tree import Walk  # most processes meet nothing that may be a secret

        walk = Walk(self, scope)
        clean = walk.clean(value)
        found = [[walk.moved(pointer), mark] for pointer, mark in marks] + walk.marks
        marks[:] = [list(mark) for mark in dict.fromkeys(map(tuple, found))]  # two secrets in one text: one mark
        return clean


def marked(rule: str, key: bytes | None, secret: bytes) -> str:
    """The mark that stands for a secret; with a key, it carries the pseudonym."""
    if key is None:
        return f"{MARK}{rule}]"
    import hmac

    return f"{MARK}{rule}:{hmac.digest(key, secret, 'sha256').hex()[:_PSEUDONYM_DIGITS]}]"


def is_mark(text: str) -> bool:
    """Whether a text is one mark and nothing else."""
    return names.compiled(_MARK_PATTERN).fullmatch(text) is not None


def shapes(rule: Rule, text: str, lower: str) -> Iterator[tuple[re.Match[str], str | int]]:
    """Where a rule matches in `text` (`lower`: by `names.folded`), and the group of what goes if it `passes`."""
    from runstone.core.redaction.near import near

    found = near(rule)
    group = "secret" if "secret" in found.pattern.groupindex else 0
    for match in found.matches(text, lower if rule.folds else text):
        yield match, group


def passes(rule: Rule, secret: str) -> bool:
    """Whether what a pattern matched is a secret: its checksum fits, and else it is not `sk_live_xxxxxxxxxxxxxxxx`."""
    return not is_sample(secret) if rule.check is None else _checks(rule.check, secret)


def is_sample(secret: str) -> bool:
    """Whether most of a token is an `x` or a `0`, over and over."""
    return len(secret) >= MIN_SAMPLE and max(map(secret.count, _SAMPLED)) > len(secret) // 2


def _checks(check: str, text: str) -> bool:
    from runstone.core.redaction.rules.checksums import CHECKS

    return CHECKS[check](text)


def _outside(spans: list[Span], marks: list[tuple[int, int]]) -> Iterator[Span]:
    """The spans, sorted, that do not stand within one of the marks."""
    at = 0
    for span in spans:
        while at < len(marks) and marks[at][1] <= span[0]:
            at += 1
        if at == len(marks) or span[0] < marks[at][0] or marks[at][1] < span[1]:
            yield span


def _joined(spans: list[Span]) -> Iterator[tuple[int, int, Span]]:
    """Start and end of what overlaps, and the span that names it: that of the lowest rank."""
    spans.sort(key=lambda span: (span[0], -span[1]))
    at = 0
    while at < len(spans):
        start, stop, _, _ = best = spans[at]
        at += 1
        while at < len(spans) and spans[at][0] < stop:
            stop = max(stop, spans[at][1])
            best = min(best, spans[at], key=lambda span: (span[2], span[0] - span[1], span[3]))
            at += 1
        yield start, stop, best


def _moved_lines(text: str, spans: list[Span]) -> list[int]:
    """For each line of `text`, which one it is where a mark stands in the place of each span."""
    moved, end = [0], 0
    for start, stop, _ in _joined(spans):
        moved += _next_lines(moved[-1], text.count("\n", end, start))
        moved += [moved[-1]] * text.count("\n", start, stop)
        end = stop
    return [*moved, *_next_lines(moved[-1], text.count("\n", end))]


def _next_lines(line: int, count: int) -> range:
    return range(line + 1, line + 1 + count)


def _line_of(value: Any) -> tuple[bytes | None, Any]:
    """A tree as bytes, in which all that it holds is found, and as it is recorded if nothing is; no bytes where some
    of it cannot be seen so."""
    try:
        if not _holds_foreign(value):
            return canonical.canonical_bytes(value), value
        encoded = _with_foreign(value)
        return canonical.canonical_bytes(encoded).replace(b'{"$json":', b'{"json":'), encoded  # no user's key
    except (RunstoneError, RecursionError):
        return None, value


def _holds_foreign(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return any(map(_holds_foreign, value.values()))
    return any(map(_holds_foreign, value)) if kind is list else kind is Foreign


def _with_foreign(value: Any) -> Any:
    """A copy in which foreign JSON is encoded."""
    kind = type(value)
    if kind is dict:
        return {key: _with_foreign(item) for key, item in value.items()}
    if kind is list:
        return [_with_foreign(item) for item in value]
    return {"$json": print_json(value.value, value.profile).decode()} if kind is Foreign else value
