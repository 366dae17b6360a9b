"""`core.terminal`: nothing that a terminal obeys comes through, and nothing is taken away."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.terminal import beginning, ending, narrowed, runs_right_to_left, safe_text, text_width

UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Letters and marks that nobody sees by themselves."""


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("back\u200bfill", "back\\u200bfill"),
        ("backfill\u2060", "backfill\\u2060"),
        ("back\u00adfill", "back\\xadfill"),
        ("\ufeffbackfill", "\\ufeffbackfill"),
        ("backfill\U000e0041", "backfill\\U000e0041"),
        ("b\u3164ackfill\uffa0", "b\\u3164ackfill\\uffa0"),
        ("backfill\ufe0f", "backfill\\ufe0f"),
        ("run 1\ufe0f", "run 1\\ufe0f"),
        ("\u274c\ufe0f\ufe0e", "\u274c\ufe0f\\ufe0e"),
        ("\u2764\U000e0100\U000e0101", "\u2764\U000e0100\\U000e0101"),
        ("back\u200dfi\u200cll", "back\\u200dfi\\u200cll"),
        ("\u0646\u200c", "\u0646\\u200c"),
        ("\U0001f469\u200d\u200d\U0001f467", "\U0001f469\\u200d\\u200d\U0001f467"),
        ("\u1160a\u115f\u1160", "\\u1160a\\u115f\\u1160"),
        ("a\u034fb", "a\\u034fb"),
    ],
)
def test_what_nobody_sees_is_shown(text: str, shown: str) -> None:
    """Two texts that differ never look alike by a character without a glyph, and none of them hides words."""
    assert safe_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\u0915\u094d\u200d\u0937",  # Hindi, with a joiner
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f44d\U0001f3fd \U0001f9d1\U0001f3fd\u200d\U0001f680",  # colours of skin
        "\u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3 \u26a0\ufe0f \u203c\ufe0f \u2139\ufe0f",
        "\u845b\U000e0100 \u2229\ufe00 \u1820\u180b",  # variants
        "\u1100\u1160",  # a consonant of Hangul alone
        "\u0600\u0661 \u06dd",  # signs around digits
    ],
)
def test_what_shapes_its_neighbours_stays(text: str) -> None:
    """Joiners, selectors and fillers between what they shape."""
    assert safe_text(text) == text


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs"), exclude_characters=UNSEEN)))
def test_printable_text_of_any_script_stays(text: str) -> None:
    """Letters, marks, numbers, punctuation, symbols and spaces are not touched."""
    assert safe_text(text) == text


@given(st.text(st.characters()))
def test_nothing_that_controls_remains(text: str) -> None:
    """No control character, surrogate, tag or separator of lines remains, and showing it again changes nothing."""
    shown = safe_text(text)
    assert not {unicodedata.category(mark) for mark in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not [mark for mark in shown if "\U000e0000" <= mark < "\U000e0100"]
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


@given(
    st.text(st.sampled_from(UNSEEN + "\u200c\u200d\u2764\U0001f469\U0001f3fda1#\u20e3\u0646\u1100\u845b\ufe0f\u200b"))
)
def test_what_shapes_is_escaped_once(text: str) -> None:
    """However joiners, selectors and fillers stand beside each other, what is shown is not changed again."""
    assert safe_text(safe_text(text)) == safe_text(text)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("ｱ", 1), ("Ａ", 2), ("\u200db", 1),
        ("한글 보고서", 11), (unicodedata.normalize("NFD", "한글 보고서"), 11), ("\u1112\u1161\ud7cb", 2),
        ("\u2764", 1), ("\u2764\ufe0f", 2), ("\U0001f680\ufe0f", 2), ("1\ufe0f\u20e3", 2),
        ("\U0001f469\u200d\U0001f469\u200d\U0001f467", 2), ("\U0001f44d\U0001f3fd", 2), ("字\U0001f3fd", 4),
        ("\u0915\u094d\u200d\u0937", 2), ("co\u00adop", 5), ("\u0600", 1), ("“a…”", 4),
    ],
)  # fmt: skip
def test_width_counts_cells(text: str, cells: int) -> None:
    """Wide characters and emoji take two cells, what joins the one before it none."""
    assert text_width(text) == cells


@given(st.text(st.sampled_from("ab日e\u0301\u2764\ufe0f\U0001f469\u200d\U0001f3fd\u1112\u1161")), st.integers(0, 12))
def test_parts_fit_and_stay_whole(text: str, room: int) -> None:
    """A beginning and an end take no more than they may, and nothing that is shown as one is parted."""
    begun, end = beginning(text, room), ending(text, room)
    assert text.startswith(begun)
    assert text.endswith(end)
    for part, rest in ((begun, text[len(begun) :]), (end, text[: len(text) - len(end)])):
        assert text_width(part) <= room
        assert text_width(part) + text_width(rest) == text_width(text)
    assert text_width(narrowed(text, room, "~")) <= max(room, 1)


@pytest.mark.parametrize(
    ("text", "so"), [("abc", False), ("é日“", False), ("a ניסוי", True), ("خسارة", True), ("٣", True)]
)
def test_what_runs_from_right_to_left(text: str, so: bool) -> None:
    """Letters of Hebrew and Arabic, and digits of Arabic."""
    assert runs_right_to_left(text) is so
