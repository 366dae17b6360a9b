"""Takes secrets out of values, and marks where one was.

- A secret becomes `[REDACTED:<rule>]`; the mark names the rule, never the value, its length or its hash.
- What is looked for: values that the caller declared, values of environment variables whose names say secret, the
  shapes of `rules`, and what is given to a name that says secret (`names`).
- All that is found in a text goes at once, what overlaps as one; then the text is read again, until nothing is found.
  So redacting twice changes nothing, and no order of rules shows.
- A number that spells a value goes too. One that only has its digits among others is another number: of the
  durations and measurements of a long run some hold any four digits.
- If the redactor itself fails, the value is dropped, not written: `[REDACTED:redactor-failed]`.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.limits import MAX_HELD_OUTPUT_BYTES
from runstone.core.printing import print_json
from runstone.core.redaction import names
from runstone.core.redaction.cutting import after_spans, before_keys, before_values, line_end
from runstone.core.redaction.gate import Gate
from runstone.core.redaction.ruleset import DEFAULT, Ruleset
from runstone.core.redaction.spellings import spellings
from runstone.core.values import COERCED, Foreign, encoded_bytes, free_key
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping
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
MARK: Final = "[REDACTED:"
_MARK_PATTERN: Final = r"\[REDACTED:[a-z0-9-]{1,64}(?::[0-9a-f]{12})?\]"
PSEUDONYM_KEY_BYTES: Final = 32
_PSEUDONYM_DIGITS: Final = 12

MEASURED: Final = frozenset(
    {"attempts", "bytes", "dropped", "duration_ns", "events", "exit", "redactions", "size", "torn_bytes"}
)
"""Fields of an event's data that the kernel counts: numbers that cannot be text, and that no user chose."""

MIN_OVERLAP_BYTES: Final = 16 * 1024
"""No rule needs more of what came before, to find a secret that began there."""

MAX_ARGUMENTS: Final = 1000
_NO_BLANKS: Final = {9: "\x1f", 32: "\x1f"}
"""Within an argument no blank parts two."""

MAX_ROUNDS: Final = 8
"""What is still found after so many rounds drops the text."""

MIN_SAMPLE: Final = 16
_SAMPLED: Final = "xX0*"
"""Where more than half of so many characters are the same one of these, no token stands there."""
MIN_CONTROLS: Final = 100
"""Of so many bytes of text less than one is a control character."""
MIN_TYPED: Final = 6
"""The length of what a name must be given in a file that is no text, to be taken for a secret."""
_CONTROLS: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\x1b") + b"\x7f"

_VALUE, _SHAPE, _NAME = range(3)
_NUMBER_CHARACTERS: Final = "0123456789+-.e"
_NAMING: Final = ("name", "key", "header", "variable", "env")
"""Members that name what stands in the member `value` beside them."""

