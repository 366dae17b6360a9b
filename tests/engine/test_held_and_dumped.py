"""What a model holds, by which calls are checked and ruled over, and what it is dumped to, which is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    computed_field,
    field_serializer,
    model_serializer,
)
from pydantic.dataclasses import dataclass as checked_dataclass

from runstone.contracts.agent import contract_of_function
from runstone.engine.store import Store
from runstone.errors import InvalidInput, PolicyBlocked

from .called import calls, contract, text

SECRET = "plain words that no rule knows"
FAILED = {"$redacted": "redactor-failed"}


def tool_of(kind: Any, answer: Any = None, result: Any = None) -> Any:
    """A function of one annotated argument, that answers what is made of it."""

    def tool(value: Any) -> Any:
        return None if answer is None else answer(value)

    tool.__annotations__ = {"value": kind} if result is None else {"value": kind, "return": result}
    return tool


def dropping(function: Any, *patterns: str) -> Any:
    """The contract of a function that drops these arguments."""
    return contract_of_function(function, handling={"arguments": dict.fromkeys(patterns, "drop")})


def bounded(path: str, **more: Any) -> dict[str, Any]:
    """A policy by which an argument of a tool is 100 at most."""
    return {"name": "p", "version": "1", "bounds": [{"tool": "tool", "path": path, "max": 100, **more}]}


# an extra member of a field's name


class Pay(BaseModel):
    model_config = ConfigDict(extra="allow")
    amount: int = Field(1, alias="amountEur")


class Account(BaseModel):
    model_config = ConfigDict(extra="allow")
    ssn: str = Field(validation_alias="socialNumber")


BOTH = Pay(amountEur=1000, amount=5)


def test_an_extra_member_hides_no_field_from_a_bound(store: Store) -> None:
    """The rule sees what the field holds, whatever the other one of its name is."""
    with store.run("agent", run_id="r") as run:
        run.govern(bounded("/value/amountEur", optional=True))
        with pytest.raises(PolicyBlocked):
            run.tool()(tool_of(Pay))(BOTH)
    assert calls(store)[0]["args"] == {"value": {"amountEur": 1000, "amount": 5}}


def test_an_extra_member_hides_no_field_from_the_schema(store: Store) -> None:
    """What it says of the field holds; and what has a required one lacks none."""
    with store.run("agent", run_id="r") as run:
        tool = tool_of(Pay)
        arguments = contract_of_function(tool).data["arguments"]
        arguments["$defs"]["Pay"]["properties"]["amountEur"]["maximum"] = 100
        with pytest.raises(InvalidInput, match="/value/amountEur expected 100 or less"):
            run.tool(contract_of_function(tool).changed(arguments=arguments))(tool)(BOTH)
        run.tool()(tool_of(Account))(Account(socialNumber="1", ssn="x"))


@pytest.mark.parametrize(
    ("value", "pattern", "shown"),
    [
        (
            Pay(amountEur=123456, amount=5),
            "/value/amountEur",
            {"amountEur": "[REDACTED:tool-drop]", "amount": 5},
        ),
        (Account(socialNumber=SECRET, ssn="x"), "/value/socialNumber", None),
    ],
    ids=["beside it", "in its place"],
)
def test_an_extra_member_hides_no_field_that_is_dropped(store: Store, value: Any, pattern: str, shown: Any) -> None:
    """Not in the record, nor in what the tool raises. Where both are dumped by one name nothing is kept."""

    def raising(value: Any) -> None:
        raise ValueError(getattr(value, "ssn", None) or value.amount)

    tool = tool_of(type(value), raising)
    with store.run("agent", run_id="r") as run, pytest.raises(ValueError, match=r"."):
        run.tool(dropping(tool, pattern))(tool)(value)
    assert calls(store)[0]["args"] == (FAILED if shown is None else {"value": shown})
    assert SECRET not in text(store)
    assert "123456" not in text(store)


# rules without a contract


class Tip(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    amount: float = Field(alias="amountEur")

    @field_serializer("amount")
    def rounded(self, amount: float) -> float:
        return round(amount, -4)

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def cents(self) -> float:
        return self.amount * 100


class ByAlias(Tip):
    model_config = ConfigDict(serialize_by_alias=True)


class Hidden(BaseModel):
    amount: float = Field(exclude=True)


@checked_dataclass
class Checked:
    amount: float = Field(exclude=True)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Tip(amount=4000), "amount"),
        (Tip(amount=4000), "cents"),
        (ByAlias(amount=4000), "amountEur"),
        (Hidden(amount=4000), "amount"),
        (Checked(amount=4000), "amount"),
    ],
    ids=["masked", "computed", "by alias", "left out", "dataclass"],
)
def test_without_a_contract_rules_go_by_what_models_hold(store: Store, value: Any, name: str) -> None:
    """By the names of the record, not by the values that it has of them; also where the argument is optional."""
    with store.run("agent") as run:
        run.govern(bounded(f"/value/{name}", optional=True))
        with pytest.raises(PolicyBlocked):
            run.tool_call("tool", {"value": value}).do(tool_of(Any), value)


# names that are changed


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str

    @model_serializer
    def shown(self) -> dict[str, str]:
        return {"kind": "card", "pan": self.number}


class Taking(Card):
    """Its number is dumped by the name that another class has for something else."""

    @model_serializer
    def shown(self) -> dict[str, str]:
        return {"kind": "card", "code": self.number}


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"


class Voucher(Cash):
    code: str = ""


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        (Card | Cash, Card(number=SECRET), "/value/number"),
        (Annotated[Card | Cash, Field(discriminator="kind")], Card(number=SECRET), "/value/number"),
        (list[Card | Cash], [Card(number=SECRET)], "/value/*/number"),
        (Taking | Voucher, Taking(number=SECRET), "/value/number"),
    ],
    ids=["smaller", "discriminated", "in a list", "with that name"],
)
def test_what_another_class_tells_vouches_for_no_name(store: Store, kind: Any, value: Any, pattern: str) -> None:
    """An object that is dumped by other names than those of its own class is not recorded where anything is dropped."""
    tool = tool_of(kind)
    with store.run("agent", run_id="r") as run:
        run.tool(dropping(tool, pattern))(tool)(value)
    assert calls(store)[0]["args"] == FAILED
    assert SECRET not in text(store)


# iterators


class Batch(BaseModel):
    ids: Any


class Numbers(BaseModel):
    ids: Iterable[int]


class Mixed(Numbers):
    pin: SecretStr = SecretStr("1")
    took: list[timedelta] = [timedelta(1)]
    at: HttpUrl = HttpUrl("https://example.org")
    raw: bytes


@dataclass(slots=True)
class Slotted:
    batch: Batch


def numbers() -> Iterator[int]:
    yield from range(3)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (Batch, lambda: Batch(ids=numbers())),
        (Numbers, lambda: Numbers(ids=numbers())),
        (Mixed, lambda: Mixed(ids=numbers(), raw=b"\xff")),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_check_takes_nothing_from_an_iterator(store: Store, kind: Any, make: Any, *, strict: bool) -> None:
    """Who is answered one has all that it gives, and it fits its contract."""
    with store.run("agent", run_id="r", strict=strict) as run:
        tool = tool_of(Any, lambda _: make(), kind)
        assert list(run.tool()(tool)(1).ids) == [0, 1, 2]
    assert "problems" not in calls(store)[0]


def test_a_check_takes_nothing_from_an_iterator_far_below(store: Store) -> None:
    """In mappings, lists, and objects with slots."""
    held = Slotted(Batch(ids={"a": [numbers()]}))

    class Holding(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        held: Any

    with store.run("agent") as run:
        answered = run.tool()(tool_of(Any, lambda _: Holding(held=held), Holding))(1)
    assert list(answered.held.batch.ids["a"][0]) == [0, 1, 2]


def test_an_iterator_is_an_argument(store: Store) -> None:
    """In a model or not, of a schema that says it is an array; what is to be something else is none."""
    with store.run("agent") as run:
        assert run.tool()(tool_of(Numbers, lambda value: sum(value.ids)))(Numbers(ids=[1, 2, 3])) == 6
        assert run.tool()(tool_of(Iterable[int], sum))(numbers()) == 3
        with pytest.raises(InvalidInput, match="/value expected integer, found array"):
            run.tool()(tool_of(int))(numbers())


# what is computed


class Weather(BaseModel):
    asked: ClassVar[int] = 0
    city: str = "Rome"
    key: str = ""

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def weather(self) -> str:
        Weather.asked += 1
        raise OSError("no network")


class Trip(BaseModel):
    to: Weather


@pytest.mark.parametrize(
    ("value", "pattern"), [(Weather(), "/value/key"), (Trip(to=Weather()), "/value/to/key")], ids=["itself", "within"]
)
def test_what_is_computed_is_no_argument(store: Store, value: BaseModel, pattern: str) -> None:
    """Nobody asks for it, so that it may fail."""
    Weather.asked = 0
    tool = tool_of(type(value))
    with store.run("agent", run_id="r") as run:
        run.tool()(tool)(value)
        run.tool(dropping(tool, pattern))(tool)(value)
    plain, dropped = [call["args"]["value"].get("to", call["args"]["value"]) for call in calls(store)]
    assert plain == {"city": "Rome", "key": ""}
    assert dropped == {"city": "Rome", "key": "[REDACTED:tool-drop]"}
    assert not Weather.asked


# dataclasses of pydantic's


@checked_dataclass
class Masking:
    owner: str
    number: str = Field(alias="cardNumber")
    code: str = Field(exclude=True)

    @field_serializer("number")
    def masked(self, _: str) -> str:
        return "****"


class Derived(Masking):
    pass


@dataclass
class Plain:
    card: Masking


MADE: list[Any] = [kind(owner="ann", cardNumber=SECRET, code=SECRET) for kind in (Masking, Derived)]


@pytest.mark.parametrize(
    "value", [*MADE, Plain(MADE[0]), {"a": [MADE[0]]}], ids=["itself", "derived", "in a dataclass", "in a list"]
)
def test_what_a_dataclass_masks_is_masked(store: Store, value: Any) -> None:
    """As a model's fields are: in arguments and results, with and without a contract, in events of one's own."""
    with store.run("agent", run_id="r") as run:
        run.tool(contract("open"))(lambda value: value)(value)
        run.tool_call("bare", {"value": value}).do(lambda: value)
        run.event("x.mine", {"value": value})
    shown = str(list(store.get("r").events()))
    assert SECRET not in shown
    assert shown.count("'****'") == 5


def test_a_dataclass_is_spelled_and_checked_by_what_it_holds(store: Store) -> None:
    """Of which a pattern drops what the schema calls so."""
    tool = tool_of(Masking, lambda value: value, Masking)
    with store.run("agent", run_id="r", strict=True) as run:
        assert run.tool(dropping(tool, "/value/owner"))(tool)(MADE[0]) is MADE[0]
    assert calls(store)[0]["args"] == {"value": {"owner": "[REDACTED:tool-drop]", "cardNumber": "****"}}
