"""Takes secrets out of a JSON tree: of its texts, of its keys, and what stands under a name that says secret.

- What a name says goes further than a text shows: a member's value, the items of a list below it, the item behind an
  option (`--password`, `x`), the member `value` below it or beside a member that names it, the second item of a pair
  in a list of pairs, all members of a table of secrets.
- A number goes if it spells a value, or has a name that means nothing but a secret, unless the kernel counts it.
- Marks tell where something went by pointers to where it stands now: no pointer shows a key that was redacted.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.faults import FaultError, attempt
from runstone.core.printing import print_json
from runstone.core.redaction import given, names, placeholders
from runstone.core.redaction.redactor import FAILED, MARK, SHAPE, ZERO, is_mark
from runstone.core.values import COERCED, Foreign, coerce, encoded_bytes, free_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor, Scope, Span
    from runstone.core.values import Mark

MEASURED: Final = frozenset(
    {"attempts", "bytes", "dropped", "duration_ns", "events", "exit", "redactions", "seed", "size", "torn_bytes"}
)
"""Fields of an event's data that the kernel counts: numbers that cannot be text, and that no user chose."""

MAX_ARGUMENTS: Final = 1000
_NO_BLANKS: Final = {9: "\x1f", 32: "\x1f"}
"""Within an argument no blank parts two."""

_NAMING: Final = frozenset(
    form
    for name in ("name", "key", "header", "variable", "env", "field", "property", "id", "k")
    for form in (name, name.capitalize(), name.upper())
)
"""Members that name what stands in a member of `_VALUES` beside them."""
_VALUES: Final = frozenset(form for name in ("value", "val", "v") for form in (name, name.capitalize(), name.upper()))
_HOLDING: Final = _VALUES | {"#text", "$t", "_value", "plain", "plaintext", "raw"}
"""Members below a name that says secret that hold the value, and do not describe it."""


