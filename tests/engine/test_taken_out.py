"""What a contract takes out of arguments is in nothing that the call raises, in whatever form it stands there."""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretBytes, SecretStr

from runstone.engine.store import Store
from runstone.engine.taken_out import TakenOut, _beginnings
from runstone.errors import error

from .called import calls, contract, text

SECRET = "plain words that no rule knows"
LONG = "patient Ada Lovelace, born 10 December 1815, has hepatitis C"
WHEN = datetime.datetime(2021, 3, 4, 5, 6, 7)


class Number(BaseModel):
    n: int


class Login(BaseModel):
    password: Any


class Access(Enum):
    KEY = SecretStr(SECRET)


def raising(store: Store, value: Any, action: str, raises: Callable[[Any], Any], pattern: str = "/v") -> str:
    """All that is stored of a call and its run, that end with what a tool raises of its argument."""

    def tool(v: Any) -> Any:
        raises(v)

    with pytest.raises(Exception, match=r"(?s)."), store.run("agent", run_id="r") as run:
        run.tool(contract("tool", handling={"arguments": {pattern: action}}))(tool)(value)
    assert calls(store)[0]["status"] == "error"
    return text(store)


def raised(said: Any) -> Any:
    raise ValueError(f"bad {said}")


@pytest.mark.parametrize("action", ["drop", "mask"])
@pytest.mark.parametrize("form", [str, repr])
@pytest.mark.parametrize(
    "value",
    [
        WHEN,
        WHEN.date(),
        WHEN.time(),
        datetime.timedelta(seconds=12345),
        Decimal("12345.678900"),
        PurePosixPath("/secret/p"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_taken_out_goes_as_it_shows_itself(
    store: Store, value: Any, form: Callable[[Any], str], action: str
) -> None:
    """Not only as it would have been recorded."""
    assert form(value) not in raising(store, value, action, lambda v: raised(form(v)))


@pytest.mark.parametrize("action", ["drop", "mask"])
@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        (SecretStr(SECRET), "/v"),
        (SecretBytes(SECRET.encode()), "/v"),
        (Login(password=SecretStr(SECRET)), "/v/password"),
        ([{SecretStr(SECRET)}], "/v/0/*"),
        ((Access.KEY,), "/v/0"),
    ],
    ids=["text", "bytes", "in a model", "in a set", "in an enumeration"],
)
def test_a_secret_goes_as_what_it_hides(store: Store, value: Any, pattern: str, action: str) -> None:
    """Which a record of it never has, and an exception may."""
    assert SECRET not in raising(store, value, action, lambda _: raised(SECRET), pattern)


def of_pydantic(value: Any) -> None:
    Number(n=value)


def in_a_mapping(value: Any) -> None:
    Number(n={"a": 1, "b": value})  # type: ignore[arg-type]  # what pydantic says of it


def as_a_cause(value: Any) -> None:
    try:
        Number(n=value)
    except ValueError as exc:
        raise KeyError("no number") from exc


def in_a_note(value: Any) -> None:
    exc = KeyError("no number")
    exc.add_note(reprlib.repr(value))
    raise exc


def in_a_group(value: Any) -> None:
    try:
        Number(n=value)
    except ValueError as exc:
        raise ExceptionGroup("some", [exc]) from None


def cut_short(value: Any) -> None:
    raise ValueError(f"{value[:30]}…")


def in_details(value: Any) -> None:
    raise error("invalid_option", "wrong", option=f"{value[:30]}...", found=[f"...{value[-20:]}"])


@pytest.mark.parametrize(
    "raises", [of_pydantic, in_a_mapping, as_a_cause, in_a_note, in_a_group, cut_short, in_details]
)
@pytest.mark.parametrize("value", [LONG, 'it\'s "so"\n' + LONG + ", \xe4\n\\ at the end"], ids=["plain", "with quotes"])
def test_what_is_left_of_a_text_that_is_cut_goes_too(store: Store, raises: Callable[[Any], Any], value: str) -> None:
    """Both ends of it beside the ellipsis, as pydantic's errors have them."""
    found = raising(store, value, "drop", raises)
    assert [part for part in ("patient", "Ada", "December", "hepatitis", "at the end") if part in found] == []


def test_bytes_that_are_cut_go_too(store: Store) -> None:
    """As their literal has them."""
    assert "hepatitis" not in raising(store, "\xe4\xff".encode("latin-1") + LONG.encode(), "drop", of_pydantic)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("abcdefgh.....wxyz", "[REDACTED:declared].....[REDACTED:declared]"),
        ("abc...xyz", "abc...xyz"),
        ("an abcd... b", "an [REDACTED:declared]... b"),
        ("aabcd...", "a[REDACTED:declared]..."),
        ("abcdX...Xwxyz", "abcdX...Xwxyz"),
        ("abcdef…", "[REDACTED:declared]…"),
        ("so it goes... on", "so it goes... on"),
        ("...", "..."),
    ],
)
def test_an_end_is_one_of_a_text_that_was_taken_out(before: str, after: str) -> None:
    """Of some length, and right beside the ellipsis."""
    assert TakenOut({"abcdefghijklmnopqrstuvwxyz"}).text(before)[0] == after


@given(st.text("ab", min_size=1, max_size=8), st.text("ab", max_size=20))
def test_the_longest_beginning_is_found_at_each_place(form: str, read: str) -> None:
    """As by trying all of them, which takes too long where a text repeats itself."""
    longest = [
        max(size for size in range(len(form) + 1) if read[:end].endswith(form[:size])) for end in range(len(read) + 1)
    ]
    assert _beginnings(form, read) == longest
