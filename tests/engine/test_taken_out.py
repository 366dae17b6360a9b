"""What a contract takes out of arguments is in nothing that the call raises, in whatever form it stands there."""

from __future__ import annotations

import base64
import datetime
import reprlib
import sys
import textwrap
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from runstone.core.redaction.spellings import spellings
from runstone.engine.store import Store
from runstone.engine.taken_out import TakenOut
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


def quoted_short(value: Any) -> None:
    raise ValueError(f"no number: {value[:30]!r}...")


def shortened(value: Any) -> None:
    raise ValueError(textwrap.shorten(f"no number: {value}", 50))


def folded(value: Any) -> None:
    raise ValueError(textwrap.shorten(f"no number: {value}", 500))


def folded_and_quoted(value: Any) -> None:
    raise ValueError(f"no number: {textwrap.shorten(value, 500)!a}")


def in_details(value: Any) -> None:
    raise error("invalid_option", "wrong", option=f"{value[:30]}...", found=[f"...{value[-20:]}"])


@pytest.mark.parametrize(
    "raises",
    [
        *(of_pydantic, in_a_mapping, as_a_cause, in_a_note, in_a_group, cut_short, quoted_short, shortened, in_details),
        *(folded, folded_and_quoted),
    ],
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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'abcdefgh'...", "'[REDACTED:declared]'..."),
        ("abcdefgh [...] wxyz", "[REDACTED:declared] [...] [REDACTED:declared]"),
        ("'abcdefgh' (…) 'wxyz'", "'[REDACTED:declared]' (…) '[REDACTED:declared]'"),
        ("abcdefgh<...>uvwxyz", "[REDACTED:declared]<...>[REDACTED:declared]"),
        ("abcdefgh' (\t\"...", "abcdefgh' (\t\"..."),
        ("abcdefgh, x...", "abcdefgh, x..."),
        ("abc [...] xyz", "abc [...] xyz"),
        ("abcd", "abcd"),
    ],
)
def test_quotes_brackets_and_blanks_may_stand_beside_the_ellipsis(before: str, after: str) -> None:
    """A few of them, and no letter or digit."""
    assert TakenOut({"abcdefghijklmnopqrstuvwxyz"}).text(before)[0] == after


@pytest.mark.parametrize("text", ["two\nwords", "  two\t words\n"])
def test_a_text_goes_with_one_blank_between_its_words(text: str) -> None:
    """As `textwrap.shorten` has it that need not cut it; where that leaves too little of it, it stays."""
    assert TakenOut({text}).text("bad: two words, or not")[0] == "bad: [REDACTED:declared], or not"
    assert TakenOut({"a  \n b"}).text("a b")[0] == "a b"


def test_what_was_taken_out_with_its_end_may_go_on_with_a_bracket() -> None:
    """`textwrap.shorten` cuts behind a word, and what it puts there begins with a blank."""
    assert TakenOut({"all words (of these)"}).text("all words (of [...]")[0] == "[REDACTED:declared][...]"


def test_a_mark_is_no_beginning() -> None:
    """What stands beside the ellipsis once something is taken out is not taken out again."""
    assert TakenOut({"declared values"}).text("declared...")[0] == "[REDACTED:declared]..."


NUMBERED = " ".join(f"word{number}" for number in range(100))


def of_int(value: Any) -> None:
    int(value)


def of_int_within(value: Any) -> None:
    int(f"no number: {value}")


@pytest.mark.parametrize("raises", [of_int, of_int_within])
@pytest.mark.parametrize("value", [NUMBERED, "it's\n" + NUMBERED], ids=["plain", "with a quote"])
def test_a_long_beginning_goes_without_a_sign(store: Store, raises: Callable[[Any], Any], value: str) -> None:
    """`int` shows the first 200 characters of what is no number."""
    found = raising(store, value, "drop", raises)
    assert "base 10" in found
    assert "word" not in found


