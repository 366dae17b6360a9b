"""Foreign JSON in a record comes back as the object that was handed in; whatever else stands there is empty."""

from __future__ import annotations

from typing import Any

import pytest

from runstone.core.foreign import foreign_object


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        ({"$json": '{"b":2.0,"a":null}'}, {"b": 2.0, "a": None}),
        ({"a": 1}, {"a": 1}),
        ({"$json": '{"$redacted":"a key of its own"}'}, {"$redacted": "a key of its own"}),
    ],
)
def test_foreign_json_is_read_as_it_was_handed_in(recorded: Any, told: dict[str, Any]) -> None:
    """Printed by a profile, or as the kernel records it; only outside of the text is a `$redacted` the format's."""
    assert foreign_object(recorded) == told


@pytest.mark.parametrize("text", ["{", "[1]", '{"a":1,"a":2}', 7])
def test_foreign_json_that_is_none_counts_as_empty(text: Any) -> None:
    """A journal of somebody else's making folds."""
    assert foreign_object({"$json": text}) == {}


@pytest.mark.parametrize("recorded", [None, 5, "text", [], {"$redacted": "unprintable"}])
def test_what_was_dropped_or_is_no_object_counts_as_empty(recorded: Any) -> None:
    """So a document that tells of it still has its form."""
    assert foreign_object(recorded) == {}
