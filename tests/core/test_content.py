"""What differs inside of kept files: JSON by pointer, tables by row and column, text by line; all of it bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.diff.comparison import compare
from runstone.core.diff.content import MAX_CONTENT_BYTES, MAX_CONTENT_LINES, MAX_PLACES
from runstone.core.diff.difference import Difference
from runstone.core.diff.lines import unified

from .comparing import kept_side


def contents(name: str, a: bytes, b: bytes, **facts: Any) -> tuple[list[Difference], str | None]:
    """The differences inside of an output, and the remark on it."""
    found = compare(kept_side(name, a, **facts), kept_side(name, b, **facts)).differences
    (output,) = [item for item in found if item.section == "outputs"]
    return [item for item in found if item.section == "content"], output.note


def places(name: str, a: bytes, b: bytes, **facts: Any) -> list[tuple[str | None, str, Any, Any, Any]]:
    return [(item.place, item.change, item.a, item.b, item.difference) for item in contents(name, a, b, **facts)[0]]


def test_json_by_pointer() -> None:
    """Spaces and the order of keys are no difference."""
    a, b = b'{"a": {"b": [1, 2]}, "c": "x"}', b'{"c":"x","a":{"b":[1,2.5],"d":null}}'
    assert places("m.json", a, b) == [("/a/b/1", "changed", 2, 2.5, 0.5), ("/a/d", "added", None, None, None)]
    assert contents("m.json", b'{"a": 1}', b'{"a":1}') == ([], "the same values, written in another way")


def test_what_is_named_json_and_is_none_is_text() -> None:
    """Its lines are compared."""
    ((item,), _) = contents("m.json", b"{", b"[")
    assert item.lines == ["@@ -1,1 +1,1 @@", "-{", "+["]


def test_a_table_by_its_first_column() -> None:
    """Cells with the difference of their numbers; rows that one side alone has; a comma inside of quotes."""
    a = b'day,close,note\n1,17.5,"a, b"\n2,18,x\n3,19,y\n'
    b = b'day,close,note\n3,19,y\n1,17.75,"a, b"\n4,20,z\n'
    assert places("p.csv", a, b) == [
        ("row 1, close", "changed", "17.5", "17.75", 0.25),
        ("row 2", "removed", {"day": "2", "close": "18", "note": "x"}, None, None),
        ("row 4", "added", None, {"day": "4", "close": "20", "note": "z"}, None),
    ]


def test_a_table_by_number() -> None:
    """Where the first column has a value twice; columns that one side alone has are told once."""
    assert places("p.tsv", b"k\tv\na\t1\na\t2\n", b"k\tw\tv\na\t7\t1\na\t7\t3\n") == [
        ("column w", "added", None, "w", None),
        ("row 2, v", "changed", "2", "3", 1.0),
    ]


def test_a_table_whose_rows_cannot_be_told_apart_is_text() -> None:
    """Two rows of the same key, and a row more."""
    ((item,), _) = contents("p.csv", b"k,v\na,1\na,2\n", b"k,v\na,1\na,2\na,3\n")
    assert item.lines == ["@@ -2,2 +2,3 @@", " a,1", " a,2", "+a,3"]


@pytest.mark.parametrize(
    "text", [b"a,a\n1,2\n", b'a,b\n1,"2\n', b"a\n1,2\n", b""], ids=["names", "quote", "wide", "empty"]
)
def test_what_is_no_table_is_text(text: bytes) -> None:
    """A header that names a column twice, an open quote, a row without a column."""
    ((item,), _) = contents("p.csv", text, text + b"x\n")
    assert item.lines is not None


def test_rows_in_another_order_are_no_difference() -> None:
    """They are told by a remark: the digests differ."""
    assert contents("p.csv", b"k,v\na,1\nb,2\n", b"k,v\nb,2\na,1\n") == (
        [],
        "the same rows, in another order or written in another way",
    )


def test_text_by_line() -> None:
    """A unified diff with a little of what is the same; a missing end of the last line is a difference."""
    ((item,), _) = contents("r.txt", b"a\nb\nc\nd\n", b"a\nB\nc\nd\n")
    assert item.lines == ["@@ -1,4 +1,4 @@", " a", "-b", "+B", " c", " d"]
    ((item,), _) = contents("r.txt", b"a", b"a\n")
    assert item.lines == ["@@ -1,1 +1,2 @@", " a", "+"]


def test_answers_are_bounded() -> None:
    """100 places or lines of a file, each line cut; the rest is counted."""
    a, b = (b"".join(b"%d,%d\n" % (row, row + more) for row in range(300)) for more in (0, 1))
    items, _ = contents("p.csv", b"k,v\n" + a, b"k,v\n" + b)
    assert (len(items), items[-1].more) == (MAX_PLACES, 200)
    ((item,), _) = contents("p.txt", a, b)
    assert (len(item.lines or ()), item.more) == (MAX_PLACES, 1 + 600 - MAX_PLACES)
    ((item,), _) = contents("p.txt", b"a" * 9999, b"b")
    assert all(len(line) < 600 for line in item.lines or ())


@pytest.mark.parametrize(
    ("a", "reason"),
    [
        (b"x" * (MAX_CONTENT_BYTES + 1), f"over {MAX_CONTENT_BYTES} bytes"),
        (b"\n" * (MAX_CONTENT_LINES + 1), f"over {MAX_CONTENT_LINES} lines"),
        (b"a\0b", "no text in UTF-8"),
        (b"\xff", "no text in UTF-8"),
    ],
    ids=["bytes", "lines", "nul", "latin1"],
)
def test_what_is_not_compared_says_why(a: bytes, reason: str) -> None:
    """Then the digests alone tell."""
    assert contents("r.txt", a, b"small\n") == ([], f"not compared by content: {reason}")


def test_a_secret_that_was_kept_anyway_is_not_shown() -> None:
    """Its bytes are in the bundle because somebody asked for it; nobody asked to see them."""
    found = contents("r.txt", b"one\n", b"two\n", kept_anyway={"asked_by": "me", "rules": ["x"]})
    assert found == ([], "not compared by content: a secret was found in it")
    assert contents("r.txt", b"one\n", b"two\n", kept_anyway={"asked_by": "me", "rules": []})[0]


# lines

texts = st.lists(st.sampled_from("abcde"), max_size=25)


def patched(a: list[str], diff: list[str]) -> list[str]:
    """`a` with a unified diff applied."""
    made: list[str] = []
    at = 0
    for line in diff:
        mark, text = line[0], line[1:]
        if mark == "@":
            start, count = map(int, line.split()[1][1:].split(","))
            start -= count > 0
            made += a[at:start]
            at = start
        elif mark == "+":
            made.append(text)
        else:
            assert a[at] == text
            made += [text] if mark == " " else []
            at += 1
    return made + a[at:]


@given(texts, texts)
def test_a_diff_makes_the_other_text(a: list[str], b: list[str]) -> None:
    """Applied to the one it gives the other; of equal texts there is none."""
    diff = list(unified(a, b))
    assert patched(a, diff) == b
    assert (diff == []) == (a == b)


@given(texts, texts)
def test_exchanged_texts_give_exchanged_signs(a: list[str], b: list[str]) -> None:
    """Line by line, whatever equally good answers there are."""
    turned = {"+": "-", "-": "+"}
    back = [turned.get(line[0], line[0]) + line[1:] for line in unified(b, a) if line[0] != "@"]
    assert sorted(back) == sorted(line for line in unified(a, b) if line[0] != "@")


def test_a_moved_line_among_many() -> None:
    """Lines that stand once hold the rest together: a long text costs its length, and the answer is small."""
    a = [f"line {number}" for number in range(20_000)]
    b = [*a[:5000], *a[5001:], a[5000]]
    assert [line for line in unified(a, b) if line[0] in "+-"] == ["-line 5000", "+line 5000"]
