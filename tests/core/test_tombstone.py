"""What a tombstone is on disk, and what is none."""

from __future__ import annotations

import json

import pytest

from runstone.core.tombstone import parse_tombstone
from runstone.testing.purging import LATE, tombstone


def test_a_tombstone_is_read_as_it_was_written() -> None:
    """Before and after the run is gone."""
    for stone in (tombstone("run", reason="a disk"), tombstone("run", follows="other").ended(LATE, "somebody")):
        told = parse_tombstone(stone.data())
        assert told is not None
        assert told.as_dict() == stone.as_dict()


CHANGES = [
    {"format": "runstone-tombstone/2"}, {"run_id": "../x"}, {"digest": "sha256:0"}, {"state": "gone"},
    {"not_before": "soon"}, {"kind": None}, {"rule": 1}, {"reason": 1}, {"extra": 1}, {"outcome_digest": None},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_another_shape_is_none(change: dict[str, object]) -> None:
    """`None`, whatever is wrong."""
    value = {**json.loads(tombstone("run").data()), **change}
    assert parse_tombstone(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", tombstone("run").data()[:-9], b"1" * 70_000])
def test_other_bytes_are_none(data: bytes) -> None:
    """`None`."""
    assert parse_tombstone(data) is None


def test_the_error_says_when_by_whom_and_why() -> None:
    """What was not noted is left out."""
    stone = tombstone("run", reason="a full disk")
    told = stone.ended(LATE, "somebody").error()
    assert told.message == "run run was purged on 2026-01-09 03:04:06 UTC by somebody: kind:job; a full disk"
    assert (told.code, told.details["rule"]) == ("run_purged", "kind:job")
    assert stone.ended(None, None).error().message == "run run was purged: kind:job; a full disk"
