"""How a tool's arguments and results are spelled: models as the schemas of their contracts have them."""

from __future__ import annotations

from collections import OrderedDict, UserDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    RootModel,
    SecretStr,
    TypeAdapter,
    computed_field,
    field_serializer,
    model_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as checked_dataclass
from typing_extensions import TypedDict

from runstone.contracts.agent import contract_of_function
from runstone.engine.spelling import SERIALISED, VALIDATED, Spelling
from runstone.engine.store import Store
from runstone.errors import PolicyBlocked

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
    (Odd(login=LOGIN, counts={"a": 1}), {"login": {"user": "ann", "passWord": SECRET}, "counts": {"A": 1}}),
    (RootModel[list[Login]]([LOGIN]), ({"user": "ann", "passWord": SECRET},)),
    (RootModel[tuple[Login, ...]]((LOGIN,)), ({"user": "ann", "passWord": SECRET},)),
    (HoldsTyped.model_validate({"account": {"socialNumber": "1"}}), {"account": {"socialNumber": "1"}}),
    (Holding(plain=Plain(Account(ssn="1")), checked=Checked()), None),
]


def spelled_arguments(value: Any, schema: Any = None) -> Any:
    """As they are recorded."""
    return Spelling(schema or {}, VALIDATED).dumped(value)


def spelled_result(value: Any, schema: Any = None) -> Any:
    """The same of a result."""
    return Spelling(schema or {}, SERIALISED).dumped(value)


@pytest.mark.parametrize(("value", "spelled"), ARGUMENTS, ids=lambda found: type(found).__name__)
def test_arguments_are_spelled_as_they_are_validated(value: Any, spelled: Any) -> None:
    """What is spelled has the names of the schema, and can be validated again."""
    schema = type(value).model_json_schema()
    found = spelled_arguments(value, schema)
    if spelled is not None:
        assert found == spelled
    if not isinstance(value, (Masking, Choosing, Open, Odd)):
        assert type(value).model_validate(found) == value
    if isinstance(found, dict):
        assert set(found) - {"login"} <= set(schema["properties"])


@pytest.mark.parametrize("value", [LOGIN, Camel(first_name="A", logins=[LOGIN]), Counted(), Masking(login=Account())])
def test_results_are_spelled_as_they_are_dumped(value: BaseModel) -> None:
    """With what is computed."""
    schema = type(value).model_json_schema(mode="serialization")
    assert spelled_result(value, schema) == spelled_result(value) == value.model_dump(by_alias=True)
    assert set(spelled_result(value)) == set(schema["properties"])


@pytest.mark.parametrize("spell", [spelled_arguments, spelled_result])
def test_what_cannot_be_dumped_is_left_to_the_door(spell: Callable[[Any], Any]) -> None:
    """A foreign object may raise anything."""

    class Odd:
        def model_dump(self, **_: Any) -> Any:
            raise ZeroDivisionError

    odd = Odd()
    assert spell({"a": odd}) == {"a": odd}


class Card(BaseModel):
    model_config = ConfigDict(frozen=True)
    card_number: str = Field("", alias="cardNumber")


class Renamed(Card):
    """The field of its base by another name."""

    card_number: str = Field("", alias="number")


class Overriding(Card):
    def model_dump(self, **_: Any) -> Any:
        return {"card_number": self.card_number}


class Ordered(Card):
    @model_serializer(mode="wrap")
    def shown(self, dump: Callable[[Any], Any]) -> Any:
        return OrderedDict(dump(self))


class Renaming(Card):
    @model_serializer(mode="plain")
    def shown(self) -> Any:
        return {"nr": self.card_number}


class Wallet(BaseModel):
    card: Card = Card()
    cards: set[Card] = set()


CARD = Card(cardNumber=SECRET)
IN_PLACE: list[tuple[Any, Any, str]] = [
    (Few, Few(accounts=[Account(ssn=SECRET), Account()]), "/accounts/*/socialNumber"),
    (Few, Few(accounts=[Account(), Account(ssn=SECRET)]), "/accounts/*/socialNumber"),
    (Upper, Upper(accounts=OrderedDict(a=Account(ssn=SECRET))), "/accounts/*/socialNumber"),
    (HoldsTyped, HoldsTyped.model_validate({"account": {"socialNumber": SECRET}}), "/account/socialNumber"),
    (Account, Account(ssn=SECRET), "/socialNumber"),
    (set[Card], {CARD}, "/*/cardNumber"),
    (frozenset[Card], frozenset({CARD}), "/*/cardNumber"),
    (list[Card], deque([CARD]), "/*/cardNumber"),
    (RootModel[tuple[Card, ...]], RootModel[tuple[Card, ...]]((CARD,)), "/*/cardNumber"),
    (RootModel[Sequence[Card]], RootModel[Sequence[Card]]((CARD,)), "/*/cardNumber"),
    (Mapping[str, Card], MappingProxyType({"a": CARD}), "/*/cardNumber"),
    (Mapping[str, Card], UserDict({"a": CARD}), "/*/cardNumber"),
    (Card, Renamed(number=SECRET), "/cardNumber"),
    (Renamed, Renamed(number=SECRET), "/number"),
    (Overriding, Overriding(cardNumber=SECRET), "/cardNumber"),
    (Ordered, Ordered(cardNumber=SECRET), "/cardNumber"),
    (Wallet, Wallet(card=Renamed(number=SECRET)), "/card/cardNumber"),
    (Wallet, Wallet(cards={CARD}), "/cards/*/cardNumber"),
]


