"""What a function is called with has the names of its parameters, however it is wrapped, bound and given in part."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from runstone.engine.functions import contract_of_function
from runstone.engine.store import Store
from runstone.engine.wrapping import Parameters
from runstone.errors import PolicyBlocked

from .called import calls, contract


def again(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a decorator that tries again."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return call


def saying(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a decorator that says the signature of what it wraps."""
    call = again(function)
    call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # as some do
    return call


class Again:
    """A decorator that is a class, whose objects are bound as functions are."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.function(*args, **named)

    def __get__(self, owner: Any, kind: type) -> Any:
        return functools.partial(self, owner)


class Sending:
    """An object that is called, and is not bound as functions are."""

    def __call__(self, bank: Any, currency: str, to: str, amount: int = 10) -> str:
        return f"{to} {amount}"


class Bound:
    """A descriptor that makes a function for each object, which has that already."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __get__(self, owner: Any, kind: type) -> Any:
        @functools.wraps(self.function)
        def call(*args: Any, **named: Any) -> Any:
            return self.function(owner, *args, **named)

        return call


class BoundFirst(Bound):
    """One that binds as functions are bound, before it makes what calls that."""

    def __get__(self, owner: Any, kind: type) -> Any:
        function = self.function.__get__(owner, kind)
        first = functools.partial(self.function, owner)

        @functools.wraps(self.function)
        def call(*args: Any, **named: Any) -> Any:
            return (function if named else first)(*args, **named)

        return call


class Bank:
    """Ways to pay; `pay` has a receiver that its name would not tell."""

    def pay(this, to: str, amount: int = 10) -> str:  # noqa: N805  # what is tested
        return f"{to} {amount}"

    def named(self, to: str, amount: int = 10) -> str:
        return f"{to} {amount}"

    def of(kind, to: str, amount: int = 10) -> str:  # noqa: N805  # what is tested
        return f"{to} {amount}"

    wrapped = again(pay)
    twice = again(again(pay))
    cached = functools.lru_cache(pay)  # what is tested
    said = saying(pay)
    by_object = Again(pay)
    dispatched = functools.singledispatchmethod(named)
    dispatched_by_another_name = functools.singledispatchmethod(again(pay))
    dispatched_of_class = functools.singledispatchmethod(classmethod(of))
    dispatched_static = functools.singledispatchmethod(staticmethod(lambda to, amount=10: f"{to} {amount}"))
    bound = Bound(named)
    bound_by_another_name = Bound(again(pay))
    bound_first = BoundFirst(pay)
    of_class = classmethod(again(of))
    static = staticmethod(again(lambda to, amount=10: f"{to} {amount}"))
    in_class = again(staticmethod(lambda to, amount=10: f"{to} {amount}"))
    __call__ = again(pay)

    @again
    def sent(this, currency: str, to: str, amount: int = 10) -> str:  # noqa: N805  # what is tested
        return f"{to} {amount}"

    part = functools.partialmethod(sent, "EUR")
    part_of_object = functools.partialmethod(Sending(), "EUR")
    part_by_name = functools.partialmethod(wrapped, amount=7)


class Teller:
    """An object that is called without a receiver."""

    __call__ = staticmethod(again(lambda to, amount=10: f"{to} {amount}"))


BANK = Bank()

