"""`RunStore`, models, hashes and the contract's document, as programs of RMOS use them."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from datetime import UTC
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from saw_service import CALM, WILD, Service

import runstone
import runstone.contracts.rmos as rmos
from runstone.contracts.rmos import (
    Hashes,
    RunArtifact,
    RunDecision,
    RunOutputs,
    RunStore,
    sha256_json,
    sha256_text,
    summarize_request,
)
from runstone.contracts.rmos.hashing import as_json
from runstone.errors import RunstoneError

SCHEMA = Path(rmos.__file__).parent / "schema" / "run_artifact.schema.json"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty store."""
    return RunStore(tmp_path / "runs")


def artifact(store: RunStore, **changes: Any) -> RunArtifact:
    """An artifact as a program of RMOS makes it."""
    judged = {"risk_level": "RED", "score": 3.0, "limit": 80.0}
    facts: dict[str, Any] = {
        "run_id": store.new_run_id(),
        "mode": "saw",
        "tool_id": "saw:kerf",
        "status": "BLOCKED",
        "request_summary": {"b": 1, "a": 2.0},
        "feasibility": judged,
        "decision": RunDecision(risk_level="RED", score=3.0, block_reason="too fast"),
        "hashes": Hashes(feasibility_sha256=sha256_json(judged)),
        "outputs": RunOutputs(),
        "meta": {"policy": {"block_on_red": True, "treat_unknown_as_red": True}},
    }
    return RunArtifact(**{**facts, **changes})


def test_an_artifact_is_written_and_read(store: RunStore) -> None:
    """What a program wrote is what it reads; the time is that of the record."""
    made = artifact(store)
    path = store.write_artifact(made)
    found = store.get(made.run_id)
    assert path == store.path(made.run_id)
    assert json.loads(path.read_bytes())["status"] == "BLOCKED"
    assert found.model_dump(exclude={"created_at_utc"}) == made.model_dump(exclude={"created_at_utc"})
    assert found.created_at_utc.tzinfo == UTC
    assert store.document(made.run_id)["created_at_utc"] == store.store.get(made.run_id).opened_at
    assert store.store.verify(made.run_id).findings == []
    assert [row["risk_level"] for row in store.runs().items] == ["RED"]


@pytest.mark.parametrize("status", ["OK", "BLOCKED", "ERROR"])
def test_statuses_of_the_kernel(store: RunStore, status: str) -> None:
    """Each status of the document has its own."""
    run_id = store.new_run_id()
    store.write_artifact(artifact(store, run_id=run_id, status=status))
    kernel = {"OK": "success", "BLOCKED": "blocked", "ERROR": "failed"}[status]
    assert (store.store.get(run_id).status, store.document(run_id)["status"]) == (kernel, status)


def test_a_run_is_written_once(store: RunStore) -> None:
    """Another one of its id is a conflict."""
    made = artifact(store)
    store.write_artifact(made)
    with pytest.raises(runstone.Conflict):
        store.write_artifact(made)


def test_a_place_that_is_taken_refuses_an_artifact(store: RunStore) -> None:
    """Before anything is recorded: once the file is gone it can be written."""
    first, made = artifact(store), artifact(store)
    path = store.write_artifact(first).with_name(f"{made.run_id}.json")
    path.write_text("{}")
    with pytest.raises(RunstoneError) as refused:
        store.write_artifact(made)
    assert refused.value.code == "published_conflict"
    assert ([row["run_id"] for row in store.runs().items], path.read_text()) == ([first.run_id], "{}")
    path.unlink()
    assert store.write_artifact(made) == path


@pytest.mark.parametrize(
    "wrong",
    [
        {"hashes": {"feasibility_sha256": "0" * 64}},
        {"status": "DONE"},
        {"run_id": 7},
        {"feasibility": {"x": float("nan")}},
        {"meta": {"x": "\ud800"}},
        {"tool_id": "\ud800"},
        {"hashes": None},
        {"outputs": {"gcode_text": 7}},
        {"outputs": {"opplan_json": [1]}},
        {"outputs": "G90"},
        {"outputs": {"preview_svg_path": ["a.svg"]}},
        *({"status": status} for status in (["OK"], {"OK": 1}, None, 7)),
        *({key: [1]} for key in ("mode", "tool_id", "request_summary", "feasibility", "decision", "hashes", "meta")),
        *({"decision": {key: {1: 2}}} for key in ("risk_level", "score", "block_reason", "warnings")),
        *(
            {"decision": wrong}
            for wrong in ({"details": ["none"]}, {"score": 10**400}, {"score": True}, {"warnings": [7]})
        ),
        {"outputs": {"gcode_text": "G0\n" * 100_000, "gcode_path": "elsewhere.nc"}},
        {"request_summary": {"x": "y" * (8 << 20)}},
    ],
)
def test_an_artifact_that_is_none_is_refused(store: RunStore, wrong: dict[str, Any]) -> None:
    """Before anything is recorded."""
    value = {**artifact(store).model_dump(mode="json"), **wrong}
    if wrong.get("feasibility") == [1]:
        value["hashes"] = {"feasibility_sha256": sha256_json([1])}
    with pytest.raises(RunstoneError):
        store.write_artifact(value)
    assert list(store.store.runs()) == []
    assert list(store.store.journals.open_ids()) == []


