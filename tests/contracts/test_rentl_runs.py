"""A finished pipeline is one sealed run with a child for each phase; projects that are there are imported; and the
verbs know phases and what they made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

import runstone
from runstone.cli import main as command
from runstone.contracts.rentl import (
    LogEntry,
    LogSink,
    Phase,
    PhaseContext,
    PhaseOutput,
    PhaseRunner,
    RunIndexRecord,
    RunSealer,
    RunStateRecord,
    StorageError,
    import_runs,
    open_async_stores,
    open_stores,
    seal_run,
)
from runstone.contracts.rentl.document import CONTRACT, STATUSES
from runstone.contracts.rentl.models import ArtifactFormat, ArtifactManifest, PhaseName, PhaseResultMetric, PhaseStatus
from runstone.core.digests import sha256_hex

P = PhaseName
RUN = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0001")


async def work(context: PhaseContext) -> PhaseOutput:
    context.log("working", f"at {context.phase.value}", level="warn", of=None)  # type: ignore[arg-type]  # text will do
    count = PhaseResultMetric.model_validate({"metric_key": "lines", "unit": "lines", "value": 2})
    texts = {ArtifactFormat.CSV: "a,b\n"} if context.phase is P.EXPORT else {}
    return PhaseOutput([{"text": f"{context.phase.value} {n}"} for n in range(2)], texts, [count])


def record(
    place: Path, store: runstone.Store | None, *, run_id: UUID = RUN, failing: bool = False, **options: Any
) -> None:
    async def fail(_: PhaseContext) -> PhaseOutput:
        raise ValueError("no")

    async def go() -> None:
        stores = open_async_stores(place)
        phases = [
            Phase(P.INGEST, work),
            Phase(P.TRANSLATE, work, by_language=True),
            Phase(P.EXPORT, fail if failing else work),
        ]
        async with LogSink(stores.logs) as sink:
            runner = PhaseRunner(
                phases,
                project_name="script",
                source_language="ja",
                target_languages=["en", "de"],
                states=stores.states,
                artifacts=stores.artifacts,
                logs=sink,
                seal=None if store is None else RunSealer(stores, store),
            )
            await runner.run(run_id, **options)
        await stores.aclose()

    asyncio.run(go())


@pytest.fixture
def store(tmp_path: Path) -> runstone.Store:
    return runstone.open(tmp_path / "runs")


CHILDREN = ["ingest", "translate-en", "translate-de", "export"]


def test_a_finished_pipeline_is_one_run_with_a_child_for_each_phase(tmp_path: Path, store: runstone.Store) -> None:
    """All verify; the parent binds the digests of its children; the documents are the records as rentl has them."""
    record(tmp_path / "project", store)
    runs = {sealed.run_id: sealed for sealed in store.runs()}
    assert set(runs) == {str(RUN), *(f"{RUN}.{name}" for name in CHILDREN)}
    for run_id in runs:
        report = store.verify(run_id)
        assert (report.ok, report.findings) == (True, [])
    parent = runs[str(RUN)]
    assert (parent.kind, parent.status, parent.contract) == ("script", "success", "rentl/1")
    told = {event["data"]["run_id"]: event["data"]["digest"] for event in parent.events("child")}
    assert told == {run_id: sealed.digest for run_id, sealed in runs.items() if run_id != str(RUN)}
    assert {child["run_id"] for child in store.children(str(RUN))} == set(told)
    kept = open_stores(tmp_path / "project")
    assert parent.file("run_state.json") == (tmp_path / "project/state/runs" / f"{RUN}.json").read_bytes()
    assert parent.file("run_index.json") == (tmp_path / "project/state/index" / f"{RUN}.json").read_bytes()
    assert parent.file("log.jsonl") == (tmp_path / "project/logs" / f"{RUN}.jsonl").read_bytes()
    manifest = ArtifactManifest.model_validate_json(parent.file("artifacts.json"))
    assert manifest.artifacts == kept.artifacts.list_artifacts(RUN)
    child = runs[f"{RUN}.export"]
    assert child.file("artifacts/original/export.csv") == b"a,b\n"
    assert [event["data"]["name"] for event in child.events("input")] == ["translate.en.jsonl", "translate.de.jsonl"]
    assert json.loads(child.file("phase.json"))["phase"] == "export"


def test_the_same_pipeline_has_the_same_outcome(tmp_path: Path) -> None:
    """Whatever its ids and times; of each phase, too."""
    digests = []
    for number in range(2):
        store = runstone.open(tmp_path / f"runs{number}")
        record(tmp_path / f"project{number}", store, run_id=UUID(int=RUN.int + number))
        digests.append({sealed.run_id[36:]: sealed.outcome_digest for sealed in store.runs()})
    assert digests[0] == digests[1]
    assert len(set(digests[0].values())) == 5


def test_to_seal_again_is_to_seal_nothing(tmp_path: Path, store: runstone.Store) -> None:
    """The same run, whatever a crash has left of the first time."""
    record(tmp_path / "project", store)
    before = {sealed.run_id: sealed.digest for sealed in store.runs()}
    assert seal_run(open_stores(tmp_path / "project"), RUN, store)[2] == "identical"
    half = runstone.open(tmp_path / "half")
    shutil.copytree(tmp_path / "runs" / f"{RUN}.ingest", tmp_path / "half" / f"{RUN}.ingest")
    assert seal_run(open_stores(tmp_path / "project"), RUN, half)[2] == "created"
    assert {sealed.run_id: sealed.digest for sealed in half.runs()} == before
    record(tmp_path / "project", store)
    assert {sealed.run_id: sealed.digest for sealed in store.runs()} == before


def test_what_is_sealed_was_searched(tmp_path: Path, store: runstone.Store) -> None:
    """Stores that take no secrets out may hold some: what is kept of them has none, by members and as text."""
    token = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"

    async def make(_: PhaseContext) -> PhaseOutput:
        items = [{"text": "password=hunter2hunter2"}, {"n": 12345678901234567890, "password": 48151623}, {"text": "a"}]
        return PhaseOutput(items, {ArtifactFormat.TXT: f"{token}\nrest\n"})

    async def go() -> None:
        stores = open_async_stores(tmp_path / "project", redact=False)
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en"]}
        kept = {"states": stores.states, "artifacts": stores.artifacts, "seal": RunSealer(stores, store)}
        await PhaseRunner([Phase(P.INGEST, make)], **known, **kept).run(RUN)  # type: ignore[arg-type]  # names of three kinds
        await stores.aclose()

    asyncio.run(go())
    child = store.get(f"{RUN}.ingest")
    mark = "[REDACTED:named-secret]"
    assert child.file("artifacts/original/ingest.jsonl").decode().splitlines() == [
        f'{{"text":"password={mark}"}}',
        f'{{"n":12345678901234567890,"password":"{mark}"}}',
        '{"text":"a"}',
    ]
    assert child.file("artifacts/original/ingest.txt") == b"[REDACTED:stripe-key]\nrest\n"
    for sealed in store.runs():
        report = store.verify(sealed.run_id, secrets=True)
        assert (report.ok, report.findings) == (True, [])
    [kept, _] = open_stores(tmp_path / "project", redact=False).artifacts.list_artifacts(RUN)
    assert b"hunter2" in Path(kept.location.path or "").read_bytes()
    assert seal_run(open_stores(tmp_path / "project"), RUN, store)[2] == "identical"


@pytest.mark.parametrize("checksums", [True, False])
def test_size_and_checksum_are_of_what_is_kept(tmp_path: Path, store: runstone.Store, checksums: bool) -> None:
    """A sealed run tells neither of a body with a secret; of one that is not kept it has none, and none is added."""
    token = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    left = "pass\0word=hunter2hunter2"

    async def make(_: PhaseContext) -> PhaseOutput:
        return PhaseOutput([{"text": "a"}], {ArtifactFormat.TXT: token, ArtifactFormat.CSV: left})

    async def go() -> None:
        stores = open_async_stores(tmp_path / "project", redact=False, checksums=checksums)
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en"]}
        kept = {"states": stores.states, "artifacts": stores.artifacts, "seal": RunSealer(stores, store)}
        await PhaseRunner([Phase(P.INGEST, make)], **known, **kept).run(RUN)  # type: ignore[arg-type]  # names of three kinds
        await stores.aclose()

    asyncio.run(go())
    mark = b"[REDACTED:stripe-key]"
    expected = [(file, len(file), sha256_hex(file)) for file in (b'{"text":"a"}\n', mark)]
    child = store.get(f"{RUN}.ingest")
    assert [child.file(f"artifacts/original/ingest.{form}") for form in ("jsonl", "txt")] == [
        one[0] for one in expected
    ]
    assert not (tmp_path / "runs" / f"{RUN}.ingest" / "artifacts/original/ingest.csv").exists()
    for sealed in (child, store.get(str(RUN))):
        told = {one["format"]: one for one in json.loads(sealed.file("artifacts.json"))["artifacts"]}
        stated = [(told[form].get("size_bytes"), told[form].get("checksum_sha256")) for form in ("jsonl", "txt", "csv")]
        assert stated == ([one[1:] for one in expected] if checksums else [(None, None)] * 2) + [(None, None)]
        files = (path for path in (tmp_path / "runs" / sealed.run_id).rglob("*") if path.is_file())
        whole = b"".join(path.read_bytes() for path in files)
        assert [sha256_hex(text.encode()).encode() in whole for text in (token, left)] == [False, False]


def test_a_damaged_index_of_another_run_keeps_none_from_being_sealed(tmp_path: Path, store: runstone.Store) -> None:
    """Nor from going on where all is done; a list says which one it is."""
    project = tmp_path / "project"
    (project / "state" / "index").mkdir(parents=True)
    (project / "state" / "index" / f"{UUID(int=9)}.json").write_bytes(b"{")
    record(project, store)
    record(project, store)
    assert store.get(str(RUN)).file("run_index.json") == (project / "state/index" / f"{RUN}.json").read_bytes()
    states = open_stores(project).states
    assert states.load_run_index(UUID(int=8)) is None
    for call in (lambda: states.load_run_index(UUID(int=9)), states.list_run_index):
        with pytest.raises(StorageError, match=f"{UUID(int=9)}.json is not JSON"):
            call()


def test_a_run_that_failed_is_sealed_and_then_its_retry(tmp_path: Path, store: runstone.Store) -> None:
    """Two runs of two truths: the second says which one it retries."""
    with pytest.raises(ValueError, match="no"):
        record(tmp_path / "project", store, failing=True)
    failed = store.get(str(RUN))
    assert (failed.status, store.get(f"{RUN}.export").status) == ("failed", "failed")
    record(tmp_path / "project", store)
    again = store.get(f"{RUN}.2")
    assert (again.status, store.get(f"{RUN}.2.export").status) == ("success", "success")
    [link] = again.events().__iter__().__next__()["data"]["links"]
    assert link == {"rel": "retries", "run_id": str(RUN), "digest": failed.digest}
    assert all(store.verify(sealed.run_id) for sealed in store.runs())


def finished(run_id: UUID = RUN, *phases: dict[str, Any], **more: Any) -> RunStateRecord:
    """A completed run, with a history of phases."""
    moment = "2026-02-03T04:05:06Z"
    version = {"major": 0, "minor": 1, "patch": 0}
    summary = {"percent_mode": "final"}
    metadata = {"run_id": run_id, "schema_version": version, "status": "completed", "created_at": moment}
    history = [{"phase_run_id": UUID(int=1), "revision": 1, "target_language": "en", **phase} for phase in phases]
    progress = {"phases": [{"phase": "ingest", "status": "completed", "summary": summary}], "summary": summary}
    state = {"metadata": metadata, "progress": progress, "artifacts": [], "phase_history": history, **more}
    return RunStateRecord.model_validate({"run_id": run_id, "stored_at": moment, "state": state})


STATUS_OF_PHASE = {
    "completed": "success",
    "failed": "failed",
    "skipped": "partial",
    "running": "interrupted",
    "pending": "interrupted",
}


@pytest.mark.parametrize("imported", [False, True])
def test_a_phase_is_sealed_as_what_has_become_of_it(tmp_path: Path, store: runstone.Store, imported: bool) -> None:
    """None that was not worked to its end is a success; its document stays as it is, and its run says the same."""
    names = dict(zip(PhaseStatus, P, strict=False))
    phases = [{"phase": names[status], "status": status} for status in PhaseStatus]
    stores = open_stores(tmp_path / "project")
    stores.states.save_run_state(finished(RUN, *phases))
    if imported:
        import_runs(tmp_path / "project", store)
    else:
        seal_run(stores, RUN, store)
    children = {f"{RUN}.{name}-en": status for status, name in names.items()}
    assert {run: store.get(run).status for run in children} == {
        run: STATUS_OF_PHASE[status] for run, status in children.items()
    }
    assert {run: json.loads(store.get(run).file("phase.json"))["status"] for run in children} == children
    told = [(event["data"]["run_id"], event["data"]["status"]) for event in store.get(str(RUN)).events("child")]
    assert dict(told) == {run: STATUS_OF_PHASE[status] for run, status in children.items()}
    assert all(store.verify(sealed.run_id) for sealed in store.runs())


def line(message: str, run_id: UUID = RUN, **data: Any) -> LogEntry:
    known = {"timestamp": "2026-02-03T04:05:06Z", "level": "info", "event": "answered", "run_id": run_id}
    return LogEntry.model_validate({**known, "message": message, "data": data or None})


def test_a_long_line_of_the_log_is_sealed(tmp_path: Path, store: runstone.Store) -> None:
    """Its text stands in its event once; one that no event can hold is counted as dropped, and the others are there."""
    stores = open_stores(tmp_path / "project")
    stores.states.save_run_state(finished(RUN, {"phase": "ingest", "status": "completed"}))
    lines = [line("before", n=1), line("x" * 4_300_000), line("y" * 9_000_000), line("after", **{"$json": "{"})]
    lines.append(line("no reader of a run takes such a number", n=10**3000))
    stores.logs.append_logs(lines)
    seal_run(stores, RUN, store)
    sealed = store.get(str(RUN))
    logged = (tmp_path / "project/logs" / f"{RUN}.jsonl").read_bytes().splitlines(keepends=True)
    assert sealed.file("log.jsonl") == logged[0] + logged[1] + logged[3]
    dropped = [event["data"] for event in sealed.events("dropped")]
    assert [(one["events"], one["reason"], one["bytes"] > 9_000_000) for one in dropped] == [
        (1, "too_large", True),
        (1, "too_large", False),
    ]
    assert store.verify(str(RUN))
    assert seal_run(stores, RUN, store)[2] == "identical"


def test_what_is_told_of_an_error_is_sealed_whatever_it_is(tmp_path: Path, store: runstone.Store) -> None:
    """A key that the format cannot hold stands in details, which are free."""
    failure = {"code": "c", "message": "m", "details": {"k" * 1500: 1}}
    stores = open_stores(tmp_path / "project")
    phase = {"phase": "ingest", "status": "failed", "error": failure}
    stores.states.save_run_state(finished(RUN, phase, last_error=failure))
    seal_run(stores, RUN, store)
    for run, document in ((str(RUN), "run_state.json"), (f"{RUN}.ingest-en", "phase.json")):
        assert b"k" * 1500 in store.get(run).file(document)
        assert store.verify(run)


@pytest.mark.parametrize("more", ["x" * 9_000_000, 10**3000], ids=["a text", "a number"])
@pytest.mark.parametrize("imported", [False, True])
def test_what_cannot_be_sealed_leaves_nothing(
    tmp_path: Path, store: runstone.Store, imported: bool, more: object
) -> None:
    """Neither a phase of that run, nor another run that was to be imported with it; the error says which run it is."""
    stores, other = open_stores(tmp_path / "project"), UUID(int=RUN.int + 1)
    phase = {"phase": "ingest", "status": "completed"}
    stores.states.save_run_state(finished(RUN, phase))
    stores.states.save_run_state(finished(other, phase, more=more))

    def call() -> Any:
        return import_runs(tmp_path / "project", store) if imported else seal_run(stores, other, store)

    with pytest.raises(runstone.InvalidInput, match=str(other)) as caught:
        call()
    assert caught.value.code == "too_large"
    assert list(store.runs()) == []


def test_a_project_with_a_run_whose_id_is_taken_is_not_imported(tmp_path: Path, store: runstone.Store) -> None:
    """Be it the id of a run or of a phase, of one that is sealed or open; the error says which; none is imported."""
    stores, other = open_stores(tmp_path / "project"), UUID(int=RUN.int + 1)
    for run_id in (RUN, other):
        stores.states.save_run_state(finished(run_id, {"phase": "ingest", "status": "completed"}))
    for taken in (f"{other}.ingest-en", str(other)):
        mine = runstone.open(tmp_path / taken)
        with mine.run("mine", run_id=taken):
            with pytest.raises(runstone.RunstoneError, match=taken) as caught:
                import_runs(tmp_path / "project", mine)
            assert (caught.value.code, caught.value.details["run_id"]) == ("run_exists", taken)
        with pytest.raises(runstone.RunstoneError, match=taken) as caught:
            import_runs(tmp_path / "project", mine)
        assert (caught.value.code, caught.value.details["run_id"]) == ("run_exists", taken)
        assert [run.run_id for run in mine.runs()] == [taken]


def test_an_import_leaves_no_line_out(tmp_path: Path, store: runstone.Store) -> None:
    """A project with one that no event can hold is not imported."""
    stores = open_stores(tmp_path / "project")
    stores.states.save_run_state(finished(RUN, {"phase": "ingest", "status": "completed"}))
    stores.logs.append_log(line("y" * 9_000_000))
    with pytest.raises(runstone.InvalidInput, match="the limit is"):
        import_runs(tmp_path / "project", store)
    assert list(store.runs()) == []


def test_a_run_that_is_not_finished_is_not_sealed(tmp_path: Path, store: runstone.Store) -> None:
    """Nor one that is not there."""
    record(tmp_path / "project", store, until=P.TRANSLATE)
    assert list(store.runs()) == []
    for run_id, code in ((RUN, "validation_error"), (UUID(int=5), "not_found")):
        with pytest.raises(StorageError) as raised:
            seal_run(open_stores(tmp_path / "project"), run_id, store)
        assert raised.value.code == code


# import


def test_a_project_is_imported(tmp_path: Path, store: runstone.Store) -> None:
    """With what its phases made; again it is identical; what has not come to its end is interrupted."""
    record(tmp_path / "project", None)
    record(tmp_path / "project", None, run_id=UUID(int=RUN.int + 1), until=P.INGEST)
    before = {path: path.read_bytes() for path in (tmp_path / "project").rglob("*") if path.is_file()}
    found = import_runs(tmp_path / "project", store)
    assert [(run_id, result) for run_id, _, result in found] == [
        (str(RUN), "created"),
        (str(UUID(int=RUN.int + 1)), "created"),
    ]
    assert [result for *_, result in import_runs(tmp_path / "project", store)] == ["identical"] * 2
    assert [store.get(run_id).status for run_id, *_ in found] == ["success", "interrupted"]
    reports = [store.verify(sealed.run_id) for sealed in store.runs()]
    assert all(report.ok for report in reports)
    assert all(any("imported" in item for item in report.not_checked) for report in reports)
    assert {path: path.read_bytes() for path in (tmp_path / "project").rglob("*") if path.is_file()} == before


def test_the_samples_are_imported(shared: Path, tmp_path: Path, store: runstone.Store) -> None:
    """What the seed's own adapters left; its documents are the same bytes."""
    sample = shared / "samples" / "rentl" / "fs_samples" / "test_filesystem_run_state_store_round_trip"
    [(run_id, _, result)] = import_runs(sample, store)
    assert result == "created"
    sealed = store.get(run_id)
    assert sealed.file("run_state.json") == (sample / "state" / "runs" / f"{run_id}.json").read_bytes()
    assert sealed.file("run_index.json") == (sample / "state" / "index" / f"{run_id}.json").read_bytes()


