"""Expressions of the gate: whatever a pattern matches in a text, its expression finds in the bytes of a line."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.redaction import gate
from runstone.core.redaction.expression import expression

PATTERNS = [
    r"(?<![A-Za-z])ab{2,3}c(?!d)",
    r"key[\"']?[ \t]{0,3}[:=]",
    r"(?:x|y{1,90})[^\s\"]{3,200}z",
    r"(?i:Beta)\d{4}\w",
    r"-----[\s\S]{0,500}-----",
    r"caf\u00e9[\u00e0-\u00ff]{2}",
    r"a\\b\"c",
    r".[^a].",
    r"(?:(?<![A-Za-z])|(?<=\\n))(?=ab)[a-c]{3,9}\.[0-9]{2}(?![0-9])",
]


@functools.cache
def matcher(text: str) -> Callable[[bytes], bool]:
    """The matcher's own search: `re` takes exponential time where two alternatives take the same character."""
    return gate._hit(gate._compile([text.encode("latin-1")]))


@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
def test_a_line_that_holds_a_match_is_found(pattern: str, data: st.DataObject) -> None:
    """Canonical, in ASCII, and with JSON inside of JSON."""
    text = data.draw(st.from_regex(pattern).filter(lambda text: text.isprintable() or text.isascii()))
    twice = canonical_bytes(canonical_bytes(text).decode())
    for line in (text.encode(), canonical_bytes(text), json.dumps(text).encode(), twice):
        assert matcher(expression(pattern))(line)


@pytest.mark.parametrize("text", ["ab", "x ab", "x\nab\n", "é ab é"])
def test_a_look_around_takes_what_it_looks_at(text: str) -> None:
    """A matcher of many cannot look around: what must not be a letter is something else, or the end."""
    found = re.compile(expression(r"(?<![a-z])ab(?![a-z])").encode("latin-1"), re.DOTALL)
    assert found.search(canonical_bytes(text))
    assert not found.search(b'"cab"')
    assert not found.search(b'"abc"')


def test_what_begins_with_a_set_is_not_looked_around() -> None:
    """A matcher would follow every run of its characters; a look that lies ahead is left to the pattern, too."""
    assert expression(r"(?<![a-z])(?=ab)[a-c]{3}x(?![a-z])") == expression("[a-c]{3}x")


def test_long_repetitions_have_no_bound() -> None:
    """A state for each count would make the matcher large."""
    assert "{64,}" in expression("a{100,5000}")
