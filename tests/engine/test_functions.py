"""The tool contract of an annotated function."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import functools
import pathlib
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NewType, NotRequired, Optional, TypedDict, TypeVar

import annotated_types
import pytest
from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from runstone.adapters.schemas import JsonSchemas
from runstone.engine.annotations import Schemas
from runstone.engine.functions import contract_of_function
from runstone.engine.wrapping import Parameters
from runstone.errors import InvalidInput

if TYPE_CHECKING:
    from nowhere import Unknown

T = TypeVar("T")
UserId = NewType("UserId", int)


class Color(enum.Enum):
    RED = "red"
    TWO = 2


class Odd(enum.Enum):
    HERE = pathlib.Path()


class Options(TypedDict):
    deep: bool
    limit: NotRequired[int]


@dataclass
class Node:
    name: str
    kids: list[Node] = field(default_factory=list)


class Person(BaseModel):
    given_name: str = Field(alias="givenName")
    boss: Person | None = None


SCHEMAS: list[tuple[Any, dict[str, Any]]] = [
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (str, {"type": "string"}),
    (bytes, {"type": "string"}),
    (None, {"type": "null"}),
    (Any, {}),
    (object, {}),
    (T, {}),
    (Callable[[int], int], {}),
    (UserId, {"type": "integer"}),
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    (Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),  # noqa: UP045  # the older form is what is tested
    (int | Any, {}),
    (list, {"type": "array"}),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (Sequence[str], {"type": "array", "items": {"type": "string"}}),
    (set[str], {"type": "array", "items": {"type": "string"}}),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (tuple, {"type": "array"}),
    (dict, {"type": "object"}),
    (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    (Mapping[str, Any], {"type": "object"}),
    (Literal["a", 1], {"enum": ["a", 1]}),
    (Color, {"enum": ["red", 2]}),
    (Odd, {}),
    (datetime.datetime, {"type": "string", "format": "date-time"}),
    (datetime.date, {"type": "string", "format": "date"}),
    (decimal.Decimal, {"type": ["number", "string"]}),
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (pathlib.Path, {"type": "string"}),
    (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
    (
        Annotated[int, annotated_types.Ge(1), annotated_types.Lt(9)],
        {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
    ),
    (Annotated[str, Field(description="who", max_length=3)], {"type": "string", "description": "who", "maxLength": 3}),
    (Annotated[list[str], annotated_types.MinLen(2)], {"type": "array", "items": {"type": "string"}, "minItems": 2}),
]


@pytest.mark.parametrize(("annotation", "schema"), SCHEMAS, ids=[str(annotation) for annotation, _ in SCHEMAS])
def test_an_annotation_is_a_schema(annotation: Any, schema: dict[str, Any]) -> None:
    """Of the JSON that the recorder makes of such a value; what is not known may be anything."""
    assert Schemas().of(annotation) == schema


def test_a_dataclass_of_pydantics_is_what_it_validates_and_dumps() -> None:
    """By its aliases, and without what is left out, as a model is."""

    @checked_dataclass
    class Card:
        number: Annotated[int, Field(ge=1)] = Field(alias="cardNumber")
        code: str = Field("", exclude=True)

    given, dumped = Schemas(), Schemas("serialization")
    given.of(Card), dumped.of(list[Card])
    assert set(given.defs["Card"]["properties"]) == {"cardNumber", "code"}
    assert given.defs["Card"]["properties"]["cardNumber"]["minimum"] == 1
    assert set(dumped.defs["Card"]["properties"]) == {"cardNumber"}


def test_a_tuple_has_its_places() -> None:
    """And as many items."""
    check = JsonSchemas().checker(Schemas().of(tuple[int, str]), "")
    assert check([1, "a"]) == []
    assert all(check(value) for value in ([1], [1, "a", 2], ["a", 1]))


def problems(function: Any, args: Any) -> list[tuple[str, str]]:
    return JsonSchemas().checker(contract_of_function(function).arguments, "/arguments")(args)


def test_a_function_is_a_contract() -> None:
    """Its name, its docstring, its parameters, what it answers."""

    def search(query: str, limit: int = 10, *, color: Color | None = None) -> list[str]:
        """Find passages.

        In all books.
        """
        return [query] * limit

    contract = contract_of_function(search, side_effect="read", version="7")
    assert (contract.name, contract.version, contract.side_effect) == ("search", "7", "read")
    assert contract.description == "Find passages.\n\nIn all books."
    assert contract.arguments["required"] == ["query"]
    assert contract.result == {"type": "array", "items": {"type": "string"}}
    assert problems(search, {"query": "x", "limit": 3, "color": "red"}) == []
    assert problems(search, {"limit": "3", "colour": 1}) == [
        ("", "has a member that is not known"),
        ("", 'lacks "query"'),
        ("/limit", "expected integer, found string"),
    ]


def test_a_default_is_not_in_the_contract() -> None:
    """It may be a secret, and a contract is recorded."""

    def login(user: str, password: str = "hunter2hunter2") -> None: ...

    assert "hunter2" not in str(contract_of_function(login).data)


def test_stars_are_an_array_and_any_members() -> None:
    """With the types of what they take."""

    def add(*numbers: int, **others: bool) -> int:
        return sum(numbers) + len(others)

    assert problems(add, {"numbers": [1, 2], "x": True}) == []
    assert [path for path, _ in problems(add, {"numbers": ["1"], "x": 1})] == ["/*", "/numbers/0"]


def test_classes_with_members_stand_once() -> None:
    """A dataclass that holds itself, a typed dictionary, a model by its aliases."""

    def save(tree: Node, options: Options, person: Person, others: list[Node]) -> Node:
        return tree

    good = {
        "tree": {"name": "a", "kids": [{"name": "b"}]},
        "options": {"deep": True},
        "person": {"givenName": "Ada", "boss": {"givenName": "Bob"}},
        "others": [],
    }
    contract = contract_of_function(save)
    assert sorted(contract.arguments["$defs"]) == ["Node", "Options", "Person"]
    assert problems(save, good) == []
    bad = {**good, "tree": {"name": "a", "kids": [{"name": 1}]}, "options": {"limit": 1}, "person": {"given_name": "x"}}
    assert [path for path, _ in problems(save, bad)] == ["/options", "/person", "/tree/kids/0/name"]
    assert contract.result is not None
    assert JsonSchemas().checker(contract.result, "")({"name": "x"}) == []


def test_an_alias_is_what_it_stands_for() -> None:
    """One that holds itself may be anything there. (An alias has `__value__`, from Python 3.12 on.)"""

    class Alias:
        __value__: Any = None

    tree = Alias()
    tree.__value__ = dict[str, tree] | int  # type: ignore[valid-type]  # as the statement `type` makes it
    assert Schemas().of(list[tree]) == {  # type: ignore[valid-type]  # the same
        "type": "array",
        "items": {"anyOf": [{"type": "object"}, {"type": "integer"}]},
    }


LATE: Final = """
def scale(self, size: list[Gone], by: int, *, note: Gone = None) -> Gone:
    return size * by

