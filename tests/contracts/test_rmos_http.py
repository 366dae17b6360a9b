"""The routers of `rmos`, mounted in an application and asked over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from saw_service import CALM, WILD, build, feasibility

from runstone.contracts.rmos import RunStore, attachments, runs_router, sha256_json, toolpaths_router
from runstone.contracts.rmos.layout import ATTACHED, TOOL_LABEL
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.engine import purger
from runstone.engine.publishing import publisher_of
from runstone.errors import RunstoneError, error

RUNS = "/api/rmos/runs"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty store."""
    return RunStore(tmp_path / "runs")


@pytest.fixture
def client(store: RunStore) -> TestClient:
    """The service, with a route of its own at one of our paths."""
    return serve(store)


def serve(store: RunStore, judge: Any = feasibility) -> TestClient:
    """The service of a store."""
    app = FastAPI()
    app.include_router(toolpaths_router(store, feasibility={"saw": judge}, toolpaths={"saw": build}))
    app.include_router(runs_router(store))

    @app.put(RUNS + "/{run_id}")
    def replaced(run_id: str) -> dict[str, str]:
        return {"never": run_id}

    return TestClient(app, raise_server_exceptions=False)


def ask(client: TestClient, req: Any = CALM, **more: Any) -> Any:
    """Ask for toolpaths; the answer's JSON."""
    return client.post("/api/rmos/toolpaths", json={**req, **more}).json()


def ids(client: TestClient, **params: Any) -> list[str]:
    """The ids that a list answers."""
    answer = client.get(RUNS, params=params)
    assert answer.status_code == 200, answer.text
    return [item["run_id"] for item in answer.json()["items"]]


