"""The query language: terms joined by AND.

`kind:backfill status:failed,partial -id:tmp* since:7d metric.loss<0.1 "connection refused" sort:-metric.acc`

- `field:value` with globs `*`, a comma for OR, `-` to negate; `field>n`, `>=`, `<`, `<=` where a field has numbers;
  words in quotes search names, labels, errors and the head of the log.
- Quotes also hold blanks, commas and stars within names and values: `label."my key":"a, b"`.
- Anything else is an error that points at the column.
- What a query asks of is a card (`core.card`): one `fits` for every store, whatever index finds the candidates.
"""

from __future__ import annotations

from runstone.core.amounts import UNITS_S, unit_of
from runstone.core.canonical import is_unicode
from runstone.core.card import DAMAGED, GIVEN, MAX_FACT_CHARACTERS, facts, place_of
from runstone.core.fulltext import holds, words_of
from runstone.core.times import is_time, parse_time, time_text
from runstone.core.words import CHECK_STATUSES, FINAL_STATUSES, HIDDEN_KINDS, LINK_RELATIONS, NOT_FINITE, RUNNING
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Final

    from runstone.core.card import Fact

FIELDS: Final = (
    "id", "kind", "status", "contract", "since", "until", "duration",
    "name", "alias", "input", "output", "digest", "outcome",
)  # fmt: skip
FAMILIES: Final = ("label", "check", "metric", "score", "config", "decision", "link")
"""Fields with a name of their own behind a dot: `label.env`."""
SORTABLE: Final = ("opened", "duration", "kind", "status", "name")
SORTABLE_FAMILIES: Final = ("metric", "score")
MAX_QUERY_CHARACTERS: Final = 10_000
TEXT: Final = "text"
OPENED: Final = "opened"

_STATUSES: Final = (*FINAL_STATUSES, RUNNING, DAMAGED)
_DECISION: Final = ("risk", "outcome", "by")
_WITH_NUMBERS: Final = frozenset({"duration", "metric", "score", "config"})
_OF_RUNS: Final = frozenset({"id", "link"})
_NO_ID: Final = ("@", "sha256:")
_YEAR_DIGITS: Final = 4
_SIGNS: Final = (">=", "<=", ">", "<", ":")


class Pattern:
    """A value of a term: text in which `*`, outside quotes, stands for any text."""

    __slots__ = ("number", "parts")

    def __init__(self, parts: tuple[str, ...], number: float | None = None) -> None:
        self.parts = parts
        self.number = number
        """The number that it spells: it fits that number however it is spelled."""

    @property
    def literal(self) -> str | None:
        """The only text that fits, where there is only one."""
        return self.parts[0] if len(self.parts) == 1 else None

    def fits(self, text: str, number: float | None) -> bool:
        """Whether a fact has this value."""
        return glob_fits(self.parts, text) or (number is not None and number == self.number)


class Match:
    """A field has one of the values."""

    __slots__ = ("field", "negated", "patterns")

    def __init__(self, field: str, patterns: tuple[Pattern, ...], *, negated: bool) -> None:
        self.field = field
        self.patterns = patterns
        self.negated = negated

    def fits(self, card: Mapping[str, Any], found: list[Fact]) -> bool:  # noqa: ARG002  # as the others do
        """Whether a card with these facts of the field is meant."""
        hit = any(pattern.fits(text, number) for _, text, number in found for pattern in self.patterns)
        return hit != self.negated


def exactly(field: str, value: Any) -> Match:
    """The term that a field has this text, whatever signs are in it; but of a given label only its head is known."""
    text = str(value)
    known = text if field.startswith(f"{GIVEN}.") else text[:MAX_FACT_CHARACTERS]
    return Match(field, (Pattern((known,)),), negated=False)


class Bound:
    """A field has a number on one side of another."""

    __slots__ = ("bound", "field", "negated", "sign")

    def __init__(self, field: str, sign: str, bound: float, *, negated: bool) -> None:
        self.field = field
        self.sign = sign
        self.bound = bound
        self.negated = negated

    def fits(self, card: Mapping[str, Any], found: list[Fact]) -> bool:  # noqa: ARG002  # as the others do
        """Whether a card with these facts of the field is meant."""
        holds_for = _COMPARED[self.sign]
        return any(number is not None and holds_for(number, self.bound) for _, _, number in found) != self.negated