class Scale:
    def __init__(self, size: Gone, by: int): ...

    def __call__(self, size: Gone, by: int) -> Gone:
        return size * by
"""


def test_what_an_annotation_stands_for_may_be_gone() -> None:
    """From Python 3.14 on an annotation is run when it is asked for, if nothing makes a text of it. Before that, it was
    run once, and is known."""
    space: dict[str, Any] = {"Gone": float}
    exec(compile(LATE, "late.py", "exec", dont_inherit=True), space)
    del space["Gone"]
    known = sys.version_info < (3, 14)
    number = {"type": "number"} if known else {}
    contract = contract_of_function(space["scale"])
    assert contract.arguments["properties"] == {
        "size": {"type": "array", "items": number} if known else {},
        "by": {"type": "integer"},
        "note": number,
    }
    assert contract.arguments["required"] == ["size", "by"]
    assert contract.result == (number or None)
    made = space["Scale"](1, 2)
    assert contract_of_function(made).arguments["properties"] == {"size": number, "by": {"type": "integer"}}
    assert Parameters(made).named((2, 3), {}) == {"size": 2, "by": 3}
    assert Parameters(space["Scale"]).named((2, 3), {}) == {"size": 2, "by": 3}


def test_two_classes_of_one_name_are_refused() -> None:
    """One of them would be checked as the other."""

    def made(kind: type) -> type:
        return dataclass(type("Node", (), {"__annotations__": {"x": kind}}))

    schemas = Schemas()
    schemas.of(made(int))
    with pytest.raises(InvalidInput) as raised:
        schemas.of(made(str))
    assert raised.value.code == "invalid_tool_contract"


def test_a_name_that_only_type_checkers_import_may_be_anything() -> None:
    """The others keep their types."""

    def call(what: Unknown, often: int) -> Unknown: ...

    contract = contract_of_function(call)
    assert contract.arguments["properties"] == {"what": {}, "often": {"type": "integer"}}
    assert contract.result is None


def test_methods_partial_functions_and_objects_are_functions() -> None:
    """A receiver is left out, and so is what is bound."""

    class Store:
        def get(self, key: str) -> int:
            return len(key)

        @classmethod
        def make(cls, size: int) -> None: ...

        def __call__(self, a: int) -> None: ...

    for function, names in ((Store().get, ["key"]), (Store.get, ["key"]), (Store.make, ["size"]), (Store(), ["a"])):
        assert list(contract_of_function(function).arguments["properties"]) == names
    bound = contract_of_function(functools.partial(Store.get, Store()))
    assert (bound.name, list(bound.arguments["properties"])) == ("get", ["key"])
    assert contract_of_function(Store()).name == "Store"


def test_a_decorated_function_is_what_it_wraps() -> None:
    """As `functools.wraps` says."""

    def search(query: str) -> None: ...

    @functools.wraps(search)
    def wrapper(*args: Any, **named: Any) -> Any: ...

    assert contract_of_function(wrapper) == contract_of_function(search)


class Service:
    def send(this, text: str) -> str:  # noqa: N805  # what is tested
        return text

    @classmethod
    def make(klass, text: str) -> str:  # noqa: N804  # what is tested
        return text

    @classmethod
    def told(klass, self: str) -> str:  # noqa: N804  # what is tested
        return self


SERVICE = Service()


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (SERVICE.send, "text"),
        (Service.make, "text"),
        (SERVICE.make, "text"),
        (functools.lru_cache(SERVICE.send), "text"),
        (functools.partial(SERVICE.send), "text"),
        (Service.told, "self"),
    ],
)
def test_a_receiver_may_have_any_name(method: Any, name: str) -> None:
    """A method knows its own, and what it is called with is the rest."""
    assert contract_of_function(method).arguments["properties"] == {name: {"type": "string"}}
    assert problems(method, {name: "hi"}) == []


def test_what_yields_has_no_result_that_is_described() -> None:
    """A coroutine has the one that it is annotated with."""

    def each() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    async def one() -> int:
        return 1

    assert contract_of_function(each).result is None
    assert contract_of_function(later).result is None
    assert contract_of_function(one).result == {"type": "integer"}
    assert asyncio.run(one()) == next(each())


def test_what_has_no_signature_is_refused() -> None:
    """So is what has no name that a tool can have, unless another one is given."""
    with pytest.raises(InvalidInput):
        contract_of_function(7)  # type: ignore[arg-type]  # what is tested
    assert contract_of_function(lambda x: x, name="same").name == "same"


def test_a_contract_is_the_same_each_time() -> None:
    """Its digest is, so that runs can be compared."""

    def search(query: str, options: Options) -> Node: ...

    assert contract_of_function(search).sha256 == contract_of_function(search).sha256
