"""Whether a place can be in a value that fits a JSON Schema: a pattern that names none is a slip of the pen, by which
what it should take out would be recorded.

- The answer is no only where that is certain: by `additionalProperties: false`, by `type`, by `items`.
- What is not looked at (conditions, names by regular expression, references that lead outside, what others leave
  unevaluated) may hold anything.
- Total: a schema is read before anybody has proved that it is one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final, TypeAlias

    Place: TypeAlias = tuple[str, ...]
    """Where a part of a schema stands: names of members, numbers of items."""

ANY: Final = "*"
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
        schema = True if place is None else self._at(place)
        if place is None or not isinstance(schema, dict):
            return schema is not False
        question = place, len(tokens)
        if question not in self._known:
            self._known[question] = True
            self._known[question] = not tokens or (
                self._held(schema, place, tokens) and self._combined(schema, place, tokens)
            )
        return self._known[question]

    def _at(self, place: Place) -> Any:
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
        if "$ref" in schema and not self.from_here(_referred(schema["$ref"]), tokens):
            return False
        if not all(self.from_here(one, tokens) for one in _each(schema, place, "allOf")):
            return False
        choices = [_each(schema, place, name) for name in ("anyOf", "oneOf")]
        return all(any(self.from_here(one, tokens) for one in found) for found in choices if found)

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


def _referred(reference: Any) -> Place | None:
    """The place that a reference names; `None` for one that names something else, as an anchor."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in reference.split("/")[1:])


def _members(schema: dict[str, Any], place: Place, name: str) -> Iterator[Place | None]:
    """Where the schemas of members of that name stand; `None` where anything may."""
    told = schema.get("properties")
    told = told if isinstance(told, dict) else {}
    if any(keyword in schema for keyword in _OPENING):
        yield None
    yield from ((*place, "properties", one) for one in (told if name == ANY else (name,)) if one in told)
    if name not in told:
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
