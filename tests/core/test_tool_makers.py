"""Tool contracts of pydantic models, of the lists of MCP servers, of the tools of requests to OpenAI."""

from __future__ import annotations

from typing import Any

import mcp.types
import pytest
from pydantic import BaseModel, Field, RootModel

from runstone.adapters.schemas import JsonSchemas
from runstone.core.tools.contract import ToolContract
from runstone.core.tools.makers import contract_of_model, contracts_of_mcp, contracts_of_openai
from runstone.errors import InvalidInput

PARAMETERS = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


def problems(contract: ToolContract, args: Any) -> list[tuple[str, str]]:
    return JsonSchemas().checker(contract.arguments, "/arguments")(args)


def path_of(make: Any, *args: Any, **named: Any) -> str:
    """The path of the refusal."""
    with pytest.raises(InvalidInput) as raised:
        make(*args, **named)
    assert raised.value.code == "invalid_tool_contract"
    return str(raised.value.details["path"])


# pydantic


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    post_code: int = Field(alias="postCode", ge=1000)


class Person(BaseModel):
    """Somebody."""

    name: str = Field(min_length=1)
    homes: list[Address] = []
    boss: Person | None = None


def test_a_model_is_the_arguments() -> None:
    """Its name, its docstring and its schema, which holds what it refers to."""
    contract = contract_of_model(Person, side_effect="read")
    assert (contract.name, contract.version, contract.description) == ("Person", "1", "Somebody.")
    assert contract.side_effect == "read"
    good = {"name": "Ada", "homes": [{"street": "x", "postCode": 1010}], "boss": {"name": "Bob"}}
    assert problems(contract, good) == []
    assert problems(contract, {"name": "", "boss": {"homes": [{"street": 1, "postCode": 1}]}}) == [
        ("/boss", "fits none of 2 alternatives"),
        ("/name", "expected 1 characters or more"),
    ]


def test_a_model_may_be_the_result() -> None:
    """Or a schema as it is."""
    dumped = Person.model_json_schema(mode="serialization")
    assert contract_of_model(Address, name="find", result=Person).result == dumped
    assert contract_of_model(Address, name="find", result={"type": "null"}).result == {"type": "null"}
    assert contract_of_model(Address, name="find").name == "find"
    assert contract_of_model(RootModel[list[int]], name="sum").arguments["type"] == "array"


@pytest.mark.parametrize("model", [None, "Person", int, Person(name="Ada")])
def test_what_is_no_model_is_refused(model: Any) -> None:
    """A model is a class."""
    assert path_of(contract_of_model, model, name="x") == "/arguments"


def test_a_change_that_is_not_known_is_refused() -> None:
    """As in a document."""
    assert path_of(contract_of_model, Person, sideeffect="read") == "/sideeffect"


# MCP

TOOLS: list[dict[str, Any]] = [
    {"name": "search", "description": "Finds.", "inputSchema": PARAMETERS, "annotations": {"readOnlyHint": True}},
    {"name": "drop_table", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": True}},
    {"name": "add", "title": "Add", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": False}},
    {"name": "plain", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "required": ["x"]}},
]
OBJECTS = [mcp.types.Tool.model_validate(tool) for tool in TOOLS]
LISTS = {
    "a list": TOOLS,
    "the result": {"tools": TOOLS, "nextCursor": "x"},
    "the message": {"jsonrpc": "2.0", "id": 1, "result": {"tools": TOOLS}},
    "objects": OBJECTS,
    "a result object": mcp.types.ListToolsResult(tools=OBJECTS),
    "a tuple": tuple(OBJECTS),
}


@pytest.mark.parametrize("form", LISTS)
def test_a_servers_list_is_contracts(form: str) -> None:
    """As JSON or as the objects of the library `mcp`: by name, in their order, the hints as classes."""
    found = contracts_of_mcp(LISTS[form])
    assert {name: contract.side_effect for name, contract in found.items()} == {
        "search": "read",
        "drop_table": "irreversible",
        "add": "write",
        "plain": "write",
    }
    assert list(found) == [tool["name"] for tool in TOOLS]
    assert found["search"].arguments == PARAMETERS
    assert found["search"].description == "Finds."
    assert found["plain"].result == {"type": "object", "required": ["x"]}
    assert found["plain"].description is None


def test_a_form_does_not_change_a_contract() -> None:
    """JSON and objects make the same digests."""
    assert contracts_of_mcp(OBJECTS) == contracts_of_mcp(TOOLS)


def test_changes_are_for_all_of_a_list() -> None:
    """The version of the server, or an approval."""
    found = contracts_of_mcp(TOOLS, version="3.1", approval="always")
    assert {(contract.version, contract.approval) for contract in found.values()} == {("3.1", "always")}


@pytest.mark.parametrize(
    ("tools", "path"),
    [
        (None, ""),
        ("search", ""),
        ({}, "/tools"),
        ({"tools": None}, "/tools"),
        (["search"], "/tools/0"),
        ([TOOLS[0], 7], "/tools/1"),
        ([{"inputSchema": {}}], "/name"),
        ([{"name": "x"}], "/arguments"),
        ([TOOLS[0], TOOLS[0]], "/name"),
        ([{**TOOLS[0], "annotations": "x"}], "/tools/0/annotations"),
        ({"result": [1]}, "/result"),
    ],
)
def test_what_is_no_list_of_tools_is_refused(tools: Any, path: str) -> None:
    """With its place."""
    assert path_of(contracts_of_mcp, tools) == path


# OpenAI

FUNCTION = {"name": "search", "description": "Finds.", "parameters": PARAMETERS, "strict": True}
CHAT = {"type": "function", "function": FUNCTION}
RESPONSES = {"type": "function", **FUNCTION}


@pytest.mark.parametrize(
    "tools",
    [[CHAT], [RESPONSES], [FUNCTION], {"model": "x", "tools": [CHAT]}, [{"type": "web_search"}, RESPONSES]],
    ids=["chat", "responses", "functions", "request", "beside a search"],
)
def test_tools_of_a_request_are_contracts(tools: Any) -> None:
    """In both forms, and in the older one; what runs at the provider is left out."""
    [contract] = contracts_of_openai(tools).values()
    assert (contract.name, contract.description, contract.arguments) == ("search", "Finds.", PARAMETERS)
    assert (contract.result, contract.side_effect) == (None, "write")


@pytest.mark.parametrize("more", [{}, {"parameters": None}])
def test_a_function_without_parameters_takes_none(more: dict[str, Any]) -> None:
    """As OpenAI reads it."""
    [contract] = contracts_of_openai([{"type": "function", "name": "now", **more}]).values()
    assert problems(contract, {}) == []
    assert problems(contract, {"a": 1}) != []


@pytest.mark.parametrize("tool", [{"type": "custom", "custom": {"name": "sql"}}, {"type": "custom", "name": "sql"}])
def test_a_custom_tool_takes_text(tool: Any) -> None:
    """In both forms."""
    assert problems(contracts_of_openai([tool])["sql"], "select 1") == []


@pytest.mark.parametrize(
    ("tools", "path"),
    [
        (None, ""),
        ([7], "/tools/0"),
        ([{"type": "function", "function": "x"}], "/tools/0/function"),
        ([CHAT, RESPONSES], "/name"),
    ],
)
def test_what_is_no_tool_is_refused(tools: Any, path: str) -> None:
    """With its place."""
    assert path_of(contracts_of_openai, tools) == path
