"""Instances of JSON Schemas, good and nearly good, and what says whether they are: by the schema, by a model."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend
from pydantic import BaseModel, ValidationError

Json = Any


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Any:
    """As ECMA 262 has it: `$` is the end and nothing before it, `\\d` is ASCII."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance, re.ASCII):
        from jsonschema import ValidationError as Invalid

        yield Invalid(f"{instance!r} does not match {pattern!r}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def _validator(schema: str) -> Any:
    return Validator(json.loads(schema), format_checker=FormatChecker(["uuid"]))


def accepts_schema(schema: Json, instance: Json) -> bool:
    """Whether a schema takes an instance, formats too."""
    return bool(_validator(json.dumps(schema)).is_valid(instance))


def accepts_model(model: type[BaseModel], instance: Json) -> bool:
    """Whether a model takes an instance, as JSON text."""
    try:
        model.model_validate_json(json.dumps(instance))
    except ValidationError:
        return False
    return True


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, -1.0, 100.5, 1e20]), st.text(max_size=4)
)
NEAR = [
    *("", "x", "ingest", "json", "ja", "ja-JP", "JA", "a_1", "A", "0" * 64, "g" * 64, "2026-01-26T00:00:00Z"),
    *("2026-01-26T00:00:00.5+09:00", "2026-01-26 00:00:00Z", "2026-01-26T00:00:00Z\n", "٢٠٢٦-01-26T00:00:00Z"),
    *(
        "01890a5c-91c8-7b2a-9f51-9b40d0cfb601",
        "01890A5C-91C8-7B2A-9F51-9B40D0CFB601",
        "01890a5c91c87b2a9f519b40d0cfb601",
    ),
    *("{01890a5c-91c8-7b2a-9f51-9b40d0cfb601}", "urn:uuid:01890a5c-91c8-7b2a-9f51-9b40d0cfb601"),
    *("01890a5c-91c8-4b2a-9f51-9b40d0cfb60z", "completed", "skipped", "running", "sqlite", "jsonl", "warn", "final"),
    *(None, True, False, 0, 1, -1, 1.0, 0.5, 100, 101, 100.5, 2**60, [], {}, [1], {"a": None}, [None]),
]
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def good(schema: Json, root: Json | None = None) -> st.SearchStrategy[Json]:
    """Instances that a schema takes, by its words."""
    root = schema if root is None else root
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return JSON if name == "JsonValue" else st.deferred(lambda: good(root["$defs"][name], root))
    if "anyOf" in schema:
        return st.one_of([good(one, root) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, root)
    if kind == "array":
        return st.lists(good(schema["items"], root), min_size=schema.get("minItems", 0), max_size=2)
    if kind == "string":
        return _string(schema)
    if kind == "integer":
        return st.integers(schema.get("minimum", -2), 5) | st.just(float(schema.get("minimum", 0)))
    if kind == "number":
        numbers = st.sampled_from([0, 1, 0.5, 99.5, 100])
        return numbers if "minimum" in schema else numbers | st.just(-2.5)
    return {"boolean": st.booleans(), "null": st.none(), None: JSON}[kind]


def _string(schema: Json) -> st.SearchStrategy[str]:
    if schema.get("format") == "uuid":
        return st.uuids().map(str)
    if "pattern" in schema:
        return st.from_regex(re.compile(re.sub(r"\$$", r"\\Z", schema["pattern"]), re.ASCII))
    return st.text(min_size=schema.get("minLength", 0), max_size=6)


def _object(schema: Json, root: Json) -> st.SearchStrategy[Json]:
    properties = schema.get("properties")
    if not properties:
        names = schema.get("propertyNames")
        keys = good(names, root) if names else st.text(max_size=4)
        values = schema.get("additionalProperties")
        return st.dictionaries(keys, JSON if values in (None, True) else good(values, root), max_size=3)
    required = {name: good(properties[name], root) for name in schema.get("required", [])}
    optional = {name: good(one, root) for name, one in properties.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def nearly_good(draw: st.DrawFn, schema: Json) -> Json:
    """An instance that a schema takes, with one thing changed somewhere: often one that it does not."""
    instance = copy.deepcopy(draw(good(schema)))
    places = list(_places(instance))
    if not places:
        return instance
    holder, key = draw(st.sampled_from(places))
    change = draw(st.integers(0, 3))
    if change == 0 and isinstance(holder, dict):
        del holder[key]
    elif change == 1 and isinstance(holder, dict):
        holder[draw(st.text(max_size=3))] = draw(JSON)
    else:
        holder[key] = draw(st.sampled_from(NEAR))
    return instance


def _places(value: Json) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield value, key
            yield from _places(item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield value, number
            yield from _places(item)
