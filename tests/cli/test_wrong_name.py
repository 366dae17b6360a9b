"""A bundle that stands in a store under another run's id: nothing is told or said of it but that it is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runstone.engine.store import Store

from .conftest import Invoke, seal


@pytest.fixture(autouse=True)
def renamed(store: Store) -> None:
    """The bundle of one run under another name, beside a whole run."""
    seal(store, run_id="one")
    seal(store, run_id="whole")
    Path(store.url, "one").rename(Path(store.url, "other"))


@pytest.mark.parametrize(
    "words",
    [
        ["show", "other"],
        ["show", "oth"],
        ["logs", "other"],
        ["get", "other", "-o", "copy"],
        ["audit", "other"],
        ["contract", "runstone", "other"],
        ["diff", "whole", "other"],
        ["judge", "other", "--require", "check.rows"],
        ["replay", "other"],
        ["export", "other", "-o", "other.tar"],
        ["export", "other", "--as", "markdown", "-o", "other.md"],
        ["annotate", "other", "--note", "seen"],
        ["alias", "prod", "other"],
    ],
    ids=" ".join,
)
def test_every_verb_refuses_it(store: Store, invoke: Invoke, words: list[str], tmp_path: Path) -> None:
    """As damaged, by the name that was asked for; nothing is written, and nothing is sealed."""
    answer = invoke(*words, "--json")
    assert (answer.status, answer.value["code"]) == (1, "bundle_damaged")
    assert "the bundle of run one stands under the name other" in answer.value["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert [row["run_id"] for row in store.rows("kind:annotation")] + list(store.aliases()) == []


def test_the_run_itself_takes_nothing_that_was_said_of_a_copy(store: Store, invoke: Invoke) -> None:
    """Also where both are there."""
    shutil.copytree(Path(store.url, "other"), Path(store.url, "one"))
    assert invoke("annotate", "other", "--note", "seen").status == 1
    assert invoke("annotate", "one", "--note", "seen").out == "one  “seen”\n"
    assert [told["notes"] for told in store.annotations("one")] == [["seen"]]


def test_it_is_verified(invoke: Invoke) -> None:
    """What is wrong is a finding."""
    answer = invoke("verify", "other", "--json")
    assert (answer.status, [finding["code"] for finding in answer.value["findings"]]) == (1, ["wrong_name"])
