"""The guide to gates: what it shows runs, and the policy that it shows proves itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import runstone
from runstone.core.policy.loading import EXPECTED, RULE_SETTINGS, policy_from_bytes

from .pages import codes, fenced, first_codes, sections

PAGE = "docs/gates.md"


def test_its_examples_run(tmp_path: Path) -> None:
    """One after the other, as one program; each call leaves a run that verifies."""
    program = "\n".join(fenced(PAGE, "python"))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == ["allow policy: policy_failed", "cut once"]
    store = runstone.open(tmp_path / "runs")
    assert sorted(sealed.status for sealed in store.runs()) == ["blocked", "success", "success", "success"]
    assert all(store.verify(sealed.run_id) for sealed in store.runs())


def test_its_policy_is_taken() -> None:
    """With its examples."""
    [shown] = fenced(PAGE, "toml")
    assert policy_from_bytes(shown.encode(), PAGE).name == "saw"


def test_every_setting_of_a_rule_is_told() -> None:
    """And of what an example says."""
    section = sections(PAGE)["Policies"]
    assert set(first_codes(section)) == set(RULE_SETTINGS)
    assert set(EXPECTED) <= set(codes(section))


def test_every_error_of_a_call_is_told() -> None:
    """By its class."""
    raised = {"PolicyBlocked", "StoreUnavailable", "Unanswered", "Conflict", "InProgress"}
    assert raised <= set(first_codes(sections(PAGE)["What a call raises"]))
