"""The adapter of port `schemas`: it knows what fits, tells why not without a value, and fetches nothing."""

from __future__ import annotations

import builtins
import socket
from typing import Any

import pytest

from runstone.adapters.schemas import MAX_PROBLEMS, JsonSchemas
from runstone.core.canonical import canonical_text
from runstone.errors import InvalidInput

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
        "age": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
        "kind": {"enum": ["cat", "dog"]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 2},
        "parts": {"type": "object", "additionalProperties": {"type": "number"}},
        "never": False,
        "at": {"type": "string", "format": "date-time"},
    },
    "required": ["name", "kind"],
    "additionalProperties": False,
}
GOOD: dict[str, Any] = {"name": "ada", "kind": "cat"}


def problems(schema: Any, value: Any) -> list[tuple[str, str]]:
    return JsonSchemas().checker(schema, "/arguments")(value)


@pytest.mark.parametrize("more", [{}, {"age": 3}, {"age": None}, {"parts": {"x": 0.5}}, {"at": "no date"}])
def test_what_fits_has_no_problem(more: dict[str, Any]) -> None:
    """`format` only describes."""
    assert problems(PERSON, {**GOOD, **more}) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], [("", "expected object, found array")]),
        ({"age": 1}, [("", 'lacks "name", "kind"')]),
        ({**GOOD, "name": 7}, [("/name", "expected string, found integer")]),
        ({**GOOD, "name": True}, [("/name", "expected string, found boolean")]),
        ({**GOOD, "name": "x"}, [("/name", "expected 2 characters or more")]),
        ({**GOOD, "name": "abcde"}, [("/name", "expected 4 characters or less")]),
        ({**GOOD, "name": "AB"}, [("/name", 'expected text that matches "^[a-z]+$"')]),
        ({**GOOD, "kind": "cow"}, [("/kind", 'expected one of "cat", "dog"')]),
        ({**GOOD, "age": "3"}, [("/age", "expected integer or null, found string")]),
        ({**GOOD, "age": -3}, [("/age", "fits none of 2 alternatives")]),
        ({**GOOD, "tags": ["a", "a"]}, [("/tags", "holds an item twice")]),
        ({**GOOD, "tags": ["a", 1]}, [("/tags/1", "expected string, found integer")]),
        ({**GOOD, "tags": ["a", "b", "c"]}, [("/tags", "expected 2 items or less")]),
        ({**GOOD, "parts": {"x": "1"}}, [("/parts/*", "expected number, found string")]),
        ({**GOOD, "never": 1}, [("", "holds what must not be there")]),
        ({**GOOD, "other": 1}, [("", "has a member that is not known")]),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(value: Any, expected: list[tuple[str, str]]) -> None:
    """What was expected, and the type that was found."""
    assert problems(PERSON, value) == expected


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"minimum": 0}, NAN, "expected 0 or more, found NaN"),
        ({"maximum": 9}, NAN, "expected 9 or less, found NaN"),
        ({"exclusiveMinimum": 0}, NAN, "expected more than 0, found NaN"),
        ({"exclusiveMaximum": 9}, NAN, "expected less than 9, found NaN"),
        ({"multipleOf": 0.5}, NAN, "expected a multiple of 0.5, found NaN"),
        ({"multipleOf": 0.5}, INFINITY, "expected a multiple of 0.5, found Infinity"),
        ({"multipleOf": 2}, -INFINITY, "expected a multiple of 2, found -Infinity"),
        ({"maximum": 9}, INFINITY, "expected 9 or less, found Infinity"),
        ({"minimum": 0}, INFINITY, None),
        pytest.param({"multipleOf": 0.5}, 10**400, None, id="large"),
        pytest.param({"multipleOf": 0.75}, 10**400, "expected a multiple of 0.75", id="large and no multiple"),
    ],
)
@pytest.mark.parametrize("draft", [None, "https://json-schema.org/draft/2019-09/schema"])
def test_what_is_no_number_is_within_no_bounds(
    schema: dict[str, Any], value: float, problem: str | None, draft: str | None
) -> None:
    """Nothing that is not known to be within bounds passes them; also in a part that refers to the whole."""
    whole = {**schema, "properties": {"x": {"$ref": "#"}}} | ({} if draft is None else {"$schema": draft})
    found = [] if problem is None else [problem]
    assert problems(whole, value) == [("", one) for one in found]
    assert problems(whole, {"x": value}) == [("/x", one) for one in found]


@pytest.mark.parametrize(
    ("step", "value", "fits"),
    [
        *((0.01, value, True) for value in (19.99, 0.29, 4.35, 0.07, 33.33, 8.2, 0, -0.07, 7, 1e-2, 1e300)),
        *((0.01, value, False) for value in (0.075, 19.999, 1e-3)),
        (1e-7, 3e-7, True),
        (3, 9.0, True),
        (3, 1e300 + 1, False),
        (0.1, 10**400, True),
    ],
)
def test_a_multiple_is_one_by_its_digits(step: float, value: float, fits: bool) -> None:
    """Not in binary, in which hardly any amount is a multiple of a cent."""
    found = problems({"multipleOf": step}, value)
    assert found == ([] if fits else [("", f"expected a multiple of {canonical_text(step)}")])


