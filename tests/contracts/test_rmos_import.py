"""Import of run artifacts that another writer of RMOS left: a folder by days, or one file of many."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.core.planted import checked

import runstone
from runstone.contracts.rmos import RunStore, runs_router, sha256_json
from runstone.contracts.rmos.original import MAX_SHARED_BYTES
from runstone.core.digests import sha256_hex
from runstone.errors import RunstoneError

ID = "5d0c8c2f1b7a4e0e9f3a6b7c8d9e0f10"


def artifact(run_id: str = ID, **changes: Any) -> dict[str, Any]:
    """A run as the first writer of these prints it: no key is sorted, and times are as Python shows them."""
    judged = {"risk_level": "YELLOW", "score": 71.0, "rim": {"limit": 80.0, "b": 1, "a": 2.5}}
    found = {
        "run_id": run_id,
        "created_at_utc": "2026-02-03 23:30:00.250000+02:00",
        "mode": "saw",
        "tool_id": "saw:kerf",
        "status": "OK",
        "request_summary": {"z": 1, "a": None},
        "feasibility": judged,
        "decision": {"risk_level": "YELLOW", "score": 71.0, "block_reason": None, "warnings": ["high"], "details": {}},
        "hashes": {"feasibility_sha256": sha256_json(judged), "toolpaths_sha256": "ab" * 32},
        "outputs": {"gcode_text": "M2\n"},
        "meta": {},
    }
    return {key: value for key, value in {**found, **changes}.items() if value is not ...}


def printed(value: Any) -> bytes:
    """As the first writer prints."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def leave(folder: Path, *runs: dict[str, Any], day: str = "2026-02-03") -> Path:
    """A folder as the first writer leaves it."""
    for run in runs:
        path = folder / day / f"{run['run_id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(printed(run))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty store."""
    return RunStore(tmp_path / "runs")


def code_of(path: Path, store: RunStore) -> tuple[str, dict[str, Any]]:
    """The code and details of an import that is refused, which has left nothing."""
    with pytest.raises(RunstoneError) as caught:
        store.import_runs(path)
    assert [sealed.run_id for sealed in store.store.runs()] == []
    return caught.value.code, caught.value.details


def test_a_folder_is_imported(tmp_path: Path, store: RunStore) -> None:
    """Each run with its id, its time in UTC, its original as it was; again changes nothing."""
    folder = leave(tmp_path / "old", artifact(), artifact("other", status="BLOCKED"))
    found = store.import_runs(folder)
    assert [(run_id, committed) for run_id, _, committed in found] == [(ID, "created"), ("other", "created")]
    assert store.import_runs(folder) == [(run_id, digest, "identical") for run_id, digest, _ in found]
    sealed = store.store.get(ID)
    assert (sealed.opened_at, sealed.kind, sealed.status) == ("2026-02-03T21:30:00.250000Z", "saw", "success")
    assert store.store.get("other").status == "blocked"
    assert sealed.file(f"artifacts/original/{ID}.json") == printed(artifact())
    assert store.path(ID).read_bytes() == printed(artifact())
    assert store.path(ID).parent.name == "2026-02-03"


def test_verification_says_that_it_was_imported(tmp_path: Path, store: RunStore) -> None:
    """It holds, and was not recorded here."""
    store.import_runs(leave(tmp_path / "old", artifact()))
    report = store.store.verify(ID)
    assert report.findings == []
    assert any(text.startswith("imported: not recorded here") for text in report.not_checked)
    run = store.store.run("work", run_id="mine")
    run.finish()
    assert not any("imported" in text for text in store.store.verify("mine").not_checked)


def test_null_and_absent_stay_apart(tmp_path: Path, store: RunStore) -> None:
    """And empty; keys that nobody knows stay, in their order."""
    value = artifact(decision=None, outputs=..., meta={}, mode=None, workflow_mode="helical", notes="…", hashes=None)
    store.import_runs(leave(tmp_path / "old", value))
    assert store.read(ID) == printed(value)
    assert list(store.document(ID)) == list(value)


