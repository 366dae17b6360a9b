"""How a tool's arguments and results are spelled for its contract: pydantic models as their schemas have them.

- The value itself is gone through, and its schema tells the names: of those that a field has (its aliases, those of the
  classes that it is inherited from, its own), it is spelled by the one that the schema tells at that place. Where the
  schema tells none, arguments have those that are validated, results those that are serialised.
- What a call is given is what its models hold, whatever they are dumped to: by that it is checked, and rules go by it.
- What is recorded is what they are dumped to: what a model's own serialisers make of a value stands, and what they
  leave out is left out. A dump is paired with its model, field by field.
- An object that has a name which no schema tells, and lacks one that is told, may have changed one for the other: it is
  refused where that matters, as what a contract takes out would stay. So is what cannot be gone through.
- Elsewhere a foreign object may raise anything: then it is left to the recorder's door, which tells of it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from functools import lru_cache
from weakref import WeakKeyDictionary

from runstone.core.limits import MAX_DEPTH
from runstone.core.tools.reach import Names
from runstone.core.values import coerce, dumped, sort_key
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from typing import Any, Final

    from runstone.core.tools.reach import Places, Told

    _Inside = Mapping[str, tuple[str, ...]] | None

VALIDATED: Final = ("validation_alias", "serialization_alias")
SERIALISED: Final = ("serialization_alias", "validation_alias")
"""Which of its aliases a field is spelled by, the first that is told."""

_PYTHON: Final = "python"
_JSON: Final = "json"
_LEAVES: Final = frozenset({str, int, float, bool, bytes, type(None)})
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)


class Spelling:
    """How the values of one schema are spelled. Safe to share between threads."""

    __slots__ = ("_aliases", "_names")

    def __init__(self, schema: Any, aliases: tuple[str, str]) -> None:
        self._names = Names(schema)
        self._aliases = aliases

    def held(self, value: Any, *, checked: bool = False, sure: bool = False) -> Any:
        """A value with each pydantic model in it as a mapping of what it holds; `checked` as JSON has it, for a look by
        the schema. Where the names cannot be told it raises `not_json`, if they must be `sure`; then `too_deep`, too.
        """
        return self._spelled(value, _leaf_as_json if checked else None, None, sure)

    def dumped(self, value: Any, *, checked: bool = False, sure: bool = False) -> Any:
        """The same of what each model is dumped to."""
        return self._spelled(value, None, _JSON if checked else _PYTHON, sure)

    def _spelled(self, value: Any, leaf: Callable[[Any], Any] | None, mode: str | None, sure: bool) -> Any:
        if "pydantic" not in sys.modules or not _holds_models(value):
            return value
        try:
            return _Walk(self._names, self._aliases, leaf, mode, sure).node(value, value, Names.root, ())
        except _EndlessError as exc:
            if sure:
                raise error("too_deep", f"nesting is limited to {MAX_DEPTH}", limit=MAX_DEPTH) from exc
            return value


class _EndlessError(Exception):
    """A value holds itself, or makes what it holds anew and anew."""


class _Spelled(dict["Any", "Any"]):
    """What an object holds, as its schema spells it. The door marks it `coerced`, as it is no plain mapping."""


class _Leaf:
    """What a model without members is dumped to. The door marks it."""

    __slots__ = ("_dumped",)

    def __init__(self, dumped: Any) -> None:
        self._dumped = dumped

    def model_dump(self, **_: Any) -> Any:
        """As the door asks for it."""
        return self._dumped


class _Walk:
    """One walk of a value. `leaf` makes JSON of a leaf of a model; `mode` is that in which models are dumped, without
    one they are what they hold."""

    def __init__(
        self, names: Names, aliases: tuple[str, str], leaf: Callable[[Any], Any] | None, mode: str | None, sure: bool
    ) -> None:
        self._names = names
        self._aliases = aliases
        self._leaf = leaf
        self._mode = mode
        self._sure = sure

    def node(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside = None) -> Any:
        """A value that is shown as `shown`, itself or a part of its model's dump. `around` is what holds it, `inside`
        tells of the model that does."""
        if type(value) in _LEAVES:
            return value if shown is value else self.node(shown, shown, places, around, inside)
        if len(around) > MAX_DEPTH or (self._sure and any(value is one for one in around)):
            raise _EndlessError
        if any(value is one for one in around):
            return shown
        try:
            return self._held(value, shown, places, around, inside)
        except (RunstoneError, _EndlessError):
            raise
        except Exception:  # a foreign object may raise anything
            return self._unsure(value, shown)

    def _held(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        inner = (*around, value)
        if _is_enum(value):
            return self.node(value.value, value.value if shown is value else shown, places, inner, inside)
        if _is_model(value):
            return self._model(value, shown, places, inner, inside)
        if hasattr(type(value), "__dataclass_fields__"):
            return self._object(value, shown, places, inner, inside)
        if isinstance(value, Mapping) and _like(shown, value, Mapping):
            return self._mapping(value, shown, places, inner, inside)
        if isinstance(value, _SEQUENCES) and _like(shown, value, _SEQUENCES):
            return self._items(value, shown, places, inner, inside)
        if shown is not value:  # own code made something else of it
            return self.node(shown, shown, places, inner, inside)
        return self._leaf(value) if self._leaf is not None and inside is not None else value

    def _model(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        kind = type(value)
        within = _names_of(kind, self._aliases).within
        if shown is value and (self._mode is not None or not _fields_of(kind)):
            shown = _dumped(value, self._mode or _PYTHON)
            if shown is value:
                return self._unsure(value, value)
        if inside is None and self._aliases == SERIALISED and not self._sure:
            found = shown
        elif getattr(kind, "__pydantic_root_model__", False):
            root = value.root if shown is value else shown
            found = self.node(value.root, root, places, around, within)
        else:
            found = self._object(value, shown, places, around, within)
        if inside is not None:
            return found
        if isinstance(found, Mapping):
            return _Spelled(found)
        if isinstance(found, _SEQUENCES):
            return tuple(found)
        return found if self._mode is None else _Leaf(found)

    def _object(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        if shown is not value and not isinstance(shown, Mapping):
            return self.node(shown, shown, places, around, inside)
        kinds, known = self._names.at(places)
        names = _names_of(type(value), self._aliases)
        extra = getattr(value, "__pydantic_extra__", None) or {}
        own = {field: told[0] for field, told in names.fields.items() if told}
        result: dict[Any, Any] = {}
        for key, item in (_members(value, own, extra) if shown is value else shown).items():
            field = None if key in extra else key if shown is value else names.keys.get(key)
            if field is None:
                name, held = key, extra.get(key, item)
            elif not names.fields[field]:
                continue
            else:
                told = (*names.fields[field], *(inside or {}).get(field, ()))
                if shown is not value and self._aliases == SERIALISED:  # by the class that its schema is of
                    told = (key, *told)
                name = own[field] = next((one for one in told if one in known), told[0])
                held = item if shown is value else getattr(value, field)
            if name in result:
                return self._unsure(value, shown)
            result[name] = self.node(held, item, self._names.below(places, str(name)), around, inside)
        kinds = [frozenset(own.values()) if told is None else told for told in kinds]
        if not _tell(kinds, result.keys() - extra.keys()):
            self._unsure(value, shown)
        return _Spelled(result) if inside is None else result

    def _mapping(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        kinds, known = self._names.at(places)
        result: dict[Any, Any] = {}
        for key, other in zip(shown, value.values(), strict=True):
            held = value.get(key, other)
            name = next((one for one in (inside or {}).get(key, ()) if one in known), key)
            if name in result:
                return self._unsure(value, shown)
            item = held if shown is value else shown[key]
            result[name] = self.node(held, item, self._names.below(places, _text_of(name)), around, inside)
        if inside is not None and not _tell(kinds, {_text_of(name) for name in result}):
            self._unsure(value, shown)
        return _Spelled(result) if inside is None and type(value) is not dict else result

    def _items(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        pairs = enumerate(zip(value, shown, strict=True))
        found = [self.node(*pair, self._names.item(places, at), around, inside) for at, pair in pairs]
        if isinstance(value, (set, frozenset)):  # in an order that does not depend on the process
            found.sort(key=lambda item: sort_key(coerce(item)[0]))
            return tuple(found)
        return found if type(shown) is list else tuple(found)

    def _unsure(self, value: Any, shown: Any) -> Any:
        if self._sure:
            message = f"a {type(value).__name__} has other names than its contract tells"
            raise error("not_json", f"{message}: what the contract says of them cannot be told")
        return shown


def _text_of(key: Any) -> str:
    """A key as it is recorded."""
    return key if type(key) is str else next(iter(coerce({key: None})[0]))


def _like(shown: Any, value: Any, kind: Any) -> bool:
    return shown is value or (isinstance(shown, kind) and len(shown) == len(value))


def _tell(kinds: Iterable[Told], names: AbstractSet[Any]) -> bool:
    """Whether an object of these names is of one of the kinds: with more members, or with less, not with others."""
    return any(told is None or not (names - told and told - names) for told in kinds)


def _holds_models(value: Any) -> bool:
    """Whether there is anything to spell; true of what has no end, too."""
    waiting, seen = [(value, 0)], {}
    while waiting:
        one, depth = waiting.pop()
        kind = type(one)
        if kind in _LEAVES:
            continue
        if _is_model(one) or hasattr(kind, "__dataclass_fields__") or depth > MAX_DEPTH:
            return True
        if id(one) in seen:
            continue
        seen[id(one)] = one  # which keeps another object from having its number
        try:
            waiting += [(inner, depth + 1) for inner in _inner(one)]
        except Exception:  # a foreign object may raise anything
            return True
    return False


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if _is_enum(value):
        return (value.value,)
    return value if isinstance(value, _SEQUENCES) else ()


def _is_enum(value: Any) -> bool:
    return isinstance(value, Enum)


def _is_model(value: Any) -> bool:
    return callable(getattr(type(value), "model_dump", None))


def _dumped(model: Any, mode: str) -> Any:
    """By the names that are serialised; in another mode where it cannot be in that: Python has no set of mappings, and
    JSON no bytes."""
    for way in (mode, _JSON if mode == _PYTHON else _PYTHON):
        with suppress(Exception):  # a foreign object may raise anything
            return dumped(model, mode=way, by_alias=True)
    return dumped(model)


def _members(value: Any, own: Iterable[str], extra: Mapping[str, Any]) -> dict[str, Any]:
    """What an object holds, by the names of its fields."""
    return {**{name: getattr(value, name) for name in own if hasattr(value, name)}, **extra}


def _fields_of(kind: Any) -> Any:
    return getattr(kind, "__pydantic_fields__", None) or getattr(kind, "model_fields", None)  # up to pydantic 2.9


class _ClassNames:
    """What the members of a class are called: `fields` has the names of each field, that by which it is spelled first,
    and none of what is computed and no argument; `keys` the field that a name of a dump is of; `within` the aliases of
    what is in it, of typed dictionaries and plain dataclasses, too, by each of their names."""

    __slots__ = ("fields", "keys", "within")

    def __init__(self, kind: Any, aliases: tuple[str, str]) -> None:
        computed = getattr(getattr(kind, "__pydantic_decorators__", None), "computed_fields", {})
        shown: dict[str, tuple[str, ...]] = {name: (one.info.alias or name, name) for name, one in computed.items()}
        fields = _fields_of(kind) or {}
        if hasattr(kind, "__dataclass_fields__"):  # of which some are of the class, or of its making alone
            fields = dict.fromkeys(field.name for field in dataclasses.fields(kind))
        dumped_by = {name: _names_of_field(kind, name, SERIALISED) for name in fields} | shown
        self.keys = {names[0]: field for field, names in dumped_by.items()}
        for field, names in dumped_by.items():
            for name in names:
                self.keys.setdefault(name, field)
        self.fields = {name: _names_of_field(kind, name, aliases) for name in fields}
        self.fields |= shown if aliases == SERIALISED else dict.fromkeys(shown, ())
        self.within: dict[str, tuple[str, ...]] = {}
        for field, part in _fields_within(getattr(kind, "__pydantic_core_schema__", None)):
            told = tuple(one for alias in aliases for one in _texts(part.get(alias)))
            for name in {field, *told}:
                self.within[name] = (*self.within.get(name, ()), *told)


_known: Final[WeakKeyDictionary[Any, dict[tuple[str, str], _ClassNames]]] = WeakKeyDictionary()


def _names_of(kind: Any, aliases: tuple[str, str]) -> _ClassNames:
    known = _known.setdefault(kind, {})
    found = known.get(aliases)
    if found is None:
        found = known[aliases] = _ClassNames(kind, aliases)
    return found


def _fields_within(schema: Any) -> Iterator[tuple[str, Any]]:
    """The fields in pydantic's own schema of a class."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting += part
        elif isinstance(part, Mapping):
            fields = part.get("fields", ())
            if part.get("type") in ("typed-dict", "model-fields"):
                yield from fields.items()
            elif part.get("type") == "dataclass-args":
                yield from ((field["name"], field) for field in fields)
            waiting += [item for key, item in part.items() if key not in ("metadata", "config", "cls", "default")]


def _names_of_field(kind: Any, name: str, aliases: tuple[str, str]) -> tuple[str, ...]:
    fields = [field for base in kind.__mro__ if (field := (_fields_of(base) or {}).get(name)) is not None]
    first, *others = [[one for field in fields for one in _texts(getattr(field, alias))] for alias in aliases]
    own = bool(fields) and next(_texts(getattr(fields[0], aliases[0])), None) is not None
    return tuple(dict.fromkeys([*(() if own else (name,)), *first, name, *[one for found in others for one in found]]))


def _texts(alias: Any) -> Iterator[str]:
    """The names of an alias; a path of more than one step is none."""
    if isinstance(alias, str):
        yield alias
    elif alias is not None:
        paths = alias if isinstance(alias, list) else alias.convert_to_aliases()
        for path in paths if paths and isinstance(paths[0], list) else [paths]:
            if len(path) == 1 and isinstance(path[0], str):
                yield path[0]


def _leaf_as_json(leaf: Any) -> Any:
    """As pydantic has it."""
    kind: Any = type(leaf)
    return _adapter(kind).dump_python(leaf, mode="json", warnings=False)


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> Any:
    return sys.modules["pydantic"].TypeAdapter(kind)
