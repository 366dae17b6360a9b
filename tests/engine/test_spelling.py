"""How a tool's arguments and results are spelled: models as the schemas of their contracts have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    computed_field,
    field_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as checked_dataclass

from runstone.contracts.agent import contract_of_function
from runstone.engine.spelling import as_arguments, as_result
from runstone.engine.store import Store

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


class Masking(BaseModel):
    login: Login

    @field_serializer("login")
    def shown(self, login: Login) -> str:
        return login.user


@dataclass
class Plain:
    login: Login


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
    (Masking(login=LOGIN), {"login": "ann"}),
    (RootModel[list[Login]]([LOGIN]), ({"user": "ann", "passWord": SECRET},)),
    (Holding(plain=Plain(LOGIN), checked=Checked()), None),
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


@pytest.mark.parametrize("value", [LOGIN, Camel(first_name="A", logins=[LOGIN]), Counted(), Masking(login=LOGIN)])
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
