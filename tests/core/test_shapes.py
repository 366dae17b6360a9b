"""Where tokens are looked for: behind what, near what, and by which of the rules."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.redaction import gate, index, sieve
from runstone.core.redaction.literals import FEW, MIN_TOKEN, Anchors, Literals
from runstone.core.redaction.names import folded
from runstone.core.redaction.near import Near, near
from runstone.core.redaction.redactor import Redactor
from runstone.core.redaction.rule import Rule
from runstone.core.redaction.rules import RULES
from runstone.core.redaction.ruleset import DEFAULT

from . import planted

DEFAULT_ANCHORS = Anchors(index.ANCHORS, index.FOLDED)
TOKENS = [
    one.secret
    for rule in ("github-token", "aws-access-key-id", "slack-token", "anthropic-key", "jwt", "gitlab-token")
    for one in planted.secrets(77)[rule][:1]
]
BEFORE_TOKENS = [
    *("\r\x1b[2K", "\x1b[K", "\x1b[?25l", "\x1b[?1049h", "\x1b[0G", "\x1b[10;3H", "\x1b(B", "\x1b[m", "\x1bM"),
    *("\x1b[1;31m", "\x1b[38:5:1m", "\x1b[38;2;255;100;7m", "\x1b[38:2::255:100:107m"),
    *("\x1b]0;title\x07", "\x1b]8;;https://h/\x1b\\", "\x1b]8;;\x07"),
    *("\\u001b[2K", "\\x1b[0;1m", "\\033[31m", "\\e[0K", "\\x1b(B", "\\u001b[?25h"),
    *("%3d", "%3D", "%20", "=3D", "\\u003d", "\\u0022", "\\u003D", "\\x22", "\\075", "\\n", "\\f", "\\a", "&#61;"),
]
PIECES = [
    *[rule.example for rule in RULES],
    *[rule.counter for rule in RULES],
    *BEFORE_TOKENS,
    *("", " ", "\n", '"', "=", "\u0130", "\u212a", "\u017f", "é", "x" * 70, "btc", "SK0", "eyJ", "password="),
]


@pytest.mark.parametrize("before", BEFORE_TOKENS, ids=ascii)
def test_a_token_begins_behind_an_escape(before: str) -> None:
    """Of a terminal, of text, of a URL, of mail: its last character is none of the token's run."""
    redactor = Redactor()
    for token in TOKENS:
        for text in (f"{before}{token}", f"abc{before}{token} end"):
            assert token not in redactor.text(text)[0]
            assert redactor.gate.looks(canonical_bytes(text))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=9), st.lists(st.sampled_from(RULES), min_size=40, max_size=40))
def test_what_is_found_near_anchors_is_all_there_is(pieces: list[str], rules: list[Rule]) -> None:
    """The matches are those of a search of the whole text."""
    text = "".join(pieces)
    for rule in rules:
        looked_at = folded(text) if rule.folds else text
        found = [match.span() for match in near(rule).matches(text, looked_at)]
        assert found == [match.span() for match in re.compile(rule.pattern, re.ASCII).finditer(text)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_match_is_found_wherever_it_stands(rule: Rule) -> None:
    """Also far from the ends of a text, and more than once."""
    text = f" {rule.example} " + "-_- " * 5000 + f"\n {rule.example} " + "-_- " * 5000
    found = [match.span() for match in near(rule).matches(text, folded(text) if rule.folds else text)]
    assert found == [match.span() for match in re.compile(rule.pattern, re.ASCII).finditer(text)]
    assert len(found) >= 2


def test_little_of_a_long_text_is_tried() -> None:
    """A megabyte of base64 holds the letters of each short anchor a few times; the rest of it is passed over."""
    text = b64encode(Random(7).randbytes(750_000)).decode()
    tried = 0
    for rule in RULES:
        if max(map(len, rule.anchors)) <= 4:
            tried += sum(last - first for first, last in near(rule)._windows(text, near(rule)._lead or 0))
    assert tried < 2 * len(text)


def test_a_look_ahead_and_an_end_see_the_whole_text() -> None:
    """A match is none because of what stands far behind it, or because no text ends there."""
    for pattern in ("ab(?!c{0,30}d)", "ab(?=c{30}d)", "abc{0,3}$", r"abc{0,3}\b"):
        tried = Near(pattern, ("ab",))
        for text in ("ab" + "c" * 30 + "d", "ab" + "c" * 29 + "d", "abcc", "abccccccccc", "abcc ", "x" * 99 + "abcc"):
            expected = [match.span() for match in re.finditer(pattern, text)]
            assert [match.span() for match in tried.matches(text, text)] == expected


@pytest.fixture(scope="module")
def compiled() -> None:
    """The matcher is there."""
    gate.Gate(DEFAULT).warm()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@pytest.mark.usefixtures("compiled")
def test_the_matcher_lets_each_rule_through(rule: Rule) -> None:
    """In text, as bytes of a file, in a journal line, in JSON within it."""
    text = f"é {rule.example} \x1f"
    assert sieve._numbers(DEFAULT, b"") == []
    for data in (text.encode(), canonical_bytes(text), canonical_bytes({"a": json.dumps([text])})):
        assert rule in sieve.scope_in(DEFAULT, data)[0]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.sampled_from([str, json.dumps, str.upper]))