class Walk:
    """One walk of a tree. `scope` says what may be found in any of its texts; without one each is looked at."""

    def __init__(self, redactor: Redactor, scope: Scope | None) -> None:
        self._redactor = redactor
        self._scope = scope
        self._place = _Place()
        self.marks: list[Mark] = []
        """What was taken out so far."""

    def clean(self, value: Any) -> Any:
        """`value` without its secrets, `bytes` and `Foreign` leaves encoded. Adds to `marks`."""
        kind = type(value)
        if kind is str:
            return self._leaf(value)
        if kind is dict:
            return self._object(value)
        if kind is list:
            return self._array(value)
        if kind is int or kind is float:
            return self._number(value)
        if kind is bytes:
            return self._bytes(value)
        if kind is Foreign:
            return self._foreign(value)
        return value

    def moved(self, pointer: str) -> str:
        """The pointer to where a member stands now that stood at `pointer`."""
        return self._place.moved(pointer)

    def _tell(self, rules: list[str]) -> None:
        self.marks += [[self._place.pointer(), f"redacted:{rule}"] for rule in rules]

    def _text(self, text: str) -> tuple[str, list[str]]:
        return self._redactor.text(text) if self._scope is None else self._redactor.clean(text, self._scope)

    def _leaf(self, text: str) -> str:
        clean, hits = self._text(text)
        self._tell(hits)
        return clean

    def _named(self, name: str, value: Any) -> Any:
        """What has a name that says secret: a text goes whole, unless it only stands for one."""
        kind = type(value)
        if kind is str:
            return self._named_text(name, value)
        if kind is list:
            name = "password" if len(value) == 2 and names.words_of(name)[-1:] == ["auth"] else name  # user, password
            within = self._named_pair if _are_pairs(value) else self._named
            return self._items(value, [lambda item: within(name, item)] * len(value))
        if kind is dict:
            return self._object(value, name)
        if kind is bytes:
            text = value.decode("latin-1")
            return self._bytes(value) if self._is_none(name, text) else self._whole(names.RULE, text)
        if (kind is int or kind is float) and not given.is_count(name, value):
            return self._named_number(name, value)
        return self.clean(value)

    def _named_text(self, name: str, text: str) -> str:
        clean, hits = self._text(text)
        if not hits and self._is_none(name, text):
            return text
        if hits and self._redactor.exempted(names.RULE, clean, name):  # what stays is exempt when it is read again
            self._tell(hits)
            return clean
        if len(hits) == 1 and is_mark(clean):
            self._tell(hits)
            return clean
        return self._whole(names.RULE, text)

    def _named_number(self, name: str, value: float) -> Any:
        text = _number_text(value)
        exempt = self._redactor.exempted(names.RULE, text, name) is not None
        return self.clean(value) if exempt else self._whole(names.RULE, text)

    def _is_none(self, name: str, text: str) -> bool:
        """Whether a text is no secret, though it has the name of one."""
        return (
            placeholders.is_placeholder(text)
            or placeholders.is_state(name, text)
            or self._redactor.exempted(names.RULE, text, name) is not None
        )

    def _whole(self, rule: str, secret: str) -> str:
        self._tell([rule])
        return self._redactor.mark(rule, secret)

    def _items(self, value: list[Any], cleans: Iterable[Callable[[Any], Any]]) -> list[Any]:
        """Each item by a function of its own; what another thread appends meanwhile is none of them."""
        result = []
        for index, (item, clean) in enumerate(zip(value, cleans, strict=False)):
            self._place.enter(str(index))
            result.append(clean(item))
            self._place.leave()
        return result

    def _pair(self, pair: list[Any]) -> list[Any]:
        """A name and its value, in a list of such pairs."""
        name, value = pair
        if not (_names_secret(name) or _is_cookie(name, value)):
            return self._array(pair)
        return self._items(pair, (self.clean, lambda item: self._named(name, item)))

    def _named_pair(self, owner: str, pair: list[Any]) -> list[Any]:
        """A pair of a list whose name says secret; where only its own says password, a number goes, too."""
        sure = _names_secret(pair[0]) and names.says_password(pair[0])
        name = _surer(owner, pair[0] if sure else "")
        return self._items(pair, (lambda item: self._named(owner, item), lambda item: self._named(name, item)))

    def _array(self, value: list[Any]) -> list[Any]:
        """Items; one that follows an option whose name says secret (`--password`, `x`) is its value."""
        if _are_pairs(value):
            return self._items(value, [self._pair] * len(value))
        result = []
        option = ""
        arguments = self._arguments(value)
        scope = self._scope
        for index, item in enumerate(value):
            self._place.enter(str(index))
            if index in arguments:
                hits: list[str] = []
                item = self._redactor.replaced(item, arguments[index], hits)
                self._tell(hits)
                self._scope = None  # the rest of it is walked, too, and stands beside something else now
            result.append(self._named(option, item) if option else self.clean(item))
            self._scope = scope
            self._place.leave()
            named = type(item) is str and item.startswith("-") and "=" not in item and not _is_marked(item)
            option = item if named and names.says_secret(item) else ""
        return result

    def _arguments(self, value: list[Any]) -> dict[int, list[Span]]:
        """What rules of commands and of keys find in a list of texts, read as one; by the index of the item."""
        if self._scope is not None and not any(rule.in_lists for rule in self._scope[0]):
            return {}
        if len(value) > MAX_ARGUMENTS or not all(type(item) is str for item in value):
            return {}
        line = "\t".join([item.translate(_NO_BLANKS) for item in value])
        commands = [rule for rule in self._redactor.scope_of(line)[0] if rule.in_lists]
        found: dict[int, list[Span]] = {}
        index, first = 0, 0
        for (start, end, rank, rule_id), (begin, close) in sorted(self._redactor.found(line, (commands, False))):
            while first + len(value[index]) < start:
                first += len(value[index]) + 1
                index += 1
            if rank != SHAPE or _is_marked(line[start:end]):
                continue
            if first <= begin and close <= first + len(value[index]):  # the text tells it alone
                continue
            at, before = index, first
            while before < end:  # a key takes many items
                inside = max(start - before, 0), min(end - before, len(value[at]))
                if inside[0] < inside[1]:
                    found.setdefault(at, []).append((*inside, rank, rule_id))
                before += len(value[at]) + 1
                at += 1
        return found

    def _number(self, value: float) -> Any:
        numbers = self._redactor.known.numbers
        if not numbers or self._place.is_measured():
            return value
        text = _number_text(value)
        for secret, rule in numbers:
            if _spells(text, secret):
                self._tell([rule])
                return self._redactor.mark(rule, text)
        return value

    def _object(self, value: dict[str, Any], owner: str = "") -> dict[str, Any]:
        """Members; of an `owner` whose name says secret those that hold the value, too."""
        result: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        pair = owner if _VALUES.isdisjoint(value) else _surer(owner, _pair_name(value))
        for key, item in value.items():
            clean, hits = self._text(key)
            name = free_key(clean, result, numbers)
            self._place.enter(key, name)
            self._tell(hits)
            named = self._name_of(key, item, pair, owner)
            result[name] = self._named(named, item) if named else self.clean(item)
            self._place.leave()
        return result

    def _name_of(self, key: str, item: Any, pair: str, owner: str) -> str:
        """The name that says that a member is a secret; empty where none does."""
        if (pair and key in _VALUES) or (owner and key in _HOLDING):
            return pair
        if not _is_marked(key) and (names.says_secret(key) or _is_cookie(key, item)):
            return key
        if owner and names.holds_many(owner) and _is_text(item):
            return owner
        return ""

    def _bytes(self, value: bytes) -> Any:
        clean, hits = self._redactor.text(value.decode("latin-1"))
        self._tell(hits)
        return clean if hits else encoded_bytes(value)

    def _foreign(self, value: Foreign) -> Any:
        changed: list[Mark] = []
        try:
            inner, text = attempt(self._printed, value.value, value.profile)
        except FaultError:  # no JSON, as half a surrogate pair or NaN is: recorded as the recorder's door says
            tree, changed = coerce(value.value)
            inner, text = self._printed(tree, value.profile)
        where = self._place.pointer()
        if self._redactor.text(text)[1]:  # a secret that only the printed form shows
            self._tell([FAILED])
            return {"$redacted": FAILED}
        self.marks += [[where + inner.moved(f"/$json{pointer}"), mark] for pointer, mark in changed]
        self.marks += [[where + pointer, mark] for pointer, mark in inner.marks if mark != COERCED]
        return {"$json": text}

    def _printed(self, value: Any, profile: str) -> tuple[Walk, str]:
        """A foreign payload without its secrets, as text, and the walk that took them out."""
        inner = Walk(self._redactor, None)
        inner._place.enter("$json")
        return inner, print_json(inner.clean(value), profile).decode()


