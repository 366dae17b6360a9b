"""`ArtifactStore`: what it opens, gets and lists, and that every verb of the kernel works on what it records."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.core.planted import secrets
from tests.format.agent_story import called, research, returned, tell

import runstone
from runstone.cli import main
from runstone.contracts import agent
from runstone.contracts.agent import AgentRun, ArtifactStore
from runstone.errors import RunstoneError


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """A store in a folder, which is also the one that the command reads when it is told nothing."""
    monkeypatch.chdir(tmp_path)
    return ArtifactStore(tmp_path / "runs")


def recorded(store: ArtifactStore, heat: float = 0.2, **more: Any) -> str:
    """A sealed run of the research agent; answers its id."""
    run = store.open(AgentRun("research", version="1", config={"heat": heat}, **more))
    research(run)
    run.log("granite is hard")
    run.finish("success", result={"answer": heat})
    return run.run_id


def refused(call: Any) -> str:
    """The code that a call is refused with."""
    with pytest.raises(RunstoneError) as found:
        call()
    return found.value.code


# open


def test_an_agent_is_opened_by_its_name(store: ArtifactStore) -> None:
    """The least that a caller can say."""
    with store.open("research") as run:
        assert isinstance(run, runstone.Run)
    sealed = store.get(run.run_id)
    assert (sealed.kind, sealed.contract, sealed.status) == ("research", "agent/1", "success")
    assert [event["type"] for event in sealed.events()] == ["run.opened", "run.closed"]


def test_all_that_a_caller_describes_is_recorded(store: ArtifactStore) -> None:
    """Each part in its place, and who asked as labels, too."""
    described = AgentRun(
        "research",
        version="1.2",
        request_id="r-17",
        tenant="acme",
        user="ann",
        config={"heat": 0.2},
        sources={"/heat": "--heat"},
        volatile=["/heat"],
        versions={"openai": 1.5},
        labels={"env": "test", "user": "a label of that name stands"},
        links=[{"rel": "derives-from", "run_id": "yesterday"}],
        run_id="today",
        argv=["agent", "--heat"],
        entry="agent",
    )
    store.open(described).finish()
    sealed = store.get("today")
    run = sealed.run
    assert (run["agent"], run["version"], run["request_id"], run["tenant"], run["user"]) == (
        *("research", "1.2", "r-17", "acme", "ann"),
    )
    assert run["versions"]["providers"] == {"openai": "1.5"}
    assert run["labels"] == {
        "env": "test", "request_id": "r-17", "tenant": "acme", "user": "a label of that name stands",
    }  # fmt: skip
    assert run["links"] == [{"rel": "derives-from", "run_id": "yesterday", "digest": None}]
    opened = sealed.opened["data"]
    assert (opened["argv"], opened["entry"]) == (["agent", "--heat"], "agent")
    assert sealed.config == {
        "config": {"heat": 0.2},
        "values": [{"path": "/heat", "value": 0.2, "source": "--heat"}],
        "sources": {"/heat": "--heat"},
        "volatile": ["/heat"],
    }


def test_declared_secrets_are_in_no_file(store: ArtifactStore, tmp_path: Path) -> None:
    """Neither one that a caller declares nor one that has a known form, wherever a caller describes it."""
    token = secrets()["github-token"][0].secret
    hidden = "hunter2-of-the-house"
    said = f"{token} {hidden}"
    described = AgentRun(
        "research",
        request_id=said,
        tenant=said,
        user=said,
        config={said: said},
        sources={"/x": said},
        versions={said: said},
        labels={"l": said},
        secrets=[hidden],
    )
    run = store.open(described)
    called(run, "call-1", said, {said: said}, ref=said, side_effect=said)
    returned(run, "call-1", result=said, error={"message": said}, model=said, problems=[said])
    run.finish(error={"message": said}, result=said)
    files = [path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert not [body for body in files if token.encode() in body or hidden.encode() in body]
    assert store.store.verify(run.run_id, secrets=True).findings == []


@pytest.mark.parametrize("wrong", [None, 3, {"name": "research"}, b"research"])
def test_what_describes_no_run_is_refused(store: ArtifactStore, wrong: Any, tmp_path: Path) -> None:
    """By a clear error, and nothing is written."""
    assert refused(lambda: store.open(wrong)) == "invalid_option"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": ""}, "invalid_option"),
        ({"labels": 3}, "invalid_label"),
        ({"request_id": "x" * 2000}, "invalid_label"),
        ({"links": [{"rel": "x"}]}, "invalid_link"),
        ({"run_id": "a b"}, "invalid_run_id"),
        ({"secrets": "abcdef"}, "invalid_option"),
    ],
)
def test_wrong_descriptions_are_refused(store: ArtifactStore, wrong: Any, code: str, tmp_path: Path) -> None:
    """As `Store.run` refuses them, before anything is written."""
    described = AgentRun(wrong.pop("name", "research"), **wrong)
    assert refused(lambda: store.open(described)) == code
    assert not (tmp_path / "runs").exists()


def test_a_run_is_a_part_of_its_parent(store: ArtifactStore) -> None:
    """A sub-agent is a run of its own, which its parent tells of with its digest."""
    with store.open("research") as run, store.open(AgentRun("reader", tenant="acme"), parent=run) as part:
        pass
    (told,) = store.get(run.run_id).run["children"]
    sealed = store.get(part.run_id)
    assert (told["run_id"], told["digest"], told["status"]) == (part.run_id, sealed.digest, "success")
    assert sealed.contract == "agent/1"
    assert sealed.run["links"][0]["rel"] == "child-of"


def test_recording_switched_off_breaks_nothing(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work goes on, and nothing is written."""
    monkeypatch.setenv("RUNSTONE_DISABLED", "1")
    with store.open(AgentRun("research", request_id="r", config={"a": 1})) as run:
        assert run.recording is False
    assert list(store.list().rows) == []