def test_a_file_of_many_runs(tmp_path: Path, store: RunStore) -> None:
    """Each is a run of its own, which keeps the file."""
    path = tmp_path / "index.json"
    runs = {name: artifact(name, tool_id=f"saw:{name}") for name in ("b", "a", "c")}
    path.write_bytes(json.dumps(runs).encode())
    assert [run_id for run_id, _, _ in store.import_runs(path)] == ["b", "a", "c"]
    assert store.document("a") == runs["a"]
    assert store.store.get("a").file("artifacts/original/index.json") == path.read_bytes()
    assert {use.row["run_id"] for use in store.store.find(path)} == {"a", "b", "c"}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"outputs": {"gcode_text": None}, "hashes": {"gcode_sha256": sha256_hex(b"M2\n")}},
        {"outputs": None, "hashes": None, "gcode_hash": sha256_hex(b"M2\n")},
    ],
)
def test_a_gcode_file_names_the_imported_run(tmp_path: Path, store: RunStore, told: dict[str, Any]) -> None:
    """By the G-code that stands in it, or by the hash that it tells, in the words of either writer."""
    store.import_runs(leave(tmp_path / "old", artifact(**told)))
    part = tmp_path / "part.nc"
    part.write_bytes(b"M2\n")
    (use,) = store.store.find(part)
    assert (use.row["run_id"], use.decision and use.decision["risk_level"]) == (ID, "YELLOW")
    assert use.decision["facts_sha256"] == sha256_json(artifact()["feasibility"])
    assert store.store.verify(ID).findings == []


def test_of_a_large_file_each_run_keeps_its_part(tmp_path: Path, store: RunStore) -> None:
    """Byte for byte, however it is spelled."""
    path = tmp_path / "index.json"
    parts = [
        f'{{ "run_id":"r{n}", "status" : "OK","created_at_utc":"2026-01-02T03:04:05Z","x":2.0 }}' for n in range(2)
    ]
    filler = f'{{"run_id":"big","status":"OK","created_at_utc":"2026-01-02T03:04:05Z","x":"{"x" * MAX_SHARED_BYTES}"}}'
    path.write_text(f' {{\n "r0" :\t{parts[0]} , "big":{filler},\n"r1":{parts[1]}}}\n')
    store.import_runs(path)
    for number in range(2):
        kept = store.store.get(f"r{number}").file(f"artifacts/original/r{number}.json")
        assert kept == parts[number].encode()
        assert store.document(f"r{number}")["x"] == 2.0


def test_imported_runs_are_listed_and_served(tmp_path: Path, store: RunStore) -> None:
    """By the fields of this contract, and by those of older writers."""
    old = {
        "run_id": "old",
        "created_at_utc": "2026-01-02T03:04:05.123456+00:00",
        "status": "BLOCKED",
        "mode": None,
        "workflow_mode": "helical",
        "tool_id": "helix",
        "decision": None,
        "hashes": None,
        "feasibility": {"safety": {"risk_level": "UNKNOWN", "score": None}},
        "toolpaths_hash": "cd" * 32,
    }
    store.import_runs(leave(tmp_path / "a", artifact()))
    store.import_runs(leave(tmp_path / "b", old, day="2026-01-02"))
    app = FastAPI()
    app.include_router(runs_router(store))
    client = TestClient(app)
    rows = {row["run_id"]: row for row in client.get("/api/rmos/runs").json()["items"]}
    assert (rows[ID]["risk_level"], rows[ID]["score"], rows[ID]["mode"]) == ("YELLOW", 71.0, "saw")
    assert (rows["old"]["risk_level"], rows["old"]["mode"], rows["old"]["status"]) == ("UNKNOWN", "helical", "BLOCKED")
    assert rows["old"]["toolpaths_sha256"] == "cd" * 32
    for params, found in (({"mode": "helical"}, ["old"]), ({"risk_level": "YELLOW"}, [ID]), ({"status": "OK"}, [ID])):
        answer = client.get("/api/rmos/runs", params=params).json()
        assert [row["run_id"] for row in answer["items"]] == found
    assert client.get("/api/rmos/runs/old").json() == old


