"""The stores of rentl: where what is kept, none and empty, errors with their code; on files, SQLite and in memory."""

from __future__ import annotations

import asyncio
import inspect
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from runstone.contracts.rentl import (
    ArtifactMetadata,
    ArtifactStore,
    LogEntry,
    LogStore,
    RunIndexRecord,
    RunStateRecord,
    RunStateStore,
    StorageError,
    Stores,
    async_stores,
    open_async_stores,
    open_stores,
)
from runstone.contracts.rentl import stores as plain_stores
from runstone.contracts.rentl.runner import Item
from runstone.contracts.rentl.stores import NONE_EXPECTED
from runstone.core.digests import sha256_hex
from runstone.errors import RunstoneError
from runstone.testing.racing import race

RUN = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0001")
OTHER = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0002")
ARTIFACT = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cfa001")
TOKEN = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


class Line(BaseModel):
    """What a phase makes."""

    text: str
    note: str | None = None


@pytest.fixture(params=["files", "sqlite", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    urls = {"files": str(tmp_path / "project"), "sqlite": f"sqlite:{tmp_path / 'project.db'}", "memory": "memory:"}
    return open_stores(urls[request.param])


@pytest.fixture
def files(tmp_path: Path) -> Stores:
    return open_stores(tmp_path)


def state(stored_at: str = "2026-02-03T04:05:06Z", run: UUID = RUN, notes: str | None = None) -> RunStateRecord:
    summary = {"percent_mode": "unavailable", "notes": notes}
    return RunStateRecord.model_validate(
        {
            "run_id": run,
            "stored_at": stored_at,
            "state": {
                "metadata": metadata(run, "running"),
                "progress": {
                    "phases": [{"phase": "ingest", "status": "pending", "summary": summary}],
                    "summary": summary,
                },
                "artifacts": [],
            },
        }
    )


def metadata(run: UUID, status: str, created: str = "2026-02-03T04:05:00Z") -> dict[str, Any]:
    return {
        "run_id": run,
        "schema_version": {"major": 0, "minor": 1, "patch": 0},
        "status": status,
        "created_at": created,
    }


def index(number: int, status: str = "completed", created: str | None = None) -> RunIndexRecord:
    run = UUID(int=RUN.int + number)
    return RunIndexRecord.model_validate(
        {
            "metadata": metadata(run, status, created or f"2026-02-03T04:05:{number:02d}Z"),
            "project_name": "p",
            "source_language": "ja",
            "target_languages": ["en"],
            "updated_at": "2026-02-03T05:00:00Z",
        }
    )


def artifact(form: str = "json", number: int = 0, **more: Any) -> ArtifactMetadata:
    return ArtifactMetadata.model_validate(
        {
            "artifact_id": UUID(int=ARTIFACT.int + number),
            "run_id": RUN,
            "role": "phase_output",
            "phase": "context",
            "format": form,
            "created_at": "2026-02-03T04:05:06Z",
            "location": {},
            **more,
        }
    )


def entry(number: int = 0, run: UUID = RUN, **more: Any) -> LogEntry:
    moment = f"2026-02-03T04:05:{number:02d}Z"
    return LogEntry.model_validate(
        {"timestamp": moment, "level": "info", "event": "e", "run_id": run, "message": f"m{number}", **more}
    )


def refused(call: Any) -> StorageError:
    with pytest.raises(StorageError) as raised:
        call()
    assert raised.value.info.code == raised.value.code
    return raised.value


# the state of runs


def test_state_comes_back(opened: Stores) -> None:
    """As it was stored; the last one wins; none is `None`."""
    assert opened.states.load_run_state(RUN) is None
    opened.states.save_run_state(state())
    opened.states.save_run_state(state(notes="second"))
    opened.states.save_run_state(state(run=OTHER))
    assert opened.states.load_run_state(RUN) == state(notes="second")
    assert opened.states.load_run_state(OTHER) == state(run=OTHER)


def test_state_over_a_newer_one_is_a_conflict(opened: Stores) -> None:
    """Who has read an older one is told, and nothing is changed; a first one is expected as none."""
    first, second = state("2026-02-03T04:05:06Z"), state("2026-02-03T04:05:07Z")
    opened.states.save_run_state(first, expected_updated_at=NONE_EXPECTED)
    assert refused(lambda: opened.states.save_run_state(first, expected_updated_at=NONE_EXPECTED)).code == "conflict"
    opened.states.save_run_state(second, expected_updated_at=first.stored_at)
    raised = refused(lambda: opened.states.save_run_state(first, expected_updated_at=first.stored_at))
    assert (raised.code, raised.details["run_id"], raised.exit_status) == ("conflict", str(RUN), 4)
    assert opened.states.load_run_state(RUN) == second
    assert (
        refused(lambda: opened.states.save_run_state(state(run=OTHER), expected_updated_at="2026")).code == "conflict"
    )


def test_of_those_who_read_the_same_one_wins(opened: Stores) -> None:
    """Threads that save over what they have all read."""
    opened.states.save_run_state(state("2026-02-03T04:05:06Z"))

    def save(number: int) -> str:
        try:
            mine = state(f"2026-02-03T04:06:{number:02d}Z")
            opened.states.save_run_state(mine, expected_updated_at="2026-02-03T04:05:06Z")
        except StorageError as exc:
            return exc.code
        return "saved"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(save, range(8))) == ["conflict"] * 7 + ["saved"]


def test_runs_are_listed_newest_first(opened: Stores) -> None:
    """By the time they were created at, whatever the zone; by status; at most so many; nothing is an empty list."""
    assert opened.states.list_run_index() == []
    for number, status in enumerate(["completed", "failed", "running", "failed"]):
        opened.states.save_run_index(index(number, status))
    opened.states.save_run_index(index(9, "running", created="2026-02-03T05:05:02.5+01:00"))
    listed = opened.states.list_run_index()
    assert [record.metadata.run_id.int - RUN.int for record in listed] == [3, 9, 2, 1, 0]
    failed = opened.states.list_run_index(status=listed[0].metadata.status)
    assert [record.metadata.run_id.int - RUN.int for record in failed] == [3, 1]
    assert opened.states.list_run_index(limit=2) == listed[:2]
    assert opened.states.list_run_index(limit=0) == []
    assert refused(lambda: opened.states.list_run_index(limit=-1)).code == "validation_error"


@pytest.mark.parametrize("url", [None, 5, b"x", [], "", "file:"])
def test_what_names_no_stores_is_refused(url: Any) -> None:
    """Where they are opened, and not at the first call."""
    for opened in (open_stores, open_async_stores):
        with pytest.raises(RunstoneError) as caught:
            opened(url)
        assert caught.value.code == "unsupported_store"


def test_a_list_is_of_now(tmp_path: Path) -> None:
    """What another store, or another program, has changed since is seen."""
    first, second = open_stores(tmp_path), open_stores(tmp_path)
    for number in range(3):
        first.states.save_run_index(index(number, "running"))
    assert len(second.states.list_run_index()) == 3
    first.states.save_run_index(index(1, "failed"))
    path = tmp_path / "state" / "index" / f"{index(2).metadata.run_id}.json"
    path.write_bytes(path.read_bytes().replace(b"running", b"pending"))
    assert [record.metadata.status for record in second.states.list_run_index()] == ["pending", "failed", "running"]


def test_what_is_broken_is_an_error_with_its_place(files: Stores, tmp_path: Path) -> None:
    """No JSON and another JSON are told apart; the file is named."""
    path = tmp_path / "state" / "runs" / f"{RUN}.json"
    path.parent.mkdir(parents=True)
    for body, code in (
        (b"{not", "serialization_error"),
        (b'{"run_id":1}', "validation_error"),
        (b"", "serialization_error"),
    ):
        path.write_bytes(body)
        raised = refused(lambda: files.states.load_run_state(RUN))
        assert (raised.code, raised.details["path"], raised.details["operation"]) == (code, str(path), "load_run_state")
        assert raised.details["reason"]


@pytest.mark.parametrize("more", ['"x":NaN', '"x":1e999', '"x":-Infinity', '"x":1,"x":1'])
def test_what_is_no_strict_json_is_no_json(opened: Stores, more: str) -> None:
    """A number that no JSON has, and a key that stands twice: wherever a record or an artifact is read."""
    opened.states.save_run_state(state())
    opened.states.save_run_index(index(0))
    opened.logs.append_log(entry())
    opened.artifacts.write_artifact_json(artifact(), {"text": "a"})
    opened.artifacts.write_artifact_jsonl(artifact("jsonl", 1), [{"text": "a"}])
    kept = opened.states.records
    for key in kept.keys(""):
        if not key.endswith("artifacts/index.jsonl"):
            kept.replace(key, b"{" + more.encode() + b"," + (kept.read(key) or b"").removeprefix(b"{"))
    for call in (
        lambda: opened.states.load_run_state(RUN),
        lambda: opened.states.load_run_index(RUN),
        lambda: opened.states.list_run_index(),
        lambda: opened.states.save_run_state(state(), expected_updated_at="2026-02-03T04:05:06Z"),
        lambda: opened.logs.load_logs(RUN),
        lambda: opened.logs.get_log_reference(RUN),
        lambda: opened.artifacts.load_artifact_json(ARTIFACT, Line),
        lambda: opened.artifacts.load_artifact_jsonl(UUID(int=ARTIFACT.int + 1), Line),
    ):
        raised = refused(call)
        assert (raised.code, "is not JSON" in raised.message) == ("serialization_error", True)


@pytest.mark.parametrize("odd", [float("nan"), {"a": [float("-inf")]}])
def test_a_number_that_no_json_has_is_not_written_as_none(opened: Stores, odd: Any) -> None:
    """In a member that the model does not know."""
    more = state().model_copy(update={"more": odd})
    assert refused(lambda: opened.states.save_run_state(more)).code == "serialization_error"
    assert opened.states.load_run_state(RUN) is None


def test_what_stores_have_written_stays_readable(tmp_path: Path) -> None:
    """However deep it is, and however long its numbers are."""
    deep: Any = 10**3000
    for _ in range(100):
        deep = {"[{": [deep, 1.5, -0.0, "\\ud800", "NaN"]}
    store = open_stores(tmp_path, redact=False).artifacts
    stored = store.write_artifact_json(artifact(), deep)
    assert store.load_artifact_json(stored.artifact_id, Item).root == deep


def test_the_record_of_another_run_is_none(opened: Stores) -> None:
    """A file under a run's name that tells of another one is refused by whatever reads it."""
    opened.states.save_run_state(state(run=OTHER))
    opened.states.save_run_index(index(1))
    opened.logs.append_log(entry(run=OTHER))
    kept = opened.states.records
    for key in kept.keys(""):
        kept.replace(key.replace(str(OTHER), str(RUN)), kept.read(key) or b"")
        kept.remove(key)
    for call in (
        lambda: opened.states.load_run_state(RUN),
        lambda: opened.states.save_run_state(state(), expected_updated_at="2026-02-03T04:05:06Z"),
        lambda: opened.states.load_run_index(RUN),
        lambda: opened.states.list_run_index(),
        lambda: opened.logs.load_logs(RUN),
        lambda: opened.logs.get_log_reference(RUN),
    ):
        raised = refused(call)
        assert (raised.code, str(OTHER) in raised.message) == ("validation_error", True)


# artifacts


def test_artifacts_come_back(opened: Stores) -> None:
    """JSON and lines of it, models and plain values; the metadata has the place where they are."""
    one = opened.artifacts.write_artifact_json(artifact(), Line(text="ä"))
    many = opened.artifacts.write_artifact_jsonl(artifact("jsonl", 1), [Line(text="a"), {"text": "b", "note": None}])
    empty = opened.artifacts.write_artifact_jsonl(artifact("jsonl", 2), [])
    text = opened.artifacts.write_artifact_text(artifact("csv", 3, role="export"), "a,b\r\nä,\n")
    assert opened.artifacts.load_artifact_json(one.artifact_id, Line) == Line(text="ä")
    assert opened.artifacts.load_artifact_jsonl(many.artifact_id, Line) == [Line(text="a"), Line(text="b")]
    assert opened.artifacts.load_artifact_jsonl(empty.artifact_id, Line) == []
    assert opened.artifacts.load_artifact_text(text.artifact_id) == "a,b\r\nä,\n"
    assert opened.artifacts.read_artifact(one.artifact_id) == '{"text":"ä"}'.encode()
    assert opened.artifacts.read_artifact(many.artifact_id) == b'{"text":"a"}\n{"text":"b","note":null}\n'
    assert opened.artifacts.list_artifacts(RUN) == [one, many, empty, text]
    assert opened.artifacts.get_artifact(one.artifact_id) == one
    assert (one.location.path or one.location.uri or "").endswith(f"{RUN}/artifact-{ARTIFACT}.json")


def test_nothing_is_an_empty_list_and_missing_is_not_found(opened: Stores) -> None:
    """Of artifacts."""
    assert opened.artifacts.list_artifacts(RUN) == []
    for call in (
        lambda: opened.artifacts.load_artifact_json(ARTIFACT, Line),
        lambda: opened.artifacts.load_artifact_jsonl(ARTIFACT, Line),
        lambda: opened.artifacts.get_artifact(ARTIFACT),
        lambda: opened.artifacts.read_artifact(ARTIFACT),
    ):
        raised = refused(call)
        assert (raised.code, raised.details["artifact_id"], raised.exit_status) == ("not_found", str(ARTIFACT), 3)


@pytest.mark.parametrize("odd", ["a", "", "../../a", "港", "A" * 300, f"{RUN}\n", RUN.hex])
def test_an_error_about_what_is_no_id_is_a_model_too(opened: Stores, odd: Any) -> None:
    """Whoever hands in such a text has an error with all its parts."""
    raised = refused(lambda: opened.artifacts.get_artifact(odd))
    assert (raised.info.code, odd in raised.message) == ("not_found", True)


def test_another_format_is_unsupported(opened: Stores) -> None:
    """To write by the wrong method, and to read."""
    opened.artifacts.write_artifact_json(artifact(), {"text": "a"})
    assert refused(lambda: opened.artifacts.load_artifact_jsonl(ARTIFACT, Line)).code == "unsupported_format"
    assert refused(lambda: opened.artifacts.load_artifact_text(ARTIFACT)).code == "unsupported_format"
    for form in ("csv", "txt", "jsonl"):
        assert (
            refused(lambda form=form: opened.artifacts.write_artifact_json(artifact(form, 1), {})).code
            == "unsupported_format"
        )
    assert refused(lambda: opened.artifacts.write_artifact_jsonl(artifact("json", 1), [])).code == "unsupported_format"
    assert refused(lambda: opened.artifacts.write_artifact_text(artifact("json", 1), "")).code == "unsupported_format"
    assert len(opened.artifacts.list_artifacts(RUN)) == 1


def test_content_that_is_another_one_is_an_error(opened: Stores) -> None:
    """JSON that is no such model; what no JSON can hold."""
    opened.artifacts.write_artifact_json(artifact(), {"other": 1})
    assert refused(lambda: opened.artifacts.load_artifact_json(ARTIFACT, Line)).code == "validation_error"
    for value in ({"a": float("nan")}, "\ud800", {1: 2}):
        raised = refused(lambda value=value: opened.artifacts.write_artifact_json(artifact(number=1), value))
        assert raised.code == "serialization_error"
    assert len(opened.artifacts.list_artifacts(RUN)) == 1


@pytest.mark.parametrize("redact", [True, False])
def test_text_that_is_no_unicode_is_an_error(redact: bool) -> None:
    """Of the store, with its code; nothing is listed."""
    store = open_stores("memory:", redact=redact).artifacts
    raised = refused(lambda: store.write_artifact_text(artifact("txt"), "a\ud800"))
    assert (raised.code, raised.details["reason"]) == ("serialization_error", "lone_surrogate")
    assert store.list_artifacts(RUN) == []


def test_an_artifact_is_written_once(opened: Stores) -> None:
    """Again with the same content it is the same; with another one, or other metadata, it is a conflict."""
    first = opened.artifacts.write_artifact_json(artifact(), {"text": "a"})
    assert opened.artifacts.write_artifact_json(artifact(), {"text": "a"}) == first
    assert refused(lambda: opened.artifacts.write_artifact_json(artifact(), {"text": "b"})).code == "conflict"
    assert (
        refused(lambda: opened.artifacts.write_artifact_json(artifact(description="d"), {"text": "a"})).code
        == "conflict"
    )
    assert opened.artifacts.list_artifacts(RUN) == [first]
    assert opened.artifacts.load_artifact_json(ARTIFACT, Line) == Line(text="a")


@pytest.mark.parametrize("kind", ["files", "sqlite"])
def test_of_those_who_write_one_artifact_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Another one writes other content under the id, between body and index line of the first: he is told, and what is
    read is the content of the first."""
    url = str(tmp_path / "project") if kind == "files" else f"sqlite:{tmp_path / 'project.db'}"
    first, second = open_stores(url, checksums=True).artifacts, open_stores(url, checksums=True).artifacts
    told: list[StorageError] = []
    other = Thread(
        target=lambda: told.append(refused(lambda: second.write_artifact_json(artifact(), {"text": "other"})))
    )
    append = first.records.append

    def meanwhile(key: str, lines: list[bytes]) -> bytes:
        other.start()
        other.join(0.3)  # so long he would have time to be the first
        return append(key, lines)

    monkeypatch.setattr(first.records, "append", meanwhile)
    stored = first.write_artifact_json(artifact(), {"text": "first"})
    other.join(30)
    assert [exc.code for exc in told] == ["conflict"]
    assert second.list_artifacts(RUN) == [stored]
    assert second.load_artifact_json(ARTIFACT, Line) == Line(text="first")


def test_of_many_who_write_one_artifact_one_wins(tmp_path: Path) -> None:
    """Threads, begun at once, with handles of their own: one has stored it, the others are told."""
    for url in (str(tmp_path / "project"), f"sqlite:{tmp_path / 'project.db'}"):

        def write(racer: int, url: str = url) -> str:
            try:
                open_stores(url).artifacts.write_artifact_json(artifact(), {"text": str(racer)})
            except StorageError as exc:
                return exc.code
            return "stored"

        answers = race(write, racers=4)
        assert sorted(answers) == ["conflict"] * 3 + ["stored"]
        found = open_stores(url).artifacts.load_artifact_json(ARTIFACT, Line)
        assert found.text == str(answers.index("stored"))


def test_a_known_id_is_of_one_artifact(opened: Stores) -> None:
    """Of one format and one run: any other is a conflict, and the first one stays what is read and listed."""
    first = opened.artifacts.write_artifact_json(artifact(), {"text": "a"})
    for call in (
        lambda: opened.artifacts.write_artifact_jsonl(artifact("jsonl"), [{"text": "a"}]),
        lambda: opened.artifacts.write_artifact_text(artifact("txt"), "a"),
        lambda: opened.artifacts.write_artifact_json(artifact(run_id=OTHER), {"text": "a"}),
    ):
        raised = refused(call)
        assert (raised.code, raised.details["artifact_id"]) == ("conflict", str(ARTIFACT))
    assert (opened.artifacts.list_artifacts(RUN), opened.artifacts.list_artifacts(OTHER)) == ([first], [])
    assert opened.artifacts.load_artifact_json(ARTIFACT, Line) == Line(text="a")
    assert opened.artifacts.write_artifact_json(artifact(), {"text": "a"}) == first


def test_a_new_artifact_costs_no_look_at_the_whole_index(opened: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by what was added to the index since; and what a new handle has to read of it holds up nobody."""
    for number in range(20):
        opened.artifacts.write_artifact_json(artifact(number=number), {"text": "a"})
    again = plain_stores.Artifacts(opened.artifacts.records, prefix=opened.artifacts.prefix)
    added, alone = again.records.added, again.records.alone
    told: list[tuple[bool, int]] = []
    inside: list[bool] = []

    def looked(key: str, since: str = "") -> Any:
        found = added(key, since)
        told.append((bool(inside), len(found.lines)))
        return found

    def held(key: str, work: Any) -> Any:
        def within() -> Any:
            inside.append(True)
            try:
                return work()
            finally:
                inside.clear()

        return alone(key, within)

    for name, function in (("added", looked), ("alone", held)):
        monkeypatch.setattr(again.records, name, function)
    for number in range(20, 23):
        with monkeypatch.context() as patched:
            patched.setattr(again.records, "lines", None)  # what reads all of it cannot be called
            again.write_artifact_json(artifact(number=number), {"text": "a"})
    assert told == [(False, 20), (True, 0), (True, 1), (True, 1)]
    assert len(again.list_artifacts(RUN)) == 23


def test_what_others_have_listed_meanwhile_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a store that has looked before, however the others spell the id; and a list that is gone is no longer."""
    for url in (str(tmp_path / "project"), f"sqlite:{tmp_path / 'project.db'}"):
        first, second = open_stores(url).artifacts, open_stores(url).artifacts
        first.write_artifact_json(artifact(number=1), {"text": "a"})
        second.write_artifact_json(artifact(number=2), {"text": "a"})
        assert refused(lambda one=first: one.write_artifact_jsonl(artifact("jsonl", number=2), [])).code == "conflict"
        index = f"{first.prefix}index.jsonl"
        [line] = second.records.lines(index).whole[:1]
        escaped = "".join(f"\\u{ord(one):04x}" for one in str(artifact(number=4).artifact_id))
        for number, as_others in ((3, str(artifact(number=3).artifact_id).upper()), (4, escaped)):
            known = str(artifact(number=1).artifact_id).encode()
            other = line.replace(b'"artifact_id":"' + known, b'"artifact_id" : "' + as_others.encode())
            second.records.append(index, [other])
            raised = refused(lambda one=first, n=number: one.write_artifact_jsonl(artifact("jsonl", number=n), []))
            assert (raised.code, number) == ("conflict", number)
        first.records.remove(index)
        with monkeypatch.context() as patched:
            patched.setattr(first.records, "lines", None)  # the id is as new as any
            stored = first.write_artifact_jsonl(artifact("jsonl", number=2), [])
        assert second.list_artifacts(RUN) == [stored]


def test_a_listed_artifact_whose_file_was_lost_is_put_back(files: Stores) -> None:
    """By whoever writes it again; it is listed once."""
    first = files.artifacts.write_artifact_json(artifact(), {"text": "a"})
    Path(first.location.path or "").unlink()
    assert files.artifacts.write_artifact_json(artifact(), {"text": "a"}) == first
    assert files.artifacts.load_artifact_json(ARTIFACT, Line) == Line(text="a")
    assert len(files.artifacts.records.lines("artifacts/index.jsonl").whole) == 1


def test_what_a_dead_writer_left_unlisted_is_written_anew(files: Stores, tmp_path: Path) -> None:
    """An artifact that no index knows was promised to nobody."""
    path = tmp_path / "artifacts" / str(RUN) / f"artifact-{ARTIFACT}.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"text":"ha')
    files.artifacts.write_artifact_json(artifact(), {"text": "whole"})
    assert files.artifacts.load_artifact_json(ARTIFACT, Line) == Line(text="whole")


def test_a_torn_index_heals_and_says_so(files: Stores, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The lines before are read; the next write takes the torn one away; each is said once."""
    first = files.artifacts.write_artifact_json(artifact(), {"text": "a"})
    with (tmp_path / "artifacts" / "index.jsonl").open("ab") as file:
        file.write(b'{"artifact_id":"0189')
    assert files.artifacts.list_artifacts(RUN) == files.artifacts.list_artifacts(RUN) == [first]
    assert capfd.readouterr().err.count("ended in a torn line of 20 bytes") == 1
    second = files.artifacts.write_artifact_json(artifact(number=1), {"text": "b"})
    assert "it was taken away" in capfd.readouterr().err
    assert files.artifacts.list_artifacts(RUN) == [first, second]
    assert [(healed.torn, healed.taken_away) for healed in files.artifacts.healed] == [
        (b'{"artifact_id":"0189', False),
        (b'{"artifact_id":"0189', True),
    ]


def test_checksums_are_filled_in_where_they_are_asked_for(tmp_path: Path) -> None:
    """And what is read has to be what was written."""
    kept = open_stores(tmp_path, checksums=True)
    stored = kept.artifacts.write_artifact_json(artifact(), {"text": "a"})
    assert (stored.size_bytes, len(stored.checksum_sha256 or "")) == (12, 64)
    path = Path(stored.location.path or "")
    path.write_bytes(b'{"text":"b"}')
    raised = refused(lambda: kept.artifacts.load_artifact_json(ARTIFACT, Line))
    assert (raised.code, raised.details["path"]) == ("serialization_error", str(path))
    path.unlink()
    assert refused(lambda: kept.artifacts.load_artifact_json(ARTIFACT, Line)).code == "not_found"


@pytest.mark.parametrize("checksums", [True, False])
def test_a_size_and_a_checksum_that_are_given_are_proved(checksums: bool) -> None:
    """By the body as it is spelled here: right ones stay, wrong ones are refused before anything is stored."""
    store = open_stores("memory:", checksums=checksums).artifacts
    body = b'{"text":"a"}'
    right = {"size_bytes": len(body), "checksum_sha256": sha256_hex(body)}
    other = b'{"text": "a"}'
    for wrong in ({"size_bytes": 999}, {"checksum_sha256": "0" * 64}, {"checksum_sha256": sha256_hex(other)}):
        described = artifact(**{**right, **wrong})
        raised = refused(lambda one=described: store.write_artifact_json(one, {"text": "a"}))
        assert (raised.code, next(iter(wrong)) in raised.details["reason"]) == ("validation_error", True)
    assert store.list_artifacts(RUN) == []
    for number, name in enumerate(right):
        stored = store.write_artifact_json(artifact(number=number, **{name: right[name]}), {"text": "a"})
        stated = {one: getattr(stored, one) for one in right}
        assert stated == (right if checksums else {**dict.fromkeys(right), name: right[name]})
        assert store.read_artifact(stored.artifact_id) == body


def test_a_checksum_of_what_holds_a_secret_becomes_that_of_what_is_stored(opened: Stores) -> None:
    """In every format; what is stored can be read, and written again with either of the two."""
    lines = ['{"text":"' + TOKEN + '"}', '{"text":"b"}']
    written = {
        "json": (lines[0], lambda one: opened.artifacts.write_artifact_json(one, json.loads(lines[0]))),
        "jsonl": (
            "".join(f"{line}\n" for line in lines),
            lambda one: opened.artifacts.write_artifact_jsonl(one, [json.loads(line) for line in lines]),
        ),
        "txt": (TOKEN, lambda one: opened.artifacts.write_artifact_text(one, TOKEN)),
    }
    for number, (form, (text, write)) in enumerate(written.items()):
        given = {"size_bytes": len(text), "checksum_sha256": sha256_hex(text.encode())}
        stored = write(artifact(form, number, **given))
        kept = opened.artifacts.read_artifact(stored.artifact_id)
        assert kept == text.replace(TOKEN, "[REDACTED:stripe-key]").encode()
        assert (stored.size_bytes, stored.checksum_sha256) == (len(kept), sha256_hex(kept))
        assert write(artifact(form, number, **given)) == write(stored) == stored


# logs


def test_log_lines_are_added(opened: Stores) -> None:
    """One by one or many; the reference tells where, how many, and from when to when; none is `None`."""
    assert opened.logs.get_log_reference(RUN) is None
    assert opened.logs.load_logs(RUN) == []
    opened.logs.append_logs([])
    opened.logs.append_log(entry(1))
    opened.logs.append_logs([entry(2, data={"a": None}), entry(3)])
    opened.logs.append_log(entry(4, run=OTHER))
    reference = opened.logs.get_log_reference(RUN)
    assert reference is not None
    assert (reference.entry_count, reference.created_at, reference.updated_at, reference.format) == (
        *(3, entry(1).timestamp, entry(3).timestamp),
        "jsonl",
    )
    assert opened.logs.load_logs(RUN) == [entry(1), entry(2, data={"a": None}), entry(3)]


def test_lines_of_several_runs_are_refused(opened: Stores) -> None:
    """In one call; none of them is written."""
    assert refused(lambda: opened.logs.append_logs([entry(), entry(run=OTHER)])).code == "validation_error"
    assert opened.logs.get_log_reference(RUN) is None


def test_logs_go_by_age_and_by_number(opened: Stores) -> None:
    """What was written to last stays; a reference to what is gone is `None`, so that it never leads astray."""
    runs = [UUID(int=RUN.int + number) for number in range(5)]
    for number, run in enumerate(runs):
        opened.logs.append_logs([entry(number, run=run), entry(number + 10, run=run)])
    assert [one.run_id for one in opened.logs.list_logs()] == runs[::-1]
    assert opened.logs.prune_logs() == []
    assert [one.run_id for one in opened.logs.prune_logs(older_than="2026-02-03T05:05:12+01:00")] == [runs[1], runs[0]]
    assert [one.run_id for one in opened.logs.prune_logs(keep=1)] == [runs[3], runs[2]]
    assert [opened.logs.get_log_reference(run) is None for run in runs] == [True] * 4 + [False]
    assert (opened.logs.remove_log(runs[4]), opened.logs.remove_log(runs[4])) == (True, False)
    assert opened.logs.list_logs() == []


def test_a_moment_before_all_calendars_breaks_no_list(opened: Stores) -> None:
    """It has the form of a timestamp, and in UTC it would be of the year 0."""
    early = "0001-01-01T00:00:00+14:00"
    opened.logs.append_log(entry(timestamp=early))
    assert [one.updated_at for one in opened.logs.list_logs()] == [early]
    assert opened.logs.prune_logs(older_than=early) == []


@pytest.mark.parametrize("older_than", ["yesterday", "", "2026-02-03", "2026-02-03T04:05:06"])
def test_what_names_no_moment_takes_no_log_away(opened: Stores, older_than: str) -> None:
    """It would sort behind every log."""
    opened.logs.append_log(entry())
    assert refused(lambda: opened.logs.prune_logs(older_than=older_than)).code == "validation_error"
    assert len(opened.logs.load_logs(RUN)) == 1


# secrets


def test_secrets_are_taken_out_and_digests_are_not(opened: Stores) -> None:
    """At the boundary: of state, artifacts and log lines, whatever member they are in."""
    digest = "0a" * 32
    opened.logs.append_log(entry(message=f"token {TOKEN}", data={"sha256": digest, "password": "hunter2-and-more"}))
    opened.states.save_run_state(state(notes=f"by {TOKEN}"))
    opened.artifacts.write_artifact_jsonl(artifact("jsonl", description=TOKEN), [{"text": TOKEN, "sha256": digest}])
    opened.artifacts.write_artifact_text(artifact("txt", 1), f"{TOKEN}\n{digest}\n")
    records = opened.logs.records
    bodies = b"".join(records.read(key) or b"" for key in records.keys(""))
    assert TOKEN.encode() not in bodies
    assert b"hunter2" not in bodies
    assert bodies.count(digest.encode()) == 3
    assert opened.logs.load_logs(RUN)[0].data is not None


def test_a_secret_changes_nothing_beside_it(opened: Stores) -> None:
    """Keys that begin with a dollar and numbers of any size are written as without one, in artifacts and log lines."""
    beside = {"$schema": "x", "$json": "y", "$bytes": "z", "n": 12345678901234567890, "one": 1.0, "none": None}
    opened.artifacts.write_artifact_json(artifact(), beside)
    opened.artifacts.write_artifact_json(artifact(number=1), {**beside, "password": "hunter2hunter2"})
    plain, clean = (opened.artifacts.read_artifact(artifact(number=number).artifact_id) for number in (0, 1))
    assert b"hunter2" not in clean
    assert clean == plain[:-1] + b',"password":"[REDACTED:named-secret]"}'
    opened.logs.append_log(entry(data={**beside, "password": "hunter2hunter2"}))
    [line] = opened.logs.load_logs(RUN)
    assert line.data == {**beside, "password": "[REDACTED:named-secret]"}


@pytest.mark.parametrize("odd", [float("nan"), datetime(2026, 2, 3, tzinfo=UTC), b"x", (1, 2), {1: 2}, "\ud800"])
def test_what_is_no_json_is_none_beside_a_secret(opened: Stores, odd: Any) -> None:
    """It is refused as without one, and never becomes text."""
    raised = refused(
        lambda: opened.artifacts.write_artifact_json(artifact(), {"password": "hunter2hunter2", "odd": odd})
    )
    assert (raised.code, opened.artifacts.list_artifacts(RUN)) == ("serialization_error", [])


@pytest.mark.parametrize("redact", [True, False])
def test_what_has_no_end_is_refused(redact: bool) -> None:
    """A list that holds itself, whether or not secrets are looked for."""
    endless: list[Any] = []
    endless.append(endless)
    store = open_stores("memory:", redact=redact).artifacts
    assert refused(lambda: store.write_artifact_json(artifact(), endless)).code == "serialization_error"


def test_redaction_can_be_left_out(tmp_path: Path) -> None:
    """Where somebody says so: a script may talk of passwords."""
    kept = open_stores(tmp_path, redact=False)
    kept.artifacts.write_artifact_json(artifact(), {"text": TOKEN})
    assert kept.artifacts.load_artifact_json(ARTIFACT, Line).text == TOKEN


# files as they are known


def test_files_stand_where_rentl_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, bytes and the relative path in the index, with a root that is given so."""
    monkeypatch.chdir(tmp_path)
    states, artifacts, logs = (
        plain_stores.RunStates("state"),
        plain_stores.Artifacts("artifacts"),
        plain_stores.Logs("logs"),
    )
    states.save_run_state(state())
    states.save_run_index(index(0))
    artifacts.write_artifact_jsonl(artifact("jsonl"), [Line(text="ä"), Line(text="b")])
    logs.append_log(entry())
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for name in found if ".runstone" not in name} == {
        f"state/runs/{RUN}.json",
        f"state/index/{RUN}.json",
        f"artifacts/{RUN}/artifact-{ARTIFACT}.jsonl",
        "artifacts/index.jsonl",
        f"logs/{RUN}.jsonl",
    }
    line = json.loads((tmp_path / "artifacts/index.jsonl").read_bytes())
    assert line["location"] == {"backend": "filesystem", "path": f"artifacts/{RUN}/artifact-{ARTIFACT}.jsonl"}
    assert (tmp_path / line["location"]["path"]).read_bytes() == '{"text":"ä"}\n{"text":"b"}\n'.encode()
    assert (tmp_path / f"logs/{RUN}.jsonl").read_bytes().endswith(b'"phase":null,"message":"m0","data":null}\n')


def test_sample_folders_are_read_and_written_again(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the seed's own adapters wrote, through these stores: the same bytes, and its broken one is told."""
    samples = shared / "samples" / "rentl" / "fs_samples"
    seen = 0
    for folder in sorted(path for path in samples.iterdir() if path.is_dir()):
        again = tmp_path / folder.name
        again.mkdir()
        monkeypatch.chdir(again)
        theirs = open_stores(folder)
        ours = Stores(plain_stores.RunStates("state"), plain_stores.Artifacts("artifacts"), plain_stores.Logs("logs"))
        for record in theirs.states.list_run_index():
            ours.states.save_run_index(record)
            loaded = theirs.states.load_run_state(record.metadata.run_id)
            assert loaded is not None
            ours.states.save_run_state(loaded)
        for line in theirs.artifacts.records.lines("artifacts/index.jsonl").whole:
            listed = ArtifactMetadata.model_validate_json(line)
            if "invalid" in folder.name:
                with pytest.raises(StorageError, match="is not JSON") as raised:
                    theirs.artifacts.load_artifact_json(listed.artifact_id, Line)
                assert raised.value.code == "serialization_error"
                continue
            if listed.format == "json":
                ours.artifacts.write_artifact_json(
                    listed, json.loads(theirs.artifacts.read_artifact(listed.artifact_id))
                )
            else:
                items = [json.loads(item) for item in theirs.artifacts.read_artifact(listed.artifact_id).splitlines()]
                ours.artifacts.write_artifact_jsonl(listed, items)
        for reference in theirs.logs.list_logs():
            ours.logs.append_logs(theirs.logs.load_logs(reference.run_id))
        for path in (path for path in folder.rglob("*.json*") if "invalid" not in folder.name):
            seen += 1
            assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes(), path
    assert seen == 7


# the layer


@pytest.mark.parametrize(
    ("protocol", "plain", "layer"),
    [
        (RunStateStore, plain_stores.RunStates, async_stores.AsyncRunStates),
        (ArtifactStore, plain_stores.Artifacts, async_stores.AsyncArtifacts),
        (LogStore, plain_stores.Logs, async_stores.AsyncLogs),
    ],
)
def test_layer_and_protocol_have_the_same_methods(protocol: type, plain: type, layer: type) -> None:
    """Each method of the protocol is there in both colours, with its parameters; and each plain one is in the layer."""
    for name, method in vars(protocol).items():
        if name.startswith("_"):
            continue
        assert inspect.iscoroutinefunction(getattr(layer, name)), name
        wanted = [(one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()]
        for kind in (plain, layer):
            found = inspect.signature(getattr(kind, name)).parameters.values()
            assert [(one.name, one.kind, one.default) for one in found] == wanted, name
    names = {name for name, value in vars(plain).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert names == {name for name, value in vars(layer).items() if not name.startswith("_")}
    for name in names:
        assert inspect.getdoc(getattr(plain, name)) == inspect.getdoc(getattr(layer, name))


def test_stores_work_in_a_loop(tmp_path: Path) -> None:
    """Side by side, and none stands in the way of the loop."""

    async def main() -> None:
        kept = open_async_stores(tmp_path)
        states: RunStateStore = kept.states
        artifacts: ArtifactStore = kept.artifacts
        logs: LogStore = kept.logs
        await asyncio.gather(
            states.save_run_state(state()),
            *(states.save_run_index(index(number)) for number in range(5)),
            *(artifacts.write_artifact_json(artifact(number=number), {"text": str(number)}) for number in range(5)),
            *(logs.append_log(entry(number)) for number in range(5)),
        )
        assert await states.load_run_state(RUN) == state()
        assert len(await states.list_run_index(limit=3)) == 3
        assert len(await artifacts.list_artifacts(RUN)) == 5
        assert (await artifacts.load_artifact_json(ARTIFACT, Line)).text == "0"
        assert (
            await artifacts.load_artifact_jsonl(
                (await artifacts.write_artifact_jsonl(artifact("jsonl", 9), [])).artifact_id, Line
            )
            == []
        )
        reference = await logs.get_log_reference(RUN)
        assert reference is not None
        assert reference.entry_count == 5
        with pytest.raises(StorageError):
            await artifacts.load_artifact_json(OTHER, Line)
        await kept.aclose()

    asyncio.run(main())
    shutil.rmtree(tmp_path / "state")
    assert open_stores(tmp_path).states.load_run_state(RUN) is None
