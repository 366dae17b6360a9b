"""Schemathesis asks whatever the service's OpenAPI document allows, and what it forbids, alone and in sequences."""

from __future__ import annotations

import tempfile
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from toolpath_service import create_app

from runstone.contracts.rmos import RunStore

FOLDER = tempfile.TemporaryDirectory(prefix="toolpaths-")
STORE = RunStore(f"{FOLDER.name}/runs")
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(STORE))
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
    sealed = list(STORE.store.runs())
    assert sealed
    assert all(STORE.store.verify(run.run_id).ok for run in sealed)
