"""Fixtures and settings that all tests share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeated", COMMON, max_examples=100, derandomize=True)
settings.register_profile("explore", COMMON, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeated"))

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it, and its children

_CACHE = tempfile.TemporaryDirectory(prefix="runstone-cache-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name  # compiled rules: the user's own folder stays as it is

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Samples and vectors for acceptance, where somebody has put them beside the checkout."""
    place = Path(os.environ.get("RUNSTONE_SHARED") or ROOT.parent / "shared")
    if not place.is_dir():
        pytest.skip("shared samples absent")
    return place


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests reaches a run."""
    for name in (
        "RUNSTONE_STORE",
        "RUNSTONE_DEBUG_KEY",
        "RUNSTONE_DISABLED",
        "RUNSTONE_PARENT",
        "RUNSTONE_PARENT_STORE",
        "RUNSTONE_STATES",
        "RUNSTONE_STATE_KEY",
        "RANK",
        "SLURM_PROCID",
        "OMPI_COMM_WORLD_RANK",
        "PMI_RANK",
        "GITHUB_SHA",
        "GITHUB_REF",
        "GITHUB_ACTIONS",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    """What runs say is bounded for a process; no test has the share of another."""
    saying = sys.modules.get("runstone.engine.saying")
    if saying is not None:
        saying._topics.clear()


SKIP_REASONS = (
    "other OS",
    "no Node",
    "shared samples absent",
    "no right to change the user",
    "no right to mount",
    "no right to make namespaces",
    "no Landlock",
    "strace cannot trace here",
    "no PostgreSQL",
    "no zsh",
    "no fish",
)
"""Why a test may be skipped; any other reason fails the whole run."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a program failed that a test had started, what it said stands in the report."""
    report = yield
    failed = call.excinfo.value if call.excinfo is not None else None
    if isinstance(failed, subprocess.CalledProcessError) and failed.stderr:
        report.sections.append(("standard error of the program", str(failed.stderr)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped and why."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.section(f"skipped: {reasons.total()}")
    for reason, count in sorted(reasons.items()):
        allowed = "" if reason.startswith(SKIP_REASONS) else "  (not on the list: this fails the run)"
        terminalreporter.write_line(f"{count} x {reason}{allowed}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skip for a reason that is not on the list fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if exitstatus == 0 and any(not _reason(report).startswith(SKIP_REASONS) for report in skipped):
        session.exitstatus = 1


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