def given_and_answered(store: Store, kind: Any, value: Any, pattern: str) -> list[Any]:
    """What is recorded of a value, once as an argument and once as a result, with a pattern that drops a part."""

    def tool(value: Any) -> Any:
        return value

    tool.__annotations__ = {"value": kind, "return": kind}
    handling = {"arguments": {f"/value{pattern}": "drop"}, "result": {pattern: "drop"}}
    contract = contract_of_function(tool, handling=handling)
    with store.run("agent", run_id="r") as run:
        run.tool(contract)(tool)(value)
    [call] = calls(store)
    assert not [path for path in Path(store.url).rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    return [call["args"], call["result"]]


@pytest.mark.parametrize(("kind", "value", "pattern"), IN_PLACE)
def test_what_is_dropped_by_its_alias_is_dropped(store: Store, kind: Any, value: Any, pattern: str) -> None:
    """In whatever the model stands, whatever serialisers it has, and the call is made."""
    for shown in given_and_answered(store, kind, value, pattern):
        assert "[REDACTED:tool-drop]" in str(shown)


def test_a_dump_by_names_that_no_schema_tells_is_not_recorded(store: Store) -> None:
    """Nobody knows which name is which."""
    shown = given_and_answered(store, Renaming, Renaming(cardNumber=SECRET), "/cardNumber")
    assert shown == [{"$redacted": "redactor-failed"}] * 2


def test_a_set_is_spelled_in_one_order() -> None:
    """Whatever the hashes of a process are."""
    cards = {Card(cardNumber=number) for number in "cab"}
    assert spelled_result(cards) == ({"cardNumber": "a"}, {"cardNumber": "b"}, {"cardNumber": "c"})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RootModel[tuple[Card, ...]], RootModel[tuple[Card, ...]]((CARD,))),
        (Mapping[str, Card], MappingProxyType({"0": CARD})),
        (list[Renaming], [Renaming(cardNumber=SECRET)]),
        (list[Card], [Renamed(number=SECRET)]),
    ],
)
def test_no_spelling_passes_a_bound(store: Store, kind: Any, value: Any) -> None:
    """What a rule over calls reads is what the tool is given, also where the argument is optional."""

    def pay(cards: Any) -> None:
        raise AssertionError("called")

    pay.__annotations__["cards"] = kind
    bound = {"tool": "pay", "path": "/cards/0/cardNumber", "in": ["1"], "optional": True}
    with store.run("agent") as run:
        run.govern({"name": "p", "version": "1", "bounds": [bound]})
        tool = run.tool(contract_of_function(pay))(pay)
        with pytest.raises(PolicyBlocked):
            tool(value)


def test_a_call_is_checked_by_what_its_models_hold(store: Store) -> None:
    """Not by what they are dumped to: what is left out of the record is given all the same."""

    class Holding(BaseModel):
        token: str = Field(exclude=True, alias="tokenText")
        path: Path = Path("x")
        pin: SecretStr = SecretStr("1")
        address: IPv4Address = IPv4Address("127.0.0.1")
        url: HttpUrl = HttpUrl("https://example.org")
        size: ByteSize = ByteSize(1)
        numbers: Sequence[int] = (1,)
        name: str = Field("", validation_alias="nameText")

    def tool(value: Holding) -> None:
        assert value.token

    tool.__annotations__["value"] = Holding
    with store.run("agent", run_id="r") as run:
        run.tool(contract_of_function(tool, handling={"arguments": {"/value/nameText": "drop"}}))(tool)(
            Holding(tokenText=SECRET, nameText=SECRET)
        )
    shown = calls(store)[0]["args"]["value"]
    assert (shown["nameText"], shown["numbers"]) == ("[REDACTED:tool-drop]", [1])
    assert SECRET not in str(list(store.get("r").events()))


def test_what_a_dump_warns_of_is_not_said(store: Store, recwarn: pytest.WarningsRecorder) -> None:
    """Pydantic's warning of a value of another type repeats it."""

    class Loose(BaseModel):
        card: int = 1

    class Own(Loose):
        def model_dump(self) -> Any:  # type: ignore[override]  # as those of before pydantic's keywords
            return super().model_dump()

    def tool(value: Any) -> Any:
        return value

    loose, own = Loose(), Own()
    loose.card = own.card = SECRET  # type: ignore[assignment]  # what is warned of
    with store.run("agent") as run:
        for value in (loose, own, {"a": [own]}):
            run.tool(contract_of_function(tool))(tool)(value)
            with run.tool_call("bare", {"value": value}) as call:
                call.returned(value)
            run.event("x.event", {"value": value})
    assert not recwarn.list