@pytest.mark.usefixtures("compiled")
def test_the_same_goes_by_the_matcher_and_by_literals(pieces: list[str], printed: object) -> None:
    """Of a text and of arguments of a command."""
    text = printed("".join(pieces))  # type: ignore[operator]  # one of three functions
    redactor = Redactor()
    for value in (text, ["docker", "login", "-p", text], {"password": text}):
        by_matcher = redactor.tree(value, [])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sieve, "_numbers", lambda *_: None)
            assert redactor.tree(value, []) == by_matcher


@given(st.lists(st.binary(min_size=1, max_size=9)), st.binary(max_size=60), st.booleans())
def test_literals_are_found(literals: list[bytes], data: bytes, many: bool) -> None:
    """Few or many: those that stand in the bytes, and no others."""
    more = [f"no such literal {number}".encode() for number in range(FEW if many else 0)]
    data = data + b"".join(literals[:1])
    assert set(Literals([*literals, *more]).found_in(data)) == {one for one in literals if one in data}


@given(st.lists(st.binary(min_size=2, max_size=9)), st.binary(max_size=60), st.integers(1, 60), st.booleans())
def test_short_literals_are_found(literals: list[bytes], data: bytes, at: int, many: bool) -> None:
    """By two bytes as by four, wherever they stand."""
    more = [f"no such literal {number}".encode() for number in range(FEW if many else 0)]
    data = data[:at] + b"".join(literals[:1]) + data[at:]
    assert set(Literals([*literals, *more], width=2).found_in(data)) == {one for one in literals if one in data}


@given(st.lists(st.sampled_from([*index.ANCHORS, *index.FOLDED, b"@", b" ", b'"'])), st.sampled_from(["", "x" * 30]))
def test_anchors_are_found_in_whatever_case_they_stand(pieces: list[bytes], run: str) -> None:
    """Exact ones as they are, folded ones in any case, those of few letters in what may be a token."""
    data = run.encode() + b"".join(pieces).swapcase() + run.encode() + b"".join(pieces)
    lower = data.lower()
    found = set(DEFAULT_ANCHORS.found_in(data, lower))
    assert found <= {one for one in index.ANCHORS if one in data} | {one for one in index.FOLDED if one in lower}
    assert found >= {one for one in index.FOLDED if one in lower}
    assert found >= {one for one in index.ANCHORS if one in data and len(one) > 3} - {b"://"}
    tokens = [token for token in data.split() if len(token) >= MIN_TOKEN and token.isalnum()]
    assert found >= {one for one in index.ANCHORS if any(one in token for token in tokens)}


class Counted(bytes):
    """Bytes that count how often something is searched for in them."""

    searches = 0

    def __contains__(self, sought: object) -> bool:
        self.searches += 1
        return super().__contains__(sought)  # type: ignore[operator]  # bytes, as the caller says


def test_a_clean_line_is_not_searched_for_each_anchor() -> None:
    """There are more than eight hundred, of which a pass over the line finds all but the few that are too short."""
    random = Random(3)
    searches = 0
    for number in range(100):
        event = {"type": "run.metric", "name": "loss", "step": number, "value": random.random(), "at": "2026-01-02"}
        line = canonical_bytes({"body": event, "text": " ".join(random.choices(["fitted", "layer", "of", "3"], k=60))})
        exact, lower = Counted(line), Counted(line.lower())
        assert list(DEFAULT_ANCHORS.found_in(exact, lower)) == []
        searches = max(searches, exact.searches + lower.searches)
    assert len(index.ANCHORS) + len(index.FOLDED) > 800
    assert searches < FEW