OTHER_HASH = "5" * 64
GCODE = "G90\nG21\nM2\n"
PLAN = {"kind": "saw_opplan", "depth": 2.0}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("feasibility_sha256", {}),
        ("gcode_sha256", {"outputs": {"gcode_text": GCODE}}),
        ("opplan_sha256", {"outputs": {"opplan_json": PLAN}}),
        ("toolpaths_sha256", {"toolpaths": {"mode": "saw"}}),
    ],
)
@pytest.mark.parametrize("told", [OTHER_HASH, 5])
def test_a_false_hash_is_refused(store: RunStore, name: str, content: dict[str, Any], told: Any) -> None:
    """By its name, and before anything is recorded; so is what is no hash."""
    value = {**artifact(store).model_dump(mode="json"), **content}
    value["hashes"] = {**value["hashes"], name: told}
    with pytest.raises(runstone.InvalidInput) as refused:
        store.write_artifact(value)
    assert refused.value.code == "invalid_option"
    assert f"hashes.{name}" in refused.value.message
    assert list(store.store.runs()) == []


@pytest.mark.parametrize("told", ["5" * 63, "5" * 63 + "A", "sha256:" + OTHER_HASH, 5])
@pytest.mark.parametrize("name", ["toolpaths_sha256", "gcode_sha256", "opplan_sha256"])
def test_what_is_no_hash_is_refused(store: RunStore, name: str, told: Any) -> None:
    """Also where its content is elsewhere."""
    value = artifact(store).model_dump(mode="json")
    value["hashes"][name] = told
    with pytest.raises(runstone.InvalidInput) as refused:
        store.write_artifact(value)
    assert refused.value.details["found"] == str(told)
    assert list(store.store.runs()) == []


def test_hashes_of_what_stands_in_an_artifact_are_made(store: RunStore) -> None:
    """Where they are null; one whose content is elsewhere stands as it is told."""
    made = artifact(store, outputs=RunOutputs(gcode_text=GCODE, opplan_json=PLAN))
    made.hashes.toolpaths_sha256 = OTHER_HASH
    store.write_artifact(made)
    hashes = store.document(made.run_id)["hashes"]
    assert hashes == {
        "feasibility_sha256": sha256_json(made.feasibility),
        "toolpaths_sha256": OTHER_HASH,
        "gcode_sha256": sha256_text(GCODE),
        "opplan_sha256": sha256_json(PLAN),
    }


