"""What `show`, `verify` and `ls` say of a run that is not sealed."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runstone
from cli.conftest import HOSTILE, Invoke, raw_controls
from runstone.adapters.fs.journals import FsLeftRun
from runstone.engine.store import Store


@pytest.fixture
def left(store: Store) -> str:
    """A run whose process died."""
    script = (
        "import os, sys, runstone\n"
        "runstone.open(sys.argv[1]).run('job', run_id='left-1', argv=['do', 'it']).log('one')\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, store.url], check=False, timeout=60)
    return "left-1"


def test_an_open_run_has_a_page(store: Store, invoke: Invoke) -> None:
    """How it was opened, that its process lives, how far it has come; and that is no error."""
    run = store.run("live", version="2", run_id="open-1", argv=["job", "two words"], labels={"env": "prod"})
    run.log("one")
    try:
        answer = invoke("show", "open-1")
    finally:
        run.finish()
    lines = answer.out.splitlines()
    assert (answer.status, answer.err) == (0, "")
    assert lines[0] == "live 2  running (open)"
    for expected in (
        "run      open-1",
        "opened   20",
        "contract runstone/1",
        "command  job 'two words'",
        "label    env=prod",
        "process  alive",
        "recorded 2 events so far, the last at 20",
        "it is sealed when its process finishes it",
    ):
        assert any(line.startswith(expected) for line in lines), f"{expected!r} in\n{answer.out}"


def test_its_json_is_the_row_of_the_list_and_more(store: Store, invoke: Invoke) -> None:
    """Programs find the members of a row with the values that `ls` gives."""
    run = store.run("live", run_id="open-1")
    try:
        value, row = invoke("show", "open", "--json").value, invoke("ls", "--json").value[0]
    finally:
        run.finish()
    assert {name: value[name] for name in row} == row
    assert (value["alive"], value["counts"], value["status"]) == (True, {"events": 1}, "running")


def test_a_run_that_was_left_names_what_seals_it(left: str, store: Store, invoke: Invoke) -> None:
    """A process that died is told from one that lives."""
    assert f"runstone recover {left}" in invoke("show", left).out
    assert "process  gone" in invoke("show", left).out
    value = invoke("show", left, "--json").value
    assert (value["alive"], value["state"]) == (False, "to recover")


def test_a_journal_without_a_whole_line_is_a_page_too(left: str, store: Store, invoke: Invoke) -> None:
    """A process may die before its first event is whole."""
    Path(store.url, ".runstone/open", left, "events.jsonl").write_bytes(b'{"data"')
    answer = invoke("show", left)
    assert answer.status == 0
    assert "recorded 0 events so far" in answer.out


def test_recorded_text_of_an_open_run_is_shown_escaped(store: Store, invoke: Invoke) -> None:
    """No recorded text reaches a terminal as it is, from this page neither."""
    run = store.run(HOSTILE, version=HOSTILE, run_id="open-1", argv=[HOSTILE], labels={"a": HOSTILE})
    try:
        out = invoke("show", "open-1").out
    finally:
        run.finish()
    assert raw_controls(out) == []
    assert "\\x1b]52" in out


def test_an_open_run_is_verified_once_it_is_sealed(store: Store, invoke: Invoke) -> None:
    """A conflict, and the message says what to wait for."""
    run = store.run("live", run_id="open-1")
    try:
        answer = invoke("verify", "open-1")
    finally:
        run.finish()
    assert answer.status == 4
    assert answer.err == (
        "runstone: run open-1 is not sealed yet, and can be verified once it is; "
        "it is sealed when its process finishes it\n"
    )


@pytest.mark.parametrize("words", [("export",), ("diff", "other")], ids=" ".join)
def test_what_needs_a_seal_says_how_to_get_one(left: str, store: Store, invoke: Invoke, words: tuple[str, ...]) -> None:
    """In the store that was asked, whichever is the default."""
    verb, *others = words
    if others == ["other"]:
        store.run("job", run_id="other").finish()
    answer = invoke(verb, left, *others)
    assert answer.status == 4
    assert f"`{shlex.join(['runstone', 'recover', left, '--store', store.url])}` seals it" in answer.err


def test_verify_of_a_left_run_names_recover(left: str, invoke: Invoke) -> None:
    """What can be done about it is said."""
    assert f"its process is gone: runstone recover {left} seals it" in invoke("verify", left).err


@pytest.mark.parametrize("verb", ["show", "logs -f", "audit", "verify"])
def test_the_advice_can_be_followed_from_anywhere(left: str, store: Store, invoke: Invoke, verb: str) -> None:
    """Where the store is not the one that is read without a word, the words to type name it."""
    other = Path("a store")
    Path(store.url).rename(other)
    answer = invoke(*verb.split(), left, "--store", str(other))
    advice = f"runstone recover {left} --store {shlex.quote(str(other.absolute()))}"
    assert advice in " ".join((answer.out + answer.err).split())
    assert invoke(*shlex.split(advice)[1:]).status == 0
    assert runstone.open(other).get(left).status == "interrupted"


def test_the_store_of_the_environment_needs_no_word(
    left: str, store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read without one, too."""
    Path(store.url).rename("other")
    monkeypatch.setenv("RUNSTONE_STORE", "other")
    assert f"runstone recover {left} seals it" in invoke("verify", left, "--store", "other").err


def test_children_of_an_open_run_are_shown(store: Store, invoke: Invoke) -> None:
    """What its parts have come to so far, as of a sealed one."""
    run = store.run("train", run_id="train")
    run.child("prepare", run_id="part").finish()
    value = invoke("show", "train", "--json").value
    out = invoke("show", "train").out
    run.finish()
    assert [child["run_id"] for child in value["children"]] == ["part"]
    assert value["children_total"]["statuses"] == {"success": 1}
    assert "CHILDREN  1 run: 1 success" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "quick"), "job  success"),
        (("audit", "quick"), "job  success"),
        (("show", "quick", "--plot", "loss"), "loss  last 1, min 1, max 1, 1 point"),
    ],
)
def test_a_run_that_is_sealed_while_it_is_read_is_told_as_sealed(
    store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    """Its journal goes away under who reads it: what there was of it is no answer."""
    run = store.run("job", run_id="quick")
    run.metrics({"loss": 1.0})
    look = FsLeftRun.read

    def seal_first(left: FsLeftRun) -> Iterator[bytes]:
        run.finish()
        return look(left)

    monkeypatch.setattr(FsLeftRun, "read", seal_first)
    answer = invoke(*words)
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(told)