def test_an_import_in_place_takes_the_files_for_its_copies(store: RunStore) -> None:
    """What the first writer has printed is what this contract publishes."""
    leave(store.runs_dir, artifact())
    leave(store.runs_dir, artifact("next", created_at_utc="2026-02-03 20:00:00+00:00"))
    before = (store.runs_dir / "2026-02-03" / f"{ID}.json").read_bytes()
    store.import_runs(store.runs_dir)
    assert store.path(ID).read_bytes() == before
    assert [store.store.verify(run_id).findings for run_id in (ID, "next")] == [[], []]


def test_a_place_that_is_taken_refuses_the_import(tmp_path: Path, store: RunStore) -> None:
    """Before anything is written."""
    leave(store.runs_dir, artifact(tool_id="another"))
    code, details = code_of(leave(tmp_path / "old", artifact()), store)
    assert (code, details["place"]) == ("published_conflict", f"2026-02-03/{ID}.json")


@pytest.mark.parametrize("other", [ID, ID.upper()])
def test_an_id_that_is_there_twice_refuses_the_import(tmp_path: Path, store: RunStore, other: str) -> None:
    """Nothing is imported, the first one neither."""
    old = leave(leave(tmp_path / "old", artifact()), artifact(other), day="2026-02-04")
    with pytest.raises(RunstoneError) as caught:
        store.import_runs(old)
    assert (caught.value.code, caught.value.details["path"][:10]) == ("invalid_archive", "2026-02-04")
    assert list(store.store.runs()) == []


def test_an_id_that_another_run_has_refuses_the_import(tmp_path: Path, store: RunStore) -> None:
    """Nothing is imported, the first one neither."""
    store.store.run("k", run_id="next").finish()
    with pytest.raises(RunstoneError) as caught:
        store.import_runs(leave(tmp_path / "old", artifact(), artifact("next")))
    assert (caught.value.code, caught.value.details["path"]) == ("run_exists", "2026-02-03/next.json")
    assert [sealed.run_id for sealed in store.store.runs()] == ["next"]


def test_names_that_mean_something_to_the_kernel_mean_nothing_here(tmp_path: Path, store: RunStore) -> None:
    """The document is the original all the same."""
    odd = artifact(**{"$redacted": "x", "$$": 1, "feasibility": {"$json": "{"}, "meta": {"$redacted": {}}})
    store.import_runs(leave(tmp_path / "old", odd))
    assert store.document(ID) == odd