_patterns: dict[str, re.Pattern[str]] = {}


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
        values = sorted((secrets or {}).items(), key=lambda item: (-len(item[0]), item[0]))
        self._values = [(form, rule_id) for value, rule_id in values for form in spellings(value)]
        self._numbers = [(value, rule_id) for value, rule_id in values if not value.strip(_NUMBER_CHARACTERS)]
        forms = [form for form, _ in self._values]
        self._is_ascii = all(map(str.isascii, forms))
        self._encoded = [data for form in forms for data in _encodings(form)]
        self.overlap_bytes = max([MIN_OVERLAP_BYTES, *map(len, self._encoded)])
        """How much of what came before a part must be seen again with it, so that no secret is divided."""
        self._over_lines: list[bytes] | None = None
        self.gate = Gate(ruleset, forms, cache)

    @property
    def ruleset(self) -> dict[str, Any]:
        """Name and digest of the rules in force; declared values are not part of it."""
        return self._rules.as_dict()

    def text(self, text: str) -> tuple[str, list[str]]:
        """`text` without its secrets, and the rules that hit."""
        return self._clean(text, self.scope_of(text))

    def _scope(self, data: bytes) -> Scope:
        """What may be found in bytes, or in any text that they hold."""
        lower = data.lower()
        return self._rules.fitting(data, lower), names.may_stand_in(lower)

    def _clean(self, text: str, scope: Scope) -> tuple[str, list[str]]:
        hits: list[str] = []
        for _ in range(MAX_ROUNDS):
            spans = self._spans(text, scope)
            if not spans:
                return text, hits
            text = self._replaced(text, list(spans), hits)
            scope = self.scope_of(text)
        return f"{MARK}{FAILED}]", [FAILED]

    def _replaced(self, text: str, spans: list[Span], hits: list[str]) -> str:
        """`text` with a mark in the place of each span; what overlaps is one."""
        pieces: list[str] = []
        end = 0
        for start, stop, best in _joined(spans):
            pieces += (text[end:start], self._mark(best[3], text[start:stop]))
            hits.append(best[3])
            end = stop
        return "".join(pieces) + text[end:]

    def _mark(self, rule: str, secret: str) -> str:
        """What stands for a secret."""
        if self._key is None:
            return f"{MARK}{rule}]"
        import hmac

        code = hmac.digest(self._key, secret.encode("utf-8", "surrogatepass"), "sha256").hex()
        return f"{MARK}{rule}:{code[:_PSEUDONYM_DIGITS]}]"

    def _spans(self, text: str, scope: Scope) -> dict[Span, tuple[int, int]]:
        """All that is a secret in `text` (as `_found`), but for what stands within a mark."""
        found = dict(self._found(text, scope))
        if not found or MARK not in text:
            return found
        marks = [match.span() for match in _compiled(_MARK_PATTERN).finditer(text)]
        return {span: found[span] for span in _outside(sorted(found), marks)}

    def places(self, text: str) -> list[Place]:
        """What `text` takes out of a text at its first look, in order; what overlaps is one."""
        spans = self._spans(text, self.scope_of(text))
        return [Place(start, end, best[3], *spans[best]) for start, end, best in _joined(list(spans))]

    def scope_of(self, text: str) -> Scope:
        """What may be found in a text: by which rules, and whether a name in it may say secret."""
        return self._scope(text.encode("utf-8", "surrogatepass"))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        return self._rules.rules

    def _found(self, text: str, scope: Scope) -> Iterator[tuple[Span, tuple[int, int]]]:
        """Each secret, and the span of all by which it is one: its name, what stands around it."""
        for form, rule_id in self._values:
            start = text.find(form)
            while start >= 0:
                end = start + len(form)
                yield (start, end, _VALUE, rule_id), (start, end)
                start = text.find(form, end)
        rules, named = scope
        lower = text.lower() if rules else ""
        for rule in rules:
            for match, group in shapes(rule, text, lower):
                secret = match[group]
                if passes(rule, secret) and self.exempted(rule.id, secret) is None:
                    yield (*match.span(group), _SHAPE, rule.id), match.span()
        if named:
            for first, behind, start, end in names.assignments(text):
                if self.exempted(names.RULE, text[start:end], text[first:behind]) is None:
                    yield (start, end, _NAME, names.RULE), (first, end)

    def exempted(self, rule_id: str, secret: str, name: str = "") -> str | None:
        """The reason why an exemption leaves what a rule would take; `name` is what it is given to, if that decides."""
        exemption = self._rules.exemption(rule_id, secret, name)
        return None if exemption is None else exemption.reason

    def spans_lines(self, data: bytes) -> bool:
        """Whether a secret in bytes may reach over a line end; false is a proof."""
        if self._over_lines is None:
            anchors = [anchor.encode() for rule in self.rules if spans_lines(rule) for anchor in rule.anchors]
            values = [value for value in self._encoded if b"\n" in value]
            self._over_lines = [text.lower() for text in (*anchors, *values)]
        lower = data.lower()
        return any(text in lower for text in self._over_lines)

    def found_in(self, data: bytes) -> str | None:
        """The rule of the first secret in bytes of a file, whatever its encoding; `None` where there is none."""
        scope = rules, named = self._scope(data)
        readings = [data.decode("latin-1")]
        if not data.isascii() and (named or not self._is_ascii or any(rule.is_wide for rule in rules)):
            readings.append(data.decode("utf-8", "replace"))
        binary = named and is_binary(data)
        for text in readings:
            for start, end, rank, rule_id in sorted(self._spans(text, scope)):
                if rank != _NAME or not binary or is_typed(text[start:end]):
                    return rule_id
        return None

    def tree(self, value: Any, marks: list[Mark]) -> Any:
        """`value` (from `values.coerce`) as recorded: secrets out, `bytes` and `Foreign` leaves encoded.

        Adds to `marks`. Never raises: a part on which the redactor fails is dropped and marked.
        """
        found: list[Mark] = []
        try:
            line = _line_of(value)
            if line is not None and not self._numbers and not self.gate.looks(line):
                return value
            place = _Place(None if line is None else self._scope(line))
            clean = self._walk(value, place, found)
            found = [[place.moved(pointer), mark] for pointer, mark in marks] + found
            marks[:] = [list(mark) for mark in dict.fromkeys(map(tuple, found))]  # two secrets in one text: one mark
            return clean
        except Exception:  # whatever went wrong, the unredacted value must not get past this line
            marks[:] = [["", f"redacted:{FAILED}"]]
            return {"$redacted": FAILED}

    def _text(self, text: str, place: _Place) -> tuple[str, list[str]]:
        return self.text(text) if place.scope is None else self._clean(text, place.scope)

    def _walk(self, value: Any, place: _Place, marks: list[Mark]) -> Any:
        kind = type(value)
        if kind is str:
            return self._leaf(value, place, marks)
        if kind is dict:
            return self._object(value, place, marks)
        if kind is list:
            return self._array(value, place, marks)
        if kind is int or kind is float:
            return self._number(value, place, marks)
        if kind is bytes:
            return self._bytes(value, place, marks)
        if kind is Foreign:
            return self._foreign(value, place, marks)
        return value

    def _leaf(self, text: str, place: _Place, marks: list[Mark]) -> str:
        clean, hits = self._text(text, place)
        marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
        return clean

    def _named(self, name: str, value: Any, place: _Place, marks: list[Mark]) -> Any:
        """What has a name that says secret: a text goes whole, unless it only stands for one."""
        kind = type(value)
        if kind is list:
            result = []
            for index, item in enumerate(value):
                place.enter(str(index))
                result.append(self._named(name, item, place, marks))
                place.leave()
            return result
        if kind is not str or names.is_placeholder(value) or self.exempted(names.RULE, value, name):
            return self._walk(value, place, marks)
        clean, hits = self._text(value, place)
        if not (len(hits) == 1 and _compiled(_MARK_PATTERN).fullmatch(clean)):
            clean, hits = self._mark(names.RULE, value), [names.RULE]
        marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
        return clean

    def _array(self, value: list[Any], place: _Place, marks: list[Mark]) -> list[Any]:
        """Items; one that follows an option whose name says secret (`--password`, `x`) is its value."""
        result = []
        option = ""
        arguments = self._arguments(value, place)
        for index, item in enumerate(value):
            place.enter(str(index))
            if index in arguments:
                hits: list[str] = []
                item = self._replaced(item, arguments[index], hits)  # the rest of it is walked, too
                marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
            result.append(self._named(option, item, place, marks) if option else self._walk(item, place, marks))
            place.leave()
            named = type(item) is str and item.startswith("-") and "=" not in item and MARK not in item
            option = item if named and names.says_secret(item) else ""
        return result

    def _arguments(self, value: list[Any], place: _Place) -> dict[int, list[Span]]:
        """What rules of commands find in a list of texts, read as one command; by the index of the item."""
        if place.scope is not None and not any(rule.in_lists for rule in place.scope[0]):
            return {}
        if len(value) > MAX_ARGUMENTS or not all(type(item) is str for item in value):
            return {}
        line = "\t".join([item.translate(_NO_BLANKS) for item in value])
        found: dict[int, list[Span]] = {}
        index, first = 0, 0
        for (start, end, rank, rule_id), _ in sorted(self._found(line, self._commands(line))):
            while first + len(value[index]) < start:
                first += len(value[index]) + 1
                index += 1
            if rank == _SHAPE and end <= first + len(value[index]) and MARK not in line[start:end]:
                found.setdefault(index, []).append((start - first, end - first, rank, rule_id))
        return found

    def _commands(self, line: str) -> Scope:
        data = line.encode("utf-8", "surrogatepass")
        return [rule for rule in self._rules.fitting(data, data.lower()) if rule.in_lists], False

    def _number(self, value: float, place: _Place, marks: list[Mark]) -> Any:
        if not self._numbers or place.is_measured():
            return value
        text = str(value) if type(value) is int else canonical.number_text(value)
        for secret, rule in self._numbers:
            if _spells(text, secret):
                marks.append([place.pointer(), f"redacted:{rule}"])
                return self._mark(rule, text)
        return value

    def _object(self, value: dict[str, Any], place: _Place, marks: list[Mark]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        pair = next(filter(_names_secret, map(value.get, _NAMING)), "") if "value" in value else ""
        for key, item in value.items():
            clean, hits = self._text(key, place)
            name = free_key(clean, result, numbers)
            place.enter(key, name)
            marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
            named = pair if pair and key == "value" else key if MARK not in key and names.says_secret(key) else ""
            result[name] = self._named(named, item, place, marks) if named else self._walk(item, place, marks)
            place.leave()
        return result

    def _bytes(self, value: bytes, place: _Place, marks: list[Mark]) -> Any:
        clean, hits = self.text(value.decode("latin-1"))
        if hits:
            marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
            return clean
        return encoded_bytes(value)

    def _foreign(self, value: Foreign, place: _Place, marks: list[Mark]) -> Any:
        found: list[Mark] = []
        inner = _Place(None)
        inner.enter("$json")
        tree = self._walk(value.value, inner, found)
        text = print_json(tree, value.profile).decode()
        where = place.pointer()
        if self.text(text)[1]:  # a secret that only the printed form shows
            marks.append([where, f"redacted:{FAILED}"])
            return {"$redacted": FAILED}
        marks += [[where + pointer, mark] for pointer, mark in found if mark != COERCED]
        return {"$json": text}

    def safe_end(self, data: bytes) -> int:
        """Where a stream's bytes can be cut so that no rule is in the middle of a match there.

        Everything before the answer may be recorded now; the rest waits for more, or for the end of the stream.
        No rule but a private key's reaches over a line end. At most 64 KiB wait: where no line ends in them, all
        that could be divided in their middle has come in whole, and the cut stands after it.
        """
        limit = len(data) - MAX_HELD_OUTPUT_BYTES
        end = before_keys(data, line_end(data), max(0, limit))
        end = before_values(data, end, self._encoded)
        if end >= limit:
            return end
        return self.after_matches(data, max(0, len(data) - max(MAX_HELD_OUTPUT_BYTES // 2, self.overlap_bytes)))

    def after_matches(self, data: bytes, cut: int) -> int:
        """`cut`, or the end of the secret that it would divide."""
        spans = [whole for _, whole in self._found(data.decode("latin-1"), self._scope(data))]
        for value in self._encoded:
            start = data.find(value)
            while start >= 0:
                spans.append((start, start + len(value)))
                start = data.find(value, start + 1)
        return after_spans(cut, spans)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled when it is first needed, as `re` itself takes 5 ms to load."""
    found = _patterns.get(pattern)
    if found is None:
        import re

        found = _patterns[pattern] = re.compile(pattern, re.ASCII)
    return found


def is_binary(data: bytes) -> bool:
    """Whether bytes of a file are no text: in text less than one of a hundred is a control character."""
    return len(data) - len(data.translate(None, _CONTROLS)) > len(data) // MIN_CONTROLS


def is_typed(value: str) -> bool:
    """Whether somebody may have typed a value: three random bytes stand behind some `pwd=` in every large file."""
    return len(value) >= MIN_TYPED and value.isascii() and value.isprintable()


def shapes(rule: Rule, text: str, lower: str) -> Iterator[tuple[re.Match[str], str | int]]:
    """Where a rule matches in `text` (`lower` in lower case), and the group of what goes if it `passes`."""
    if rule.fits(text, lower):
        pattern = _compiled(rule.pattern)
        group = "secret" if "secret" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            yield match, group


def spans_lines(rule: Rule) -> bool:
    """Whether a rule may match over a line end: some part of its pattern, the negated sets that say no apart."""
    rest = _compiled(_NEGATED).sub(lambda found: "" if _compiled(r"\\[sn]").search(found[0]) else "\\n", rule.pattern)
    return _compiled(r"\\[nsWD]").search(rest) is not None


_NEGATED: Final = r"\[\^\]?(?:\\.|[^\]\\])*\]"


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


def _line_of(value: Any) -> bytes | None:
    """A tree as bytes, in which all that it holds is found; `None` where leaves are encoded on the way."""
    try:
        return canonical.canonical_bytes(value)
    except RunstoneError:
        return None


def _names_secret(name: Any) -> bool:
    """Whether the text of a member names what stands in the member `value` beside it."""
    return type(name) is str and MARK not in name and names.says_secret(name) and not names.is_value(name)


class _Place:
    """Where a walk is: as keys came in, and as they are recorded. A pointer must not show a key that was redacted."""

    __slots__ = ("_now", "_renamed", "_was", "scope")

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope
        self._was: list[str] = []
        self._now: list[str] = []
        self._renamed: dict[str, str] = {}

    def enter(self, key: str, name: str | None = None) -> None:
        """Go to a member whose key becomes `name`."""
        self._was.append(key)
        if name is None or name == key:
            self._now.append(key)
        else:
            self._now.append(name)
            self._renamed[canonical.pointer(self._was)] = canonical.pointer([name])

    def leave(self) -> None:
        """Go back to what holds it."""
        self._was.pop()
        self._now.pop()

    def is_measured(self) -> bool:
        """Whether this is a field of an event in which the kernel counts."""
        return len(self._was) == 1 and self._was[0] in MEASURED

    def pointer(self) -> str:
        """Where the walk is, as recorded."""
        return canonical.pointer(self._now)

    def moved(self, pointer: str) -> str:
        """The pointer to where a member stands now that stood at `pointer`."""
        if not self._renamed:
            return pointer
        was = now = ""
        for part in pointer.split("/")[1:]:
            was += "/" + part
            now += self._renamed.get(was, "/" + part)
        return now


def _spells(number: str, secret: str) -> bool:
    """Whether `secret` stands in the text of a number with no other digit beside it."""
    start = number.find(secret)
    while start >= 0:
        end = start + len(secret)
        if not (number[start - 1 : start].isdigit() or number[end : end + 1].isdigit()):
            return True
        start = number.find(secret, start + 1)
    return False


def _encodings(form: str) -> list[bytes]:
    """The bytes that are read as `form`: as UTF-8, or each byte for itself."""
    found = [form.encode()]
    if not form.isascii() and max(form) <= "\xff":
        found.append(form.encode("latin-1"))
    return found
