"""What of a tool's arguments and results may be recorded, path by path.

- A pattern is a JSON Pointer (RFC 6901) in which the token `*` stands for any member or item; its action says what
  becomes of the node that it names, and of what is in it.
- A node takes the action of the most specific pattern that names it: at the first token in which two differ, a literal
  one goes before `*`. A node that none names takes its parent's. The root is kept unless the pattern `` says otherwise.
- `mask` and `pseudonym` put a mark in the place of each leaf and keep the structure: keys, and how many items there
  are. `drop` puts one in the place of all of it; where a deeper pattern spares a part, of all but the parts that lead
  there.
- What is kept still passes the redactor, which leaves these marks as they are. Handling twice changes nothing.

It is no redaction: what a value looks like does not count, only where it stands.
"""

from __future__ import annotations

from runstone.core import canonical
from runstone.core.redaction.redactor import TOOL_DROP, TOOL_MASK, TOOL_PSEUDONYM, is_mark, marked
from runstone.core.values import Foreign, coerce, with_encoded_bytes
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

    from runstone.core.values import Mark

KEEP: Final = "keep"
MASK: Final = "mask"
DROP: Final = "drop"
PSEUDONYM: Final = "pseudonym"
ACTIONS: Final = (KEEP, MASK, DROP, PSEUDONYM)
_RULES: Final = {MASK: TOOL_MASK, DROP: TOOL_DROP, PSEUDONYM: TOOL_PSEUDONYM}

ANY: Final = "*"


class _Branch:
    """What patterns say of a place: an action, if one ends here, and how they go on."""

    __slots__ = ("action", "below")

    def __init__(self) -> None:
        self.action: str | None = None
        self.below: dict[str, _Branch] = {}


class Patterns:
    """Pattern → action, of one value. An immutable value; `of` makes it."""

    __slots__ = ("_root", "pseudonyms", "table", "takes")

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = dict(table)
        self.pseudonyms = PSEUDONYM in self.table.values()
        """Whether a key is needed."""
        self.takes = any(action != KEEP for action in self.table.values())
        """Whether anything may be taken out."""
        self._root = _Branch()
        for pattern, action in self.table.items():
            branch = self._root
            for token in canonical.tokens(pattern):
                branch = branch.below.setdefault(token, _Branch())
            branch.action = action

    @classmethod
    def of(cls, table: Any, path: str = "") -> Patterns:
        """The patterns of a JSON object; raises `invalid_tool_contract` with the path, which begins with `path`."""
        if not isinstance(table, dict):
            raise _invalid("is an object of patterns and actions", path)
        for pattern, action in table.items():
            here = path + canonical.pointer([pattern])
            if pattern and not pattern.startswith("/"):
                raise _invalid("is no pattern: a JSON Pointer is empty or begins with /", here)
            if any(part[:1] not in ("0", "1") for part in pattern.split("~")[1:]):
                raise _invalid("is no pattern: in a JSON Pointer ~ is written ~0, and / in a key ~1", here)
            if not isinstance(action, str) or action not in ACTIONS:
                raise _invalid(f"is none of {', '.join(ACTIONS)}", here)
        return cls(table)

    @property
    def root(self) -> list[_Branch]:
        """Where a walk begins: nowhere, if no pattern says anything."""
        return [self._root] if self.table else []


class Handling:
    """What becomes of a tool's arguments and of its result."""

    __slots__ = ("arguments", "result")

    def __init__(self, arguments: Patterns, result: Patterns) -> None:
        self.arguments = arguments
        self.result = result

    @classmethod
    def of(cls, document: Any, path: str = "") -> Handling:
        """The handling of a JSON object; raises `invalid_tool_contract`."""
        if not isinstance(document, dict):
            raise _invalid("is an object with arguments and result", path)
        for member in document:
            if member not in cls.__slots__:
                raise _invalid("is not known; known are arguments, result", path + canonical.pointer([member]))
        return cls(*[Patterns.of(document.get(name, {}), f"{path}/{name}") for name in cls.__slots__])

    @property
    def pseudonyms(self) -> bool:
        """Whether a key is needed."""
        return self.arguments.pseudonyms or self.result.pseudonyms


