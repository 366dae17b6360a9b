"""`RunstoneSaver` is a saver of LangGraph: that suite passes whole, and real graphs go on where they ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

import runstone
from runstone.ingest.langgraph import RunstoneSaver, migrate
from runstone.testing.ground import code_of

from .graphs import (
    ONE_BY_ONE,
    WHOLE,
    Cipher,
    ClosedCipher,
    asks,
    chat,
    conformance,
    delta,
    fails_once,
    history,
    saver_at,
    say,
    steps,
    thread,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "states.db"


@pytest.fixture
def saver(path: Path) -> Iterator[RunstoneSaver]:
    with saver_at(path) as opened:
        yield opened


# the suite of LangGraph


@pytest.mark.parametrize("how", ["sqlite", "memory", "encrypted store", "encrypted serializer"])
def test_the_conformance_suite_passes_whole(how: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every capability is there and passes, the extended ones too."""
    if how == "encrypted store":
        monkeypatch.setenv("RUNSTONE_STATE_KEY", "7f" * 32)
    options = {"serde": EncryptedSerializer(Cipher())} if how == "encrypted serializer" else {}
    found = conformance("memory:" if how == "memory" else str(path), **options)
    assert found == WHOLE
    assert len(found) >= 8


STRICT = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from ingest.graphs import WHOLE, chat, conformance, saver_at, say, thread
assert conformance(sys.argv[1] + ".suite") == WHOLE
with saver_at(Path(sys.argv[1])) as saver:
    graph = chat(saver)
    say(graph, "one", thread())
    print(say(graph, "two", thread()))
