"""Port `schemas` by the library `jsonschema`: the one module that knows it (extra `agent`).

- References are looked up in the schema alone: a registry that holds nothing else fetches nothing.
- `format` is an annotation, as JSON Schema 2020-12 has it: which formats are checked would depend on what else is
  installed.
- Messages are made here: the library's repeat the value.
- `NaN` is within no bounds: to the library, which compares, it is within all. An infinity is a multiple of nothing.
- A number is a multiple of another by the digits that it is written with: 0.07 is one of 0.01, though not in binary.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

from runstone.core import canonical
from runstone.core.values import is_finite, non_finite_text
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final

    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Resource

    from runstone.ports.schemas import Checker

MAX_PROBLEMS: Final = 20
MAX_SHOWN: Final = 200
"""Characters of what the schema expects."""

_COMPARED: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_NEEDS: Final = 'tool contracts need jsonschema, which is not installed: pip install "runstone[agent]"'


class JsonSchemas:
    """The adapter. It holds nothing."""

    def checker(self, schema: Mapping[str, Any], at: str) -> Checker:
        validator = _validator(dict(schema), at)
        names = frozenset(_names(schema))

        def problems(value: Any) -> list[tuple[str, str]]:
            try:
                found = list(islice(validator.iter_errors(value), MAX_PROBLEMS))
            except RecursionError:
                return [("", "cannot be checked: the value, or the schema, goes on without an end")]
            return sorted({(_place(one.absolute_path, names), _message(one)) for one in found})

        return problems


def _validator(schema: dict[str, Any], at: str) -> Validator:
    """What the library makes of a schema that is proved to be one."""
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import UnknownDialect, specification_with
    except ImportError as exc:
        raise error("missing_extra", _NEEDS, extra="agent", package="jsonschema") from exc
    draft = schema.get("$schema", Draft202012Validator.META_SCHEMA["$schema"])
    try:
        root = specification_with(draft).create_resource(schema)
    except (UnknownDialect, AttributeError):  # no text
        raise _invalid("names a draft of JSON Schema that is not known", f"{at}/$schema") from None
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        for reference in _unresolved(root):
            raise _invalid(f"refers to what is not in it: {excerpt(reference)!r}", at, reference=reference)
    except SchemaError as exc:
        place = at + canonical.pointer([str(part) for part in exc.absolute_path])
        raise _invalid(f"is no JSON Schema: {_message(exc)}", place) from None
    except (RecursionError, ValueError, TypeError, Unresolvable) as exc:  # an `$id` that is no URI, a pattern
        raise _invalid(f"is no JSON Schema: {type(exc).__name__}", at) from None
    unnamed = {name: part for name, part in schema.items() if name != "$schema"}  # by it a part would choose its kind
    return _bounding(kind)(unnamed, registry=Registry())


def _bounding(kind: type[Validator]) -> type[Validator]:
    """What validates as this does, and lets no number that is none pass a comparison."""
    from jsonschema.validators import extend

    known = [name for name in _COMPARED if name in kind.VALIDATORS]
    made: type[Validator] = extend(kind, {name: _compared(name, kind.VALIDATORS[name]) for name in known})
    return made


def _compared(name: str, check: Callable[..., Any]) -> Callable[..., Any]:
    from jsonschema.exceptions import ValidationError

    def problems(validator: Any, expected: Any, value: Any, schema: Any) -> Iterable[ValidationError]:
        if isinstance(value, float) and (value != value or (name == "multipleOf" and not is_finite(value))):
            return [ValidationError(name)]
        if name == "multipleOf" and validator.is_type(value, "number"):
            return [ValidationError(name)] if _exact(value) % _exact(expected) else []
        return check(validator, expected, value, schema) or ()

    return problems


def _exact(number: float) -> Fraction:
    """A finite number by its decimal digits."""
    return Fraction(number) if isinstance(number, int) else Fraction(float.__repr__(number))


def _unresolved(root: Resource[Any]) -> Iterator[str]:
    """What a schema refers to and does not hold."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    waiting = [(root, Registry().resolver_with_root(root))]
    while waiting:
        resource, resolver = waiting.pop()
        held = resource.contents
        references = [held.get(name) for name in ("$ref", "$dynamicRef")] if isinstance(held, dict) else []
        for reference in references:
            if isinstance(reference, str):
                try:
                    resolver.lookup(reference)
                except Unresolvable:
                    yield reference
        waiting += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]