def test_where_nothing_is_taken_out_names_need_not_be_sure(store: Store) -> None:
    """The call is recorded as it is dumped."""

    def tool(value: Renaming) -> str:
        return value.card_number

    with store.run("agent", run_id="r") as run:
        assert run.tool(contract_of_function(tool))(tool)(Renaming(cardNumber="1")) == "1"
    assert calls(store)[0]["args"] == {"value": {"nr": "1"}}


def test_what_holds_itself_is_not_recorded_where_anything_is_taken_out(store: Store) -> None:
    """A second look at what holds it would have other names."""
    held: dict[str, Any] = {"card": CARD}
    held["self"] = held
    contract = {"name": "t", "version": "1", "arguments": {"type": "object"}}
    handling = {"handling": {"arguments": {"/self/card/cardNumber": "drop"}}}
    assert SECRET not in str(store.contracted({**contract, **handling}).args(held, lambda text, size: text[:size]))


def test_a_subclass_of_a_mapping_is_gone_through() -> None:
    """And marked as what it is not."""
    found = spelled_arguments(OrderedDict(a=[Account(ssn="1")]))
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


@dataclass
class Order:
    cache: ClassVar[dict[str, str]] = {"someone": "else"}
    id: int = 0
    seed: InitVar[int] = 5


def test_a_dataclass_is_its_fields(store: Store) -> None:
    """Not what its class has, nor what it was made of."""
    closed = {"type": "object", "properties": {"id": {"type": "integer"}}, "additionalProperties": False}
    contract = {"name": "ship", "version": "1", "arguments": {"type": "object", "properties": {"order": closed}}}
    with store.run("shop", run_id="r") as run:
        assert run.tool(contract)(lambda order: order)(order=Order(3)) == Order(3)
    (call,) = calls(store)
    assert (call["args"], call["result"]) == ({"order": {"id": 3}}, {"id": 3})


class Key(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    secret: str = Field(alias="key")


class Provider(Enum):
    OPENAI = "openai"
    KEY = Key(secret=SECRET)


class Lazy(Mapping[str, Any]):
    """Each look makes a new object; a tree that is a number has no end."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree

    def __getitem__(self, key: str) -> Any:
        found = self.tree if self.tree is None else self.tree[key]
        return Lazy(found) if found is None or isinstance(found, dict) else [found]

    def __iter__(self) -> Iterator[str]:
        return iter("ab" if self.tree is None else self.tree)

    def __len__(self) -> int:
        return 2 if self.tree is None else len(self.tree)


ALIASED = {"type": "object", "properties": {"key": {"type": "string"}}}
NAMED = {"type": "object", "properties": {"secret": {"type": "string"}}}


def nested(inner: Any, depth: int) -> Any:
    """A schema of objects in objects."""
    return inner if not depth else {"type": "object", "properties": {"a": nested(inner, depth - 1)}}


@pytest.mark.parametrize(
    ("schema", "pattern", "value"),
    [
        (
            nested({"type": "array", "items": ALIASED}, 4),
            "/x/a/a/a/a/0/key",
            Lazy({"a": {"a": {"a": {"a": Key(key=SECRET)}}}}),
        ),
        ({"type": "object", "properties": {"openai": NAMED}}, "/x/openai/secret", {Provider.OPENAI: Key(key=SECRET)}),
        (ALIASED, "/x/key", Provider.KEY),
        ({"additionalProperties": NAMED, "properties": {"a": ALIASED}}, "/x/*/secret", {"*": Key(key=SECRET)}),
    ],
    ids=["lazy", "enum key", "enum", "star"],
)
def test_what_holds_a_model_hides_nothing(store: Store, schema: Any, pattern: str, value: Any) -> None:
    """Mappings that make what they hold, members of enumerations, a member called as the sign for any."""
    arguments = {"type": "object", "properties": {"x": schema}}
    contract = {"name": "f", "version": "1", "arguments": arguments, "handling": {"arguments": {pattern: "drop"}}}
    with store.run("shop", run_id="r") as run:
        run.tool(contract)(lambda x: None)(x=value)
    recorded = str(calls(store)[0]["args"])
    assert SECRET not in recorded
    assert "tool-drop" in recorded


def test_what_a_schema_tells_of_one_name_it_tells_of_no_other(store: Store) -> None:
    """Whatever was asked before."""
    spelling = Spelling({"additionalProperties": NAMED, "properties": {"a": ALIASED}}, VALIDATED)
    assert spelling.held({"*": Key(key="1")}) == {"*": {"secret": "1"}}
    assert spelling.held({"x": Key(key="1")}) == {"x": {"secret": "1"}}


def test_what_has_no_end_is_left_to_the_door(store: Store) -> None:
    """Its tree is cut there."""
    contract = {"name": "read", "version": "1", "arguments": {"type": "object"}}
    with store.run("shop", run_id="r") as run, run.tool_call("read", {"g": 1}, contract=contract) as call:
        call.returned(Lazy(None))
    assert calls(store)[0]["result"] is not None
