"""How a tool's arguments and results are spelled: models as the schemas of their contracts have them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    SecretStr,
    TypeAdapter,
    computed_field,
    field_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as checked_dataclass
from typing_extensions import TypedDict

from runstone.contracts.agent import contract_of_function
from runstone.engine.spelling import as_arguments, as_result
from runstone.engine.store import Store
from runstone.errors import InvalidInput

from .called import calls

SECRET = "plain words that no rule knows"


class Login(BaseModel):
    user: str = "ann"
    password: str = Field(validation_alias="passWord", serialization_alias="pass-word")


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    first_name: str
    logins: list[Login] = []
    by_name: dict[str, Login] = {}


class Choosing(BaseModel):
    size: int = Field(validation_alias=AliasChoices(AliasPath("a", 0), "sizeMm", "mm"))
    deep: int = Field(0, validation_alias=AliasPath("b", "c"))


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
    size: int = Field(1, alias="sizeMm")


class Counted(BaseModel):
    size: int = 2

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def twice(self) -> int:
        return 2 * self.size


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    size: int = Field(1, alias="sizeMm")


class Account(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    ssn: str = Field("", alias="socialNumber")


class Masking(BaseModel):
    login: Account

    @field_serializer("login")
    def shown(self, login: Account) -> str:
        return login.ssn


class Odd(BaseModel):
    """The keys of one member are not those that it is dumped by."""

    login: Login
    counts: dict[Annotated[str, PlainSerializer(str.upper)], int] = {}


class Few(BaseModel):
    """Not all is dumped, and in another order."""

    accounts: list[Account]

    @field_serializer("accounts", mode="wrap")
    def shown(self, accounts: list[Account], dump: Callable[[Any], Any]) -> Any:
        return dump(accounts)[::-1][:1]


class Upper(BaseModel):
    accounts: OrderedDict[Annotated[str, PlainSerializer(str.upper)], Account]


class Typed(TypedDict):
    ssn: Annotated[str, Field(alias="socialNumber")]


class HoldsTyped(BaseModel):
    account: Typed


class When(BaseModel):
    at: Annotated[datetime, PlainSerializer(lambda at: at.timestamp(), return_type=float, when_used="json")]


class Secretive(BaseModel):
    pin: SecretStr = SecretStr("1")
    took: timedelta = timedelta(1)


@dataclass
class Plain:
    account: Account


@checked_dataclass
class Checked:
    size_mm: int = Field(1, alias="sizeMm")


class Holding(BaseModel):
    plain: Plain
    checked: Checked


LOGIN = Login(passWord=SECRET)
ARGUMENTS: list[tuple[Any, Any]] = [
    (LOGIN, {"user": "ann", "passWord": SECRET}),
    (Camel(first_name="A", logins=[LOGIN], by_name={"x": LOGIN}), None),
    (Choosing(sizeMm=3), {"sizeMm": 3, "deep": 0}),
    (ByName(size=3), {"size": 3}),
    (Counted(), {"size": 2}),
    (Open(sizeMm=3, login=LOGIN), {"sizeMm": 3, "login": {"user": "ann", "passWord": SECRET}}),
    (Masking(login=Account(ssn="1")), {"login": "1"}),
    (RootModel[list[Login]]([LOGIN]), ({"user": "ann", "passWord": SECRET},)),
    (Holding(plain=Plain(Account(ssn="1")), checked=Checked()), None),
]


@pytest.mark.parametrize(("value", "spelled"), ARGUMENTS, ids=lambda found: type(found).__name__)
def test_arguments_are_spelled_as_they_are_validated(value: Any, spelled: Any) -> None:
    """What is spelled has the names of the schema, and can be validated again."""
    found = as_arguments({"a": [value]})["a"][0]
    if spelled is not None:
        assert found == spelled
    if not isinstance(value, (Masking, Choosing, Open)):
        assert type(value).model_validate(found) == value
    if isinstance(found, dict):
        schema = type(value).model_json_schema()
        assert set(found) - {"login"} <= set(schema["properties"])


@pytest.mark.parametrize("value", [LOGIN, Camel(first_name="A", logins=[LOGIN]), Counted(), Masking(login=Account())])
def test_results_are_spelled_as_they_are_dumped(value: BaseModel) -> None:
    """With what is computed."""
    assert as_result(value) == value.model_dump(by_alias=True)
    assert set(as_result(value)) == set(type(value).model_json_schema(mode="serialization")["properties"])


@pytest.mark.parametrize("spell", [as_arguments, as_result])
def test_what_cannot_be_dumped_is_left_to_the_door(spell: Callable[[Any], Any]) -> None:
    """A foreign object may raise anything."""

    class Odd:
        def model_dump(self, **_: Any) -> Any:
            raise ZeroDivisionError

    odd = Odd()
    assert spell({"a": odd}) == {"a": odd}


HIDDEN: list[tuple[BaseModel, str]] = [
    (Few(accounts=[Account(ssn=SECRET), Account()]), "/value/accounts/*/socialNumber"),
    (Few(accounts=[Account(), Account(ssn=SECRET)]), "/value/accounts/*/socialNumber"),
    (Upper(accounts=OrderedDict(a=Account(ssn=SECRET))), "/value/accounts/*/socialNumber"),
    (HoldsTyped.model_validate({"account": {"socialNumber": SECRET}}), "/value/account/socialNumber"),
    (Account(ssn=SECRET), "/value/socialNumber"),
]


@pytest.mark.parametrize(("value", "pattern"), HIDDEN)
def test_a_dump_that_is_not_as_its_model_hides_nothing(store: Store, value: BaseModel, pattern: str) -> None:
    """What is dropped by its alias is dropped, whatever serialisers the model has."""

    def tool(value: Any) -> str:
        return f"{value!r}"

    tool.__annotations__["value"] = type(value)
    contract = contract_of_function(tool, handling={"arguments": {pattern: "drop"}, "result": {"": "drop"}})
    with store.run("agent", run_id="r") as run:
        run.tool(contract)(tool)(value)
    assert "[REDACTED:tool-drop]" in str(calls(store)[0]["args"])
    assert not [path for path in Path(store.url).rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_what_cannot_be_spelled_is_not_recorded_and_not_called(store: Store) -> None:
    """Nobody knows which name is which: neither arguments nor what the call raises has the value."""

    def tool(odd: Odd) -> None:
        raise AssertionError("called")

    handling = {"arguments": {"/odd/login/passWord": "drop"}}
    with store.run("agent", run_id="r") as run, pytest.raises(InvalidInput, match="other names") as caught:
        run.tool(contract_of_function(tool, handling=handling))(tool)(Odd(login=LOGIN, counts={"a": 1}))
    assert caught.value.code == "invalid_arguments"
    assert calls(store)[0]["args"] == {"$redacted": "redactor-failed"}
    assert SECRET not in str(list(store.get("r").events()))
    contracted = store.contracted(contract_of_function(tool, handling=handling))
    assert contracted.taken({"odd": Odd(login=LOGIN)}) >= {SECRET}


def test_where_nothing_is_taken_out_names_need_not_be_sure(store: Store) -> None:
    """The call is made, and recorded by the names that are serialised."""

    def tool(odd: Odd) -> int:
        return odd.counts["a"]

    contract = contract_of_function(tool).changed(arguments={"type": "object"})
    with store.run("agent", run_id="r") as run:
        assert run.tool(contract)(tool)(Odd(login=LOGIN, counts={"a": 1})) == 1
    assert calls(store)[0]["args"] == {"odd": {"login": {"user": "ann", "pass-word": SECRET}, "counts": {"A": 1}}}


def test_a_subclass_of_a_mapping_is_gone_through() -> None:
    """And marked as what it is not."""
    found = as_arguments(OrderedDict(a=[Account(ssn="1")]))
    assert found == {"a": [{"socialNumber": "1"}]}
    assert type(found) is not dict


@pytest.mark.parametrize(
    "value", [When(at=datetime(2026, 1, 1)), Secretive(), Counted(), LOGIN], ids=lambda one: type(one).__name__
)
def test_what_is_of_the_annotated_class_fits_its_contract(store: Store, value: BaseModel) -> None:
    """As argument and as result, also where JSON is spelled in another way than a record."""

    def tool(value: Any) -> Any:
        return value

    tool.__annotations__ = {"value": type(value), "return": type(value)}
    with store.run("agent", run_id="r", strict=True) as run:
        assert run.tool(contract_of_function(tool))(tool)(value) is value
    assert "problems" not in calls(store)[0]


def test_a_pattern_takes_what_the_contract_calls_by_that_name(store: Store) -> None:
    """The whole way: a contract of a function, its patterns, what is recorded of arguments and result."""

    def change(login: Login) -> Login:
        return login

    handling = {"arguments": {"/login/passWord": "drop"}, "result": {"/pass-word": "drop"}}
    contract = contract_of_function(change, handling=handling)
    assert TypeAdapter(Login).json_schema(mode="serialization")["properties"].keys() == {"user", "pass-word"}
    with store.run("agent", run_id="r") as run:
        run.tool(contract)(change)(LOGIN)
    [call] = calls(store)
    assert call["args"] == {"login": {"user": "ann", "passWord": "[REDACTED:tool-drop]"}}
    assert call["result"] == {"user": "ann", "pass-word": "[REDACTED:tool-drop]"}
    assert SECRET not in str(list(store.get("r").events()))
