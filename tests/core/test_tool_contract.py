"""The document of a tool contract: taken whole or refused with the path, and proved by its digest."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.tools.contract import MAX_BYTES, ToolContract
from runstone.core.tools.reach import MAX_KINDS, Names, reaches
from runstone.errors import InvalidInput

SMALL: dict[str, Any] = {"name": "search", "version": "1", "arguments": {"type": "object"}}
WHOLE: dict[str, Any] = {
    "name": "send_mail",
    "version": "2026-05",
    "description": "Sends a mail.",
    "arguments": {
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/address"}, "$ref": {"type": "string"}},
        "$defs": {"address": {"type": "string", "default": {"$ref": "https://example.org/is/data"}}},
    },
    "result": {"type": "object"},
    "side_effect": "irreversible",
    "handling": {"arguments": {"/to": "pseudonym", "/body": "drop"}, "result": {"": "mask"}},
    "approval": "always",
    "budget": {"calls": 3, "per_minute": 1, "cost": "0.50", "tokens": 0},
}


def test_a_whole_document_is_read() -> None:
    """Every member has its attribute."""
    contract = ToolContract.of(WHOLE)
    assert {name: getattr(contract, name) for name in WHOLE if name != "handling"} == {
        name: value for name, value in WHOLE.items() if name != "handling"
    }
    assert contract.handling.arguments.table == WHOLE["handling"]["arguments"]
    assert contract.handling.result.table == {"": "mask"}
    assert contract.data == WHOLE


def test_what_is_not_said_has_its_default() -> None:
    """Not known counts as bad, but not as the worst: `write`."""
    contract = ToolContract.of(SMALL)
    assert (contract.side_effect, contract.approval, contract.budget) == ("write", "never", None)
    assert (contract.description, contract.result) == (None, None)
    assert contract.handling.arguments.table == contract.handling.result.table == {}
    assert contract.data == SMALL


def test_the_digest_is_that_of_the_document() -> None:
    """Of its canonical bytes: an order of members, or `1.0` for `1`, is no other contract."""
    assert ToolContract.of(WHOLE).sha256 == sha256_hex(canonical_bytes(WHOLE))
    again = dict(reversed({**WHOLE, "budget": {**WHOLE["budget"], "calls": 3}}.items()))
    assert ToolContract.of(again) == ToolContract.of(WHOLE)
    assert ToolContract.of({**WHOLE, "version": "2026-06"}) != ToolContract.of(WHOLE)


def test_a_contract_is_a_value() -> None:
    """It is a copy of its document, cannot be set, can be a key, and is itself again when it was pickled."""
    document = {**SMALL, "arguments": {"type": "object", "properties": {}}}
    contract = ToolContract.of(document)
    document["arguments"]["properties"]["x"] = {}
    assert contract.arguments == {"type": "object", "properties": {}}
    with pytest.raises(AttributeError):
        contract.side_effect = "none"
    assert ToolContract.of(contract) is contract
    assert {contract: 1}[pickle.loads(pickle.dumps(contract))] == 1
    assert repr(contract) == "<ToolContract search 1>"


def test_another_one_is_made_by_changes() -> None:
    """The first one stays."""
    first = ToolContract.of(SMALL)
    changed = first.changed(side_effect="read", handling={"arguments": {"/q": "mask"}})
    assert (first.side_effect, changed.side_effect, changed.name) == ("write", "read", "search")
    assert changed.handling.arguments.table == {"/q": "mask"}


WRONG: list[tuple[Any, str]] = [
    (None, ""),
    ("search", ""),
    ([1], ""),
    ({}, "/name"),
    ({**SMALL, "name": ""}, "/name"),
    ({**SMALL, "name": 7}, "/name"),
    ({**SMALL, "name": " search"}, "/name"),
    ({**SMALL, "name": "sea\nrch"}, "/name"),
    ({**SMALL, "name": "x" * 257}, "/name"),
    ({**SMALL, "version": 1}, "/version"),
    ({"name": "x", "arguments": {}}, "/version"),
    ({**SMALL, "description": None}, "/description"),
    ({"name": "x", "version": "1"}, "/arguments"),
    ({**SMALL, "arguments": None}, "/arguments"),
    ({**SMALL, "arguments": True}, "/arguments"),
    ({**SMALL, "result": "text"}, "/result"),
    ({**SMALL, "side_effect": "reads"}, "/side_effect"),
    ({**SMALL, "side_effect": None}, "/side_effect"),
    ({**SMALL, "side_effect": ["read"]}, "/side_effect"),
    ({**SMALL, "approval": True}, "/approval"),
    ({**SMALL, "budget": 3}, "/budget"),
    ({**SMALL, "budget": {"call": 3}}, "/budget/call"),
    ({**SMALL, "budget": {"calls": -1}}, "/budget/calls"),
    ({**SMALL, "budget": {"calls": True}}, "/budget/calls"),
    ({**SMALL, "budget": {"per_minute": 0.5}}, "/budget/per_minute"),
    ({**SMALL, "budget": {"cost": "1e3"}}, "/budget/cost"),
    ({**SMALL, "budget": {"cost": "0."}}, "/budget/cost"),
    ({**SMALL, "budget": {"cost": -0.1}}, "/budget/cost"),
    ({**SMALL, "budget": {"cost": "0.0000000000001"}}, "/budget/cost"),
    ({**SMALL, "budget": {"cost": "1000000000000000"}}, "/budget/cost"),
    ({**SMALL, "budget": {"cost": 1e15}}, "/budget/cost"),
    ({**SMALL, "handling": None}, "/handling"),
    ({**SMALL, "handling": {"arguments": {"to": "mask"}}}, "/handling/arguments/to"),
    ({**SMALL, "sideeffect": "read"}, "/sideeffect"),
    ({**SMALL, "a/b": 1}, "/a~1b"),
    ({**SMALL, "arguments": {"x": (1,)}}, "/arguments/x"),
    ({**SMALL, "arguments": {"default": float("nan")}}, "/arguments/default"),
    ({**SMALL, "description": "x" * MAX_BYTES}, ""),
    ({**SMALL, "arguments": {"$ref": "https://example.org/schema"}}, "/arguments/$ref"),
    ({**SMALL, "arguments": {"items": {"$ref": "other.json#/a"}}}, "/arguments/items/$ref"),
    ({**SMALL, "result": {"anyOf": [{}, {"$dynamicRef": "urn:x"}]}}, "/result/anyOf/1/$dynamicRef"),
    (
        {**SMALL, "arguments": {"properties": {"default": {"$ref": "file:///etc/passwd"}}}},
        "/arguments/properties/default/$ref",
    ),
]


@pytest.mark.parametrize(("document", "path"), WRONG)
def test_what_is_wrong_is_refused_with_its_path(document: Any, path: str) -> None:
    """A contract that is taken in part would not be the one that somebody meant."""
    with pytest.raises(InvalidInput) as raised:
        ToolContract.of(document)
    assert (raised.value.code, raised.value.details["path"]) == ("invalid_tool_contract", path)


def test_a_reference_is_one_only_where_a_schema_has_it() -> None:
    """A property may be called `$ref`, and what is data may hold one (`WHOLE` has both)."""
    examples = {"enum": [{"$ref": "https://example.org"}], "properties": {"$ref": {"const": {"$ref": "x"}}}}
    assert ToolContract.of({**SMALL, "arguments": examples}).arguments == examples


@pytest.mark.parametrize("cost", ["0", "0.5", "12.345678", 0, 2, 0.25, 1e-7, 0.1 * 3, 999999999999999])
def test_a_cost_is_a_number_or_its_digits(cost: Any) -> None:
    """Digits tell it exactly."""
    contract = ToolContract.of({**SMALL, "budget": {"cost": cost}})
    assert contract.budget == {"cost": cost}


# patterns that name nothing

NODE = {"type": "object", "properties": {"name": {}, "below": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": {**NODE, "additionalProperties": False}}}
CARD = {"type": "object", "properties": {"pin": {}}, "additionalProperties": False}
ORDER = {
    "type": "object",
    "properties": {
        "password": {"type": "string"},
        "to": {"type": "array", "items": {"type": "string"}},
        "card": {"anyOf": [CARD, {"type": "null"}]},
        "pair": {"type": "array", "prefixItems": [{"type": "object"}, {"type": "string"}], "items": False},
        "open": {"type": "object"},
        "odd": {"properties": 7, "items": 7, "type": 7, "anyOf": 7, "$ref": 7},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "/*", "/password", "/to", "/to/*", "/to/0", "/card/pin", "/card/*", "/pair/0/x", "/pair/1", "/*/pin"),
        *("/open/anything/at/all", "/odd/x/y", "/odd"),
    ],
)
def test_patterns_that_may_name_something(pattern: str) -> None:
    """By name, by number, by any; through alternatives; into what the schema says nothing of."""
    document = {**SMALL, "arguments": ORDER, "handling": {"arguments": {pattern: "mask"}}}
    assert ToolContract.of(document).handling.arguments.table == {pattern: "mask"}


@pytest.mark.parametrize(
    "pattern",
    [
        *("/pasword", "/Password", "/password/x", "/to/x", "/to/0/x", "/to/-1"),
        *("/card/pn", "/card/pin2", "/pair/2", "/pair/1/x"),
    ],
)
def test_patterns_that_name_nothing_are_refused(pattern: str) -> None:
    """Where the schema tells that there is no such place: by a slip of the pen a secret would be recorded."""
    where = "/handling/arguments/" + pattern.replace("~", "~0").replace("/", "~1")
    with pytest.raises(InvalidInput, match="names nothing") as refused:
        ToolContract.of({**SMALL, "arguments": ORDER, "handling": {"arguments": {pattern: "mask"}}})
    assert (refused.value.code, refused.value.details["path"]) == ("invalid_tool_contract", where)
    assert refused.value.message.startswith(where)


def test_patterns_of_a_result_are_looked_up_in_its_schema() -> None:
    """Where it has one; else it may be anything."""
    handling = {"result": {"/iban": "drop"}}
    assert ToolContract.of({**SMALL, "handling": handling}).result is None
    with pytest.raises(InvalidInput, match="/handling/result/~1iban names nothing that the schema of result"):
        ToolContract.of({**SMALL, "handling": handling, "result": {"type": "string"}})


@pytest.mark.parametrize(
    ("schema", "place", "found"),
    [
        (TREE, "below/0/below/7/name", True),
        (TREE, "below/0/belw/7/name", False),
        ({"$ref": "#"}, "a/b", True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "x", True),
        ({"$ref": "#name"}, "x", True),
        ({"$ref": "#/nothing/there"}, "x", True),
        ({"allOf": [{"properties": {"a": {}}, "additionalProperties": False}, True]}, "b", False),
        ({"allOf": [{"properties": {"a": {}}, "additionalProperties": False}, True]}, "a", True),
        ({"oneOf": [False, {"type": ["string", "null"]}]}, "a", False),
        ({"additionalProperties": {"type": "integer"}}, "a", True),
        ({"additionalProperties": {"type": "integer"}}, "a/b", False),
        ({"patternProperties": {"^x": True}, "additionalProperties": False}, "a", True),
        ({"unevaluatedProperties": False}, "a", True),
        ({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}, "a", True),
        ({"allOf": [{"properties": {"a": {}}}], "additionalProperties": False}, "a", False),
        ({"items": [{"type": "object"}], "additionalItems": False, "type": "array"}, "1", False),
        ({"type": "array"}, "99999999999999999999", True),
        ({"type": "array"}, "٣", False),
        (True, "a", True),
        (False, "a", False),
    ],
)
def test_what_a_schema_reaches(schema: Any, place: str, found: bool) -> None:
    """The answer is no only where nothing can be there."""
    assert reaches(schema, place.split("/")) is found


def test_a_schema_that_leads_on_and_on_is_asked_once_a_part() -> None:
    """Alternatives of alternatives are no more questions than parts; a chain of references has an end."""
    names = [f"d{number}" for number in range(60)]
    defs: dict[str, Any] = {
        name: {"anyOf": [{"$ref": f"#/$defs/{below}"}] * 2} for name, below in itertools.pairwise(names)
    }
    assert not reaches({"$ref": "#/$defs/d0", "$defs": {**defs, "d59": {"type": "null"}}}, ["x"])
    chain: dict[str, Any] = {str(number): {"$ref": f"#/$defs/{number + 1}"} for number in range(5000)}
    assert reaches({"$ref": "#/$defs/0", "$defs": chain}, ["x"])


CARD: dict[str, Any] = {"properties": {"number": {}, "holder": {"$ref": "#/$defs/holder"}}}
HOLDER: dict[str, Any] = {"properties": {"name": {"type": "string"}, "cards": {"items": {"$ref": "#/$defs/card"}}}}
DEFS = {"card": CARD, "holder": HOLDER, "loop": {"$ref": "#/$defs/loop"}}


@pytest.mark.parametrize(
    ("schema", "place", "told"),
    [
        ({}, (), [None]),
        (CARD, (), [{"number", "holder"}]),
        (CARD, ("holder",), [{"name", "cards"}]),
        (CARD, ("holder", "cards", 7, "holder", "cards", 2000), [{"number", "holder"}]),
        (CARD, ("holder", "name"), []),
        (CARD, ("other",), [None]),
        ({**CARD, "additionalProperties": {"$ref": "#/$defs/holder"}}, ("other",), [{"name", "cards"}]),
        ({**CARD, "additionalProperties": False}, ("other",), []),
        ({"prefixItems": [CARD], "items": HOLDER}, (0,), [{"number", "holder"}]),
        ({"prefixItems": [CARD], "items": HOLDER}, (1,), [{"name", "cards"}]),
        ({"anyOf": [CARD, HOLDER, {"type": "null"}]}, (), [{"number", "holder"}, {"name", "cards"}]),
        ({"anyOf": [CARD, {"type": "object"}]}, (), [{"number", "holder"}, None]),
        ({"allOf": [CARD, HOLDER]}, (), [{"number", "holder", "name", "cards"}]),
        ({"$ref": "#/$defs/loop"}, (), []),
        ({"$ref": "#/$defs/none"}, (), [None]),
    ],
)
def test_what_names_a_schema_tells(schema: Any, place: tuple[str | int, ...], told: list[Any]) -> None:
    """Of each kind of object that may stand at a place."""
    names = Names({**schema, "$defs": DEFS})
    places = Names.root
    for one in place:
        places = names.below(places, one) if isinstance(one, str) else names.item(places, one)
    assert names.at(places)[0] == told


def test_names_are_asked_of_each_schema_once() -> None:
    """However many ways lead to it."""
    ways = {f"d{at}": {"anyOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(200)}
    ways["d200"] = {"type": "object", "properties": {"a": {}}}
    assert Names({"$ref": "#/$defs/d0", "$defs": ways}).at(Names.root) == ([frozenset({"a"})], frozenset({"a"}))


def test_names_of_many_kinds_are_told_together() -> None:
    """A schema may have more kinds of object than anybody has time for."""
    pairs = [{"anyOf": [{"properties": {f"a{at}": {}}}, {"properties": {f"b{at}": {}}}]} for at in range(40)]
    kinds, told = Names({"allOf": pairs}).at(Names.root)
    assert len(kinds) <= MAX_KINDS
    assert (
        told == {name for kind in kinds for name in kind or ()} == {f"{sign}{at}" for sign in "ab" for at in range(40)}
    )
