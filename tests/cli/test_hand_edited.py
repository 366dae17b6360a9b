"""A journal that somebody has edited by hand: JSON still, and not what the format says. One such bundle is told as
damaged, and no list of the others breaks by it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.core.canonical import canonical_bytes
from runstone.core.layout import JOURNAL, MANIFEST
from runstone.core.parsing import parse_json
from runstone.engine.store import Store

from .conftest import Invoke

Edit = Callable[[dict[str, Any]], Any]
LISTS: list[tuple[str, Edit]] = [
    ("run.opened", lambda event: event["data"]["labels"].update(env=0)),
    ("input", lambda event: event["data"].update(ref={"table": "prices"})),
    ("log", lambda event: event.update(data=[])),
    ("metric", lambda event: event["data"].update(values={"loss": []})),
]
PAGES: list[tuple[str, str, Edit]] = [
    ("show", "check", lambda event: event["data"].update(name=1.5)),
    ("show", "check", lambda event: event["data"].pop("evidence")),
    ("audit", "tool.called", lambda event: event.update(ts=[])),
]


def record(store: Store, run_id: str) -> None:
    """A run with something of each kind that is edited here."""
    with store.run("job", run_id=run_id, labels={"env": "prod"}) as run:
        run.input("table", ref="prices")
        run.check("rows", "pass", evidence=run.log("2 rows"))
        run.metrics({"loss": 0.5})
        with run.tool_call("search", {"q": "granite"}):
            pass


def edit(store: Store, run_id: str, kind: str, change: Edit) -> None:
    """Edit the first event of a type in the journal of a run."""
    path = Path(store.url, run_id, JOURNAL)
    events = [parse_json(line) for line in path.read_bytes().splitlines()]
    change(next(event for event in events if event["type"] == kind))
    path.write_bytes(b"".join(canonical_bytes(event) + b"\n" for event in events))


@pytest.fixture
def edited(store: Store) -> Callable[[str, Edit], None]:
    """Two runs, and a function that edits the one that is called `bad`."""
    for run_id in ("bad", "good"):
        record(store, run_id)
    return lambda kind, change: edit(store, "bad", kind, change)


@pytest.mark.parametrize(("kind", "change"), LISTS, ids=[kind for kind, _ in LISTS])
def test_no_list_breaks_by_it(edited: Callable[[str, Edit], None], invoke: Invoke, kind: str, change: Edit) -> None:
    """It is listed as damaged, found by nothing, and no purge takes it; the others are what they were."""
    edited(kind, change)
    rows = invoke("ls", "--json").value
    assert [(row["run_id"], row["status"]) for row in rows] == [("good", "success"), ("bad", "damaged")]
    fitting = invoke("ls", "label.env:prod metric.loss<1 input:prices", "--json").value
    assert [row["run_id"] for row in fitting] == ["good"]
    purge = invoke("purge", "--max-size", "0", "--json").value
    assert ([row["run_id"] for row in purge["runs"]], purge["kept"]) == (["good"], {"it cannot be read": 1})


@pytest.mark.parametrize(("words", "kind", "change"), PAGES, ids=[f"{words}-{kind}" for words, kind, _ in PAGES])
def test_what_shows_it_says_that_it_is_damaged(
    edited: Callable[[str, Edit], None], invoke: Invoke, words: str, kind: str, change: Edit
) -> None:
    """Also where it is found while the page is written."""
    edited(kind, change)
    answer = invoke(*words.split(), "bad")
    assert (answer.status, answer.err.startswith("runstone: run bad is damaged: events.jsonl")) == (1, True), answer


@pytest.mark.parametrize("by", [5, None, ["ann"]])
def test_an_override_that_was_edited_counts_for_nothing(store: Store, invoke: Invoke, by: Any) -> None:
    """It is an annotation like the others: damaged, and the run that it amends is what it was."""
    policy = {"name": "p", "version": "1", "levels": ["GREEN", "RED"], "blocks": "RED"}
    rules = [{"id": "x", "fact": "/x", "max": 1, "level": "RED"}]
    gate = runstone.gate("cut", policy={**policy, "rules": rules}, facts={"x": 2}, store=store, run_id="blocked")
    with pytest.raises(runstone.PolicyBlocked):
        gate(print)()
    said = store.override("blocked", by="ann", reason="a piece of foam").run_id
    edit(store, said, "annotation", lambda event: event["data"].update(by=by))
    rows = invoke("ls", "decision.outcome:block", "--json").value
    assert [row["run_id"] for row in rows] == ["blocked"]
    assert invoke("ls", "status:damaged id:*", "--json").value[0]["run_id"] == said


@pytest.mark.parametrize("file", [JOURNAL, MANIFEST])
@pytest.mark.parametrize("packed", [False, True], ids=["a folder", "a pack"])
def test_the_advice_can_be_followed_from_anywhere(invoke: Invoke, file: str, packed: bool) -> None:
    """Whichever store is read without a word there: `verify` finds the fault by the words that are told."""
    record(runstone.open("a store"), "bad")
    path = Path("a store/bad", file)
    if packed:
        assert invoke("pack", "--store", "a store").status == 0
        path = next(Path("a store").rglob("*.tar"))
    path.chmod(0o644)
    old, new = (b'"run.closed"', b'"run.clozed"') if file == JOURNAL else (b'"success"', b'"success;')
    path.write_bytes(path.read_bytes().replace(old, new))
    told = invoke("show", "bad", "--store", "a store").err
    words = shlex.split(told[told.index("(runstone ") + 1 : told.index(" names every fault)")])
    answer = invoke(*words[1:])
    assert (answer.status, "FAULT" in answer.out) == (1, True)