def test_a_retry_has_the_configuration_of_what_it_retries(store: ArtifactStore) -> None:
    """Unless another one is given."""
    store.open(AgentRun("research", run_id="first", config={"heat": 0.2})).finish("failed")
    store.open(AgentRun("research", run_id="second", resume="first")).finish("failed")
    store.open(AgentRun("research", run_id="third", resume="second", config={"heat": 0.3})).finish()
    heats = [store.get(run).config["config"]["heat"] for run in ("second", "third")]
    assert heats == [0.2, 0.3]


def test_the_store_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument it is `RUNSTONE_STORE`, else `./runs`; runs go into packs where that is the default."""
    monkeypatch.chdir(tmp_path)
    assert ArtifactStore().store.url.endswith("runs")
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("RUNSTONE_PACKED", "1")
    store = ArtifactStore()
    with store.open("research") as run:
        pass
    assert store.store.url == str(tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere" / run.run_id).exists()
    assert store.get(run.run_id).run["status"] == "success"


# get, list


def test_a_sealed_run_has_its_documents_by_name(store: ArtifactStore) -> None:
    """As they stand in the bundle; `None` for what did not happen."""
    sealed = store.get(recorded(store))
    names = ("run", "config", "evidence", "tool_calls", "scorecard", "gate")
    paths = (
        "run.json",
        "config.snapshot.json",
        "evidence.json",
        "tool_calls.json",
        "eval/scorecard.json",
        "eval/gate.json",
    )
    assert {name: getattr(sealed, name) for name in names} == {
        name: sealed.document(path) for name, path in zip(names, paths, strict=True)
    }
    bare = store.open("bare")
    bare.finish()
    assert [getattr(store.get(bare.run_id), name) for name in names[1:]] == [None] * 5


def test_a_run_of_another_contract_has_the_documents_that_it_would_have(store: ArtifactStore) -> None:
    """The journal is the truth: any run can be read as an agent's."""
    with store.store.run("other", config={"a": 1}) as run:
        called(run, "call-1", "t", {})
    found = store.get(run.run_id)
    assert found.run["contract"] == "agent/1"
    assert found.config is not None
    assert found.tool_calls is not None


