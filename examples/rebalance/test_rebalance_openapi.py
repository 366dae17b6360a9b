"""Schemathesis asks whatever the service's OpenAPI document allows, and what it forbids, alone and in sequences."""

from __future__ import annotations

import tempfile
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from rebalance_service import create_app

import runstone
from runstone.contracts.lotus import LotusRuns

FOLDER = tempfile.TemporaryDirectory(prefix="rebalance-")
RUNS = LotusRuns(runstone.open(f"{FOLDER.name}/runs"))
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(lambda: RUNS))
SOME = settings(max_examples=20, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))


@SCHEMA.parametrize()
@SOME
def test_every_route(case: Any) -> None:
    """No crash, no answer that the document does not tell, nothing wrong accepted, nothing right refused."""
    case.call_and_validate()


TestSequences = SCHEMA.as_state_machine().TestCase
TestSequences.settings = SOME


def test_what_was_asked_is_recorded() -> None:
    """Every run that all of this left verifies."""
    sealed = list(RUNS.store.runs())
    assert sealed
    assert all(RUNS.store.verify(run.run_id).ok for run in sealed)
