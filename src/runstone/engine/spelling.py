"""How a tool's arguments and results are spelled for its contract: pydantic models as their schemas have them.

- The schema of arguments is that of what a model is validated from, the schema of a result that of what it is dumped
  to: so are they spelled, arguments by the names that are validated, results by those that are serialised.
- What a model's own serialisers make of a value stands, and what they leave out is left out.
- A foreign object may raise anything: then it is left to the recorder's door, which tells of it.
"""

from __future__ import annotations

import sys

from runstone.core.limits import MAX_DEPTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    OfModel = Callable[["Any"], "Any"]


class _Spelled(dict["Any", "Any"]):
    """What an object holds, as its schema spells it. The door marks it `coerced`, as it is no plain mapping."""


def as_arguments(value: Any) -> Any:
    """A value with each pydantic model in it as a mapping, by the names that it is validated by."""
    return _walked(value, (), _validated)


def as_result(value: Any) -> Any:
    """A value with each pydantic model in it as a mapping, by the names that it is serialised by."""
    return _walked(value, (), _serialised)


def _walked(value: Any, around: tuple[Any, ...], of_model: OfModel) -> Any:
    """`around` is what holds a value; what holds itself, or nests too deep, stays as it is."""
    if "pydantic" not in sys.modules:
        return value
    kind = type(value)
    if not (kind is dict or kind is list or kind is tuple or hasattr(kind, "__dataclass_fields__")):
        return _mapping(value, of_model) if callable(getattr(kind, "model_dump", None)) else value
    if len(around) > MAX_DEPTH or any(value is one for one in around):
        return value
    around = (*around, value)
    if kind is dict:
        return {key: _walked(item, around, of_model) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind([_walked(item, around, of_model) for item in value])
    try:
        held = {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(kind)}
    except Exception:  # a member may be missing, and a foreign object may raise anything; the door tells of it
        return value
    return _Spelled({name: _walked(item, around, of_model) for name, item in held.items()})


def _mapping(model: Any, of_model: OfModel) -> Any:
    try:
        held = of_model(model)
    except Exception:  # a foreign object may raise anything; the door tells of it
        return model
    return _Spelled(held) if type(held) is dict else tuple(held) if type(held) is list else model


def _serialised(model: Any) -> Any:
    return model.model_dump(by_alias=True)


def _validated(model: Any) -> Any:
    return _renamed(model, model.model_dump(by_alias=False))


def _renamed(value: Any, dumped: Any) -> Any:
    """What a value was dumped to by the names of its fields, by the names that they are validated by."""
    kind = type(value)
    if getattr(kind, "__pydantic_root_model__", False):
        return _renamed(value.root, dumped)
    if type(dumped) is dict and (hasattr(kind, "__pydantic_core_schema__") or hasattr(kind, "__dataclass_fields__")):
        return dict(_members(value, dumped))
    if type(dumped) is dict and isinstance(value, dict) and len(value) == len(dumped):
        return {key: _renamed(item, dumped[key]) for key, item in value.items()}
    if type(dumped) in (list, tuple) and isinstance(value, (list, tuple)) and len(value) == len(dumped):
        return type(dumped)([_renamed(*pair) for pair in zip(value, dumped, strict=True)])
    return dumped


def _members(value: Any, dumped: dict[str, Any]) -> Any:
    """Name and value of each field; what is computed is no argument."""
    kind = type(value)
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
    if isinstance(alias, str):
        return alias
    paths = alias.convert_to_aliases()
    paths = paths if paths and isinstance(paths[0], list) else [paths]
    return next((path[0] for path in paths if len(path) == 1 and isinstance(path[0], str)), None)