def test_hashes_are_over_what_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is taken out of an artifact, and the hash of what held it is that of what is left."""
    secret = secrets.token_hex(20)
    monkeypatch.setenv("MACHINE_TOKEN", secret)
    store, judged = RunStore(tmp_path / "runs"), {"risk_level": "GREEN", "source": f"sensor {secret}"}
    hashes, outputs = Hashes(feasibility_sha256=sha256_json(judged)), RunOutputs(gcode_text=GCODE)
    made = artifact(store, feasibility=judged, hashes=hashes, outputs=outputs)
    store.write_artifact(made)
    found = store.document(made.run_id)
    assert found["feasibility"] != judged
    assert found["hashes"]["feasibility_sha256"] == sha256_json(found["feasibility"])
    (use,) = store.store.find(f"sha256:{sha256_text(GCODE)}")
    assert use.decision["facts_sha256"] == found["hashes"]["feasibility_sha256"]
    assert store.store.verify(made.run_id).findings == []


@pytest.mark.parametrize("lines", [1, 50_000])
def test_a_gcode_file_names_the_artifact_that_was_written(store: RunStore, tmp_path: Path, lines: int) -> None:
    """Whether its G-code stands in the document or beside it."""
    gcode = "G1 X1\n" * lines
    made = artifact(store, outputs=RunOutputs(gcode_text=gcode))
    store.write_artifact(made)
    part = tmp_path / "part.nc"
    part.write_bytes(gcode.encode())
    (use,) = store.store.find(part)
    assert (use.row["run_id"], use.decision and use.decision["risk_level"]) == (made.run_id, "RED")
    assert use.decision["facts_sha256"] == made.hashes.feasibility_sha256


def test_a_gcode_file_names_an_artifact_that_tells_only_its_hash(store: RunStore, tmp_path: Path) -> None:
    """G-code that is kept elsewhere is known by its hash."""
    part = tmp_path / "part.nc"
    part.write_bytes(GCODE.encode())
    made = artifact(store, outputs=RunOutputs(gcode_path="elsewhere/part.nc"))
    made.hashes.gcode_sha256 = sha256_text(GCODE)
    store.write_artifact(made)
    assert [use.row["run_id"] for use in store.store.find(part)] == [made.run_id]
    assert store.get(made.run_id).outputs.gcode_path == "elsewhere/part.nc"


def test_what_is_long_is_kept_as_files(store: RunStore) -> None:
    """G-code of over 200,000 characters and a plan of over 1 MB; the document names them where they were."""
    gcode, plan = "G1 X1\n" * 50_000, {"cuts": ["x" * 100] * 12_000}
    made = artifact(store, outputs=RunOutputs(gcode_text=gcode, opplan_json=plan))
    store.write_artifact(made)
    found, sealed = store.get(made.run_id), store.store.get(made.run_id)
    assert (found.outputs.gcode_text, found.outputs.opplan_json) == (None, None)
    assert sealed.file(str(found.outputs.gcode_path)) == gcode.encode()
    assert sha256_json(json.loads(sealed.file(str(found.outputs.opplan_path)))) == found.hashes.opplan_sha256
    assert (found.hashes.gcode_sha256, found.hashes.opplan_sha256) == (sha256_text(gcode), sha256_json(plan))
    assert store.store.verify(made.run_id).findings == []


def test_the_folder_is_read_at_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RMOS_RUNS_DIR`, else below the working directory; what is given goes before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RMOS_RUNS_DIR", raising=False)
    store = RunStore()
    assert store.runs_dir == tmp_path / "services/api/data/runs/rmos"
    monkeypatch.setenv("RMOS_RUNS_DIR", "elsewhere")
    assert store.runs_dir == tmp_path / "elsewhere"
    assert store.store.url == str(tmp_path / "elsewhere" / ".runstone" / "store")
    assert RunStore("given").runs_dir == tmp_path / "given"
    assert list(tmp_path.iterdir()) == []


def test_run_ids_are_32_hexadecimal_digits(store: RunStore) -> None:
    """And no rule takes one for a secret."""
    redactor = store.store.redactor()
    made = {store.new_run_id() for _ in range(500)}
    assert len(made) == 500
    assert all(len(run_id) == 32 and not redactor.text(run_id)[1] for run_id in made)


# hashes


class Risk(str, Enum):  # noqa: UP042  # as the first writer has it
    """A level that is text."""

    GREEN = "GREEN"


class Order(IntEnum):
    """A number that has a name."""

    FIRST = 1


class Level(float):
    """A number whose text is its own."""

    __repr__ = __str__ = lambda _: "level"  # type: ignore[assignment]  # whatever it says


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1, 2.0, -0.0, 1e16, 1e-5, True, None]}, '{"a":[1,2.0,-0.0,1e+16,1e-05,true,null],"b":1}'),
        ({"ü": "\u2028\x7f\n", "é": "é"}, '{"é":"é","ü":"\u2028\x7f\\n"}'),
        ((1, (2,)), "[1,[2]]"),
        ({10: "x", 2: 2, 2.5: 4, True: 0}, '{"true":0,"2":2,"2.5":4,"10":"x"}'),
        ({None: 2}, '{"null":2}'),
        ({Risk.GREEN: Risk.GREEN, "A": Order.FIRST}, '{"A":1,"GREEN":"GREEN"}'),
        ({Order.FIRST: {-1.5: Level(2.0)}}, '{"1":{"-1.5":2.0}}'),
        (10**40, str(10**40)),
    ],
)
def test_hashes_are_of_the_stable_text(value: Any, text: str) -> None:
    """Sorted, compact, floats apart from integers, only what must be escaped."""
    assert sha256_json(value) == sha256_text(text)


def test_hashes_agree_with_the_standard_library() -> None:
    """The text is what `json.dumps` gives, for what JSON can hold."""
    value = {"ü": [1.5, 1e22, 3e-7, '\u0001"\\', {"b": None, "a": {}}], "z": []}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert sha256_json(value) == sha256_text(text)


KEYS = [
    st.text(max_size=3) | st.sampled_from(Risk),
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.sampled_from(Order),
    st.none(),
]
LEAVES = st.one_of(*KEYS) | st.floats(allow_nan=False, allow_infinity=False).map(Level)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.one_of(st.dictionaries(keys, inner, max_size=4) for keys in KEYS)
        | st.dictionaries(st.one_of(*KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_hashes_are_those_of_the_first_writer(value: Any) -> None:
    """`json.dumps` with its keys sorted: what it refuses has no hash; what is recorded says the same, read again."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except TypeError:
        with pytest.raises(RunstoneError):
            sha256_json(value)
        return
    assert sha256_json(value) == sha256_text(text)
    assert json.dumps(as_json(value), sort_keys=True) == json.dumps(json.loads(text), sort_keys=True)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), object(), {1, 2}, {b"x": 1}, b"x", {1: 0, "a": 0}, {None: 0, 1: 0}, {float("nan"): 0},
     Level("nan"), [10**5000], {10**5000: 0}],
)  # fmt: skip
def test_what_is_no_json_has_no_hash(value: Any) -> None:
    """Rather than one that means nothing."""
    with pytest.raises(RunstoneError):
        sha256_json(value)


