"""How a tool's arguments and results are spelled for its contract: pydantic models as their schemas have them.

- The value itself is gone through, and its schema tells the names: of those that a field has (its aliases, those of the
  classes that it is inherited from, its own), it is spelled by the one that the schema tells at that place. Where the
  schema tells none, arguments have those that are validated, results those that are serialised.
- What a call is given is what its models hold, whatever they are dumped to: by that it is checked, and rules go by it.
- What is recorded is what they are dumped to: what a model's own serialisers make of a value stands, and what they
  leave out is left out. A dump is paired with its model, field by field.
- An object that has a name which no schema tells, or its own class does not have, and lacks one that is told, may have
  changed one for the other: it is refused where that matters, as what a contract takes out would stay. So is one of
  which a name may be that of a field or of an extra member, and what cannot be gone through.
- What an iterator holds is its taker's: it is not looked into.
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
from runstone.core.values import coerce, dumped, is_model, sort_key
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
NAMED: Final = ()
"""Where there is no schema: as a model is dumped that nobody asks for aliases, and with what is computed."""

_PYTHON: Final = "python"
_JSON: Final = "json"
_LEAVES: Final = frozenset({str, int, float, bool, bytes, type(None)})
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)


class Spelling:
    """How the values of one schema are spelled. Safe to share between threads."""

    __slots__ = ("_aliases", "_names")

    def __init__(self, schema: Any, aliases: tuple[str, ...]) -> None:
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
        if "pydantic" not in sys.modules or not _any_in(value, _is_spelled):
            return value
        try:
            return _Walk(self._names, self._aliases, leaf, mode, sure).node(value, value, Names.root, ())
        except _EndlessError as exc:
            if sure:
                raise error("too_deep", f"nesting is limited to {MAX_DEPTH}", limit=MAX_DEPTH) from exc
            return value


def held_by_name(value: Any, *, sure: bool = False) -> Any:
    """What models hold where there is no schema, by the names of their fields; raises as `Spelling.held` does."""
    return _named.held(value, sure=sure)


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
        self, names: Names, aliases: tuple[str, ...], leaf: Callable[[Any], Any] | None, mode: str | None, sure: bool
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
        if is_model(value):
            return self._model(value, shown, places, inner, inside)
        if hasattr(type(value), "__dataclass_fields__"):
            return self._object(value, shown, places, inner, inside)
        if isinstance(value, Mapping) and _like(shown, value, Mapping):
            return self._mapping(value, shown, places, inner, inside)
        if isinstance(value, _SEQUENCES) and _like(shown, value, _SEQUENCES):
            return self._items(value, shown, places, inner, inside)
        if shown is not value:  # own code made something else of it
            return self.node(shown, shown, places, inner, inside)
        if self._leaf is None or inside is None or is_iterator(value):
            return value
        return self._leaf(value)

    def _model(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        kind = type(value)
        within = _names_of(kind, self._aliases).within
        if shown is value and (self._mode is not None or not _fields_of(kind)):
            how = _without_computed(kind) if self._aliases == VALIDATED else {}
            shown = _dumped(value, self._mode or _PYTHON, how)
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
        if shown is not value and names.hide(extra, shown):
            return self._unsure(value, shown)
        told = {field: (*found, *(inside or {}).get(field, ())) for field, found in names.fields.items() if found}
        own = {field: _first_known(found, known) for field, found in told.items()}
        result: dict[Any, Any] = {}
        fields: set[Any] = set()
        for field, key, held, item in _members(value, shown, names, extra):
            if field is None:
                name = key
            else:
                if shown is not value and self._aliases == SERIALISED:  # by the class that its schema is of
                    own[field] = _first_known((key, *told[field]), known)
                name = own[field]
            if name in result:
                return self._unsure(value, shown)
            result[name] = self.node(held, item, self._names.below(places, str(name)), around, inside)
            if field is not None or key not in extra:
                fields.add(name)
        mine = frozenset(own.values())
        if not _tell([mine if one is None else one for one in kinds], known, mine, fields):
            self._unsure(value, shown)
        return _Spelled(result) if inside is None else result

    def _mapping(self, value: Any, shown: Any, places: Places, around: tuple[Any, ...], inside: _Inside) -> Any:
        kinds, known = self._names.at(places)
        result: dict[Any, Any] = {}
        for key, other in zip(shown, value.values(), strict=True):
            held = value.get(key, other)
            name = _name_in(inside, key, known)
            if name in result:
                return self._unsure(value, shown)
            item = held if shown is value else shown[key]
            result[name] = self.node(held, item, self._names.below(places, _text_of(name)), around, inside)
        own = frozenset(_text_of(_name_in(inside, key, known)) for key in value)
        if inside is not None and not _tell(kinds, known, own, {_text_of(name) for name in result}):
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


def _tell(kinds: Iterable[Told], known: AbstractSet[str], own: frozenset[Any], names: AbstractSet[Any]) -> bool:
    """Whether what is shown by these names is of one of the kinds, and of an object with its `own`: with more members,
    or with less, not with others in the place of those that are told."""
    if names - own and (own & known) - names:
        return False
    return any(told is None or not (names - told and told - names) for told in kinds)


def _first_known(names: tuple[str, ...], known: AbstractSet[str]) -> str:
    return next((one for one in names if one in known), names[0])


def _name_in(inside: _Inside, key: Any, known: AbstractSet[str]) -> Any:
    """What a key of a mapping is called by the model that holds it."""
    return next((one for one in (inside or {}).get(key, ()) if one in known), key)


def _is_spelled(value: Any) -> bool:
    return is_model(value) or hasattr(type(value), "__dataclass_fields__")


def is_iterator(value: Any) -> bool:
    """Whether looking at what a value holds takes it away from who is to have it."""
    return hasattr(type(value), "__next__") or hasattr(type(value), "__anext__")


def _any_in(value: Any, is_sought: Callable[[Any], bool]) -> bool:
    """Whether it, or anything in it, is what is sought; true of what has no end, too."""
    waiting, seen = [(value, 0)], {}
    while waiting:
        one, depth = waiting.pop()
        kind = type(one)
        if kind in _LEAVES:
            continue
        if is_sought(one) or depth > MAX_DEPTH:
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
    if _is_spelled(value):
        fields = getattr(type(value), "__dataclass_fields__", ())  # which may have slots
        held = [*vars(value).values()] if hasattr(value, "__dict__") else []
        extra = getattr(value, "__pydantic_extra__", None) or {}
        return [*held, *extra.values(), *[getattr(value, name, None) for name in fields]]
    if isinstance(value, Mapping):
        return value.values()
    if _is_enum(value):
        return (value.value,)
    return value if isinstance(value, _SEQUENCES) else ()


def _is_enum(value: Any) -> bool:
    return isinstance(value, Enum)


def _dumped(model: Any, mode: str, how: Mapping[str, bool]) -> Any:
    """By the names that are serialised; in another mode where it cannot be in that: Python has no set of mappings, and
    JSON no bytes. JSON takes away what iterators hold."""
    for way in (mode, _JSON if mode == _PYTHON else _PYTHON):
        if way == _JSON and _any_in(model, is_iterator):
            continue
        with suppress(Exception):  # a foreign object may raise anything
            found = dumped(model, mode=way, by_alias=True, **how)
            return found if way == mode or mode == _PYTHON else _as_json(found)
    return dumped(model)


def _as_json(dump: Any) -> Any:
    """A dump of the other mode with its leaves as JSON has them, as far as they can be."""
    if isinstance(dump, Mapping):
        return {key: _as_json(item) for key, item in dump.items()}
    if isinstance(dump, _SEQUENCES):
        return [_as_json(item) for item in dump]
    if type(dump) not in _LEAVES and not is_iterator(dump):
        with suppress(Exception):  # a foreign object may raise anything
            return _leaf_as_json(dump)
    return dump


def _without_computed(kind: Any) -> dict[str, bool]:
    """How a class is asked for a dump without what is computed, where its pydantic knows that (2.12)."""
    asked = getattr(kind, "model_dump", None) or sys.modules["pydantic"].BaseModel.model_dump
    name = "exclude_computed_fields"
    return {name: True} if name in (getattr(asked, "__kwdefaults__", None) or ()) else {}


def _members(
    value: Any, shown: Any, names: _ClassNames, extra: Mapping[str, Any]
) -> Iterator[tuple[str | None, Any, Any, Any]]:
    """The members of an object, or of its dump: field, key, what is held and what is shown. What is of no field, as an
    extra member, has none."""
    if shown is value:
        for field in names.fields:
            if names.fields[field] and hasattr(value, field):
                yield field, field, getattr(value, field), getattr(value, field)
        yield from ((None, key, item, item) for key, item in extra.items())
        return
    for key, item in shown.items():
        field = None if key in extra else names.keys.get(key)
        if field is None:
            yield None, key, extra.get(key, item), item
        elif names.fields[field]:
            yield field, key, getattr(value, field), item


def _fields_of(kind: Any) -> Any:
    return getattr(kind, "__pydantic_fields__", None) or getattr(kind, "model_fields", None)  # up to pydantic 2.9


def _config_of(kind: Any) -> Any:
    return getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", None) or {}


class _ClassNames:
    """What the members of a class are called: `fields` has the names of each field, that by which it is spelled first,
    and none of what is computed and no argument; `keys` the field that a name of a dump is of; `within` the aliases of
    what is in it, of typed dictionaries and plain dataclasses, too, by each of their names."""

    __slots__ = ("_dumped_by", "fields", "keys", "within")

    def __init__(self, kind: Any, aliases: tuple[str, ...]) -> None:
        computed = getattr(getattr(kind, "__pydantic_decorators__", None), "computed_fields", {})
        shown: dict[str, tuple[str, ...]] = {name: (one.info.alias or name, name) for name, one in computed.items()}
        fields = _fields_of(kind) or {}
        if hasattr(kind, "__dataclass_fields__"):  # of which some are of the class, or of its making alone
            fields = dict.fromkeys(field.name for field in dataclasses.fields(kind))
        dumped_by = {name: _names_of_field(kind, name, SERIALISED) for name in fields} | shown
        self._dumped_by = {field: names[0] for field, names in dumped_by.items()}
        self.keys = {name: field for field, name in self._dumped_by.items()}
        for field, names in dumped_by.items():
            for name in names:
                self.keys.setdefault(name, field)
        asked = aliases or (SERIALISED if _config_of(kind).get("serialize_by_alias") else NAMED)
        self.fields = {name: _names_of_field(kind, name, asked) for name in fields}
        self.fields |= {
            name: () if asked == VALIDATED else found if asked else (name,) for name, found in shown.items()
        }
        self.within: dict[str, tuple[str, ...]] = {}
        for field, part in _fields_within(getattr(kind, "__pydantic_core_schema__", None)):
            told = tuple(one for alias in aliases for one in _texts(part.get(alias)))
            for name in {field, *told}:
                self.within[name] = (*self.within.get(name, ()), *told)

    def hide(self, extra: Iterable[str], shown: Mapping[str, Any]) -> bool:
        """Whether an extra member has a name by which a field may be dumped here."""
        found = [(key, self._dumped_by[self.keys[key]]) for key in extra if key in self.keys]
        return any(name == key or name not in shown for key, name in found)


_named: Final = Spelling({}, NAMED)
_known: Final[WeakKeyDictionary[Any, dict[tuple[str, ...], _ClassNames]]] = WeakKeyDictionary()


def _names_of(kind: Any, aliases: tuple[str, ...]) -> _ClassNames:
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


def _names_of_field(kind: Any, name: str, aliases: tuple[str, ...]) -> tuple[str, ...]:
    if not aliases:
        return (name,)
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
