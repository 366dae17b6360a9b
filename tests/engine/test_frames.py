"""Runs as a pandas table."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pandas as pd
import pytest

from .scenes import open_store


def test_runs_as_a_table(tmp_path: Path) -> None:
    """A row a run, newest first; a column a fact, missing where a run has none; times in UTC, numbers as numbers."""
    store = open_store(tmp_path / "runs")
    with store.run("train", run_id="a", labels={"env": "dev"}, config={"lr": 0.1, "net": {"depth": 3}}) as run:
        run.metrics({"loss": 0.5, "odd": math.inf})
        run.check("fits", "pass")
    with store.run("train", run_id="b") as run:
        run.metrics({"loss": 0.25})
    still = store.run("train", run_id="c")
    still.metrics({"loss": math.nan})
    store.annotate("b", scores={"quality": 1}, name="best")
    frame = store.to_pandas("kind:train")
    assert list(frame["run_id"]) == ["c", "b", "a"]
    assert list(frame["status"]) == ["running", "success", "success"]
    assert frame["metric.loss"].tolist()[1:] == [0.25, 0.5]
    assert math.isnan(frame["metric.loss"][0])
    assert frame["metric.odd"][2] == math.inf
    assert (frame["config./lr"][2], frame["config./net/depth"][2], frame["label.env"][2]) == (0.1, 3, "dev")
    assert (frame["score.quality"][1], frame["name"][1], frame["check.fits"][2]) == (1, "best", "pass")
    assert isinstance(frame["opened_at"].dtype, pd.DatetimeTZDtype)
    assert pd.isna(frame["closed_at"][0])
    assert not pd.isna(frame["closed_at"][1])
    still.finish()


def test_no_runs_are_an_empty_table(tmp_path: Path) -> None:
    """With its columns."""
    frame = open_store(tmp_path / "runs").to_pandas()
    assert (len(frame), "run_id" in frame.columns) == (0, True)


def test_without_pandas_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ImportError`, as Python has it."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        open_store(tmp_path / "runs").to_pandas()