def test_a_long_beginning_has_a_hundred_characters() -> None:
    """One of less is left, as is what another text shares with it further on."""
    taken = TakenOut({NUMBERED})
    assert taken.text(NUMBERED[:99])[0] == NUMBERED[:99]
    assert taken.text(f"{NUMBERED[:100]}X")[0] == "[REDACTED:declared]X"
    assert taken.text(f"{NUMBERED[:100]}{NUMBERED[:150]}")[0] == "[REDACTED:declared]" * 2
    assert taken.text(NUMBERED[1:200])[0] == NUMBERED[1:200]


def rows(count: int) -> list[str]:
    """As a table has them: they begin in the same way."""
    return [f"customer {number:05} <c{number:05}@example.org>" for number in range(count)]


def steps(count: int, texts: Callable[[int], list[str]], read: Callable[[int], str]) -> int:
    """How many lines of Python run until texts are taken out of another one; both are made for a number."""
    taken, text = TakenOut(texts(count)), read(count)
    run = 0

    def trace(*what: Any) -> Any:
        nonlocal run
        run += what[1] == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        taken.text(text)
    finally:
        sys.settrace(before)
    return run


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (rows, lambda count: f"Loading... failed: {rows(count)}"),
        (rows, lambda count: "".join(f"{row[:20]!r}... " for row in rows(count))),
        (lambda count: ["ab" * 50 * count], lambda count: "ababa..." * 10 * count),
        (lambda count: ["a" * size + "b" for size in range(4, count)], lambda count: ("a" * 30 + "...") * count),
        (lambda count: ["a" * 100 * count + "b"], lambda count: "a" * 100 * count),
    ],
    ids=["many texts", "many signs", "signs in what repeats itself", "texts that begin alike", "no sign"],
)
def test_what_is_left_is_found_in_linear_time(texts: Callable[[int], list[str]], read: Callable[[int], str]) -> None:
    """However many texts and signs there are: of twice as much, in about twice as many steps."""
    steps(1, texts, read)  # loads what is needed
    assert steps(80, texts, read) < 2.5 * steps(40, texts, read)


LARGE = "".join(f'{number:05}:\t"M\xfcller & S\xf6hne" <c{number:05}@example.org>\r\n' for number in range(25))


@pytest.mark.parametrize("text", [LARGE, LARGE.encode("ascii", "ignore").decode()], ids=["not ASCII", "ASCII"])
def test_a_large_text_goes_in_all_its_forms(text: str) -> None:
    """As a short one does, and in base64 of several lines."""
    taken = TakenOut({text})
    lines = base64.encodebytes(b"some" + text.encode()).decode()
    for form in (*spellings(text), " ".join(text.split()), lines.removeprefix(lines[:5])):
        left = taken.text(f"bad: {form} or not")[0].replace("\0", "")  # as of UTF-16
        assert "[REDACTED:declared]" in left
        assert len(left) < 60


def test_of_a_large_text_no_more_is_spelled_than_stands_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large it is; not much more of one that begins where another text is looked at."""
    sizes: list[int] = []

    def counted(value: str, size: int | None = None) -> list[str]:
        sizes.append(len(value) if size is None else size)
        return spellings(value, size)

    for module in ("spellings", "large"):
        monkeypatch.setattr(f"runstone.core.redaction.{module}.spellings", counted)
    large = "\n".join(rows(2_000))
    taken = TakenOut({large})
    assert taken.text("no such customer")[0] == "no such customer"
    assert sum(sizes) <= 200
    assert taken.text(f"bad: {large[:5000]}!")[0] == "bad: [REDACTED:declared]!"
    assert sum(sizes) <= 200 + 11_000
    for _ in range(2):  # once is enough
        assert taken.text(f"bad: {large}!")[0] == "bad: [REDACTED:declared]!"
        assert len(large) < sum(sizes) < 3 * len(large)