LIMITS = {
    "minimum": (3, 2),
    "maximum": (3, 4),
    "exclusiveMinimum": (3, 3),
    "exclusiveMaximum": (3, 3),
    "multipleOf": (2, 3),
    "const": (1, 2),
    "minItems": (1, []),
    "minProperties": (1, {}),
    "maxProperties": (0, {"a": 1}),
    "not": ({"type": "integer"}, 4711),
    "contains": ({"type": "string"}, [4711]),
    "dependentRequired": ({"a": ["b"]}, {"a": 4711}),
    "propertyNames": ({"maxLength": 1}, {"hunter2": 1}),
    "oneOf": ([{"type": "integer"}, {"minimum": 4}], 4711),
    "unevaluatedProperties": (False, {"hunter2": 4711}),
    "patternProperties": ({"^h": {"type": "string"}}, {"hunter2": 4711}),
}


@pytest.mark.parametrize("keyword", LIMITS)
def test_no_message_repeats_a_value(keyword: str) -> None:
    """Nor a key that the schema does not name: what is refused may be a secret."""
    expected, value = LIMITS[keyword]
    [(path, message)] = problems({keyword: expected}, value)
    assert message
    assert "4711" not in path + message
    assert "hunter2" not in path + message


def test_a_secret_is_in_no_problem() -> None:
    """Wherever it stands: as a value, as a key, in what is too much."""
    secret = "hunter2hunter2"
    value = {
        secret: secret,
        "name": secret,
        "kind": secret,
        "tags": [secret, secret, {secret: 1}],
        "parts": {secret: secret},
    }
    found = problems(PERSON, value)
    assert len(found) >= 6
    assert secret not in str(found)


def test_the_first_of_many_are_told() -> None:
    """A value of a million wrong items is not worth a million messages."""
    assert len(problems({"type": "array", "items": {"type": "string"}}, list(range(10_000)))) == MAX_PROBLEMS


@pytest.mark.parametrize(
    "draft",
    [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-04/schema#",
    ],
)
def test_a_schema_may_name_its_draft(draft: str) -> None:
    """As those do that servers in TypeScript send."""
    schema = {
        "$schema": draft,
        "definitions": {"x": {"type": "string"}},
        "properties": {"a": {"$ref": "#/definitions/x"}},
    }
    assert problems(schema, {"a": 1}) == [("/a", "expected string, found integer")]


def test_references_within_the_schema_are_followed() -> None:
    """By pointers and anchors, in items that hold themselves, below an `$id`."""
    schema = {
        "$id": "https://example.org/tree",
        "$defs": {"leaf": {"$anchor": "leaf", "type": "integer"}},
        "anyOf": [{"$ref": "#leaf"}, {"type": "array", "items": {"$ref": "#"}}, {"$ref": "#/$defs/leaf"}],
    }
    assert problems(schema, [1, [2, [3]]]) == []
    assert problems(schema, [1, ["x"]]) != []


def test_2020_12_keywords_work() -> None:
    """`prefixItems`, `unevaluatedProperties`, `dependentSchemas`."""
    schema = {
        "prefixItems": [{"type": "string"}],
        "items": False,
        "dependentSchemas": {"a": {"required": ["b"]}},
        "unevaluatedProperties": False,
    }
    assert problems(schema, ["a"]) == []
    assert problems(schema, ["a", "b"]) != []
    assert ("", 'lacks "b"') in problems(schema, {"a": 1})


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "strin"}, "/arguments/type"),
        ({"properties": {"a": {"minimum": "1"}}}, "/arguments/properties/a/minimum"),
        ({"properties": []}, "/arguments/properties"),
        ({"properties": {"a": 7}}, "/arguments/properties/a"),
        ({"pattern": "("}, "/arguments/pattern"),
        ({"$schema": "https://example.org/schema"}, "/arguments/$schema"),
        ({"$schema": 7}, "/arguments/$schema"),
        ({"$ref": "#/$defs/nothing"}, "/arguments"),
        ({"items": {"$ref": "#nothing"}}, "/arguments"),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, path: str) -> None:
    """With its place: before a tool is called under it."""
    with pytest.raises(InvalidInput) as raised:
        JsonSchemas().checker(schema, "/arguments")
    assert (raised.value.code, raised.value.details["path"]) == ("invalid_tool_contract", path)


@pytest.mark.parametrize(
    "reference", ["https://example.org/x", "http://127.0.0.1:9/x.json", "file:///etc/hostname", "x.json#/a", "//h/x"]
)
def test_nothing_is_fetched(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in the schema is refused, and no socket or file is opened for it."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was fetched")

    checker = JsonSchemas().checker({"type": "string"}, "")  # what the library loads for itself is loaded
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(InvalidInput) as raised:
        JsonSchemas().checker({"properties": {"a": {"$ref": reference}}}, "")
    assert raised.value.code == "invalid_tool_contract"
    assert checker("text") == []


def test_a_schema_without_an_end_is_a_problem_and_no_crash() -> None:
    """One that is nothing but itself fits nothing."""
    assert problems({"$ref": "#"}, 1) == [("", "cannot be checked: the value, or the schema, goes on without an end")]


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the extra."""
    import sys

    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(InvalidInput, match=r'pip install "runstone\[agent\]"') as raised:
        JsonSchemas().checker({}, "")
    assert (raised.value.code, raised.value.details["extra"]) == ("missing_extra", "agent")
