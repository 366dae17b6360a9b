"""The models of rentl take and refuse what its JSON Schemas do, both ways; and write what was read, byte by byte."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rentl_instances import NEAR, accepts_model, accepts_schema, good, nearly_good

from runstone.contracts import rentl
from runstone.contracts.rentl import models
from runstone.contracts.rentl.printing import bytes_of, parse, value_of

RECORDS: list[type[BaseModel]] = [
    models.RunStateRecord,
    models.RunIndexRecord,
    models.ArtifactMetadata,
    models.ArtifactManifest,
    models.LogFileReference,
    models.LogEntry,
    models.StorageErrorInfo,
]
by_name = pytest.mark.parametrize("model", RECORDS, ids=[model.__name__ for model in RECORDS])
quickly = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def minus_is_less(instance: Any) -> bool:
    """Whether somewhere a `value` stands that is less than nought: the schemas bound it by a word that is none
    (`ge`), and the models do not."""
    if isinstance(instance, dict):
        value = instance.get("value")
        if "metric_key" in instance and isinstance(value, int | float) and value < 0:
            return True
        return any(map(minus_is_less, instance.values()))
    return isinstance(instance, list) and any(map(minus_is_less, instance))


@by_name
@quickly
@given(data=st.data())
def test_a_model_takes_what_its_schema_takes(model: type[BaseModel], data: st.DataObject) -> None:
    """And refuses what it refuses."""
    schema = model.model_json_schema()
    for instance in (data.draw(good(schema)), data.draw(nearly_good(schema))):
        if not minus_is_less(instance):
            assert accepts_model(model, instance) == accepts_schema(schema, instance)


@by_name
@quickly
@given(data=st.data())
def test_schemas_mean_the_same(model: type[BaseModel], data: st.DataObject, shared: Path) -> None:
    """What is made by theirs or by ours, good or nearly good, both take or both refuse, and so does the model."""
    theirs = json.loads((shared / "samples" / "rentl" / f"{model.__name__}.schema.json").read_bytes())
    ours = model.model_json_schema()
    for schema in (theirs, ours):
        for instance in (data.draw(good(schema)), data.draw(nearly_good(schema))):
            assert accepts_schema(theirs, instance) == accepts_schema(ours, instance), instance
            if not minus_is_less(instance):
                assert accepts_model(model, instance) == accepts_schema(theirs, instance), instance


@by_name
def test_schemas_mean_the_same_at_every_border(model: type[BaseModel], shared: Path) -> None:
    """Each member of each object, taken away or made each of the values that are nearly right."""
    theirs = json.loads((shared / "samples" / "rentl" / f"{model.__name__}.schema.json").read_bytes())
    ours = model.model_json_schema()
    whole = WHOLE[model.__name__]
    assert accepts_schema(theirs, whole)
    assert accepts_model(model, whole)
    verdicts = set()
    every = list(borders(whole))
    for changed in random.Random(8).sample(every, min(len(every), BORDERS)):
        expected = accepts_schema(theirs, changed)
        verdicts.add(expected)
        assert accepts_schema(ours, changed) == expected, changed
        if not minus_is_less(changed):
            assert accepts_model(model, changed) == expected, changed
    assert verdicts == {True, False}


BORDERS = 400


def borders(value: Any) -> Any:
    """A value, changed at one place each."""
    if isinstance(value, dict):
        for key in value:
            yield {other: item for other, item in value.items() if other != key}
            for near in NEAR:
                yield {**value, key: near}
            for inner in borders(value[key]):
                yield {**value, key: inner}
        yield {**value, "more": 1}
    elif isinstance(value, list):
        for number, item in enumerate(value):
            for inner in borders(item):
                yield [*value[:number], inner, *value[number + 1 :]]


ID = "01890a5c-91c8-7b2a-9f51-9b40d0cf0001"
AT = "2026-02-03T04:05:06Z"
ERROR = {"code": "boom", "message": "it broke", "details": {"a": None, "b": [1, 2.5, {}]}}
META = {
    "run_id": ID,
    "schema_version": {"major": 0, "minor": 1, "patch": 0},
    "status": "running",
    "current_phase": "qa",
    "created_at": AT,
    "started_at": AT,
    "completed_at": None,
}
SUMMARY = {"percent_complete": 50.0, "percent_mode": "final", "eta_seconds": 2.5, "notes": "half"}
QA = {"total_issues": 1, "by_category": {"style": 1}, "by_severity": {"minor": 1}}
METRIC = {
    "metric_key": "lines_done",
    "unit": "lines",
    "completed_units": 3,
    "total_units": 6,
    "total_status": "locked",
    "percent_complete": 50.0,
    "percent_mode": "final",
    "eta_seconds": 0.5,
    "notes": "n",
}
PHASE = {
    "phase": "qa",
    "status": "running",
    "summary": SUMMARY,
    "metrics": [METRIC],
    "started_at": AT,
    "completed_at": AT,
}
HISTORY = {
    "phase_run_id": ID,
    "phase": "qa",
    "revision": 1,
    "status": "completed",
    "target_language": "de",
    "started_at": AT,
    "completed_at": AT,
    "stale": True,
    "artifact_ids": [ID],
    "error": ERROR,
    "message": "m",
    "dependencies": [{"phase": "edit", "revision": 2, "target_language": "de-AT"}],
    "summary": {
        "phase": "qa",
        "target_language": "de",
        "dimensions": [{"key": "scene", "value": "s1"}],
        "qa_summary": QA,
        "metrics": [{"metric_key": "issues", "unit": "issues", "value": 2, "notes": "n"}],
    },
}
PLACE = {"backend": "filesystem", "path": "artifacts/x.json", "uri": "file:x"}
REFERENCE = {"artifact_id": ID, "path": "p", "uri": "u", "format": "jsonl", "created_at": AT, "description": "d"}
ARTIFACT = {
    "artifact_id": ID,
    "run_id": ID,
    "role": "phase_output",
    "phase": "qa",
    "target_language": "ja",
    "format": "jsonl",
    "created_at": AT,
    "location": PLACE,
    "description": "d",
    "size_bytes": 3,
    "checksum_sha256": "0a" * 32,
    "metadata": {"free": [None, {"deep": 1.5}]},
}
WHOLE: dict[str, Any] = {
    "RunStateRecord": {
        "run_id": ID,
        "stored_at": AT,
        "location": PLACE,
        "checksum_sha256": "0a" * 32,
        "state": {
            "metadata": META,
            "progress": {"phases": [PHASE], "summary": SUMMARY, "phase_weights": {"qa": 0.5, "edit": 1}},
            "artifacts": [{"phase": "qa", "artifacts": [REFERENCE]}],
            "phase_history": [HISTORY],
            "phase_revisions": [{"phase": "qa", "revision": 1, "target_language": "ja"}],
            "last_error": ERROR,
            "qa_summary": QA,
        },
    },
    "RunIndexRecord": {
        "metadata": META,
        "project_name": "p",
        "source_language": "ja",
        "target_languages": ["de", "en-GB"],
        "updated_at": AT,
        "progress": SUMMARY,
        "last_error": ERROR,
    },
    "ArtifactMetadata": ARTIFACT,
    "ArtifactManifest": {"run_id": ID, "generated_at": AT, "artifacts": [ARTIFACT]},
    "LogFileReference": {
        "run_id": ID,
        "location": PLACE,
        "format": "jsonl",
        "created_at": AT,
        "updated_at": AT,
        "entry_count": 2,
    },
    "LogEntry": {
        "timestamp": AT,
        "level": "warn",
        "event": "run_started",
        "run_id": ID,
        "phase": "qa",
        "message": "m",
        "data": {"a": None},
    },
    "StorageErrorInfo": {
        "code": "io_error",
        "message": "m",
        "details": {
            "operation": "o",
            "run_id": ID,
            "artifact_id": ID,
            "backend": "s3",
            "path": "p",
            "uri": "u",
            "reason": "r",
        },
    },
}


# bytes


@by_name
def test_what_is_read_is_written_again(model: type[BaseModel]) -> None:
    """Every member, in whatever order it came; the profile is what pydantic prints, too."""
    record = parse(model, json.dumps(WHOLE[model.__name__]).encode())
    written = bytes_of(value_of(record))
    assert written == record.model_dump_json(exclude_none=True).encode()
    assert bytes_of(value_of(parse(model, written))) == written
    assert json.loads(written) == {**json.loads(json.dumps(WHOLE[model.__name__])), **without_nulls(model)}


def without_nulls(model: type[BaseModel]) -> dict[str, Any]:
    """What of the whole instance is written otherwise: a null member is not."""
    metadata = {key: value for key, value in META.items() if value is not None}
    if model is models.RunIndexRecord:
        return {"metadata": metadata}
    if model is models.RunStateRecord:
        return {"state": {**WHOLE["RunStateRecord"]["state"], "metadata": metadata}}
    return {}


def test_absent_null_and_empty_are_three() -> None:
    """A list that is empty is written, one that is not there is not; free JSON keeps its nulls; log lines have all."""
    record = parse(models.RunStateRecord, json.dumps(WHOLE["RunStateRecord"]).encode())
    state = record.state.model_copy(update={"phase_history": [], "phase_revisions": None})
    written = json.loads(bytes_of(value_of(record.model_copy(update={"state": state}))))["state"]
    assert written["phase_history"] == []
    assert "phase_revisions" not in written
    assert written["last_error"]["details"]["a"] is None
    entry = models.LogEntry.model_validate(
        {"timestamp": AT, "level": "info", "event": "e", "run_id": ID, "message": "m"}
    )
    assert bytes_of(value_of(entry, nulls=True)).endswith(b'"phase":null,"message":"m","data":null}')


def test_what_a_newer_writer_added_is_kept() -> None:
    """At the end of its object, as it was."""
    newer = {**WHOLE["ArtifactMetadata"], "later": {"x": None}}
    written = bytes_of(value_of(parse(models.ArtifactMetadata, json.dumps(newer).encode())))
    assert written.endswith(b',"later":{"x":null}}')


def test_a_number_that_is_no_number_is_not_taken() -> None:
    """NaN and infinities are no JSON, however they come."""
    for text in (b"NaN", b"Infinity", b"1e999"):
        with pytest.raises(rentl.StorageError):
            parse(models.ProgressSummary, b'{"percent_mode":"final","eta_seconds":%b}' % text)


def test_sample_files_are_the_same_bytes(shared: Path) -> None:
    """Read and written again, through the models."""
    samples = shared / "samples" / "rentl" / "fs_samples"
    seen = 0
    for path in sorted(samples.rglob("*.json*")):
        body = path.read_bytes()
        kinds = {"runs": models.RunStateRecord, "index": models.RunIndexRecord, "logs": models.LogEntry}
        if path.name == "index.jsonl":
            again = b"".join(
                bytes_of(value_of(parse(models.ArtifactMetadata, line))) + b"\n" for line in body.splitlines()
            )
        elif path.parent.name in kinds:
            kind: Any = kinds[path.parent.name]
            end = b"\n" if path.suffix == ".jsonl" else b""
            again = b"".join(
                bytes_of(value_of(parse(kind, line), nulls=kind is models.LogEntry)) + end for line in body.splitlines()
            )
        else:
            continue
        seen += 1
        assert again == body, path
    assert seen == 6
