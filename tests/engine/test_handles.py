"""Stores, runs and what is read of them: what opens them, and what becomes of a copy."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone import locate
from runstone.errors import InvalidInput


@pytest.mark.parametrize("url", ["", "file:", "file://", "a\0b", "file:a\0b", "\ud800", b"runs", 7, [], {}])
@pytest.mark.parametrize("opened", [runstone.open, runstone.open_async])
def test_what_names_no_store_is_refused(opened: Any, url: Any) -> None:
    """Where it is opened: `file:` without a path is not the root of the machine."""
    with pytest.raises(InvalidInput) as caught:
        opened(url)
    assert caught.value.code == "unsupported_store"


@pytest.mark.parametrize("form", ["{path}", "file:{path}", "{uri}", "file://localhost{path}"])
def test_urls_of_a_folder(form: str, tmp_path: Path) -> None:
    """Those that `Path.as_uri` makes as well, in which a blank is `%20`."""
    place = tmp_path / "runs of today"
    with runstone.open(form.format(path=place, uri=place.as_uri())).run("job"):
        pass
    assert [sealed.kind for sealed in runstone.open(place).runs()] == ["job"]


def test_url_of_a_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows no slash stands before it."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        found = [locate.store_path(url) for url in ("file:///C:/my%20runs", "file:///runs")]
    assert found == ["C:/my runs", "/runs"]


@pytest.mark.parametrize("url", ["file://runs", "file://server/share/runs", "file://localhost"])
def test_url_of_another_machine_is_refused(url: str) -> None:
    """It is no path below the working directory, either."""
    with pytest.raises(InvalidInput) as caught:
        runstone.open(url)
    assert caught.value.code == "unsupported_store"


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes there")
def test_a_name_that_is_no_text_names_a_store(tmp_path: Path) -> None:
    """As the system gives it to Python: any bytes can be a name."""
    place = os.fsdecode(os.fsencode(tmp_path) + b"/r\xff")
    with runstone.open(place).run("job"):
        pass
    assert [sealed.kind for sealed in runstone.open(f"file:{place}").runs()] == ["job"]


def test_a_copy_is_itself_and_none_is_pickled(tmp_path: Path) -> None:
    """What a framework copies with its settings goes on; what is handed to another process says what to hand on."""
    store = runstone.open(tmp_path / "runs")
    with store.run("job") as run:
        with copy.deepcopy({"run": run})["run"].tool_call("search"):
            pass
        kept = {"open_states(": runstone.open_states(tmp_path / "s.db"), "there": runstone.open_async(tmp_path)}
        hints = {"`runstone.open`": store, "`environ`": run, **kept}
        for hint, one in hints.items():
            assert copy.copy(one) is copy.deepcopy(one) is one
            with pytest.raises(TypeError, match="stays in its process") as caught:
                pickle.dumps(one)
            assert hint.rstrip("(") in str(caught.value)
    sealed = store.get(run.run_id)
    assert copy.deepcopy(sealed) is sealed
    with pytest.raises(TypeError, match="`run_id`"):
        pickle.dumps(sealed)
    assert [event["type"] for event in sealed.events("tool.called")] == ["tool.called"]
