"""`core.terminal`: nothing that a terminal obeys comes through, and nothing is taken away."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.terminal import safe_text, text_width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\x7f", "\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u2069\u200e\u200f\u061c", "\\u2066\\u2069\\u200e\\u200f\\u061c"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_controls_is_shown(text: str, shown: str) -> None:
    """Each kind of control character, mark and separator has a visible form."""
    assert safe_text(text) == shown


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs"))))
def test_printable_text_of_any_script_stays(text: str) -> None:
    """Letters, marks, numbers, punctuation, symbols and spaces are not touched."""
    assert safe_text(text) == text


@given(st.text(st.characters()))
def test_nothing_that_controls_remains(text: str) -> None:
    """No control character, surrogate or separator of lines remains, and showing it again changes nothing."""
    shown = safe_text(text)
    assert not {unicodedata.category(mark) for mark in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(mark) for mark in shown} & {
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    }
    assert safe_text(shown) == shown


@pytest.mark.parametrize(
    ("text", "cells"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("ｱ", 1), ("Ａ", 2), ("\u200db", 1)]
)
def test_width_counts_cells(text: str, cells: int) -> None:
    """Wide characters take two cells, joining ones none."""
    assert text_width(text) == cells
