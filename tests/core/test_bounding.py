"""Values of any size, cut: where, how they are marked, and that nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.bounding import MAX_ITEMS, MAX_NODES, MAX_TEXT, Bounded
from runstone.core.values import coerce

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def bounded(value: Any) -> tuple[Any, list[list[str]]]:
    """The value, and its marks."""
    bounds = Bounded(lambda text, size: text[:size], "v")
    return bounds.value(value), bounds.marks


@given(JSON)
def test_small_values_stay_as_they_are(value: Any) -> None:
    """The same value, and no mark."""
    found, marks = bounded(value)
    assert (repr(found), marks) == (repr(value), [])


def test_pointers_lead_to_what_was_cut() -> None:
    """By the keys as they are recorded; of a key that is no text, to what holds it."""
    long = "x" * (MAX_TEXT + 1)
    found, marks = bounded({"a/b": [long], "$c": long, 7: long})
    assert [pointer for pointer, mark in marks if mark == "truncated"] == ["/v/a~1b/0", "/v/$$c", "/v"]
    assert len(found["a/b"][0]) == MAX_TEXT


def test_the_whole_is_bounded() -> None:
    """Many lists below their own limit end where the whole has too many values."""
    found, _ = bounded([[0] * (MAX_ITEMS // 2)] * 50)
    assert sum(map(len, found)) <= MAX_NODES


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class Endless(dict[str, Any]):
    """A mapping whose items cannot be had."""

    def items(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    "make", [Hostile, lambda: Endless(a=1), lambda: {Hostile: Hostile()}, lambda: object, lambda: b"x" * 10]
)
def test_foreign_values_raise_nothing(make: Any) -> None:
    """What comes out can be recorded."""
    coerce(bounded(make())[0])


@pytest.mark.parametrize("dump", [["en", "de"], [{"x": 1, "y": 2}], ("en", "de"), {"en": 1}, "en", 7, None])
def test_a_model_is_its_dump(dump: Any) -> None:
    """As it is, whether it has members or none, and marked; so does the recorder's door have it."""

    class Model:
        def model_dump(self) -> Any:
            return dump

    expected = list(dump) if isinstance(dump, tuple) else dump
    assert bounded(Model()) == (expected, [["/v", "coerced"]])
    assert coerce({"v": Model()}) == ({"v": expected}, [["/v", "coerced"]])