def _names(schema: Any) -> Iterator[str]:
    """The names of members that a schema tells, wherever it does."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            properties = part.get("properties")
            yield from properties if isinstance(properties, dict) else ()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _place(path: Iterable[str | int], names: frozenset[str]) -> str:
    return canonical.pointer([str(part) if isinstance(part, int) or part in names else "*" for part in path])


def _message(problem: ValidationError) -> str:
    """What was expected, and of what type the value is."""
    keyword, expected = str(problem.validator), problem.validator_value
    if problem.schema is False:  # of which the library does not tell the place
        return "holds what must not be there"
    if keyword in ("anyOf", "oneOf") and problem.context:
        return excerpt(_of_any(problem.context, len(expected), problem.instance), MAX_SHOWN)
    say = _WORDS.get(keyword)
    words = f"does not fit {keyword}" if say is None else say(expected, problem.instance)
    return excerpt(words + _not_finite(keyword, problem.instance), MAX_SHOWN)


def _not_finite(keyword: str, value: Any) -> str:
    """What was found where a comparison is asked for and there is nothing to compare."""
    if keyword not in _COMPARED or not isinstance(value, float) or is_finite(value):
        return ""
    return f", found {non_finite_text(value)}"


def _of_any(context: Iterable[ValidationError], alternatives: int, value: Any) -> str:
    """Of alternatives: the types, where the value has none of them."""
    found = [inner for inner in context if inner.validator == "type" and not inner.relative_path]
    if len({inner.relative_schema_path[0] for inner in found}) < alternatives:
        return f"fits none of {alternatives} alternatives"
    types = [inner.validator_value for inner in found]
    names = [name for named in types for name in ([named] if isinstance(named, str) else named)]
    return _expected_type(list(dict.fromkeys(names)), value)


def _expected_type(expected: Any, value: Any) -> str:
    names = expected if isinstance(expected, list) else [expected]
    return f"expected {' or '.join(str(name) for name in names)}, found {_type_of(value)}"


def _type_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    for kinds, name in ((str, "string"), (int, "integer"), (float, "number"), (dict, "object"), (list, "array")):
        if isinstance(value, kinds):
            return name
    return "no JSON"


def _shown(expected: Any) -> str:
    """What a schema expects, as JSON."""
    return canonical.canonical_text(expected)


def _missing(expected: Any, value: Any) -> str:
    absent = [name for name in expected if not isinstance(value, dict) or name not in value]
    return f"lacks {', '.join(_shown(name) for name in absent)}"


_WORDS: Final[dict[str, Callable[[Any, Any], str]]] = {
    "type": _expected_type,
    "enum": lambda expected, _: f"expected one of {', '.join(_shown(item) for item in expected)}",
    "const": lambda expected, _: f"expected {_shown(expected)}",
    "required": _missing,
    "additionalProperties": lambda *_: "has a member that is not known",
    "unevaluatedProperties": lambda *_: "has a member that is not known",
    "minimum": lambda expected, _: f"expected {_shown(expected)} or more",
    "maximum": lambda expected, _: f"expected {_shown(expected)} or less",
    "exclusiveMinimum": lambda expected, _: f"expected more than {_shown(expected)}",
    "exclusiveMaximum": lambda expected, _: f"expected less than {_shown(expected)}",
    "multipleOf": lambda expected, _: f"expected a multiple of {_shown(expected)}",
    "minLength": lambda expected, _: f"expected {_shown(expected)} characters or more",
    "maxLength": lambda expected, _: f"expected {_shown(expected)} characters or less",
    "pattern": lambda expected, _: f"expected text that matches {_shown(expected)}",
    "minItems": lambda expected, _: f"expected {_shown(expected)} items or more",
    "maxItems": lambda expected, _: f"expected {_shown(expected)} items or less",
    "uniqueItems": lambda *_: "holds an item twice",
    "minProperties": lambda expected, _: f"expected {_shown(expected)} members or more",
    "maxProperties": lambda expected, _: f"expected {_shown(expected)} members or less",
    "not": lambda *_: "is what must not be",
}


def _invalid(problem: str, path: str, **details: Any) -> Exception:
    return error("invalid_tool_contract", f"{excerpt(path, 200)} {problem}", path=path, **details)
