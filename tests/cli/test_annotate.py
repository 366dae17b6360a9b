"""`runstone annotate`, `runstone alias`, and what `show` makes of them."""

from __future__ import annotations

import pytest

import runstone
from runstone.engine.store import Store
from runstone.testing.fakes import FixedClock

from .conftest import Invoke


@pytest.fixture
def run_id(store: Store) -> str:
    """A sealed run with a label and a score."""
    with store.run("job", run_id="r1", labels={"env": "dev"}) as run:
        run.event("score", {"name": "quality", "value": 0.5})
    return run.run_id


def test_what_is_said_is_shown(store: Store, run_id: str, invoke: Invoke) -> None:
    """In a line when it is said, then by `show`, which has the state of now and the history."""
    said = invoke(
        "annotate",
        run_id,
        "--label",
        "env=prod",
        "--score",
        "quality=0.9",
        "--note",
        "fine",
        "--name",
        "may",
        "--by",
        "ann",
    )
    assert said.out == "r1  env=prod, score quality 0.9, named may, “fine”\n"
    assert invoke("alias", "best", run_id, "--by", "bob").out == "r1  @best\n"
    shown = invoke("show", "@best").out
    assert "name     may\nrun      r1 @best\n" in shown
    assert "label    env=prod\n" in shown
    history = [line.split(maxsplit=3)[2:] for line in shown.partition("ANNOTATIONS")[2].splitlines()[1:3]]
    assert history == [["ann", "env=prod, score quality 0.9, named may, “fine”"], ["bob", "@best"]]
    assert "job “may”" in invoke("ls").out
    value = invoke("show", run_id, "--json").value
    assert (value["labels"], value["name"], value["aliases"]) == ({"env": "prod"}, "may", ["best"])
    assert value["scores"] == [{"name": "quality", "value": 0.9}]
    assert [told["by"] for told in value["annotations"]] == ["ann", "bob"]


def test_what_was_said_can_be_taken_back(store: Store, run_id: str, invoke: Invoke) -> None:
    """Labels, the name, an alias."""
    invoke("annotate", run_id, "--name", "may", "--label", "a=b")
    assert invoke("annotate", run_id, "--unlabel", "env", "--unlabel", "a", "--name", "").out == (
        "r1  no label a, no label env, no name\n"
    )
    value = invoke("show", run_id, "--json").value
    assert (value["labels"], value["name"]) == ({}, None)
    invoke("alias", "@best", run_id)
    assert invoke("alias", "best", "--remove").out == "r1  no longer @best\n"
    assert invoke("show", "@best").status == 3


def test_aliases_are_listed(store: Store, run_id: str, invoke: Invoke) -> None:
    """As a table and as JSON; where there are none, the store that was read is told."""
    assert invoke("alias").err == f"runstone: no aliases in {store.url}\n"
    invoke("alias", "prod", run_id)
    assert invoke("alias").out.split() == ["ALIAS", "RUN", "@prod", "r1"]
    assert invoke("alias", "--json").value == {"prod": "r1"}


def test_annotations_stay_out_of_lists(store: Store, run_id: str, invoke: Invoke) -> None:
    """Unless the query names their kind; their own page says what they amend."""
    told = invoke("annotate", run_id, "--note", "seen", "--json").value
    assert (told["amends"], told["notes"]) == (run_id, ["seen"])
    assert [row["run_id"] for row in invoke("ls", "--json").value] == [run_id]
    assert [row["run_id"] for row in invoke("ls", "--json", "kind:annotation").value] == [told["run_id"]]
    assert f"amends {run_id}" in invoke("show", told["run_id"]).out


def test_each_is_told_its_own(store: Store, run_id: str, invoke: Invoke) -> None:
    """Also beside an annotation by a machine whose clock stands before this one's, which is the later one in lists."""
    ahead = runstone.open(store.url)
    ahead.clock = FixedClock("2099-01-02T03:04:05.000000Z")
    ahead.annotate(run_id, note="of tomorrow")
    told = [invoke("annotate", run_id, "--note", note, "--score", "a=1", "--json").value for note in ("one", "two")]
    assert [(each["notes"], each["scores"]) for each in told] == [(["one"], {"a": 1}), (["two"], {"a": 1})]
    assert invoke("alias", "best", run_id).out == "r1  @best\n"
    history = store.annotations(run_id)
    assert history[-1]["notes"] == ["of tomorrow"]
    assert [{**each, "amends": run_id} for each in history[:2]] == told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["annotate", "r1"], "invalid_option"),
        (["annotate", "r1", "--label", "a"], "invalid_option"),
        (["annotate", "r1", "--score", "a=high"], "invalid_option"),
        (["annotate", "r1", "--score", "a=1_0"], "invalid_option"),
        (["annotate", "r1", "--score", "a=١"], "invalid_option"),
        (["annotate", "r1", "--label", "=b"], "invalid_option"),
        (["annotate", "nobody", "--note", "x"], "run_not_found"),
        (["alias", "a b", "r1"], "invalid_option"),
        (["alias", "prod"], "invalid_option"),
        (["alias", "prod", "r1", "--remove"], "invalid_option"),
        (["alias", "prod", "--remove"], "run_not_found"),
    ],
)
def test_what_cannot_be_said(store: Store, run_id: str, invoke: Invoke, words: list[str], code: str) -> None:
    """A typed error; nothing is recorded."""
    assert invoke(*words, "--json").value["code"] == code
    assert store.rows("kind:annotation") == []


@pytest.mark.parametrize(("option", "form"), [("--label", "KEY=VALUE"), ("--score", "NAME=NUMBER")])
def test_what_is_no_pair_is_told_as_help_has_it(run_id: str, invoke: Invoke, option: str, form: str) -> None:
    """By the words of the option's own line."""
    assert invoke("annotate", run_id, option, "x").err == f"runstone: {option} is {form}; found 'x'\n"
    assert f"{option} {form}" in invoke("annotate", "--help").out
