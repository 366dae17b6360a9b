"""Whether a place can be in a value that fits a JSON Schema: a pattern that names none is a slip of the pen, by which
what it should take out would be recorded. And which names a schema tells of what stands at a place.

- The answer is no only where that is certain: by `additionalProperties: false`, by `type`, by `items`.
- What is not looked at (conditions, names by regular expression, references that lead outside, what others leave
  unevaluated) may hold anything.
- Total: a schema is read before anybody has proved that it is one.
"""

from __future__ import annotations

from runstone.core import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Final, TypeAlias

    Place: TypeAlias = tuple[str, ...]
    """Where a part of a schema stands: names of members, numbers of items."""
    Places: TypeAlias = tuple[Place, ...]
    Told: TypeAlias = frozenset[str] | None
    """Names of members; `None` where the schema tells none."""

ANY: Final = "*"
MAX_KINDS: Final = 100
"""Of more kinds of object the names are told as of one."""
MAX_FIRST: Final = 1000
"""All further items of an array are told by what is told of this one."""
_HOLDING: Final = ["object", "array"]
_OPENING: Final = ("$dynamicRef", "$recursiveRef", "patternProperties")


def reaches(schema: Any, tokens: Sequence[str]) -> bool:
    """Whether some value that fits has a place by these names and numbers; `*` is any of them."""
    try:
        return _Reach(schema).from_here((), tuple(tokens))
    except RecursionError:  # references that lead on and on
        return True


class _Reach:
    """A schema, and what is known of its parts, by their places: each question is asked once. One that comes up while
    it is being answered, as where a schema refers to itself, has no certain answer."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._known: dict[tuple[Place, int], bool] = {}

    def from_here(self, place: Place | None, tokens: tuple[str, ...]) -> bool:
        """Whether these lead somewhere from the part of the schema at that place; at none anything may stand."""
        schema = True if place is None else self.at(place)
        if place is None or not isinstance(schema, dict):
            return schema is not False
        question = place, len(tokens)
        if question not in self._known:
            self._known[question] = True
            self._known[question] = not tokens or (
                self._held(schema, place, tokens) and self._combined(schema, place, tokens)
            )
        return self._known[question]

    def at(self, place: Place) -> Any:
        """The part at a place; true, which holds all, where there is none."""
        found = self._whole
        for name in place:
            if isinstance(found, dict):
                found = found.get(name, True)
            else:
                number = int(name) if isinstance(found, list) and len(name) < 10 and name.isdecimal() else -1
                found = found[number] if isinstance(found, list) and 0 <= number < len(found) else True
        return found

    def _combined(self, schema: dict[str, Any], place: Place, tokens: tuple[str, ...]) -> bool:
        """What other schemas say of the same value: those that it refers to, all of some, any of others."""
        return all(any(self.from_here(one, tokens) for one in found) for found in _beside(schema, place))

    def _held(self, schema: dict[str, Any], place: Place, tokens: tuple[str, ...]) -> bool:
        """What the schema itself says of members and items."""
        kinds = schema.get("type", _HOLDING)
        kinds = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else _HOLDING
        found: list[Place | None] = []
        if "object" in kinds:
            found += _members(schema, place, tokens[0])
        if "array" in kinds:
            found += _items(schema, place, tokens[0])
        return any(self.from_here(one, tokens[1:]) for one in found)


class Names:
    """The names of members that a schema tells, place by place of a value. Safe to share between threads; what is known
    of it is bounded by the schema, whatever names values have."""

    __slots__ = ("_below", "_kinds_at", "_told", "_whole")

    root: Final[Places] = ((),)
    """Where a walk of a value begins; it goes on nowhere where the schema tells nothing."""

    def __init__(self, schema: Any) -> None:
        self._whole = _Reach(schema)
        self._kinds_at: dict[Place, list[Told]] = {}
        self._told: dict[Places, tuple[list[Told], frozenset[str]]] = {}
        self._below: dict[tuple[Places, str | int | None], Places] = {}

    def at(self, places: Places) -> tuple[list[Told], frozenset[str]]:
        """The names of members that are told of each kind of object that may stand there; and all that are told."""
        found = self._told.get(places)
        if found is None:
            kinds: list[Told] = [told for place in places for told in self._kinds(place, {})]
            members = [self._whole.at(place).get("properties") for place in self._parts(places)]
            names = frozenset(name for told in members if isinstance(told, dict) for name in told)
            found = self._told[places] = (kinds if places else [None], names)
        return found

    def below(self, places: Places, name: str) -> Places:
        """Where the schemas of the member of that name stand."""
        key = places, name if name in self.at(places)[1] else None
        found = self._below.get(key)
        if found is None:
            found = self._below[key] = self._gathered(places, _member, key[1])
        return found

    def item(self, places: Places, number: int) -> Places:
        """The same of an item."""
        key = places, min(number, MAX_FIRST)
        found = self._below.get(key)
        if found is None:
            found = self._below[key] = self._gathered(places, _items, str(key[1]))
        return found

    def _gathered(self, places: Places, told: Callable[..., Iterator[Place | None]], name: str | None) -> Places:
        parts = self._parts(places)
        found = (one for part in parts for one in told(self._whole.at(part), part, name))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _kinds(self, place: Place, asked: dict[Place, list[Told]]) -> list[Told]:
        """`asked` has what this question has come by: of a schema that leads to itself there are no further kinds."""
        schema = self._whole.at(place)
        if not isinstance(schema, dict):
            return [] if schema is False else [None]
        known = self._kinds_at.get(place, asked.get(place))
        if known is not None:
            return known
        is_first = not asked
        asked[place] = []
        kinds = schema.get("type", "object")
        told = schema.get("properties")
        found: list[Told] = [frozenset(told) if isinstance(told, dict) else None]
        found = found if "object" in kinds else []
        for others in _beside(schema, place):
            inner = [one for other in others for one in self._kinds(other, asked)]
            found = list(dict.fromkeys(_both(one, other) for one in found for other in inner))
            if len(found) > MAX_KINDS:
                found = [frozenset().union(*[one for one in found if one is not None])]
        asked[place] = found
        if is_first:
            self._kinds_at[place] = found
        return found

    def _parts(self, places: Places) -> list[Place]:
        """The places of all schemas that say something of the same value."""
        found: dict[Place, None] = {}
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            schema = self._whole.at(place)
            if isinstance(schema, dict) and place not in found:
                found[place] = None
                waiting += [other for others in _beside(schema, place) for other in others]
        return list(found)


def _both(one: Told, other: Told) -> Told:
    return one if other is None else other if one is None else one | other


def _beside(schema: dict[str, Any], place: Place) -> Iterator[list[Place]]:
    """What others say of the same value: of each of these lists at least one holds."""
    referred = _referred(schema.get("$ref"))
    if referred is not None:
        yield [referred]
    yield from ([one] for one in _each(schema, place, "allOf"))
    yield from (found for name in ("anyOf", "oneOf") if (found := _each(schema, place, name)))


def _referred(reference: Any) -> Place | None:
    """The place that a reference names; `None` for one that names something else, as an anchor."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    return tuple(canonical.tokens(reference))


