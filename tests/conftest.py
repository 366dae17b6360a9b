"""Fixtures and settings that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Samples and vectors for acceptance, where somebody has put them beside the checkout."""
    place = Path(os.environ.get("RUNSTONE_SHARED", ROOT.parent / "shared"))
    if not place.is_dir():
        pytest.skip("shared samples absent")
    return place


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests reaches a run."""
    for name in (
        "RUNSTONE_STORE",
        "RUNSTONE_DISABLED",
        "RUNSTONE_PARENT",
        "GITHUB_SHA",
        "GITHUB_REF",
        "GITHUB_ACTIONS",
    ):
        monkeypatch.delenv(name, raising=False)