def _pair_name(value: dict[str, Any]) -> str:
    """What names the member that holds the value, if that says secret."""
    for key in sorted(_NAMING & value.keys()):
        name = value[key]
        if _names_secret(name) or (type(name) is str and names.says_cookie(name)):
            return str(name)
    return ""


def _surer(owner: str, name: str) -> str:
    """Of the name that says secret above a value, and the one beside it, that under which more goes. The one beside it
    may be redacted itself, and says nothing when it is read again."""
    if not name or (owner and names.says_password(owner) and not names.holds_many(owner)):
        return owner
    return name


def _names_secret(name: Any) -> bool:
    """Whether a text names what stands in the member `value` beside it, or behind it in a pair."""
    return type(name) is str and not _is_marked(name) and names.says_secret(name) and not given.is_value(name)


def _is_marked(text: str) -> bool:
    """Whether a mark stands in a text, which may be UTF-16 or UTF-32."""
    return MARK in text or (ZERO in text and MARK in text.replace(ZERO, ""))


def _is_text(value: Any) -> bool:
    """Whether a value is text or bytes, or a list of nothing else, as a key has that is given more than once."""
    items = value if type(value) is list else [value]
    return all(type(item) in (str, bytes) for item in items)


def _is_cookie(name: str, value: Any) -> bool:
    """Whether a header, or a table, holds cookies: each has a name of its own."""
    return names.says_cookie(name) and (type(value) is not str or "=" in value)


def _are_pairs(value: list[Any]) -> bool:
    """Whether a list is of pairs, each of a text and something else: headers, the items of a table."""
    return bool(value) and all(type(item) is list and len(item) == 2 and type(item[0]) is str for item in value)


def _number_text(value: float) -> str:
    return str(value) if type(value) is int else canonical.number_text(value)


def _spells(number: str, secret: str) -> bool:
    """Whether `secret` stands in the text of a number with no other digit beside it."""
    start = number.find(secret)
    while start >= 0:
        end = start + len(secret)
        if not (number[start - 1 : start].isdigit() or number[end : end + 1].isdigit()):
            return True
        start = number.find(secret, start + 1)
    return False


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
