"""How a tool's arguments and results are spelled for its contract: pydantic models as their schemas have them.

- The schema of arguments is that of what a model is validated from, the schema of a result that of what it is dumped
  to: so are they spelled, arguments by the names that are validated, results by those that are serialised.
- A model is dumped by the names of its fields, which are exchanged beside the model itself. Where the dump need not be
  as the model is (it has serialisers of its own, say), it is dumped by the names that are serialised; if these are
  others than the validated ones, nobody knows which name is which, and it is refused where that matters: what a
  contract takes out would stay.
- What a model's own serialisers make of a value stands, and what they leave out is left out.
- A foreign object may raise anything: then it is left to the recorder's door, which tells of it.
"""

from __future__ import annotations

import sys
from functools import partial
from weakref import WeakKeyDictionary

from runstone.core.limits import MAX_DEPTH
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    OfModel = Callable[["Any"], "Any"]

_PYTHON: Final = "python"
_JSON: Final = "json"


class _Spelled(dict["Any", "Any"]):
    """What an object holds, as its schema spells it. The door marks it `coerced`, as it is no plain mapping."""


class _Unlike(Exception):  # noqa: N818  # no error: another way is taken
    """A dump is not as its model is; `alike` as `_Names` has it."""

    def __init__(self, *, alike: bool = True) -> None:
        self.alike = alike


class _Names:
    """What of the names of a class its dump tells: `plain` where it is as the model is, `alike` where all in it are
    validated and serialised by the same names."""

    __slots__ = ("alike", "plain")

    def __init__(self, *, plain: bool, alike: bool) -> None:
        self.plain = plain
        self.alike = alike


def as_arguments(value: Any, *, checked: bool = False, sure: bool = True) -> Any:
    """A value with each pydantic model in it as a mapping, by the names that it is validated by; `checked` as JSON has
    it, for a look by the schema. Where the names cannot be told it raises `not_json`, if they must be `sure`."""
    return _walked(value, (), partial(_validated, _JSON if checked else _PYTHON, sure))


def as_result(value: Any, *, checked: bool = False) -> Any:
    """A value with each pydantic model in it as a mapping, by the names that it is serialised by; `checked` as JSON has
    it, for a look by the schema."""
    return _walked(value, (), partial(_serialised, _JSON if checked else _PYTHON))


def _walked(value: Any, around: tuple[Any, ...], of_model: OfModel) -> Any:
    """`around` is what holds a value; what holds itself, or nests too deep, stays as it is."""
    if "pydantic" not in sys.modules:
        return value
    kind = type(value)
    held = isinstance(value, (dict, list, tuple))
    if not (held or hasattr(kind, "__dataclass_fields__")):
        return _mapping(value, of_model) if callable(getattr(kind, "model_dump", None)) else value
    if len(around) > MAX_DEPTH or any(value is one for one in around):
        return value
    around = (*around, value)
    if isinstance(value, dict):
        found = {key: _walked(item, around, of_model) for key, item in value.items()}
        return found if kind is dict else _Spelled(found)
    if held:
        items = [_walked(item, around, of_model) for item in value]
        return items if kind is list else tuple(items)
    try:
        members = {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(kind)}
    except Exception:  # a member may be missing, and a foreign object may raise anything; the door tells of it
        return value
    return _Spelled({name: _walked(item, around, of_model) for name, item in members.items()})


def _mapping(model: Any, of_model: OfModel) -> Any:
    try:
        held = of_model(model)
    except RunstoneError:
        raise
    except Exception:  # a foreign object may raise anything; the door tells of it
        return model
    return _Spelled(held) if type(held) is dict else tuple(held) if type(held) is list else model


def _serialised(mode: str, model: Any) -> Any:
    return _dumped(mode, model, by_alias=True)


def _dumped(mode: str, model: Any, *, by_alias: bool) -> Any:
    try:
        return model.model_dump(mode=mode, by_alias=by_alias)
    except Exception:  # bytes that are no text, say; or what only looks like a model: the check tells what does not fit
        return model.model_dump(by_alias=by_alias)


