"""Takes secrets out of values, and marks where one was.

- A secret becomes `[REDACTED:<rule>]`; the mark names the rule, never the value, its length or its hash.
- What is looked for: values that the caller declared, values of environment variables whose names say secret,
  and the shapes of `rules`.
- A number that spells a value goes too. One that only has its digits among others is another number: of the
  durations and measurements of a long run some hold any four digits.
- If the redactor itself fails, the value is dropped, not written: `[REDACTED:redactor-failed]`.
- Idempotent: what it writes holds no anchor.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.limits import MAX_HELD_OUTPUT_BYTES
from runstone.core.printing import PROFILES, print_json
from runstone.core.redaction.gate import Gate
from runstone.core.redaction.rules import RULES, STREAM_BLOCK_END, STREAM_BLOCK_START, Rule, ruleset
from runstone.core.values import COERCED, Foreign, encoded_bytes, free_key, undecoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.core.values import Mark

MIN_DECLARED_LENGTH: Final = 4
RESERVED_KEY: Final = '"$'
"""Keys that begin so belong to the format; the gate finds a user's in the same pass."""
FAILED: Final = "redactor-failed"
DECLARED: Final = "declared"

MEASURED: Final = frozenset(
    {"attempts", "bytes", "dropped", "duration_ns", "events", "exit", "redactions", "size", "torn_bytes"}
)
"""Fields of an event's data that the kernel counts: numbers that cannot be text, and that no user chose."""

MIN_OVERLAP_BYTES: Final = 16 * 1024
"""No rule needs more of what came before, to find a secret that began there."""

_NUMBER_CHARACTERS: Final = "0123456789+-.e"

_QUOTES: Final = (canonical.quote, PROFILES["pretty-ascii"].quote)
"""How JSON that a program prints spells text: as it is, or in ASCII."""

_patterns: dict[str, re.Pattern[str]] = {}


