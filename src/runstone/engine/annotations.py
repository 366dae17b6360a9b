"""The JSON Schema of a type annotation.

- A value that the recorder writes as text, a number or an object is described as such: a path is a string, a set is an
  array, a dataclass an object.
- What is not known (a class of one's own, a type variable) may be anything: the schema `{}`. No annotation is refused.
- Classes with members stand once, in `$defs`, so that they may hold themselves. Defaults are left out: they may be
  secrets, and a contract is recorded.
"""

from __future__ import annotations

import sys
import types
import typing
from typing import TYPE_CHECKING

from runstone.core.values import serializer_of
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

    Schema = dict[str, Any]

DEFS: Final = "$defs"

_SIMPLE: Final[tuple[tuple[str, str, Schema], ...]] = (
    ("builtins", "bool", {"type": "boolean"}),
    ("builtins", "int", {"type": "integer"}),
    ("builtins", "float", {"type": "number"}),
    ("builtins", "str", {"type": "string"}),
    ("builtins", "bytes", {"type": "string"}),
    ("builtins", "bytearray", {"type": "string"}),
    ("datetime", "datetime", {"type": "string", "format": "date-time"}),
    ("datetime", "date", {"type": "string", "format": "date"}),
    ("datetime", "time", {"type": "string", "format": "time"}),
    ("datetime", "timedelta", {"type": ["number", "string"]}),
    ("decimal", "Decimal", {"type": ["number", "string"]}),
    ("uuid", "UUID", {"type": "string", "format": "uuid"}),
    ("pathlib", "PurePath", {"type": "string"}),
)
"""Module, name and schema of the types that hold no others, subclasses included; the first that fits counts. Some
Pythons define them in a part of the module (`pathlib._local`)."""

_ARRAYS: Final = ("list", "set", "frozenset", "deque", "Sequence", "Iterable", "Collection", "Set", "Iterator")
_MAPPINGS: Final = ("dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict")

_CONSTRAINTS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}
"""Attributes of what stands in `Annotated` (of `annotated_types`, `pydantic`), and their keywords."""
_LENGTHS: Final = {"min_length": ("minLength", "minItems"), "max_length": ("maxLength", "maxItems")}


class Schemas:
    """Makes the schemas of annotations; `defs` are those of classes, to which they refer. Pydantic models are described
    by what they are validated from, or by what they are dumped to: `mode` is pydantic's own word."""

    def __init__(self, mode: str = "validation") -> None:
        self._mode = mode
        self.defs: dict[str, Schema] = {}
        self._names: dict[Any, str] = {}
        self._aliases: list[Any] = []

    def of(self, annotation: Any) -> Schema:
        """The schema of an annotation. Raises `invalid_tool_contract` where two classes of one name are met."""
        if hasattr(annotation, "__value__"):
            return self._alias(annotation)
        while hasattr(annotation, "__supertype__"):  # a new type
            annotation = annotation.__supertype__
        if annotation is None or annotation is type(None):
            return {"type": "null"}
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return _constrained(self.of(args[0]), annotation.__metadata__)
        if origin in (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar):
            return self.of(args[0])
        if origin is typing.Literal:
            return _one_of(getattr(value, "value", value) for value in args)
        if origin is typing.Union or origin is types.UnionType:
            return self._any_of(args)
        return self._class(annotation if origin is None else origin, args)

    def _alias(self, alias: Any) -> Schema:
        """What a `type` statement names; within itself it may be anything."""
        if alias in self._aliases:
            return {}
        self._aliases.append(alias)
        found = self.of(alias.__value__)
        self._aliases.pop()
        return found

    def _any_of(self, args: tuple[Any, ...]) -> Schema:
        found = [self.of(arg) for arg in args]
        return {} if {} in found else {"anyOf": found}

    def _class(self, kind: Any, args: tuple[Any, ...]) -> Schema:
        if not isinstance(kind, type):
            return {}
        if callable(getattr(kind, "model_json_schema", None)) or serializer_of(kind) is not None:
            return self._model(kind)
        if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__required_keys__"):
            return self._members(kind)
        if hasattr(kind, "__members__"):  # of an enumeration
            return _one_of(member.value for member in kind.__members__.values())
        names = {base.__name__ for base in kind.__mro__}
        for module, name, schema in _SIMPLE:
            if any(base.__name__ == name and base.__module__.split(".")[0] == module for base in kind.__mro__):
                return dict(schema)
        if "tuple" in names:
            return self._tuple(args)
        if names.intersection(_MAPPINGS):
            return {"type": "object", **self._of_items("additionalProperties", args[1:])}
        if names.intersection(_ARRAYS):
            return {"type": "array", **self._of_items("items", args[:1])}
        return {}

    def _of_items(self, keyword: str, args: tuple[Any, ...]) -> Schema:
        found = self.of(args[0]) if args else {}
        return {keyword: found} if found else {}

    def _tuple(self, args: tuple[Any, ...]) -> Schema:
        if len(args) == 2 and args[1] is Ellipsis:
            return {"type": "array", **self._of_items("items", args[:1])}
        if not args:
            return {"type": "array"}
        size = {"minItems": len(args), "maxItems": len(args)}
        return {"type": "array", "prefixItems": [self.of(arg) for arg in args], **size}

    def _members(self, kind: Any) -> Schema:
        """A dataclass or a typed dictionary, by reference."""
        name = self._names.get(kind)
        if name is None:
            name = self._name(kind)
            hints = hints_of(kind)
            properties = {key: self.of(hint) for key, hint in hints.items()}
            required = [key for key, hint in hints.items() if _is_required(kind, key, hint)]
            schema = {"type": "object", "properties": properties, "required": required}
            self.defs[name] = {**schema, "additionalProperties": False}
        return {"$ref": f"#/{DEFS}/{name}"}

    def _model(self, kind: Any) -> Schema:
        """A pydantic model or dataclass, by reference; its own definitions stand beside it."""
        name = self._names.get(kind)
        if name is None:
            schema = dict(_schema_of(kind, self._mode))
            for inner, definition in schema.pop(DEFS, {}).items():
                if self.defs.setdefault(inner, definition) != definition:
                    raise _ambiguous(inner)
            if set(schema) == {"$ref"}:  # it holds itself, and stands among its definitions
                return schema
            if self.defs.get(_word(kind)) == schema:
                self._names[kind] = _word(kind)
            else:
                self.defs[self._name(kind)] = schema
            name = self._names[kind]
        return {"$ref": f"#/{DEFS}/{name}"}

    def _name(self, kind: Any) -> str:
        name = _word(kind)
        if name in self.defs:
            raise _ambiguous(name)
        self.defs[name] = {}
        self._names[kind] = name
        return name