def test_what_is_not_there_is_told(store: ArtifactStore) -> None:
    """By the codes of `Store.get`."""
    with store.open(AgentRun("research", run_id="still-open")):
        assert refused(lambda: store.get("still-open")) == "run_is_open"
        assert refused(lambda: store.get("nobody")) == "run_not_found"


def test_runs_are_listed_by_who_asked(store: ArtifactStore) -> None:
    """Agents' runs alone, newest first; every word narrows the list down, and so does a query."""
    with store.store.run("other"):
        pass
    first = recorded(store, tenant="acme", user="ann")
    second = recorded(store, tenant="acme", user="b, c*", request_id="r-2")
    store.open(AgentRun("writer", tenant="other", run_id="w")).finish("failed")

    def ids(*query: str, **asked: Any) -> list[str]:
        return [row["run_id"] for row in store.list(*query, **asked).rows]

    assert ids() == ["w", second, first]
    assert ids(tenant="acme") == [second, first]
    assert ids(user="b, c*") == [second]
    assert ids(user="b*") == []
    assert ids(request_id="r-2", agent="research") == [second]
    assert ids(status="failed") == ["w"]
    assert ids("config./heat:0.2 sort:opened", tenant="acme") == [first, second]
    assert refused(lambda: store.list("nonsense")) == "invalid_query"


def test_who_asked_is_what_the_run_says(store: ArtifactStore) -> None:
    """An annotation of another tenant moves it into no other list."""
    run_id = recorded(store, tenant="acme", user="ann")
    store.store.annotate(run_id, labels={"tenant": "other", "user": None}, by="ops")
    assert [row["run_id"] for row in store.list(tenant="acme", user="ann").rows] == [run_id]
    assert store.list(tenant="other").rows == []
    assert [row["run_id"] for row in store.list("label.tenant:other").rows] == [run_id]


def test_long_names_are_told_apart_to_their_end(store: ArtifactStore) -> None:
    """A label holds a kilobyte; who asks may name it by what is no text."""
    one, other = "t" * 600 + "a", "t" * 600 + "b"
    made = recorded(store, tenant=one)
    recorded(store, tenant=other)
    assert [row["run_id"] for row in store.list(tenant=one).rows] == [made]
    numbered = recorded(store, user="7")
    assert [row["run_id"] for row in store.list(user=7).rows] == [numbered]  # type: ignore[arg-type]  # no text


def test_a_list_goes_on_behind_its_cursor(store: ArtifactStore) -> None:
    """Page by page, each run once."""
    made = [recorded(store) for _ in range(3)]
    page = store.list(limit=2)
    rest = store.list(limit=2, after=page.next)
    assert [row["run_id"] for row in (*page.rows, *rest.rows)] == made[::-1]
    assert rest.next is None
    assert refused(lambda: store.list(after="x")) == "invalid_cursor"


# the kernel's verbs