"""


def test_strict_msgpack_is_kept_to(path: Path) -> None:
    """With `LANGGRAPH_STRICT_MSGPACK` the suite passes and a chat goes on, without a warning of its deserialiser."""
    done = subprocess.run(
        [sys.executable, "-c", STRICT.format(tests=str(Path(__file__).parents[1])), str(path)],
        env={**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['one', 'answer 1', 'two', 'answer 3']\n"


# graphs go on


def test_a_chat_goes_on_in_another_process(path: Path) -> None:
    """What was said is there for a saver that is opened anew, on the same file; another thread has nothing of it."""
    for turn in range(3):
        with saver_at(path) as saver:
            said = say(chat(saver), f"question {turn}", thread())
    assert said == ["question 0", "answer 1", "question 1", "answer 3", "question 2", "answer 5"]
    with saver_at(path) as saver:
        assert say(chat(saver), "hello", thread("other")) == ["hello", "answer 1"]


def test_asynchronous_graphs_are_saved_alike(path: Path) -> None:
    """By the asynchronous twins, as an asynchronous context manager; the plain ones read it."""

    async def talk() -> list[str]:
        async with saver_at(path) as saver:
            graph = chat(saver)
            for turn in range(2):
                state = await graph.ainvoke({"messages": [("user", f"q{turn}")]}, thread())
            seen = [one async for one in graph.aget_state_history(thread())]
            assert len(seen) == 6
            return [message.content for message in state["messages"]]

    assert asyncio.run(talk()) == ["q0", "answer 1", "q1", "answer 3"]
    with saver_at(path) as saver:
        assert [message.content for message in chat(saver).get_state(thread()).values["messages"]][-1] == "answer 3"
        assert len(history(saver, thread())) == 6


def test_a_superstep_that_failed_does_not_repeat_what_was_done(saver: RunstoneSaver) -> None:
    """What the good task wrote stands behind the checkpoint; only the bad one is called again."""
    calls: list[str] = []
    graph = fails_once(saver, calls)
    with pytest.raises(ZeroDivisionError):
        graph.invoke({"done": []}, {**thread(), **ONE_BY_ONE})
    pending = saver.get_tuple(thread()).pending_writes
    assert ("done", ["good"]) in [(channel, value) for _, channel, value in pending]
    state = graph.invoke(None, thread())
    assert sorted(calls) == ["bad", "bad", "good"]
    assert sorted(state["done"]) == ["bad", "good", "last"]


def test_an_interrupt_waits_for_its_answer(path: Path) -> None:
    """In a graph within a graph, over a restart: what was before it is not done again."""
    with saver_at(path) as saver:
        stopped = asks(saver).invoke({"done": []}, thread())
        assert stopped["__interrupt__"][0].value == "may I?"
    with saver_at(path) as saver:
        graph = asks(saver)
        assert graph.get_state(thread(), subgraphs=True).tasks[0].state.values["done"] == ["before"]
        assert graph.invoke(Command(resume="yes"), thread())["done"] == ["before", "told yes", "last"]
        spaces = {one.config["configurable"]["checkpoint_ns"].partition(":")[0] for one in saver.list(thread())}
        assert spaces == {"", "inner"}


def test_the_past_is_gone_on_from(saver: RunstoneSaver) -> None:
    """A fork of an earlier checkpoint goes its own way; the first way is there as it was."""
    graph = steps(saver, "a", "b", "c")
    graph.invoke({"done": []}, thread())
    before = history(saver, thread())
    past = next(one for one in graph.get_state_history(thread()) if one.next == ("b",))
    fork = graph.update_state(past.config, {"done": ["changed"]})
    assert graph.invoke(None, fork)["done"] == ["a", "changed", "b", "c"]
    assert graph.get_state(past.config).values["done"] == ["a"]
    assert [one for one in history(saver, thread()) if one in before] == before
    assert graph.invoke(None, past.config)["done"] == ["a", "b", "c"]


def test_fifty_threads_at_once(path: Path) -> None:
    """Fifty conversations in one saver, none loses a word nor hears another's."""
    answers: dict[int, list[str]] = {}
    with saver_at(path) as saver:
        graph = chat(saver)

        def talk(number: int) -> None:
            for turn in range(3):
                answers[number] = say(graph, f"{number}.{turn}", thread(f"t{number}"))

        talkers = [threading.Thread(target=talk, args=(number,)) for number in range(50)]
        for talker in talkers:
            talker.start()
        for talker in talkers:
            talker.join()
    wanted = {n: [f"{n}.0", "answer 1", f"{n}.1", "answer 3", f"{n}.2", "answer 5"] for n in range(50)}
    assert answers == wanted
    with saver_at(path) as saver:
        for number in range(50):
            messages = chat(saver).get_state(thread(f"t{number}")).values["messages"]
            assert [message.content for message in messages] == wanted[number]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from ingest.graphs import saver_at, steps, thread
place, after = Path(sys.argv[1]), int(sys.argv[2])
class Effects(list):
    def append(self, name):
        with open(place / "effects", "a") as file:
            file.write(name + "\\n")
        if after and len((place / "effects").read_text().split()) > after:
            os.kill(os.getpid(), signal.SIGKILL)
with saver_at(place / "states.db") as saver:
    graph = steps(saver, *"abcdef", calls=Effects())
    begun = saver.get_tuple(thread()) is not None
    print(graph.invoke(None if begun else {{"done": []}}, thread(), durability="sync")["done"])