def test_statuses_and_bodies(client: TestClient, store: RunStore) -> None:
    """200, 409 and 500, each with its document."""
    done = client.post("/api/rmos/toolpaths", json=CALM)
    assert (done.status_code, Path(done.json()["_run_artifact_path"]).is_file()) == (200, True)
    blocked = client.post("/api/rmos/toolpaths", json=WILD)
    told = blocked.json()["detail"]
    assert (blocked.status_code, told["error"]) == (409, "SAFETY_BLOCKED")
    assert told["message"] == "Toolpath generation blocked by server-side safety policy."
    failed = client.post("/api/rmos/toolpaths", json={**CALM, "fail": "broken"})
    assert (failed.status_code, failed.json()["detail"]["error"]) == (500, "TOOLPATHS_ERROR")
    assert [store.document(run_id)["status"] for run_id in ids(client)] == ["ERROR", "BLOCKED", "OK"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'"x"', b"{", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff", b'{"a":"\\ud800"}', b"[" * 100, b'{"a":1e999}',
     b'{"a":' * 100 + b"1" + b"}" * 100, b'{"a":"' + b"x" * (2 << 20) + b'"}'],
)  # fmt: skip
def test_what_is_no_json_object_leaves_no_run(client: TestClient, store: RunStore, body: bytes) -> None:
    """422, with what is wrong."""
    answer = client.post("/api/rmos/toolpaths", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body"]
    assert list(store.store.runs()) == []


@pytest.mark.parametrize(
    "more", [{}, {"tool_id": 7}, {"tool_id": "saw:" + "ü" * 5000}, {"x" * 3000: "\x00"}, {"n": 10**30}]
)
def test_every_json_object_leaves_a_run(client: TestClient, store: RunStore, more: dict[str, Any]) -> None:
    """However odd it is."""
    ask(client, more)
    (sealed,) = store.store.runs()
    assert store.store.verify(sealed.run_id).findings == []


def test_a_list_has_rows(client: TestClient, store: RunStore) -> None:
    """The newest first, each with what it is listed by."""
    done, blocked = ask(client), ask(client, WILD)["detail"]
    answer = client.get(RUNS).json()
    assert list(answer) == ["items", "next_cursor", "runs_dir"]
    assert (answer["next_cursor"], answer["runs_dir"]) == (None, str(store.runs_dir))
    row = answer["items"][1]
    assert row == {
        "run_id": done["_run_id"],
        "created_at_utc": store.document(done["_run_id"])["created_at_utc"],
        "status": "OK",
        "mode": "saw",
        "tool_id": "saw:veneer_160",
        "risk_level": "GREEN",
        "score": store.document(done["_run_id"])["decision"]["score"],
        "feasibility_sha256": done["_hashes"]["feasibility_sha256"],
        "toolpaths_sha256": done["_hashes"]["toolpaths_sha256"],
        "artifact_path": done["_run_artifact_path"],
    }
    assert answer["items"][0]["run_id"] == blocked["run_id"]


def test_a_list_is_filtered(client: TestClient) -> None:
    """By each of its parameters, alone and together."""
    done, blocked = ask(client)["_run_id"], ask(client, WILD)["detail"]["run_id"]
    failed, other = ask(client, fail="x")["detail"]["run_id"], ask(client, tool_id='cnc:*,"odd" 1')["detail"]["run_id"]
    day = client.get(f"{RUNS}/{done}").json()["created_at_utc"]
    expected: list[tuple[dict[str, str], list[str]]] = [
        ({"status": "OK"}, [done]),
        ({"status": "BLOCKED"}, [other, blocked]),
        ({"status": "ERROR"}, [failed]),
        ({"mode": "router"}, [other]),
        ({"tool_id_prefix": "saw:v"}, [failed, done]),
        ({"tool_id_prefix": 'cnc:*,"odd" '}, [other]),
        ({"tool_id_prefix": "saw:*"}, []),
        ({"risk_level": "RED"}, [blocked]),
        ({"risk_level": "GREEN", "status": "OK"}, [done]),
        ({"date_from": day[:10], "date_to": day[:10]}, [other, failed, blocked, done]),
        ({"date_to": day}, [done]),
        ({"date_from": "2099-01-01"}, []),
        ({"date_to": "2001-12-31"}, []),
    ]
    assert [ids(client, **params) for params, _ in expected] == [found for _, found in expected]


def test_runs_that_came_to_no_decision_are_found_by_their_level(store: RunStore) -> None:
    """UNKNOWN, as their rows say."""

    def judge(tool_id: str, req: dict[str, Any]) -> dict[str, Any]:
        return {"risk_level": req["level"], "x": "y" * req.get("much", 0)}

    client = serve(store, judge)
    blocked = ask(client, level="UNKNOWN")["detail"]["run_id"]
    failed = ask(client, level="GREEN", much=9 << 20)["detail"]["run_id"]
    ask(client, level="RED")
    rows = client.get(RUNS, params={"risk_level": "UNKNOWN"}).json()["items"]
    assert [(row["run_id"], row["status"], row["risk_level"]) for row in rows] == [
        (failed, "ERROR", "UNKNOWN"), (blocked, "BLOCKED", "UNKNOWN"),
    ]  # fmt: skip


def test_a_long_prefix_is_compared_to_its_end(client: TestClient) -> None:
    """The label of a run has but the beginning of the name."""
    name = f"saw:{'a' * 300}"
    one, two = (ask(client, tool_id=name + end)["_run_id"] for end in "bc")
    assert [ids(client, tool_id_prefix=name + end, limit=1) for end in ("b", "c", "d")] == [[one], [two], []]
    assert ids(client, tool_id_prefix=name) == [two, one]


def test_a_list_goes_on_by_cursor(client: TestClient) -> None:
    """Page by page, each run once."""
    made = [ask(client)["_run_id"] for _ in range(5)]
    found: list[str] = []
    params: dict[str, Any] = {"limit": 2}
    while True:
        page = client.get(RUNS, params=params).json()
        found += [item["run_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert found == made[::-1]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 201},
        {"status": "DONE"},
        {"date_from": "soon"},
        {"date_to": "2026-13-01"},
        {"date_from": "2026-01-01T00:60:00"},
        {"date_from": "2026-01-01T60:00:00"},
        {"date_to": "20261301"},
    ],
)
def test_wrong_parameters_are_refused(client: TestClient, params: dict[str, Any]) -> None:
    """422."""
    answer = client.get(RUNS, params=params)
    assert (answer.status_code, isinstance(answer.json()["detail"], list)) == (422, True)


def test_a_cursor_that_no_list_has_given(client: TestClient) -> None:
    """Is not found."""
    answer = client.get(RUNS, params={"cursor": "x"})
    assert (answer.status_code, answer.json()) == (404, {"error": "CURSOR_NOT_FOUND"})


def test_days_before_all_runs_and_behind_them(client: TestClient) -> None:
    """A bound that no run can reach is none; a time may have a zone, and a day no hyphens."""
    run_id = ask(client)["_run_id"]
    day = client.get(f"{RUNS}/{run_id}").json()["created_at_utc"][:10]
    for asked in (
        {"date_from": "0001-01-01", "date_to": "9999-12-31"},
        {"date_from": "0001-01-01T00:00:00+14:00", "date_to": "9999-12-31t23:59:60-12:00"},
        {"date_from": "2026-01-01T00:00:00.5+02:00"},
        {"date_from": day.replace("-", ""), "date_to": day.replace("-", "")},
    ):
        assert [item["run_id"] for item in client.get(RUNS, params=asked).json()["items"]] == [run_id], asked


def test_a_corrupt_file_never_breaks_a_list(client: TestClient, store: RunStore) -> None:
    """A bundle, a published copy and files that nobody knows: the others are listed."""
    first, second, third = (ask(client)["_run_id"] for _ in range(3))
    (Path(store.store.get(first).path) / "events.jsonl").chmod(0o644)
    (Path(store.store.get(first).path) / "events.jsonl").write_bytes(b"{")
    path = store.path(second)
    path.unlink()
    path.write_bytes(b"{")
    (store.runs_dir / "2026-01-01").mkdir()
    (store.runs_dir / "2026-01-01" / "odd.json").write_bytes(b"\xff")
    assert ids(client) == [third, second]
    assert client.get(f"{RUNS}/{second}").json()["run_id"] == second
    assert client.get(f"{RUNS}/{first}").status_code == 500


def damage(path: Path, how: str) -> None:
    """Damage a file of a sealed bundle."""
    path.parent.chmod(0o755)
    path.chmod(0o644)
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        at = {"flipped": len(data) // 2, "first": 0, "last": len(data) - 2}[how]
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize("how", ["flipped", "first", "last", "missing"])
@pytest.mark.parametrize("name", ["events.jsonl", "manifest.json"])
def test_a_damaged_run_is_a_500_with_its_code(client: TestClient, store: RunStore, name: str, how: str) -> None:
    """By every route that reads it, also where what is left is good JSON; lists leave it out."""
    run_id, other = (ask(client)["_run_id"] for _ in range(2))
    damage(Path(store.store.get(run_id).path) / name, how)
    ways = ("", "/download", f"/compare/{other}", "/lineage", "/amendments", "/attachments", "/attachments/verify")
    for path in (*(f"{run_id}{way}" for way in ways), f"{run_id}/attachments/{'0' * 64}", f"{other}/compare/{run_id}"):
        answer = client.get(f"{RUNS}/{path}")
        told = answer.json()
        assert (answer.status_code, told["error"], told["run_id"]) == (500, "BUNDLE_DAMAGED", run_id), path
        assert "is damaged" in told["message"]
    assert ids(client) == [other]
    assert client.get(f"{RUNS}/{other}/lineage").status_code == 200


def test_an_attachment_that_was_edited_is_a_500_with_its_code(client: TestClient, store: RunStore) -> None:
    """Of the run that holds it: JSON still, and nothing that an attachment is told by."""
    run_id = ask(client)["_run_id"]
    store.attach(run_id, "a.txt", b"hello")
    [told] = store.amendments(run_id)
    journal = Path(store.store.get(told["run_id"]).path) / "events.jsonl"
    events = [json.loads(line) for line in journal.read_bytes().splitlines()]
    next(event for event in events if event["type"] == ATTACHED)["data"] = []
    journal.chmod(0o644)
    journal.write_bytes(b"".join(canonical_bytes(event) + b"\n" for event in events))
    answer = client.get(f"{RUNS}/{run_id}/attachments")
    assert (answer.status_code, answer.json()["error"]) == (500, "BUNDLE_DAMAGED")


def test_a_missing_file_is_damage(client: TestClient, store: RunStore) -> None:
    """G-code that is kept beside the document."""
    run_id = ask(client, gcode="G1 X1\n" * 50_000)["_run_id"]
    damage(Path(store.store.get(run_id).path) / "artifacts" / "gcode.nc", "missing")
    answer = client.get(f"{RUNS}/{run_id}")
    assert (answer.status_code, answer.json()["error"]) == (500, "BUNDLE_DAMAGED")


def test_a_run_of_a_version_that_nobody_knows_never_breaks_a_list(client: TestClient, store: RunStore) -> None:
    """Its manifest names another version, of which it cannot be told where its document stands."""
    run_id, other = (ask(client)["_run_id"] for _ in range(2))
    path = Path(store.store.get(run_id).path) / "manifest.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"name":"rmos","version":"1"', b'"name":"rmos","version":"7"'))
    assert ids(client) == [other]
    assert client.get(f"{RUNS}/{run_id}").status_code == 500
    with pytest.raises(RunstoneError) as caught:
        store.path(run_id)
    assert caught.value.code == "unknown_contract"


def test_the_document_declares_every_error(client: TestClient) -> None:
    """Of each route that reads a run: 404 and 500, with a body."""
    paths = client.get("/openapi.json").json()["paths"]
    for path in (path for path in paths if path.startswith(RUNS)):
        answers = paths[path].get("get", {"responses": {"404": {"content": 1}, "500": {"content": 1}}})["responses"]
        assert all("content" in answers[status] for status in ("404", "500")), path


def test_a_run_is_served_as_it_is_published(client: TestClient, store: RunStore) -> None:
    """Byte for byte; as a file, too."""
    run_id = ask(client)["_run_id"]
    answer, file = client.get(f"{RUNS}/{run_id}"), client.get(f"{RUNS}/{run_id}/download")
    assert answer.content == file.content == store.path(run_id).read_bytes()
    assert answer.headers["content-type"] == "application/json"
    assert file.headers["content-disposition"] == f"attachment; filename*=UTF-8''{run_id}.json"


@pytest.mark.parametrize(
    "path", ["", "/download", "/lineage", "/amendments", "/attachments", "/attachments/verify", "/compare/x"]
)
@pytest.mark.parametrize("run_id", ["nowhere", ".runstone", "%2e%2e%2f", "@latest", "a" * 300])
def test_an_unknown_run(client: TestClient, run_id: str, path: str) -> None:
    """404, and which."""
    ask(client)
    answer = client.get(f"{RUNS}/{run_id}{path}")
    assert answer.status_code == 404
    if run_id != "%2e%2e%2f":
        assert answer.json() == {"error": "RUN_NOT_FOUND", "run_id": run_id}


def test_runs_of_another_contract_are_none_of_ours(client: TestClient, store: RunStore) -> None:
    """Neither listed nor served."""
    store.store.run("job", run_id="job").finish()
    assert (ids(client), client.get(f"{RUNS}/job").status_code) == ([], 404)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/rmos/toolpaths", "POST"),
        (RUNS, "GET"),
        (RUNS + "/x", "DELETE, GET, PUT"),
        (RUNS + "/x/attachments", "GET, POST"),
        (RUNS + "/x/purge", "POST"),
    ],
)
def test_a_wrong_method_names_the_right_ones(client: TestClient, path: str, allowed: str) -> None:
    """Of every route at the path, whoever has added it."""
    answer = client.patch(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_the_service_is_documented(client: TestClient) -> None:
    """Every route stands in the OpenAPI document, with a body where it takes one."""
    paths = client.get("/openapi.json").json()["paths"]
    assert "application/json" in paths["/api/rmos/toolpaths"]["post"]["requestBody"]["content"]
    assert set(paths["/api/rmos/toolpaths"]["post"]["responses"]) == {"200", "409", "422", "500", "503"}
    assert {"get", "delete"} < set(paths[RUNS + "/{run_id}"])


def test_two_runs_are_compared(client: TestClient) -> None:
    """What changed, by place; ids and times do not count."""
    a, b, c = ask(client)["_run_id"], ask(client)["_run_id"], ask(client, rpm=3300)["_run_id"]
    assert client.get(f"{RUNS}/{a}/compare/{b}").json() == {"a": a, "b": b, "same": True, "differences": []}
    found = client.get(f"{RUNS}/{a}/compare/{c}").json()["differences"]
    assert {"path": "/request_summary/rpm", "change": "changed", "a": 3000, "b": 3300} in found
    assert {place["path"] for place in found} >= {"/decision/score", "/hashes/feasibility_sha256"}
    assert client.get(f"{RUNS}/{a}/compare/nowhere").json()["run_id"] == "nowhere"


# attachments


def test_attachments_are_kept_by_their_digest(client: TestClient, store: RunStore) -> None:
    """Bytes in, bytes out; the same again is the same; the run is not touched."""
    run_id = ask(client)["_run_id"]
    digest, data = store.digest_of(run_id), b"solid kerf\nendsolid\n"
    sha256 = sha256_hex(data)
    for _ in range(2):
        answer = client.post(
            f"{RUNS}/{run_id}/attachments", params={"filename": "kérf.stl", "kind": "geometry"}, content=data
        )
        assert (answer.status_code, answer.json()["sha256"]) == (201, sha256)
    (item,) = client.get(f"{RUNS}/{run_id}/attachments").json()["items"]
    assert item == {**item, "kind": "geometry", "filename": "kérf.stl", "size_bytes": len(data)}
    served = client.get(f"{RUNS}/{run_id}/attachments/{sha256}")
    assert (served.content, served.headers["x-content-type-options"]) == (data, "nosniff")
    checked = client.get(f"{RUNS}/{run_id}/attachments/verify").json()
    assert (checked["ok"], checked["items"][0]["matched"]) == (True, "bytes")
    assert store.digest_of(run_id) == digest
    assert client.get(f"{RUNS}/{run_id}/attachments/{'0' * 64}").json()["error"] == "ATTACHMENT_NOT_FOUND"


def test_who_attaches_is_told_as_text(client: TestClient, store: RunStore) -> None:
    """Whatever a program names people by: the annotation is sound, and says so."""
    run_id = ask(client)["_run_id"]
    store.attach(run_id, "a.txt", b"hello", by=7)  # type: ignore[arg-type]  # what callers do all the same
    [told] = store.amendments(run_id)
    assert (told["by"], store.store.verify(told["run_id"]).ok) == ("7", True)


def test_a_file_that_two_attach_at_once_is_one_attachment(
    client: TestClient, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither has seen that of the other; it is listed once."""
    run_id = ask(client)["_run_id"]
    listed = attachments.attachments
    for name in ("a.txt", "b.txt"):
        blind = iter([True])
        monkeypatch.setattr(attachments, "attachments", lambda *args, b=blind: [] if next(b, None) else listed(*args))
        store.attach(run_id, name, b"one")
    monkeypatch.setattr(attachments, "attachments", listed)
    assert len(list(store.store.runs("kind:annotation"))) == 2
    assert [found.filename for found in store.attachments(run_id)] == ["a.txt"]


@pytest.mark.parametrize("filename", ["plot.png", "x.npy", "noext", "a.b c", "a.ü", ".hidden", "b" * 200])
def test_an_attachment_may_be_called_anything(client: TestClient, filename: str) -> None:
    """Its name says nothing of how it is kept."""
    run_id, data = ask(client)["_run_id"], b"\x00no picture"
    answer = client.post(f"{RUNS}/{run_id}/attachments", params={"filename": filename}, content=data)
    assert (answer.status_code, answer.json()["filename"]) == (201, filename)
    assert client.get(f"{RUNS}/{run_id}/attachments/{answer.json()['sha256']}").content == data
    assert client.get(f"{RUNS}/{run_id}/attachments/verify").json()["ok"] is True


def test_a_changed_attachment_is_found(client: TestClient, store: RunStore) -> None:
    """Its digest holds no more."""
    run_id = ask(client)["_run_id"]
    made = store.attach(run_id, "a.txt", b"one")
    path = Path(made.holder.path) / str(made.path)
    path.chmod(0o644)
    path.write_bytes(b"two")
    (item,) = client.get(f"{RUNS}/{run_id}/attachments/verify").json()["items"]
    assert (item["ok"], item["matched"]) == (False, None)


@pytest.mark.parametrize("filename", ["../x", "a/b", "x\n", "con", ".", "Z\x1e", 'a"b'])
def test_no_name_leads_anywhere(client: TestClient, store: RunStore, filename: str) -> None:
    """What an attachment is called is told, and is no path: its file is named by its digest."""
    run_id = ask(client)["_run_id"]
    answer = client.post(f"{RUNS}/{run_id}/attachments", params={"filename": filename}, content=b"x")
    assert (answer.status_code, answer.json()["filename"]) == (201, filename)
    sha256 = answer.json()["sha256"]
    assert client.get(f"{RUNS}/{run_id}/attachments/{sha256}").content == b"x"
    (holder,) = store.store.runs("kind:annotation")
    assert any(entry["path"].endswith(f"{sha256}.bin") for entry in holder.manifest["files"])


@pytest.mark.parametrize("filename", ["", "x" * 201])
def test_a_name_that_is_none_is_refused(client: TestClient, filename: str) -> None:
    """Nothing, and what is longer than any name."""
    run_id = ask(client)["_run_id"]
    answer = client.post(f"{RUNS}/{run_id}/attachments", params={"filename": filename}, content=b"x")
    assert answer.status_code == 422


def test_an_attachment_with_a_secret_is_refused(
    client: TestClient, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would lie in the store for ever."""
    monkeypatch.setenv("SPINDLE_PASSWORD", "Zq9-torque-Lampion")
    run_id = ask(client)["_run_id"]
    answer = client.post(f"{RUNS}/{run_id}/attachments", params={"filename": "a.txt"}, content=b"Zq9-torque-Lampion")
    assert (answer.status_code, "torque" in answer.text) == (422, False)
    assert not any(b"torque" in path.read_bytes() for path in store.runs_dir.rglob("*") if path.is_file())


# what goes


def test_a_deleted_run_is_gone_for_readers(client: TestClient, store: RunStore) -> None:
    """Its document too; the bundle stays, verifies, and recovery does not bring the document back."""
    run_id, other = ask(client)["_run_id"], ask(client)["_run_id"]
    path = store.path(run_id)
    answer = client.delete(f"{RUNS}/{run_id}", params={"actor": "ann", "reason": "a test piece"})
    assert (answer.status_code, answer.json()["deleted"], path.exists()) == (200, True, False)
    assert (ids(client), client.get(f"{RUNS}/{run_id}").json()["error"]) == ([other], "RUN_NOT_FOUND")
    assert (store.store.recover(), path.exists()) == ([], False)
    assert store.store.verify(run_id).findings == []
    audit = store.store.get(answer.json()["audit_run_id"])
    assert (audit.kind, audit.status, audit.labels) == ("rmos.delete", "success", {"actor": "ann", "target": run_id})
    assert publisher_of(store.store).withdrawn(run_id)["reason"] == "a test piece"


def test_a_purged_run_is_gone(client: TestClient, store: RunStore) -> None:
    """Bundle and document, with a tombstone; also after it was deleted."""
    first, second = ask(client)["_run_id"], ask(client)["_run_id"]
    path = store.path(first)
    client.delete(f"{RUNS}/{second}", params={"actor": "ann", "reason": "a test piece"})
    for run_id in (first, second):
        answer = client.post(f"{RUNS}/{run_id}/purge", json={"actor": "ann", "reason": "asked by customer"})
        assert (answer.status_code, answer.json()["purged"]) == (200, True)
        stone = store.store.objects.tombstone(run_id)
        assert (stone.reason, stone.marked_by, stone.purged_by) == ("asked by customer", "ann", "ann")
        assert not store.store.objects.exists(run_id)
    assert (path.exists(), ids(client), store.store.recover()) == (False, [], [])


@pytest.mark.parametrize(
    "body", [{}, {"actor": "ann"}, {"actor": "ann", "reason": "short"}, {"actor": " ", "reason": "long enough"}]
)
@pytest.mark.parametrize("verb", ["delete", "purge"])
def test_a_refused_try_is_recorded(client: TestClient, store: RunStore, verb: str, body: dict[str, str]) -> None:
    """Who did not say who, or why; nothing goes."""
    run_id = ask(client)["_run_id"]
    url = f"{RUNS}/{run_id}"
    answer = client.delete(url, params=body) if verb == "delete" else client.post(f"{url}/purge", json=body)
    assert (answer.status_code, answer.json()["error"]) == (403, "REFUSED")
    audit = store.store.get(answer.json()["audit_run_id"])
    assert (audit.kind, audit.status) == (f"rmos.{verb}", "blocked")
    assert ids(client) == [run_id]


def test_a_try_at_a_run_that_is_not_there_is_recorded(client: TestClient, store: RunStore) -> None:
    """404, and a sealed run that tells of it."""
    answer = client.post(f"{RUNS}/nowhere/purge", json={"actor": "ann", "reason": "asked by customer"})
    assert (answer.status_code, answer.json()["error"]) == (404, "RUN_NOT_FOUND")
    assert store.store.get(answer.json()["audit_run_id"]).status == "blocked"


def test_removing_has_a_rate(client: TestClient) -> None:
    """Ten a minute; the next one is refused, and recorded."""
    made = [ask(client)["_run_id"] for _ in range(11)]
    body = {"actor": "ann", "reason": "asked by customer"}
    answers = [client.post(f"{RUNS}/{run_id}/purge", json=body) for run_id in made]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert (answers[-1].json()["error"], answers[-1].headers["retry-after"]) == ("RATE_LIMITED", "60")
    assert ids(client) == made[10:]


def test_the_rate_is_that_of_an_actor(client: TestClient, store: RunStore) -> None:
    """Whoever tries too often keeps nobody else from it; those who do not say who they are count as one. Each try is
    recorded."""
    run_id = ask(client)["_run_id"]
    for actors, last in ((["ann"] * 11, 429), (["", " "] * 5 + [""], 429), (["bob"], 200)):
        body = {"reason": "asked by customer"}
        tries = [
            client.post(f"{RUNS}/{'x' if name != 'bob' else run_id}/purge", json={**body, "actor": name})
            for name in actors
        ]
        assert tries[-1].status_code == last
        assert all(answer.status_code != 429 for answer in tries[:-1])
    assert len(list(store.store.runs("kind:rmos.purge"))) == 23


def test_an_annotation_takes_no_try_back(client: TestClient, store: RunStore) -> None:
    """Nor gives it to another actor."""
    body = {"reason": "asked by customer", "actor": "ann"}
    for _ in range(10):
        client.post(f"{RUNS}/x/purge", json=body)
    for sealed in list(store.store.runs("kind:rmos.purge")):
        store.store.annotate(sealed.run_id, labels={"actor": "bob"}, by="ann")
    assert client.post(f"{RUNS}/x/purge", json=body).status_code == 429


def test_a_list_goes_by_the_tool_of_the_run(client: TestClient, store: RunStore) -> None:
    """Not by what an annotation calls it."""
    run_id = ask(client)["_run_id"]
    store.store.annotate(run_id, labels={TOOL_LABEL: "cnc:1"}, by="ops")
    assert (ids(client, tool_id_prefix="saw:v"), ids(client, tool_id_prefix="cnc:")) == ([run_id], [])


@pytest.mark.parametrize(
    "actor",
    [
        "cron password=s3cretpass99",
        "https://ann:pw3x9@host",
        "token: a8Kq27xLm3PzT9",
        "é" * 185 + " password=s3cretpass99",
    ],
)
def test_the_rate_is_that_of_an_actor_in_whose_name_a_secret_is(
    client: TestClient, store: RunStore, actor: str
) -> None:
    """What counts is the name as it is recorded, and it is recorded without the secret, where it is cut as well."""
    tries = [purged(client, "x", actor).status_code for _ in range(11)]
    assert tries == [404] * 10 + [429]
    recorded = [run.labels["actor"] for run in store.store.runs("kind:rmos.purge")]
    assert len(set(recorded)) == 1
    assert not any(secret in recorded[0] for secret in ("s3cret", "pw3x9", "a8Kq"))


def test_a_run_that_is_named_is_not_purged(client: TestClient, store: RunStore) -> None:
    """As the kernel's purge has it: 409, and the run stays with its document."""
    run_id = ask(client)["_run_id"]
    store.store.alias("prod", run_id)
    answer = client.post(f"{RUNS}/{run_id}/purge", json={"actor": "ann", "reason": "asked by customer"})
    assert (answer.status_code, answer.json()["error"]) == (409, "RUN_IN_USE")
    assert store.path(run_id).is_file()
    assert store.store.verify(run_id).findings == []


@contextmanager
def being_read(store: RunStore, run_id: str) -> Iterator[None]:
    """Somebody reads a run."""
    sealed = store.store.get(run_id)
    with sealed.reading():
        sealed.file("events.jsonl")
        yield
    sealed.close()


def purged(client: TestClient, run_id: str, actor: str = "ann") -> Any:
    """The answer to a purge."""
    return client.post(f"{RUNS}/{run_id}/purge", json={"actor": actor, "reason": "asked by customer"})


def test_a_run_that_was_not_purged_is_purged_by_no_other_try(client: TestClient, store: RunStore) -> None:
    """409 is the end of it: nothing of the run stays marked, what amends it neither."""
    run_id, other = ask(client)["_run_id"], ask(client)["_run_id"]
    store.attach(run_id, "a.txt", b"hello")
    with being_read(store, run_id):
        answer = purged(client, run_id, "bob")
    assert (answer.status_code, answer.json()["error"], "being read" in answer.text) == (409, "RUN_IN_USE", True)
    assert store.store.tombstones() == []
    assert purged(client, other).status_code == 200
    assert (ids(client), store.path(run_id).is_file()) == ([run_id], True)
    assert purged(client, run_id).status_code == 200
    assert list(store.store.runs("kind:annotation")) == []


def test_a_purge_lets_the_marks_of_others_be(client: TestClient, store: RunStore) -> None:
    """Also one that is due: it is for a purge of the store. The run itself is told to be marked."""
    run_id, later, other = (ask(client)["_run_id"] for _ in range(3))
    store.store.purge({"rules": [{"query": f"id:{later}"}], "grace": "7d"}, apply=True)
    with being_read(store, run_id):
        store.store.purge({"rules": [{"query": f"id:{run_id}"}], "grace": "0"}, apply=True)
    assert purged(client, other).status_code == 200
    answer = purged(client, later)
    assert (answer.status_code, "marked already" in answer.text) == (409, True)
    assert {stone.run_id: stone.state for stone in store.store.tombstones()} == {
        run_id: "pending", later: "pending", other: "purged",
    }  # fmt: skip


@pytest.mark.parametrize(("times", "says"), [(2, False), (10**9, True)])
def test_a_mark_that_cannot_be_taken_back_is_told(
    client: TestClient, store: RunStore, monkeypatch: pytest.MonkeyPatch, times: int, says: bool
) -> None:
    """Who has the run for a moment is waited for."""
    run_id, tries = ask(client)["_run_id"], iter(range(times))
    unmark, objects = store.store.objects.unmark, store.store.objects

    def busy(run_id: str) -> bool:
        if next(tries, None) is not None:
            raise error("run_in_use", "somebody has its lease", run_id=run_id)
        return unmark(run_id)

    monkeypatch.setattr(objects, "unmark", busy)
    monkeypatch.setattr(purger, "TAKE_BACK_S", 0.1)
    with being_read(store, run_id):
        answer = purged(client, run_id)
    assert (answer.status_code, "its mark stands" in answer.text) == (409, says)
    assert [stone.state for stone in store.store.tombstones()] == ["pending"] * says


def test_purges_at_once_of_one_pack(tmp_path: Path) -> None:
    """Each writes the pack anew, and waits for the others."""
    store = RunStore(tmp_path / "runs", packed=True)
    client = serve(store)
    made = [ask(client)["_run_id"] for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda run_id: purged(client, run_id).status_code, made))
    assert (answers, ids(client)) == ([200] * 6, [])


def test_an_override_over_http(client: TestClient) -> None:
    """With actor and reason; a short reason is refused."""
    run_id = ask(client, WILD)["detail"]["run_id"]
    url = f"{RUNS}/{run_id}/override"
    assert client.post(url, json={"actor": "ann", "reason": "no"}).status_code == 422
    assert client.post(url, json={"actor": "ann", "reason": "foam, supervised"}).status_code == 201
    (told,) = client.get(f"{RUNS}/{run_id}/amendments").json()["items"]
    assert (told["by"], told["override"]["outcome"]) == ("ann", "allow")
    assert client.post("/api/rmos/toolpaths", json={**WILD, "override_of": run_id}).status_code == 200


def test_the_same_hash_as_the_clients(client: TestClient) -> None:
    """A client that takes the three members out again can hash what it was given."""
    answer = ask(client)
    payload = {key: answer[key] for key in answer if not key.startswith("_")}
    assert sha256_json(json.loads(json.dumps(payload))) == answer["_hashes"]["toolpaths_sha256"]


@pytest.mark.parametrize("actor", ["é", "李明"])
def test_who_overrides_may_write_as_they_do(client: TestClient, actor: str) -> None:
    """A name and a reason in any script."""
    run_id = ask(client, WILD)["detail"]["run_id"]
    answer = client.post(f"{RUNS}/{run_id}/override", json={"actor": actor, "reason": "泡沫试件, 看护"})
    assert answer.status_code == 201


@pytest.mark.parametrize("verb", ["override", "purge"])
@pytest.mark.parametrize("body", [b'{"actor":NaN}', b'{"actor":1e999}', b'{"actor":"\\ud800"}', b'{"a":' * 9999])
def test_a_body_that_is_no_json_is_told(client: TestClient, verb: str, body: bytes) -> None:
    """422, though FastAPI itself takes some of them."""
    url = f"{RUNS}/{ask(client)['_run_id']}/{verb}"
    answer = client.post(url, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")


def test_the_document_tells_what_is_answered(client: TestClient) -> None:
    """Of each route: the members of its answer, or that it is a file."""
    paths = client.get("/openapi.json").json()["paths"]
    ours = [(verb, path) for path in paths if path.startswith("/api/rmos") for verb in paths[path] if verb != "put"]
    assert len(ours) == 14
    for verb, path in ours:
        answers = paths[path][verb]["responses"]
        ((media_type, body),) = answers["201" if "201" in answers else "200"]["content"].items()
        assert body["schema"] or media_type == "application/octet-stream", (verb, path)


def test_answers_have_the_members_that_the_document_tells(client: TestClient) -> None:
    """All that are required, and no others where it allows none."""
    paths, made = client.get("/openapi.json").json(), ask(client)
    run_id = made["_run_id"]
    kept = client.post(f"{RUNS}/{run_id}/attachments?filename=a.txt", content=b"hello").json()
    why = {"actor": "ann", "reason": "no longer wanted"}
    told = {
        "Made": made,
        "Page": client.get(RUNS).json(),
        "Row": client.get(RUNS).json()["items"][0],
        "Document": client.get(f"{RUNS}/{run_id}").json(),
        "Compared": client.get(f"{RUNS}/{run_id}/compare/{ask(client, WILD)['detail']['run_id']}").json(),
        "Lineage": client.get(f"{RUNS}/{run_id}/lineage").json(),
        "Amendments": client.get(f"{RUNS}/{run_id}/amendments").json(),
        "Attached": kept,
        "AttachedFiles": client.get(f"{RUNS}/{run_id}/attachments").json(),
        "CheckedFiles": client.get(f"{RUNS}/{run_id}/attachments/verify").json(),
        "CheckedFile": client.get(f"{RUNS}/{run_id}/attachments/verify").json()["items"][0],
        "Overridden": client.post(f"{RUNS}/{run_id}/override", json=why).json(),
        "Deleted": client.delete(f"{RUNS}/{run_id}", params=why).json(),
        "Purged": client.post(f"{RUNS}/{run_id}/purge", json=why).json(),
    }
    for name, answer in told.items():
        schema = paths["components"]["schemas"][name]
        assert set(schema["required"]) <= set(answer), name
        assert set(answer) <= set(schema["properties"]) or schema.get("additionalProperties"), name


def test_the_document_links_answers_to_what_can_be_asked_next(client: TestClient) -> None:
    """A request that was allowed, blocked or failed, and a list, lead to every route of a run, by its id."""
    document = client.get("/openapi.json").json()
    paths = {path: routes for path, routes in document["paths"].items() if path.startswith("/api/rmos")}
    routes = {route["operationId"]: path for path in paths for verb, route in paths[path].items() if verb != "put"}
    of_a_run = {name for name, path in routes.items() if "{run_id}" in path and "{sha256}" not in path}
    answers = paths["/api/rmos/toolpaths"]["post"]["responses"]
    linked = [answers["200"], answers["409"], answers["500"], paths[RUNS]["get"]["responses"]["200"]]
    assert [{link["operationId"] for link in answer["links"].values()} for answer in linked] == [of_a_run] * 4


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_what_is_not_told_to_be_json_leaves_no_run(client: TestClient, store: RunStore, media_type: str | None) -> None:
    """A page of another site can send such a body without being asked, and JSON it cannot."""
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = client.post("/api/rmos/toolpaths", content=json.dumps(CALM), headers=headers)
    assert (answer.status_code, list(store.store.runs())) == (422, [])


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/x.y+json"])
def test_json_is_told_in_any_of_its_ways(client: TestClient, media_type: str) -> None:
    """As other routes of FastAPI take it."""
    headers = {"Content-Type": media_type}
    assert client.post("/api/rmos/toolpaths", content=json.dumps(CALM), headers=headers).status_code == 200


def test_a_client_that_goes_away_is_no_error_of_the_service(client: TestClient, store: RunStore) -> None:
    """Nothing is raised into the log of the server, and there is no run."""
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api/rmos/toolpaths", "headers": headers, "query_string": b""}
    messages = iter([{"type": "http.request", "body": b'{"tool', "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(client.app(scope, receive, send))
    assert (sent[0]["status"], list(store.store.runs())) == (400, [])


def test_a_body_that_is_too_large_is_not_read(client: TestClient) -> None:
    """Of routes with a small body: told in few words, whatever was sent."""
    run_id = ask(client, WILD)["detail"]["run_id"]
    body = json.dumps({"actor": "ann", "reason": "x" * (3 << 20)})
    answer = client.post(f"{RUNS}/{run_id}/override", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.content) < 1000