@pytest.fixture
def said(store: ArtifactStore, capfd: pytest.CaptureFixture[str]) -> Any:
    """What a verb of the command prints, and its status."""

    def run(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        status = main(list(words))
        return status, capfd.readouterr().out

    return run


def test_lists_and_pages_show_agents(store: ArtifactStore, said: Any) -> None:
    """`ls` and `show` know them by contract, label and score; `find` by what they read."""
    run_id = recorded(store, tenant="acme")
    assert run_id in said("ls", "contract:agent", "label.tenant:acme", "score.accuracy>0.8")[1]
    page = json.loads(said("show", run_id, "--json")[1])
    assert (page["contract"], page["scores"][0]["name"]) == ("agent/1", "accuracy")
    Path("in.txt").write_text("granite")
    with store.open("reader") as run:
        run.input("file", "in.txt")
    assert run.run_id in said("find", "in.txt")[1]


def test_two_runs_are_compared(store: ArtifactStore, said: Any) -> None:
    """`diff` tells which calls, settings and scores differ."""
    one, other = recorded(store), store.open(AgentRun("research", version="1", config={"heat": 0.9}))
    called(other, "call-1", "search", {"q": "basalt"})
    other.event("score", {"name": "accuracy", "value": 0.5})
    other.finish("success", result={"answer": 0.9})
    found = json.loads(said("diff", one, other.run_id, "--json")[1])
    sections = {difference["section"] for difference in found["differences"]}
    assert {"config", "tools", "scores", "result"} <= sections


def test_a_run_is_judged_beside_a_baseline(store: ArtifactStore, said: Any) -> None:
    """By its scores, as any run."""
    one, other = recorded(store), recorded(store)
    assert said("judge", other, "--baseline", one, "--min", "score.accuracy:0.8")[0] == 0
    assert said("judge", other, "--baseline", one, "--min", "score.accuracy:0.9")[0] == 1


def test_a_bundle_travels(store: ArtifactStore, said: Any, tmp_path: Path) -> None:
    """`export` and `import` keep every byte; the files are those of the seed."""
    run_id = recorded(store)
    assert said("export", run_id, "-o", "run.tar")[0] == 0
    assert said("import", "run.tar", "--store", "copy")[0] == 0
    copy = ArtifactStore("copy").get(run_id)
    assert (copy.digest, copy.run) == (store.get(run_id).digest, store.get(run_id).run)
    assert {path.relative_to(copy.path).as_posix() for path in Path(copy.path).rglob("*") if path.is_file()} == {
        *("manifest.json", "run.json", "config.snapshot.json", "events.jsonl", "evidence.json", "tool_calls.json"),
        *("eval/scorecard.json", "eval/gate.json"),
    }


def test_a_run_of_another_contract_is_shown_as_an_agents(store: ArtifactStore, said: Any) -> None:
    """`runstone contract agent RUN` folds the journal of any run; of an agent's the documents are the sealed ones."""
    with store.store.run("other") as run:
        tell(run, "x.mine", a=1)
    found = json.loads(said("contract", "agent", run.run_id, "--json")[1])
    assert {document["path"]: document["standing"] for document in found["documents"]} == {"run.json": "derived"}
    found = json.loads(said("contract", "agent/1", recorded(store), "--json")[1])
    standing = {document["path"]: document["standing"] for document in found["documents"]}
    assert standing.pop("run.log") == "derived"
    assert set(standing.values()) == {"sealed"}


def test_a_command_is_recorded_as_an_agent(store: ArtifactStore, said: Any) -> None:
    """`runstone run --contract agent -- CMD`; what the command records itself is a part of that run."""
    code = "from runstone.contracts.agent import ArtifactStore\nwith ArtifactStore().open('inner'): print('hello')"
    status, out = said(
        "run", "--contract", "agent", "--run-id", "outer", "--kind", "job", "--", sys.executable, "-c", code
    )
    assert (status, out) == (0, "hello\n")
    outer = store.get("outer")
    assert store.store.verify("outer").findings == []
    assert (outer.contract, outer.run["agent"], outer.run["files"]) == ("agent/1", "job", {"events": "events.jsonl"})
    assert outer.document("run.log") == "hello\n"
    (inner,) = outer.run["children"]
    assert store.get(inner["run_id"]).kind == "inner"


# the package


def test_names_are_loaded_when_they_are_used() -> None:
    """Each public name is there, `dir` lists them, and there is no other."""
    assert dir(agent) == sorted(agent.__all__)
    assert all(getattr(agent, name) is not None for name in agent.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = agent.nothing