"""


def test_a_kill_at_every_step_loses_none(tmp_path: Path) -> None:
    """Killed inside of each node in turn, the graph goes on at that node: those before it are not done again."""
    code = KILLED.format(tests=str(Path(__file__).parents[1]))
    for after in (1, 2, 3, 4, 5, 0):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), str(after + (after > 0) * (after - 1))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (0 if after == 0 else -9), done.stderr
    assert done.stdout == "['a', 'b', 'c', 'd', 'e', 'f']\n"
    assert (tmp_path / "effects").read_text().split() == list("abbccddeeff")


# what is stored


def test_a_conversation_is_stored_once(path: Path) -> None:
    """Of 60 turns of 2 KB the file has twice the text at most, and not thirty times it; every checkpoint is whole."""
    text = "".join(chr(97 + (number * number) % 26) for number in range(1000))
    turns = [f"{turn} " + "".join(text[(turn * k) % 999] for k in range(2000)) for turn in range(60)]
    with saver_at(path) as saver:
        graph = chat(saver)
        for turn in turns:
            say(graph, turn, thread())
        assert [len(one.values["messages"]) for one in graph.get_state_history(thread())][::3] == list(
            range(120, 0, -2)
        )
    assert path.stat().st_size < 4 * sum(map(len, turns))


def test_the_encrypted_serializer_is_kept_to(path: Path) -> None:
    """What LangGraph encrypts itself is in the file as it came, and reads back."""
    with saver_at(path, serde=EncryptedSerializer(Cipher())) as saver:
        say(chat(saver), "a private question", thread())
        assert say(chat(saver), "two", thread())[0] == "a private question"
    assert b"private" not in path.read_bytes()


def test_what_another_serialiser_wrote_is_told(path: Path) -> None:
    """Read with no key, or with one that opens nothing: an error of the family, for who reads and who lists."""
    with saver_at(path, serde=EncryptedSerializer(Cipher())) as saver:
        say(chat(saver), "a private question", thread())
    for options in ({}, {"serde": EncryptedSerializer(ClosedCipher())}):
        with saver_at(path, **options) as saver:
            assert code_of(lambda saver=saver: saver.get_tuple(thread())) == "state_damaged"
            assert code_of(lambda saver=saver: list(saver.list(thread()))) == "state_damaged"


def test_steps_name_the_run_that_made_them(path: Path, tmp_path: Path) -> None:
    """The current run, or the one that the config names; by either id they can be deleted."""
    with saver_at(path) as saver:
        with runstone.open(tmp_path / "runs").run("agent") as run:
            say(chat(saver), "one", thread())
        say(chat(saver), "two", {**thread(), "metadata": {"runstone_run_id": "named"}})
        say(chat(saver), "three", {**thread(), "metadata": {"run_id": "theirs"}})
        made = [one.metadata.get("runstone_run_id") for one in saver.list(thread())]
        assert made == [None] * 3 + ["named"] * 3 + [run.run_id] * 3
        saver.delete_for_runs([run.run_id, "theirs"])
        assert [one.metadata.get("runstone_run_id") for one in saver.list(thread())] == ["named"] * 3
        with runstone.open_states(path) as states:
            assert [found.run_id for found in states.list("t")] == ["named"] * 3


# delta channels


def test_delta_channels_are_made_again(path: Path) -> None:
    """Of the writes of their ancestors, in order, over restarts; also after a prune and in a copy."""
    seen = []
    for turn in range(7):
        with saver_at(path) as saver:
            seen = delta(saver).invoke({"log": [f"turn {turn}"]}, thread())["log"]
    assert len(seen) == 21
    assert seen[:3] == ["turn 0", "left 1", "right 1"]
    with saver_at(path) as saver:
        saver.copy_thread("t", "copy")
        before = len(history(saver, thread()))
        saver.prune(["t"])
        assert 1 < len(history(saver, thread())) < before
        for name in ("t", "copy"):
            assert delta(saver).get_state(thread(name)).values["log"] == seen
            assert delta(saver).invoke({"log": ["more"]}, thread(name))["log"] == [*seen, "more", "left 22", "right 22"]


def test_the_history_of_delta_channels_is_that_of_the_base_class(saver: RunstoneSaver) -> None:
    """The quick way says what the slow one does, of every checkpoint."""
    for turn in range(4):
        delta(saver).invoke({"log": [f"turn {turn}"]}, thread())
    for one in saver.list(thread()):
        asked = {"config": one.config, "channels": ["log", "none"]}
        slow = super(RunstoneSaver, saver).get_delta_channel_history(**asked)
        assert saver.get_delta_channel_history(**asked) == slow
        assert asyncio.run(saver.aget_delta_channel_history(**asked)) == slow
    assert saver.get_delta_channel_history(config=thread("none"), channels=["log"]) == {"log": {"writes": []}}


# lists


def test_lists_without_a_thread_have_every_thread(saver: RunstoneSaver) -> None:
    """And those of a thread without a namespace have every namespace, the last first."""
    asks(saver).invoke({"done": []}, thread("a"))
    say(chat(saver), "one", thread("b"))
    everything = {(one.config["configurable"]["thread_id"], one.checkpoint["id"]) for one in saver.list(None)}
    assert {name for name, _ in everything} == {"a", "b"}
    ids = [one.checkpoint["id"] for one in saver.list(thread("a"))]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == sum(name == "a" for name, _ in everything)
    assert len(list(saver.list(None, filter={"source": "input"}, limit=1))) == 1
    assert list(saver.list(thread("a"), limit=0)) == []


# migration


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="runstone-postgres-") as folder:
        os.chmod(folder, 0o755)  # the server is another user's
        try:
            started = postgres.start(Path(folder) / "server")
        except postgres.NoServerError as exc:
            pytest.skip(f"no PostgreSQL: {exc}")
        yield started
        postgres.stop(Path(folder) / "server")


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def other(request, tmp_path: Path) -> Iterator[Any]:
    """Another saver."""
    if request.param == "sqlite":
        with SqliteSaver.from_conn_string(str(tmp_path / "other.db")) as found:
            yield found
    elif request.param == "postgres":
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(request.getfixturevalue("dsn")) as found:
            found.setup()
            yield found
            for name in ("t", "ask", "fail", "delta"):
                found.delete_thread(name)
    else:
        yield InMemorySaver()


def test_another_savers_threads_are_migrated(other: Any, saver: RunstoneSaver) -> None:
    """Every checkpoint with parents, metadata and writes; graphs go on from them as from the other's."""
    for turn in range(3):
        say(chat(other), f"q{turn}", thread())
    asks(other).invoke({"done": []}, thread("ask"))
    with pytest.raises(ZeroDivisionError):
        fails_once(other, []).invoke({"done": []}, {**thread("fail"), **ONE_BY_ONE})
    for turn in range(4):
        delta(other).invoke({"log": [f"turn {turn}"]}, thread("delta"))
    told: list[int] = []
    count = migrate(other, saver, progress=told.append)
    assert told == list(range(1, count + 1))
    for name in ("t", "ask", "fail"):
        assert history(saver, thread(name)) == history(other, thread(name)), name
    assert migrate(other, saver) == count == len(list(saver.list(None)))
    assert say(chat(saver), "q3", thread())[-2:] == ["q3", "answer 7"]
    assert asks(saver).invoke(Command(resume="yes"), thread("ask"))["done"] == ["before", "told yes", "last"]
    calls = ["bad"]
    assert sorted(fails_once(saver, calls).invoke(None, thread("fail"))["done"]) == ["bad", "good", "last"]
    assert calls == ["bad", "bad"]
    wanted = delta(other).get_state(thread("delta")).values["log"]
    assert delta(saver).get_state(thread("delta")).values["log"] == wanted
    assert delta(saver).invoke({"log": ["x"]}, thread("delta"))["log"] == [*wanted, "x", "left 13", "right 13"]


# errors


def test_wrong_use_is_told(saver: RunstoneSaver) -> None:
    """With errors of the family, and nothing stored."""
    empty: dict[str, Any] = {"configurable": {}}
    assert code_of(lambda: saver.get_tuple(empty)) == "invalid_option"
    assert code_of(lambda: saver.put_writes(thread(), [("c", 1)], "task")) == "invalid_option"
    assert code_of(lambda: saver.prune(["t"], strategy="all")) == "invalid_option"
    say(chat(saver), "one", thread())
    assert code_of(lambda: saver.copy_thread("t", "t")) == "state_exists"


def test_a_state_of_another_engine_is_told_as_such(path: Path) -> None:
    """One that was put by `StateStore` into the same thread is no checkpoint."""
    with runstone.open_states(path) as states, RunstoneSaver.open(states) as saver:
        states.put("t", 1, {"a": 1})
        assert code_of(lambda: saver.get_tuple(thread())) == "state_not_found"
        say(chat(saver), "one", thread("u"))
        found = states.get("u")
        assert found is not None
        assert code_of(lambda: found.state) == "state_not_found"
