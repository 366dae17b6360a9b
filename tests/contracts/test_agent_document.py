"""The documents of contract `agent`: what they say, that they fit their schemas, and fold whatever was said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from tests.format import independent_agent
from tests.format.agent_story import answered, asked, called, research, returned, ruled, tell
from tests.format.golden_files import GOLDEN, read_files

import runstone
from runstone.contracts.agent import AgentRun, ArtifactStore, schema_of
from runstone.contracts.agent.schemas import SCHEMAS, TOOL_CONTRACT
from runstone.engine.store import Store
from runstone.errors import RunstoneError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
GOLDENS = sorted(path.name for path in (GOLDEN / "good").glob("agent*"))
VALIDATORS = {path: Draft202012Validator(schema_of(path)) for path in SCHEMAS}


def check(files: dict[str, bytes]) -> None:
    """Every file of a bundle but the manifest fits its schema, the journal line by line."""
    assert set(files) - {"manifest.json"} <= {*SCHEMAS, *(path for path in files if path.startswith("artifacts/"))}
    for path in SCHEMAS.keys() & files.keys():
        bodies = files[path].splitlines() if path == "events.jsonl" else [files[path]]
        for body in bodies:
            VALIDATORS[path].validate(json.loads(body))


def files_of(store: Store, run_id: str) -> dict[str, bytes]:
    """The files of a sealed bundle, which is proved."""
    assert store.verify(run_id).findings == []
    sealed = store.get(run_id)
    return {entry["path"]: sealed.file(entry["path"]) for entry in sealed.manifest["files"]}


def folded(tell_it: Any, **described: Any) -> dict[str, Any]:
    """The documents of a run in memory that was told something, by their paths; bundle and schemas are proved."""
    store = ArtifactStore("memory:")
    run = store.open(AgentRun("research", **described))
    tell_it(run)
    run.finish("success")
    files = files_of(store.store, run.run_id)
    check(files)
    documents = {path: json.loads(body) for path, body in files.items() if path.endswith(".json")}
    check_by_second_fold(documents, files["events.jsonl"])
    return documents


def check_by_second_fold(documents: dict[str, Any], journal: bytes) -> None:
    """What was written from the format page alone folds the same values; of digests over numbers it knows less."""
    made = independent_agent.Agent([json.loads(line) for line in journal.splitlines()]).documents()
    if "config.snapshot.json" in made:
        made["run.json"]["config"]["sha256"] = documents["run.json"]["config"]["sha256"]
    assert {path: set(value) for path, value in made.items()} == {path: set(value) for path, value in documents.items()}
    for path, value in documents.items():
        for name in value:
            assert (path, name, made[path][name]) == (path, name, value[name])


# the schemas


@pytest.mark.parametrize("name", GOLDENS)
def test_documents_of_goldens_fit_their_schemas(name: str) -> None:
    """Every file of each golden bundle of the contract."""
    check(read_files("good", name))


def test_goldens_have_every_document() -> None:
    """One of them has all files that the contract knows."""
    assert set(SCHEMAS) | {"manifest.json"} == set(read_files("good", "agent"))


@pytest.mark.parametrize("path", SCHEMAS)
def test_schemas_are_schemas(path: str) -> None:
    """Each is itself valid in draft 2020-12, and says so."""
    schema = schema_of(path)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_only_schemas_of_the_bundle_are_there() -> None:
    """The package has a file a schema and no other; an unknown path is told."""
    folder = Path(runstone.__file__).parent / "contracts" / "agent" / "schema"
    assert {f"{name}.schema.json" for name in (*SCHEMAS.values(), TOOL_CONTRACT)} == {
        path.name for path in folder.iterdir()
    }
    assert schema_of(TOOL_CONTRACT)["title"]
    with pytest.raises(RunstoneError, match="no schema") as refused:
        schema_of("checks.json")
    assert refused.value.code == "file_not_found"


def broken(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Places in a JSON document: those of its objects."""
    found = [(path, value)] if isinstance(value, dict) else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for name, item in inner for place in broken(item, (*path, name))]


@pytest.mark.parametrize("path", sorted(set(SCHEMAS) - {"events.jsonl"}))
def test_a_document_that_lacks_a_member_is_refused(path: str) -> None:
    """Of the golden document each member of the top is needed, and another one is refused."""
    document = json.loads(read_files("good", "agent")[path])
    for name in document:
        with pytest.raises(ValidationError):
            VALIDATORS[path].validate({key: value for key, value in document.items() if key != name})
    with pytest.raises(ValidationError):
        VALIDATORS[path].validate({**document, "more": 1})


