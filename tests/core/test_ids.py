"""Run ids: safe file names everywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.ids import DEVICE_NAMES, check_run_id, fold_id, is_run_id, new_run_id
from runstone.core.layout import NOT_RUNS, path_problem
from runstone.errors import RunstoneError

GRAMMAR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?", re.ASCII)


@given(
    st.text(st.sampled_from("aZ09._-/\\:% \0é\n\u0661"), max_size=12)
    | st.from_regex(GRAMMAR, fullmatch=True)
    | st.text()
)
def test_the_grammar_is_the_format_page_s(text: str) -> None:
    """A text is a run id where the page's expression matches it whole and it names no device."""
    device = text.split(".")[0].lower() in DEVICE_NAMES
    assert is_run_id(text) == (GRAMMAR.fullmatch(text) is not None and not device)


@pytest.mark.parametrize(
    "text", ["a", "0", "a" * 128, "A.b-c_d", "a-", "a_", "1-2", "r..r", "console", "com10", "nulls.txt"]
)
def test_good_ids(text: str) -> None:
    """One character, the longest, each inner character, names that only begin like a device."""
    assert check_run_id(text) == text


INJECTIONS: list[Any] = [
    "", "a" * 129, "x" * 1_000_000, ".a", "-a", "_a", "--help", "a.", "..", ".", "a/b", "../a", "a\\b", "C:a", "a%00",
    "a\0", "a\n",
    "a b", " a", "a*", "ä", "\u0430", "con", "CON", "nul", "com1", "lpt9.x", "aux.tar.gz", "Prn", ".runstone",
    ".gitattributes",
    None, 5, b"a", ["a"], True,
]  # fmt: skip


@pytest.mark.parametrize("value", INJECTIONS, ids=lambda value: repr(value)[:20])
def test_injections_are_refused(value: Any) -> None:
    """Paths, options, devices, control characters, megabytes, other types: `invalid_run_id`, in few words."""
    with pytest.raises(RunstoneError) as caught:
        check_run_id(value)
    assert caught.value.code == "invalid_run_id"
    assert len(caught.value.message) < 400


@given(st.from_regex(GRAMMAR, fullmatch=True).filter(is_run_id))
def test_an_id_is_a_safe_file_name(text: str) -> None:
    """Whatever is a run id can be a component of a bundle's path, and is none of the store's own names."""
    assert path_problem(text) is None
    assert text not in NOT_RUNS
    assert is_run_id(fold_id(text))


def test_ids_are_the_same_without_regard_to_case() -> None:
    """`fold_id` is the form that is compared."""
    assert fold_id("Run-A") == fold_id("rUN-a") == "run-a"


@given(st.binary(min_size=10, max_size=16), st.integers(0, 2**48 - 1))
def test_a_made_id_is_32_hexadecimal_digits(random_bytes: bytes, unix_ms: int) -> None:
    """48 bits of time, 80 random ones; always within the grammar."""
    made = new_run_id(random_bytes, unix_ms)
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert is_run_id(made)
    assert int(made[:12], 16) == unix_ms
    assert made[12:] == random_bytes[:10].hex()


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_made_ids_sort_by_age(unix_ms: int, one: bytes, other: bytes) -> None:
    """An id of a later millisecond sorts later."""
    assert new_run_id(one, unix_ms) < new_run_id(other, unix_ms + 1)


def test_a_clock_beyond_its_field_still_gives_an_id() -> None:
    """Time is cut to 48 bits."""
    assert new_run_id(bytes(10), 2**60 + 2**48 + 5) == f"{5:012x}" + "0" * 20
    assert new_run_id(bytes(10), -1) == "f" * 12 + "0" * 20