def test_secrets_stay_in_the_original(tmp_path: Path, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document is redacted; the original is kept as it is, and told by a search."""
    monkeypatch.setenv("SPINDLE_PASSWORD", "Zq9-torque-Lampion")
    store.import_runs(leave(tmp_path / "old", artifact(meta={"note": "Zq9-torque-Lampion"})))
    assert b"torque" not in store.read(ID)
    assert [found.file for found in store.store.verify(ID, secrets=True).findings] == [f"artifacts/original/{ID}.json"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"status": "DONE"}, "$.status"),
        ({"status": ...}, "$.status"),
        ({"created_at_utc": "yesterday"}, "$.created_at_utc"),
        ({"created_at_utc": None}, "$.created_at_utc"),
        ({"created_at_utc": "0001-01-01T00:00:00+14:00"}, "$.created_at_utc"),
    ],
)
def test_what_is_no_run_is_refused_with_its_place(
    tmp_path: Path, store: RunStore, change: dict[str, Any], place: str
) -> None:
    """And nothing is imported, also of the others."""
    code, details = code_of(leave(tmp_path / "old", artifact("good"), artifact(**change)), store)
    assert (code, details["path"], details["json_path"]) == ("invalid_archive", f"2026-02-03/{ID}.json", place)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{", b'{"a":1}', b'{"a":{"run_id":"b"}}', b'{"a":1,"a":2}'])
def test_a_file_that_holds_no_runs_is_refused(tmp_path: Path, store: RunStore, body: bytes) -> None:
    """With what was expected."""
    path = tmp_path / "runs.json"
    path.write_bytes(body)
    assert code_of(path, store)[0] == "invalid_archive"


def test_a_folder_without_runs_is_refused(tmp_path: Path, store: RunStore) -> None:
    """Also one whose names are no days, and the store itself."""
    leave(tmp_path / "old", artifact(), day="2026-02-33")
    assert code_of(tmp_path / "old", store)[0] == "invalid_archive"
    run = store.store.run("work")
    run.finish()
    with pytest.raises(runstone.Conflict) as caught:
        store.import_runs(store.store.url)
    assert caught.value.code == "inside_own_store"


# attachments of other writers


@pytest.mark.parametrize(("of", "matched"), [("bytes", "bytes"), ("json", "json"), ("neither", None), ("absent", None)])
def test_attachments_are_checked_by_bytes_then_by_their_json(
    tmp_path: Path, store: RunStore, of: str, matched: str | None
) -> None:
    """Which of them matched is told."""
    data = b'{ "b": 2.0, "a": [1, 2] }'
    digests = {"bytes": sha256_hex(data), "json": sha256_json({"a": [1, 2], "b": 2.0}), "neither": "0" * 64}
    sha256 = digests.get(of, "1" * 64)
    told = {"sha256": sha256, "kind": "geometry", "mime": "application/json", "filename": "part.json"}
    folder = leave(tmp_path / "old", artifact(attachments=[{**told, "size_bytes": len(data), "created_at_utc": "x"}]))
    if of != "absent":
        place = folder / "attachments" / sha256[:2] / f"{sha256}.json"
        place.parent.mkdir(parents=True)
        place.write_bytes(data)
    store.import_runs(folder)
    (checked,) = store.check_attachments(ID)
    assert (checked.matched, checked.as_dict()["filename"]) == (matched, "part.json")
    if of != "absent":
        assert checked.attachment.read() == data


def test_the_bytes_of_an_attachment_may_be_brought_later(tmp_path: Path, store: RunStore) -> None:
    """The original names it, and whoever has it adds it: it is one attachment still, and its bytes are kept."""
    data = b"solid kerf\n"
    sha256 = sha256_hex(data)
    named = [{"sha256": sha256, "filename": name} for name in ("part.stl", "again.stl")]
    store.import_runs(leave(tmp_path / "old", artifact(attachments=named)))
    assert [checked.matched for checked in store.check_attachments(ID)] == [None]
    assert [found.filename for found in store.attachments(ID)] == ["part.stl"]
    assert store.attach(ID, "part.stl", data).read() == data
    assert [checked.matched for checked in store.check_attachments(ID)] == ["bytes"]


def test_a_secret_at_the_cut_of_the_label_is_out(tmp_path: Path, store: RunStore) -> None:
    """The name of a tool is cut once its secrets are out of it, of what is imported and of what is written."""
    secret = f"ghp_{checked(Random(5))}"
    name = f"saw:{'x' * 175} {secret}"
    store.import_runs(leave(tmp_path / "old", artifact(tool_id=name)))
    hashes = {"feasibility_sha256": artifact()["hashes"]["feasibility_sha256"]}
    store.write_artifact(artifact("other", tool_id=name, outputs={}, hashes=hashes))
    for run_id in (ID, "other"):
        label = store.store.get(run_id).labels["tool_id"]
        assert label.startswith(f"saw:{'x' * 175} [REDACTED")
        assert secret[:12] not in label