@pytest.mark.parametrize(
    ("path", "place", "value"),
    [
        ("run.json", ("status",), "done"),
        ("run.json", ("contract",), "agent/2"),
        ("run.json", ("started_at",), "2026-01-02"),
        ("run.json", ("config", "sha256"), "abc"),
        ("run.json", ("counts", "events"), "many"),
        ("run.json", ("files", "events"), "log.jsonl"),
        ("run.json", ("cost", "EUR"), 0.5),
        ("run.json", ("versions", "git"), "abc"),
        ("run.json", ("models", 0, "tokens", "input_tokens"), -1),
        ("config.snapshot.json", ("values", 0, "path"), "model"),
        ("config.snapshot.json", ("values", 0, "value"), {"not": "a leaf"}),
        ("tool_calls.json", ("calls", 0, "side_effect"), "huge"),
        ("tool_calls.json", ("calls", 0, "status"), None),
        ("tool_calls.json", ("calls", 0, "attempts"), 1.5),
        ("tool_calls.json", ("calls", 0, "calls"), "call-2"),
        ("tool_calls.json", ("calls", 0, "runs"), [3]),
        ("tool_calls.json", ("model_calls", 0, "answered_by"), 3),
        ("tool_calls.json", ("model_calls", 0, "cost", "amount"), 3),
        ("tool_calls.json", ("model_calls", 0, "prompt", "text"), "what was asked"),
        ("tool_calls.json", ("contracts", "x"), {}),
        ("evidence.json", ("citations", 0), 7),
        ("eval/scorecard.json", ("scores", 0, "value"), "much"),
        ("eval/scorecard.json", ("scores", 0, "direction"), "up"),
        ("eval/gate.json", ("ok",), "yes"),
        ("eval/gate.json", ("verdicts", 0, "rules"), {}),
    ],
)
def test_a_broken_document_is_refused(path: str, place: tuple[Any, ...], value: Any) -> None:
    """Of the golden document with one value exchanged."""
    document = json.loads(read_files("good", "agent")[path])
    at = document
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    with pytest.raises(ValidationError):
        VALIDATORS[path].validate(document)


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        ("run.opened", "kind", 3),
        ("context", "versions", ["1"]),
        ("tool.called", "name", None),
        ("tool.returned", "attempts", -1),
        ("model.called", "prompt", "what was asked"),
        ("approval", "outcome", "maybe"),
        ("verdict", "ok", "yes"),
        ("run.closed", "status", "running"),
    ],
)
def test_a_broken_line_is_refused(kind: str, member: str, value: Any) -> None:
    """Of a line of the golden journal with one member exchanged."""
    lines = [json.loads(line) for line in read_files("good", "agent")["events.jsonl"].splitlines()]
    line = next(line for line in lines if line["type"] == kind)
    VALIDATORS["events.jsonl"].validate(line)
    line["data"][member] = value
    with pytest.raises(ValidationError):
        VALIDATORS["events.jsonl"].validate(line)


# what the documents say


def test_only_what_happened_has_a_document() -> None:
    """A run of which nothing is told has its index alone, which points at the journal alone."""
    found = folded(lambda run: None)
    assert set(found) == {"run.json"}
    assert found["run.json"]["files"] == {"events": "events.jsonl"}
    assert found["run.json"]["config"] is None


def test_the_index_points_at_every_other_file() -> None:
    """Its pointers are the paths that the manifest names, those of kept files among inputs and outputs."""
    files = read_files("good", "agent")
    run = json.loads(files["run.json"])
    assert {*run["files"].values(), "run.json", "manifest.json"} == set(files)


def test_totals_are_those_of_the_calls() -> None:
    """Tokens and money of all calls, how many ended how, and what each model was used for."""
    run = folded(research)["run.json"]
    assert run["counts"]["tool_calls"] == {"blocked": 3, "cancelled": 1, "error": 1, "ok": 3}
    assert run["counts"]["model_calls"] == {"ok": 2}
    assert run["counts"]["approvals"] == {"approved": 1, "refused": 1, "unanswered": 1}
    assert run["tokens"] == {"input_tokens": 1216, "output_tokens": 80, "cached_tokens": 1000}
    assert run["cost"] == {"EUR": "0.00312"}
    assert [(row["model"], row["cost"]) for row in run["models"]] == [
        ("embed-1", {"EUR": "0.00002"}),
        ("small-1", {"EUR": "0.0031"}),
    ]


