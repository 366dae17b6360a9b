"""Two passes in whatever order leave the same: by those who know different values, over a record and over its text.

Only the name in a mark may differ, where several rules find one secret: who comes second sees no more than the mark.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes, canonical_text
from runstone.core.parsing import load
from runstone.core.redaction.redactor import DECLARED, ENVIRONMENT, Redactor
from runstone.core.values import Foreign, coerce

from . import planted, strategies

SECRETS = planted.secrets(61)
TOKENS = [
    SECRETS[rule][0].text for rule in ("github-token", "jwt", "url-password", "aws-access-key-id", "anthropic-key")
]
FIRST, SECOND = "walrus-Xq9", "hunter2-Zk4"
RULES = Redactor()
ONE, OTHER = Redactor({FIRST: DECLARED}), Redactor({SECOND: ENVIRONMENT})
BOTH = Redactor({FIRST: DECLARED, SECOND: ENVIRONMENT})
ORDERS = [(BOTH,), (ONE, OTHER), (OTHER, ONE), (RULES, BOTH), (BOTH, RULES), (BOTH, ONE, OTHER), (RULES, OTHER, ONE)]

names = st.sampled_from(["password", "api_key", "token", "secrets", "auth", "cookies", "name", "value", "user", "text"])
kept = st.sampled_from([FIRST, SECOND, *TOKENS, f"{FIRST}{SECOND}", f"x{FIRST}-9", "plain words", "the", "K9zz8Qp1"])
FORMS = ["{0}", "{1}={0}", "{1}: {0}", '{1}="{0}"', '"{1}": "{0}"', "--{1} {0}", "Authorization: Bearer {0}", "({0})"]
phrases = st.builds(str.format, st.sampled_from(FORMS), kept, names)
texts = st.lists(phrases, min_size=1, max_size=4).map("\n".join)
lines = st.one_of(kept, phrases, names, st.integers(0, 10**9))


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Trees of some leaves: lists, pairs, objects."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(st.tuples(names, inner).map(list), max_size=2),
            st.dictionaries(st.one_of(names, kept), inner, max_size=3),
        ),
        max_leaves=7,
    )


trees = nested(st.one_of(lines, texts))


def unnamed(text: str) -> str:
    """A text whose marks name no rule."""
    return re.sub(r"\[REDACTED:[a-z0-9-]+\]", "[REDACTED]", text)


def left_of(value: Any, order: tuple[Redactor, ...]) -> str:
    """What passes leave of a tree, but for the names of the rules."""
    for redactor in order:
        value = redactor.tree(value, [])
    return unnamed(canonical_text(value))


@settings(max_examples=300)
@given(texts)
def test_the_order_of_passes_over_a_text_does_not_show(text: str) -> None:
    """Those who know one value each, those who know none, and who knows all."""
    found = set()
    for order in ORDERS:
        clean = text
        for redactor in order:
            clean, _ = redactor.text(clean)
        found.add(unnamed(clean))
    assert len(found) == 1
    assert not any(secret in next(iter(found)) for secret in (FIRST, SECOND))


@settings(max_examples=300)
@given(trees)
def test_the_order_of_passes_over_a_tree_does_not_show(value: Any) -> None:
    """What is redacted on the way names nothing any more, and what it named is gone as well."""
    assert len({left_of(value, order) for order in ORDERS}) == 1


@settings(max_examples=200)
@given(trees)
def test_who_declares_first_does_not_show(value: Any) -> None:
    """The same bytes, the names of rules and the marks too."""
    turned = Redactor({SECOND: ENVIRONMENT, FIRST: DECLARED})
    marks: list[list[list[str]]] = [[], []]
    assert BOTH.tree(value, marks[0]) == turned.tree(value, marks[1])
    assert marks[0] == marks[1]


@settings(max_examples=300)
@given(nested(lines))
@example({"api_key": "password", "value": "K9zz8Qp1"})
def test_a_record_that_is_read_as_text_passes_as_it_is(value: Any) -> None:
    """A line of a journal, by `runstone redact`."""
    line = canonical_text(BOTH.tree({"text": value}, []))
    assert unnamed(BOTH.text(line)[0]) == unnamed(line)


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": [["password", 76296839]]},
        {"credentials": [["user", "bob"], ["password", 12345678]]},
        {"auth": ["bob", {"name": "Authorization: Bearer " + "V0ZT79O9ggenxDRVfzIyhMxRF98e", "val": 90765219}]},
    ],
)
def test_a_number_goes_by_the_surest_of_its_names(value: Any) -> None:
    """At the first look: the name beside it may be gone when it is read again."""
    once = BOTH.tree(value, [])
    assert not any(digits in canonical_text(once) for digits in ("76296839", "12345678", "90765219"))
    assert BOTH.tree(once, []) == once
    assert BOTH.gate.looks(canonical_bytes(value))


@pytest.mark.parametrize(
    "line",
    [
        '{"text":"Authorization: Bearer [REDACTED:bearer-token]\\nnext line"}',
        '{"text":"password=[REDACTED:declared]\\tnext"}',
        '{"json":"{\\"a\\":\\"token: [REDACTED:named-secret]\\\\r\\\\nnext\\"}"}',
        '{"text":"token=the\\n[REDACTED:declared] end"}',
        '{"text":"the\\ntoken=plain words"}',
        '{"secrets":39954249}',
        '{"passwords" : 9007199254740991}',
        '{"json":"{\\"client_secrets\\":39954249}"}',
        '{"password":123}',
    ],
)
def test_what_is_escaped_in_a_record_is_read_as_what_it_stands_for(line: str) -> None:
    """A line end beside a mark is none of the value, nor of a name. Counts are left in text as in a tree."""
    assert RULES.text(line) == (line, [])


@pytest.mark.parametrize("number", ["83920174", "83920174839201748392"])
@pytest.mark.parametrize(
    "form", ["DB_PASSWORDS={}", "CLIENT_SECRETS={}", "x passwords: {} y", "secrets: {}", 'cfg["passwords"] = {}']
)
def test_a_number_under_a_plural_goes_from_text(form: str, number: str) -> None:
    """Only a member of JSON tells how many there are, in a text as in a tree, whatever holds the text."""
    text = form.format(number)
    clean = text.replace(number, "[REDACTED:named-secret]")
    assert RULES.text(text) == (clean, ["named-secret"])
    assert RULES.text(clean) == (clean, [])
    for held in (lambda one: {"env": [one]}, lambda one: {"a": [["b", one]]}, lambda one: {"a": {"b": one}}):
        assert RULES.tree(held(text), []) == held(clean)
        line = canonical_text(held(clean))
        assert RULES.text(line) == (line, [])


@pytest.mark.parametrize("number", [0, 999, 39954249, 2**53 - 1, 2**53, 83920174839201748392])
@pytest.mark.parametrize("name", ["secrets", "passwords", "client_secrets"])
def test_a_count_is_the_same_number_in_a_text_and_in_a_tree(name: str, number: int) -> None:
    """Up to the largest that a tree holds as a number; what is larger is no count."""
    tree, _ = coerce({name: number})
    goes = number >= 2**53
    assert (RULES.tree(tree, []) == {name: number}) != goes
    line = f'{{"{name}":{number}}}'
    assert (RULES.text(line)[0] == line) != goes


numbers = st.one_of(strategies.doubles, st.integers(-(10**30), 10**30), st.integers(-9999, 9999))
named = st.sampled_from(["password", "db_password", "secrets", "token", "api_key", "auth", "credentials", "pass"])


@given(named, numbers)
def test_a_number_is_what_it_is_however_it_is_spelled(name: str, number: float) -> None:
    """As an integer or not, read again from the line, or from a text that holds it; beside its name, too."""
    for value in ({name: number}, {"name": name, "value": number}, {"n": [[name, number]]}):
        clean = RULES.tree(coerce(value)[0], [])
        line = canonical_text(clean)
        assert RULES.tree(load(line.encode()), []) == load(line.encode())
        assert RULES.text(line) == (line, [])
        assert "$json" in RULES.tree({"a": Foreign(value, "py-compact-utf8")}, [])["a"]


@pytest.mark.parametrize("number", [5321.0, 5321.5, -5321.5, 1e20])
def test_a_number_with_a_point_is_a_password_too(number: float) -> None:
    """It may be written without one."""
    assert RULES.tree({"password": number, "token": 1.5}, []) == {"password": "[REDACTED:named-secret]", "token": 1.5}


@pytest.mark.parametrize(
    "text", ['"password":{}', '{{"password": {}, "a": 1}}', '\\"pwd\\":{}', '"name":"pwd","value":{}']
)
def test_digits_of_no_number_are_text(text: str) -> None:
    """Python takes some of them for digits, and has no number for them."""
    assert RULES.text(text.format("\u00b2\u00b3\u00b9\u2074")) == (
        text.format("[REDACTED:named-secret]"),
        ["named-secret"],
    )