class Redactor:
    """Redacts text and JSON trees. `gate.hit(line)` is false only where nothing would be changed.

    `secrets` maps a value to the rule it is redacted by (`declared`, `environment`); values shorter than four
    characters are left to the caller to refuse.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None, rules: tuple[Rule, ...] = RULES) -> None:
        self._rules = rules
        values = sorted((secrets or {}).items(), key=lambda item: (-len(item[0]), item[0]))
        self._values = [(_spellings(value), rule_id) for value, rule_id in values]
        self._numbers = [(value, rule_id) for value, rule_id in values if not value.strip(_NUMBER_CHARACTERS)]
        forms = [form for forms, _ in self._values for form in forms]
        self._is_ascii = all(map(str.isascii, forms))
        self._encoded = [data for form in forms for data in _encodings(form)]
        self.overlap_bytes = max([MIN_OVERLAP_BYTES, *map(len, self._encoded)])
        """How much of what came before a part must be seen again with it, so that no secret is divided."""
        anchors = [anchor for rule in rules for anchor in rule.anchors]
        self.gate = Gate(frozenset(forms + anchors), (RESERVED_KEY,))

    @property
    def ruleset(self) -> dict[str, Any]:
        """Name and digest of the rules in force; declared values are not part of it."""
        return ruleset(self._rules)

    def text(self, text: str) -> tuple[str, list[str]]:
        """`text` without its secrets, and the rules that hit."""
        hits: list[str] = []
        if not self.gate.hit_text(text):
            return text, hits
        for forms, rule_id in self._values:
            for form in forms:
                if form in text:
                    text = text.replace(form, f"[REDACTED:{rule_id}]")
                    hits.append(rule_id)
        for rule in self._rules:
            if rule.fits(text):
                text = self._apply(rule, text, hits)
        return text, hits

    def found_in(self, data: bytes) -> list[str]:
        """The rules that hit in bytes of a file, whatever its encoding; empty where none does."""
        text = data.decode("latin-1")
        hits = self.text(text)[1]
        if hits or data.isascii() or not self._differs_in_utf8(text):
            return hits
        return self.text(data.decode("utf-8", "replace"))[1]

    def _differs_in_utf8(self, text: str) -> bool:
        """Whether bytes, here as Latin-1, may show as UTF-8 what they do not show byte by byte."""
        return not self._is_ascii or any(rule.is_wide and rule.fits(text) for rule in self._rules)

    def _apply(self, rule: Rule, text: str, hits: list[str]) -> str:
        pattern = _compiled(rule)
        group = "secret" if "secret" in pattern.groupindex else 0
        pieces: list[str] = []
        end = 0
        for match in pattern.finditer(text):
            start, stop = match.span(group)
            if text.startswith("[REDACTED:", start) and text.find("]", start) == stop - 1:
                continue
            pieces += (text[end:start], f"[REDACTED:{rule.id}]")
            end = stop
            hits.append(rule.id)
        return "".join(pieces) + text[end:] if pieces else text

    def tree(self, value: Any, marks: list[Mark]) -> Any:
        """`value` (from `values.coerce`) as recorded: secrets out, `bytes` and `Foreign` leaves encoded.

        Adds to `marks`. Never raises: a part on which the redactor fails is dropped and marked.
        """
        place = _Place()
        found: list[Mark] = []
        try:
            clean = self._walk(value, place, found)
            found = [[place.moved(pointer), mark] for pointer, mark in marks] + found
            marks[:] = [list(mark) for mark in dict.fromkeys(map(tuple, found))]  # two secrets in one text: one mark
            return clean
        except Exception:  # whatever went wrong, the unredacted value must not get past this line
            marks[:] = [["", f"redacted:{FAILED}"]]
            return {"$redacted": FAILED}

    def _walk(self, value: Any, place: _Place, marks: list[Mark]) -> Any:
        kind = type(value)
        if kind is str:
            return self._leaf(value, place, marks)
        if kind is dict:
            return self._object(value, place, marks)
        if kind is list:
            result = []
            for index, item in enumerate(value):
                place.enter(str(index))
                result.append(self._walk(item, place, marks))
                place.leave()
            return result
        if kind is int or kind is float:
            return self._number(value, place, marks)
        if kind is bytes:
            return self._bytes(value, place, marks)
        if kind is Foreign:
            return self._foreign(value, place, marks)
        return value

    def _leaf(self, text: str, place: _Place, marks: list[Mark]) -> str:
        if not self.gate.hit_text(text):
            return text
        clean, hits = self.text(text)
        marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
        return clean

    def _number(self, value: float, place: _Place, marks: list[Mark]) -> Any:
        if not self._numbers or place.is_measured():
            return value
        text = str(value) if type(value) is int else canonical.number_text(value)
        for secret, rule in self._numbers:
            if _spells(text, secret):
                marks.append([place.pointer(), f"redacted:{rule}"])
                return f"[REDACTED:{rule}]"
        return value

    def _object(self, value: dict[str, Any], place: _Place, marks: list[Mark]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        for key, item in value.items():
            clean, hits = self.text(key) if self.gate.hit_text(key) else (key, [])
            name = free_key(clean, result, numbers)
            place.enter(key, name)
            marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
            result[name] = self._walk(item, place, marks)
            place.leave()
        return result

    def _bytes(self, value: bytes, place: _Place, marks: list[Mark]) -> Any:
        text = value.decode("latin-1")
        clean, hits = self.text(text) if self.gate.hit_text(text) else (text, [])
        if hits:
            marks += [[place.pointer(), f"redacted:{rule}"] for rule in hits]
            return clean
        return encoded_bytes(value)

    def _foreign(self, value: Foreign, place: _Place, marks: list[Mark]) -> Any:
        found: list[Mark] = []
        inner = _Place()
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
        that could be divided has come in whole, and the cut stands after it.
        """
        limit = len(data) - MAX_HELD_OUTPUT_BYTES
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        block = data.rfind(STREAM_BLOCK_START) if STREAM_BLOCK_START in data else -1  # `in` is much quicker
        if 0 <= block < end and data.find(STREAM_BLOCK_END, block) < 0:
            end = block
        end = self._before_values(data, end)
        return end if end >= limit else self._after_matches(data, limit)

    def _before_values(self, data: bytes, cut: int) -> int:
        """`cut`, or the start of a declared value that it would divide or that may be unfinished there."""
        for value in self._encoded:
            start = max(0, cut - len(value) + 1)
            while start < cut:
                if value.startswith(data[start : start + len(value)]):
                    cut = start
                    break
                start += 1
        return cut

    def _after_matches(self, data: bytes, cut: int) -> int:
        """`cut`, or the end of what it would divide."""
        text = data.decode("latin-1")
        spans = [match.span() for rule in self._rules if rule.fits(text) for match in _compiled(rule).finditer(text)]
        for value in self._encoded:
            start = data.find(value)
            while start >= 0:
                spans.append((start, start + len(value)))
                start = data.find(value, start + 1)
        for start, stop in sorted(spans):
            if start < cut < stop:
                cut = stop
        return cut


def _compiled(rule: Rule) -> re.Pattern[str]:
    """The rule's pattern; compiled when the first anchor of the process hits, as `re` itself takes 5 ms to load."""
    pattern = _patterns.get(rule.pattern)
    if pattern is None:
        import re

        pattern = _patterns[rule.pattern] = re.compile(rule.pattern)
    return pattern


class _Place:
    """Where a walk is: as keys came in, and as they are recorded. A pointer must not show a key that was redacted."""

    __slots__ = ("_now", "_renamed", "_was")

    def __init__(self) -> None:
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


def _spellings(value: str) -> list[str]:
    """How a value can stand in text: raw, byte by byte in text that is not UTF-8, and as JSON escapes these."""
    forms = [value, undecoded(value)]
    forms += [quote(form)[1:-1] for form in forms for quote in _QUOTES]
    return [form for form in dict.fromkeys(forms) if canonical.is_unicode(form)]


def _encodings(form: str) -> list[bytes]:
    """The bytes that are read as `form`: as UTF-8, or each byte for itself."""
    found = [form.encode()]
    if not form.isascii() and max(form) <= "\xff":
        found.append(form.encode("latin-1"))
    return found