def hints_of(owner: Any) -> dict[str, Any]:
    """The annotations of a function or class; one that cannot be looked up (only type checkers import it) is `Any`."""
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except Exception:  # a name that is not there, or whatever evaluating it raises
        found = _annotations_of(owner)
    space = getattr(owner, "__globals__", None)
    for name, annotation in found.items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            found[name] = typing.get_type_hints(alone, space, include_extras=True)[name]
        except Exception:  # the same, of this one
            found[name] = typing.Any
    return found


def _annotations_of(owner: Any) -> dict[str, Any]:
    """Its annotations as they stand; from Python 3.14 on, a name that is not known is a reference."""
    try:
        if sys.version_info >= (3, 14):
            from annotationlib import Format, get_annotations

            return get_annotations(owner, format=Format.FORWARDREF)
        return dict(getattr(owner, "__annotations__", None) or {})
    except Exception:  # what running them raises, or of what has none
        return {}


def _constrained(schema: Schema, metadata: Iterable[Any]) -> Schema:
    """A schema with what stands beside the type in `Annotated`: text describes it."""
    found = dict(schema)
    for item in metadata:
        text = item if isinstance(item, str) else getattr(item, "description", None)
        if isinstance(text, str):
            found["description"] = text
        for part in (item, *(getattr(item, "metadata", None) or ())):
            found |= _limits(part, is_array=schema.get("type") == "array")
    return found


def _limits(part: Any, *, is_array: bool) -> Schema:
    words = {**_CONSTRAINTS, **{name: keywords[is_array] for name, keywords in _LENGTHS.items()}}
    told = {keyword: getattr(part, name, None) for name, keyword in words.items()}
    return {keyword: value for keyword, value in told.items() if type(value) in (int, float, str)}


def _schema_of(kind: Any, mode: str) -> Schema:
    told = getattr(kind, "model_json_schema", None) or sys.modules["pydantic"].TypeAdapter(kind).json_schema
    schema: Schema = told(mode=mode)
    return schema


def _is_required(kind: Any, key: str, hint: Any) -> bool:
    """Whether a member of a dataclass or a typed dictionary must be there."""
    from dataclasses import MISSING

    field = getattr(kind, "__dataclass_fields__", {}).get(key)
    if field is not None:
        return field.default is MISSING and field.default_factory is MISSING
    origin = typing.get_origin(hint)  # what is written as text is told by the hint alone
    return origin is typing.Required or (origin is not typing.NotRequired and key in kind.__required_keys__)


def _one_of(values: Iterable[Any]) -> Schema:
    found = list(values)
    plain = all(value is None or type(value) in (bool, int, float, str) for value in found)
    return {"enum": found} if plain else {}


def _word(kind: Any) -> str:
    """The name of a class, as a reference can hold it."""
    return "".join(sign if sign.isalnum() else "_" for sign in kind.__name__)


def _ambiguous(name: str) -> Exception:
    return error("invalid_tool_contract", f"two types of the annotations are called {name}", path=f"/{DEFS}/{name}")
