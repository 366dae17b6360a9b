"""What a replay finds as it was then, though others have gone on since: states, and the baseline of a verdict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from textwrap import dedent

import pytest

import runstone
from engine.replayed import Program

KEY = "ab" * 32
GOES_ON = """
states = runstone.open_states("states.db")
last = states.get("thread")
done = [] if last is None else list(last.state)
for number in range(len(done), int(os.environ["UNTIL"])):
    done.append(read("backend.txt")["text"] + str(number))
    states.put("thread", number, done)
run.finish(result=done)
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program to be written."""
    return Program(tmp_path)


@pytest.fixture(params=["plain", "encrypted"])
def _key(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "encrypted":
        monkeypatch.setenv("RUNSTONE_STATE_KEY", KEY)


@pytest.mark.usefixtures("_key")
def test_states_are_those_that_the_run_found(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three runs that go on with one another each is replayed from where it began; the store stays as it is."""
    made = []
    for until in ("2", "3", "5"):
        monkeypatch.setenv("UNTIL", until)
        made.append(program.run(GOES_ON))
    before = (program.folder / "states.db").read_bytes()
    for run_id, until in zip(made, ("2", "3", "5"), strict=True):
        monkeypatch.setenv("UNTIL", until)
        found = program.replay(run_id)
        assert (found.divergence, found.refused) == (None, [])
        assert found.ok
    assert (program.folder / "states.db").read_bytes() == before
    assert sorted(path.name for path in program.folder.iterdir()) == ["agent.py", "states.db"]


LATER = {
    "killed": "    os._exit(0)",
    "purged": "store.purge({'rules': [{'query': 'kind:later', 'older_than': '0d'}]}, grace='0d', apply=True)",
}


@pytest.mark.parametrize("what", LATER)
def test_states_of_a_later_run_that_is_no_bundle_go(program: Program, what: str) -> None:
    """It was killed, or is purged by now: what it made was not there when the recorded run looked."""
    with (
        program.store.run("earlier"),
        runstone.open_states(program.folder / "states.db") as states,
    ):
        states.put("thread", 0, ["earlier"])
    run_id = program.run("run.finish(result=runstone.open_states('states.db').get('thread').state)")
    later = (
        "import os, runstone\n"
        f"store = runstone.open({program.store.url!r})\n"
        "with store.run('later'), runstone.open_states('states.db') as states:\n"
        "    states.put('thread', 1, ['later'])\n"
        f"{LATER[what]}\n"
    )
    subprocess.run([sys.executable, "-c", later], cwd=program.folder, check=True)
    with runstone.open_states(program.folder / "states.db") as states:
        assert states.get("thread").step == 1
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)


def test_states_that_no_run_made_stay(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what the run went on from, and what another engine has put beside it."""
    with runstone.open_states(program.folder / "states.db") as states:
        states.put("thread", 0, ["by hand"])
        states.put("other", 0, ["by another"], run="f47ac10b-58cc-4372-a567-0e02b2c3d479")
    monkeypatch.setenv("UNTIL", "2")
    body = dedent(GOES_ON).replace("result=done", "result=[done, states.get('other').state]")
    assert program.replay(program.run(body)).ok


def test_a_store_of_states_that_is_none_is_told(program: Program) -> None:
    """As it is told outside of a replay, and what stands there is not touched."""
    body = """
    try:
        runstone.open_states("states.db").get("thread")
    except runstone.RunstoneError as exc:
        run.finish(result=exc.code)
    """
    (program.folder / "states.db").write_text("a text of mine, which is no database at all\n" * 100)
    before = (program.folder / "states.db").read_bytes()
    run_id = program.run(body)
    assert program.store.get(run_id).document("run.json")["result"] == "unsupported_format"
    assert program.replay(run_id).ok
    assert (program.folder / "states.db").read_bytes() == before


GRAPH = """
from operator import add
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from runstone.ingest.langgraph import RunstoneSaver

class State(TypedDict):
    notes: Annotated[list[str], add]

def first(state):
    return {"notes": [read("backend.txt")["text"]]}

def second(state):
    answer = interrupt("who?")
    return {"notes": [read("backend.txt")["text"] + answer]}

graph = StateGraph(State)
graph.add_node("first", first)
graph.add_node("second", second)
graph.add_edge(START, "first")
graph.add_edge("first", "second")
thread = {"configurable": {"thread_id": "t"}}
with RunstoneSaver.open("states.db") as saver:
    app = graph.compile(checkpointer=saver)
    known = app.get_state(thread).created_at is not None
    found = app.invoke(Command(resume="me") if known else {"notes": []}, thread, durability="sync")
    run.finish(result=found["notes"])
"""


def test_a_graph_that_went_on_from_an_interrupt(program: Program) -> None:
    """The run that answered it is replayed from the interrupt, the one before from nothing."""
    pytest.importorskip("langgraph")
    before, after = program.run(GRAPH), program.run(GRAPH)
    assert program.store.get(after).document("run.json")["result"] == [
        "what the backend says",
        "what the backend saysme",
    ]
    for run_id in (before, after):
        found = program.replay(run_id)
        assert (found.divergence, found.refused) == (None, [])
        assert found.ok


JUDGED = """
run.score("accuracy", value=float(os.environ["SCORE"]))
verdict = run.judge("min score.accuracy:-0", baseline="@latest")
run.finish(result=verdict.ok)
"""


def test_a_verdict_is_beside_the_baseline_of_then(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """`@latest` was another run then; a replay has the same verdict."""
    monkeypatch.setenv("SCORE", "0.5")
    first = program.run("run.score('accuracy', value=0.5)")
    judged = program.run(JUDGED)
    program.run("run.score('accuracy', value=0.9)")
    program.write(JUDGED)
    found = program.replay(judged)
    assert (found.divergence, found.ok) == (None, True)
    (told,) = program.store.get(found.replayed["run_id"]).events("verdict")
    assert told["data"]["baseline"]["run_id"] == first


def test_a_verdict_on_another_run_of_the_process_is_its_own(program: Program) -> None:
    """It replays nothing, so there is none that it could differ from."""
    before = """
    with store.run("warm-up") as other:
        other.score("accuracy", value=1.0)
        assert other.judge("min score.accuracy:0.5")
    """
    assert program.replay(program.run("read('backend.txt')", before=before)).ok


def test_a_verdict_in_a_tool_is_told_with_it(program: Program) -> None:
    """It is repeated with the answer, and is not the one that comes behind it."""
    body = """
    @run.tool()
    def decides(least):
        return bool(run.judge(f"min score.accuracy:{least}"))

    run.score("accuracy", value=0.5)
    run.finish(result=[decides(0.9), bool(run.judge("min score.accuracy:0.1"))])
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)
    told = program.store.get(found.replayed["run_id"]).events("verdict")
    assert [event["data"]["ok"] for event in told] == [False, True]


def test_another_verdict_is_a_divergence(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the baseline of then is gone, or the verdict is another one: with both sides."""
    monkeypatch.setenv("SCORE", "0.5")
    first = program.run("run.score('accuracy', value=0.5)")
    judged = program.run(JUDGED)
    better = program.run("run.score('accuracy', value=0.9)")
    rmtree(Path(program.store.url) / first)
    program.write(JUDGED)
    found = program.replay(judged)
    assert found.divergence is not None
    assert found.divergence["reason"] == "result"
    sides = [found.divergence[side]["args"] for side in ("expected", "found")]
    assert sides == [{"baseline": first, "ok": True}, {"baseline": better, "ok": False}]