@pytest.mark.parametrize("as_model", [True, False])
def test_an_artifact_may_hold_what_json_turns_into_text(store: RunStore, as_model: bool) -> None:
    """Its hash is that of the first writer; in the document enumerations and keys are text, and hashed so."""
    judged = {"risk_level": Risk.GREEN, "passes": {1: 2.0, 2: 2.0, 10: 1.5}}
    made = artifact(store, status="OK", feasibility=judged, hashes=Hashes(feasibility_sha256=sha256_json(judged)))
    store.write_artifact(made if as_model else {**made.model_dump(), "created_at_utc": None})
    found = store.document(made.run_id)
    assert found["feasibility"] == {"risk_level": "GREEN", "passes": {"1": 2.0, "2": 2.0, "10": 1.5}}
    assert found["hashes"]["feasibility_sha256"] == sha256_json(found["feasibility"])


def test_a_request_is_summarized() -> None:
    """Without the client's feasibility; long things by their length; at most so many keys."""
    assert summarize_request({"b": [0] * 201, "feasibility": {}, "a": {}}) == {
        "a": {},
        "b": {"type": "list", "len": 201},
    }
    assert summarize_request({"c": 1, "b": 2, "a": 3}, max_keys=2) == {"a": 3, "b": 2}


# the document


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("x.rmos.request", {"mode": 7, "tool_id": None, "summary": [], "policy": "x"}),
        ("x.rmos.request", {"summary": {"a": 1}, "parent": 3}),
        ("x.rmos.toolpaths", {}),
        ("x.rmos.toolpaths", {"payload": 5, "gcode_text": 7, "opplan": []}),
        ("x.rmos.toolpaths", {"payload": {"gcode": ["x"], "opplan": {"a": 1}}}),
        ("x.rmos.artifact", {"document": "x"}),
        ("x.rmos.artifact", {}),
        ("decision", {"call": None, "outcome": None, "risk_level": None, "score": "high", "block_reason": None,
                      "warnings": [], "rules": [], "details": [1], "policy": None}),
        ("x.mine", {"a": 1}),
    ],
)  # fmt: skip
def test_every_journal_has_its_document(store: RunStore, type: str, data: dict[str, Any]) -> None:
    """Whatever a program records by the contract's events."""
    run = store.store.run("saw", run_id="r", contract="rmos", strict=True)
    run.event(type, data)
    run.finish()
    assert store.document("r")["run_id"] == "r"
    assert store.store.verify("r").findings == []
    assert [row["run_id"] for row in store.runs().items] == ["r"]


def test_documents_have_their_schema(tmp_path: Path) -> None:
    """Of an allowed, a blocked and a failed request, and of one that was written."""
    validator = Draft202012Validator(json.loads(SCHEMA.read_bytes()))
    service = Service(tmp_path / "runs")
    for answer in (service.ask(CALM), service.ask(WILD), service.ask(CALM, fail="x"), service.ask({})):
        validator.validate(service.one(answer))
    made = artifact(service.store)
    service.store.write_artifact(made)
    validator.validate(service.store.document(made.run_id))
    assert set(json.loads(SCHEMA.read_bytes())["properties"]) == set(RunArtifact.model_fields)


def test_the_command_knows_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`runstone contract` folds the document, `verify` compares the published copy."""
    from runstone.cli import main

    service = Service(tmp_path / "runs")
    answer = service.ask(CALM)
    run_id, store = answer.content["_run_id"], str(service.store.store.url)
    assert main(["contract", "rmos", run_id, "--store", store, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"][0]["standing"] == "published"
    assert main(["verify", run_id, "--store", store]) == 0
    assert "10  published copies" in capsys.readouterr().out


def test_folding_needs_no_framework(tmp_path: Path) -> None:
    """Recording, folding and verifying load neither pydantic nor FastAPI."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from saw_service import Service, CALM\n"
        f"service = Service(Path({str(tmp_path / 'runs')!r}))\n"
        "service.one(service.ask(CALM))\n"
        "print(sorted({'pydantic', 'fastapi', 'starlette', 'click'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
