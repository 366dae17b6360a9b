"""A process that loses much says some of it, and how much it did not say."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import runstone
from runstone.engine import saying

LOST = "is not recorded"


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """A place where no store can be made, as a file stands there."""
    place = tmp_path / "taken"
    place.write_text("no folder")
    return f"{place}/runs"


def record(place: str, count: int) -> None:
    store = runstone.open(place)
    for _ in range(count):
        with store.run("job"):
            pass


def told_by(program: str, *arguments: str) -> list[str]:
    """What a program of its own says on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments], capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()


def test_few_losses_are_all_said(elsewhere: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Up to a bound each has a line of its own."""
    record(elsewhere, saying.LINES)
    assert capsys.readouterr().err.count(LOST) == saying.LINES


def test_the_rest_is_counted_at_the_end_of_the_process(elsewhere: str) -> None:
    """The last line says which was lost last, and how many there were between."""
    told = told_by(
        """
        import sys, runstone
        store = runstone.open(sys.argv[1])
        for number in range(1000):
            with store.run("job", run_id=f"r{number}"):
                pass
        """,
        elsewhere,
    )
    assert len(told) == saying.LINES + 1
    assert all(LOST in line for line in told)
    assert "run r999 " in told[-1]
    assert told[-1].endswith(f"({1000 - saying.LINES - 1} more like it were not said)")


def test_the_next_line_has_the_number(
    elsewhere: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A while later one is said again, with how many were not."""
    with monkeypatch.context() as patch:
        patch.setattr(saying.time, "monotonic", lambda: 100.0)
        record(elsewhere, saying.LINES + 1)
        patch.setattr(saying.time, "monotonic", lambda: 100.0 + saying.PERIOD_S)
        record(elsewhere, 2)
    *_, counted, last = capsys.readouterr().err.splitlines()
    assert counted.endswith("(1 more like it was not said)")
    assert LOST in last
    assert "more like it" not in last


def test_a_flood_of_one_kind_hides_no_other(elsewhere: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each topic has lines of its own."""
    record(elsewhere, saying.LINES + 5)
    with runstone.open(tmp_path / "runs").run("job") as run:
        run.event("no type of an event", {})
        run.output("file", str(tmp_path / "missing"), keep=True)
    said = capsys.readouterr().err
    assert "no type of an event" in said
    assert "missing" in said


def test_what_is_left_out_is_redacted_when_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that waits for the end of the process is looked through like any other."""
    secret = "correct horse battery staple"
    store = runstone.open(tmp_path / "runs")
    for _ in range(saying.LINES + 3):
        with store.run("job", secrets=[secret]) as run:
            run.event(secret, {})
    capsys.readouterr()
    saying.say_rest()
    last = capsys.readouterr().err
    assert last.count("(2 more like it were not said)") == last.count("\n") == 2
    assert "found '[REDACTED:declared]' (2 more" in last
    assert secret not in last


def test_a_program_that_logs_is_told_there(elsewhere: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the logger has a handler of its own, and only there; whoever captures what is logged records none of it."""
    told: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record)

    logger, handler, store = logging.getLogger(saying.LOGGER), Kept(), runstone.open(tmp_path / "runs")
    logger.addHandler(handler)
    try:
        with store.run("job") as run, run.capture():
            record(elsewhere, 1)
    finally:
        logger.removeHandler(handler)
    assert [(one.levelname, one.name, LOST in one.getMessage()) for one in told] == [("WARNING", "runstone", True)]
    assert capsys.readouterr().err == ""
    assert "log" not in [event["type"] for event in store.get(run.run_id).events()]
    record(elsewhere, 1)
    assert LOST in capsys.readouterr().err


@pytest.mark.parametrize("broken", [ValueError("no"), OSError(28, "No space left on device")])
def test_a_handler_that_fails_breaks_nothing(elsewhere: str, broken: Exception) -> None:
    """What it raises is its own matter."""

    class Broken(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            raise broken

    logger, handler = logging.getLogger(saying.LOGGER), Broken()
    logger.addHandler(handler)
    try:
        record(elsewhere, 2)
    finally:
        logger.removeHandler(handler)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="other OS")
def test_a_forked_child_tells_only_of_itself(elsewhere: str) -> None:
    """It has a bound of its own, and does not repeat what its parent left out."""
    told = told_by(
        """
        import os, sys, runstone
        store = runstone.open(sys.argv[1])
        def record(count):
            for _ in range(count):
                with store.run("job"):
                    pass
        record(60)
        if os.fork():
            os.wait()
        else:
            sys.stderr.write("child\\n")
            record(25)
        """,
        elsewhere,
    )
    of_child = told[told.index("child") + 1 : -1]
    assert len(of_child) == saying.LINES + 1
    assert of_child[-1].endswith("(4 more like it were not said)")
    assert told[-1].endswith("(39 more like it were not said)")


def test_a_logger_that_is_switched_off_swallows_no_loss(elsewhere: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As by a configuration that does not know it: what it would not show is said on standard error."""
    logger, handler = logging.getLogger(saying.LOGGER), logging.NullHandler()
    logger.addHandler(handler)
    logger.disabled = True
    try:
        record(elsewhere, 1)
    finally:
        logger.disabled = False
        logger.removeHandler(handler)
    assert LOST in capsys.readouterr().err
