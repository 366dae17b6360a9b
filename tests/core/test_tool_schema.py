"""The JSON Schema of tool contracts, as it is shipped, says what the parser says."""

from __future__ import annotations

import copy
import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runstone.core.tools.contract import ToolContract
from runstone.errors import InvalidInput

from .test_tool_contract import SMALL, WHOLE, WRONG

PLACE = resources.files("runstone") / "contracts" / "agent" / "schema" / "tool-contract.schema.json"
VALIDATOR = Draft202012Validator(json.loads(PLACE.read_text(encoding="utf-8")))


def taken(document: Any) -> bool:
    try:
        ToolContract.of(document)
    except InvalidInput:
        return False
    return True


def test_it_is_a_schema() -> None:
    """Of the draft that it names."""
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("document", [SMALL, WHOLE, {**SMALL, "result": None, "budget": None}])
def test_it_takes_what_the_parser_takes(document: Any) -> None:
    """Small and whole."""
    assert taken(document)
    assert list(VALIDATOR.iter_errors(document)) == []


@pytest.mark.parametrize("document", [document for document, _ in WRONG])
def test_it_refuses_what_the_parser_refuses(document: Any) -> None:
    """But for what a schema cannot say."""
    try:
        text = json.dumps(document)
    except (TypeError, ValueError):
        return
    if "NaN" in text or "(1" in repr(document) or "$ref" in text or "$dynamicRef" in text or len(text) > 1 << 20:
        return
    assert not VALIDATOR.is_valid(document)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, 1, -1, 0.5, -0.5, "", "x", " x", "x\n", "a b", "0.5", "1.", "/a", "/a~", "/~0~1/", "read", "always"]
    ),
    st.just({}),
    st.just([]),
    st.dictionaries(
        st.sampled_from(["", "/a", "a", "/~", "/*/b", "/~2", "calls", "cost", "tokens", "arguments", "result"]),
        st.sampled_from(
            ["mask", "keep", "hide", 1, 0, -1, "0.50", {}, {"/a": "drop"}, {"a": "drop"}, {"/~~01": "mask"}]
        ),
        max_size=2,
    ),
)


@given(
    st.dictionaries(st.sampled_from([*sorted(WHOLE), "other"]), VALUES, max_size=3),
    st.sets(st.sampled_from(sorted(WHOLE))),
)
def test_both_say_the_same_of_any_document(changes: dict[str, Any], left_out: set[str]) -> None:
    """However a good one is changed."""
    document = {**{name: value for name, value in copy.deepcopy(WHOLE).items() if name not in left_out}, **changes}
    assert VALIDATOR.is_valid(document) == taken(document)