def test_what_is_damaged_is_not_imported(tmp_path: Path, store: runstone.Store) -> None:
    """None of the project's runs is."""
    record(tmp_path / "project", None)
    bad = tmp_path / "project" / "state" / "runs" / f"{UUID(int=9)}.json"
    bad.write_bytes(b"{")
    with pytest.raises(StorageError):
        import_runs(tmp_path / "project", store)
    assert list(store.runs()) == []


# the verbs


def test_verbs_know_phases_and_artifacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`import`, `ls`, `show`, `diff`, `find`, `logs` and `contract`."""
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "project", None)
    record(tmp_path / "other", None, run_id=UUID(int=RUN.int + 1))

    def said(*words: str) -> str:
        capfd.readouterr()
        assert command(list(words)) in (0, 1)
        return capfd.readouterr().out

    assert said("import", "project").count("created") == 1
    assert json.loads(said("import", "other", "--json"))[0]["result"] == "created"
    listed = said("ls", "contract:rentl kind:translate label.target_language:de")
    assert listed.count("translate-de") == 2
    assert said("ls", "kind:script status:success").count("script") == 2
    shown = said("show", str(RUN))
    assert all(name in shown for name in ("translate-en", "export", "contract", "rentl/1"))
    assert "same" in said("diff", f"{RUN}.export", f"{UUID(int=RUN.int + 1)}.export")
    [artifact] = (tmp_path / "project" / "artifacts" / str(RUN)).glob("*.csv")
    found = said("find", str(artifact))
    assert f"{RUN}.export" in found
    assert "at translate" in said("logs", str(RUN))
    assert "phase.json  sealed" in said("contract", "rentl", f"{RUN}.ingest")


# the fold


@pytest.mark.parametrize("status", [*STATUSES])
def test_every_run_has_an_index(store: runstone.Store, status: str) -> None:
    """One that tells no record has that of its own status, by the table; it is a good one."""
    run = store.run("script", contract="rentl", config={"source_language": "ja", "target_languages": ["en"]})
    run.log("hello")
    if status == "interrupted":
        store.recover(run.run_id, force=True)
        with pytest.raises(runstone.Conflict):
            run.finish()
    else:
        run.finish(status, error={"type": "E", "message": "m"} if status == "failed" else None)
    index = RunIndexRecord.model_validate_json(store.get(run.run_id).file("run_index.json"))
    assert (index.metadata.status, index.source_language) == (STATUSES[status], "ja")
    assert store.verify(run.run_id)


def test_events_that_tell_no_record_break_no_fold(store: runstone.Store) -> None:
    """Whatever a program records under the names of the contract, its run is sealed and verifies."""
    for value in (None, 5, "text", [], {}, {"$json": "{"}, {"$json": 7}, {"run_id": 5}):
        with store.run("script", contract="rentl") as run:
            for kind in ("state", "index", "phase", "artifact"):
                run.event(f"x.rentl.{kind}", {"record": value})
                run.event(f"x.rentl.{kind}", {})
        assert store.verify(run.run_id), value
    assert (CONTRACT.name, CONTRACT.version) == ("rentl", "1")
    with pytest.raises(ValidationError):
        RunStateRecord.model_validate({})