def _validated(mode: str, sure: bool, model: Any) -> Any:
    names = _names_of(type(model))
    if names.plain:
        try:
            return _renamed(model, _dumped(mode, model, by_alias=False))
        except _Unlike as exc:
            names = _Names(plain=False, alike=names.alike and exc.alike)
    if sure and not names.alike:
        kind = type(model).__name__
        message = f"a {kind} has serialisers of its own, and is validated by other names than it is serialised by"
        raise error("not_json", f"{message}: what a contract says of them cannot be told")
    return _serialised(mode, model)


def _renamed(value: Any, dumped: Any) -> Any:
    """What a value was dumped to by the names of its fields, by the names that they are validated by. Raises `_Unlike`
    where the two are not alike."""
    kind = type(value)
    if getattr(kind, "__pydantic_root_model__", False):
        return _renamed(value.root, dumped)
    if callable(getattr(kind, "model_dump", None)) or hasattr(kind, "__dataclass_fields__"):
        if type(dumped) is not dict:
            raise _Unlike
        return dict(_members(value, dumped))
    if isinstance(value, dict):
        if type(dumped) is not dict or len(value) != len(dumped):
            raise _Unlike
        pairs = zip(dumped.items(), value.values(), strict=True)
        return {key: _renamed(item, shown) for (key, shown), item in pairs}
    if isinstance(value, (list, tuple, set, frozenset)):
        if not isinstance(dumped, (list, tuple, set, frozenset)) or len(value) != len(dumped):
            raise _Unlike
        if isinstance(dumped, (set, frozenset)):  # which holds no mapping
            return dumped
        return type(dumped)([_renamed(*pair) for pair in zip(value, dumped, strict=True)])
    return dumped


def _members(value: Any, dumped: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of each field; what is computed is no argument."""
    kind = type(value)
    names = _names_of(kind)
    if not names.plain:
        raise _Unlike(alike=names.alike)
    fields: Any = getattr(kind, "__pydantic_fields__", None) or getattr(kind, "model_fields", {})  # up to pydantic 2.9
    computed = getattr(kind, "__pydantic_decorators__", None)
    computed = () if computed is None else computed.computed_fields
    for name, item in dumped.items():
        if name in fields:
            yield _alias(kind, fields[name]) or name, _renamed(getattr(value, name, None), item)
        elif name not in computed:
            yield name, _renamed(getattr(value, name, None), item)


def _alias(kind: Any, field: Any) -> str | None:
    """The name that a field is validated by, where that is not its own: of several, the first, as the schema has it."""
    config = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", None) or {}
    alias = field.validation_alias
    if alias is None or config.get("validate_by_alias") is False:
        return None
    return alias if isinstance(alias, str) else _first(alias.convert_to_aliases())


def _first(paths: Any) -> str | None:
    """The first name of several, as pydantic's own schemas have it; a path of more than one step is none."""
    paths = paths if paths and isinstance(paths[0], list) else [paths]
    return next((path[0] for path in paths if len(path) == 1 and isinstance(path[0], str)), None)


_known: Final[WeakKeyDictionary[Any, _Names]] = WeakKeyDictionary()


def _names_of(kind: Any) -> _Names:
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = _looked_up(getattr(kind, "__pydantic_core_schema__", None))
    return found


def _looked_up(schema: Any) -> _Names:
    """What pydantic's own schema of a class, and of all that is in it, tells of its names."""
    if schema is None:  # of no class of pydantic's: a plain dataclass, or what only looks like a model
        return _Names(plain=True, alike=True)
    plain = alike = True
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting += part
        elif hasattr(part, "items"):
            kind, alias = part.get("type"), part.get("validation_alias")
            plain = plain and "serialization" not in part
            if kind in ("dataclass-field", "typed-dict-field") and alias is not None:
                plain = False
            if kind in ("dataclass-field", "typed-dict-field", "model-field"):
                name = alias if isinstance(alias, str) or not alias else _first(alias)
                alike = alike and name == part.get("serialization_alias")
            if kind == "model" and (part.get("config") or {}).get("validate_by_alias") is False:
                alike = False
            waiting += [item for key, item in part.items() if key not in ("metadata", "config", "cls", "default")]
    return _Names(plain=plain, alike=alike)