SHAPES: dict[str, Callable[..., Any]] = {
    "wrapped": BANK.wrapped,
    "wrapped twice": BANK.twice,
    "cached": BANK.cached,
    "saying its signature": BANK.said,
    "wrapped by an object": BANK.by_object,
    "dispatched": BANK.dispatched,
    "dispatched, its receiver of any name": BANK.dispatched_by_another_name,
    "dispatched of a class": Bank.dispatched_of_class,
    "dispatched of an object's class": BANK.dispatched_of_class,
    "dispatched, static": BANK.dispatched_static,
    "dispatched, wrapped": again(BANK.dispatched),
    "bound by a descriptor": BANK.bound,
    "bound by a descriptor, its receiver of any name": BANK.bound_by_another_name,
    "bound before it is wrapped": BANK.bound_first,
    "of a class": Bank.of_class,
    "of an object's class": BANK.of_class,
    "static": BANK.static,
    "static, wrapped": Bank.in_class,
    "object": BANK,
    "object without a receiver": Teller(),
    "partial method": BANK.part,
    "partial method of an object": BANK.part_of_object,
    "partial": functools.partial(BANK.wrapped),
    "partial of a partial": functools.partial(functools.partial(BANK.sent, "EUR")),
    "partial that says what it wraps": functools.update_wrapper(functools.partial(BANK.sent, "EUR"), BANK.sent),
    "partial of one that says its signature": functools.partial(saying(BANK.sent), "EUR"),
    "wrapped method": again(BANK.wrapped),
    "wrapped method that says its signature": again(BANK.said),
    "wrapped partial": again(functools.partial(BANK.sent, "EUR")),
    "wrapped object": again(BANK),
    "cached method": functools.lru_cache(BANK.wrapped),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_arguments_have_the_names_of_what_is_left_to_the_caller(shape: str) -> None:
    """No receiver is counted, and nothing that is given already."""
    function = SHAPES[shape]
    parameters = Parameters(function)
    assert function("acct-7", 3) == "acct-7 3"
    assert parameters.named(("acct-7", 3), {}) == {"to": "acct-7", "amount": 3}
    assert parameters.named(("acct-7",), {"amount": 3}) == {"to": "acct-7", "amount": 3}
    assert parameters.defaults == {"amount": 10}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_contract_tells_what_is_left_to_the_caller(shape: str) -> None:
    """By the same names: what is called by it fits it."""
    arguments = contract_of_function(SHAPES[shape]).arguments
    assert (set(arguments["properties"]), arguments["required"]) == ({"to", "amount"}, ["to"])


def test_what_is_given_by_name_is_an_argument() -> None:
    """It may be left out, and is told."""
    part = functools.partial(BANK.sent, "EUR", to="acct-7")
    for function, given in ((BANK.part_by_name, {"amount": 7}), (part, {"amount": 10, "to": "acct-7"})):
        assert Parameters(function).defaults == given
        assert set(given).isdisjoint(contract_of_function(function).arguments["required"])


def test_rules_and_handling_are_about_the_arguments_of_a_decorated_method(store: Store) -> None:
    """A bound is asked about the argument that it names, and what is dropped is not recorded."""
    handling = {"arguments": {"/to": "drop"}}
    with store.run("agent", run_id="r") as run:
        run.govern({"name": "p", "version": "1", "bounds": [{"tool": "pay", "path": "/amount", "max": 100}]})
        pay = run.tool(contract("pay", handling=handling))(BANK.wrapped)
        assert pay("acct-7", 100) == "acct-7 100"
        with pytest.raises(PolicyBlocked, match="over_limit"):
            pay("acct-7", 101)
    gone = "[REDACTED:tool-drop]"
    assert [call["args"] for call in calls(store)] == [{"to": gone, "amount": 100}, {"to": gone, "amount": 101}]


def given(function: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """As a decorator that has the receiver, where nobody sees it."""
    values = list(args)

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        return function(*values, *args, **named)

    return call


class Till:
    """A method, decorated and under another name, with a receiver whose name tells that it is one."""

    @again
    def pay(self, to: Any, amount: int = 10) -> str:
        return f"{to} {amount}"

    @classmethod
    @again
    def of_class(cls, to: Any, amount: int = 10) -> str:
        return f"{to} {amount}"


class SmallTill(Till):
    """One of a class that has the method of another."""


def free(self: Any, to: Any, amount: int = 10) -> str:
    return f"{to} {amount}"


setattr(Till, "sent", again(free))  # noqa: B010  # mypy knows no such method


@pytest.mark.parametrize(
    ("function", "receiver"),
    [
        (Till.pay, Till()),
        (Till.pay, SmallTill()),
        (vars(Till)["of_class"].__func__, Till),
        (again(free), Till()),
        (again(Till.pay), Till()),
        (functools.partial(Till.pay), Till()),
        (free, "whatever"),
        (lambda self, to, amount: None, 5),
    ],
)
def test_a_receiver_that_is_given_is_left_out(function: Callable[..., Any], receiver: Any) -> None:
    """One whose class has the function, and whatever a function that is not wrapped is given as its receiver."""
    assert Parameters(function).named((receiver, "acct-7", 3), {}) == {"to": "acct-7", "amount": 3}


@pytest.mark.parametrize("to", ["acct-7", 5000, None, {"iban": "x"}, ["acct-7"]])
def test_what_is_given_first_is_no_receiver_where_it_can_be_none(to: Any) -> None:
    """A wrapper has it already, unless it is given more than is left."""
    parameters = Parameters(given(Till.pay, Till()))
    assert parameters.named((to, 3), {}) == {"to": to, "amount": 3}
    assert parameters.named((to,), {"amount": 3}) == {"to": to, "amount": 3}
    assert parameters.named((to, "acct-7", 3), {}) == {"self": to, "to": "acct-7", "amount": 3}


def test_what_is_named_is_not_given_by_its_place_too() -> None:
    """So what is given first is the receiver, whatever it is."""

    class Bank:
        @again
        def pay(self, amount: int, token: str = "t") -> None: ...

    named = {"amount": 7, "token": "k"}
    assert Parameters(Bank.pay).named((None,), named) == named


def test_what_may_be_an_argument_is_kept() -> None:
    """Under the name of the receiver, where it may be that, too."""
    to = BANK
    assert Parameters(given(Till.pay, Till())).named((to,), {}) == {"self": to}


def test_rules_and_handling_are_about_the_arguments_of_a_dispatched_method(store: Store) -> None:
    """A bound is asked about the first argument, and what is dropped is not recorded."""
    pay = contract("pay", handling={"arguments": {"/amount": "drop"}})
    with store.run("agent", run_id="r") as run:
        run.govern({"name": "p", "version": "1", "bounds": [{"tool": "pay", "path": "/to", "max": 100}]})
        with pytest.raises(PolicyBlocked, match="over_limit"):
            run.tool(pay)(BANK.dispatched)(101, "words")
    assert [call["args"] for call in calls(store)] == [{"to": 101, "amount": "[REDACTED:tool-drop]"}]