def test_a_call_has_what_ruled_over_it() -> None:
    """The rule that fired, who approved it and when stand with the call."""
    calls = {call["call"]: call for call in folded(research)["tool_calls.json"]["calls"]}
    assert [(one["outcome"], one["by"]) for one in calls["call-5"]["approvals"]] == [("approved", "ann")]
    assert calls["call-5"]["approvals"][0]["at"].endswith("Z")
    assert [one["rules"][0]["id"] for one in calls["call-8"]["decisions"]] == ["budget_calls"]
    assert calls["call-8"]["status"] == "blocked"
    assert calls["call-3"]["parent"] == "call-2"
    assert calls["call-3"]["attempts"] == 3


def test_a_call_has_the_calls_and_the_runs_in_it() -> None:
    """By their ids, in order, of tools and of models; of a run that was told twice the list counts."""
    found = folded(research)["tool_calls.json"]
    calls = {call["call"]: call for call in (*found["calls"], *found["model_calls"])}
    assert calls["call-2"]["calls"] == ["call-3", "call-4"]
    assert calls["call-4"]["calls"] == []
    assert [calls[name]["runs"] for name in ("call-2", "call-3", "call-4")] == [["part-2", "part-3"], ["part-1"], []]
    assert {call["call"] for call in calls.values() if call["parent"] == "call-2"} == {*calls["call-2"]["calls"]}


def test_a_sub_agent_is_told_by_the_call_that_began_it() -> None:
    """Of a tool and of a model: the child run's id stands with the call, as its digest stands in the index."""
    store = ArtifactStore("memory:")
    with store.open("research") as run:
        with run.tool_call("delegate"), store.open("reader", parent=run) as one:
            pass
        with run.model_call("m", "p"), run.child("writer") as two:
            pass
    found = store.get(run.run_id)
    told = found.tool_calls or {}
    assert [call["runs"] for call in (*told["calls"], *told["model_calls"])] == [[one.run_id], [two.run_id]]
    assert [child["run_id"] for child in found.run["children"]] == [one.run_id, two.run_id]


def test_a_model_call_has_who_was_asked_and_who_answered() -> None:
    """The provider may name another model than the one that was asked; where it names none, nobody knows."""
    first, second = folded(research)["tool_calls.json"]["model_calls"]
    assert (first["model"], first["answered_by"]) == ("small-1", "small-1-2026-05-01")
    assert (second["model"], second["answered_by"]) == ("embed-1", None)


def test_no_text_of_a_prompt_is_in_a_document() -> None:
    """Whatever a program records beside sizes and digests: documents take these alone."""

    def leaky(run: Any) -> None:
        asked(run, "call-1", prompt={"bytes": 3, "sha256": "a" * 64, "messages": 1, "text": "what was asked"})
        answered(run, "call-1", output={"bytes": 3, "sha256": "a" * 64, "chunks": 1, "text": "what was said"})

    (call,) = folded(leaky)["tool_calls.json"]["model_calls"]
    assert "text" not in call["prompt"]
    assert "text" not in call["output"]


def test_the_configuration_says_where_each_value_came_from() -> None:
    """A source counts for all that stands below it, unless a deeper one does; none is null."""
    config = {"model": {"name": "small", "heat": 0.2}, "a/b~c": [1, {}], "seed": None}
    sources = {"/model": "agent.toml", "/model/heat": "--heat", "/a~1b~0c/0": "env", "/nothing": "x"}
    snapshot = folded(lambda run: None, config=config, sources=sources, volatile=["/seed"])["config.snapshot.json"]
    assert {row["path"]: (row["value"], row["source"]) for row in snapshot["values"]} == {
        "/a~1b~0c/0": (1, "env"),
        "/a~1b~0c/1": ({}, None),
        "/model/heat": (0.2, "--heat"),
        "/model/name": ("small", "agent.toml"),
        "/seed": (None, None),
    }
    assert (snapshot["config"], snapshot["sources"], snapshot["volatile"]) == (config, sources, ["/seed"])


@pytest.mark.parametrize("source", ["env:OPENAI_API_KEY", "file:/etc/agent.toml", "vault:agent#key", "$OPENAI_API_KEY"])
def test_a_reference_says_where_a_secret_came_from(source: str) -> None:
    """The secret goes; what only says where it stood stays, as the docs say how to write it."""
    told = {"config": {"api_key": "hunter2hunter2"}, "sources": {"/api_key": source}}
    (row,) = folded(lambda run: None, **told)["config.snapshot.json"]["values"]
    assert row == {"path": "/api_key", "value": "[REDACTED:named-secret]", "source": source}


