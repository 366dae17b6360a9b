"""The conformance suite accepts a store that keeps every promise and refuses each that breaks one."""

from __future__ import annotations

import pytest

from runstone.testing.disk import DiskGround, PlainObjects
from runstone.testing.objects import DurableObjectsSuite
from runstone.testing.zoo import ZOO, Beast

ACROSS_PROCESSES = {
    "test_bundle_survives_a_kill_after_the_answer",
    "test_kill_before_commit_leaves_nothing",
    "test_processes_racing_on_one_id_have_one_winner",
    "test_processes_racing_in_case_have_one_winner",
    "test_processes_that_remove_one_run_agree",
    "test_process_that_reads_keeps_a_run",
}
"""What a disk that is a dict cannot have: a child's copy of it is the child's alone."""

TESTS = {name for name in dir(DurableObjectsSuite) if name.startswith("test_")} - ACROSS_PROCESSES


def fails(name: str, ground: DiskGround) -> bool:
    """Whether one test of the suite fails on a store."""
    try:
        getattr(DurableObjectsSuite(), name)(ground)
    except Exception:
        return True
    return False


@pytest.mark.parametrize("name", sorted(TESTS))
def test_suite_accepts_the_plain_store(name: str) -> None:
    """The store that the zoo is built on passes every test."""
    getattr(DurableObjectsSuite(), name)(DiskGround(PlainObjects))


@pytest.mark.parametrize("beast", ZOO.values(), ids=ZOO.keys())
def test_suite_refuses(beast: Beast) -> None:
    """The test that is there for a fault fails on the store that has it."""
    assert fails(beast.caught_by, DiskGround(beast.open_on))


def test_every_test_of_the_suite_can_fail() -> None:
    """No test of the suite is there for nothing: for each there is a store that it refuses."""
    assert {beast.caught_by for beast in ZOO.values()} == TESTS