def handled(value: Any, patterns: Patterns, key: bytes | None, at: tuple[str, ...] = ()) -> tuple[Any, list[Mark]]:
    """What may be recorded of `value` (from `values.coerce`), and the marks of what went, by pointers below `at`.

    `key` is the store's, for pseudonyms; without one they are left out of their marks. `value` stays as it is.
    """
    walk = _Walk(key, list(at))
    return walk.node(value, patterns.root, KEEP), walk.marks


class _Walk:
    """One walk of a value, in linear time. `spared` counts the nodes that were met and not dropped."""

    def __init__(self, key: bytes | None, path: list[str]) -> None:
        self.marks: list[Mark] = []
        self._key = key
        self._path = path
        self._spared = 0

    def node(self, value: Any, live: list[_Branch], inherited: str) -> Any:
        """What becomes of a node, which the patterns behind `live` name, the most specific first."""
        action = next((branch.action for branch in live if branch.action is not None), inherited)
        if type(value) is Foreign and live:
            value = coerce(value.value)[0]  # how somebody else spells it does not count here
        if action == DROP:
            return self._dropped(value, live)
        self._spared += 1
        if action == KEEP and not any(branch.below for branch in live):
            return value
        return self._held(value, live, action)

    def _held(self, value: Any, live: list[_Branch], action: str) -> Any:
        kind = type(value)
        if kind is dict:
            return {key: self._below(key, item, _next(live, _names(key, value)), action) for key, item in value.items()}
        if kind is list:
            return [self._below(str(at), item, _next(live, (str(at),)), action) for at, item in enumerate(value)]
        return value if action == KEEP else self._leaf(value, action)

    def _below(self, key: str, item: Any, live: list[_Branch], action: str) -> Any:
        self._path.append(key)
        found = self.node(item, live, action)
        self._path.pop()
        return found

    def _dropped(self, value: Any, live: list[_Branch]) -> Any:
        """One mark in the place of all, unless something in it is spared."""
        spared, marks = self._spared, len(self.marks)
        if type(value) in (dict, list) and any(branch.below for branch in live):
            rest = self._held(value, live, DROP)
            if self._spared > spared:
                return rest
            del self.marks[marks:]
        return self._leaf(None, DROP)

    def _leaf(self, value: Any, action: str) -> str:
        rule = _RULES[action]
        self.marks.append([canonical.pointer(self._path), f"redacted:{rule}"])
        if action != PSEUDONYM:
            return marked(rule, None, b"")
        if type(value) is str and value.startswith(marked(rule, None, b"")[:-1]) and is_mark(value):
            return value
        data = value.value if type(value) is Foreign else with_encoded_bytes(value)
        return marked(rule, self._key, canonical.canonical_bytes(data))


def _next(live: list[_Branch], names: Iterable[str]) -> list[_Branch]:
    """Where patterns go on below a member or item of these names, the most specific first."""
    return [
        found
        for branch in live
        for name in (*[name for name in names if name != ANY], ANY)
        if (found := branch.below.get(name)) is not None
    ]


def _names(key: str, held: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that a pattern may have for a member: as it was before the recorder's door, too (`core.values`).

    There a key that begins with `$` gets one more, and a second one that comes out the same a number.
    """
    name = key[1:] if key.startswith("$$") else key
    first, mark, number = key.rpartition("#")
    if mark and number.isdecimal() and first in held:
        return name, first[1:] if first.startswith("$$") else first
    return (name,)


def _invalid(problem: str, path: str) -> Exception:
    return error("invalid_tool_contract", f"{excerpt(path, 200) or 'the handling'} {problem}", path=path)