def test_the_configuration_of_two_runs_is_compared_by_its_digest() -> None:
    """Nothing of the run is in the snapshot: the same configuration has the same digest in every index."""
    one, other = (folded(lambda run: None, config={"model": "small"})["run.json"] for _ in range(2))
    assert one["run_id"] != other["run_id"]
    assert one["config"] == other["config"]


def test_the_index_has_an_error_in_short() -> None:
    """Type, code and message; the traceback stays in the journal. What is no object is its own message."""
    store = ArtifactStore("memory:")
    with pytest.raises(ValueError, match="no"), store.open("research") as run:
        raise ValueError("no")
    assert store.get(run.run_id).run["error"] == {"type": "ValueError", "code": None, "message": "no"}
    run = store.open("research")
    run.finish("failed", error=["no", "object"])
    assert store.get(run.run_id).run["error"]["message"] == '["no","object"]'


def test_references_of_checks_lead_somewhere() -> None:
    """Into the log, which is derived, and into documents."""

    def checked(run: Any) -> None:
        called(run, "call-1", "t", {})
        run.log("a line")
        run.check("told", "pass", ["run.log:line:1", "tool_calls.json:$.calls[0].name", "run.json:$.files.events"])
        run.check("untold", "pass", "run.log:line:2")

    run = folded(checked)["run.json"]
    assert [(found["id"], found["status"]) for found in run["checks"]] == [
        ("told", "pass"),
        ("untold", "pass"),
        ("evidence_resolves", "fail"),
    ]


# whatever was said


CALL = st.sampled_from(["call-1", "call-2", "call-3"])
ODD = ("ref", "side_effect", "usage", "cost", "model", "items", "problems", "child", "children", "run_id")
EXTRAS = st.fixed_dictionaries({}, optional=dict.fromkeys(ODD, JSON))
AROUND = st.builds(lambda more, parent: {**more, "parent": parent}, EXTRAS, CALL | st.none())
TEXT = st.text(max_size=3)


@st.composite
def events(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Things to tell of calls, in any order and with anything in optional members."""
    answers = EXTRAS.filter(lambda more: not more.keys() & _OBJECTS)
    one = st.one_of(
        st.tuples(st.just(called), CALL, TEXT, JSON, AROUND),
        st.tuples(st.just(returned), CALL, TEXT, EXTRAS),
        st.tuples(st.just(asked), CALL, TEXT, EXTRAS.filter(lambda more: "model" not in more)),
        st.tuples(st.just(answered), CALL, TEXT, answers),
        st.tuples(st.just(ruled), CALL | st.none(), TEXT, TEXT, TEXT, EXTRAS),
    )
    return draw(st.lists(one, max_size=8))


_OBJECTS = {"usage", "cost"}
"""Members that an answer of a model must have, as objects or null."""


@given(events(), JSON, st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_whatever_was_said_has_documents_that_fit(told: list[tuple[Any, ...]], config: Any, sources: Any) -> None:
    """Any journal that can be sealed has its documents, and each is valid."""

    def say(run: Any) -> None:
        for function, *args, more in told:
            function(run, *args, **more)

    folded(say, config=config, sources=sources)


@given(JSON, JSON)
def test_any_end_has_an_index(error: Any, result: Any) -> None:
    """Whatever a run returned or failed with."""
    store = ArtifactStore("memory:")
    run = store.open("research")
    run.finish("failed", error=error, result=result)
    files = files_of(store.store, run.run_id)
    check(files)
    assert set(store.get(run.run_id).run) == set(json.loads(files["run.json"]))


def test_a_recovered_run_has_its_documents(tmp_path: Path) -> None:
    """The process died in the middle of a call: it is open in the documents."""
    check(read_files("good", "agent-interrupted"))
    (call,) = json.loads(read_files("good", "agent-interrupted")["tool_calls.json"])["calls"]
    assert (call["status"], call["attempts"], call["duration_ns"]) == ("open", 0, None)
    assert json.loads(read_files("good", "agent-interrupted")["run.json"])["status"] == "interrupted"


def test_a_verdict_is_the_gate() -> None:
    """`eval/gate.json` is there if a verdict on the run was recorded, and only then."""
    assert "eval/gate.json" not in folded(lambda run: run.event("score", {"name": "a", "value": 1}))
    found = folded(lambda run: tell(run, "verdict", ok=False, baseline=None, rules=[]))
    assert found["eval/gate.json"]["ok"] is False
    assert found["run.json"]["files"]["gate"] == "eval/gate.json"