def _members(schema: dict[str, Any], place: Place, name: str) -> Iterator[Place | None]:
    """Where the schemas of members of that name stand; `None` where anything may."""
    told = schema.get("properties")
    if name == ANY and isinstance(told, dict):
        yield from ((*place, "properties", one) for one in told)
    yield from _member(schema, place, None if name == ANY else name)


def _member(schema: dict[str, Any], place: Place, name: str | None) -> Iterator[Place | None]:
    """The same of exactly that name; without one, of a name that no schema tells."""
    told = schema.get("properties")
    if any(keyword in schema for keyword in _OPENING):
        yield None
    if isinstance(told, dict) and name in told:
        yield (*place, "properties", str(name))
    else:
        yield (*place, "additionalProperties") if "additionalProperties" in schema else None


def _items(schema: dict[str, Any], place: Place, number: str) -> Iterator[Place | None]:
    """The same of items."""
    if number != ANY and not (number.isascii() and number.isdecimal()):
        return
    old = isinstance(schema.get("items"), list)  # as earlier drafts have it
    first = _each(schema, place, "items" if old else "prefixItems")
    rest = "additionalItems" if old else "items"
    at = int(number) if number != ANY and len(number) < 10 else None
    if number == ANY:
        yield from first
    elif at is not None and at < len(first):
        yield first[at]
        return
    yield (*place, rest) if rest in schema else None


def _each(schema: dict[str, Any], place: Place, name: str) -> list[Place]:
    """The places of the schemas in a list."""
    found = schema.get(name)
    return [(*place, name, str(at)) for at in range(len(found))] if isinstance(found, list) else []