_COMPARED: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": lambda number, bound: number > bound,
    ">=": lambda number, bound: number >= bound,
    "<": lambda number, bound: number < bound,
    "<=": lambda number, bound: number <= bound,
}


class Words:
    """Words stand one behind another in what can be searched of a run."""

    __slots__ = ("field", "negated", "phrases")

    def __init__(self, phrases: tuple[tuple[str, bool], ...], *, negated: bool) -> None:
        self.field = TEXT
        self.phrases = phrases
        """Words parted by blanks, and whether the last may go on."""
        self.negated = negated

    def fits(self, card: Mapping[str, Any], found: list[Fact]) -> bool:  # noqa: ARG002  # as the others do
        """Whether a card is meant."""
        searched = card["words"]
        return any(holds(searched, phrase, unfinished=open_end) for phrase, open_end in self.phrases) != self.negated


class Query:
    """A parsed query: `fits` decides for one card, `ordered` sorts them, `page` does both."""

    __slots__ = ("_families", "_fields", "descending", "names_kind", "sort", "terms")

    def __init__(
        self, terms: list[Match | Bound | Words], sort: str = OPENED, *, descending: bool = True, any_kind: bool = False
    ) -> None:
        self.terms = terms
        self.sort = sort
        self.descending = descending
        self.names_kind = any_kind or any(term.field in ("id", "kind") and not term.negated for term in terms)
        """Whether runs of hidden kinds are in the answer."""
        self._fields = {term.field for term in terms}
        self._families = {field.partition(".")[0] for field in self._fields}

    def fits(self, card: Mapping[str, Any]) -> bool:
        """Whether a run is in the answer."""
        if card["kind"] in HIDDEN_KINDS and not self.names_kind:
            return False
        if not self.terms:
            return True
        found: dict[str, list[Fact]] = {}
        for fact in facts(card, self._families):
            if fact[0] in self._fields:
                found.setdefault(fact[0], []).append(fact)
        return all(term.fits(card, found.get(term.field, [])) for term in self.terms)

    def cursor(self, card: Mapping[str, Any]) -> Cursor:
        """Where a card stands in the order of the answer."""
        opened_at, run_id = place_of(card)
        return Cursor(self._sorted_by(card), opened_at, run_id)

    def _sorted_by(self, card: Mapping[str, Any]) -> float | str | None:
        if self.sort == OPENED:
            return None
        family = self.sort.partition(".")[0]
        values = [
            text if number is None else number for field, text, number in facts(card, (family,)) if field == self.sort
        ]
        if family in ("duration", *SORTABLE_FAMILIES):
            values = [value for value in values if not isinstance(value, str)]
        return min(values, default=None)

    def ordered(self, cards: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Cards in the order of the answer; those without what they are sorted by come last."""
        newest = not (self.sort == OPENED and not self.descending)
        result = sorted(cards, key=place_of, reverse=newest)
        if self.sort != OPENED:
            keyed = [(self._sorted_by(card), card) for card in result]
            there = [pair for pair in keyed if pair[0] is not None]
            there.sort(key=lambda pair: pair[0], reverse=self.descending)  # type: ignore[arg-type,return-value]  # of one kind
            result = [card for _, card in there] + [card for value, card in keyed if value is None]
        return result

    def page(
        self, cards: Iterable[Mapping[str, Any]], after: Cursor | None, limit: int | None
    ) -> list[Mapping[str, Any]]:
        """Of all cards those that fit, in order, behind `after`."""
        fitting = self.ordered(card for card in cards if self.fits(card))
        if after is not None:
            self.check(after)
            fitting = [card for card in fitting if self.is_behind(card, after)]
        return fitting[:limit]

    def check(self, cursor: Cursor) -> None:
        """Raise `invalid_cursor` where a cursor is one of an answer that is sorted in another way."""
        family = self.sort.partition(".")[0]
        kind: tuple[type, ...] = (int, float) if family in ("duration", *SORTABLE_FAMILIES) else (str,)
        if cursor.value is not None and (self.sort == OPENED or not isinstance(cursor.value, kind)):
            raise error("invalid_cursor", "the cursor is one of a list that is sorted in another way", sort=self.sort)

    def is_behind(self, card: Mapping[str, Any], cursor: Cursor) -> bool:
        """Whether a card comes behind a place in the order."""
        here = self.cursor(card)
        if here.value != cursor.value:
            if here.value is None or cursor.value is None:
                return here.value is None
            lower = here.value < cursor.value  # type: ignore[operator]  # of one kind
            return bool(lower) == self.descending
        if self.sort == OPENED and not self.descending:
            return (here.opened_at, here.run_id) > (cursor.opened_at, cursor.run_id)
        return (here.opened_at, here.run_id) < (cursor.opened_at, cursor.run_id)


class Cursor:
    """A place in the order of an answer: what comes behind it is the next page."""

    __slots__ = ("opened_at", "run_id", "value")

    def __init__(self, value: float | str | None, opened_at: str, run_id: str) -> None:
        self.value = value
        self.opened_at = opened_at
        self.run_id = run_id

    def text(self) -> str:
        """The cursor as text, for a later `parse_cursor`."""
        from base64 import urlsafe_b64encode

        from runstone.core.canonical import canonical_bytes

        return urlsafe_b64encode(canonical_bytes([self.value, self.opened_at, self.run_id])).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """The cursor that `text` says; raises `invalid_cursor`."""
    from base64 import urlsafe_b64decode

    from runstone.core.parsing import parse_canonical
    from runstone.errors import RunstoneError

    try:
        value, opened_at, run_id = parse_canonical(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (RunstoneError, ValueError, TypeError, AttributeError):
        value = opened_at = run_id = None
    good = value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))
    if not (good and isinstance(opened_at, str) and isinstance(run_id, str)):
        raise error(
            "invalid_cursor", f"not a cursor that a list has given: {excerpt(str(text))!r}", found=excerpt(str(text))
        )
    return Cursor(value, opened_at, run_id)


def parse_query(text: str, now_ns: int = 0) -> Query:
    """The query that `text` says; raises `invalid_query` with the column (from 1).

    `now_ns`, nanoseconds since 1970 in UTC, is what `since:7d` counts from.
    """
    if not isinstance(text, str):
        raise error("invalid_query", f"column 1: a query is text; found {type(text).__name__}", column=1)
    if len(text) > MAX_QUERY_CHARACTERS:
        column = MAX_QUERY_CHARACTERS + 1
        raise error("invalid_query", f"column {column}: a query has at most {column - 1} characters", column=column)
    if not is_unicode(text):
        column = 1 + next(at for at, character in enumerate(text) if not is_unicode(character))
        raise error("invalid_query", f"column {column}: what stands there is no Unicode text", column=column)
    return _Reader(text, now_ns).query()


class _Reader:
    """Reads a query from left to right. `_at` is where it stands."""

    def __init__(self, text: str, now_ns: int) -> None:
        self._text = text
        self._now_ns = now_ns
        self._at = 0
        self._sort: tuple[str, bool] | None = None

    def query(self) -> Query:
        terms = []
        while self._next():
            term = self._term()
            if term is not None:
                terms.append(term)
        field, descending = self._sort or (OPENED, True)
        return Query(terms, field, descending=descending)

    def _next(self) -> bool:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at < len(self._text)

    def _term(self) -> Match | Bound | Words | None:
        start = self._at
        negated = self._taken("-")
        if self._peek() == '"':
            return self._words(negated=negated)
        field, name = self._field(start)
        sign = next((sign for sign in _SIGNS if self._taken(sign)), None)
        if sign is None:
            raise self._fault(f"expected one of {_shown(_SIGNS)} behind {self._text[start : self._at]!r}", self._at)
        if field == "sort":
            self._order(sign, start, negated=negated)
            return None
        full = field if name is None else f"{field}.{name}"
        if sign != ":":
            return Bound(full, sign, self._number(field, sign), negated=negated)
        if field in ("since", "until"):
            return Bound(OPENED, ">=" if field == "since" else "<", self._moment(), negated=negated)
        if field == "duration":
            raise self._fault("a duration is compared by >, >=, < or <=", self._at - 1)
        return Match(full, self._patterns(field), negated=negated)

    def _field(self, start: int) -> tuple[str, str | None]:
        at = self._at
        field = self._word(stop=':<>." ')
        if field in FAMILIES and self._taken("."):
            begun = self._at
            name = self._quoted() if self._peek() == '"' else self._word(stop=":<> ")
            self._check_name(field, name, begun)
            return field, name
        if field == "sort" or (field in FIELDS and self._peek() != "."):
            return field, None
        if field in FAMILIES:
            raise self._fault(f"{field} has a name of its own: {_EXAMPLES[field]}", at)
        known = [f"{name}:" for name in FIELDS] + [f"{name}." for name in FAMILIES] + ["sort:"]
        raise self._fault(f"expected words in quotes, or one of {', '.join(known)}", start)

    def _check_name(self, field: str, name: str, at: int) -> None:
        if not name and field != "config":
            raise self._fault(f"{field} has a name of its own: {_EXAMPLES[field]}", at)
        if field == "config" and name and not name.startswith("/"):
            raise self._fault(f"a value of a configuration is named by its JSON Pointer: {_EXAMPLES[field]}", at)
        closed = {"decision": _DECISION, "link": LINK_RELATIONS}.get(field)
        if closed is not None and name not in closed:
            raise self._fault(f"expected one of {_shown(closed)}", at)

    def _patterns(self, field: str) -> tuple[Pattern, ...]:
        found = []
        while True:
            at = self._at
            pattern = self._pattern()
            self._check_value(field, pattern, at)
            found.append(pattern)
            if not self._taken(","):
                break
        if self._peek() not in ("", " ") and not self._peek().isspace():
            raise self._fault("expected a comma or a blank behind a value in quotes", self._at)
        return tuple(found)

    def _pattern(self) -> Pattern:
        if self._peek() == '"':
            return Pattern((self._quoted()[:MAX_FACT_CHARACTERS],))
        at = self._at
        word = self._word(stop=', "')
        if not word:
            raise self._fault("a value is empty", at)
        parts = tuple(word.split("*"))
        if len(parts[0]) >= MAX_FACT_CHARACTERS:  # of a value no more is known
            parts = (parts[0][:MAX_FACT_CHARACTERS],)
        return Pattern(parts, _number_of(word))

    def _check_value(self, field: str, pattern: Pattern, at: int) -> None:
        known = {"status": _STATUSES, "check": CHECK_STATUSES}.get(field)
        if known is not None and pattern.literal is not None and pattern.literal not in known:
            raise self._fault(f"expected one of {_shown(known)}", at)
        if field in _OF_RUNS and pattern.parts[0].startswith(_NO_ID):
            raise self._fault("expected the id of a run, whole or with a `*`: no alias and no digest stands here", at)
        literal = pattern.literal if field in SORTABLE_FAMILIES else None
        if literal is not None and literal not in NOT_FINITE and _number_of(literal) is None:
            raise self._fault(f"a {field} is a number, or {_shown(NOT_FINITE)}", at)

    def _words(self, *, negated: bool) -> Words:
        phrases = []
        while True:
            at = self._at
            text = self._quoted() if self._peek() == '"' else ""
            words = words_of(text)
            if not words:
                raise self._fault("expected words in quotes", at)
            phrases.append((" ".join(words), text.endswith("*")))
            if not self._taken(","):
                break
        if self._peek() and not self._peek().isspace():
            raise self._fault("expected a comma or a blank behind words in quotes", self._at)
        return Words(tuple(phrases), negated=negated)

    def _order(self, sign: str, start: int, *, negated: bool) -> None:
        if sign != ":" or negated:
            raise self._fault("expected sort:FIELD or sort:-FIELD", start)
        if self._sort is not None:
            raise self._fault("a list is sorted by one field", start)
        descending = self._taken("-")
        at = self._at
        word = self._word(stop=':<>." ')
        if word in SORTABLE_FAMILIES and self._taken("."):
            name = self._quoted() if self._peek() == '"' else self._word(stop=" ")
            word = f"{word}.{name}" if name else ""
        elif word not in SORTABLE:
            word = ""
        if not word or (self._peek() and not self._peek().isspace()):
            known = [*SORTABLE, *(f"{family}.NAME" for family in SORTABLE_FAMILIES)]
            raise self._fault(f"expected one of {_shown(known)}", at)
        self._sort = word, descending

    def _number(self, field: str, sign: str) -> float:
        at = self._at
        if field not in _WITH_NUMBERS:
            raise self._fault(f"{field} has no numbers to compare by {sign}", at - len(sign))
        word = self._word(stop=" ")
        unit = unit_of(word) if field == "duration" else ""
        number = _number_of(word.removesuffix(unit))
        if number is None:
            kind = f"a duration such as 90, 1.5h or 20ms ({', '.join(UNITS_S)})" if field == "duration" else "a number"
            raise self._fault(f"expected {kind}", at)
        return number * UNITS_S[unit] if unit else number

    def _moment(self) -> float:
        """Microseconds since 1970: of a date, of a time in UTC, or of so long ago."""
        at = self._at
        word = self._word(stop=" ")
        unit = unit_of(word)
        number = _number_of(word.removesuffix(unit)) if unit else None
        if number is not None and number >= 0:
            return parse_time(time_text(int(max(0, self._now_ns - number * UNITS_S[unit] * 1e9)))) / 1000
        begun = word.removesuffix("Z")
        whole = begun + "0000-01-01T00:00:00.000000Z"[len(begun) :]
        if len(begun) >= _YEAR_DIGITS and is_time(whole):
            return parse_time(whole) / 1000
        raise self._fault(
            "expected so long ago (500ms, 90s, 12h, 7d, 2w), a date or a time in UTC (2026-01-02T03:04)", at
        )

    def _word(self, stop: str) -> str:
        start = self._at
        while self._at < len(self._text) and not (self._peek() in stop or self._peek().isspace()):
            self._at += 1
        return self._text[start : self._at]

    def _quoted(self) -> str:
        """Text in quotes; a backslash takes a quote or a backslash in."""
        start = self._at
        self._at += 1
        found: list[str] = []
        while self._at < len(self._text):
            mark = self._peek()
            self._at += 1
            if mark == '"':
                return "".join(found)
            if mark == "\\" and self._peek() in ('"', "\\"):
                mark = self._peek()
                self._at += 1
            found.append(mark)
        raise self._fault("the quotes do not end", start)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _taken(self, sign: str) -> bool:
        if self._text.startswith(sign, self._at):
            self._at += len(sign)
            return True
        return False

    def _fault(self, message: str, at: int) -> Exception:
        found = self._text[at : at + 80].split(" ")[0]
        column = min(at, max(len(self._text) - 1, 0)) + 1
        shown = f"; found {found!r}" if found else "; found the end"
        return error("invalid_query", f"column {column}: {message}{shown}", column=column, found=found)


_EXAMPLES: Final = {
    "label": "label.env:prod",
    "check": "check.row_count:fail",
    "metric": "metric.loss<0.1",
    "score": "score.quality>=0.8",
    "config": "config./model/lr:0.1",
    "decision": "decision.risk:high",
    "link": "link.child-of:ID",
}


def _shown(words: Iterable[str]) -> str:
    return ", ".join(words)


def _number_of(word: str) -> float | None:
    """The finite number that a word spells."""
    if not word or word.strip("0123456789+-.eE"):
        return None
    try:
        number = float(word)
    except ValueError:
        return None
    return number if abs(number) <= 1.7976931348623157e308 else None


def glob_fits(parts: tuple[str, ...], value: str) -> bool:
    """Whether `value` is the parts with any text between them. Linear in both, also on hostile patterns."""
    if len(parts) == 1:
        return parts[0] == value
    if not value.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - len(parts[-1]) >= at and value.endswith(parts[-1])
